//! Who gets in through the router: strangers are asked to knock.

use super::{
    any_socket, ask,
    question::{AGAIN, answer, hear, prove, question},
    random,
};
use crate::{link::Link, net::Inner};
use hedgerow_traverse::nat::Filtering;
use hedgerow_wire::{
    reach::{Helpers, ReachRequest},
    side::{From, Token},
};
use std::{collections::BTreeSet, net::SocketAddr, sync::Arc, time::Duration};
use tokio::time::Instant;
use tracing::debug;

/// How long a knock may take, and how often it is asked for.
const KNOCK: Duration = Duration::from_millis(700);
const KNOCKS: usize = 3;
/// Of those who knocked, how many are asked what they see.
const WITNESSES: usize = 3;

/// Who gets in, and whether being hit first changes a mapping. Several are asked at the same time: what came in did come
/// in, whoever sent it, so the most open verdict is the right one, and one who only claims to have knocked changes nothing.
pub(super) async fn filtering(net: &Arc<Inner>) -> (Filtering, Option<bool>) {
    let sides = net
        .sides(&BTreeSet::new())
        .into_iter()
        .filter(|(_, side)| side.is_ipv4())
        .take(3);
    let verdicts = futures_util::future::join_all(sides.map(|(link, side)| filtering_by(net, link, side))).await;
    let openness = |filtering: &Filtering| match filtering {
        Filtering::Unknown => 0,
        Filtering::AddressAndPortDependent => 1,
        Filtering::AddressDependent => 2,
        Filtering::EndpointIndependent => 3,
    };
    let filtering = verdicts
        .iter()
        .map(|verdict| verdict.0)
        .max_by_key(openness)
        .unwrap_or_default();
    let seen: Vec<_> = verdicts.into_iter().flat_map(|verdict| verdict.1).collect();
    (filtering, early(&seen))
}

/// Whether being hit first changes a mapping: `seen` is what somebody saw of a socket before others knocked at it, and
/// what one of those saw afterwards. Most must say so, since one of them may lie; who names another address than was
/// seen before is no help.
fn early(seen: &[(SocketAddr, SocketAddr)]) -> Option<bool> {
    let alike = seen.iter().filter(|(before, after)| before.ip() == after.ip());
    let changed = alike.clone().filter(|(before, after)| before.port() != after.port());
    let all = alike.count();
    (all > 0).then_some(changed.count() * 2 > all)
}

/// The same with the help of one peer, whose side socket is the only one that the socket has met, and where the socket was
/// seen before and after knocks.
async fn filtering_by(
    net: &Arc<Inner>,
    link: Arc<Link>,
    side: SocketAddr,
) -> (Filtering, Vec<(SocketAddr, SocketAddr)>) {
    let unknown = (Filtering::Unknown, Vec::new());
    let Some(socket) = any_socket().await else {
        return unknown;
    };
    let token: Token = random();
    let Some(before) = prove(net, &socket, side, token).await else {
        return unknown;
    };
    let (mut stranger, mut knockers) = (false, BTreeSet::new());
    for _ in 0..KNOCKS {
        let Some(answer) = ask(&link, &ReachRequest::Knock { token }).await else {
            continue;
        };
        let helpers = Helpers::from_bytes(&answer).unwrap_or_default().sides;
        knockers.extend(helpers.iter().copied().filter(|knocker| knocker.ip() != side.ip()));
        let begin = Instant::now();
        while let Some(left) = KNOCK.checked_sub(begin.elapsed())
            && let Some((_, from)) = hear(&socket, token, left).await
        {
            stranger |= from.ip() != side.ip();
            if stranger {
                return (Filtering::EndpointIndependent, Vec::new());
            }
        }
        if helpers.is_empty() {
            break;
        }
    }
    let mut other_port = false;
    for wait in AGAIN {
        let token = random();
        let _ = socket.send_to(&question(token, From::OtherPort, 0), side).await;
        let heard = hear(&socket, token, wait + KNOCK / 2).await;
        if heard.is_some_and(|(_, from)| from.ip() == side.ip() && from.port() != side.port()) {
            other_port = true;
            break;
        }
    }
    debug!(%side, knockers = knockers.len(), other_port, "nobody else got in");
    let verdict = match (other_port, knockers.is_empty()) {
        (true, false) => Filtering::AddressDependent,
        // Who gets in from a port that was not asked may also get in from elsewhere.
        (true, true) => Filtering::Unknown,
        (false, _) => Filtering::AddressAndPortDependent,
    };
    // By now those who knocked have hit the router first.
    let mut seen = Vec::new();
    for knocker in knockers.into_iter().take(WITNESSES) {
        for wait in AGAIN {
            let token = random();
            let _ = socket.send_to(&question(token, From::Here, 0), knocker).await;
            if let Some((after, _)) = answer(&socket, token, wait + KNOCK / 2).await {
                seen.push((before, after));
                break;
            }
        }
    }
    (verdict, seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(seen: &[(&str, &str)]) -> Option<bool> {
        let seen: Vec<_> = seen
            .iter()
            .map(|(before, after)| (before.parse().unwrap(), after.parse().unwrap()))
            .collect();
        early(&seen)
    }

    #[test]
    fn a_minority_that_lies_makes_no_router_touchy_and_no_touchy_one_calm() {
        let (same, other) = (("203.0.113.7:1", "203.0.113.7:1"), ("203.0.113.7:1", "203.0.113.7:2"));
        let elsewhere = ("203.0.113.7:1", "198.51.100.66:1");
        assert_eq!(of(&[same, same, other]), Some(false));
        assert_eq!(of(&[other, other, same]), Some(true));
        assert_eq!(
            of(&[elsewhere, elsewhere, same]),
            Some(false),
            "another address is no help"
        );
        assert_eq!(of(&[elsewhere]), None);
        assert_eq!(of(&[]), None);
    }
}
