extern crate std;

mod amplification;

use super::{HEADERS, key, pass};
use super::{
    home::{Datagram, Home},
    idle::{Facts, Idle, QUIET_MS},
    watch::{Heard, Watch},
};
use crate::random::Random;
use hedgerow_base::NodeId;
use hedgerow_wire::park::{CALL_LEN, Calling, MAX_PARK, Park};
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4},
};
use std::{println, vec::Vec};

const NODE: NodeId = NodeId([1; 32]);
const LINK: [u8; 32] = [2; 32];
const PASS_KEY: [u8; 32] = [3; 32];
const HOUR_MS: u64 = 3_600_000;

fn at(host: u8, port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(203, 0, 113, host), port))
}

fn nobody(_: &NodeId) -> bool {
    false
}

fn nowhere(_: &NodeId) -> Option<SocketAddrV4> {
    None
}

fn home() -> Home {
    Home::new([9; 32])
}

fn registered(home: &mut Home, now_ms: u64) -> Watch {
    let number = home.register(now_ms, 7, NODE, at(1, 1).ip(), &LINK, PASS_KEY);
    Watch::new(number.unwrap(), key(&LINK, 7), None, now_ms)
}

/// A node behind a router, its home, a caller, and packets between them, in virtual time.
struct World {
    now: u64,
    random: Random,
    loss_per_mille: u64,
    delay: u64,
    /// The router keeps a mapping that long after a packet went out.
    keeps: u64,
    mapping: Option<(u16, u64)>,
    next_port: u16,
    home: Home,
    home_is_up: bool,
    watch: Watch,
    /// (when, to the home?, from, bytes)
    air: BTreeMap<(u64, u64), (bool, SocketAddr, Vec<u8>)>,
    sent: u64,
    bytes: u64,
    /// Of those, for being woken: not the cost of idling.
    waking: u64,
    woken: Vec<u64>,
}

impl World {
    fn new(seed: u64, keeps_s: u64, loss_per_mille: u64) -> Self {
        let mut home = home();
        let watch = registered(&mut home, 0);
        Self {
            now: 0,
            random: Random::new(seed),
            loss_per_mille,
            delay: 25,
            keeps: keeps_s * 1000,
            mapping: None,
            next_port: 2000,
            home,
            home_is_up: true,
            watch,
            air: BTreeMap::new(),
            sent: 0,
            bytes: 0,
            waking: 0,
            woken: Vec::new(),
        }
    }

    fn lost(&mut self) -> bool {
        (self.random.below(1000) as u64) < self.loss_per_mille
    }

    fn fly(&mut self, to_home: bool, from: SocketAddr, bytes: Vec<u8>) {
        if !self.lost() {
            self.sent += 1;
            self.air
                .insert((self.now + self.delay, self.sent), (to_home, from, bytes));
        }
    }

    fn out(&mut self, bytes: Vec<u8>) {
        self.bytes += HEADERS + bytes.len() as u64;
        // Some packets do not even reach the router.
        if self.lost() {
            return;
        }
        let alive = self.mapping.filter(|(_, used)| self.now - used <= self.keeps);
        let port = alive.map_or_else(
            || {
                self.next_port += 1;
                self.next_port
            },
            |(port, _)| port,
        );
        self.mapping = Some((port, self.now));
        self.fly(true, at(1, port), bytes);
    }

    fn deliver(&mut self, datagrams: Vec<Datagram>) -> Vec<Vec<u8>> {
        let mut to_others = Vec::new();
        for (to, bytes) in datagrams {
            if to.ip() == at(1, 0).ip() {
                self.fly(false, to, bytes);
            } else {
                to_others.push(bytes);
            }
        }
        to_others
    }

    /// Lets time pass until `until`.
    fn run(&mut self, until: u64) {
        loop {
            let next = self.air.keys().next().map(|(when, _)| *when);
            let due = self.home.due_ms().filter(|_| self.home_is_up);
            let watch = (!self.watch.is_dead()).then(|| self.watch.due_ms());
            let next = [next, due, watch]
                .into_iter()
                .flatten()
                .min()
                .unwrap_or(until)
                .max(self.now);
            if next > until {
                self.now = until;
                return;
            }
            self.now = next;
            while let Some(entry) = self.air.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let (to_home, address, bytes) = entry.remove();
                if to_home {
                    if self.home_is_up {
                        let out = self.home.heard(self.now, &bytes, address, nobody, nowhere);
                        self.deliver(out);
                    }
                    continue;
                }
                let open = self
                    .mapping
                    .is_some_and(|(port, used)| port == address.port() && self.now - used <= self.keeps);
                if !open {
                    continue;
                }
                self.bytes += HEADERS + bytes.len() as u64;
                match self.watch.heard(self.now, &bytes) {
                    Heard::Called { answer, new } => {
                        if new {
                            self.woken.push(self.now);
                        }
                        self.waking += 2 * (HEADERS + bytes.len() as u64);
                        self.out(answer);
                    }
                    Heard::Alive | Heard::Nothing => {}
                }
            }
            if self.home_is_up {
                let out = self.home.tick(self.now);
                self.deliver(out);
            }
            while let Some(beat) = self.watch.tick(self.now) {
                self.out(beat);
            }
            if next == until && self.air.keys().next().is_none_or(|(when, _)| *when > until) {
                return;
            }
        }
    }

    /// A caller with a pass, who repeats as [`hedgerow-net`] does; how long until the node was awake.
    fn call(&mut self, limit: u64) -> Option<u64> {
        let (begin, woken) = (self.now, self.woken.len());
        let mut cookie = [0; 8];
        while self.now < begin + limit {
            let call = Park::Call {
                node: NODE,
                token: [5; 8],
                cookie,
                pass: pass(&PASS_KEY, &NodeId([8; 32])),
            };
            if !self.lost() && self.home_is_up {
                let out = self.home.heard(self.now, &call.to_bytes(), at(200, 9), nobody, nowhere);
                let answers = self.deliver(out);
                let answered = answers.first().and_then(|bytes| Park::from_bytes(bytes).ok());
                if let Some(Park::Called { cookie: fresh, .. }) = answered.filter(|_| !self.lost()) {
                    cookie = fresh;
                }
            }
            self.run(self.now + 300);
            if self.woken.len() > woken {
                return Some(self.now - begin);
            }
        }
        None
    }
}

#[test]
fn in_24_virtual_hours_no_call_is_lost_and_an_hour_costs_less_than_7_kb() {
    for (seed, keeps_s, loss) in [
        (1, 30, 0),
        (2, 30, 50),
        (3, 60, 50),
        (4, 120, 50),
        (5, 300, 10),
        (6, 28, 50),
    ] {
        let mut world = World::new(seed, keeps_s, loss);
        let (mut slowest, mut calls, mut slow) = (0, 0, 0);
        let mut all = Vec::new();
        while world.now < 24 * HOUR_MS {
            let pause = 60_000 + world.random.below(1_200_000) as u64;
            world.run(world.now + pause);
            calls += 1;
            let took = world.call(300_000);
            let took = took.unwrap_or_else(|| panic!("seed {seed}: call {calls} at {} was lost", world.now));
            slowest = took.max(slowest);
            slow += u32::from(took > 5_000);
            all.push(took);
        }
        assert!(!world.watch.is_dead(), "seed {seed}: the home is there all the time");
        all.sort_unstable();
        let hours = world.now as f64 / HOUR_MS as f64;
        let per_hour = (world.bytes - world.waking) as f64 / hours;
        println!(
            "seed {seed}, mapping {keeps_s} s, loss {loss} ‰: {calls} calls, median {} ms, slowest {slowest} ms, {slow} over 5 s, \
             {per_hour:.0} B/h, pause {} ms",
            all[all.len() / 2],
            world.watch.pause_ms()
        );
        assert!(per_hour <= 7_000.0, "seed {seed}: {per_hour} bytes an hour");
        assert!(
            world.watch.pause_ms() * 11 / 10 <= keeps_s * 1000 + 1000,
            "seed {seed}: the router forgets"
        );
        assert!(
            slow * 10 <= calls,
            "seed {seed}: {slow} of {calls} calls took more than 5 s"
        );
    }
}

#[test]
fn the_pause_grows_to_what_the_router_allows_and_shrinks_when_it_allows_less() {
    let mut world = World::new(1, 200, 0);
    world.run(HOUR_MS);
    assert_eq!(world.watch.pause_ms(), 110_000);
    world.keeps = 40_000;
    world.run(world.now + HOUR_MS);
    assert!(
        world.watch.pause_ms() < 40_000 && world.watch.pause_ms() >= 20_000,
        "{}",
        world.watch.pause_ms()
    );
    assert!(!world.watch.is_dead());
}

#[test]
fn a_home_that_is_gone_is_noticed_and_one_that_has_forgotten_at_the_next_beat() {
    for keeps_s in [30, 200] {
        let mut world = World::new(1, keeps_s, 0);
        world.run(HOUR_MS);
        world.home_is_up = false;
        world.run(world.now + 10 * 60_000);
        assert!(world.watch.is_dead(), "{keeps_s}");
        assert_eq!(world.watch.tick(world.now + HOUR_MS), None);
    }
    let mut world = World::new(1, 200, 0);
    world.run(HOUR_MS);
    world.home = home();
    world.run(world.now + 140_000);
    assert!(world.watch.is_dead());
}

#[test]
fn who_says_lost_without_being_the_home_makes_the_node_ask_and_no_more() {
    let mut world = World::new(1, 200, 0);
    world.run(HOUR_MS);
    let before = world.bytes;
    for count in 0..10_000 {
        let lost = Park::Lost { session: 7, count };
        world.watch.heard(world.now, &lost.to_bytes());
        world.run(world.now + 10);
    }
    assert!(!world.watch.is_dead());
    assert!(world.bytes - before < 2_000, "{}", world.bytes - before);
}

#[test]
fn a_beat_counts_once_and_only_with_the_secret_of_the_registration() {
    let mut home = home();
    let mut watch = registered(&mut home, 0);
    let beat = watch.tick(0).unwrap();
    assert_eq!(home.call(0, &NODE, None, nobody).0, Calling::Unknown, "never heard of");
    assert_eq!(
        home.heard(0, &beat, at(1, 1), nobody, nowhere).len(),
        1,
        "answered at once"
    );
    assert_eq!(
        home.heard(1, &beat, at(66, 6), nobody, nowhere),
        [],
        "repeated by another"
    );
    for place in 0..beat.len() {
        let mut other = beat.clone();
        other[place] ^= 1;
        let out = home.heard(2, &other, at(66, 6), nobody, nowhere);
        assert!(out.iter().all(|(_, bytes)| bytes.len() < beat.len()), "at most: lost");
    }
    let (calling, wake) = home.call(3, &NODE, None, nobody);
    assert_eq!((calling, wake.map(|(to, _)| to)), (Calling::Waking, Some(at(1, 1))));
    let stranger = Watch::new(7, key(&[4; 32], 7), None, 0).tick(0).unwrap();
    assert_eq!(home.heard(4, &stranger, at(66, 6), nobody, nowhere), []);
}

fn called(out: &[Datagram]) -> Option<([u8; 8], Calling)> {
    out.iter().find_map(|(_, bytes)| match Park::from_bytes(bytes) {
        Ok(Park::Called { cookie, calling, .. }) => Some((cookie, calling)),
        _ => None,
    })
}

fn call_from(home: &mut Home, now: u64, from: SocketAddr, pass: [u8; 16]) -> (Calling, usize) {
    let call = |cookie| {
        let (node, token) = (NODE, [5; 8]);
        Park::Call {
            node,
            token,
            cookie,
            pass,
        }
        .to_bytes()
    };
    let first = home.heard(now, &call([0; 8]), from, nobody, nowhere);
    let Some((cookie, calling)) = called(&first) else {
        return (Calling::Refused, 0);
    };
    assert_eq!(
        (calling, first.len()),
        (Calling::Again, 1),
        "nobody is woken by an address that was not proven"
    );
    let second = home.heard(now, &call(cookie), from, nobody, nowhere);
    let bytes: usize = second.iter().map(|(_, bytes)| bytes.len()).sum();
    assert!(bytes + HEADERS as usize <= CALL_LEN, "{bytes} bytes for a call");
    called(&second).map_or((Calling::Refused, 0), |(_, calling)| (calling, second.len()))
}

#[test]
fn strangers_who_call_without_end_do_not_keep_a_node_awake_nor_its_peers_away() {
    let mut home = home();
    let mut watch = registered(&mut home, 0);
    let beat = watch.tick(0).unwrap();
    home.heard(0, &beat, at(1, 1), nobody, nowhere);
    let mut wakes = 0;
    for second in 0..3600u64 {
        let now = second * 1000;
        if second % 100 == 0 {
            while let Some(beat) = watch.tick(now) {
                let mut answers = home.heard(now, &beat, at(1, 1), nobody, nowhere);
                answers.extend(home.tick(now));
                answers.iter().for_each(|(_, bytes)| {
                    watch.heard(now, bytes);
                });
            }
        }
        for host in 0..4 {
            let from = SocketAddr::from((Ipv4Addr::from(second as u32 * 4 + host), 9));
            let (_, datagrams) = call_from(&mut home, now, from, [6; 16]);
            wakes += datagrams.saturating_sub(1);
        }
    }
    // A wake-up that nobody confirms is repeated for each call within 30 s.
    assert!(wakes <= 17 * 31 * 4, "{wakes}");
    let friend = pass(&PASS_KEY, &NodeId([8; 32]));
    let (calling, _) = call_from(&mut home, 3_600_000 + 40_000, at(200, 9), friend);
    assert_eq!(calling, Calling::Waking, "a pass has a rate of its own");
    let mut begun = 0;
    for minute in 0..600u64 {
        let now = 4 * HOUR_MS + minute * 6_000;
        let (calling, _) = home.call(now, &NODE, Some((at(201, 9).ip(), &friend)), nobody);
        begun += u64::from(calling != Calling::Unknown && calling != Calling::Refused);
    }
    assert_eq!(begun, 0, "a node that was not heard for long is not there");
}

#[test]
fn wakeups_by_strangers_end_and_come_back_slowly() {
    let mut home = home();
    let mut watch = registered(&mut home, 0);
    let mut answers = Vec::new();
    for minute in 0..240u64 {
        let now = minute * 60_000;
        while let Some(beat) = watch.tick(now) {
            for (_, bytes) in home.heard(now, &beat, at(1, 1), nobody, nowhere) {
                if let Heard::Called { answer, .. } = watch.heard(now, &bytes) {
                    home.heard(now, &answer, at(1, 1), nobody, nowhere);
                }
            }
        }
        answers.push(call_from(&mut home, now, at(200, 9), [6; 16]).0);
    }
    let begun = answers.iter().filter(|calling| **calling == Calling::Waking).count();
    assert!((40..=60).contains(&begun), "{begun} in four hours");
    assert!(answers.contains(&Calling::Refused));
}

#[test]
fn a_home_is_bounded_and_forgets_who_is_gone() {
    let mut home = home();
    let ip = |n: u32| IpAddr::V4(Ipv4Addr::from(n));
    let node = |n: u32| {
        let mut id = [0; 32];
        id[..4].copy_from_slice(&n.to_be_bytes());
        NodeId(id)
    };
    let taken = |home: &mut Home, n, ip| home.register(0, n, node(n), ip, &LINK, PASS_KEY).is_some();
    assert_eq!(
        (0..1000).filter(|n| taken(&mut home, *n, ip(0))).count(),
        64,
        "of one address"
    );
    assert_eq!((1000..4000).filter(|n| taken(&mut home, *n, ip(*n))).count(), 960);
    assert_eq!(home.len(), 1024);
    for n in 0..100_000u32 {
        home.heard(0, &[0x10; MAX_PARK], SocketAddr::new(ip(n), 1), nobody, nowhere);
        home.heard(0, &[0x15; CALL_LEN], SocketAddr::new(ip(n), 1), nobody, nowhere);
    }
    let later = 20 * 60_000;
    assert!(home.register(later, 5000, node(5000), ip(1), &LINK, PASS_KEY).is_some());
    assert_eq!(home.len(), 1);
    assert!(home.register(later, 5001, node(5000), ip(1), &LINK, PASS_KEY).is_some());
    assert_eq!(home.len(), 1, "once each");
}

#[test]
fn a_connection_is_given_up_when_it_is_unused_and_both_can_be_called() {
    let facts = Facts {
        unused_ms: QUIET_MS,
        held: false,
        callable: true,
        dialled: true,
    };
    let mut idle = Idle::new(QUIET_MS);
    assert!(idle.asks(0, &facts) && idle.agrees(&facts));
    for other in [
        Facts { held: true, ..facts },
        Facts {
            callable: false,
            ..facts
        },
        Facts {
            unused_ms: QUIET_MS / 3,
            ..facts
        },
    ] {
        assert!(!idle.asks(0, &other) && !idle.agrees(&other), "{other:?}");
    }
    let called = Facts {
        dialled: false,
        ..facts
    };
    assert!(!idle.asks(0, &called), "it is the other's turn first");
    let mut now = 0;
    let mut asked = Vec::new();
    while now < 4 * HOUR_MS {
        if idle.asks(now, &facts) {
            asked.push(now);
            idle.refused(now);
        }
        now += 1000;
    }
    assert!(asked.len() <= 7, "who wants to stay is left alone: {asked:?}");
}
