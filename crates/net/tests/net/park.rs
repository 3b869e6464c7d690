//! Connections that nobody uses.

use crate::support::*;
use hedgerow_net::{Channel, NetConfig, NetEvent, SendError, Why};
use std::{collections::BTreeSet, time::Duration};

/// Parks after that much silence.
const QUIET: Duration = Duration::from_millis(400);

async fn sleepy(seed: u8) -> Node {
    start(NetConfig {
        park: Some(QUIET),
        ..config(seed)
    })
    .await
}

async fn sleepy_pair() -> (Node, Node) {
    let (mut a, mut b) = (sleepy(1).await, sleepy(2).await);
    join(&mut a, &mut b).await;
    (a, b)
}

async fn parked(a: &mut Node, b: &mut Node) {
    assert_eq!(a.disconnected(b.net.node()).await, Why::Parked);
    assert_eq!(b.disconnected(a.net.node()).await, Why::Parked);
    assert_eq!(a.net.parked(), BTreeSet::from([b.net.node()]));
    assert_eq!(b.net.parked(), BTreeSet::from([a.net.node()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_nobody_uses_is_parked_and_comes_back_for_a_message_of_either_side() {
    let (mut a, mut b) = sleepy_pair().await;
    for _ in 0..2 {
        parked(&mut a, &mut b).await;
        assert_eq!(
            b.net.send(&id(1), Channel::Sync, b"news".to_vec()),
            Err(SendError::NotConnected)
        );
        b.connected(id(1)).await;
        a.connected(id(2)).await;
        assert!(a.net.parked().is_empty() && b.net.parked().is_empty());
        b.net.send(&id(1), Channel::Sync, b"news".to_vec()).unwrap();
        assert_eq!(a.message().await, b"news");
        std::mem::swap(&mut a, &mut b);
        // From here on the other one is first.
        parked(&mut a, &mut b).await;
        assert!(b.net.call(&a.net.node()));
        assert!(!b.net.call(&a.net.node()), "called already");
        a.connected(b.net.node()).await;
        b.connected(a.net.node()).await;
        std::mem::swap(&mut a, &mut b);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_to_a_parked_peer_arrives_as_if_the_connection_stood() {
    let (mut a, mut b) = sleepy_pair().await;
    parked(&mut a, &mut b).await;
    let asked = tokio::spawn(a.net.open_request(&id(2), b"question".to_vec()));
    let watch = tokio::spawn(async move {
        a.connected(id(2)).await;
        a
    });
    let header = |event| match event {
        NetEvent::Request { header, send, recv, .. } => Some((header, send, recv)),
        _ => None,
    };
    let (header, send, recv) = b.until("request", header).await;
    assert_eq!(header, b"question");
    let ends = asked.await.unwrap().unwrap();
    let mut a = watch.await.unwrap();
    // As long as it is open, and though nothing is said, the connection stays.
    let quiet = |events: Vec<NetEvent>| !events.iter().any(|e| matches!(e, NetEvent::PeerDisconnected { .. }));
    assert!(quiet(a.events_for(QUIET * 4).await));
    drop((ends, send, recv));
    parked(&mut a, &mut b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_or_busy_connection_stays_and_the_digests_of_nodes_are_no_use() {
    let (mut a, mut b) = sleepy_pair().await;
    b.net.hold(BTreeSet::from([id(1)]));
    let gone = |events: &[NetEvent]| events.iter().any(|e| matches!(e, NetEvent::PeerDisconnected { .. }));
    assert!(!gone(&a.events_for(QUIET * 4).await), "one side alone cannot park it");
    b.net.hold(BTreeSet::new());
    for _ in 0..8 {
        a.net.send(&id(2), Channel::Live, b"move".to_vec()).unwrap();
        assert!(!gone(&a.events_for(QUIET / 3).await), "live messages are use");
    }
    for _ in 0..8 {
        a.net.touch(&id(2));
        assert!(!gone(&a.events_for(QUIET / 3).await), "so is what the node says is");
    }
    let digests = async {
        loop {
            let _ = a.net.send(&id(2), Channel::Sync, vec![0; 80]);
            tokio::time::sleep(QUIET / 10).await;
        }
    };
    tokio::select! {
        () = digests => {}
        why = b.disconnected(id(1)) => assert_eq!(why, Why::Parked),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_switched_off_is_no_longer_parked_once_somebody_calls() {
    let (mut a, mut b) = sleepy_pair().await;
    parked(&mut a, &mut b).await;
    b.net.shutdown().await;
    assert!(a.net.call(&id(2)));
    let asked = a.net.open_request(&id(2), b"question".to_vec()).await;
    assert!(asked.is_err());
    let gone = async {
        while !a.net.parked().is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(LONG, gone).await.expect("it counts as gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn parking_can_be_switched_off_by_either_side() {
    let mut a = sleepy(1).await;
    let mut b = start(NetConfig {
        park: None,
        ..config(2)
    })
    .await;
    join(&mut a, &mut b).await;
    let events = a.events_for(QUIET * 4).await;
    assert!(!events.iter().any(|e| matches!(e, NetEvent::PeerDisconnected { .. })));
    assert!(!b.net.park_report().enabled && a.net.park_report().enabled);
}
