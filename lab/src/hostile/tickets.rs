//! Somebody pastes a hundred tickets of nodes that are not there.

use super::{Pair, advice, wait};
use crate::{description::Description, figures::milliseconds, node::Node};
use anyhow::Result;
use data_encoding::BASE32_NOPAD;
use hedgerow_base::{NodeId, SecretKey, hash::hash};
use hedgerow_wire::node::TicketBody;
use serde_json::{Value, json};
use std::{
    net::Ipv4Addr,
    path::Path,
    process::Child,
    thread,
    time::{Duration, Instant},
};

const TICKETS: u8 = 100;
/// At the same time: each is a small process.
const AT_ONCE: usize = 25;
/// How long a command may wait for its answer.
const ANSWER: Duration = Duration::from_secs(30);
/// Until when somebody who is there must be connected meanwhile.
const SOON: Duration = Duration::from_secs(10);
/// So much more memory than before is too much, in kB.
const MOST_MEMORY: u64 = 100_000;

/// A ticket as a node would make it, of nobody, at addresses and a relay where nobody is.
fn nobody(number: u8) -> String {
    let key = SecretKey::from_seed(&[number; 32]);
    let at = |last: u8, port: u16| (Ipv4Addr::new(203, 0, 113, last), port).into();
    let body = TicketBody {
        node: NodeId::from(key.public()),
        addresses: vec![at(150 + number % 100, 4000 + u16::from(number)), at(249, 9)],
        name: None,
        relays: vec![at(150 + number % 90, 7000)],
        relay_nodes: Vec::new(),
    };
    let mut bytes = body.to_bytes();
    let checksum = hash("hedgerow 2026 ticket checksum v1", &[&bytes]);
    bytes.extend(checksum.iter().take(4));
    format!("hedge1{}", BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())
}

pub(super) fn run(program: &Path) -> Result<Value> {
    let mut pair = Pair::start(program)?;
    pair.lab.add(&"host late at 203.0.113.103".parse::<Description>()?)?;
    let late = Node::start(
        pair.lab.space("late")?,
        program,
        "late",
        &[pair.public[0].first_ticket()],
    )?;
    let before = pair.a.memory_kb().unwrap_or(0);
    let begin = Instant::now();
    let (mut refused, mut unclear, mut said) = (0, 0, String::new());
    let mut running: Vec<Child> = Vec::new();
    for number in 0..TICKETS {
        while running.len() >= AT_ONCE {
            reap(&mut running, &mut refused, &mut unclear, &mut said)?;
        }
        running.push(pair.a.connect(&nobody(number))?);
    }
    // Meanwhile somebody who is there is reached as ever.
    let real = Instant::now();
    let mut asked = pair.a.connect(late.first_ticket())?;
    let there = wait(ANSWER, || Ok(pair.a.path_to(&late)?.is_some()))?;
    let real = there.map(|_| milliseconds(real.elapsed()));
    let path = pair.a.path_to(&late)?;
    let _ = asked.kill();
    let _ = asked.wait();
    let end = Instant::now();
    while !running.is_empty() && end.elapsed() < ANSWER {
        reap(&mut running, &mut refused, &mut unclear, &mut said)?;
    }
    let told = pair.talk.told(begin);
    let memory = pair.a.memory_kb().unwrap_or(0).saturating_sub(before);
    let answers = wait(Duration::from_secs(2), || Ok(pair.a.reaches(&pair.b)))?;
    let kept = told["survived"] == true && told["in_order_and_complete"] == true;
    let ok = kept
        && refused == u32::from(TICKETS)
        && unclear == 0
        && answers.is_some()
        && memory < MOST_MEMORY
        && there.is_some_and(|time| time < SOON);
    for mut child in running {
        let _ = child.kill();
        let _ = child.wait();
    }
    Ok(json!({
        "ok": ok, "survived": pair.a.runs(), "said": said, "connections_kept": kept,
        "tickets": TICKETS, "refused": refused, "without_a_word": unclear, "more_memory_kb": memory,
        "a_real_one_meanwhile": path, "it_took_ms": real, "stream": told, "advice": advice(&pair.a)?,
    }))
}

/// Takes what has ended, with what it said.
fn reap(running: &mut Vec<Child>, refused: &mut u32, unclear: &mut u32, said: &mut String) -> Result<()> {
    let mut left = Vec::new();
    for mut child in running.drain(..) {
        match child.try_wait()? {
            None => left.push(child),
            Some(status) => {
                let output = child.wait_with_output()?;
                let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                *refused += u32::from(!status.success());
                *unclear += u32::from(text.is_empty());
                *said = text;
            }
        }
    }
    *running = left;
    thread::sleep(Duration::from_millis(20));
    Ok(())
}
