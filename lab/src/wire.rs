//! A cable with delay, jitter and loss: two TAP devices and a thread that carries frames between them.

use crate::{description::Link, space::Space, tap};
use anyhow::{Context, Result};
use nix::{
    poll::{PollFd, PollFlags, ppoll},
    sys::time::{TimeSpec, TimeValLike},
};
use std::{
    collections::VecDeque,
    fs::File,
    io::{Read, Write},
    os::{fd::AsFd, unix::net::UnixStream},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Frames that one direction holds at most; more are lost, as in any queue.
const QUEUE: usize = 20_000;
/// Frames taken from one side before the other gets its turn.
const BATCH: usize = 64;

/// A running cable. It is cut when the value is dropped.
#[derive(Debug)]
pub struct Wire {
    open: Option<UnixStream>,
    thread: Option<JoinHandle<()>>,
}

impl Wire {
    /// Makes an interface in each of two namespaces and connects them. Which packets are lost follows from the seed.
    pub fn new(ends: [(&Space, &str); 2], link: Link, seed: u64) -> Result<Self> {
        let [a, b] = ends;
        let (a, b) = (tap::open(a.0, a.1)?, tap::open(b.0, b.1)?);
        let (open, closed) = UnixStream::pair().context("no pair of sockets to be had")?;
        let directions = [Direction::new(link, seed), Direction::new(link, !seed)];
        let thread = thread::Builder::new()
            .name("wire".into())
            .spawn(move || carry([a, b], directions, &closed))
            .context("no thread for a link")?;
        Ok(Self {
            open: Some(open),
            thread: Some(thread),
        })
    }

    /// Lets go without waiting, so that many are cut at once.
    pub(crate) fn cut(&mut self) {
        self.open = None;
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.cut();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// One direction of a link: what is under way, and the fate of what comes next.
#[derive(Debug)]
struct Direction {
    link: Link,
    chance: Chance,
    under_way: VecDeque<(Instant, Vec<u8>)>,
}

impl Direction {
    fn new(link: Link, seed: u64) -> Self {
        Self {
            link,
            chance: Chance::new(seed),
            under_way: VecDeque::new(),
        }
    }

    /// A frame enters.
    fn take(&mut self, now: Instant, frame: Vec<u8>) {
        // Neighbour discovery belongs to the cable, not to the distance: it is neither late nor lost.
        if finds_neighbours(&frame) {
            self.under_way.push_front((now, frame));
            return;
        }
        let lost = self.chance.share() < self.link.loss;
        let later = self.link.jitter.mul_f64(self.chance.share());
        if lost || self.under_way.len() >= QUEUE {
            return;
        }
        let last = self.under_way.back().map_or(now, |(due, _)| *due);
        self.under_way
            .push_back(((now + self.link.delay + later).max(last), frame));
    }

    /// The next frame that has arrived by now.
    fn arrived(&mut self, now: Instant) -> Option<Vec<u8>> {
        let due = self.under_way.front().is_some_and(|(due, _)| *due <= now);
        if due {
            self.under_way.pop_front().map(|(_, frame)| frame)
        } else {
            None
        }
    }

    fn next(&self) -> Option<Instant> {
        self.under_way.front().map(|(due, _)| *due)
    }
}

/// ARP, or one of the ICMPv6 messages 133 to 137.
fn finds_neighbours(frame: &[u8]) -> bool {
    let six = || frame.get(20) == Some(&58) && matches!(frame.get(54), Some(133..=137));
    match frame.get(12..14) {
        Some([0x08, 0x06]) => true,
        Some([0x86, 0xdd]) => six(),
        _ => false,
    }
}

fn carry(mut files: [File; 2], mut directions: [Direction; 2], closed: &UnixStream) {
    let mut frame = vec![0; 65_536];
    loop {
        if !wait(&files, &directions, closed) {
            return;
        }
        for (file, direction) in files.iter_mut().zip(&mut directions) {
            for _ in 0..BATCH {
                let Some(bytes) = file.read(&mut frame).ok().and_then(|n| frame.get(..n)) else {
                    break;
                };
                direction.take(Instant::now(), bytes.to_vec());
            }
        }
        for (direction, file) in directions.iter_mut().zip(files.iter_mut().rev()) {
            while let Some(frame) = direction.arrived(Instant::now()) {
                // An interface that is down takes nothing, like a cable that is not plugged in.
                let _ = file.write(&frame);
            }
        }
    }
}

/// Waits until there is something to do; answers whether to go on.
fn wait(files: &[File; 2], directions: &[Direction; 2], closed: &UnixStream) -> bool {
    let next = directions.iter().filter_map(Direction::next).min();
    let wait = next.map_or(Duration::from_secs(1), |due| {
        due.saturating_duration_since(Instant::now())
    });
    let [a, b] = files;
    let mut ready = [
        PollFd::new(closed.as_fd(), PollFlags::POLLIN),
        PollFd::new(a.as_fd(), PollFlags::POLLIN),
        PollFd::new(b.as_fd(), PollFlags::POLLIN),
    ];
    let nanoseconds = i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX);
    match ppoll(&mut ready, Some(TimeSpec::nanoseconds(nanoseconds)), None) {
        Ok(_) => ready
            .first()
            .and_then(PollFd::revents)
            .is_none_or(|events| events.is_empty()),
        Err(error) => error == nix::errno::Errno::EINTR,
    }
}

/// Numbers that look random and follow from a seed (SplitMix64).
#[derive(Debug)]
struct Chance(u64);

impl Chance {
    fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 to just below 1.
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        // 53 bits fill the number exactly.
        (z >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(delay: u64, jitter: u64, loss: f64) -> Link {
        let [delay, jitter] = [delay, jitter].map(Duration::from_millis);
        Link { delay, jitter, loss }
    }

    fn fates(loss: f64, seed: u64) -> Vec<bool> {
        let mut direction = Direction::new(link(0, 0, loss), seed);
        let now = Instant::now();
        let fate = |_| {
            direction.take(now, vec![0; 60]);
            direction.arrived(now).is_some()
        };
        (0..100_000).map(fate).collect()
    }

    #[test]
    fn as_much_is_lost_as_was_asked_for() {
        for loss in [0.01, 0.05] {
            let lost = fates(loss, 1).iter().filter(|arrived| !**arrived).count();
            let share = lost as f64 / 100_000.0;
            assert!((share / loss - 1.0).abs() < 0.1, "{share} instead of {loss}");
        }
        assert!(fates(0.0, 1).iter().all(|arrived| *arrived));
    }

    #[test]
    fn the_same_seed_loses_the_same_packets() {
        assert_eq!(fates(0.05, 7), fates(0.05, 7));
        assert_ne!(fates(0.05, 7), fates(0.05, 8));
    }

    #[test]
    fn jitter_delays_but_never_reorders() {
        let mut direction = Direction::new(link(10, 5, 0.0), 3);
        let begin = Instant::now();
        let ms = Duration::from_millis;
        for n in 0..100u8 {
            direction.take(begin + ms(n.into()), vec![n; 60]);
        }
        assert!(direction.arrived(begin + ms(9)).is_none());
        let mut last = begin + ms(10);
        for n in 0..100u8 {
            let due = direction.next().unwrap();
            assert!(due >= last && due <= begin + ms(u64::from(n) + 15));
            assert_eq!(direction.arrived(due).unwrap()[0], n);
            last = due;
        }
    }

    #[test]
    fn neighbours_find_each_other_at_once() {
        let mut direction = Direction::new(link(1000, 0, 0.99), 1);
        let mut arp = vec![0; 42];
        arp[12..14].copy_from_slice(&[0x08, 0x06]);
        let mut solicitation = vec![0; 86];
        solicitation[12..14].copy_from_slice(&[0x86, 0xdd]);
        (solicitation[20], solicitation[54]) = (58, 135);
        let now = Instant::now();
        for frame in [arp, solicitation.clone()] {
            direction.take(now, frame.clone());
            assert_eq!(direction.arrived(now), Some(frame));
        }
        // A ping is an ordinary packet.
        solicitation[54] = 128;
        direction.take(now, solicitation);
        assert_eq!(direction.arrived(now), None);
    }
}
