//! Relays that live but are slow and lossy: their clients stay with them.

use super::{advice, wait};
use crate::{description::Description, figures::milliseconds, node::Node, talk::Talk, topology::Lab};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    path::Path,
    thread,
    time::{Duration, Instant},
};

const WATCH: Duration = Duration::from_secs(60);
const MEETING: Duration = Duration::from_secs(40);

pub(super) fn run(program: &Path) -> Result<Value> {
    let mut lab = Lab::new(12)?;
    // To a relay and back takes 400 ms, and one packet in 20 is lost on the way.
    lab.add(
        &"host P1 at 203.0.113.101 delay 200 loss 2.5
          host P2 at 203.0.113.102 delay 200 loss 2.5
          router A at 203.0.113.11 nat symmetric-random
          router B at 203.0.113.12 nat symmetric-random
          host a behind A
          host b behind B"
            .parse::<Description>()?,
    )?;
    let start = |name: &str, peers: &[&str]| Node::start(lab.space(name)?, program, name, peers);
    let p1 = start("P1", &[])?;
    let p2 = start("P2", &[p1.first_ticket()])?;
    let tickets = [p1.first_ticket(), p2.first_ticket()];
    let (mut a, b) = (start("a", &tickets)?, start("b", &tickets)?);
    let path = wait(MEETING, || Ok(a.connect(&b.ticket()?)?.wait()?.success()))?.context("the two did not meet")?;
    let mut talk = Talk::start(&a, &b, "talk")?;
    let begin = Instant::now();
    let mut firsts = BTreeSet::new();
    while begin.elapsed() < WATCH {
        firsts.insert(a.doctor()?["homes"][0].as_str().unwrap_or("none").to_owned());
        thread::sleep(Duration::from_millis(500));
    }
    let told = talk.told(begin);
    let kept = told["survived"] == true && told["in_order_and_complete"] == true;
    Ok(json!({
        "ok": kept && firsts.len() == 1 && !firsts.contains("none"),
        "survived": a.runs(), "said": advice(&a)?, "connections_kept": kept,
        "met_after_ms": milliseconds(path), "path": a.path_to(&b)?, "homes_in_use": firsts, "stream": told,
    }))
}
