//! The library against a node that these tests play: what is said on the socket, and what comes of it.
#![allow(clippy::unwrap_used)] // tests

use hedgerow_sdk::{Error, MAX_EVENTS, Node, Value, connect_to, connect_to_data, json};
use std::{fs, time::Duration};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    net::UnixListener,
};

/// The node's end of a conversation.
struct Played {
    lines: Lines<BufReader<tokio::net::unix::OwnedReadHalf>>,
    write: tokio::net::unix::OwnedWriteHalf,
}

impl Played {
    async fn accept(listener: &UnixListener) -> Self {
        let (read, write) = listener.accept().await.unwrap().0.into_split();
        let lines = BufReader::new(read).lines();
        Self { lines, write }
    }
    async fn hear(&mut self) -> Value {
        serde_json::from_str(&self.lines.next_line().await.unwrap().unwrap()).unwrap()
    }
    async fn say(&mut self, message: Value) {
        self.write.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }
}

fn folder() -> (TempDir, UnixListener) {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("api.token"), "c0ffee\n").unwrap();
    let listener = UnixListener::bind(folder.path().join("api.sock")).unwrap();
    (folder, listener)
}

async fn connected(hello: Value) -> (Node, Played, TempDir) {
    let (folder, listener) = folder();
    let (node, played) = tokio::join!(connect_to_data(folder.path()), async {
        let mut played = Played::accept(&listener).await;
        assert_eq!(played.hear().await, json!({ "token": "c0ffee" }));
        played.say(hello).await;
        played
    });
    (node.unwrap(), played, folder)
}

#[tokio::test]
async fn the_token_goes_first_and_a_plugin_learns_who_it_is() {
    let hello = json!({ "ready": true, "api": 1, "plugin": "greeter", "permissions": ["contacts"] });
    let (node, ..) = connected(hello).await;
    assert_eq!(node.plugin(), Some("greeter"));
    assert_eq!(node.permissions().unwrap(), ["contacts"]);
    let (owner, ..) = connected(json!({ "ready": true, "api": 1 })).await;
    assert!(owner.plugin().is_none() && owner.permissions().is_none());
}

#[tokio::test]
async fn whoever_is_not_let_in_is_told_why() {
    let (folder, listener) = folder();
    let (node, ()) = tokio::join!(connect_to_data(folder.path()), async {
        let mut played = Played::accept(&listener).await;
        played.hear().await;
        let error = json!({ "code": "denied", "message": "this token is not known" });
        played.say(json!({ "ready": false, "error": error })).await;
    });
    let error = node.unwrap_err();
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        ("denied", "this token is not known")
    );

    let (node, ()) = tokio::join!(connect_to_data(folder.path()), async {
        drop(Played::accept(&listener).await);
    });
    assert!(
        matches!(node, Err(Error::Closed(_) | Error::Io { .. })),
        "closed without a word"
    );
}

#[tokio::test]
async fn where_no_node_is_the_error_says_what_to_look_at() {
    let folder = TempDir::new().unwrap();
    let error = connect_to_data(folder.path()).await.unwrap_err();
    assert!(
        matches!(&error, Error::Io { path, .. } if path.ends_with("api.token")),
        "{error}"
    );
    fs::write(folder.path().join("api.token"), "x").unwrap();
    let error = connect_to_data(folder.path()).await.unwrap_err();
    assert!(
        matches!(&error, Error::Io { path, .. } if path.ends_with("api.sock")),
        "{error}"
    );
    let error = connect_to("ws://127.0.0.1:1/api/ws", folder.path().join("api.token"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NoSocket(_)));
}

#[tokio::test]
async fn calls_are_answered_in_whatever_order_the_node_likes() {
    let (node, mut played, _folder) = connected(json!({ "ready": true })).await;
    let (first, second, third, ()) = tokio::join!(
        node.call("a.one", ()),
        node.call_as::<Vec<u8>>("a.two", json!({ "x": 1 })),
        node.call_as::<u8>("a.three", ()),
        async {
            let calls = [played.hear().await, played.hear().await, played.hear().await];
            assert_eq!(calls[0]["params"], json!({}));
            assert_eq!(
                (&calls[1]["method"], &calls[1]["params"]),
                (&json!("a.two"), &json!({ "x": 1 }))
            );
            let answers = [json!("one"), json!([1, 2]), json!("no number")];
            for (call, answer) in calls.iter().zip(answers).rev() {
                assert_eq!(call["jsonrpc"], "2.0");
                played
                    .say(json!({ "jsonrpc": "2.0", "id": call["id"], "result": answer }))
                    .await;
            }
        }
    );
    assert_eq!(first.unwrap(), "one");
    assert_eq!(second.unwrap(), [1, 2]);
    assert!(matches!(third, Err(Error::Shape { method, .. }) if method == "a.three"));
    assert!(
        matches!(node.call("a.one", [1]).await, Err(Error::Params(_))),
        "by name only"
    );
}

#[tokio::test]
async fn a_refusal_has_its_code_and_its_sentence() {
    let (node, mut played, _folder) = connected(json!({ "ready": true })).await;
    let (error, ()) = tokio::join!(node.call("peers.list", ()), async {
        let call = played.hear().await;
        let error = json!({ "code": 1, "message": "you may not", "data": { "code": "denied" } });
        played
            .say(json!({ "jsonrpc": "2.0", "id": call["id"], "error": error }))
            .await;
    });
    let error = error.unwrap_err();
    assert_eq!((error.code(), error.to_string().as_str()), ("denied", "you may not"));
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_breaks_nothing() {
    let (node, mut played, _folder) = connected(json!({ "ready": true })).await;
    let impatient = tokio::time::timeout(Duration::from_millis(50), node.call("a.slow", ())).await;
    assert!(impatient.is_err());
    let slow = played.hear().await;
    played
        .say(json!({ "jsonrpc": "2.0", "id": slow["id"], "result": "late" }))
        .await;
    let (answer, ()) = tokio::join!(node.call("a.fast", ()), async {
        let call = played.hear().await;
        assert_ne!(call["id"], slow["id"]);
        played
            .say(json!({ "jsonrpc": "2.0", "id": call["id"], "result": "fast" }))
            .await;
    });
    assert_eq!(answer.unwrap(), "fast");
}

#[tokio::test]
async fn every_reader_has_all_events_from_its_beginning_and_a_slow_one_loses_the_oldest() {
    let (node, mut played, _folder) = connected(json!({ "ready": true })).await;
    let (mut quick, mut slow) = (node.events(), node.events());
    for number in 0..=MAX_EVENTS {
        let params = json!({ "event": "counted", "number": number });
        played
            .say(json!({ "jsonrpc": "2.0", "method": "event", "params": params }))
            .await;
        let event = quick.next().await.unwrap();
        assert_eq!(
            (event.name.as_str(), &event["number"], &event["other"]),
            ("counted", &json!(number), &Value::Null)
        );
    }
    assert_eq!(slow.next().await.unwrap()["number"], 1, "number 0 went");
    let mut late = node.events();
    drop(played);
    assert!(late.next().await.is_none() && quick.next().await.is_none());
    let mut rest = 0;
    while slow.next().await.is_some() {
        rest += 1;
    }
    assert_eq!(rest, MAX_EVENTS - 1, "what came before the end is still read");
    assert!(node.events().next().await.is_none());
}

#[tokio::test]
async fn when_the_connection_ends_everybody_hears_why() {
    let (node, mut played, _folder) = connected(json!({ "ready": true })).await;
    let waiting = tokio::spawn({
        let node = node.clone();
        async move { node.call("a.slow", ()).await }
    });
    played.hear().await;
    let params = json!({ "code": 1008, "reason": "the plugin was revoked" });
    played
        .say(json!({ "jsonrpc": "2.0", "method": "closing", "params": params }))
        .await;
    drop(played);
    for outcome in [waiting.await.unwrap(), node.call("a.more", ()).await] {
        assert!(matches!(outcome, Err(Error::Closed(why)) if why == "the plugin was revoked"));
    }
}

#[tokio::test]
async fn what_is_no_message_ends_the_connection_and_not_the_program() {
    let (node, mut played, _folder) = connected(json!({ "ready": true })).await;
    let (outcome, ()) = tokio::join!(node.call("a.one", ()), async {
        played.hear().await;
        played.write.write_all(b"\n{\"id\":\"odd\"\n").await.unwrap();
    });
    assert!(matches!(outcome, Err(Error::Closed(why)) if why.contains("no message")));
}

#[tokio::test]
async fn the_connection_ends_with_the_last_handle() {
    let (node, mut played, _folder) = connected(json!({ "ready": true })).await;
    let clone = node.clone();
    drop(node);
    drop(clone);
    assert!(played.lines.next_line().await.unwrap().is_none());
}
