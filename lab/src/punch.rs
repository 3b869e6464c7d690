//! A part of `lab check`: one socket on either side of every ordered pair of NATs, and a few packets both ways. Whether
//! that connects follows from the kinds, so it proves that routers also do the right thing together.

use crate::{
    check::{SERVERS, serve},
    description::{Description, Link, Place},
    echo::PORTS,
    nat::NatKind,
    probe,
    topology::Lab,
};
use anyhow::Result;
use serde_json::{Value, json};
use std::{
    net::{Ipv4Addr, SocketAddrV4, UdpSocket},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

/// How often both send.
const ROUNDS: usize = 4;
/// Ample for a packet and its answer where nothing is far.
const ROUND: Duration = Duration::from_millis(60);

/// Whether a plain simultaneous opening connects, if `a` sends just before `b`.
pub fn connects(a: NatKind, b: NatKind) -> bool {
    use NatKind::{AddressRestricted, EarlyInbound, FullCone, Hairpin, UdpBlocked};
    let open = |kind| matches!(kind, NatKind::None | FullCone | Hairpin);
    // The port that the other will see is not the one that it was told.
    let surprising = |kind| {
        matches!(
            kind,
            NatKind::SymmetricRandom | NatKind::SymmetricSequential | NatKind::SymmetricBlock
        )
    };
    let surprises = |kind, hit_first| surprising(kind) || (hit_first && kind == EarlyInbound);
    if a == UdpBlocked || b == UdpBlocked {
        return false;
    }
    if open(a) || open(b) {
        return true;
    }
    // One side may surprise if the other looks only at the address; it then learns the port.
    match (surprises(a, false), surprises(b, true)) {
        (false, false) => true,
        (true, false) => b == AddressRestricted,
        (false, true) => a == AddressRestricted,
        (true, true) => false,
    }
}

/// Tries all pairs at the same time; one line for each that is not as its kinds say, and a count.
pub fn run() -> Result<Value> {
    let mut description = Description::default();
    for (name, address) in SERVERS {
        description = description.host(name, Place::Public(address), Link::default());
    }
    for (side, base) in [("a", 10u8), ("b", 30)] {
        for (at, kind) in (0u8..).zip(NatKind::ALL) {
            let public = Place::Public(Ipv4Addr::new(203, 0, 113, base + at));
            let (host, router) = (host(side, kind), format!("{side}-{kind}-r"));
            description = if kind == NatKind::None {
                description.host(&host, public, Link::default())
            } else {
                let behind = Place::Behind(router.clone());
                description
                    .router(&router, public, kind, Link::default())
                    .host(&host, behind, Link::default())
            };
        }
    }
    let mut lab = Lab::new(2)?;
    lab.add(&description)?;
    let lab = &lab;
    let stop = AtomicBool::new(false);
    let wrong = thread::scope(|scope| {
        let wrong = serve(lab, scope, &stop, SERVERS).and_then(|()| try_all(lab));
        stop.store(true, Ordering::SeqCst);
        wrong
    })?;
    let pairs = NatKind::ALL.len() * NatKind::ALL.len();
    Ok(json!({ "pairs": pairs, "ok": wrong.is_empty(), "wrong": wrong }))
}

fn host(side: &str, kind: NatKind) -> String {
    format!("{side}-{kind}")
}

fn try_all(lab: &Lab) -> Result<Vec<Value>> {
    // One row at a time: a busy machine would delay what shall be simultaneous.
    let mut wrong = Vec::new();
    for a in NatKind::ALL {
        let row: Result<Vec<bool>> = thread::scope(|scope| {
            let running: Vec<_> = NatKind::ALL
                .map(|b| scope.spawn(move || punch(lab, a, b)))
                .into_iter()
                .collect();
            let join = |thread: thread::ScopedJoinHandle<'_, Result<bool>>| {
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            running.into_iter().map(join).collect()
        });
        for (b, connected) in NatKind::ALL.into_iter().zip(row?) {
            if connected != connects(a, b) {
                wrong.push(json!({ "a": a.name(), "b": b.name(), "connected": connected }));
            }
        }
    }
    Ok(wrong)
}

/// Whether each side heard the other.
fn punch(lab: &Lab, a: NatKind, b: NatKind) -> Result<bool> {
    let server = SocketAddrV4::new(SERVERS[0].1, PORTS[0]);
    let a = lab.space(&host("a", a))?.enter(probe::bind)??;
    let b = lab.space(&host("b", b))?.enter(probe::bind)??;
    let (Some(at_a), Some(at_b)) = (probe::mapping(&a, server), probe::mapping(&b, server)) else {
        return Ok(false);
    };
    for socket in [&a, &b] {
        socket.set_nonblocking(true)?;
    }
    let (mut a_heard, mut b_heard) = (false, false);
    for _ in 0..ROUNDS {
        // What a router refuses at once is as good as lost.
        let _ = a.send_to(b"hello", at_b);
        thread::sleep(ROUND / 3);
        let _ = b.send_to(b"hello", at_a);
        for _ in 0..2 {
            thread::sleep(ROUND / 3);
            a_heard |= hears(&a);
            b_heard |= hears(&b);
        }
        if a_heard && b_heard {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Answers everything that has arrived, from wherever it came.
fn hears(socket: &UdpSocket) -> bool {
    let mut heard = false;
    let mut buffer = [0; 64];
    while let Ok((size, from)) = socket.recv_from(&mut buffer) {
        heard = true;
        if buffer.get(..size) == Some(b"hello") {
            let _ = socket.send_to(b"heard", from);
        }
    }
    heard
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_that_keep_their_port_connect_and_two_that_do_not_never_do() {
        use NatKind::{Cgnat, PortRestricted, SymmetricBlock, SymmetricRandom, UdpBlocked};
        assert!(connects(PortRestricted, Cgnat) && connects(Cgnat, PortRestricted));
        assert!(!connects(SymmetricRandom, SymmetricBlock) && !connects(PortRestricted, SymmetricRandom));
        assert!(connects(NatKind::None, SymmetricRandom) && !connects(UdpBlocked, NatKind::None));
    }

    #[test]
    fn whoever_is_behind_an_early_inbound_router_has_to_send_first() {
        use NatKind::{EarlyInbound, PortRestricted};
        assert!(connects(EarlyInbound, PortRestricted) && !connects(PortRestricted, EarlyInbound));
    }
}
