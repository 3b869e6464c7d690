//! A node whose clock is a year off: nothing that nodes say to each other may depend on it.

use super::{advice, wait};
use crate::{description::Description, events::meet, figures::milliseconds, node::Node, topology::Lab};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// How long a record takes to be in the DHT and found there.
const FOUND: Duration = Duration::from_secs(60);
const DHT: u16 = 6881;

pub(super) fn behind(program: &Path) -> Result<Value> {
    run(program, "-365d")
}

pub(super) fn ahead(program: &Path) -> Result<Value> {
    run(program, "+365d")
}

/// The library that answers for the clock.
fn library() -> Result<PathBuf> {
    let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let found = folders
        .map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"))
        .find(|path| path.is_file());
    found.context("libfaketime is missing; install the package faketime")
}

fn run(program: &Path, offset: &str) -> Result<Value> {
    let environment = [
        ("LD_PRELOAD", library()?.to_string_lossy().into_owned()),
        ("FAKETIME", offset.to_owned()),
        // The wall clock alone.
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ("DONT_FAKE_MONOTONIC", "1".to_owned()),
    ];
    let mut lab = Lab::new(11)?;
    lab.add(
        &"host P1 at 203.0.113.101
          host P2 at 203.0.113.102
          router A at 203.0.113.11 nat port-restricted
          router B at 203.0.113.12 nat port-restricted
          host a behind A
          host b behind B"
            .parse::<Description>()?,
    )?;
    let first = format!("{}:{DHT},{}:{DHT}", lab.address("P1")?, lab.address("P2")?);
    let port = DHT.to_string();
    let common = ["--no-lan", "--dht-bootstrap", &first];
    let serving = [&common[..], &["--dht-port", &port]].concat();
    let p1 = Node::launch(lab.space("P1")?, program, "P1", &serving)?;
    let known = [&serving[..], &["--peer", p1.first_ticket()]].concat();
    let p2 = Node::launch(lab.space("P2")?, program, "P2", &known)?;
    // The one with the wrong clock knows a peer by its ticket; the other one finds it by its id alone.
    let known = [&common[..], &["--peer", p1.first_ticket(), "--peer", p2.first_ticket()]].concat();
    let mut a = Node::launch_in(lab.space("a")?, program, "a", &known, &environment)?;
    let b = Node::launch(lab.space("b")?, program, "b", &common)?;
    let published = wait(FOUND, || a.is_published())?;
    let path = meet_by_id(&b, &a)?;
    let back = meet(&a, &b)?;
    let since = |node: &Node| -> Result<Option<u64>> { Ok(node.doctor()?["peers"][0]["connected_since_ms"].as_u64()) };
    let off = since(&a)?.zip(since(&b)?);
    let off_days = off.map(|(a, b)| (a as f64 - b as f64) / 86_400_000.0);
    // Otherwise nothing was tested.
    let faked = off_days.is_some_and(|days| days.abs() > 360.0);
    let kept = a.path_to(&p1)?.is_some() || a.reaches(&p1);
    let ok = faked && kept && path.is_some() && !back.is_empty();
    Ok(json!({
        "ok": ok, "survived": a.runs(), "said": advice(&a)?, "connections_kept": kept,
        "clock_off_days": off_days, "published_after_ms": published.map(milliseconds),
        "found_by_its_id_after_ms": path.map(milliseconds), "path": back,
    }))
}

/// Connects to an id; how long until that worked.
fn meet_by_id(from: &Node, to: &Node) -> Result<Option<Duration>> {
    let begin = std::time::Instant::now();
    while begin.elapsed() < FOUND {
        let _ = from.connect(to.id())?.wait();
        if from.path_to(to)?.is_some() {
            return Ok(Some(begin.elapsed()));
        }
    }
    Ok(None)
}
