//! `lab idle`: what a node pays that does nothing, counted at its network interface (O7).

use crate::{
    description::{Description, Link, Place},
    nat::NatKind,
    node::Node,
    topology::Lab,
    traffic::{Traffic, count_ip, ip_counted},
};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::{
    net::Ipv4Addr,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

/// How long nodes get to find their homes and each other.
const MEETING: Duration = Duration::from_secs(30);
/// Until what comes with meeting is over.
const SETTLING: Duration = Duration::from_secs(15);
/// How long a node gets to give up what it does not need, and until the engine has closed its last relay.
const RESTING: Duration = Duration::from_secs(240);
const CLOSING: Duration = Duration::from_secs(75);
/// In which a connection is complete, also if it begins relayed.
const HANDSHAKE: Duration = Duration::from_secs(4);

/// What to measure.
#[derive(Clone, Debug)]
pub struct Idle {
    /// How long.
    pub time: Duration,
    /// How many others the node knows, each behind a router of its own, besides two public nodes.
    pub peers: usize,
    /// In front of everyone.
    pub nat: NatKind,
    /// The node's program.
    pub program: PathBuf,
}

/// Starts the nodes, lets them meet, and counts.
pub fn run(idle: &Idle) -> Result<Value> {
    let mut lab = Lab::new(5)?;
    lab.add(&network(idle)?)?;
    let start = |name: &str, peers: &[&str]| Node::start(lab.space(name)?, &idle.program, name, peers);
    let p1 = start("P1", &[])?;
    let p2 = start("P2", &[p1.first_ticket()])?;
    let public = [p1.first_ticket(), p2.first_ticket()];
    let others: Vec<Node> = (1..=idle.peers)
        .map(|at| start(&host(at), &public))
        .collect::<Result<_>>()?;
    thread::sleep(SETTLING);

    let homes = || at_public_nodes(&lab);
    let (begin, before_start) = (Instant::now(), homes()?);
    let node = start(&host(0), &public)?;
    wait_for(&node, public.len())?;
    thread::sleep(HANDSHAKE);
    let arrival = (homes()? - before_start, begin.elapsed());
    let (begin, before_meeting) = (Instant::now(), homes()?);
    meet(&node, &others)?;
    let handshakes = (homes()? - before_meeting, begin.elapsed());
    wait_for(&node, public.len() + others.len())?;
    thread::sleep(SETTLING);
    let asleep = rest(&node)?;

    let own = || Traffic::of(&*lab.space(&host(0))?, "eth0");
    let own_space = lab.space(&host(0))?;
    count_ip(&own_space, "eth0")?;
    let (begin, before, homes_before) = (Instant::now(), own()?, homes()?);
    thread::sleep(idle.time);
    let (time, passed, at_homes) = (begin.elapsed(), own()? - before, homes()? - homes_before);
    let (ip_bytes, ip_packets) = ip_counted(&own_space)?;
    let peers = node.peers()?;
    let paths = |wanted: &str| peers.iter().filter(|peer| peer.path == wanted).count();
    let hours = time.as_secs_f64() / 3600.0;
    // What passes the public nodes anyway is no part of what was done meanwhile.
    let beyond_idling = |(passed, time): (Traffic, Duration)| {
        let anyway = at_homes.bytes() as f64 / hours * time.as_secs_f64() / 3600.0;
        (passed.bytes() as f64 - anyway).max(0.0).round()
    };
    Ok(json!({
        "minutes": time.as_secs_f64() / 60.0,
        "nat": idle.nat.name(),
        "peers": idle.peers,
        "connections": peers.len(),
        "direct": paths("direct"),
        "relayed": paths("relay"),
        "parked": paths("parked"),
        "asleep": asleep.is_some(),
        "seconds_until_asleep": asleep.map(|time| time.as_secs()),
        "bytes_per_hour": (passed.bytes() as f64 / hours).round(),
        "packets_per_hour": (passed.packets() as f64 / hours).round(),
        // What leaves the local network: the rest is neighbours asking for each other's hardware address.
        "ip_bytes_per_hour": (ip_bytes as f64 / hours).round(),
        "ip_packets_per_hour": (ip_packets as f64 / hours).round(),
        "interfaces": {
            "node": passed.in_an_hour(time),
            "both public nodes": at_homes.in_an_hour(time),
        },
        "arrival_bytes_at_public_nodes": beyond_idling(arrival),
        "handshake_bytes_at_public_nodes":
            (!others.is_empty()).then(|| (beyond_idling(handshakes) / others.len() as f64).round()),
    }))
}

/// What has passed both public nodes. What passes between the two is little.
fn at_public_nodes(lab: &Lab) -> Result<Traffic> {
    let [one, two] = ["P1", "P2"].map(|name| Traffic::of(&*lab.space(name)?, "eth0"));
    let (one, two) = (one?, two?);
    Ok(Traffic {
        bytes_in: one.bytes_in + two.bytes_in,
        bytes_out: one.bytes_out + two.bytes_out,
        packets_in: one.packets_in + two.packets_in,
        packets_out: one.packets_out + two.packets_out,
    })
}

fn network(idle: &Idle) -> Result<Description> {
    let mut all = Description::default();
    for (name, last) in [("P1", 251), ("P2", 252)] {
        all = all.host(name, Place::Public(Ipv4Addr::new(203, 0, 113, last)), Link::default());
    }
    for at in 0..=idle.peers {
        let place = Place::Public(Ipv4Addr::new(203, 0, 113, u8::try_from(10 + at)?));
        let router = format!("r{at}");
        all = match idle.nat {
            NatKind::None => all.host(&host(at), place, Link::default()),
            nat => {
                let routed = all.router(&router, place, nat, Link::default());
                routed.host(&host(at), Place::Behind(router), Link::default())
            }
        };
    }
    Ok(all)
}

fn host(at: usize) -> String {
    format!("n{at}")
}

/// Waits until a node has so many connections; says so if that does not happen.
fn wait_for(node: &Node, connections: usize) -> Result<()> {
    let begin = Instant::now();
    while node.peers()?.len() < connections {
        if begin.elapsed() > MEETING {
            eprintln!("only {} of {connections} connections came about", node.peers()?.len());
            return Ok(());
        }
        thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

/// Waits until a node has given up what it does not need, if it does; how long that took.
fn rest(node: &Node) -> Result<Option<Duration>> {
    let begin = Instant::now();
    while !node.is_asleep()? {
        if begin.elapsed() > RESTING {
            eprintln!("the node does not sleep");
            return Ok(None);
        }
        thread::sleep(Duration::from_secs(1));
    }
    let time = begin.elapsed();
    thread::sleep(CLOSING);
    Ok(Some(time))
}

/// Connects a node to all others.
fn meet(node: &Node, others: &[Node]) -> Result<()> {
    for other in others {
        node.connect(&other.ticket()?)?.wait().context("connecting")?;
        thread::sleep(HANDSHAKE);
    }
    Ok(())
}

/// For people.
pub fn text(result: &Value) -> String {
    let number = |key: &str| result[key].as_f64().unwrap_or_default();
    format!(
        "{} connections ({} direct, {} relayed, {} parked), idle for {:.1} minutes: {:.0} bytes and {:.0} packets an hour, \
         of which IP {:.0} bytes\n\
         at the public nodes: {:.0} bytes to take the node in, {:.0} for a handshake\n",
        result["connections"],
        result["direct"],
        result["relayed"],
        result["parked"],
        number("minutes"),
        number("bytes_per_hour"),
        number("packets_per_hour"),
        number("ip_bytes_per_hour"),
        number("arrival_bytes_at_public_nodes"),
        number("handshake_bytes_at_public_nodes"),
    )
}
