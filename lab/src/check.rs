//! `lab check`: the lab proves itself. Every NAT does what its name says, every link is as bad as it was asked to be.

use crate::{
    description::{Description, Link, Place},
    echo::{PORTS, Server},
    forgetting, ipv6,
    nat::{BLOCK, NatKind},
    probe::{self, Findings, Measured},
    punch,
    topology::Lab,
};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::{
    net::{Ipv4Addr, SocketAddrV4},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

/// Links that are measured: round-trip time in milliseconds, loss in per cent, packets.
const LINKS: [(f64, f64, u32); 3] = [(50.0, 0.0, 2_000), (50.0, 1.0, 30_000), (150.0, 5.0, 15_000)];
/// Packets a second on each.
const RATE: f64 = 8_000.0;
/// How far a measured figure may be from what was asked for.
const TOLERANCE: f64 = 0.1;

/// Which port a NAT gives to each of four destinations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mapping {
    /// The host's own address.
    Own,
    /// One for all.
    One,
    /// Any.
    Random,
    /// The next.
    Next,
    /// Any of [`BLOCK`].
    Block,
    /// None at all.
    Nothing,
}

/// What a kind of NAT must be found to do.
#[derive(Debug)]
struct Promise {
    mapping: Mapping,
    other_port: bool,
    other_address: bool,
    early_changes: bool,
    hops: Option<u32>,
    hairpin: bool,
}

fn promise(kind: NatKind) -> Promise {
    let (mapping, other_port, other_address) = match kind {
        NatKind::None => (Mapping::Own, true, true),
        NatKind::FullCone | NatKind::Hairpin => (Mapping::One, true, true),
        NatKind::AddressRestricted => (Mapping::One, true, false),
        NatKind::PortRestricted | NatKind::Cgnat | NatKind::EarlyInbound => (Mapping::One, false, false),
        NatKind::SymmetricRandom => (Mapping::Random, false, false),
        NatKind::SymmetricSequential => (Mapping::Next, false, false),
        NatKind::SymmetricBlock => (Mapping::Block, false, false),
        NatKind::UdpBlocked => (Mapping::Nothing, false, false),
    };
    let symmetric = matches!(mapping, Mapping::Random | Mapping::Next | Mapping::Block);
    Promise {
        mapping,
        other_port,
        other_address,
        early_changes: symmetric || kind == NatKind::EarlyInbound,
        hops: match kind {
            // The public network is one, too.
            NatKind::None => Some(2),
            NatKind::Cgnat => Some(4),
            NatKind::UdpBlocked => None,
            _ => Some(3),
        },
        hairpin: matches!(kind, NatKind::None | NatKind::Hairpin),
    }
}

fn mapping_is(promised: Mapping, found: &Findings) -> bool {
    let all: Vec<_> = found.mapped.iter().flatten().collect();
    if promised == Mapping::Nothing {
        return all.is_empty();
    }
    let Some((first, rest)) = all.split_first().filter(|_| all.len() == found.mapped.len()) else {
        return false;
    };
    let ports: Vec<_> = all.iter().map(|address| i32::from(address.port())).collect();
    let mut distinct = ports.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let steps = ports
        .iter()
        .zip(ports.iter().skip(1))
        .map(|(before, after)| after - before);
    let in_a_row = steps.clone().filter(|step| *step == 1).count() == ports.len() - 1;
    let (low, high) = BLOCK;
    let in_block = all.iter().all(|address| (low..=high).contains(&address.port()));
    match promised {
        Mapping::Own => found.local.as_ref() == Some(first) && rest.iter().all(|other| other == first),
        Mapping::One => found.local.as_ref() != Some(first) && rest.iter().all(|other| other == first),
        Mapping::Random => distinct.len() == ports.len() && !in_a_row && !in_block,
        Mapping::Next => in_a_row,
        Mapping::Block => distinct.len() > 1 && !in_a_row && in_block,
        Mapping::Nothing => all.is_empty(),
    }
}

/// What was found that was not promised, as words.
fn broken(kind: NatKind, found: &Findings, hairpin: bool) -> Vec<&'static str> {
    let promise = promise(kind);
    let checks = [
        ("mapping", mapping_is(promise.mapping, found)),
        ("other_port", found.other_port == promise.other_port),
        ("other_address", found.other_address == promise.other_address),
        ("early_changes", found.early_changes == promise.early_changes),
        ("hops", found.hops == promise.hops),
        ("hairpin", hairpin == promise.hairpin),
        ("tcp", found.tcp),
    ];
    checks.into_iter().filter(|(_, ok)| !ok).map(|(name, _)| name).collect()
}

/// Runs all checks; the JSON has `ok` at its top.
pub fn run() -> Result<Value> {
    let nats = nats()?;
    let links = links()?;
    let punching = punch::run()?;
    let (forgetting, ipv6) = (forgetting::run()?, ipv6::run()?);
    let mut lines = nats
        .iter()
        .chain(&links)
        .chain([&punching])
        .chain(&forgetting)
        .chain(&ipv6);
    let ok = lines.all(|line| line["ok"] == Value::Bool(true));
    Ok(json!({
        "ok": ok, "nats": nats, "links": links, "punching": punching, "forgetting": forgetting, "ipv6": ipv6,
    }))
}

/// The hosts of the servers.
pub(crate) const SERVERS: [(&str, Ipv4Addr); 2] = [
    ("P1", Ipv4Addr::new(203, 0, 113, 101)),
    ("P2", Ipv4Addr::new(203, 0, 113, 102)),
];

/// All kinds in one lab, asked at the same time.
fn nats() -> Result<Vec<Value>> {
    let mut description = Description::default();
    for (name, address) in SERVERS {
        description = description.host(name, Place::Public(address), Link::default());
    }
    for (at, kind) in (1u8..).zip(NatKind::ALL) {
        let public = |last| Place::Public(Ipv4Addr::new(203, 0, 113, last));
        let [first, second] = hosts(kind);
        let router = format!("{kind}-r");
        if kind != NatKind::None {
            description = description.router(&router, public(10 + at), kind, Link::default());
        }
        let place = |last| match kind {
            NatKind::None => public(last),
            _ => Place::Behind(router.clone()),
        };
        description = description
            .host(&first, place(30), Link::default())
            .host(&second, place(31), Link::default());
    }
    let mut lab = Lab::new(1)?;
    lab.add(&description)?;
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let outcome = serve(&lab, scope, &stop, SERVERS).and_then(|()| {
            let probes: Vec<_> = NatKind::ALL
                .map(|kind| {
                    let lab = &lab;
                    scope.spawn(move || nat(lab, kind))
                })
                .into_iter()
                .collect();
            probes
                .into_iter()
                .map(|probe| probe.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        stop.store(true, Ordering::SeqCst);
        outcome
    })
}

/// Starts a pair of servers that know each other.
pub(crate) fn serve<'s>(
    lab: &Lab,
    scope: &'s thread::Scope<'s, '_>,
    stop: &'s AtomicBool,
    servers: [(&str, Ipv4Addr); 2],
) -> Result<()> {
    let [(one, at_one), (two, at_two)] = servers;
    for (name, own, other) in [(one, at_one, at_two), (two, at_two, at_one)] {
        let server = lab.space(name)?.enter(|| Server::open(own, other))??;
        scope.spawn(move || server.serve(stop));
    }
    Ok(())
}

fn hosts(kind: NatKind) -> [String; 2] {
    [format!("{kind}-1"), format!("{kind}-2")]
}

fn nat(lab: &Lab, kind: NatKind) -> Result<Value> {
    let [first, second] = hosts(kind);
    let servers = SERVERS.map(|(_, address)| address);
    let found = lab.space(&first)?.enter(|| probe::nat(servers))??;
    let hairpin = hairpin(lab, &first, &second).with_context(|| format!("hairpin of {kind}"))?;
    let wrong = broken(kind, &found, hairpin);
    let mut line = json!({ "nat": kind.name(), "ok": wrong.is_empty(), "wrong": wrong, "hairpin": hairpin });
    if let (Value::Object(line), Value::Object(found)) = (&mut line, found.json()) {
        line.extend(found);
    }
    Ok(line)
}

/// Whether the second host reaches the first by its public address, and is answered.
fn hairpin(lab: &Lab, first: &str, second: &str) -> Result<bool> {
    let [port, _] = PORTS;
    let server = SocketAddrV4::new(SERVERS[0].1, port);
    let inside = lab.space(first)?.enter(probe::bind)??;
    let Some(mapped) = probe::mapping(&inside, server) else {
        return Ok(false);
    };
    let knocker = lab.space(second)?.enter(probe::bind)??;
    knocker.send_to(b"knock", SocketAddrV4::new(*mapped.ip(), mapped.port()))?;
    let Some((_, from)) = probe::hear(&inside, None) else {
        return Ok(false);
    };
    inside.send_to(b"come in", from)?;
    Ok(probe::hear(&knocker, Some(mapped)).is_some())
}

/// All links in one lab, measured at the same time.
fn links() -> Result<Vec<Value>> {
    let mut lab = Lab::new(1)?;
    let stop = AtomicBool::new(false);
    let mut pairs = Vec::new();
    for (last, (rtt, loss, count)) in (20u8..).step_by(2).zip(LINKS) {
        let link = Link::half_of(Duration::from_secs_f64(rtt / 1000.0), loss / 100.0);
        let [near, far] = [last, last + 1].map(|last| Ipv4Addr::new(203, 0, 113, last));
        let names = [near, far].map(|address| format!("h{}", address.octets()[3]));
        let [first, second] = &names;
        let hosts =
            Description::default()
                .host(first, Place::Public(near), link)
                .host(second, Place::Public(far), link);
        lab.add(&hosts)?;
        pairs.push((names, far, rtt, loss, count));
    }
    let lab = &lab;
    thread::scope(|scope| {
        let measure = || -> Result<Vec<Value>> {
            let mut running = Vec::new();
            for ([near, far], address, rtt, loss, count) in &pairs {
                let server = lab.space(far)?.enter(|| Server::open(*address, *address))??;
                let stop = &stop;
                scope.spawn(move || server.serve(stop));
                let space = lab.space(near)?;
                let to = SocketAddrV4::new(*address, PORTS[0]);
                let (rtt, loss, count) = (*rtt, *loss, *count);
                running.push((
                    rtt,
                    loss,
                    scope.spawn(move || space.enter(|| probe::link(to, count, RATE))?),
                ));
            }
            let judged = running.into_iter().map(|(rtt, loss, thread)| {
                let measured = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
                Ok(link_line(rtt, loss, measured))
            });
            judged.collect()
        };
        let lines = measure();
        stop.store(true, Ordering::SeqCst);
        lines
    })
}

fn link_line(rtt_ms: f64, loss: f64, measured: Measured) -> Value {
    let near = |asked: f64, found: f64, slack: f64| (found - asked).abs() <= asked * TOLERANCE + slack;
    // A perfect link may still lose a packet on a very busy machine: one in a thousand is not counted.
    let ok =
        near(rtt_ms, measured.rtt_ms, 0.0) && near(loss / 100.0, measured.loss, if loss == 0.0 { 0.001 } else { 0.0 });
    json!({ "rtt_ms": rtt_ms, "loss": loss, "ok": ok, "measured": measured.json() })
}

/// The result for people.
pub fn table(result: &Value) -> String {
    let mut lines = Vec::new();
    for nat in result["nats"].as_array().into_iter().flatten() {
        let name = nat["nat"].as_str().unwrap_or_default();
        if nat["ok"] == Value::Bool(true) {
            lines.push(format!("{name:21} as its name says"));
        } else {
            lines.push(format!("{name:21} WRONG: {}; found {nat}", nat["wrong"]));
        }
    }
    for link in result["links"].as_array().into_iter().flatten() {
        let ok = if link["ok"] == Value::Bool(true) { "" } else { "WRONG" };
        let (rtt, loss) = (&link["measured"]["rtt_ms"], &link["measured"]["loss"]);
        lines.push(format!(
            "link of {} ms, {} %: measured {rtt} ms, {loss} % {ok}",
            link["rtt_ms"], link["loss"]
        ));
    }
    let punching = &result["punching"];
    let as_expected = if punching["ok"] == Value::Bool(true) {
        "connect or not as their kinds say".to_owned()
    } else {
        format!("WRONG: {}", punching["wrong"])
    };
    lines.push(format!(
        "{} pairs, opened from both sides: {as_expected}",
        punching["pairs"]
    ));
    lines.extend(lines_of(&result["forgetting"], "nat", "forgets"));
    lines.extend(lines_of(&result["ipv6"], "host", "firewall"));
    lines.join("\n") + "\n"
}

/// One line for each of a list that is not as it should be, or one for all.
fn lines_of(list: &Value, who: &str, what: &str) -> Vec<String> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let wrong = list.iter().filter(|line| line["ok"] != Value::Bool(true));
    let told: Vec<_> = wrong
        .map(|line| format!("{} ({what}: {}) WRONG: {}", line[who], line[what], line["wrong"]))
        .collect();
    match told.is_empty() {
        true => vec![format!("{} checks of {what}: as they should be", list.len())],
        false => told,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(ports: [u16; 4]) -> Findings {
        let at = |port| Some(SocketAddrV4::new(Ipv4Addr::new(203, 0, 113, 11), port));
        Findings {
            local: Some(SocketAddrV4::new(Ipv4Addr::new(10, 0, 1, 2), ports[0])),
            mapped: ports.map(at).to_vec(),
            ..Findings::default()
        }
    }

    #[test]
    fn mappings_are_told_apart() {
        for (ports, mapping) in [
            ([5000, 5000, 5000, 5000], Mapping::One),
            ([5000, 900, 7000, 61000], Mapping::Random),
            ([40000, 40001, 40002, 40003], Mapping::Next),
            ([20481, 21503, 20900, 20800], Mapping::Block),
        ] {
            for promised in [
                Mapping::Own,
                Mapping::One,
                Mapping::Random,
                Mapping::Next,
                Mapping::Block,
                Mapping::Nothing,
            ] {
                assert_eq!(
                    mapping_is(promised, &found(ports)),
                    promised == mapping,
                    "{ports:?} {promised:?}"
                );
            }
        }
        assert!(mapping_is(Mapping::Nothing, &Findings::default()));
    }

    #[test]
    fn a_link_is_right_within_a_tenth() {
        let line = |rtt_ms, loss| link_line(50.0, 1.0, Measured { rtt_ms, loss })["ok"].clone();
        assert_eq!(line(50.4, 0.0105), true);
        assert_eq!(line(56.0, 0.01), false);
        assert_eq!(line(50.0, 0.013), false);
    }
}
