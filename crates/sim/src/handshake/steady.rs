//! An ordinary day: how much a micro-server carries.

use super::micros;
use crate::{chance::Chance, figures::Values, poisson, queue::Queue};
use serde::Serialize;

const DAY: f64 = 86_400.0;
const HOUR: f64 = 3_600.0;
/// Days of a month of traffic.
const MONTH: f64 = 30.0;

/// Kilobits a second through the mean micro-server, in and out together, over the mean of the day.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Load {
    /// Passing on what two users say to connect.
    pub handshakes: f64,
    /// Keeping the registrations alive.
    pub keep_alive: f64,
    /// Taking in clients that start or have changed their network.
    pub registrations: f64,
    /// Storing addresses in the DHT.
    pub publishing: f64,
    /// Finding addresses in the DHT.
    pub lookups: f64,
    /// Carrying the data of those who cannot connect directly.
    pub relaying: f64,
    /// All of it.
    pub total: f64,
}

/// An ordinary day of a micro-server.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Steady {
    /// How many there are.
    pub micro_servers: f64,
    /// Clients registered with the mean one.
    pub clients: f64,
    /// With the one in a hundred that has more than the others.
    pub clients_p99: u32,
    /// With the one that has the most.
    pub clients_most: u32,
    /// Most that one takes.
    pub clients_limit: u32,
    /// Share of registrations for which there is no room anywhere.
    pub without_room: f64,
    /// What the mean one carries.
    pub kbit_s: Load,
    /// All of it in the busy hour.
    pub kbit_s_busy_hour: f64,
    /// And that at the one with the most clients.
    pub kbit_s_busy_hour_most: f64,
    /// Gigabytes a month at the mean one.
    pub gigabytes_per_month: f64,
    /// What an idle user pays an hour for being reachable, in bytes.
    pub idle_bytes_per_hour: f64,
}

/// What central places carry, all of them together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Central {
    /// As the program is.
    pub bytes_per_month: f64,
    /// As the program is.
    pub dollars_per_month: f64,
    /// If a list of first peers were offered by somebody.
    pub with_list_bytes_per_month: f64,
    /// If a list of first peers were offered by somebody.
    pub with_list_dollars_per_month: f64,
}

/// The mean, and the extremes that follow from picking homes by chance. Exact for any number of users.
pub fn steady(users: f64, values: &Values) -> Steady {
    let micro_servers = (users * values.micro_server_share).round().max(1.0);
    let clients = users * values.homes / micro_servers;
    let kbit_s = load(users / micro_servers, values);
    let clients_most = poisson::exceeded_by(1.0 / micro_servers, clients).max(clients.ceil() as u32);
    let busy = kbit_s.total * values.busy_hour;
    // What the DHT carries is spread by keys, not by clients.
    let by_clients = kbit_s.total - kbit_s.publishing - kbit_s.lookups;
    let most = by_clients * f64::from(clients_most) / clients + kbit_s.publishing + kbit_s.lookups;
    Steady {
        micro_servers,
        clients,
        clients_p99: poisson::exceeded_by(0.01, clients),
        clients_most,
        clients_limit: values.clients_limit as u32,
        without_room: (1.0 - values.clients_limit / clients).max(0.0),
        kbit_s_busy_hour: busy,
        kbit_s_busy_hour_most: most * values.busy_hour,
        gigabytes_per_month: kbit_s.total * 1000.0 / 8.0 * DAY * MONTH / 1e9,
        kbit_s,
        idle_bytes_per_hour: values.homes * values.keep_alive_bytes_per_hour,
    }
}

/// The price of what is central.
pub fn central(users: f64, values: &Values) -> Central {
    let price = |bytes: f64| bytes / 1e12 * values.price_per_terabyte;
    let bytes = users * values.central_bytes_per_month;
    let with_list = bytes + users * values.shipped_list_bytes_per_month;
    Central {
        bytes_per_month: bytes,
        dollars_per_month: price(bytes),
        with_list_bytes_per_month: with_list,
        with_list_dollars_per_month: price(with_list),
    }
}

fn load(users_per_micro_server: f64, v: &Values) -> Load {
    // Bytes a second of one user, at all micro-servers together.
    let per_day = |times: f64, bytes: f64| times * bytes / DAY;
    let kbit = |bytes: f64| bytes * users_per_micro_server * 8.0 / 1000.0;
    let handshakes = kbit(per_day(v.handshakes_per_day, v.handshake_bytes));
    let keep_alive = kbit(v.homes * v.keep_alive_bytes_per_hour / HOUR);
    let registrations = kbit(per_day(v.starts_per_day * v.homes, v.registration_bytes));
    let publishing = kbit(per_day(v.publish_per_day, v.publish_bytes));
    let lookups = kbit(per_day(v.lookups_per_day, v.lookup_bytes));
    let relaying = kbit(per_day(v.handshakes_per_day * v.relayed_pairs, 2.0 * v.relayed_bytes));
    Load {
        handshakes,
        keep_alive,
        registrations,
        publishing,
        lookups,
        relaying,
        total: handshakes + keep_alive + registrations + publishing + lookups + relaying,
    }
}

/// The same day event by event, for as many users as one has patience for: every micro-server's kilobits a second,
/// smallest first. Addresses in the DHT are left out, as they go by keys.
pub fn events(users: usize, values: &Values, seed: u64) -> Vec<f64> {
    enum Event {
        Handshake(usize),
        Start(usize),
    }
    let mut chance = Chance::new(seed);
    let micro_servers = ((users as f64 * values.micro_server_share).round() as usize).max(1);
    let homes = (values.homes as usize).min(micro_servers);
    let mut bytes = vec![0.0; micro_servers];
    let mut of = Vec::with_capacity(users);
    let mut queue = Queue::new();
    for user in 0..users {
        let mine = distinct(&mut chance, homes, micro_servers);
        for home in &mine {
            add(&mut bytes, *home, values.keep_alive_bytes_per_hour * DAY / HOUR);
        }
        of.push(mine);
        queue.plan(
            micros(chance.wait(values.handshakes_per_day / DAY)),
            Event::Handshake(user),
        );
        queue.plan(micros(chance.wait(values.starts_per_day / DAY)), Event::Start(user));
    }
    while let Some((now, event)) = queue.next() {
        if now >= micros(DAY) {
            break;
        }
        match event {
            Event::Handshake(user) => {
                // The one who is called is called through one of their homes.
                let called = of.get(chance.below(users)).cloned().unwrap_or_default();
                if let Some(home) = called.get(chance.below(called.len())) {
                    add(&mut bytes, *home, values.handshake_bytes);
                    if chance.share() < values.relayed_pairs {
                        add(&mut bytes, *home, 2.0 * values.relayed_bytes);
                    }
                }
                let next = now + micros(chance.wait(values.handshakes_per_day / DAY));
                queue.plan(next, Event::Handshake(user));
            }
            Event::Start(user) => {
                for home in of.get(user).into_iter().flatten() {
                    add(&mut bytes, *home, values.registration_bytes);
                }
                queue.plan(
                    now + micros(chance.wait(values.starts_per_day / DAY)),
                    Event::Start(user),
                );
            }
        }
    }
    let mut kbit_s: Vec<f64> = bytes.iter().map(|bytes| bytes * 8.0 / 1000.0 / DAY).collect();
    kbit_s.sort_by(f64::total_cmp);
    kbit_s
}

fn add(bytes: &mut [f64], at: usize, more: f64) {
    if let Some(bytes) = bytes.get_mut(at) {
        *bytes += more;
    }
}

/// Some different numbers below `end`, which is at least as large as `count`.
pub(super) fn distinct(chance: &mut Chance, count: usize, end: usize) -> Vec<usize> {
    let mut some = Vec::with_capacity(count);
    while some.len() < count.min(end) {
        let one = chance.below(end);
        if !some.contains(&one) {
            some.push(one);
        }
    }
    some
}
