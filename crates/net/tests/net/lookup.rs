//! Finding nodes: by the DHT, by peers, by seeds; each alone is enough, and what does not help is said.

use crate::support::*;
use hedgerow_base::NodeId;
use hedgerow_net::{DhtRole, KnownPeer, LookupConfig, LookupMemory, NetConfig, NetEvent, NetLimits, Source};
use n0_mainline::Testnet;
use std::{
    net::UdpSocket,
    time::{Duration, Instant},
};

fn with(seed: u8, lookup: LookupConfig) -> NetConfig {
    NetConfig {
        lookup: LookupConfig {
            user: Some(root(seed)),
            ..lookup
        },
        ..config(seed)
    }
}

fn over(bootstrap: &[String]) -> LookupConfig {
    LookupConfig {
        bootstrap: bootstrap.to_vec(),
        ..LookupConfig::default()
    }
}

fn without_dht() -> LookupConfig {
    LookupConfig {
        dht: false,
        ..LookupConfig::default()
    }
}

async fn until(what: &str, mut good: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !good() {
        assert!(begun.elapsed() < LONG, "no {what} in time");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn published(node: &Node) {
    until("record in the DHT", || node.net.lookup().published_ms_ago.is_some()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_know_each_others_id_and_one_node_of_the_dht_connect() {
    let dht = Testnet::new(50).await.unwrap();
    let mut a = start(with(1, over(&dht.bootstrap))).await;
    let b = start(with(2, over(&dht.bootstrap))).await;
    assert_eq!(a.net.lookup().role, DhtRole::Client);
    published(&b).await;
    a.net.connect_to(id(2)).await.unwrap();
    a.connected(id(2)).await;
    assert_eq!(a.net.lookup().lookups, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dht_may_begin_with_one_node_that_serves_it() {
    let port = UdpSocket::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port();
    let bootstrap = [format!("127.0.0.1:{port}")];
    let serving = LookupConfig {
        dht_port: Some(port),
        ..over(&bootstrap)
    };
    let mut a = start(with(1, serving)).await;
    until("server", || a.net.lookup().port == Some(port)).await;
    assert_eq!(a.net.lookup().role, DhtRole::Server);
    let b = start(with(2, over(&bootstrap))).await;
    let c = start(with(3, over(&bootstrap))).await;
    for node in [&b, &c] {
        published(node).await;
    }
    // Who asks the server, who asks through the server, and the server itself.
    a.net.connect_to(id(2)).await.unwrap();
    a.connected(id(2)).await;
    b.net.connect_to(id(3)).await.unwrap();
    let mut d = start(with(4, over(&bootstrap))).await;
    until("its own record in its own DHT", || {
        a.net.lookup().published_ms_ago.is_some()
    })
    .await;
    d.net.connect_to(id(1)).await.unwrap();
    d.connected(id(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_learns_the_dht_from_the_peer_that_serves_it() {
    let serving = LookupConfig {
        dht_port: Some(0),
        ..LookupConfig::default()
    };
    let mut server = start(with(1, serving)).await;
    until("server", || server.net.lookup().port.is_some()).await;
    let mut a = start(with(2, LookupConfig::default())).await;
    let text = a.net.connect_to(id(3)).await.unwrap_err().to_string();
    assert!(text.contains("no node of it is known"), "{text}");
    join(&mut a, &mut server).await;
    let port = server.net.lookup().port.unwrap();
    let kept = a.until("node of the DHT to keep", |event| match event {
        NetEvent::LookupLearned { memory } => memory.nodes.iter().any(|node| node.port() == port).then_some(()),
        _ => None,
    });
    kept.await;
    let found = a.net.find(id(3).0).await;
    assert!(
        found.ways.iter().any(|way| way.said == "no record among one node"),
        "{found:?}"
    );
    assert_eq!(
        a.net.lookup().published_ms_ago,
        None,
        "nobody said that this DHT is on this machine only, and a loopback address is not for others"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_two_peers_that_serve_the_dht_leaves_its_record_to_them() {
    let dht = Testnet::new(5).await.unwrap();
    let serving = || LookupConfig {
        dht_port: Some(0),
        ..over(&dht.bootstrap)
    };
    let mut servers = [start(with(1, serving())).await, start(with(2, serving())).await];
    for server in &servers {
        until("server", || server.net.lookup().port.is_some()).await;
    }
    let mut a = start(with(3, over(&dht.bootstrap))).await;
    for server in &mut servers {
        join(&mut a, server).await;
    }
    until("record that others carry", || a.net.lookup().carried).await;
    // Somebody whom none of them knows finds it in the DHT.
    let asker = start(with(4, over(&dht.bootstrap))).await;
    let begun = Instant::now();
    while asker.net.find(id(3).0).await.devices.is_empty() {
        assert!(begun.elapsed() < LONG, "nobody put the record into the DHT");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // When they go, it does so itself.
    for server in &servers {
        server.net.shutdown().await;
    }
    until("record of its own", || !a.net.lookup().carried).await;
    let seq = |answer: hedgerow_net::FindAnswer| answer.devices.first().and_then(|device| device.seq);
    let before = seq(asker.net.find(id(3).0).await);
    let begun = Instant::now();
    while seq(asker.net.find(id(3).0).await) <= before {
        assert!(begun.elapsed() < LONG, "it did not publish by itself");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_alone_suffice_and_are_believed_because_the_record_is_signed() {
    let mut between = start(with(1, without_dht())).await;
    let mut a = start(with(2, without_dht())).await;
    // What a node on loopback publishes, it publishes for a DHT on this machine only; peers are told the same.
    let near = LookupConfig {
        bootstrap: vec!["127.0.0.1:1".into()],
        ..LookupConfig::default()
    };
    let mut b = start(with(3, near)).await;
    join(&mut a, &mut between).await;
    join(&mut b, &mut between).await;
    let begun = Instant::now();
    loop {
        let found = a.net.find(id(3).0).await;
        if let Some(device) = found.devices.first() {
            assert_eq!((device.node, device.source), (id(3), Some(Source::Peer(id(1)))));
            assert!(device.seq.is_some() && !device.addresses.is_empty(), "{device:?}");
            break;
        }
        assert!(begun.elapsed() < LONG, "{found:?}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    a.net.connect_to(id(3)).await.unwrap();
    a.connected(id(3)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_found_with_all_devices() {
    let dht = Testnet::new(10).await.unwrap();
    // Two devices of one user.
    let certificate = |device: u8| hedgerow_net::DeviceCertificate::issue(&root(1), id(device), 1);
    let of_user = |device: u8| NetConfig {
        certificate: certificate(device),
        lookup: LookupConfig {
            user: Some(root(1)),
            ..over(&dht.bootstrap)
        },
        ..config(device)
    };
    let first = start(of_user(1)).await;
    published(&first).await;
    let second = start(of_user(2)).await;
    published(&second).await;
    let asker = start(with(3, over(&dht.bootstrap))).await;
    let found = asker.net.find(user(1).0).await;
    let mut nodes: Vec<NodeId> = found.devices.iter().map(|device| device.node).collect();
    nodes.sort();
    let mut wanted = [id(1), id(2)];
    wanted.sort();
    assert_eq!(nodes, wanted, "{found:?}");
    assert!(
        found
            .devices
            .iter()
            .all(|device| device.source == Some(Source::Dht) && !device.addresses.is_empty())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_node_that_answers_costs_no_lookup() {
    let dht = Testnet::new(5).await.unwrap();
    let mut a = start(with(1, over(&dht.bootstrap))).await;
    let mut b = start(with(2, over(&dht.bootstrap))).await;
    join(&mut a, &mut b).await;
    a.net.disconnect(&id(2));
    a.disconnected(id(2)).await;
    b.disconnected(id(1)).await;
    a.net.connect_to(id(2)).await.unwrap();
    a.connected(id(2)).await;
    assert_eq!((a.net.lookup().lookups, b.net.lookup().lookups), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remembered_node_that_moved_is_found_again_by_itself() {
    let dht = Testnet::new(10).await.unwrap();
    let mut b = start(with(2, over(&dht.bootstrap))).await;
    let kept = b.until("memory", |event| match event {
        NetEvent::LookupLearned { memory } if memory.seq > 0 => Some(memory),
        _ => None,
    });
    let memory = kept.await;
    published(&b).await;
    let old = b.net.addresses();
    b.net.shutdown().await;
    // Its clock is lost with its port: only what it remembers makes its next record the newer one.
    let ahead = LookupMemory {
        seq: memory.seq + 365 * 86_400,
        ..memory
    };
    let moved = LookupConfig {
        memory: ahead.clone(),
        ..over(&dht.bootstrap)
    };
    let b = start(with(2, moved)).await;
    assert_ne!(b.net.addresses(), old);
    published(&b).await;
    let known = KnownPeer {
        node: id(2),
        addresses: old,
        relays: Vec::new(),
        last_seen_ms: 1,
    };
    let a = with(1, over(&dht.bootstrap));
    let mut a = start(NetConfig {
        known: vec![known],
        limits: NetLimits {
            handshake: Duration::from_secs(1),
            ..a.limits
        },
        ..a
    })
    .await;
    a.connected(id(2)).await;
    assert_eq!(a.net.lookup().lookups, 1);
    assert_eq!(a.net.find(id(2).0).await.devices[0].seq, Some(ahead.seq + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_that_failed_is_told_with_the_next_step() {
    let a = start(with(1, without_dht())).await;
    let error = a.net.connect_to(id(2)).await.unwrap_err();
    let names: Vec<_> = error.ways.iter().map(|way| way.way).collect();
    assert_eq!(names, ["remembered", "local network", "peers", "dht", "seeds"]);
    let text = error.to_string();
    for part in [
        "no address of it is known",
        "--no-lan",
        "nobody is connected",
        "--no-dht",
        "--seed",
        "ticket",
    ] {
        assert!(text.contains(part), "{part:?} is missing: {text}");
    }
    let silent = start(with(2, over(&["127.0.0.1:1".into()]))).await;
    let text = silent.net.connect_to(id(3)).await.unwrap_err().to_string();
    assert!(text.contains("dht: none of its nodes answers"), "{text}");
    let unknown = start(with(4, LookupConfig::default())).await;
    let text = unknown.net.connect_to(id(3)).await.unwrap_err().to_string();
    assert!(text.contains("--dht-bootstrap"), "{text}");
    assert!(a.net.connect_to(id(1)).await.unwrap_err().refused.is_some(), "oneself");
}

/// A name server that answers every question with one TXT record.
fn name_server(text: String) -> std::net::SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let addr = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 1024];
        while let Ok((len, from)) = socket.recv_from(&mut buffer) {
            let end = 12 + buffer[12..len].iter().position(|byte| *byte == 0).unwrap() + 5;
            let mut answer = buffer[..end].to_vec();
            // A response, one question, one answer, nothing else.
            answer[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
            answer.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60]);
            let mut data = Vec::new();
            for part in text.as_bytes().chunks(255) {
                data.push(u8::try_from(part.len()).unwrap());
                data.extend(part);
            }
            answer.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
            answer.extend(data);
            socket.send_to(&answer, from).unwrap();
        }
    });
    addr
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_alone_suffices() {
    let b = start(with(2, without_dht())).await;
    let seeded = LookupConfig {
        seeds: vec!["seed.example.".into()],
        nameserver: Some(name_server(b.net.ticket().to_string())),
        ..without_dht()
    };
    let mut a = start(with(1, seeded)).await;
    a.connected(id(2)).await;
    until("answer of the seed", || !a.net.lookup().seeds.is_empty()).await;
    assert_eq!(a.net.lookup().seeds, [("seed.example.".to_string(), Ok(1))]);
}
