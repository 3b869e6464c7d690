//! Staying within reach of a home: a beat in time for the router not to forget the mapping, and no more bytes than
//! needed to notice that the home is gone.
//!
//! How long the router keeps a mapping is tried out on the very mapping: the home is asked to answer later, and while
//! that is awaited nothing is sent. If the answer comes, the mapping lives at least that long. These trials also show
//! that the home is alive, so nothing else is needed for that.

use super::{HEADERS, Key, mac, sealed};
use alloc::vec::Vec;
use hedgerow_wire::park::{MAX_COUNT, Park};

/// Bytes per hour that beats and their answers may cost, headers included. The goal is 7 kB in all.
pub const BUDGET: u64 = 6_500;
/// The pause between beats when nothing is known of the router: RFC 4787 asks for 2 minutes, many keep 30 s.
pub const FIRST_MS: u64 = 25_000;
/// By how much a longer pause is tried at first and, when that was too much, later; in per cent.
const STEPS: [u64; 2] = [150, 118];
/// The shortest and the longest pause. Longer ones save little, and a home that is gone is noticed later.
const SHORTEST_MS: u64 = 10_000;
const LONGEST_MS: u64 = 110_000;
/// Trials end so much later than the pause that they prove, in per cent of it.
const MARGIN: u64 = 105;
/// A trial waits so much longer for the answer than it takes at best.
const SLACK_MS: u64 = 2_000;
/// When a question that wants an answer at once is repeated.
const AGAIN_MS: [u64; 6] = [700, 1_000, 1_500, 2_500, 4_000, 6_000];
/// So many trials in a row must fail until that is held against the router: one lost packet is no proof.
const PROOF: u32 = 3;
/// After that, when longer pauses are tried again: this, and twice as late each time, up to the second.
const GIVEN_UP_MS: u64 = 3_600_000;
const GIVEN_UP_MOST_MS: u64 = 8 * 3_600_000;
/// Bytes of a beat and of its answer.
const BEAT: u64 = HEADERS + 15;
const ANSWER: u64 = HEADERS + 14;

/// What came of a datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It was none of the home's.
    Nothing,
    /// The home is alive.
    Alive,
    /// Somebody calls; this is the answer. `new` when it is not a repetition.
    Called {
        /// To be sent back.
        answer: Vec<u8>,
        /// The first time.
        new: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    /// Waiting for the next beat.
    Resting,
    /// A beat was sent, and its answer was ordered for later.
    Trying {
        count: u32,
        pause_ms: u64,
        until_ms: u64,
        void: bool,
    },
    /// An answer is wanted at once; so often it was asked for already.
    Asking { first: u32, tries: usize },
    /// The home does not answer.
    Dead,
}

/// A registration at a home, seen from the node.
#[derive(Clone, Debug)]
pub struct Watch {
    session: u32,
    key: Key,
    count: u32,
    pause_ms: u64,
    /// Which of [`STEPS`] is tried next; beyond the last, none.
    step: usize,
    /// When longer pauses may be tried again, and how long that takes the next time.
    again_ms: Option<u64>,
    given_up_ms: u64,
    failures: u32,
    lowered: bool,
    doing: Doing,
    due_ms: u64,
    beats: u64,
    confirmed: bool,
    last_call: Option<u32>,
    bytes: u64,
    since_ms: u64,
    doubted_ms: Option<u64>,
}

impl Watch {
    /// A new registration; `timeout_s` is for how long the router was seen to keep a mapping. The first beat is due at
    /// once.
    pub fn new(session: u32, key: Key, timeout_s: Option<u32>, now_ms: u64) -> Self {
        let pause_ms = timeout_s.map_or(FIRST_MS, |seconds| u64::from(seconds) * 900);
        Self {
            session,
            key,
            count: 0,
            pause_ms: pause_ms.clamp(SHORTEST_MS, LONGEST_MS),
            step: 0,
            again_ms: None,
            given_up_ms: GIVEN_UP_MS,
            failures: 0,
            lowered: false,
            doing: Doing::Asking { first: 1, tries: 0 },
            due_ms: now_ms,
            beats: 0,
            confirmed: false,
            last_call: None,
            bytes: 0,
            since_ms: now_ms,
            doubted_ms: None,
        }
    }

    /// The home has answered at least once.
    pub fn is_confirmed(&self) -> bool {
        self.confirmed
    }
    /// The home does not answer any more.
    pub fn is_dead(&self) -> bool {
        self.doing == Doing::Dead
    }
    /// Milliseconds between beats.
    pub fn pause_ms(&self) -> u64 {
        self.pause_ms
    }
    /// Bytes sent and received until now, headers included, and since when.
    pub fn cost(&self) -> (u64, u64) {
        (self.bytes, self.since_ms)
    }
    /// When [`Watch::tick`] has something to do.
    pub fn due_ms(&self) -> u64 {
        self.due_ms
    }

    /// Of how many beats one is a trial, so that all of them stay within [`BUDGET`].
    fn one_in(&self) -> u64 {
        let beats = 3_600_000 / self.pause_ms.max(1);
        let spare = BUDGET.saturating_sub(beats * BEAT);
        // At least four an hour, whatever it costs: a home that is gone must be noticed.
        let trials = (spare / ANSWER).max(4);
        beats.div_ceil(trials).max(1)
    }

    /// The network has changed: the home must know the new address, and it must be known whether it hears us.
    pub fn moved(&mut self, now_ms: u64) {
        if !self.is_dead() {
            self.step = 0;
            self.pause_ms = self.pause_ms.min(FIRST_MS);
            self.ask(now_ms);
        }
    }

    fn ask(&mut self, now_ms: u64) {
        self.doing = Doing::Asking {
            first: self.count.saturating_add(1),
            tries: 0,
        };
        self.due_ms = now_ms;
    }

    /// Does what is due: perhaps a datagram for the home.
    pub fn tick(&mut self, now_ms: u64) -> Option<Vec<u8>> {
        if now_ms < self.due_ms || self.is_dead() {
            return None;
        }
        match self.doing {
            Doing::Trying { pause_ms, void, .. } => {
                // The answer did not come: the mapping is gone, or the packet.
                if !void {
                    self.tried(now_ms, pause_ms, false);
                }
                self.ask(now_ms);
                self.tick(now_ms)
            }
            Doing::Asking { first, tries } => {
                let Some(again) = AGAIN_MS.get(tries) else {
                    self.doing = Doing::Dead;
                    return None;
                };
                self.doing = Doing::Asking {
                    first,
                    tries: tries + 1,
                };
                self.due_ms = now_ms.saturating_add(*again);
                Some(self.beat(Some(0)))
            }
            Doing::Resting => {
                self.beats += 1;
                let pause_ms = self.next_pause(now_ms);
                // A longer pause soon saves more than its trial costs.
                let one_in = if pause_ms > self.pause_ms { 2 } else { self.one_in() };
                if !self.beats.is_multiple_of(one_in) {
                    self.due_ms = now_ms.saturating_add(self.pause_ms);
                    return Some(self.beat(None));
                }
                let after_s = (pause_ms * MARGIN / 100).div_ceil(1000).min(250);
                let until_ms = now_ms.saturating_add(after_s * 1000).saturating_add(SLACK_MS);
                self.due_ms = until_ms;
                let beat = self.beat(Some(u8::try_from(after_s).unwrap_or(250)));
                self.doing = Doing::Trying {
                    count: self.count,
                    pause_ms,
                    until_ms,
                    void: false,
                };
                Some(beat)
            }
            Doing::Dead => None,
        }
    }

    /// The pause that is tried next.
    fn next_pause(&mut self, now_ms: u64) -> u64 {
        if self.again_ms.take_if(|again| now_ms >= *again).is_some() {
            self.step = 0;
        }
        let step = STEPS.get(self.step).copied().unwrap_or(100);
        (self.pause_ms * step / 100).clamp(self.pause_ms, LONGEST_MS.max(self.pause_ms))
    }

    /// A trial has ended.
    fn tried(&mut self, now_ms: u64, pause_ms: u64, good: bool) {
        if good {
            self.failures = 0;
            self.lowered = false;
            if pause_ms > self.pause_ms {
                self.given_up_ms = GIVEN_UP_MS;
            }
            self.pause_ms = pause_ms;
            return;
        }
        self.failures += 1;
        if self.failures < PROOF {
            return;
        }
        self.failures = 0;
        if pause_ms > self.pause_ms {
            self.step += 1;
            if self.step >= STEPS.len() {
                self.again_ms = Some(now_ms.saturating_add(self.given_up_ms));
                self.given_up_ms = (self.given_up_ms * 2).min(GIVEN_UP_MOST_MS);
            }
        } else {
            // If it was only bad luck, small steps lead back; the second time in a row it was not.
            let part = if self.lowered { 60 } else { 85 };
            self.lowered = true;
            self.pause_ms = (self.pause_ms * part / 100).max(SHORTEST_MS);
            self.step = STEPS.len() - 1;
        }
    }

    fn beat(&mut self, after: Option<u8>) -> Vec<u8> {
        // After 2^24 beats, which take years, the registration ends and is made anew.
        if self.count >= MAX_COUNT {
            self.doing = Doing::Dead;
        }
        self.count = self.count.saturating_add(1).min(MAX_COUNT);
        self.bytes += BEAT;
        let mac = [0; 6];
        let (session, count) = (self.session, self.count);
        sealed(
            &self.key,
            Park::Here {
                session,
                count,
                after,
                mac,
            },
        )
    }

    /// A datagram came from the home's address.
    pub fn heard(&mut self, now_ms: u64, bytes: &[u8]) -> Heard {
        let Ok(datagram) = Park::from_bytes(bytes) else {
            return Heard::Nothing;
        };
        match datagram {
            Park::There {
                session,
                count,
                mac: code,
            } if self.is_mine(session, code, bytes) => {
                self.bytes += ANSWER;
                self.answered(now_ms, count)
            }
            Park::Wake {
                session,
                count,
                mac: code,
            } if self.is_mine(session, code, bytes) => {
                self.bytes += 2 * ANSWER;
                // Our answer makes the mapping young again, so the trial proves nothing any more.
                if let Doing::Trying { void, .. } = &mut self.doing {
                    *void = true;
                }
                let mac = [0; 6];
                let answer = sealed(&self.key, Park::Awake { session, count, mac });
                let new = self.last_call.is_none_or(|last| count > last);
                self.last_call = self.last_call.max(Some(count));
                Heard::Called { answer, new }
            }
            // Anybody can say that, so it only makes us ask, and not often.
            Park::Lost { session, count } if session == self.session && count == self.count => {
                let doubted = self.doubted_ms.is_some_and(|at| now_ms.saturating_sub(at) < FIRST_MS);
                if !doubted && !matches!(self.doing, Doing::Asking { .. } | Doing::Dead) {
                    self.doubted_ms = Some(now_ms);
                    self.ask(now_ms);
                }
                Heard::Nothing
            }
            _ => Heard::Nothing,
        }
    }

    fn is_mine(&self, session: u32, code: [u8; 6], bytes: &[u8]) -> bool {
        session == self.session && mac(&self.key, bytes) == code
    }

    fn answered(&mut self, now_ms: u64, count: u32) -> Heard {
        match self.doing {
            Doing::Asking { first, .. } if (first..=self.count).contains(&count) => {
                self.confirmed = true;
                self.doing = Doing::Resting;
                self.due_ms = now_ms.saturating_add(self.pause_ms);
                Heard::Alive
            }
            Doing::Trying {
                count: of,
                pause_ms,
                until_ms,
                void,
            } if of == count => {
                // One that comes early proves that the home is alive, but nothing about the mapping.
                let least = until_ms.saturating_sub(SLACK_MS + pause_ms / 20);
                if now_ms >= least && !void {
                    self.tried(now_ms, pause_ms, true);
                }
                // The last beat is a whole pause ago.
                self.due_ms = now_ms;
                self.doing = Doing::Resting;
                Heard::Alive
            }
            _ => Heard::Nothing,
        }
    }
}
