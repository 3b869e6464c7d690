//! `lab doctor`: real nodes behind every kind of router, and whether they find out which it is (O6).

use crate::{
    description::{Description, Link, Place},
    figures::milliseconds,
    nat::NatKind,
    node::Node,
    topology::Lab,
};
use anyhow::Result;
use serde_json::{Value, json};
use std::{
    net::Ipv4Addr,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// A verdict later than this counts as none.
const LIMIT: Duration = Duration::from_secs(15);
/// Public nodes that can be asked.
const PUBLIC: [(&str, [u8; 4]); 4] = [
    ("P1", [203, 0, 113, 101]),
    ("P2", [203, 0, 113, 102]),
    ("P3", [203, 0, 113, 103]),
    ("P4", [203, 0, 113, 104]),
];

/// What a node behind a kind of router shall say of it. A provider's router in between cannot be told from one alone.
pub fn expected(kind: NatKind) -> Value {
    let (mapping, filtering, ports) = match kind {
        NatKind::None => ("none", "none", "kept"),
        NatKind::FullCone | NatKind::Hairpin => ("endpoint-independent", "endpoint-independent", "kept"),
        NatKind::AddressRestricted => ("endpoint-independent", "address-dependent", "kept"),
        NatKind::PortRestricted | NatKind::Cgnat | NatKind::EarlyInbound => {
            ("endpoint-independent", "address-and-port-dependent", "kept")
        }
        NatKind::SymmetricRandom => ("address-and-port-dependent", "address-and-port-dependent", "random"),
        NatKind::SymmetricSequential => ("address-and-port-dependent", "address-and-port-dependent", "sequential"),
        NatKind::SymmetricBlock => ("address-and-port-dependent", "address-and-port-dependent", "block"),
        NatKind::UdpBlocked => ("blocked", "unknown", "unknown"),
    };
    let class = match kind {
        NatKind::Cgnat => "port-restricted",
        kind => kind.name(),
    };
    let hairpin = match kind {
        NatKind::None | NatKind::UdpBlocked => Value::Null,
        kind => json!(kind == NatKind::Hairpin),
    };
    json!({ "class": class, "mapping": mapping, "filtering": filtering, "ports": ports, "hairpin": hairpin })
}

/// Asks a new node behind each kind; `known` public nodes are its peers, it hears of the others from them.
pub fn run(program: &Path, runs: usize, rtt_ms: f64, loss: f64, known: usize) -> Result<Value> {
    let link = Link::half_of(Duration::from_secs_f64(rtt_ms / 1000.0), loss / 100.0);
    let mut lab = Lab::new(7)?;
    let mut public = Description::default();
    for (name, address) in PUBLIC {
        public = public.host(name, Place::Public(address.into()), link);
    }
    lab.add(&public)?;
    let mut nodes: Vec<Node> = Vec::new();
    for (name, _) in PUBLIC {
        let tickets: Vec<&str> = nodes.iter().map(Node::first_ticket).collect();
        nodes.push(Node::start(lab.space(name)?, program, name, &tickets)?);
    }
    thread::sleep(Duration::from_secs(3));
    let tickets: Vec<&str> = nodes.iter().take(known.max(1)).map(Node::first_ticket).collect();
    let mut kinds = Vec::new();
    for (at, kind) in (0u8..).zip(NatKind::ALL) {
        let (mut times, mut wrong) = (Vec::new(), Vec::new());
        for _ in 0..runs {
            for name in ["h", "R"] {
                lab.remove(name);
            }
            let place = Place::Public(Ipv4Addr::new(203, 0, 113, 11 + at));
            let side = if kind == NatKind::None {
                Description::default().host("h", place, link)
            } else {
                Description::default().router("R", place, kind, link).host(
                    "h",
                    Place::Behind("R".into()),
                    Link::default(),
                )
            };
            lab.add(&side)?;
            let node = Node::start(lab.space("h")?, program, "h", &tickets)?;
            let begin = Instant::now();
            let mut nat = node.nat()?;
            while nat["class"] == "unknown" && begin.elapsed() < LIMIT {
                thread::sleep(Duration::from_millis(100));
                nat = node.nat()?;
            }
            times.push(milliseconds(begin.elapsed()));
            let expected = expected(kind);
            let differs = expected
                .as_object()
                .into_iter()
                .flatten()
                .any(|(key, value)| nat[key] != *value);
            if differs {
                wrong.push(nat.clone());
            }
            eprintln!(
                "{kind}: {} after {:.0} ms{}",
                nat["class"].as_str().unwrap_or_default(),
                times.last().copied().unwrap_or_default(),
                if differs { ", which is wrong" } else { "" }
            );
        }
        let slowest = times.iter().copied().fold(0.0, f64::max);
        kinds.push(json!({ "kind": kind.name(), "runs": runs, "wrong": wrong, "slowest_ms": slowest.round() }));
    }
    let ok = kinds
        .iter()
        .all(|kind| kind["wrong"].as_array().is_some_and(Vec::is_empty));
    Ok(json!({ "rtt_ms": rtt_ms, "loss": loss, "ok": ok, "kinds": kinds }))
}
