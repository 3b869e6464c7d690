//! Opening a direct path: two nodes that can already talk (over a relay) send each other datagrams until some get
//! through both routers. What each sends where follows from how the two routers choose ports.
//!
//! The side whose port the other knows sends to many ports, the other from many sockets (the birthday paradox; Ford,
//! Srisuresh, Kegel 2005 describe the plain case, `docs/wire/side.md` the rest). One side leads: it picks the first
//! path on which it hears the other.

use crate::random::Random;
use alloc::{
    collections::{BTreeSet, VecDeque},
    vec::Vec,
};
use core::net::SocketAddr;
use hedgerow_wire::reach::{Ports, Spot};

/// Sockets and probes for a router that chooses among all ports: a miss has a chance of one in 3000.
const SOCKETS_OF_RANDOM: usize = 256;
const PROBES_OF_RANDOM: usize = 2048;
/// The same for one whose next ports are about known.
const SOCKETS_OF_SEQUENTIAL: usize = 48;
const PROBES_OF_SEQUENTIAL: usize = 160;
/// Sockets for a block; all of its ports are probed.
const SOCKETS_OF_BLOCK: usize = 64;
/// Two routers that choose: so many sockets, each to so many ports.
const GRID_SOCKETS: usize = 32;
const GRID_PROBES: usize = 96;
/// Two sequential ones: so many packets a round, and rounds with different guesses of how far the other has moved.
const LOCKSTEP: usize = 12;
const LOCKSTEP_ROUNDS: usize = 40;
const LOCKSTEP_ROUND_MS: u64 = 60;
/// Probes in one millisecond.
const PROBES_PER_MS: usize = 2;
/// After how many milliseconds something is sent again that may have been lost.
const AGAIN_MS: u64 = 150;
/// The first ones again are sooner: nothing is wrong with two packets to one address.
const QUICK_MS: [u64; 4] = [20, 60, 120, 200];
/// When it is given up, milliseconds after the start.
const END_MS: u64 = 8_000;
/// A leader repeats its choice so often, and after so long.
const PICKS: u32 = 40;
const PICK_MS: u64 = 50;
/// Lowest port that routers give.
const LOWEST: u16 = 1024;
/// Most different paths that a follower answers.
const MOST_ANSWERED: usize = 64;

/// What the two sides do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Both ports are known: a few packets each.
    Plain,
    /// Only the other's port is known: one socket after the other sends there.
    Spread,
    /// Only our port is known: one socket sends to many ports.
    Scan,
    /// Neither is, but both are among few.
    Grid,
    /// Both routers count, so both guess together.
    Lockstep,
}

/// What this side does, if there is a point in trying.
pub fn plan(mine: Ports, theirs: Ports) -> Option<Plan> {
    use Ports::{Block, Blocked, Random, Same, Sequential};
    Some(match (mine, theirs) {
        (Blocked, _) | (_, Blocked) => return None,
        (Same { .. }, Same { .. }) => Plan::Plain,
        (Same { .. }, _) => Plan::Scan,
        (_, Same { .. }) => Plan::Spread,
        (Sequential { .. }, Sequential { .. }) => Plan::Lockstep,
        (Random, _) | (_, Random) => return None,
        (Sequential { .. } | Block { .. }, Sequential { .. } | Block { .. }) => Plan::Grid,
    })
}

/// How many milliseconds this side waits, until the other's first packets are on their way; `rtt_ms` is the way there and
/// back over the relay. Who keeps one port goes first: a router that is hit before may choose another port. Of equal ones
/// the leader goes first, unless only the other is so touchy.
pub fn wait_ms(mine: Ports, theirs: Ports, leads: bool, rtt_ms: u64) -> u64 {
    let first = rtt_ms + 50;
    match (mine, theirs) {
        (Ports::Same { early: a }, Ports::Same { early: b }) if a != b => u64::from(b) * first,
        (Ports::Same { .. }, Ports::Same { .. }) => u64::from(!leads) * first,
        // A touchy router has to have seen all of its own probes before.
        (_, Ports::Same { early: true }) => first + probes(mine) / PROBES_PER_MS as u64,
        (_, Ports::Same { early: false }) => first,
        _ => 0,
    }
}

/// How many ports the other side probes, if it can.
fn probes(ports: Ports) -> u64 {
    match ports {
        Ports::Random => PROBES_OF_RANDOM as u64,
        Ports::Block { low, high } => u64::from(high.saturating_sub(low)) + 1,
        Ports::Sequential { .. } => PROBES_OF_SEQUENTIAL as u64,
        Ports::Same { .. } | Ports::Blocked => 0,
    }
}

/// A probe to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// From which socket, counted from 0.
    pub socket: usize,
    /// To where.
    pub to: SocketAddr,
    /// What it says.
    pub what: What,
}

/// What a datagram of a meeting says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// I am here.
    Open,
    /// Let us use this path (from the leader).
    Pick,
    /// Yes.
    Picked,
}

/// A path through both routers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Our socket.
    pub socket: usize,
    /// The other side.
    pub remote: SocketAddr,
}

/// One attempt of one side.
pub struct Punch {
    leads: bool,
    sockets: usize,
    /// What is sent once, in this order, at most [`PROBES_PER_MS`].
    queue: VecDeque<Cell>,
    /// What was sent, to be sent again.
    again: Vec<Cell>,
    /// The next repetition of everything.
    repeat_ms: u64,
    repeated: usize,
    /// Rounds of [`Plan::Lockstep`] that are to come, the next first, and when that is.
    rounds: VecDeque<Vec<Cell>>,
    round_ms: u64,
    sent_until_ms: u64,
    found: Option<Found>,
    agreed: bool,
    picks: u32,
    pick_ms: u64,
    answered: BTreeSet<(usize, SocketAddr)>,
}

impl Punch {
    /// What to do towards `theirs`; nothing if it cannot work. Socket 0 is the one that `mine` was measured with.
    /// `seed` is anything, as long as it is another each time.
    pub fn new(mine: &Spot, theirs: &Spot, leads: bool, seed: u64) -> Option<Self> {
        let to = theirs.at()?;
        let mut random = Random::new(seed);
        let mut queue = VecDeque::new();
        let mut rounds = VecDeque::new();
        let sockets = match plan(mine.ports, theirs.ports)? {
            Plan::Plain => {
                queue.push_back((0, to));
                1
            }
            Plan::Scan => {
                let ports = likely_ports(theirs.ports, to.port(), &mut random);
                queue.extend(ports.into_iter().map(|port| (0, SocketAddr::new(to.ip(), port))));
                1
            }
            Plan::Spread => {
                let count = match mine.ports {
                    Ports::Random => SOCKETS_OF_RANDOM,
                    Ports::Sequential { .. } => SOCKETS_OF_SEQUENTIAL,
                    _ => SOCKETS_OF_BLOCK,
                };
                queue.extend((0..count).map(|socket| (socket, to)));
                count
            }
            Plan::Grid => {
                queue.extend(grid(theirs.ports, to, &mut random));
                GRID_SOCKETS
            }
            Plan::Lockstep => {
                rounds = lockstep(theirs.ports, to, leads);
                LOCKSTEP_ROUNDS
            }
        };
        Some(Self {
            leads,
            sockets,
            queue,
            again: Vec::new(),
            repeat_ms: QUICK_MS[0],
            repeated: 0,
            rounds,
            round_ms: 0,
            sent_until_ms: 0,
            found: None,
            agreed: false,
            picks: 0,
            pick_ms: 0,
            answered: BTreeSet::new(),
        })
    }

    /// How many sockets are needed, the measured one included.
    pub fn sockets(&self) -> usize {
        self.sockets
    }

    /// What to send now, `now_ms` after the start. To be asked every few milliseconds.
    pub fn due(&mut self, now_ms: u64) -> Vec<Probe> {
        let mut due = Vec::new();
        if let Some(found) = self.found {
            if self.leads && !self.agreed && self.picks < PICKS && now_ms >= self.pick_ms {
                self.picks += 1;
                self.pick_ms = now_ms + PICK_MS;
                due.push(probe(found.socket, found.remote, What::Pick));
            }
            return due;
        }
        if let Some(round) = self.rounds.front()
            && now_ms >= self.round_ms
        {
            self.queue.extend(round.iter().copied());
            self.rounds.pop_front();
            self.round_ms = now_ms + LOCKSTEP_ROUND_MS;
        }
        let allowed = usize::try_from(now_ms + 1 - self.sent_until_ms.min(now_ms + 1)).unwrap_or(0) * PROBES_PER_MS;
        self.sent_until_ms = now_ms + 1;
        for (socket, to) in self.queue.drain(..allowed.min(self.queue.len())) {
            self.again.push((socket, to));
            due.push(probe(socket, to, What::Open));
        }
        if now_ms >= self.repeat_ms && self.queue.is_empty() {
            self.repeated += 1;
            self.repeat_ms = match QUICK_MS.get(self.repeated) {
                Some(next) if self.again.len() == 1 => *next,
                _ => now_ms + AGAIN_MS,
            };
            self.queue.extend(self.again.drain(..));
        }
        due
    }

    /// A datagram of this meeting came in; what to answer.
    pub fn heard(&mut self, socket: usize, from: SocketAddr, what: What) -> Option<Probe> {
        match (what, self.leads) {
            (What::Open, true) => {
                if self.found.is_some() {
                    return None;
                }
                self.found = Some(Found { socket, remote: from });
                self.picks = 1;
                Some(probe(socket, from, What::Pick))
            }
            // The leader can only hear who answers from where it was heard.
            (What::Open, false) => {
                let new = self.answered.len() < MOST_ANSWERED && self.answered.insert((socket, from));
                (new && self.found.is_none()).then(|| probe(socket, from, What::Open))
            }
            (What::Pick, false) => {
                self.found.get_or_insert(Found { socket, remote: from });
                self.agreed = true;
                Some(probe(socket, from, What::Picked))
            }
            (What::Picked, true) => {
                self.agreed |= self.found == Some(Found { socket, remote: from });
                None
            }
            (What::Pick, true) | (What::Picked, false) => None,
        }
    }

    /// The path that both agreed on.
    pub fn found(&self) -> Option<Found> {
        self.found.filter(|_| self.agreed)
    }

    /// Whether there is no point in going on.
    pub fn is_over(&self, now_ms: u64) -> bool {
        self.agreed || now_ms >= END_MS || (self.leads && self.picks >= PICKS)
    }
}

fn probe(socket: usize, to: SocketAddr, what: What) -> Probe {
    Probe { socket, to, what }
}

/// Who sends from which socket to where, one after the other.
type Cell = (usize, SocketAddr);

/// Every socket to some of the likely ports, in random order.
fn grid(theirs: Ports, to: SocketAddr, random: &mut Random) -> Vec<Cell> {
    let ports = grid_ports(theirs, to.port());
    let mut cells = Vec::new();
    for socket in 0..GRID_SOCKETS {
        let mut some = ports.clone();
        random.draw(&mut some, GRID_PROBES);
        cells.extend(some.into_iter().map(|port| (socket, SocketAddr::new(to.ip(), port))));
    }
    let count = cells.len();
    random.draw(&mut cells, count);
    cells
}

/// Our k-th packet leaves from the port `mine + k·step + e`, theirs from `theirs + k·step + f`, where e and f are what
/// other programs have used up meanwhile. If one side guesses 0 and the other d, they meet when e + f = d, whatever e and
/// f are; so the guesses go up round by round.
fn lockstep(theirs: Ports, to: SocketAddr, leads: bool) -> VecDeque<Vec<Cell>> {
    let step = match theirs {
        Ports::Sequential { step } => i64::from(step),
        _ => 1,
    };
    let round = |round: usize| {
        let guess = if leads { round / 2 } else { round.div_ceil(2) };
        let packet = |packet: usize| {
            let ahead = (round * LOCKSTEP + packet + guess + 1) as i64;
            let port = (i64::from(to.port()) + ahead * step).rem_euclid(65_536);
            let port = u16::try_from(port).unwrap_or(LOWEST).max(1);
            (round, SocketAddr::new(to.ip(), port))
        };
        (0..LOCKSTEP).map(packet).collect()
    };
    (0..LOCKSTEP_ROUNDS).map(round).collect()
}

/// The ports at which a router's next sockets may be seen, the likeliest first.
fn likely_ports(ports: Ports, last: u16, random: &mut Random) -> Vec<u16> {
    match ports {
        Ports::Sequential { step } => ahead(last, step, PROBES_OF_SEQUENTIAL),
        Ports::Block { low, high } => {
            let mut all: Vec<u16> = (low..=high).collect();
            let count = all.len();
            random.draw(&mut all, count);
            all
        }
        _ => {
            let mut all: Vec<u16> = (LOWEST..=u16::MAX).collect();
            random.draw(&mut all, PROBES_OF_RANDOM);
            all
        }
    }
}

/// The same where this side's ports are not known either. A router that counts gives each of our many packets the next
/// port, so theirs will be far ahead.
fn grid_ports(ports: Ports, last: u16) -> Vec<u16> {
    match ports {
        Ports::Sequential { step } => ahead(last, step, GRID_SOCKETS * GRID_PROBES / 4),
        Ports::Block { low, high } => (low..=high).collect(),
        _ => Vec::new(),
    }
}

fn ahead(last: u16, step: i16, count: usize) -> Vec<u16> {
    let next = |k: i64| u16::try_from((i64::from(last) + k * i64::from(step)).rem_euclid(65_536)).unwrap_or(LOWEST);
    (1..=count as i64).map(next).filter(|port| *port != 0).collect()
}

#[cfg(test)]
mod tests;
