//! `lab events`: what becomes of an open stream when something happens to the router in front of it.

use crate::{description::Description, figures::milliseconds, node::Node, talk::Talk, topology::Lab};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::{
    net::Ipv4Addr,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// How long an event is watched.
const WATCH: Duration = Duration::from_secs(40);
/// How long two nodes get to meet, and then to be connected directly.
const MEETING: Duration = Duration::from_secs(20);
/// How long a router is down.
const DOWN: Duration = Duration::from_secs(2);
/// A stream that was silent for longer was interrupted.
const INTERRUPTED: Duration = Duration::from_millis(500);
/// Where a router goes on after a reboot.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 77);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Happening {
    Nothing,
    Reboot,
    Moved,
    Lifetime,
}

/// The name, the routers in front of both, and what happens to the first.
const EVENTS: [(&str, &str, &str, Happening); 7] = [
    ("nothing", "port-restricted", "port-restricted", Happening::Nothing),
    ("reboot", "port-restricted", "port-restricted", Happening::Reboot),
    ("reboot", "symmetric-random", "full-cone", Happening::Reboot),
    (
        "another address",
        "port-restricted",
        "port-restricted",
        Happening::Moved,
    ),
    (
        "another address",
        "symmetric-random",
        "symmetric-random",
        Happening::Moved,
    ),
    (
        "lifetime 15 s",
        "port-restricted",
        "port-restricted",
        Happening::Lifetime,
    ),
    ("lifetime 15 s", "symmetric-random", "full-cone", Happening::Lifetime),
];

/// Runs all events, each in a lab of its own; says on standard error how it goes.
pub fn run(program: &Path) -> Result<Value> {
    let mut lines = Vec::new();
    for (name, a, b, happening) in EVENTS {
        let line = event(program, name, [a, b], happening)
            .unwrap_or_else(|error| json!({ "event": name, "a": a, "b": b, "error": format!("{error:#}") }));
        eprintln!("{line}");
        lines.push(line);
    }
    Ok(json!({ "events": lines }))
}

fn event(program: &Path, name: &str, [a, b]: [&str; 2], happening: Happening) -> Result<Value> {
    let option = if happening == Happening::Lifetime {
        "lifetime 15"
    } else {
        ""
    };
    let network = format!(
        "host P1 at 203.0.113.101 delay 5
         host P2 at 203.0.113.102 delay 5
         router A at 203.0.113.11 nat {a} delay 5 {option}
         router B at 203.0.113.12 nat {b} delay 5
         host a behind A
         host b behind B"
    );
    let mut lab = Lab::new(6)?;
    lab.add(&network.parse::<Description>()?)?;
    let start = |name: &str, peers: &[&str]| Node::start(lab.space(name)?, program, name, peers);
    let p1 = start("P1", &[])?;
    let p2 = start("P2", &[p1.first_ticket()])?;
    let public = [p1.first_ticket(), p2.first_ticket()];
    let (a_node, b_node) = (start("a", &public)?, start("b", &public)?);
    let before = meet(&a_node, &b_node)?;
    let mut talk = Talk::start(&a_node, &b_node, "talk")?;

    let begin = Instant::now();
    match happening {
        Happening::Nothing | Happening::Lifetime => {}
        Happening::Reboot => lab.reboot("A", DOWN, None)?,
        Happening::Moved => lab.reboot("A", DOWN, Some(ELSEWHERE))?,
    }
    // The first line after the longest silence, and the first answer if the stream is gone.
    let (mut again, mut answered, mut silent) = (None, None, false);
    while begin.elapsed() < WATCH {
        thread::sleep(Duration::from_millis(50));
        let quiet = talk.last().is_none_or(|last| last.elapsed() > INTERRUPTED);
        if quiet {
            (silent, again) = (true, None);
        } else if silent && again.is_none() {
            again = Some(milliseconds(begin.elapsed()));
        }
        if answered.is_none() && !talk.lives() && a_node.reaches(&b_node) {
            answered = Some(milliseconds(begin.elapsed()));
        }
    }
    let mut line = json!({
        "event": name, "a": a, "b": b, "watched_s": WATCH.as_secs(),
        "path_before": before,
        "path_after": a_node.path_to(&b_node)?,
        "going_on_after_ms": again,
        "connected_again_after_ms": answered,
    });
    if let (Value::Object(line), Value::Object(told)) = (&mut line, talk.told(begin)) {
        line.extend(told);
    }
    Ok(line)
}

/// Connects and waits until the path is as good as it gets; answers it.
pub(crate) fn meet(a: &Node, b: &Node) -> Result<String> {
    let begin = Instant::now();
    let mut asked = None;
    let mut path = None;
    while begin.elapsed() < MEETING && !matches!(path.as_deref(), Some("direct" | "lan")) {
        // Relays and addresses are found in the first seconds.
        if asked.is_none() && begin.elapsed() > Duration::from_secs(5) {
            asked = Some(a.connect(&b.ticket()?)?);
        }
        thread::sleep(Duration::from_millis(200));
        path = a.path_to(b)?;
    }
    if let Some(mut asked) = asked {
        let _ = asked.kill();
        let _ = asked.wait();
    }
    path.context("the two nodes did not connect")
}

/// For people.
pub fn text(result: &Value) -> String {
    let mut lines = vec![format!(
        "{:16} {:17} {:16} {:>8} {:>8} {:>9} {:>8} {:>9}",
        "event", "a", "b", "before", "after", "survived", "gap ms", "again ms"
    )];
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    for line in result["events"].as_array().into_iter().flatten() {
        lines.push(format!(
            "{:16} {:17} {:16} {:>8} {:>8} {:>9} {:>8} {:>9} {}",
            word(&line["event"]),
            word(&line["a"]),
            word(&line["b"]),
            word(&line["path_before"]),
            word(&line["path_after"]),
            word(&line["survived"]),
            word(&line["longest_gap_ms"]),
            word(&line["connected_again_after_ms"]),
            line["error"].as_str().unwrap_or_default(),
        ));
    }
    lines.join("\n") + "\n"
}
