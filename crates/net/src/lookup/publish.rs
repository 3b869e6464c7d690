//! Saying where this node is: what is said, to whom, and the list of the user's devices.

use super::{Source, State, carry, plan::Facts, random};
use crate::{
    address::{is_local, own_addresses},
    net::Inner,
    queue::lock,
};
use hedgerow_wire::lookup::{Devices, Listed, MAX_DEVICES, MAX_PLACES, MAX_RELAYS, Place, SignedRecord, Subject};
use iroh::Endpoint;
use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, atomic::Ordering},
};
use tracing::debug;

/// For how many seconds a record is meant to hold: twice the time between two.
const KEEP_S: u32 = 7200;
/// A user record that this node knows to be right is looked at again after this time, in milliseconds.
const USER_AGAIN: u64 = 3_000_000;

/// How far what is published may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scope {
    /// The world's DHT: only what means the same everywhere.
    Public,
    /// A DHT in a private network.
    Private,
    /// A DHT on this machine.
    Machine,
}

fn is_shared(ip: IpAddr) -> bool {
    // RFC 6598: behind the router of a provider.
    matches!(ip.to_canonical(), IpAddr::V4(ip) if ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64)
}

fn scope_of(ip: IpAddr) -> Scope {
    match ip.to_canonical() {
        ip if ip.is_loopback() => Scope::Machine,
        ip if is_local(ip) || is_shared(ip) => Scope::Private,
        _ => Scope::Public,
    }
}

/// The scope of a DHT that begins with these nodes.
pub(super) fn scope(first: &[SocketAddr]) -> Scope {
    let narrowest = first.iter().map(|addr| scope_of(addr.ip())).min();
    narrowest.unwrap_or(Scope::Public)
}

/// What may be published of where a node is.
pub(super) fn publishable(scope: Scope, relays: &[SocketAddr], addresses: &[SocketAddr]) -> Facts {
    let cut = |list: &[SocketAddr], most: usize| {
        let mut list: Vec<_> = list
            .iter()
            .copied()
            .filter(|addr| scope_of(addr.ip()) <= scope)
            .collect();
        // In one order whatever order they are found in, the widest first: else every look would be a change.
        list.sort_by_key(|addr| (scope_of(addr.ip()), *addr));
        list.dedup();
        list.truncate(most);
        list
    };
    Facts {
        relays: cut(relays, MAX_RELAYS),
        addresses: cut(addresses, MAX_PLACES),
    }
}

/// Looks where this node is, and publishes it when that is due.
pub(super) async fn look(net: &Arc<Inner>, endpoint: &Endpoint) {
    let state = &net.lookup;
    let (serves, _) = net.relays_state();
    let serves_dht = serves.is_some() || state.config.dht_port.is_some();
    let port = state.config.dht_port.or(state.config.memory.port);
    if state.dht.serve(serves_dht, port).await {
        state.card_changed();
        lock(&state.plan).retry_now(state.now());
    }
    let given = match state.config.dht {
        true => state.dht.given().await,
        false => Vec::new(),
    };
    let relays = match serves {
        Some(own) => vec![own],
        None => net.homes(endpoint).into_iter().map(|relay| relay.at).collect(),
    };
    let facts = publishable(scope(&given), &relays, &own_addresses(endpoint));
    let asleep = lock(&net.park).asleep_at().is_some();
    let due = {
        let mut plan = lock(&state.plan);
        plan.facts(state.now(), facts);
        plan.sleeps(state.now(), asleep, random());
        // Those to whom it was left are gone.
        if state.left_to_peers.load(Ordering::Relaxed) && !carry::is_carried(net) {
            state.left_to_peers.store(false, Ordering::Relaxed);
            plan.again(state.now());
        }
        plan.publish(state.now(), State::clock_s())
    };
    if let Some((facts, seq)) = due {
        net.spawn(publish(net.clone(), facts, seq));
    }
}

async fn publish(net: Arc<Inner>, facts: Facts, seq: u64) {
    let state = &net.lookup;
    let place = Place {
        made_s: State::clock_s(),
        keep_s: KEEP_S,
        relays: facts.relays.clone(),
        addresses: facts.addresses.clone(),
    };
    let record = SignedRecord::of_device(&state.key, seq, place);
    let news = {
        let mut me = lock(&state.me);
        let same = |old: &SignedRecord| {
            matches!(old.open(), Ok(hedgerow_wire::lookup::Says::Place(place))
                if place.relays == facts.relays && place.addresses == facts.addresses)
        };
        let news = !me.device.as_ref().is_some_and(same);
        me.device = Some(record.clone());
        news
    };
    // Peers are told what changed, not every hour that nothing did.
    if news {
        state.card_changed();
    }
    // The number is kept before the record is out, so that no restart uses it twice.
    net.remember_lookup(state.memory()).await;
    let carried = carry::is_carried(&net);
    let put = match state.config.dht && !carried {
        true => state.dht.put(&record).await,
        false => Ok(()),
    };
    // The list of devices is read before it is written, so peers cannot be left to do it the first time.
    let listed = lock(&state.me).user.is_some();
    if put.is_ok() && state.config.dht && !(carried && listed) {
        publish_user(&net).await;
    }
    state.left_to_peers.store(carried, Ordering::Relaxed);
    let good = put.is_ok();
    {
        let mut last = lock(&state.put);
        if state.config.dht && good {
            last.0 = Some(state.now());
        }
        last.1 = put.err().map(|error| error.to_string());
        if let Some(error) = &last.1 {
            debug!(error, "this node's record was not published");
        }
    }
    lock(&state.plan).published(state.now(), facts, good, random());
    state.wake.notify_one();
}

/// Sees to it that the list of the user's devices has this one. Several devices write it, so it is read first.
async fn publish_user(net: &Arc<Inner>) {
    let state = &net.lookup;
    let Some(key) = &state.config.user else { return };
    let user = key.public().into();
    let subject = Subject::User(user);
    let fresh = |at: u64| state.now().saturating_sub(at) < USER_AGAIN;
    if lock(&state.me).user.as_ref().is_some_and(|(_, at, _)| fresh(*at)) {
        return;
    }
    let _ = state
        .dht
        .get(subject, |record| {
            state.take(record, Source::Dht);
        })
        .await;
    let known = lock(&state.book)
        .devices(&user)
        .map(|(known, list)| (known.record.seq, list.clone()));
    let (seq, list) = with_device(known, state.node, State::clock_s());
    let record = SignedRecord::of_user(key, seq, list.clone());
    if state.dht.put(&record).await.is_ok() {
        lock(&state.me).user = Some((record, state.now(), list));
        state.card_changed();
    }
}

/// The list with this device on it, and its number. A full list loses the device that said so longest ago.
pub(super) fn with_device(known: Option<(u64, Devices)>, node: hedgerow_base::NodeId, clock_s: u64) -> (u64, Devices) {
    let (old, mut list) = known.unwrap_or_default();
    let seq = old.saturating_add(1).max(clock_s).min(i64::MAX as u64);
    list.devices.retain(|listed| listed.node != node);
    while list.devices.len() >= MAX_DEVICES {
        let oldest = list.devices.iter().enumerate().min_by_key(|(_, listed)| listed.at);
        let Some((place, _)) = oldest else { break };
        list.devices.remove(place);
    }
    list.devices.push(Listed { node, at: seq });
    list.made_s = clock_s;
    list.keep_s = KEEP_S;
    (seq, list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hedgerow_base::NodeId;

    fn addrs(list: &[&str]) -> Vec<SocketAddr> {
        list.iter().map(|text| text.parse().unwrap()).collect()
    }

    const ALL: [&str; 7] = [
        "127.0.0.1:1",
        "[fd00::1]:1",
        "192.168.1.2:1",
        "100.64.0.9:1",
        "[fe80::1]:1",
        "203.0.113.9:1",
        "[2001:db8::1]:1",
    ];

    #[test]
    fn addresses_of_local_networks_are_never_published_to_the_world() {
        for first in [&[][..], &["203.0.113.1:6881"], &["203.0.113.1:6881", "127.0.0.1:6881"]] {
            let facts = publishable(scope(&addrs(first)), &addrs(&ALL), &addrs(&ALL));
            let wanted = addrs(&["203.0.113.9:1", "[2001:db8::1]:1"]);
            assert_eq!((facts.addresses, facts.relays), (wanted.clone(), wanted), "{first:?}");
        }
    }

    #[test]
    fn a_dht_of_a_private_network_or_of_this_machine_gets_what_can_be_used_there() {
        let private = publishable(scope(&addrs(&["10.0.0.1:6881"])), &[], &addrs(&ALL));
        assert!(private.addresses.contains(&"192.168.1.2:1".parse().unwrap()));
        assert!(!private.addresses.contains(&"127.0.0.1:1".parse().unwrap()));
        let machine = publishable(scope(&addrs(&["127.0.0.1:6881"])), &[], &addrs(&ALL));
        assert!(machine.addresses.contains(&"127.0.0.1:1".parse().unwrap()));
        assert!(machine.addresses[0].ip().to_canonical() == "203.0.113.9".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn the_order_in_which_addresses_are_found_is_no_change() {
        let mut turned = addrs(&ALL);
        turned.reverse();
        let facts = |list: &[SocketAddr]| publishable(Scope::Machine, list, list);
        assert_eq!(facts(&addrs(&ALL)), facts(&turned));
    }

    #[test]
    fn devices_are_added_to_what_others_wrote_and_the_longest_silent_one_makes_room() {
        let node = |n: u8| NodeId([n; 32]);
        let (seq, list) = with_device(None, node(1), 100);
        assert_eq!((seq, list.devices.len()), (100, 1));
        // A clock that is behind makes no number that is lower.
        let (mut seq, mut list) = with_device(Some((seq, list)), node(2), 5);
        assert_eq!((seq, list.devices.len()), (101, 2));
        for n in 3..=16 {
            (seq, list) = with_device(Some((seq, list)), node(n), 0);
        }
        (seq, list) = with_device(Some((seq, list)), node(1), 0);
        assert_eq!(list.devices.len(), MAX_DEVICES, "a device is on the list once");
        (_, list) = with_device(Some((seq, list)), node(17), 0);
        let has = |n| list.devices.iter().any(|listed| listed.node == node(n));
        assert_eq!(list.devices.len(), MAX_DEVICES);
        assert!(has(17) && has(1) && !has(2), "{list:?}");
    }
}
