//! Peers that go and come back.

use crate::support::*;
use hedgerow_net::{KnownPeer, NetConfig, Why};
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_comes_back_on_its_port_is_dialled_again_by_the_one_that_stayed() {
    let (mut a, b) = pair(1, 2).await;
    let port = b.net.port();
    assert!(port.is_some());
    b.net.shutdown().await;
    a.disconnected(id(2)).await;
    let mut b = start(NetConfig {
        preferred_port: port,
        ..config(2)
    })
    .await;
    assert_eq!(b.net.port(), port, "the port is free again");
    a.connected(id(2)).await;
    b.connected(id(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_no_reason_not_to_start() {
    let a = node(1).await;
    let b = start(NetConfig {
        preferred_port: a.net.port(),
        ..config(2)
    })
    .await;
    assert!(b.net.port().is_some() && b.net.port() != a.net.port());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_comes_back_on_another_port_dials_those_it_remembers() {
    let (mut a, b) = pair(1, 2).await;
    let known = KnownPeer {
        node: id(1),
        addresses: a.net.ticket().addresses,
        relays: vec![],
        last_seen_ms: 1,
    };
    b.net.shutdown().await;
    a.disconnected(id(2)).await;
    let mut b = start(NetConfig {
        known: vec![known],
        ..config(2)
    })
    .await;
    b.connected(id(1)).await;
    a.connected(id(2)).await;
}

/// A node in a runtime of its own, so that it can die without a word.
fn mortal(config: NetConfig) -> (tokio::runtime::Runtime, Node) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let node = runtime.block_on(start(config));
    (runtime, node)
}

#[test]
fn a_killed_node_that_returns_at_once_replaces_its_dead_connection() {
    let main = tokio::runtime::Runtime::new().unwrap();
    let mut a = main.block_on(node(1));
    let (runtime, mut b) = mortal(config(2));
    main.block_on(a.net.connect(&b.net.ticket())).unwrap();
    main.block_on(async {
        a.connected(id(2)).await;
        b.connected(id(1)).await;
    });
    let known = KnownPeer {
        node: id(1),
        addresses: a.net.ticket().addresses,
        relays: vec![],
        last_seen_ms: 1,
    };
    // The handle outlives its runtime: nothing can say goodbye.
    runtime.shutdown_background();
    let begun = Instant::now();
    let (_runtime, mut b) = mortal(NetConfig {
        known: vec![known],
        ..config(2)
    });
    main.block_on(async {
        assert_eq!(a.disconnected(id(2)).await, Why::Replaced);
        a.connected(id(2)).await;
        b.connected(id(1)).await;
        a.net
            .send(&id(2), hedgerow_net::Channel::Live, b"hello again".to_vec())
            .unwrap();
        assert_eq!(b.message().await, b"hello again");
    });
    println!("back after {:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn a_killed_node_is_noticed_within_its_idle_time() {
    let main = tokio::runtime::Runtime::new().unwrap();
    let mut a = main.block_on(node(1));
    let (runtime, b) = mortal(config(2));
    main.block_on(a.net.connect(&b.net.ticket())).unwrap();
    main.block_on(a.connected(id(2)));
    runtime.shutdown_background();
    let begun = Instant::now();
    let why = main.block_on(a.disconnected(id(2)));
    println!("noticed after {:?}: {why:?}", begun.elapsed());
    assert!(matches!(why, Why::Lost(_)), "{why:?}");
    assert!(begun.elapsed() < Duration::from_secs(17), "{:?}", begun.elapsed());
}
