//! A part of `lab check`: routers forget. Idle mappings after their time, all of them after an absolute one or when the
//! power is gone.

use crate::{description::Description, ipv6::passes, probe, topology::Lab};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

/// In every router the same times, in seconds.
const TIMEOUT: u64 = 2;
const LIFETIME: u64 = 3;
/// Kinds whose memory differs: the kernel's table alone, also a map of the rules, and one that never repeats a port.
const KINDS: [&str; 4] = ["port-restricted", "full-cone", "symmetric-random", "cgnat"];
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 101);
/// Where a router goes on after a reboot.
const MOVED: u8 = 120;

/// A host and what it talks to, with a mapping between them.
struct Pair {
    inside: UdpSocket,
    outside: UdpSocket,
    mapped: SocketAddr,
}

/// One line for each kind and way to forget.
pub(crate) fn run() -> Result<Vec<Value>> {
    let mut text = format!("host outside at {OUTSIDE}\n");
    for (at, kind) in (11..).zip(KINDS) {
        for (way, option) in [
            ("idle", format!("timeout {TIMEOUT}")),
            ("life", format!("lifetime {LIFETIME}")),
            ("boot", String::new()),
        ] {
            let last = at + 10 * ["idle", "life", "boot"].iter().position(|w| *w == way).unwrap_or(0);
            text += &format!("router {kind}-{way} at 203.0.113.{last} nat {kind} {option}\n");
            text += &format!("host {kind}-{way}-h behind {kind}-{way}\n");
        }
    }
    let mut lab = Lab::new(4)?;
    lab.add(&text.parse::<Description>()?)?;
    let lab = Mutex::new(lab);
    let lab = &lab;
    thread::scope(|scope| {
        let mut running = Vec::new();
        for (kind, at) in KINDS.into_iter().zip(0u8..) {
            running.push(scope.spawn(move || idle(lab, kind)));
            running.push(scope.spawn(move || life(lab, kind)));
            running.push(scope.spawn(move || reboot(lab, kind, MOVED + at)));
        }
        let join = |thread: thread::ScopedJoinHandle<'_, Result<Value>>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        running.into_iter().map(join).collect()
    })
}

fn pair(lab: &Mutex<Lab>, name: &str) -> Result<Pair> {
    let (near, far) = {
        let lab = lab.lock().map_err(|_| anyhow::anyhow!("another check panicked"))?;
        (lab.space(&format!("{name}-h"))?, lab.space("outside")?)
    };
    let inside = near.enter(probe::bind)??;
    let outside = far.enter(|| UdpSocket::bind((OUTSIDE, 0)))??;
    outside.set_read_timeout(Some(probe::PATIENCE))?;
    let to = outside.local_addr()?;
    let mapped = passes(&inside, &outside, to).with_context(|| format!("nothing passes {name}"))?;
    Ok(Pair {
        inside,
        outside,
        mapped,
    })
}

impl Pair {
    /// Whether the mapping of the beginning still leads inside.
    fn answered(&self) -> bool {
        passes(&self.outside, &self.inside, self.mapped).is_some()
    }

    /// How the host looks now.
    fn seen(&self) -> Option<SocketAddr> {
        passes(&self.inside, &self.outside, self.outside.local_addr().ok()?)
    }
}

fn told(kind: &str, way: &str, checks: &[(&str, bool)]) -> Value {
    let wrong: Vec<_> = checks.iter().filter(|(_, ok)| !ok).map(|(name, _)| *name).collect();
    json!({ "nat": kind, "forgets": way, "ok": wrong.is_empty(), "wrong": wrong })
}

fn idle(lab: &Mutex<Lab>, kind: &str) -> Result<Value> {
    let pair = pair(lab, &format!("{kind}-idle"))?;
    let begin = Instant::now();
    let mut kept = true;
    while begin.elapsed() < Duration::from_secs(2 * TIMEOUT) {
        thread::sleep(Duration::from_millis(500));
        kept &= pair.seen() == Some(pair.mapped);
    }
    let answered = pair.answered();
    thread::sleep(Duration::from_secs(TIMEOUT) + Duration::from_millis(1200));
    Ok(told(
        kind,
        "when idle",
        &[
            ("busy one is kept", kept && answered),
            ("idle one is gone", !pair.answered()),
        ],
    ))
}

fn life(lab: &Mutex<Lab>, kind: &str) -> Result<Value> {
    let pair = pair(lab, &format!("{kind}-life"))?;
    let begin = Instant::now();
    let (mut kept, mut gone) = (true, None);
    // The outside answers every packet, so that the mapping is never idle.
    while begin.elapsed() < Duration::from_secs(2 * LIFETIME) && gone.is_none() {
        thread::sleep(Duration::from_millis(300));
        let early = begin.elapsed() < Duration::from_millis(LIFETIME * 1000 - 600);
        if early {
            kept &= pair.seen() == Some(pair.mapped) && pair.answered();
        } else if !pair.answered() {
            gone = Some(begin.elapsed());
        }
    }
    let on_time = gone.is_some_and(|after| after < Duration::from_millis(LIFETIME * 1000 + 1600));
    let again = pair.seen();
    let as_new = again.is_some() && (kind != "symmetric-random" || again != Some(pair.mapped));
    Ok(told(
        kind,
        "after a lifetime",
        &[
            ("kept before", kept),
            ("gone on time, though busy", on_time),
            ("new one works", as_new),
        ],
    ))
}

fn reboot(lab: &Mutex<Lab>, kind: &str, last: u8) -> Result<Value> {
    let name = format!("{kind}-boot");
    let pair = pair(lab, &name)?;
    let down = Duration::from_millis(200);
    let boot = |address| -> Result<()> {
        let mut lab = lab.lock().map_err(|_| anyhow::anyhow!("another check panicked"))?;
        lab.reboot(&name, down, address)
    };
    let before = pair.answered();
    boot(None)?;
    // A provider's router stays up and goes on sending to the house; there nobody knows the packet.
    let forgotten = !pair.answered();
    let again = pair.seen();
    let works = again.is_some() && (kind != "symmetric-random" || again != Some(pair.mapped));
    let mut checks = vec![
        ("kept before", before),
        ("forgotten", forgotten),
        ("new one works", works),
    ];
    if kind != "cgnat" {
        let address = Ipv4Addr::new(203, 0, 113, last);
        boot(Some(address))?;
        let moved = pair.seen().is_some_and(|seen| seen.ip() == address);
        checks.push(("another address", moved && !pair.answered()));
    }
    Ok(told(kind, "in a reboot", &checks))
}
