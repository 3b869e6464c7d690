//! Two of six public nodes lie: they say that everybody is seen at the address of a victim, that a node behind a firewall can
//! be reached, and that an open one cannot. They are real nodes whose machines translate what comes and goes.

use super::{advice, wait};
use crate::{
    description::{Description, Link, Place},
    figures::milliseconds,
    node::Node,
    topology::Lab,
    traffic::{Traffic, count_ip, ip_counted},
};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::{net::Ipv4Addr, path::Path, thread, time::Duration};

/// The last of the public nodes lie.
const PUBLIC: u8 = 6;
const LIARS: u8 = 2;
/// Until when the verdicts are due, and how much longer they must hold.
const VERDICT: Duration = Duration::from_secs(25);
const HOLDING: Duration = Duration::from_secs(15);

const OPEN: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 21);
const WALLED: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 22);
const VICTIM: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 66);

/// Only answers come in.
const WALL: &str = "table ip wall {
 chain inward {
  type filter hook input priority 0;
  iif \"lo\" accept
  ct state established,related accept
  drop
 }
}
";

/// Whoever comes seems to come from the victim, whoever is called behind the wall answers, and who is open does not.
fn lies(own: Ipv4Addr, port: u16, honest: &[Ipv4Addr]) -> String {
    let honest: Vec<String> = honest.iter().map(ToString::to_string).collect();
    format!(
        "table ip lies {{
 chain seen {{
  type nat hook input priority 100;
  ip saddr != {{ {own}, 127.0.0.1, {} }} meta l4proto udp snat to {VICTIM}
 }}
 chain yes {{
  type nat hook output priority -100;
  ip daddr {WALLED} meta l4proto tcp dnat to {own}:{port}
 }}
 chain no {{
  type filter hook output priority 0;
  ip daddr {OPEN} tcp flags & (syn | ack) == syn drop
  ip daddr {VICTIM} drop
 }}
}}
",
        honest.join(", ")
    )
}

/// What the liars have sent until now.
fn spent(lab: &Lab) -> Result<u64> {
    (PUBLIC - LIARS + 1..=PUBLIC).try_fold(0, |sum, at| {
        Ok(sum + Traffic::of(&*lab.space(&format!("P{at}"))?, "eth0")?.bytes_out)
    })
}

pub(super) fn run(program: &Path) -> Result<Value> {
    let address = |at: u8| Ipv4Addr::new(203, 0, 113, 100 + at);
    let name = |at: u8| format!("P{at}");
    let mut all: Description = "router A at 203.0.113.11 nat port-restricted
                                host u behind A"
        .parse()?;
    for at in 1..=PUBLIC {
        all = all.host(&name(at), Place::Public(address(at)), Link::default());
    }
    for (name, at) in [("open", OPEN), ("walled", WALLED), ("victim", VICTIM)] {
        all = all.host(name, Place::Public(at), Link::default());
    }
    let mut lab = Lab::new(13)?;
    lab.add(&all)?;
    lab.space("walled")?.nft(WALL)?;
    let mut public: Vec<Node> = Vec::new();
    for at in 1..=PUBLIC {
        let known: Vec<&str> = public.iter().map(Node::first_ticket).collect();
        public.push(Node::start(lab.space(&name(at))?, program, &name(at), &known)?);
    }
    let serving = || {
        public.iter().try_fold(true, |all, node| {
            Ok(all && node.doctor()?["roles"][0]["address"].is_string())
        })
    };
    wait(VERDICT, serving)?.context("the public nodes do not relay")?;
    let others: Vec<Ipv4Addr> = (1..=PUBLIC).map(address).collect();
    for at in PUBLIC - LIARS + 1..=PUBLIC {
        let node = public.get(usize::from(at) - 1).context("a liar is missing")?;
        let doctor = node.doctor()?;
        let relay = doctor["roles"][0]["address"].as_str().unwrap_or_default();
        let port = relay.rsplit(':').next().unwrap_or_default().parse()?;
        lab.space(&name(at))?.nft(&lies(address(at), port, &others))?;
    }
    let (victim, before) = (lab.space("victim")?, spent(&lab)?);
    count_ip(&victim, "eth0")?;

    let tickets: Vec<&str> = public.iter().map(Node::first_ticket).collect();
    let start = |name: &str| Node::start(lab.space(name)?, program, name, &tickets);
    let (mut u, mut open, mut walled) = (start("u")?, start("open")?, start("walled")?);
    let right = || {
        let (u, open, walled) = (u.doctor()?, open.doctor()?, walled.doctor()?);
        Ok(u["nat"]["class"] == "port-restricted"
            && u["reachable"] == false
            && open["reachable"] == true
            && open["nat"]["class"] == "none"
            && walled["nat"]["class"] == "firewall"
            && walled["reachable"] == false)
    };
    let verdict = wait(VERDICT, right)?;
    thread::sleep(HOLDING);
    let holds = right()?;
    let lied = u.doctor()?["observed"].to_string().contains(&VICTIM.to_string());
    let (bytes, packets) = ip_counted(&victim)?;
    let cost = spent(&lab)? - before;
    // To name a victim must cost more than it does to the victim.
    let harmless = bytes * 10 <= cost;
    let peers = u.peers()?.len();
    let said = json!({
        "behind a router": advice(&u)?, "open": advice(&open)?, "behind a firewall": advice(&walled)?,
    });
    let classes = json!([u.nat()?["class"], open.nat()?["class"], walled.nat()?["class"]]);
    let survived = u.runs() && open.runs() && walled.runs();
    Ok(json!({
        "ok": verdict.is_some() && holds && lied && harmless && peers >= usize::from(PUBLIC),
        "survived": survived, "said": said, "connections_kept": peers >= usize::from(PUBLIC),
        "peers": PUBLIC, "liars": LIARS, "classes": classes, "verdict_ms": verdict.map(milliseconds),
        "the_lie_was_heard": lied, "packets_at_the_victim": packets, "bytes_at_the_victim": bytes, "bytes_of_the_liars": cost,
    }))
}
