//! The blow, event by event.

use super::{
    micros,
    steady::distinct,
    vanish::{Blow, HORIZON, MOST_DOUBLINGS, REFUSED_AFTER, Recovery},
};
use crate::{chance::Chance, queue::Queue};

/// A client looks for a home in the place of one that is gone.
struct Attempt {
    urgent: bool,
    refusals: usize,
}

/// A micro-server as far as it matters here.
#[derive(Clone, Default)]
struct MicroServer {
    gone: bool,
    /// When its queue is empty.
    free: u64,
    /// Requests in the second that is counted now.
    requests: u32,
    second: u64,
}

pub(super) fn run(blow: &Blow, seed: u64) -> Recovery {
    let mut chance = Chance::new(seed);
    let users = blow.users as usize;
    let mut servers = micro_servers(blow, &mut chance);
    let (mut queue, cut_off) = losses(blow, users, &servers, &mut chance);
    let (mut served, mut registered, mut attempts) = (Vec::new(), 0u64, 0u64);
    let mut seconds = vec![0u64; HORIZON as usize + 1];
    let mut busiest_most = 0;
    while let Some((now, attempt)) = queue.next() {
        if now >= micros(HORIZON) {
            break;
        }
        let at = chance.below(servers.len());
        let Some(server) = servers.get_mut(at) else { break };
        if server.gone {
            queue.plan(now + micros(blow.in_vain()), attempt);
            continue;
        }
        attempts += 1;
        let second = now / 1_000_000;
        if let Some(count) = usize::try_from(second).ok().and_then(|at| seconds.get_mut(at)) {
            *count += 1;
        }
        if server.second != second {
            (server.second, server.requests) = (second, 0);
        }
        server.requests += 1;
        busiest_most = busiest_most.max(server.requests);
        let wait = server.free.saturating_sub(now);
        if blow.queue.is_some_and(|longest| wait > micros(longest)) {
            let most = blow.backoff * f64::from(1u32 << attempt.refusals.min(MOST_DOUBLINGS));
            let again = now + micros(REFUSED_AFTER + chance.share() * most);
            let refusals = attempt.refusals + 1;
            queue.plan(again, Attempt { refusals, ..attempt });
            continue;
        }
        server.free = server.free.max(now) + micros(1.0 / blow.rate);
        if blow.queue.is_none() && server.free - now > micros(blow.connect_timeout) {
            // The micro-server does not know that nobody waits any more.
            queue.plan(now + micros(blow.connect_timeout), attempt);
            continue;
        }
        registered += 1;
        if attempt.urgent {
            served.push(server.free);
        }
    }
    served.retain(|at| *at < micros(HORIZON));
    served.sort_unstable();
    let left = servers.iter().filter(|server| !server.gone).count().max(1) as f64;
    let until = |share: f64| {
        let may_miss = (users as f64 * (1.0 - share)).floor() as usize;
        match cut_off.saturating_sub(may_miss) {
            0 => Some(0.0),
            needed => served.get(needed - 1).map(|at| *at as f64 / 1e6),
        }
    };
    Recovery {
        served_at_once: 1.0 - cut_off as f64 / users as f64,
        served_99_s: until(0.99),
        served_999_s: until(0.999),
        unserved: (cut_off - served.len()) as f64 / users as f64,
        busiest: seconds.iter().max().copied().unwrap_or_default() as f64 / left,
        busiest_most: f64::from(busiest_most),
        attempts: attempts as f64 / registered.max(1) as f64,
    }
}

fn micro_servers(blow: &Blow, chance: &mut Chance) -> Vec<MicroServer> {
    let count = blow.micro_servers() as usize;
    let mut servers = vec![MicroServer::default(); count];
    let gone = (count as f64 * blow.vanishing).round() as usize;
    for at in distinct_many(chance, gone, count) {
        if let Some(server) = servers.get_mut(at) {
            server.gone = true;
        }
    }
    servers
}

/// As many different numbers as wanted: the first of a shuffled row.
fn distinct_many(chance: &mut Chance, count: usize, end: usize) -> Vec<usize> {
    let mut row: Vec<usize> = (0..end).collect();
    for at in 0..count.min(end) {
        let other = at + chance.below(end - at);
        row.swap(at, other);
    }
    row.truncate(count);
    row
}

/// When each client that lost a home first looks for another; and how many have none left.
fn losses(blow: &Blow, users: usize, servers: &[MicroServer], chance: &mut Chance) -> (Queue<Attempt>, usize) {
    let mut queue = Queue::new();
    let mut cut_off = 0;
    let homes = blow.different_homes() as usize;
    for _ in 0..users {
        let mine = distinct(chance, homes, servers.len());
        let lost = mine.iter().filter(|home| servers.get(**home).is_some_and(|s| s.gone));
        let lost = lost.count();
        let (later, spread) = blow.notice();
        let first = (0..lost).map(|_| chance.share()).fold(1.0, f64::min);
        let noticed = later + first * spread;
        cut_off += usize::from(lost == homes);
        for nth in 0..lost {
            let urgent = lost == homes && nth == 0;
            let jitter = if urgent { blow.jitter } else { blow.spare_jitter };
            let at = micros(noticed + chance.share() * jitter);
            queue.plan(at, Attempt { urgent, refusals: 0 });
        }
    }
    (queue, cut_off)
}
