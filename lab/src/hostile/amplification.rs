//! What a public node sends to an address that has proven nothing, for each byte that came from there.

use super::{advice, wait};
use crate::{description::Description, node::Node, space::Space, topology::Lab};
use anyhow::{Context, Result};
use hedgerow_base::NodeId;
use hedgerow_wire::{
    park::Park,
    side::{From, Side},
};
use serde_json::{Value, json};
use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    path::Path,
    thread,
    time::Duration,
};

/// How often each datagram is sent, and until when its answers have come.
const TIMES: u8 = 50;
const ANSWERS: Duration = Duration::from_millis(2500);
const SERVING: Duration = Duration::from_secs(25);
const DHT: u16 = 6881;

/// Where the datagrams of an attacker go.
#[derive(Clone, Copy)]
enum Port {
    Engine,
    Side,
    Dht,
}

/// A name, where to, whether it is this project's own protocol, and the datagram for each number.
type Attack = (&'static str, Port, bool, fn(u8) -> Vec<u8>);

const ATTACKS: [Attack; 9] = [
    ("where am I", Port::Side, true, |n| ask(n, From::Here, 0)),
    ("where am I, from the other port", Port::Side, true, |n| {
        ask(n, From::OtherPort, 0)
    }),
    ("where am I, later", Port::Side, true, |n| ask(n, From::Here, 1)),
    ("call a node", Port::Side, true, |n| {
        Park::Call {
            node: NodeId([n; 32]),
            token: [n; 8],
            cookie: [0; 8],
            pass: [0; 16],
        }
        .to_bytes()
    }),
    ("a beat of nobody", Port::Side, true, |n| {
        Park::Here {
            session: u32::from(n),
            count: 1,
            after: Some(0),
            mac: [0; 6],
        }
        .to_bytes()
    }),
    ("open, of no meeting", Port::Side, true, |n| {
        Side::Open { meeting: [n; 16] }.to_bytes()
    }),
    ("QUIC of no version, short", Port::Engine, false, |n| quic(n, 23)),
    ("QUIC of no version, 1200 bytes", Port::Engine, false, |n| quic(n, 1200)),
    ("find_node of the Mainline DHT", Port::Dht, false, |n| {
        [
            &b"d1:ad2:id20:abcdefghij0123456789"[..],
            b"6:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:a",
            &[n],
            b"1:y1:qe",
        ]
        .concat()
    }),
];

fn ask(n: u8, from: From, delay_s: u16) -> Vec<u8> {
    Side::Ask {
        token: [n; 8],
        from,
        delay_s,
        cookie: [0; 8],
    }
    .to_bytes()
}

/// What the dial-back over UDP sends (RFC 8999), and the same at full length.
fn quic(n: u8, len: usize) -> Vec<u8> {
    let mut packet = vec![0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8];
    packet.extend([n; 8]);
    packet.push(8);
    packet.extend([n; 8]);
    packet.resize(len, 0);
    packet
}

pub(super) fn run(program: &Path) -> Result<Value> {
    let mut lab = Lab::new(14)?;
    lab.add(
        &"host P1 at 203.0.113.101
          host P2 at 203.0.113.102
          host X at 203.0.113.66"
            .parse::<Description>()?,
    )?;
    let at = lab.address("P1")?;
    let (first, port) = (format!("{at}:{DHT}"), DHT.to_string());
    let arguments = ["--no-lan", "--dht-bootstrap", &first, "--dht-port", &port];
    let mut p1 = Node::launch(lab.space("P1")?, program, "P1", &arguments)?;
    let known = [&arguments[..], &["--peer", p1.first_ticket()]].concat();
    let p2 = Node::launch(lab.space("P2")?, program, "P2", &known)?;
    let relay = || -> Result<Option<String>> { Ok(p1.doctor()?["roles"][0]["address"].as_str().map(str::to_owned)) };
    wait(SERVING, || Ok(relay()?.is_some()))?.context("the public node does not relay")?;
    let relay: SocketAddr = relay()?.context("the public node does not relay")?.parse()?;
    let attacker = lab.space("X")?;
    let mut attacks = Vec::new();
    let mut ok = true;
    for (name, port, own, datagram) in ATTACKS {
        let port = match port {
            Port::Engine => relay.port(),
            Port::Side => relay.port() + 1,
            Port::Dht => DHT,
        };
        let (sent, back) = attack(&attacker, SocketAddr::from((at, port)), datagram)?;
        let factor = back as f64 / sent.max(1) as f64;
        ok &= !own || back <= sent;
        attacks.push(json!({
            "what": name, "own_protocol": own, "bytes_sent": sent, "bytes_back": back,
            "factor": (factor * 100.0).round() / 100.0,
        }));
    }
    let kept = p2.reaches(&p1);
    Ok(json!({
        "ok": ok && kept, "survived": p1.runs(), "said": advice(&p1)?, "connections_kept": kept, "attacks": attacks,
    }))
}

/// What surrounds a datagram: IPv4 and UDP.
const HEADERS: u64 = 28;

/// Sends a number of datagrams; the bytes that went and that came back, with headers.
fn attack(attacker: &Space, to: SocketAddr, datagram: fn(u8) -> Vec<u8>) -> Result<(u64, u64)> {
    let socket = attacker.enter(|| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)))??;
    socket.set_read_timeout(Some(ANSWERS))?;
    let mut sent = 0;
    for n in 1..=TIMES {
        sent += HEADERS + socket.send_to(&datagram(n), to)? as u64;
        thread::sleep(Duration::from_millis(2));
    }
    let (mut back, mut buffer) = (0, [0; 2048]);
    while let Ok((len, from)) = socket.recv_from(&mut buffer) {
        back += if from.ip() == to.ip() { HEADERS + len as u64 } else { 0 };
    }
    Ok((sent, back))
}
