//! `lab relays`: many of the nodes that relay vanish at once. How long until those who needed them can be called again,
//! and is an open stream on a direct path disturbed (O5, O8)?

use crate::{
    description::{Description, Link, Place},
    events::meet,
    figures::{milliseconds, percentile},
    nat::NatKind,
    node::Node,
    talk::Talk,
    topology::Lab,
};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    net::Ipv4Addr,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

/// How long everybody gets to find out how they can be reached.
const SETTLING: Duration = Duration::from_secs(40);
/// How long what follows is watched.
const WATCH: Duration = Duration::from_secs(60);
/// Every so often a client is asked where it can be called.
const ROUND: Duration = Duration::from_millis(250);
/// Public nodes that each client knows from the start.
const KNOWN: usize = 3;

/// What to run.
#[derive(Clone, Debug)]
pub struct Relays {
    /// Public nodes that relay.
    pub relays: usize,
    /// Nodes behind routers that make direct paths impossible, in pairs.
    pub clients: usize,
    /// How many of the relays vanish, in per cent: those that are home to the most.
    pub vanishing: usize,
    /// Their machines lose power, so that nobody is told; else only the program is killed.
    pub silent: bool,
    /// The node's program.
    pub program: PathBuf,
}

/// What became of a client, in milliseconds since the blow.
struct Client {
    cut_off: bool,
    home: Option<f64>,
    call: Option<f64>,
}

/// Builds the network, lets a part of it vanish and watches.
pub fn run(plan: &Relays) -> Result<Value> {
    let mut lab = Lab::new(7)?;
    lab.add(&network(plan)?)?;
    let start = |name: String, peers: &[&str]| Node::start(lab.space(&name)?, &plan.program, &name, peers);
    let mut relays: Vec<Node> = Vec::new();
    for at in 0..plan.relays {
        let known: Vec<&str> = relays.iter().rev().take(KNOWN).map(Node::first_ticket).collect();
        let node = start(format!("R{at}"), &known)?;
        relays.push(node);
    }
    wait("the public nodes do not relay", || {
        relays.iter().try_fold(true, |all, relay| {
            Ok(all
                && relay.ask(&["doctor"])?["roles"]
                    .as_array()
                    .is_some_and(|roles| !roles.is_empty()))
        })
    })?;
    let tickets: Vec<String> = relays.iter().map(Node::ticket).collect::<Result<_>>()?;
    let known = |at: usize| {
        let which = [at, at * 3 + 1, at * 7 + 5].map(|nth| nth % tickets.len());
        let some: BTreeSet<&str> = which
            .into_iter()
            .filter_map(|nth| tickets.get(nth).map(String::as_str))
            .collect();
        some.into_iter().collect::<Vec<_>>()
    };
    let clients: Vec<Node> = (0..plan.clients)
        .map(|at| start(format!("c{at}"), &known(at)))
        .collect::<Result<_>>()?;
    let [near, far] = ["d0", "d1"].map(|name| start(name.to_owned(), &known(0)));
    let (near, far) = (near?, far?);
    wait("some clients find no home", || {
        clients
            .iter()
            .try_fold(true, |all, client| Ok(all && !homes(client)?.is_empty()))
    })?;
    let pairs: Vec<(&Node, &Node)> = clients
        .chunks_exact(2)
        .filter_map(|two| Some((two.first()?, two.get(1)?)))
        .collect();
    let paths = meet_all(&pairs)?;
    let direct = meet(&near, &far)?;
    let mut talk = Talk::start(&near, &far, "talk")?;

    let used: Vec<BTreeSet<String>> = clients.iter().map(homes).collect::<Result<_>>()?;
    let gone = most_used(&lab, &used, plan)?;
    let begin = Instant::now();
    for at in &gone {
        let name = format!("R{at}");
        match relays.get_mut(*at) {
            _ if plan.silent => lab.space(&name)?.ip("link set eth0 down\n")?,
            Some(relay) => relay.kill(),
            None => {}
        }
    }
    let addresses: BTreeSet<Ipv4Addr> = gone
        .iter()
        .map(|at| lab.address(&format!("R{at}")))
        .collect::<Result<_>>()?;
    let followed = follow(&pairs, &used, &addresses, begin);
    let mut result = summary(plan, &followed, gone.len());
    result["paths_of_clients"] = json!(paths);
    result["direct_stream"] = talk.told(begin);
    result["direct_stream"]["path_before"] = direct.into();
    result["direct_stream"]["path_after"] = json!(near.path_to(&far)?);
    Ok(result)
}

/// Connects all pairs at the same time.
fn meet_all(pairs: &[(&Node, &Node)]) -> Result<Vec<String>> {
    thread::scope(|scope| {
        let running: Vec<_> = pairs.iter().map(|(a, b)| scope.spawn(|| meet(a, b))).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, Result<String>>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        running.into_iter().map(join).collect()
    })
}

fn network(plan: &Relays) -> Result<Description> {
    let mut all = Description::default();
    let public = |last: usize| -> Result<Place> { Ok(Place::Public(Ipv4Addr::new(203, 0, 113, u8::try_from(last)?))) };
    if plan.relays < 2 || plan.relays + plan.clients > 200 {
        bail!("there must be at least 2 relays, and at most 200 nodes in all");
    }
    for at in 0..plan.relays {
        all = all.host(&format!("R{at}"), public(10 + at)?, Link::default());
    }
    let hard = (0..plan.clients).map(|at| (format!("c{at}"), NatKind::SymmetricRandom));
    let easy = (0..2).map(|at| (format!("d{at}"), NatKind::PortRestricted));
    for ((name, nat), last) in hard.chain(easy).zip(10 + plan.relays..) {
        let router = format!("{name}-r");
        all = all.router(&router, public(last)?, nat, Link::default()).host(
            &name,
            Place::Behind(router),
            Link::default(),
        );
    }
    Ok(all)
}

/// Waits until something is so; says how it is else.
fn wait(otherwise: &str, is_so: impl Fn() -> Result<bool>) -> Result<()> {
    let begin = Instant::now();
    while !is_so()? {
        if begin.elapsed() > SETTLING {
            bail!("{otherwise} within {} s", SETTLING.as_secs());
        }
        thread::sleep(Duration::from_millis(500));
    }
    Ok(())
}

/// Over which relays a node says that it can be called.
fn homes(node: &Node) -> Result<BTreeSet<String>> {
    let doctor = node.ask(&["doctor"])?;
    let homes = doctor["homes"].as_array().context("`doctor` names no homes")?;
    Ok(homes.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

fn is_at(home: &str, addresses: &BTreeSet<Ipv4Addr>) -> bool {
    let host = home.rsplit_once(':').map_or(home, |(host, _)| host);
    host.parse().is_ok_and(|address| addresses.contains(&address))
}

/// The relays that are home to the most.
fn most_used(lab: &Lab, used: &[BTreeSet<String>], plan: &Relays) -> Result<Vec<usize>> {
    let mut counts = Vec::new();
    for at in 0..plan.relays {
        let own = BTreeSet::from([lab.address(&format!("R{at}"))?]);
        let clients = used
            .iter()
            .filter(|homes| homes.iter().any(|home| is_at(home, &own)))
            .count();
        counts.push((clients, at));
    }
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let gone = (plan.relays * plan.vanishing).div_ceil(100);
    Ok(counts.into_iter().take(gone).map(|(_, at)| at).collect())
}

/// Watches all clients at the same time: whether one has a home, and whether it answers, each by itself, since a
/// question to somebody who is away takes long.
fn follow(
    pairs: &[(&Node, &Node)],
    used: &[BTreeSet<String>],
    gone: &BTreeSet<Ipv4Addr>,
    begin: Instant,
) -> Vec<Client> {
    let both = pairs.iter().flat_map(|(a, b)| [(*a, *b), (*b, *a)]);
    thread::scope(|scope| {
        let running: Vec<_> = both
            .zip(used)
            .map(|((client, other), used)| {
                let lives = move || homes(client).is_ok_and(|homes| homes.iter().any(|home| !is_at(home, gone)));
                let home = scope.spawn(move || until(begin, lives));
                let call = scope.spawn(move || until(begin, || other.reaches(client)));
                (used.iter().all(|home| is_at(home, gone)), home, call)
            })
            .collect();
        let join = |thread: thread::ScopedJoinHandle<'_, Option<f64>>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        running
            .into_iter()
            .map(|(cut_off, home, call)| Client {
                cut_off,
                home: join(home),
                call: join(call),
            })
            .collect()
    })
}

/// When something became so, in milliseconds since the blow.
fn until(begin: Instant, is_so: impl Fn() -> bool) -> Option<f64> {
    while begin.elapsed() < WATCH {
        if is_so() {
            return Some(milliseconds(begin.elapsed()));
        }
        thread::sleep(ROUND);
    }
    None
}

fn summary(plan: &Relays, clients: &[Client], gone: usize) -> Value {
    let figures = |of: &dyn Fn(&Client) -> Option<f64>, who: &dyn Fn(&Client) -> bool| {
        let asked: Vec<&Client> = clients.iter().filter(|client| who(client)).collect();
        let times: Vec<f64> = asked.iter().filter_map(|client| of(client)).collect();
        let soon = times.iter().filter(|ms| **ms <= 10_000.0).count();
        json!({
            "clients": asked.len(),
            "within_10_s": soon as f64 / asked.len().max(1) as f64,
            "never": asked.len() - times.len(),
            "p50_ms": percentile(&times, 0.5),
            "p95_ms": percentile(&times, 0.95),
            "most_ms": percentile(&times, 1.0),
        })
    };
    json!({
        "relays": plan.relays, "vanished": gone, "silent": plan.silent, "watched_s": WATCH.as_secs(),
        "clients": clients.len(),
        "cut_off": clients.iter().filter(|client| client.cut_off).count(),
        "home_again": figures(&|client| client.home, &|_| true),
        "home_again_of_those_cut_off": figures(&|client| client.home, &|client| client.cut_off),
        "answers_its_peer": figures(&|client| client.call, &|_| true),
    })
}

/// For people.
pub fn text(result: &Value) -> String {
    let line = |what: &str, figures: &Value| {
        format!(
            "{what:34} {} of clients within 10 s; p50 {} ms, p95 {} ms, last {} ms, never {}\n",
            figures["within_10_s"], figures["p50_ms"], figures["p95_ms"], figures["most_ms"], figures["never"]
        )
    };
    format!(
        "{} of {} relays vanished, which cut off {} of {} clients\n",
        result["vanished"], result["relays"], result["cut_off"], result["clients"]
    ) + &line("has a living home", &result["home_again"])
        + &line(
            "has one again, of those cut off",
            &result["home_again_of_those_cut_off"],
        )
        + &line("answers the peer it talked to", &result["answers_its_peer"])
        + &format!("an open stream on a direct path: {}\n", result["direct_stream"])
}
