//! A raw endpoint that speaks our ALPN and nothing else that we like.

use crate::support::*;
use hedgerow_net::{Channel, CloseCode, ConnectError, DeviceCertificate, NetEvent, Ticket, Why};
use hedgerow_wire::node::{ALPN, Hello, StreamHeader};
use iroh::{
    Endpoint, EndpointAddr, EndpointId, SecretKey, TransportAddr,
    endpoint::{Connection, ConnectionError, presets},
};
use std::time::Duration;
use tokio::time::{Instant, timeout};

async fn raw(seed: u8) -> Endpoint {
    Endpoint::builder(presets::Minimal)
        .secret_key(SecretKey::from_bytes(&[seed; 32]))
        .alpns(vec![ALPN.to_vec()])
        .clear_ip_transports()
        .bind_addr("127.0.0.1:0")
        .unwrap()
        .bind()
        .await
        .unwrap()
}

async fn dial(raw: &Endpoint, node: &Node) -> Connection {
    let ticket = node.net.ticket();
    let id = EndpointId::from_bytes(ticket.node.as_bytes()).unwrap();
    let addr = EndpointAddr::from_parts(id, ticket.addresses.into_iter().map(TransportAddr::Ip));
    timeout(LONG, raw.connect(addr, ALPN)).await.unwrap().unwrap()
}

fn frame(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u32).to_le_bytes()[..], bytes].concat()
}

fn hello(seed: u8) -> Hello {
    Hello {
        version: 1,
        oldest: 1,
        protocols: vec![],
        certificate: DeviceCertificate::issue(&root(seed), id(seed), 1),
        agent: "test".into(),
        salt: [0; 32],
        boot: [0; 16],
        name: None,
        addresses: vec![],
    }
}

/// Opens the first stream and sends `hello` on it; gives whether it was answered.
async fn greet(conn: &Connection, hello: &[u8]) -> bool {
    let (mut send, mut recv) = conn.open_bi().await.unwrap();
    let _ = send.write_all(&frame(&StreamHeader::new("hello").to_bytes())).await;
    let _ = send.write_all(&frame(hello)).await;
    let _ = send.finish();
    // Who is refused may see the stream end before the connection does.
    matches!(timeout(LONG, recv.read_to_end(10_000)).await, Ok(Ok(answer)) if !answer.is_empty())
}

async fn code(conn: &Connection) -> Option<CloseCode> {
    match timeout(LONG, conn.closed())
        .await
        .expect("the connection is closed in time")
    {
        ConnectionError::ApplicationClosed(close) => CloseCode::from_code(close.error_code.into_inner()),
        other => panic!("{other}"),
    }
}

/// A node, an honest peer of it, and a check that the two still talk.
async fn honest() -> (Node, Node) {
    pair(1, 2).await
}

async fn still_talk(a: &Node, b: &mut Node) {
    a.net.send(&id(2), Channel::Sync, b"still here".to_vec()).unwrap();
    assert_eq!(b.message().await, b"still here");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_instead_of_hello_is_refused_and_charged() {
    let garbage: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\n\r\n",
        &[0xff; 64],
        &[0; 64],
        &frame(&[0xa1, 0xff]),
        &[5, 0, 0, 0, 1],
    ];
    let (a, mut b) = honest().await;
    for (place, bytes) in garbage.into_iter().enumerate() {
        let raw = raw(50 + place as u8).await;
        let conn = dial(&raw, &a).await;
        let (mut send, _recv) = conn.open_bi().await.unwrap();
        let _ = send.write_all(bytes).await;
        let _ = send.finish();
        assert_eq!(code(&conn).await, Some(CloseCode::Fault), "garbage {place}");
        let again = dial(&raw, &a).await;
        assert_eq!(code(&again).await, Some(CloseCode::Fault), "charged: refused at once");
        raw.close().await;
    }
    still_talk(&a, &mut b).await;
    assert_eq!(a.net.peers().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_says_nothing_is_let_go() {
    let mut quick = config(1);
    quick.limits.handshake = Duration::from_millis(500);
    let a = start(quick).await;
    let raw = raw(50).await;
    let conn = dial(&raw, &a).await;
    assert_eq!(code(&conn).await, Some(CloseCode::Slow));
    assert!(a.net.peers().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_do_not_hold_are_refused() {
    let a = node(1).await;
    let stolen = Hello {
        certificate: DeviceCertificate::issue(&root(60), id(60), 1),
        ..hello(61)
    };
    let mut forged = hello(62).to_bytes();
    let signature = hello(62).certificate.to_bytes().last_chunk::<8>().unwrap().to_vec();
    let place = forged.windows(8).position(|window| window == signature).unwrap();
    forged[place] ^= 1;
    for (seed, bytes) in [(61, stolen.to_bytes()), (62, forged)] {
        let raw = raw(seed).await;
        let conn = dial(&raw, &a).await;
        assert!(!greet(&conn, &bytes).await);
        assert_eq!(code(&conn).await, Some(CloseCode::Certificate));
    }
    assert!(a.net.peers().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_another_version_gets_a_clear_error_in_both_directions() {
    let a = node(1).await;
    let later = Hello {
        version: 9,
        oldest: 7,
        ..hello(50)
    };
    let raw = raw(50).await;
    let conn = dial(&raw, &a).await;
    assert!(!greet(&conn, &later.to_bytes()).await);
    assert_eq!(code(&conn).await, Some(CloseCode::Version));
    // The other way: the later node answers.
    let addresses = raw.bound_sockets();
    let server = tokio::spawn(async move {
        let conn = raw.accept().await.unwrap().await.unwrap();
        let (mut send, _recv) = conn.accept_bi().await.unwrap();
        send.write_all(&frame(&later.to_bytes())).await.unwrap();
        send.finish().unwrap();
        code(&conn).await
    });
    let ticket = Ticket {
        node: id(50),
        addresses,
        relays: vec![],
        name: None,
    };
    assert_eq!(
        a.net.connect(&ticket).await,
        Err(ConnectError::Version { newest: 9, oldest: 7 })
    );
    assert_eq!(server.await.unwrap(), Some(CloseCode::Version));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_without_our_protocol_gets_its_own_error() {
    let a = node(1).await;
    let other = raw(50).await;
    other.set_alpns(vec![b"/hedgerow/node/999".to_vec()]);
    let ticket = Ticket {
        node: id(50),
        addresses: other.bound_sockets(),
        relays: vec![],
        name: None,
    };
    let server = tokio::spawn(async move {
        while let Some(incoming) = other.accept().await {
            let _ = incoming.await;
        }
    });
    assert_eq!(a.net.connect(&ticket).await, Err(ConnectError::OtherProtocol));
    server.abort();
}

async fn greeted(seed: u8, node: &mut Node) -> (Endpoint, Connection) {
    let raw = raw(seed).await;
    let conn = dial(&raw, node).await;
    assert!(greet(&conn, &hello(seed).to_bytes()).await);
    node.connected(id(seed)).await;
    (raw, conn)
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_frames_on_channels_and_requests_end_the_connection() {
    let (mut a, mut b) = honest().await;
    let header = |protocol| frame(&StreamHeader::new(protocol).to_bytes());
    let oversize = [
        header("sync"),
        (hedgerow_base::limits::MAX_FRAME as u32 + 1).to_le_bytes().to_vec(),
    ]
    .concat();
    let cut = [header("sync"), vec![10, 0, 0, 0, 1, 2]].concat();
    let cases = [vec![0xff; 40], oversize, cut, frame(&[0xf6])];
    for (place, bytes) in cases.into_iter().enumerate() {
        let (raw, conn) = greeted(70 + place as u8, &mut a).await;
        let mut send = conn.open_uni().await.unwrap();
        let _ = send.write_all(&bytes).await;
        let _ = send.finish();
        assert_eq!(code(&conn).await, Some(CloseCode::Fault), "case {place}");
        assert!(
            matches!(a.disconnected(id(70 + place as u8)).await, Why::Fault(_)),
            "case {place}"
        );
        raw.close().await;
    }
    let (_raw, conn) = greeted(80, &mut a).await;
    for _ in 0..2 {
        let mut send = conn.open_uni().await.unwrap();
        send.write_all(&header("live")).await.unwrap();
    }
    // Finished streams in between: dropping `send` finishes it, and a channel is opened once.
    assert_eq!(code(&conn).await, Some(CloseCode::Fault));
    let (_raw, conn) = greeted(81, &mut a).await;
    let (mut send, _recv) = conn.open_bi().await.unwrap();
    send.write_all(&header("request")).await.unwrap();
    send.write_all(&u32::MAX.to_le_bytes()).await.unwrap();
    assert_eq!(code(&conn).await, Some(CloseCode::Fault));
    still_talk(&a, &mut b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_protocols_are_skipped_until_there_are_too_many() {
    let (mut a, mut b) = honest().await;
    let (_raw, conn) = greeted(50, &mut a).await;
    let header = frame(&StreamHeader::new("telepathy").to_bytes());
    for _ in 0..10 {
        let mut send = conn.open_uni().await.unwrap();
        let _ = send.write_all(&header).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(conn.close_reason().is_none(), "a few are harmless");
    let flood = async {
        while let Ok(mut send) = conn.open_uni().await {
            let _ = send.write_all(&header).await;
        }
    };
    timeout(LONG, flood).await.unwrap();
    assert_eq!(code(&conn).await, Some(CloseCode::Fault));
    still_talk(&a, &mut b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_data_without_credit_ends_the_connection_while_others_are_served() {
    let (mut a, mut b) = honest().await;
    let (_raw, conn) = greeted(50, &mut a).await;
    let mut send = conn.open_uni().await.unwrap();
    send.write_all(&frame(&StreamHeader::new("directory").to_bytes()))
        .await
        .unwrap();
    let message = frame(&[1; 1000]);
    let mut written = 0;
    while send.write_all(&message).await.is_ok() {
        written += message.len();
        // `a` takes no events: nothing of this may pile up there.
        assert!(written < 16 << 20, "{written} bytes");
    }
    assert_eq!(code(&conn).await, Some(CloseCode::Fault));
    println!("{:.1} MB taken from a flood that nobody reads", written as f64 / 1e6);
    b.net.send(&id(1), Channel::Sync, b"excuse me".to_vec()).unwrap();
    let pick = |event| match event {
        NetEvent::Message { node, bytes, .. } if node == id(2) => Some(bytes),
        _ => None,
    };
    assert_eq!(a.until("message", pick).await, b"excuse me");
    still_talk(&a, &mut b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_inside_its_credit_leaves_room_for_others() {
    let (mut a, mut b) = pair(1, 2).await;
    let mut c = node(3).await;
    join(&mut c, &mut a).await;
    let flood = tokio::spawn(async move {
        loop {
            if c.net.send(&id(1), Channel::Directory, vec![1; 200]).is_err() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    b.net.send(&id(1), Channel::Sync, b"excuse me".to_vec()).unwrap();
    let begun = Instant::now();
    let mut flooded = 0u64;
    let pick = |event| match event {
        NetEvent::Message { node, bytes, .. } if node == id(2) => Some(bytes),
        NetEvent::PeerDisconnected { why, .. } => panic!("{why:?}"),
        _ => {
            flooded += 1;
            None
        }
    };
    assert_eq!(a.until("message", pick).await, b"excuse me");
    println!("served after {:?} and {flooded} messages of the flood", begun.elapsed());
    a.net.charge(&id(3), "flood");
    assert!(matches!(a.disconnected(id(3)).await, Why::Fault(_)));
    flood.abort();
    still_talk(&a, &mut b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_begun_frame_that_never_ends_is_cut_off() {
    let mut quick = config(1);
    quick.limits.stall = Duration::from_millis(500);
    let mut a = start(quick).await;
    let (_raw, conn) = greeted(50, &mut a).await;
    let mut send = conn.open_uni().await.unwrap();
    send.write_all(&frame(&StreamHeader::new("live").to_bytes()))
        .await
        .unwrap();
    send.write_all(&[100, 0, 0, 0, 1]).await.unwrap();
    assert_eq!(code(&conn).await, Some(CloseCode::Fault));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_never_reads_is_let_go() {
    let mut quick = config(1);
    quick.limits.stall = Duration::from_millis(500);
    let mut a = start(quick).await;
    let (_raw, conn) = greeted(50, &mut a).await;
    while a.net.send(&id(50), Channel::Sync, vec![0; 500_000]).is_ok() {}
    assert_eq!(a.disconnected(id(50)).await, Why::Slow);
    assert_eq!(code(&conn).await, Some(CloseCode::Slow));
}
