//! `lab hostile`: real nodes among liars, in bad networks and with wrong clocks. Does a node survive, what does it say, and
//! does it keep the connections that it has?

mod amplification;
mod clock;
mod flapping;
mod liars;
mod portal;
mod slow;
mod tickets;

use crate::{description::Description, events::meet, node::Node, talk::Talk, topology::Lab};
use anyhow::{Result, bail};
use serde_json::{Value, json};
use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// A scenario: what is done, and what came of it: `ok`, `survived`, `said` and `connections_kept`, and figures.
type Scenario = fn(&Path) -> Result<Value>;

const SCENARIOS: [(&str, Scenario); 8] = [
    ("a hundred tickets to nowhere", tickets::run),
    ("captive portal", portal::run),
    ("clock a year behind", clock::behind),
    ("clock a year ahead", clock::ahead),
    ("flapping network", flapping::run),
    ("slow relays", slow::run),
    ("lying reflectors and dial-back peers", liars::run),
    ("amplification", amplification::run),
];

/// Runs the scenarios whose names have one of `only` in them, or all; says on standard error how it goes.
pub fn run(program: &Path, only: &[&str]) -> Result<Value> {
    let wanted = |name: &str| only.is_empty() || only.iter().any(|word| name.contains(word));
    let chosen: Vec<_> = SCENARIOS.into_iter().filter(|(name, _)| wanted(name)).collect();
    if chosen.is_empty() {
        let names = SCENARIOS.map(|(name, _)| name).join("; ");
        bail!("no scenario is called so; there are: {names}");
    }
    let mut lines = Vec::new();
    for (name, scenario) in chosen {
        let mut line = scenario(program)
            .unwrap_or_else(|error| json!({ "ok": false, "survived": false, "said": format!("{error:#}") }));
        line["scenario"] = name.into();
        eprintln!("{line}");
        lines.push(line);
    }
    let ok = lines.iter().all(|line| line["ok"] == true);
    Ok(json!({ "ok": ok, "scenarios": lines }))
}

/// For people.
pub fn text(result: &Value) -> String {
    let mut lines = vec![format!(
        "{:38} {:4} {:8} {:>11}  said",
        "scenario", "ok", "survived", "connections"
    )];
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    for line in result["scenarios"].as_array().into_iter().flatten() {
        lines.push(format!(
            "{:38} {:4} {:8} {:>11}  {}",
            word(&line["scenario"]),
            if line["ok"] == true { "yes" } else { "NO" },
            word(&line["survived"]),
            word(&line["connections_kept"]),
            word(&line["said"]),
        ));
    }
    lines.join("\n") + "\n"
}

/// Two nodes behind ordinary routers that talk to each other, and two public ones.
struct Pair {
    lab: Lab,
    a: Node,
    b: Node,
    public: [Node; 2],
    /// An open stream between `a` and `b`, and how they are connected.
    talk: Talk,
    path: String,
}

impl Pair {
    fn start(program: &Path) -> Result<Self> {
        let mut lab = Lab::new(9)?;
        lab.add(
            &"host P1 at 203.0.113.101
              host P2 at 203.0.113.102
              router A at 203.0.113.11 nat port-restricted
              router B at 203.0.113.12 nat port-restricted
              host a behind A
              host b behind B"
                .parse::<Description>()?,
        )?;
        let start = |name: &str, peers: &[&str]| Node::start(lab.space(name)?, program, name, peers);
        let p1 = start("P1", &[])?;
        let p2 = start("P2", &[p1.first_ticket()])?;
        let tickets = [p1.first_ticket(), p2.first_ticket()];
        let (a, b) = (start("a", &tickets)?, start("b", &tickets)?);
        let path = meet(&a, &b)?;
        let talk = Talk::start(&a, &b, "talk")?;
        Ok(Self {
            lab,
            a,
            b,
            public: [p1, p2],
            talk,
            path,
        })
    }
}

/// What a node says of itself, in one sentence.
fn advice(node: &Node) -> Result<String> {
    Ok(node.doctor()?["advice"].as_str().unwrap_or_default().to_owned())
}

/// Waits until something is so; how long that took, if it did not take too long.
fn wait(limit: Duration, is_so: impl Fn() -> Result<bool>) -> Result<Option<Duration>> {
    let begin = Instant::now();
    while begin.elapsed() < limit {
        if is_so()? {
            return Ok(Some(begin.elapsed()));
        }
        thread::sleep(Duration::from_millis(200));
    }
    Ok(None)
}
