//! Saying where this node is: what is said, to whom, and the list of the user's devices.

use super::{Source, State, plan::Facts, random};
use crate::{
    address::{is_local, own_addresses},
    net::Inner,
    queue::lock,
    reach,
};
use hedgerow_wire::lookup::{Devices, Listed, MAX_DEVICES, MAX_PLACES, MAX_RELAYS, Place, SignedRecord, Subject};
use iroh::Endpoint;
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};
use tracing::debug;

/// For how many seconds a record is meant to hold: twice the time between two.
const KEEP_S: u32 = 7200;
/// A user record that this node knows to be right is looked at again after this time, in milliseconds.
const USER_AGAIN: u64 = 3_000_000;
/// Most records of others that are put again when a server begins anew.
const MOST_AGAIN: usize = 16;

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
        None => reach::homes(endpoint),
    };
    let facts = publishable(scope(&given), &relays, &own_addresses(endpoint));
    let due = {
        let mut plan = lock(&state.plan);
        plan.facts(state.now(), facts);
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
    let put = match state.config.dht {
        true => state.dht.put(&record).await,
        false => Ok(()),
    };
    if put.is_ok() && state.config.dht {
        publish_user(&net).await;
    }
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

/// Puts what this node knows of itself and of connected peers again, after its server began anew.
pub(super) async fn again(net: Arc<Inner>) {
    let state = &net.lookup;
    let card = state.card();
    let mut records: Vec<SignedRecord> = [card.device, card.user].into_iter().flatten().collect();
    {
        let book = lock(&state.book);
        for link in net.links().iter().take(MOST_AGAIN) {
            let of_peer = [Subject::Device(link.node), Subject::User(link.user)];
            records.extend(
                of_peer
                    .iter()
                    .filter_map(|subject| Some(book.get(subject)?.record.clone())),
            );
        }
    }
    for record in records {
        let _ = state.dht.put(&record).await;
    }
}
