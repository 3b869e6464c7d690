//! Two sides behind routers of the test's own.

extern crate std;

use super::*;
use proptest::prelude::*;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    net::{IpAddr, Ipv4Addr},
};
use std::{println, vec::Vec};

/// How a router of the tests chooses ports. All let in only exactly what was sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Keeps,
    /// The same, but whoever comes first changes the port towards them.
    Touchy,
    Counts(i16),
    /// Counts within 512 ports.
    Wraps,
    Block,
    Random,
}

struct Router {
    kind: Kind,
    ip: IpAddr,
    random: Random,
    next: i32,
    /// (socket, destination) to outer port.
    out: BTreeMap<(usize, SocketAddr), u16>,
    /// Who came before they were sent to, at which port.
    early: BTreeSet<(u16, SocketAddr)>,
}

impl Router {
    fn new(kind: Kind, last: u8, seed: u64) -> Self {
        let ip = IpAddr::V4(Ipv4Addr::new(203, 0, 113, last));
        let mut random = Random::new(seed);
        let next = 40_000 + random.below(300) as i32;
        Self {
            kind,
            ip,
            random,
            next,
            out: BTreeMap::new(),
            early: BTreeSet::new(),
        }
    }

    fn send(&mut self, socket: usize, to: SocketAddr) -> SocketAddr {
        if let Some(port) = self.out.get(&(socket, to)) {
            return SocketAddr::new(self.ip, *port);
        }
        let kept = 30_000 + socket as u16;
        let port = match self.kind {
            Kind::Touchy if self.early.contains(&(kept, to)) => 1024 + self.random.below(60_000) as u16,
            Kind::Keeps | Kind::Touchy => kept,
            Kind::Counts(step) => {
                self.next += i32::from(step);
                self.next as u16
            }
            Kind::Wraps => {
                self.next = 40_000 + (self.next - 40_000 + 1) % 512;
                self.next as u16
            }
            Kind::Block => 20_480 + self.random.below(1024) as u16,
            Kind::Random => 1024 + self.random.below(64_512) as u16,
        };
        self.out.insert((socket, to), port);
        SocketAddr::new(self.ip, port)
    }

    fn receive(&mut self, from: SocketAddr, port: u16) -> Option<usize> {
        let hit = self.out.iter().find(|((_, to), out)| *to == from && **out == port);
        if hit.is_none() {
            self.early.insert((port, from));
        }
        hit.map(|((socket, _), _)| *socket)
    }

    /// What a reflector says of a first socket, and what is known of the router.
    fn spot(&mut self) -> Spot {
        let reflector = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 200)), 1);
        let at = self.send(0, reflector);
        Spot::new(
            at,
            match self.kind {
                Kind::Keeps => Ports::Same { early: false },
                Kind::Touchy => Ports::Same { early: true },
                Kind::Counts(step) => Ports::Sequential { step },
                Kind::Wraps => Ports::Sequential { step: 1 },
                Kind::Block => Ports::Block {
                    low: 20_480,
                    high: 21_503,
                },
                Kind::Random => Ports::Random,
            },
        )
    }
}

struct World {
    one_way_ms: u64,
    loss_percent: usize,
    /// Ports that other programs use up before each side starts.
    noise: i32,
}

/// When it arrives at whom, from and to where, and what it says.
type Packet = (u64, usize, SocketAddr, SocketAddr, u8);

/// Milliseconds until both agreed on one path that works, if they do. `a` leads.
fn meet(a: Kind, b: Kind, world: &World, seed: u64) -> Option<u64> {
    let mut routers = [Router::new(a, 11, seed), Router::new(b, 12, !seed)];
    let spots = [routers[0].spot(), routers[1].spot()];
    for router in &mut routers {
        router.next += world.noise;
    }
    let mut sides = [
        Punch::new(&spots[0], &spots[1], true, seed)?,
        Punch::new(&spots[1], &spots[0], false, seed + 1)?,
    ];
    let mut random = Random::new(seed + 2);
    // B begins when it has answered, A when it has the answer; who waits does so for a way there and back.
    let mut starts = [world.one_way_ms * 2, 0];
    let rtt = world.one_way_ms * 4;
    starts[0] += wait_ms(spots[0].ports, spots[1].ports, true, rtt);
    starts[1] += wait_ms(spots[1].ports, spots[0].ports, false, rtt);
    let mut wire: BinaryHeap<Reverse<Packet>> = BinaryHeap::new();
    for now in 0..12_000u64 {
        for at in 0..2 {
            if now < starts[at] {
                continue;
            }
            let mut out = sides[at].due(now - starts[at]);
            while let Some(Reverse((when, to, from, target, what))) = wire.peek().copied() {
                if when > now || to != at {
                    break;
                }
                wire.pop();
                if let Some(socket) = routers[at].receive(from, target.port()) {
                    let what = [What::Open, What::Pick, What::Picked][usize::from(what)];
                    out.extend(sides[at].heard(socket, from, what));
                }
            }
            for probe in out {
                let from = routers[at].send(probe.socket, probe.to);
                if probe.to.ip() == routers[1 - at].ip && random.below(100) >= world.loss_percent {
                    let what = match probe.what {
                        What::Open => 0,
                        What::Pick => 1,
                        What::Picked => 2,
                    };
                    wire.push(Reverse((now + world.one_way_ms.max(1), 1 - at, from, probe.to, what)));
                }
            }
        }
        if let (Some(x), Some(y)) = (sides[0].found(), sides[1].found()) {
            let outer = routers[0].out[&(x.socket, x.remote)];
            assert_eq!(y.remote, SocketAddr::new(routers[0].ip, outer), "both mean one path");
            let outer = routers[1].out[&(y.socket, y.remote)];
            assert_eq!(x.remote, SocketAddr::new(routers[1].ip, outer), "both mean one path");
            return Some(now);
        }
    }
    None
}

/// How many of 100 runs connect, and the time of the 95th.
fn rate(a: Kind, b: Kind, world: &World) -> (usize, u64) {
    let mut times: Vec<u64> = (0..100).filter_map(|seed| meet(a, b, world, seed * 7 + 1)).collect();
    times.sort_unstable();
    let p95 = times.get(times.len() * 95 / 100).copied().unwrap_or(u64::MAX);
    println!("{a:?} {b:?}: {} of 100, p95 {p95} ms", times.len());
    (times.len(), p95)
}

const FAR: World = World {
    one_way_ms: 25,
    loss_percent: 1,
    noise: 0,
};

#[test]
fn routers_that_keep_ports_let_each_other_in_at_once() {
    for (a, b) in [
        (Kind::Keeps, Kind::Keeps),
        (Kind::Touchy, Kind::Keeps),
        (Kind::Keeps, Kind::Touchy),
    ] {
        let (met, p95) = rate(a, b, &FAR);
        assert!(met == 100 && p95 <= 400, "{a:?} {b:?}: {met} of 100, p95 {p95} ms");
    }
}

#[test]
fn one_known_port_is_enough_against_any_other_router() {
    for hard in [
        Kind::Random,
        Kind::Block,
        Kind::Counts(1),
        Kind::Counts(-2),
        Kind::Wraps,
    ] {
        for easy in [Kind::Keeps, Kind::Touchy] {
            for (a, b) in [(easy, hard), (hard, easy)] {
                let (met, p95) = rate(a, b, &FAR);
                assert!(met >= 97 && p95 <= 2000, "{a:?} {b:?}: {met} of 100, p95 {p95} ms");
            }
        }
    }
}

#[test]
fn two_routers_that_count_or_use_a_block_are_met_mostly() {
    for (a, b) in [
        (Kind::Block, Kind::Block),
        (Kind::Counts(1), Kind::Counts(1)),
        (Kind::Counts(1), Kind::Counts(2)),
        (Kind::Counts(1), Kind::Block),
        (Kind::Block, Kind::Counts(1)),
    ] {
        let (met, p95) = rate(a, b, &FAR);
        assert!(met >= 90, "{a:?} {b:?}: {met} of 100, p95 {p95} ms");
    }
}

#[test]
fn two_routers_that_count_are_met_while_other_programs_use_them_too() {
    let noisy = World { noise: 3, ..FAR };
    let (met, p95) = rate(Kind::Counts(1), Kind::Counts(1), &noisy);
    assert!(met >= 90, "{met} of 100, p95 {p95} ms");
}

#[test]
fn where_it_cannot_work_nothing_is_sent() {
    let at = "203.0.113.1:5".parse().unwrap();
    for (mine, theirs) in [
        (Ports::Random, Ports::Random),
        (Ports::Random, Ports::Sequential { step: 1 }),
        (Ports::Blocked, Ports::Same { early: false }),
        (Ports::Same { early: false }, Ports::Blocked),
    ] {
        assert!(Punch::new(&Spot::new(at, mine), &Spot::new(at, theirs), true, 1).is_none());
    }
}

#[test]
fn an_attempt_ends_and_sends_a_bounded_number_of_packets() {
    let at: SocketAddr = "203.0.113.1:5000".parse().unwrap();
    let all = [
        Ports::Same { early: false },
        Ports::Random,
        Ports::Sequential { step: 3 },
        Ports::Block { low: 2000, high: 3000 },
    ];
    for (mine, theirs) in all.into_iter().flat_map(|a| all.map(|b| (a, b))) {
        let Some(mut punch) = Punch::new(&Spot::new(at, mine), &Spot::new(at, theirs), true, 9) else {
            continue;
        };
        assert!(punch.sockets() <= 256);
        let sent: usize = (0..END_MS + 10).map(|now| punch.due(now).len()).sum();
        assert!(sent <= 2 * (END_MS as usize + 10), "{mine:?} {theirs:?}: {sent}");
        assert!(punch.is_over(END_MS) && punch.found().is_none());
    }
}

proptest! {
    #[test]
    fn no_datagram_makes_a_side_panic_or_agree_on_what_it_did_not_hear(
        heard in prop::collection::vec((0usize..300, 1u16.., 0u8..3), 0..200),
        leads: bool,
        seed: u64,
    ) {
        let at: SocketAddr = "203.0.113.1:5000".parse().unwrap();
        let mut punch = Punch::new(&Spot::new(at, Ports::Random), &Spot::new(at, Ports::Same { early: false }), leads, seed).unwrap();
        for (socket, port, what) in heard {
            let from = SocketAddr::new(at.ip(), port);
            let what = [What::Open, What::Pick, What::Picked][usize::from(what)];
            if let Some(answer) = punch.heard(socket, from, what) {
                prop_assert!(answer.to == from && answer.socket == socket);
            }
        }
        if !leads {
            prop_assert!(punch.found().is_none() || punch.is_over(0));
        }
    }
}
