//! A network that comes and goes every second.

use super::{Pair, advice, wait};
use crate::figures::milliseconds;
use anyhow::Result;
use serde_json::{Value, json};
use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// How often, and how long each time.
const TIMES: u32 = 10;
const MOMENT: Duration = Duration::from_secs(1);
/// Until when all must be as before.
const AFTER: Duration = Duration::from_secs(15);

pub(super) fn run(program: &Path) -> Result<Value> {
    let mut pair = Pair::start(program)?;
    let begin = Instant::now();
    for _ in 0..TIMES {
        pair.lab.unplug("a")?;
        thread::sleep(MOMENT);
        pair.lab.plug_in("a")?;
        thread::sleep(MOMENT);
    }
    let said = advice(&pair.a)?;
    let end = Instant::now();
    let again = wait(AFTER, || Ok(pair.talk.last().is_some_and(|last| last > end)))?;
    let answers = wait(AFTER, || Ok(pair.a.reaches(&pair.b) && pair.a.reaches(&pair.public[0])))?;
    let told = pair.talk.told(begin);
    let kept = told["survived"] == true && told["in_order_and_complete"] == true && again.is_some();
    Ok(json!({
        "ok": kept && answers.is_some(), "survived": pair.a.runs(), "said": said, "connections_kept": kept,
        "path_before": pair.path, "path_after": pair.a.path_to(&pair.b)?,
        "going_on_after_ms": again.map(milliseconds), "stream": told,
    }))
}
