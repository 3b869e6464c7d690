//! Where peers see this node, as far as that is believed: others are told to send packets there.

use super::own_ips;
use crate::{address::is_local, net::Inner, queue::lock};
use iroh::Endpoint;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, sleep};
use tracing::debug;

/// How long one or two peers who say the first thing wait for others who may contradict them.
const OTHERS: Duration = Duration::from_secs(1);
/// Most addresses at which peers see this node that are passed on.
const MOST_EXTERNAL: usize = 4;

/// The addresses at which peers see this node that are passed on to others, those that most have seen first; `seen` is
/// what each of them said, `own` are addresses of this machine. Others send packets there, so a minority that lies must
/// not name a victim: it counts only what is at the IP address that most have seen, of each version of IP.
fn believed<'a>(seen: impl Iterator<Item = &'a Vec<SocketAddr>>, own: &BTreeSet<IpAddr>) -> Vec<SocketAddr> {
    let mut votes: [BTreeMap<IpAddr, usize>; 2] = Default::default();
    let (mut counts, mut peers): (BTreeMap<SocketAddr, usize>, [usize; 2]) = Default::default();
    for addr in seen.filter_map(|said| said.first()).filter(|addr| !is_local(addr.ip())) {
        let version = usize::from(addr.is_ipv6());
        if let (Some(votes), Some(peers)) = (votes.get_mut(version), peers.get_mut(version)) {
            *votes.entry(addr.ip()).or_default() += 1;
            *peers += 1;
        }
        *counts.entry(*addr).or_default() += 1;
    }
    let of_most = |addr: &SocketAddr| {
        let version = usize::from(addr.is_ipv6());
        let (votes, peers) = (votes.get(version), peers.get(version).copied().unwrap_or(0));
        let by = votes.and_then(|votes| votes.get(&addr.ip())).copied().unwrap_or(0);
        // Of two who contradict each other nobody knows who is right.
        peers < 3 || by * 2 > peers
    };
    let all: usize = peers.iter().sum();
    let mut good: Vec<(SocketAddr, usize)> = counts
        .into_iter()
        .filter(|(addr, count)| !own.contains(&addr.ip()) && of_most(addr) && (*count > 1 || all < 3))
        .collect();
    good.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    good.into_iter().map(|(addr, _)| addr).collect()
}

async fn look_again(net: Arc<Inner>) {
    sleep(OTHERS).await;
    net.wake_reach.notify_one();
}

/// Tells the engine at which addresses peers see this node, for meeting others half-way.
pub(super) async fn pass_on(net: &Arc<Inner>, endpoint: &Endpoint) {
    let (add, remove) = {
        let mut state = lock(&net.reach);
        let said = state
            .said
            .values()
            .filter(|said| !said.reach.observed.is_empty())
            .count();
        if said > 0 && said < 3 && state.seen_since.is_none_or(|since| since.elapsed() < OTHERS) {
            if state.seen_since.is_none() {
                state.seen_since = Some(Instant::now());
                net.spawn(look_again(net.clone()));
            }
            return;
        }
        let own = own_ips(endpoint, &state.external);
        let seen = state.said.values().map(|said| &said.reach.observed);
        let good = believed(seen, &own);
        let mut good: BTreeSet<SocketAddr> = good.into_iter().take(MOST_EXTERNAL).collect();
        good.extend(state.mapping.told());
        let add: Vec<_> = good.difference(&state.external).copied().collect();
        // While nobody says anything, what was true a moment ago is the best guess.
        let remove: Vec<_> = match good.is_empty() {
            true => Vec::new(),
            false => state.external.difference(&good).copied().collect(),
        };
        state.external.extend(&add);
        state.external.retain(|addr| !remove.contains(addr));
        (add, remove)
    };
    for addr in add {
        debug!(%addr, "peers see this node here");
        endpoint.add_external_addr(addr).await;
    }
    for addr in remove {
        endpoint.remove_external_addr(&addr).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(said: &[&str], own: &[&str]) -> Vec<String> {
        let said: Vec<Vec<SocketAddr>> = said.iter().map(|text| vec![text.parse().unwrap()]).collect();
        let own = own.iter().map(|text| text.parse().unwrap()).collect();
        believed(said.iter(), &own).iter().map(ToString::to_string).collect()
    }

    const TRUE: &str = "203.0.113.7:5000";
    const VICTIM: &str = "198.51.100.9:53";

    #[test]
    fn a_minority_that_lies_names_no_victim() {
        assert_eq!(of(&[TRUE, TRUE, VICTIM], &[]), [TRUE]);
        assert_eq!(of(&[VICTIM, VICTIM, TRUE, TRUE, TRUE], &[]), [TRUE]);
        assert_eq!(
            of(&[VICTIM, VICTIM, TRUE, TRUE, "[2001:db8::7]:1"], &[]),
            [""; 0],
            "half is no majority"
        );
        let other_port = "203.0.113.7:6000";
        assert_eq!(
            of(&[TRUE, TRUE, other_port, other_port, VICTIM], &[]),
            [TRUE, other_port]
        );
    }

    #[test]
    fn one_or_two_peers_are_believed_and_nobody_is_about_addresses_of_this_machine() {
        assert_eq!(of(&[TRUE], &[]), [TRUE]);
        assert_eq!(of(&[TRUE, VICTIM], &[]).len(), 2);
        assert_eq!(of(&[TRUE, TRUE, TRUE], &["203.0.113.7"]), [""; 0]);
        assert_eq!(
            of(&["10.0.0.7:1", "10.0.0.7:1", TRUE], &[]),
            [TRUE],
            "of one the local network is none of others"
        );
    }

    #[test]
    fn a_port_that_only_one_has_seen_is_no_use_to_others() {
        let different = ["203.0.113.7:1", "203.0.113.7:2", "203.0.113.7:3"];
        assert_eq!(of(&different, &[]), [""; 0]);
    }
}
