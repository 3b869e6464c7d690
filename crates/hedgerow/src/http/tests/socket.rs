use super::{ID, Running, TOKEN, start};
use futures_util::{SinkExt, StreamExt};
use hedgerow_api::Event;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};

type Socket = WebSocketStream<TcpStream>;

async fn connect(node: &Running, origin: Option<&str>) -> Result<Socket, u16> {
    let mut request = format!("ws://{}/api/ws", node.hub()).into_client_request().unwrap();
    if let Some(origin) = origin {
        request.headers_mut().insert("origin", origin.parse().unwrap());
    }
    let stream = TcpStream::connect(("127.0.0.1", node.port)).await.unwrap();
    match client_async(request, stream).await {
        Ok((socket, answer)) => {
            assert!(answer.headers().contains_key("content-security-policy"));
            Ok(socket)
        }
        Err(Error::Http(answer)) => {
            assert!(answer.headers().contains_key("content-security-policy"));
            Err(answer.status().as_u16())
        }
        Err(e) => panic!("{e}"),
    }
}

async fn say(socket: &mut Socket, value: Value) {
    socket.send(Message::text(value.to_string())).await.unwrap();
}

async fn hear(socket: &mut Socket) -> Value {
    match timeout(Duration::from_secs(8), socket.next())
        .await
        .expect("an answer")
        .expect("open")
        .unwrap()
    {
        Message::Text(text) => serde_json::from_str(&text).unwrap(),
        Message::Close(frame) => json!({"closed": frame.map(|f| u16::from(f.code))}),
        other => panic!("{other:?}"),
    }
}

async fn logged_in(node: &Running) -> Socket {
    let mut socket = connect(node, Some(&format!("http://{}", node.hub()))).await.unwrap();
    say(&mut socket, json!({"token": node.session().await})).await;
    assert_eq!(
        hear(&mut socket).await,
        json!({"ready": true, "api": 1, "tier": "partial"})
    );
    socket
}

async fn call(socket: &mut Socket, id: u64, method: &str, params: Value) -> Value {
    say(
        socket,
        json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}),
    )
    .await;
    loop {
        let answer = hear(socket).await;
        if answer["id"] == json!(id) {
            return answer;
        }
    }
}

#[tokio::test]
async fn only_the_dashboards_origin_connects() {
    let node = start();
    let sibling = format!("http://{}", node.widget());
    let near = format!("http://{}.evil.example", node.hub());
    for origin in [
        None,
        Some("null"),
        Some("http://evil.example"),
        Some(&*sibling),
        Some(&*near),
    ] {
        assert_eq!(connect(&node, origin).await.unwrap_err(), 403, "{origin:?}");
    }
}

#[tokio::test]
async fn a_token_must_come_first() {
    let node = start();
    let origin = format!("http://{}", node.hub());
    for first in [
        json!({"token": "wrong"}),
        json!({"jsonrpc": "2.0", "id": 1, "method": "node.status"}),
        json!(1),
    ] {
        let mut socket = connect(&node, Some(&origin)).await.unwrap();
        say(&mut socket, first).await;
        assert_eq!(hear(&mut socket).await["ready"], json!(false));
        assert_eq!(hear(&mut socket).await, json!({"closed": 1008}));
    }
    assert!(node.fake.calls().is_empty());
    let mut silent = connect(&node, Some(&origin)).await.unwrap();
    assert_eq!(hear(&mut silent).await["ready"], json!(false), "after five seconds");
}

#[tokio::test]
async fn calls_are_answered_by_id_and_slow_ones_hold_up_nobody() {
    let node = start();
    let mut socket = logged_in(&node).await;
    say(
        &mut socket,
        json!({"jsonrpc": "2.0", "id": "slow", "method": "node.ticket"}),
    )
    .await;
    say(
        &mut socket,
        json!({"jsonrpc": "2.0", "id": "fast", "method": "node.status"}),
    )
    .await;
    assert_eq!(hear(&mut socket).await["id"], "fast");
    assert_eq!(hear(&mut socket).await["id"], "slow");
    assert_eq!(
        call(&mut socket, 3, "no.such", json!({})).await["error"]["code"],
        json!(-32601)
    );
    say(&mut socket, json!([1])).await;
    assert_eq!(hear(&mut socket).await["error"]["code"], json!(-32600));
}

#[tokio::test]
async fn many_updates_reach_the_node_in_the_order_sent() {
    let node = start();
    let mut socket = logged_in(&node).await;
    for n in 0..500 {
        let params = json!({"instance": ID, "update": {"payload": n}});
        say(
            &mut socket,
            json!({"jsonrpc": "2.0", "id": n, "method": "app.send_update", "params": params}),
        )
        .await;
    }
    for _ in 0..500 {
        assert!(hear(&mut socket).await["result"].is_object());
    }
    let expected: Vec<_> = (0..500).map(|n| format!("app.send_update {n}")).collect();
    assert_eq!(node.fake.calls(), expected);
}

fn update(instance: &str) -> Arc<Event> {
    Arc::new(
        serde_json::from_value(json!({
            "event": "app_update", "instance": instance,
            "update": {"payload": 1, "serial": 1, "max_serial": 1, "sender": "s", "time_ms": 0},
        }))
        .unwrap(),
    )
}

#[tokio::test]
async fn events_of_an_instance_come_only_to_who_opened_it() {
    let node = start();
    let (mut one, mut two) = (logged_in(&node).await, logged_in(&node).await);
    assert!(call(&mut one, 1, "app.open", json!({"instance": ID})).await["result"].is_object());
    assert_eq!(
        call(&mut two, 1, "app.open", json!({"instance": "bbbbbbbbbbbbbbbb"})).await["error"]["code"],
        json!(2)
    );
    for event in [
        update(ID),
        update("bbbbbbbbbbbbbbbb"),
        Arc::new(Event::WidgetsChanged {}),
    ] {
        node.fake.events.send(event).unwrap();
    }
    let heard = hear(&mut one).await;
    assert_eq!(
        (&heard["method"], &heard["params"]["event"]),
        (&json!("event"), &json!("app_update"))
    );
    assert_eq!(hear(&mut one).await["params"]["event"], "widgets_changed");
    assert_eq!(hear(&mut two).await["params"]["event"], "widgets_changed");
    call(&mut one, 2, "app.close", json!({"instance": ID})).await;
    for event in [update(ID), Arc::new(Event::InstancesChanged {})] {
        node.fake.events.send(event).unwrap();
    }
    assert_eq!(hear(&mut one).await["params"]["event"], "instances_changed");
}

#[tokio::test]
async fn an_instance_closes_when_the_last_tab_is_gone() {
    let node = start();
    let (mut one, mut two) = (logged_in(&node).await, logged_in(&node).await);
    for socket in [&mut one, &mut two] {
        call(socket, 1, "app.open", json!({"instance": ID})).await;
        call(socket, 2, "app.realtime_join", json!({"instance": ID, "joined": true})).await;
    }
    call(&mut one, 3, "app.close", json!({"instance": ID})).await;
    drop(one);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let opened = [
        "app.open",
        "app.realtime_join true",
        "app.open",
        "app.realtime_join true",
    ];
    assert_eq!(node.fake.calls(), opened);
    drop(two);
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        if node.fake.calls().len() == 6 {
            break;
        }
    }
    assert_eq!(node.fake.calls()[4..], ["app.close", "app.realtime_join false"]);
}

#[tokio::test]
async fn too_large_messages_and_lagging_readers_end_the_connection() {
    let node = start();
    let mut socket = logged_in(&node).await;
    let _ = socket.send(Message::text(" ".repeat((4 << 20) + 1))).await;
    let ended = timeout(Duration::from_secs(8), async {
        loop {
            match socket.next().await {
                None | Some(Err(_) | Ok(Message::Close(_))) => return true,
                Some(Ok(_)) => {}
            }
        }
    });
    assert!(ended.await.unwrap());
    let mut slow = logged_in(&node).await;
    for _ in 0..1000 {
        node.fake.events.send(Arc::new(Event::WidgetsChanged {})).unwrap();
    }
    loop {
        let heard = hear(&mut slow).await;
        if let Some(code) = heard.get("closed") {
            assert_eq!(*code, json!(1013));
            return;
        }
    }
}

#[tokio::test]
async fn stopping_ends_the_connections() {
    let node = start();
    let mut socket = logged_in(&node).await;
    node.server.stop().await;
    assert_eq!(hear(&mut socket).await, json!({"closed": 1001}));
}

#[tokio::test]
async fn a_session_of_a_strict_link_is_told_so_and_only_programs_make_such_links() {
    let node = start();
    let bearer = format!("Bearer {TOKEN}");
    let headers = [
        ("host", &*node.program()),
        ("authorization", &*bearer),
        ("content-type", "application/json"),
    ];
    let strict = json!({"jsonrpc": "2.0", "id": 1, "method": "node.login_link", "params": {"strict": true}});
    let got = node.ask("POST /api/rpc", &headers, strict.to_string().as_bytes()).await;
    let link = got.json()["result"]["hub"].as_str().unwrap().to_owned();
    let session = node.login(link.split_once("#login=").unwrap().1).await.json();
    assert_eq!(session["tier"], json!("strict"));
    let mut socket = connect(&node, Some(&format!("http://{}", node.hub()))).await.unwrap();
    say(&mut socket, json!({"token": session["token"]})).await;
    assert_eq!(hear(&mut socket).await["tier"], json!("strict"));

    let mut dashboard = logged_in(&node).await;
    let got = call(&mut dashboard, 2, "node.login_link", json!({"strict": true})).await;
    let link = got["result"]["hub"].as_str().unwrap().to_owned();
    let session = node.login(link.split_once("#login=").unwrap().1).await.json();
    assert_eq!(
        session["tier"],
        json!("partial"),
        "a browser cannot say what it is kept from"
    );
}

#[tokio::test]
async fn a_crowd_of_silent_strangers_keeps_nobody_out() {
    let node = start();
    let mut crowd = Vec::new();
    for _ in 0..super::super::connection::MAX_CONNECTIONS + 40 {
        crowd.push(TcpStream::connect(("127.0.0.1", node.port)).await.unwrap());
    }
    let mut owner = timeout(Duration::from_secs(5), logged_in(&node))
        .await
        .expect("served at once");
    for _ in 0..40 {
        crowd.push(TcpStream::connect(("127.0.0.1", node.port)).await.unwrap());
    }
    let got = timeout(Duration::from_secs(5), call(&mut owner, 1, "node.status", json!({}))).await;
    assert!(got.expect("still there")["result"].is_object());
}
