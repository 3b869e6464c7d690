//! The blow in shares. Micro-servers that are picked by chance are alike, so instead of each of them their distribution
//! over lengths of queue is kept, and instead of each client how many look for a home in each step of time.

use super::vanish::{Blow, HORIZON, MOST_DOUBLINGS, REFUSED_AFTER, Recovery};
use crate::poisson;

/// Longest step in seconds.
const STEP: f64 = 0.05;
/// Parts of the whole that are too small to matter.
const NOTHING: f64 = 1e-12;
/// Longest queue that is told from a longer one, in seconds of work: who waits so long has given up long ago.
const LONGEST_QUEUE: f64 = 120.0;
/// Urgent ones first, then those that have another home.
const KINDS: usize = 2;

pub(super) fn run(blow: &Blow) -> Recovery {
    let mut flow = Flow::new(blow);
    let all_lost = losing(blow, blow.different_homes());
    let per_server = 1.0 / blow.micro_server_share;
    let mut queues = Queues::new(blow);
    let mut served = vec![0.0; flow.steps + 1];
    let (mut attempts, mut registered, mut busiest, mut second) = (0.0, 0.0, 0.0f64, Second::default());
    for now in 0..flow.steps {
        let due = flow.due(now);
        let asked: f64 = due.iter().flatten().sum();
        let reaching = asked * (1.0 - blow.vanishing);
        flow.put_off(now, blow.in_vain(), &due, blow.vanishing);
        // An attempt goes to any micro-server, there or not: each gets the same.
        let met = queues.step(asked * per_server, now, flow.step);
        attempts += reaching;
        busiest = busiest.max(second.add(now, flow.step, asked * per_server));
        let urgent: f64 = due.first().into_iter().flatten().sum();
        for (when, share) in &met.registered {
            let when = (*when).min(flow.steps);
            registered += share * reaching;
            if let Some(served) = served.get_mut(when) {
                *served += share * urgent * (1.0 - blow.vanishing);
            }
        }
        flow.send_away(now, blow.backoff, &due, met.refused * (1.0 - blow.vanishing));
        let given_up = met.given_up * (1.0 - blow.vanishing);
        flow.put_off(now, blow.connect_timeout, &due, given_up);
    }
    let until = |share: f64| {
        let mut missing = all_lost;
        if missing <= 1.0 - share {
            return Some(0.0);
        }
        let step = served.iter().take(flow.steps).position(|more| {
            missing -= more;
            missing <= 1.0 - share
        });
        step.map(|step| step as f64 * flow.step)
    };
    let in_time: f64 = served.iter().take(flow.steps).sum();
    Recovery {
        served_at_once: 1.0 - all_lost,
        served_99_s: until(0.99),
        served_999_s: until(0.999),
        unserved: (all_lost - in_time).max(0.0),
        busiest,
        busiest_most: blow.most(busiest),
        attempts: if registered > 0.0 { attempts / registered } else { 1.0 },
    }
}

/// Requests of whole seconds at one micro-server.
#[derive(Default)]
struct Second {
    which: usize,
    requests: f64,
}

impl Second {
    fn add(&mut self, now: usize, step: f64, more: f64) -> f64 {
        let which = (now as f64 * step) as usize;
        if which != self.which {
            *self = Self { which, requests: 0.0 };
        }
        self.requests += more;
        self.requests
    }
}

/// Who looks for a home when, as shares of all clients, by kind and by how often they were sent away.
struct Flow {
    step: f64,
    steps: usize,
    /// What changes from one step to the next.
    changes: Vec<[[f64; MOST_DOUBLINGS + 1]; KINDS]>,
    running: [[f64; MOST_DOUBLINGS + 1]; KINDS],
}

type Due = [[f64; MOST_DOUBLINGS + 1]; KINDS];

impl Flow {
    fn new(blow: &Blow) -> Self {
        let step = step_of(blow);
        let steps = (HORIZON / step) as usize;
        let mut flow = Self {
            step,
            steps,
            changes: vec![[[0.0; MOST_DOUBLINGS + 1]; KINDS]; steps + 2],
            running: [[0.0; MOST_DOUBLINGS + 1]; KINDS],
        };
        for lost in 1..=blow.different_homes() {
            let share = losing(blow, lost);
            let urgent = if lost == blow.different_homes() { share } else { 0.0 };
            flow.begin(blow, lost, [urgent, share * f64::from(lost) - urgent]);
        }
        flow
    }

    /// Plans the first attempts of clients that lost so many homes: they notice with the first.
    fn begin(&mut self, blow: &Blow, lost: u32, shares: [f64; KINDS]) {
        let (later, spread) = blow.notice();
        let parts = ((spread / self.step).ceil() as usize).max(1);
        // The first of some evenly spread times is later than x with this chance.
        let beyond = |part: usize| (1.0 - part as f64 / parts as f64).powf(f64::from(lost));
        for part in 0..parts {
            let share = beyond(part) - beyond(part + 1);
            let from = later + part as f64 * spread / parts as f64;
            for (kind, (jitter, all)) in [blow.jitter, blow.spare_jitter].into_iter().zip(shares).enumerate() {
                self.spread(kind, 0, from, jitter, share * all);
            }
        }
    }

    /// Plans attempts evenly over a time.
    fn spread(&mut self, kind: usize, refusals: usize, from: f64, over: f64, share: f64) {
        if share < NOTHING * NOTHING {
            return;
        }
        let first = ((from / self.step).round() as usize).min(self.steps);
        let count = ((over / self.step).round() as usize).max(1);
        let each = share / count as f64;
        for (at, change) in [(first, each), ((first + count).min(self.steps + 1), -each)] {
            let planned = self.changes.get_mut(at).and_then(|kinds| kinds.get_mut(kind));
            if let Some(planned) = planned.and_then(|refusals_of| refusals_of.get_mut(refusals)) {
                *planned += change;
            }
        }
    }

    fn due(&mut self, now: usize) -> Due {
        let changes = self.changes.get(now).copied().unwrap_or_default();
        let each = self.running.iter_mut().flatten().zip(changes.iter().flatten());
        for (running, change) in each {
            *running += change;
        }
        self.running.map(|kind| kind.map(|share| share.max(0.0)))
    }

    /// A part of those due tries again after a fixed time.
    fn put_off(&mut self, now: usize, later: f64, due: &Due, part: f64) {
        let from = now as f64 * self.step + later.max(self.step);
        for (kind, shares) in due.iter().enumerate() {
            for (refusals, share) in shares.iter().enumerate() {
                self.spread(kind, refusals, from, 0.0, share * part);
            }
        }
    }

    /// A part of those due is sent away.
    fn send_away(&mut self, now: usize, backoff: f64, due: &Due, part: f64) {
        let from = now as f64 * self.step + REFUSED_AFTER.max(self.step);
        for (kind, shares) in due.iter().enumerate() {
            for (refusals, share) in shares.iter().enumerate() {
                let over = backoff * f64::from(1u32 << refusals);
                self.spread(kind, (refusals + 1).min(MOST_DOUBLINGS), from, over, share * part);
            }
        }
    }
}

/// Share of the clients that lose so many of their homes, which are all different.
fn losing(blow: &Blow, lost: u32) -> f64 {
    let (all, homes) = (blow.micro_servers(), blow.different_homes());
    let gone = (all * blow.vanishing).round();
    let mut share = 1.0;
    for home in 0..homes {
        let nth = f64::from(home);
        let of = all - nth;
        share *= if home < lost {
            // The number of ways to pick which ones are lost comes in one factor a time.
            (gone - nth).max(0.0) / of * f64::from(homes - home) / f64::from(home + 1)
        } else {
            (all - gone - f64::from(home - lost)).max(0.0) / of
        };
    }
    share
}

/// A whole number of registrations fits into a step.
fn step_of(blow: &Blow) -> f64 {
    (STEP * blow.rate).floor().max(1.0) / blow.rate
}

/// What happens to those who reach a micro-server in a step, as shares of them.
#[derive(Default)]
struct Met {
    /// In which step they are registered.
    registered: Vec<(usize, f64)>,
    refused: f64,
    given_up: f64,
}

/// How many micro-servers have how many registrations to do, as shares.
struct Queues {
    shares: Vec<f64>,
    /// Registrations in a step.
    done: usize,
    rate: f64,
    /// With more to do, a newcomer is refused.
    refuses_beyond: Option<usize>,
    /// With more to do, a newcomer has given up before its turn.
    patience: usize,
}

impl Queues {
    fn new(blow: &Blow) -> Self {
        let longest = blow.queue.map_or(LONGEST_QUEUE, |queue| queue + 1.0 / blow.rate);
        let mut shares = vec![0.0; (longest * blow.rate).ceil() as usize + 2];
        if let Some(empty) = shares.first_mut() {
            *empty = 1.0;
        }
        Self {
            shares,
            done: (step_of(blow) * blow.rate).round() as usize,
            rate: blow.rate,
            refuses_beyond: blow.queue.map(|queue| (queue * blow.rate).floor() as usize),
            patience: ((blow.connect_timeout * blow.rate).floor() as usize).saturating_sub(1),
        }
    }

    /// A mean number of newcomers arrives at each, then work is done.
    fn step(&mut self, mean: f64, now: usize, step: f64) -> Met {
        let mut next = vec![0.0; self.shares.len()];
        let mut by_turn = vec![0.0; self.shares.len()];
        let mut met = Met::default();
        let arrivals = arrivals(mean);
        let last = self.shares.len() - 1;
        for (waiting, share) in self.shares.iter().enumerate().filter(|(_, share)| **share > NOTHING) {
            // How likely it is that at least so many come.
            let mut at_least = 1.0;
            let mut queue = waiting;
            for chance in &arrivals {
                let after = queue.saturating_sub(self.done);
                add(&mut next, after, share * chance);
                at_least -= chance;
                if at_least <= NOTHING {
                    break;
                }
                // One more comes.
                let one = share * at_least;
                if self.refuses_beyond.is_some_and(|most| queue > most) {
                    met.refused += one;
                    continue;
                }
                if self.refuses_beyond.is_none() && queue > self.patience {
                    met.given_up += one;
                } else {
                    add(&mut by_turn, queue, one);
                }
                queue = (queue + 1).min(last);
            }
            let after = queue.saturating_sub(self.done);
            add(&mut next, after, share * at_least.max(0.0));
        }
        self.shares = next;
        let all = by_turn.iter().sum::<f64>() + met.refused + met.given_up;
        if all > 0.0 {
            let later = |queue: usize| now + ((queue + 1) as f64 / self.rate / step).round() as usize;
            let turns = by_turn.iter().enumerate().filter(|(_, one)| **one > 0.0);
            met.registered = turns.map(|(queue, one)| (later(queue), one / all)).collect();
            met.refused /= all;
            met.given_up /= all;
        }
        met
    }
}

/// The chances of 0, 1, 2 … newcomers, as far as they matter.
fn arrivals(mean: f64) -> Vec<f64> {
    let mut chances = Vec::new();
    for n in 0.. {
        let chance = poisson::chance_of(n, mean);
        chances.push(chance);
        if f64::from(n) > mean && chance < NOTHING {
            return chances;
        }
    }
    chances
}

fn add(shares: &mut [f64], at: usize, more: f64) {
    let at = at.min(shares.len().saturating_sub(1));
    if let Some(share) = shares.get_mut(at) {
        *share += more;
    }
}
