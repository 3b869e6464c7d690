//! What components call and what they are told.

use super::world::{Host, Life, Noted, begun, done, guest};
use hedgerow_sandbox::component::{Fault, Kept, Limits, Outcome};
use serde_json::{Value, json};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

const SEND: &str = r#"(import "hedgerow:widget/app@0.1.0" "realtime-send" (func $send (param i32 i32 i32)))
    (import "hedgerow:widget/host@0.1.0" "log" (func $log (param i32 i32)))"#;
/// Calls `app.realtime-send` with "aGk=" and logs the message of the error if there is one.
const SEND_AND_TELL: &str = r#"(call $send (i32.const 16) (i32.const 4) (i32.const 32))
    (if (i32.load8_u (i32.const 32))
      (then (call $log (i32.load (i32.const 40)) (i32.load (i32.const 44))))
      (else (call $log (i32.const 24) (i32.const 4))))"#;
const TEXTS: &str = r#"(data (i32.const 16) "aGk=") (data (i32.const 24) "sent")"#;

async fn sender(limits: Limits) -> Life {
    begun(limits, &guest(SEND, TEXTS, SEND_AND_TELL)).await
}

#[tokio::test]
async fn a_call_comes_to_the_node_as_json_and_its_answer_back() {
    let mut life = sender(Limits::default()).await;
    *life.noted.answer.lock().unwrap() = Some(json!({}));
    done(life.say("start").await);
    assert_eq!(life.noted.lines(), ["sent"]);
    assert_eq!(
        *life.noted.calls.lock().unwrap(),
        [("app.realtime_send", json!({"data": "aGk="}))]
    );
    let figures = life.run.usage().figures();
    assert_eq!((figures.calls, figures.events), (1, 1));
    assert!(figures.bytes_out >= 4);
}

#[tokio::test]
async fn a_refusal_is_told_with_its_sentence() {
    let mut life = sender(Limits::default()).await;
    done(life.say("start").await);
    assert_eq!(life.noted.lines(), ["it may not"]);
}

#[tokio::test]
async fn calls_beyond_the_minutes_number_or_bytes_are_refused_and_not_made() {
    let by_number = Limits {
        calls: 2,
        ..Limits::default()
    };
    let by_bytes = Limits {
        bytes_out: 50,
        ..Limits::default()
    };
    for limits in [by_number, by_bytes] {
        let mut life = sender(limits).await;
        *life.noted.answer.lock().unwrap() = Some(json!({}));
        for _ in 0..4 {
            done(life.say("start").await);
        }
        let lines = life.noted.lines();
        assert_eq!(lines[..2], ["sent", "sent"]);
        assert!(lines[2..].iter().all(|line| line.contains("in a minute")), "{lines:?}");
        assert_eq!(life.noted.calls.lock().unwrap().len(), 2);
        assert_eq!(life.run.usage().figures().refused, 2);
    }
}

#[tokio::test]
async fn a_call_without_an_answer_ends_in_an_error() {
    let limits = Limits {
        call: Duration::from_millis(30),
        ..Limits::default()
    };
    let mut life = sender(limits).await;
    life.noted.hang.store(true, Ordering::Relaxed);
    done(life.say("start").await);
    assert!(life.noted.lines()[0].contains("no answer"));
}

#[tokio::test]
async fn stop_ends_a_component_that_waits_for_an_answer() {
    let mut life = sender(Limits::default()).await;
    life.noted.hang.store(true, Ordering::Relaxed);
    let stopper = life.run.stopper();
    let noted = Arc::clone(&life.noted);
    tokio::spawn(async move {
        while noted.calls.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        stopper.stop();
    });
    let outcome = tokio::time::timeout(Duration::from_secs(10), life.say("start")).await;
    assert_eq!(outcome.unwrap(), Outcome::Ended(Fault::Stopped));
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_an_error_for_the_component() {
    let import = r#"(import "hedgerow:widget/peers@0.1.0" "members" (func $members (param i32)))"#;
    let body = "(call $members (i32.const 32))
                (if (i32.eqz (i32.load8_u (i32.const 32))) (then unreachable))";
    let limits = Limits {
        value: 20_000,
        ..Limits::default()
    };
    let mut life = begun(limits, &guest(import, "", body)).await;
    let member = json!({"linked": true, "peer": "0".repeat(16), "who": null});
    *life.noted.answer.lock().unwrap() = Some(Value::Array(vec![member; 1000]));
    done(life.say("start").await);
    *life.noted.answer.lock().unwrap() = Some(json!([]));
    assert!(
        matches!(life.say("start").await, Outcome::Ended(Fault::Trap(_))),
        "a list that fits comes"
    );
}

const PAGE: &str = r#"(import "hedgerow:widget/host@0.1.0" "tell-page" (func $tell (param i32 i32 i32)))
    (import "hedgerow:widget/host@0.1.0" "keep" (func $keep (param i32 i32 i32 i32 i32 i32)))
    (import "hedgerow:widget/host@0.1.0" "kept" (func $kept (param i32 i32 i32)))
    (import "hedgerow:widget/host@0.1.0" "wake-in" (func $wake (param i64)))
    (import "hedgerow:widget/host@0.1.0" "now-ms" (func $now (result i64)))
    (import "hedgerow:widget/host@0.1.0" "random" (func $random (param i32 i32)))"#;

#[tokio::test]
async fn its_page_and_a_component_tell_each_other_json() {
    // What the page said goes back.
    let body =
        "(call $tell (i32.load offset=8 (local.get $event)) (i32.load offset=12 (local.get $event)) (i32.const 32))";
    let mut life = begun(Limits::default(), &guest(PAGE, "", body)).await;
    done(life.page(json!({"a": [1, "ü", null]})).await);
    assert_eq!(*life.noted.told.lock().unwrap(), [json!({"a": [1, "ü", null]})]);
}

#[tokio::test]
async fn what_is_no_json_is_not_told_to_the_page() {
    let body = r"(call $tell (i32.const 16) (i32.const 1) (i32.const 32))
                (if (i32.eqz (i32.load8_u (i32.const 32))) (then unreachable))";
    let mut life = begun(Limits::default(), &guest(PAGE, r#"(data (i32.const 16) "{")"#, body)).await;
    done(life.say("start").await);
    assert!(life.noted.told.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_is_kept_lasts_over_restarts_and_not_when_the_event_fails() {
    // On start it keeps "v" under "k"; on wake it keeps it and fails; a page's message asks whether it is there.
    let body = "(if (i32.eq (i32.load8_u (local.get $event)) (i32.const 2))
                  (then
                    (call $kept (i32.const 16) (i32.const 1) (i32.const 32))
                    (if (i32.eqz (i32.load8_u (i32.const 32))) (then unreachable)))
                  (else
                    (call $keep (i32.const 16) (i32.const 1) (i32.const 1) (i32.const 17) (i32.const 1) (i32.const 32))
                    (if (i32.load8_u (local.get $event)) (then unreachable))))";
    let wasm = guest(PAGE, r#"(data (i32.const 16) "kv")"#, body);
    let host = Host::new(Limits::default());
    let program = host.program(&wasm).await;
    let node = || Arc::new(Noted::default());
    let mut run = program.start(node(), Kept::default()).await.unwrap();
    assert!(matches!(
        run.handle(&json!({"event": "wake"})).await,
        Outcome::Ended(Fault::Trap(_))
    ));

    let mut run = program.start(node(), Kept::default()).await.unwrap();
    let left = done(run.handle(&json!({"event": "start"})).await);
    assert_eq!(left.kept, [("k".to_owned(), Some(b"v".to_vec()))]);
    let again = left.kept.into_iter().filter_map(|(key, value)| Some((key, value?)));
    let mut run = program.start(node(), Kept::new(again)).await.unwrap();
    done(run.handle(&json!({"event": "page_message", "message": 1})).await);
}

#[tokio::test]
async fn a_wake_up_is_asked_for_once_and_not_at_once() {
    let body = "(if (i32.eqz (i32.load8_u (local.get $event)))
                  (then (call $wake (i64.const 90000)) (call $wake (i64.const 5))))";
    let mut life = begun(Limits::default(), &guest(PAGE, "", body)).await;
    assert_eq!(done(life.say("start").await).wake_in, Some(Duration::from_secs(1)));
    assert_eq!(done(life.say("wake").await).wake_in, None);
}

#[tokio::test]
async fn the_clock_shows_seconds_and_chance_is_given_in_small_pieces() {
    let body = "(if (i64.ne (i64.rem_u (call $now) (i64.const 1000)) (i64.const 0)) (then unreachable))
                (call $random (select (i32.const 4097) (i32.const 32) (i32.load8_u (local.get $event))) (i32.const 32))
                (if (i64.eqz (i64.load (i32.load (i32.const 32)))) (then unreachable))";
    let mut life = begun(Limits::default(), &guest(PAGE, "", body)).await;
    done(life.say("start").await);
    let outcome = life.say("wake").await;
    assert!(
        matches!(&outcome, Outcome::Ended(Fault::Trap(why)) if why.contains("4096")),
        "{outcome:?}"
    );
}
