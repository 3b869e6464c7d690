//! Finding out what the router does: many sockets ask several others where they are seen, strangers knock, and answers
//! are ordered for later (RFC 5780, with ordinary peers in the place of servers).

use super::{
    any_socket, ask,
    filter::filtering,
    question::{AGAIN, answer, hear, question},
    random,
    sample::sample,
};
use crate::{net::Inner, queue::lock};
use hedgerow_traverse::nat::{Filtering, Mapping, Nat, judge};
use hedgerow_wire::{
    reach::{Helpers, Ports, ReachRequest},
    side::{From, Side},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tracing::{debug, info};

/// Side sockets that are asked.
const MOST_ASKED: usize = 6;
/// How much longer than another question the first one may take.
const FIRST: Duration = Duration::from_millis(350);
/// When the measurement is repeated though nothing seems to have changed.
const REPEAT: Duration = Duration::from_secs(3600);
/// The same when it has left something open, such as who gets in because nobody was there to knock.
const REPEAT_UNSURE: Duration = Duration::from_secs(10);
/// The same for the first times that it said nothing at all: questions were lost, or nobody could be asked yet.
const REPEAT_SOON: Duration = Duration::from_secs(1);
const SOON: u32 = 3;
/// How long the first measurement waits for a second one who can be asked.
const SECOND: Duration = Duration::from_millis(700);
/// How often it is looked whether something changed.
const LOOK: Duration = Duration::from_millis(200);
/// For how many seconds a mapping may have been kept.
const TIMEOUTS: [u16; 13] = [2, 4, 8, 12, 20, 28, 45, 58, 88, 118, 150, 178, 298];
/// Sockets for each of them: a lost packet is no end of a mapping.
const SOCKETS_OF_TIMEOUT: usize = 2;

/// What a measurement depends on; when it changes, another is due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Surroundings {
    /// Our own addresses.
    own: BTreeSet<IpAddr>,
    /// Whom can be asked, up to as many as matter.
    known: usize,
    /// Where a peer sees the engine's packets come from.
    seen: BTreeSet<IpAddr>,
}

fn surroundings(net: &Inner) -> Surroundings {
    let sides = net.sides(&BTreeSet::new());
    let ips: BTreeSet<IpAddr> = sides.iter().map(|(_, side)| side.ip()).collect();
    let report = net.reach_report();
    Surroundings {
        own: report.interfaces.iter().map(SocketAddr::ip).collect(),
        known: ips.len().min(3),
        seen: report.observed.iter().map(|(_, at)| at.ip()).collect(),
    }
}

/// Measures when there is somebody to ask, and again when something changes.
pub(super) async fn run(net: Arc<Inner>) {
    let mut timeouts: Option<tokio::task::JoinHandle<()>> = None;
    let mut done: Option<(Surroundings, Instant)> = None;
    let (mut first, mut in_vain) = (None, 0);
    loop {
        sleep(LOOK).await;
        let now = surroundings(&net);
        if now.known == 0 {
            continue;
        }
        let first = *first.get_or_insert_with(Instant::now);
        if done.is_none() && now.known < 2 && first.elapsed() < SECOND {
            continue;
        }
        if let Some((last, at)) = &done {
            // Fewer to ask is no change; more may tell more.
            let same =
                last.own == now.own && (now.seen.is_empty() || last.seen == now.seen || now.seen.is_subset(&last.seen));
            let nat = lock(&net.side).nat;
            let sure = nat.mapping == Mapping::Blocked
                || (nat.mapping != Mapping::Unknown && (nat.filtering != Filtering::Unknown || now.known < 2));
            let repeat = match (sure, nat.mapping) {
                (true, _) => REPEAT,
                (false, Mapping::Unknown) if in_vain < SOON => REPEAT_SOON,
                (false, _) => REPEAT_UNSURE,
            };
            if same && now.known <= last.known && at.elapsed() < repeat {
                continue;
            }
        }
        let moved = done.as_ref().is_none_or(|(last, _)| last.own != now.own);
        let begin = Instant::now();
        let others = others(&net).await;
        let mut nat = measure(&net, &others).await;
        // A measurement that saw nothing does not undo one that did, while nothing has moved.
        let old = lock(&net.side).nat;
        if !moved && nat.mapping == Mapping::Unknown && old.mapping != Mapping::Unknown {
            nat = old;
        }
        let same_router = old.mapping == nat.mapping && old.outside == nat.outside;
        nat.timeout_s = old.timeout_s.filter(|_| same_router);
        info!(class = nat.class(), took = ?begin.elapsed(), "what the router does");
        {
            let mut state = lock(&net.side);
            state.nat = nat;
            state.ports = None;
            state.judged = true;
        }
        in_vain = if nat.mapping == Mapping::Unknown {
            in_vain + 1
        } else {
            0
        };
        net.wake_reach.notify_one();
        let after = surroundings(&net);
        // Who came meanwhile was not asked.
        let known = after.known.min(now.known);
        done = Some((Surroundings { known, ..after }, Instant::now()));
        let translated = !matches!(nat.mapping, Mapping::Unknown | Mapping::Blocked);
        if translated
            && nat.timeout_s.is_none()
            && timeouts.as_ref().is_none_or(|task| task.is_finished() || !same_router)
        {
            if let Some(task) = timeouts.take() {
                task.abort();
            }
            timeouts = Some(tokio::spawn(measure_timeout(Arc::downgrade(&net), others)));
        }
    }
}

/// Whom to ask, each at an address of its own: side sockets of peers, and those that these know.
async fn others(net: &Arc<Inner>) -> Vec<SocketAddr> {
    let sides = net.sides(&BTreeSet::new());
    let own: BTreeSet<IpAddr> = net.reach_report().interfaces.iter().map(SocketAddr::ip).collect();
    let mut others: Vec<SocketAddr> = sides.iter().map(|(_, side)| *side).collect();
    let asked = sides.iter().take(3).map(|(link, _)| async move {
        let answer = ask(link, &ReachRequest::Helpers).await?;
        Helpers::from_bytes(&answer).ok()
    });
    let more = futures_util::future::join_all(asked).await;
    others.extend(more.into_iter().flatten().flat_map(|helpers| helpers.sides));
    let mut ips = own;
    others
        .retain(|other| other.is_ipv4() && other.port() >= 1024 && !other.ip().is_loopback() && ips.insert(other.ip()));
    others.truncate(MOST_ASKED);
    others
}

/// Everything but the time-out; takes a few seconds.
async fn measure(net: &Arc<Inner>, others: &[SocketAddr]) -> Nat {
    let asked: BTreeSet<IpAddr> = others.iter().map(SocketAddr::ip).collect();
    let judged = async {
        let samples = sample(others).await;
        let (mapping, choice, outside) = judge(&samples, asked.len());
        // Until it is known whether packets that come early do harm, they might.
        let early = Some(true);
        let so_far = Nat {
            mapping,
            choice,
            early,
            ..Nat::default()
        };
        lock(&net.side).ports = so_far.ports().filter(|ports| *ports != Ports::Blocked);
        net.wake_reach.notify_one();
        (samples, mapping, choice, outside)
    };
    let (judged, (filtering, early), hairpin) = tokio::join!(judged, filtering(net), hairpin(others));
    let (samples, mapping, choice, outside) = judged;
    debug!(
        ?mapping,
        ?choice,
        samples = samples.len(),
        asked = asked.len(),
        "the mapping"
    );
    let translated = !matches!(mapping, Mapping::Unknown | Mapping::Blocked | Mapping::None);
    Nat {
        mapping,
        choice,
        filtering,
        early: early.filter(|_| mapping == Mapping::EndpointIndependent),
        hairpin: hairpin.filter(|_| translated),
        timeout_s: None,
        outside,
    }
}

/// Whether two sockets of this machine reach each other by an outer address.
async fn hairpin(others: &[SocketAddr]) -> Option<bool> {
    let (one, two) = (any_socket().await?, any_socket().await?);
    let other = others.first()?;
    let mut outside = None;
    for wait in AGAIN {
        let token = random();
        let _ = one.send_to(&question(token, From::Here, 0), other).await;
        outside = answer(&one, token, wait + FIRST).await;
        if outside.is_some() {
            break;
        }
    }
    let (outside, _) = outside?;
    let token = random();
    for wait in AGAIN {
        let _ = two.send_to(&Side::Knock { token }.to_bytes(), outside).await;
        if hear(&one, token, wait).await.is_some() {
            return Some(true);
        }
    }
    Some(false)
}

/// How long a mapping lasts that is used once: answers are ordered for later, and the last that comes tells.
async fn measure_timeout(net: std::sync::Weak<Inner>, others: Vec<SocketAddr>) {
    let mut waiting = JoinSet::new();
    for delay in TIMEOUTS {
        for at in 0..SOCKETS_OF_TIMEOUT {
            let Some(other) = others.get(at % others.len().max(1)).copied() else {
                return;
            };
            waiting.spawn(async move {
                let socket = any_socket().await?;
                let token = random();
                // Asked once: a second question would be a second packet for the router.
                let _ = socket.send_to(&question(token, From::Here, delay), other).await;
                let heard = answer(
                    &socket,
                    token,
                    Duration::from_secs(delay.into()) + Duration::from_secs(2),
                )
                .await;
                Some((delay, heard.is_some()))
            });
        }
    }
    let mut heard: BTreeMap<u16, (usize, bool)> = BTreeMap::new();
    while let Some(result) = waiting.join_next().await {
        let Ok(Some((delay, came))) = result else { continue };
        let (count, any) = heard.entry(delay).or_default();
        *count += 1;
        *any |= came;
        let ended = |delay: &u16| {
            heard
                .get(delay)
                .is_some_and(|(count, any)| *count >= SOCKETS_OF_TIMEOUT && !any)
        };
        let longest = heard.iter().filter(|(_, (_, any))| *any).map(|(delay, _)| *delay).max();
        // Two in a row that did not come, or all that could.
        let over = TIMEOUTS
            .windows(2)
            .any(|pair| pair.iter().all(|delay| ended(delay) && Some(*delay) > longest));
        let all = heard.len() == TIMEOUTS.len() && heard.values().all(|(count, _)| *count >= SOCKETS_OF_TIMEOUT);
        if over || all {
            let Some(net) = net.upgrade() else { return };
            lock(&net.side).nat.timeout_s = longest.map(u32::from);
            info!(seconds = longest, "how long the router keeps a mapping");
            return;
        }
    }
}
