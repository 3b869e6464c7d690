//! Meeting: tickets, certificates, versions, simultaneous dials, the local network.

use crate::support::*;
use hedgerow_base::{NodeId, SecretKey};
use hedgerow_net::{
    Channel, CloseCode, ConnectError, DeviceCertificate, Net, NetConfig, NetEvent, PathKind, Ticket, Why,
};
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_meet_by_the_text_of_one_ticket() {
    let (mut a, mut b) = (node(1).await, node(2).await);
    let ticket: Ticket = b.net.ticket().to_string().parse().unwrap();
    assert_eq!(ticket.name.as_deref(), Some("node 2"));
    a.net.connect(&ticket).await.unwrap();
    let seen = b.until("connection", |event| match event {
        NetEvent::PeerConnected {
            node,
            user,
            path,
            name,
            protocols,
            ..
        } => Some((node, user, path, name, protocols)),
        _ => None,
    });
    let (node, seen_user, path, name, protocols) = seen.await;
    assert_eq!((node, seen_user, path), (id(1), user(1), PathKind::Lan));
    assert_eq!(name.as_deref(), Some("node 1"));
    assert!(protocols.contains(&"sync/1".to_string()));
    a.connected(id(2)).await;
    a.net.connect(&ticket).await.expect("connecting twice is no error");
    let peers = a.net.peers();
    assert_eq!((peers.len(), peers[0].node, peers[0].path.as_str()), (1, id(2), "lan"));
    assert!(peers[0].bytes_in > 0 && peers[0].bytes_out > 0 && peers[0].connected_since_ms > 0);
    assert!(peers[0].rtt_ms > 0.0 && peers[0].rtt_ms < 1000.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_on_all_addresses_is_found_on_loopback() {
    let mut a = node(1).await;
    let mut b = start(NetConfig {
        listen: NetConfig::new(device(2), certificate(2)).listen,
        ..config(2)
    })
    .await;
    let ticket = b.net.ticket();
    assert!(
        ticket.addresses.iter().any(|addr| addr.ip().is_loopback()),
        "{ticket:?}"
    );
    assert!(
        ticket
            .addresses
            .iter()
            .all(|addr| addr.port() != 0 && !addr.ip().is_unspecified())
    );
    join(&mut a, &mut b).await;
}

fn certificate(seed: u8) -> DeviceCertificate {
    DeviceCertificate::issue(&root(seed), id(seed), 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn both_learn_where_the_other_is() {
    let (mut a, mut b) = (node(1).await, node(2).await);
    let ticket = b.net.ticket();
    let connecting = a.net.connect(&ticket);
    let learned = |event| match event {
        NetEvent::PeerAddressLearned { addresses, .. } => Some(addresses),
        _ => None,
    };
    assert!(a.until("address", learned).await.contains(&ticket.addresses[0]));
    assert!(b.until("address", learned).await.contains(&a.net.ticket().addresses[0]));
    connecting.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn simultaneous_dials_leave_one_connection_and_no_flapping() {
    for round in 0..8 {
        let (mut a, mut b) = (node(10 + round).await, node(40 + round).await);
        let (to_a, to_b) = (a.net.ticket(), b.net.ticket());
        let (one, other) = tokio::join!(a.net.connect(&to_b), b.net.connect(&to_a));
        assert_eq!((one, other), (Ok(()), Ok(())), "round {round}");
        let wait = Duration::from_millis(500);
        let (at_a, at_b) = tokio::join!(a.events_for(wait), b.events_for(wait));
        let mut sessions = Vec::new();
        for event in at_a.into_iter().chain(at_b) {
            match event {
                NetEvent::PeerConnected { session, .. } => sessions.push(session),
                NetEvent::PeerDisconnected { why, .. } => panic!("round {round}: {why:?}"),
                _ => {}
            }
        }
        assert_eq!(sessions.len(), 2, "round {round}");
        assert_eq!(sessions[0], sessions[1], "round {round}");
        a.net.send(&b.net.node(), Channel::Sync, b"ping".to_vec()).unwrap();
        assert_eq!(b.message().await, b"ping");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_another_devices_certificate_does_not_start() {
    let wrong = NetConfig {
        certificate: certificate(3),
        ..config(1)
    };
    assert!(Net::bind(wrong).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_ticket_and_a_ticket_to_nowhere_get_clear_errors() {
    let a = node(1).await;
    assert_eq!(a.net.connect(&a.net.ticket()).await, Err(ConnectError::Myself));
    let nowhere = Ticket {
        node: id(2),
        addresses: vec![],
        relays: vec![],
        name: None,
    };
    assert_eq!(a.net.connect(&nowhere).await, Err(ConnectError::NoAddress));
    let no_key = Ticket {
        node: NodeId([2; 32]),
        addresses: a.net.ticket().addresses,
        relays: vec![],
        name: None,
    };
    assert!(matches!(
        a.net.connect(&no_key).await,
        Err(ConnectError::Unreachable(_))
    ));
    let wrong_key = Ticket {
        node: SecretKey::from_seed(&[99; 32]).public().into(),
        ..no_key
    };
    assert!(matches!(
        a.net.connect(&wrong_key).await,
        Err(ConnectError::Unreachable(_))
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_is_seen_at_once_and_ends_the_events() {
    let (mut a, mut b) = pair(1, 2).await;
    let begun = Instant::now();
    b.net.shutdown().await;
    assert_eq!(a.disconnected(id(2)).await, Why::ByPeer(CloseCode::Shutdown));
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    while b.events.recv().await.is_some() {}
    assert!(b.net.ticket().addresses.is_empty() && b.net.peers().is_empty());
    assert_eq!(b.net.connect(&a.net.ticket()).await, Err(ConnectError::Closing));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_peer_is_dropped_and_kept_out_until_it_is_unblocked() {
    let (mut a, mut b) = pair(1, 2).await;
    b.net.block(&id(1));
    assert_eq!(a.disconnected(id(2)).await, Why::ByPeer(CloseCode::Blocked));
    assert_eq!(b.disconnected(id(1)).await, Why::Local);
    assert_eq!(
        a.net.connect(&b.net.ticket()).await,
        Err(ConnectError::Refused(CloseCode::Blocked))
    );
    assert_eq!(b.net.connect(&a.net.ticket()).await, Err(ConnectError::Blocked));
    b.net.unblock(&id(1));
    join(&mut a, &mut b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disconnected_peer_is_not_dialled_again() {
    let (mut a, mut b) = pair(1, 2).await;
    a.net.disconnect(&id(2));
    assert_eq!(b.disconnected(id(1)).await, Why::ByPeer(CloseCode::Disconnected));
    assert_eq!(a.disconnected(id(2)).await, Why::Local);
    assert!(a.events_for(Duration::from_secs(1)).await.is_empty());
    join(&mut a, &mut b).await;
    a.net.forget(&id(2));
    assert_eq!(a.disconnected(id(2)).await, Why::Local);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_do_not_take_the_places_of_known_peers() {
    let mut full = config(1);
    full.limits.max_peers = 2;
    full.limits.reserved_for_known = 1;
    let mut a = start(full).await;
    let (mut b, c, mut d) = (node(2).await, node(3).await, node(4).await);
    join(&mut b, &mut a).await;
    assert_eq!(
        c.net.connect(&a.net.ticket()).await,
        Err(ConnectError::Refused(CloseCode::Full))
    );
    join(&mut a, &mut d).await;
    assert_eq!(a.net.peers().len(), 2);
}

/// Needs multicast, which not every machine has: it then says so and proves only that the node starts.
#[tokio::test(flavor = "multi_thread")]
async fn nodes_on_the_local_network_find_each_other() {
    let open = |seed| NetConfig {
        lan: true,
        listen: NetConfig::new(device(seed), certificate(seed)).listen,
        ..config(seed)
    };
    let (mut a, b) = (start(open(101)).await, start(open(102)).await);
    let found = tokio::time::timeout(Duration::from_secs(8), a.connected(id(102))).await;
    println!(
        "local network discovery: {}",
        if found.is_ok() { "found" } else { "no multicast here" }
    );
    drop(b);
}
