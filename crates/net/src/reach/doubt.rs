//! A home whose machine has lost its power tells nobody: what came over it just ends. The engine would notice after 20 s.
//! So when nothing has come for a while from the node that relays there, nor over its relay, it is asked at its door who
//! it is, and left if it does not answer either. One that is only slow does.

use super::homes::move_from;
use crate::{
    address::path_of,
    link::Link,
    net::Inner,
    queue::lock,
    relay::{RelayAt, whose},
};
use iroh::{Endpoint, TransportAddr};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, sleep};
use tracing::debug;

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(500);
/// How long nothing may come: a heartbeat, which is answered every 2.5 s, and then some.
const SILENCE: Duration = Duration::from_secs(4);
/// How long the home has to show its key, with no way to it at all, and at most.
const ANSWER: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(6);
/// A home that answered is not asked again so soon.
const AGAIN: Duration = Duration::from_secs(20);

/// What was heard over connections, and when that was last more than before.
#[derive(Default)]
struct Heard {
    links: BTreeMap<u64, (u64, Instant)>,
}

impl Heard {
    fn note(&mut self, links: impl Iterator<Item = (u64, u64)>, now: Instant) {
        let before = std::mem::take(&mut self.links);
        self.links = links
            .map(|(link, datagrams)| {
                let same = before.get(&link).filter(|(known, _)| *known == datagrams);
                (link, same.copied().unwrap_or((datagrams, now)))
            })
            .collect();
    }

    /// Whether there are such connections, and none has brought anything for a while.
    fn are_silent(&self, links: &[u64], now: Instant) -> bool {
        let quiet = |link: &u64| {
            let last = self.links.get(link);
            last.is_some_and(|(_, at)| now.duration_since(*at) >= SILENCE)
        };
        !links.is_empty() && links.iter().all(quiet)
    }
}

/// The time for an answer of a home: three ways there and back (TCP, TLS, one lost packet) on top, if it is far.
fn patience(rtt: Duration) -> Duration {
    (ANSWER + rtt * 3).min(LONGEST)
}

/// The homes that are looked after, each with the connections that tell whether it lives, and how far it is.
fn homes(net: &Inner, links: &[Arc<Link>]) -> Vec<(RelayAt, Vec<u64>, Duration)> {
    let state = lock(&net.reach);
    if state.own_relay().is_some() {
        return Vec::new();
    }
    let told: Vec<_> = state.told.iter().map(|home| (*home, state.owner(home))).collect();
    drop(state);
    told.into_iter()
        .map(|(home, owner)| {
            let of_home = links
                .iter()
                .filter(|link| Some(link.node) == owner || is_over(link, home.at));
            let rtt = links.iter().find(|link| Some(link.node) == owner);
            let rtt = rtt.and_then(|link| path_of(&link.conn, &net.doors).2).unwrap_or(0.0);
            let rtt = Duration::from_secs_f64(rtt.clamp(0.0, 5000.0) / 1000.0);
            (home, of_home.map(|link| link.id).collect(), rtt)
        })
        .collect()
}

/// Whether a connection uses a relay.
fn is_over(link: &Link, relay: SocketAddr) -> bool {
    let paths = link.conn.paths();
    paths.iter().any(|path| match path.remote_addr() {
        TransportAddr::Relay(url) => RelayAt::from_url(url).is_some_and(|at| at.at == relay),
        _ => false,
    })
}

/// Whether a relay shows the key that it must have.
async fn answers(home: RelayAt, patience: Duration) -> bool {
    let key = whose(home.at, patience).await;
    key.is_some_and(|key| home.node.is_none_or(|node| node == key))
}

/// Asks homes that have fallen silent, and leaves the dead ones, for as long as the network runs.
pub(super) async fn watch(net: Arc<Inner>, endpoint: Endpoint) {
    let (mut heard, mut answered) = (Heard::default(), BTreeMap::<RelayAt, Instant>::new());
    let datagrams = |links: &[Arc<Link>]| -> Vec<(u64, u64)> {
        let counts = links.iter().map(|link| (link.id, link.conn.stats().udp_rx.datagrams));
        counts.collect()
    };
    loop {
        sleep(LOOK).await;
        let links = net.links();
        let now = Instant::now();
        heard.note(datagrams(&links).into_iter(), now);
        answered.retain(|_, at| now.duration_since(*at) < AGAIN);
        let silent: Vec<_> = homes(&net, &links)
            .into_iter()
            .filter(|(home, links, _)| heard.are_silent(links, now) && !answered.contains_key(home))
            .collect();
        if silent.is_empty() {
            continue;
        }
        let asked = silent.iter().map(|(home, _, rtt)| answers(*home, patience(*rtt)));
        let lives = futures_util::future::join_all(asked).await;
        // What came meanwhile is a sign of life, too.
        let (links, now) = (net.links(), Instant::now());
        heard.note(datagrams(&links).into_iter(), now);
        let mut dead = BTreeSet::new();
        for ((home, of_home, _), lives) in silent.into_iter().zip(lives) {
            let left: Vec<u64> = of_home.into_iter().filter(|id| heard.links.contains_key(id)).collect();
            if lives || (!left.is_empty() && !heard.are_silent(&left, now)) {
                answered.insert(home, now);
            } else {
                debug!(relay = %home.at, "a silent home does not answer");
                dead.insert(home);
            }
        }
        if !dead.is_empty() {
            move_from(&net, &endpoint, &dead).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_doubted_only_when_all_that_could_tell_of_it_is_silent() {
        let (mut heard, begin) = (Heard::default(), Instant::now());
        let at = |ms| begin + Duration::from_millis(ms);
        heard.note([(1, 10), (2, 20)].into_iter(), at(0));
        assert!(!heard.are_silent(&[1, 2], at(3999)));
        assert!(!heard.are_silent(&[], at(9000)), "nobody could tell");
        heard.note([(1, 10), (2, 21)].into_iter(), at(2000));
        assert!(heard.are_silent(&[1], at(4000)));
        assert!(!heard.are_silent(&[1, 2], at(4000)), "one has just brought something");
        assert!(heard.are_silent(&[1, 2], at(6000)));
        heard.note([(2, 21)].into_iter(), at(6000));
        assert!(
            !heard.are_silent(&[1], at(9000)),
            "a connection that is gone tells nothing"
        );
    }

    #[test]
    fn a_far_home_has_longer_to_answer() {
        assert_eq!(patience(Duration::ZERO), Duration::from_secs(2));
        assert_eq!(patience(Duration::from_millis(600)), Duration::from_millis(3800));
        assert_eq!(patience(Duration::from_secs(60)), LONGEST);
    }
}
