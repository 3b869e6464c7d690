//! Whom a node of the DHT answers, and how much.

use crate::queue::lock;
use n0_mainline::{RequestFilter, RequestSpecific};
use std::{
    collections::BTreeMap,
    fmt,
    net::{Ipv4Addr, SocketAddrV4},
    sync::{Arc, Mutex},
};
use tokio::time::Instant;

/// Requests that a server answers to one address: at once, and per second.
const BURST: f64 = 200.0;
const RATE: f64 = 40.0;
const MOST_ASKERS: usize = 4096;

/// Answers nobody.
#[derive(Clone, Debug)]
pub(super) struct Nobody;

impl RequestFilter for Nobody {
    fn allow_request(&self, _: &RequestSpecific, _: SocketAddrV4) -> bool {
        false
    }
}

/// Answers every address up to its share: an answer is longer than the question, and the address may be forged.
#[derive(Clone, Default)]
pub(super) struct Shares(Arc<Mutex<BTreeMap<Ipv4Addr, (Instant, f64)>>>);

impl fmt::Debug for Shares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shares(..)")
    }
}

impl Shares {
    fn allow(&self, from: Ipv4Addr, now: Instant) -> bool {
        let mut shares = lock(&self.0);
        if shares.len() >= MOST_ASKERS && !shares.contains_key(&from) {
            let full = |at: &Instant, left: &f64| left + now.duration_since(*at).as_secs_f64() * RATE >= BURST;
            shares.retain(|_, (at, left)| !full(at, left));
            if shares.len() >= MOST_ASKERS {
                return false;
            }
        }
        let (at, left) = shares.entry(from).or_insert((now, BURST));
        *left = (*left + now.duration_since(*at).as_secs_f64() * RATE).min(BURST);
        *at = now;
        let good = *left >= 1.0;
        if good {
            *left -= 1.0;
        }
        good
    }
}

impl RequestFilter for Shares {
    fn allow_request(&self, _: &RequestSpecific, from: SocketAddrV4) -> bool {
        self.allow(*from.ip(), Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn one_address_gets_its_share_and_no_more_whatever_others_do() {
        let (shares, now) = (Shares::default(), Instant::now());
        let (greedy, modest) = (Ipv4Addr::new(203, 0, 113, 1), Ipv4Addr::new(203, 0, 113, 2));
        let answered = (0..1000).filter(|_| shares.allow(greedy, now)).count();
        assert_eq!(answered, BURST as usize);
        assert!(shares.allow(modest, now));
        let later = now + Duration::from_secs(1);
        assert_eq!((0..1000).filter(|_| shares.allow(greedy, later)).count(), RATE as usize);
    }

    #[test]
    fn forged_addresses_without_end_take_no_memory_without_end() {
        let (shares, now) = (Shares::default(), Instant::now());
        for n in 0..3 * MOST_ASKERS {
            shares.allow(Ipv4Addr::from(u32::try_from(n).unwrap()), now);
        }
        assert_eq!(lock(&shares.0).len(), MOST_ASKERS);
        let later = now + Duration::from_secs(60);
        assert!(shares.allow(Ipv4Addr::LOCALHOST, later), "who asks no more makes room");
    }
}
