//! How much this node relays for others, and who gets how much: counts, limits, and what is given up first when a limit
//! comes near. No clock and no socket: times come in.
//!
//! What passes counts in both directions, as providers bill it. As a limit comes near, first no new clients are let in;
//! then the largest users are slowed; at the end of the month's bytes the relay ends until the next month begins.

use hedgerow_base::NodeId;
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// Connections of one node at the same time: the newest counts, older ones are on their way out.
const MOST_OF_ONE_NODE: usize = 4;
/// A client may have been silent for so long, in seconds of its rate, and then sends that much at once.
const BURST_S: u64 = 4;
/// Parts of the month's bytes, in per cent: from here on no new clients, and from here on large users are slowed.
const NO_NEW_AT: u64 = 90;
const SLOW_AT: u64 = 95;
/// How much slower, and never slower than this many bytes a second: a quiet connection always gets through.
const SLOWER: u64 = 16;
const SLOWEST: u64 = 16 << 10;
/// Over how many milliseconds the rate of late is taken.
const LATELY_MS: u64 = 5_000;
/// Longest pause that is made at once; then it is looked at again.
const LONGEST_WAIT_MS: u64 = 2_000;

/// What a person gives away, at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayLimits {
    /// Nodes at once.
    pub clients: usize,
    /// Bytes a second from one node; nothing is no limit.
    pub rate: Option<u64>,
    /// Bytes a second from all.
    pub total: Option<u64>,
    /// Bytes in a calendar month (UTC), in and out.
    pub month: Option<u64>,
}

impl Default for RelayLimits {
    /// Unnoticed on an ordinary home connection.
    fn default() -> Self {
        Self {
            clients: 128,
            rate: Some(2 << 20),
            total: Some(8 << 20),
            month: Some(50_000_000_000),
        }
    }
}

/// What was relayed in a calendar month, in and out. It outlives the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MonthUse {
    /// Months since the year 0.
    pub month: u32,
    /// Bytes.
    pub bytes: u64,
}

/// The month of a time in milliseconds since 1970, counted from the year 0 (UTC).
pub fn month_of(ms: u64) -> u32 {
    // Days to a date, after H. Hinnant, "chrono-compatible low-level date algorithms".
    let days = ms / 86_400_000 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day + 2) / 153;
    let (month, next) = if shifted < 10 {
        (shifted + 2, 0)
    } else {
        (shifted - 10, 1)
    };
    u32::try_from((era * 400 + year + next) * 12 + month).unwrap_or(u32::MAX)
}

/// How far the relay is from its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Everybody is welcome.
    Open,
    /// No new clients.
    Full,
    /// Besides, the largest users are slowed.
    Slow,
    /// The month's bytes are used up.
    Spent,
}

impl Stage {
    /// The word that the API uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Full => "full",
            Self::Slow => "slowing",
            Self::Spent => "spent",
        }
    }
}

/// Why a client is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// All places are taken, or a limit is near.
    #[error("this relay is full")]
    Full,
    /// Too many from one network.
    #[error("too many clients of one network")]
    Crowded,
    /// This node has too many connections already.
    #[error("too many connections of this node")]
    Repeated,
}

/// A bucket of bytes that fills at a rate; it may go below empty, and then one waits.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    /// Thousandths of bytes.
    level: i128,
    at: u64,
}

impl Bucket {
    fn full(rate: u64, now: u64) -> Self {
        let level = i128::from(rate) * i128::from(BURST_S) * 1000;
        Self { level, at: now }
    }
    /// Milliseconds to wait before the next bytes.
    fn take(&mut self, bytes: u64, rate: u64, now: u64) -> u64 {
        let passed = now.saturating_sub(self.at);
        self.at = self.at.max(now);
        let most = Self::full(rate, now).level;
        self.level = (self.level + i128::from(rate) * i128::from(passed)).min(most);
        self.level -= i128::from(bytes) * 1000;
        match self.level < 0 {
            true => u64::try_from(-self.level / i128::from(rate.max(1)) + 1).unwrap_or(LONGEST_WAIT_MS),
            false => 0,
        }
    }
}

/// Bytes of late, that fade.
#[derive(Clone, Copy, Debug, Default)]
struct Lately {
    bytes: f64,
    at: u64,
}

impl Lately {
    fn faded(&self, now: u64) -> f64 {
        let passed = now.saturating_sub(self.at) as f64;
        self.bytes * (-passed / LATELY_MS as f64).exp()
    }
    fn add(&mut self, bytes: u64, now: u64) {
        self.bytes = self.faded(now) + bytes as f64;
        self.at = self.at.max(now);
    }
    /// Bytes a second.
    fn rate(&self, now: u64) -> f64 {
        self.faded(now) * 1000.0 / LATELY_MS as f64
    }
}

#[derive(Debug)]
struct Client {
    from: IpAddr,
    node: Option<NodeId>,
    bucket: Bucket,
    /// From it and to it.
    bytes: u64,
    lately: Lately,
}

/// Use and limits of this node's relay.
#[derive(Debug)]
pub(crate) struct Quota {
    limits: RelayLimits,
    month: MonthUse,
    clients: BTreeMap<u64, Client>,
    total: Bucket,
    lately: Lately,
    /// Since the start of the program.
    bytes: u64,
    refused: u64,
}

/// A machine's own network: the last 8 bits of an IPv4 address and the last 80 of an IPv6 address say nothing.
fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4(Ipv4Addr::from_bits(ip.to_bits() & !0xff)),
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !(u128::MAX >> 48))),
    }
}

/// A household: one IPv4 address, or the 64 bits that a router gives to one.
fn household(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !(u128::MAX >> 64))),
        v4 => v4,
    }
}

impl Quota {
    pub(crate) fn new(limits: RelayLimits, month: MonthUse, now: u64) -> Self {
        Self {
            limits,
            month,
            clients: BTreeMap::new(),
            total: Bucket::full(limits.total.unwrap_or(0), now),
            lately: Lately::default(),
            bytes: 0,
            refused: 0,
        }
    }
    pub(crate) fn limits(&self) -> RelayLimits {
        self.limits
    }
    /// New limits hold from now on; who is there stays.
    pub(crate) fn set_limits(&mut self, limits: RelayLimits) {
        self.limits = limits;
    }
    pub(crate) fn month(&self) -> MonthUse {
        self.month
    }
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }
    /// Nodes that are served now.
    pub(crate) fn nodes(&self) -> usize {
        let nodes: std::collections::BTreeSet<_> = self.clients.values().filter_map(|c| c.node).collect();
        nodes.len()
    }
    /// The month by the clock. A clock that goes back does not give the bytes again.
    pub(crate) fn roll(&mut self, month: u32) {
        if month > self.month.month {
            self.month.bytes = 0;
        }
        self.month.month = month;
    }

    /// How far the limits are.
    pub(crate) fn stage(&self, now: u64) -> Stage {
        let used = self
            .limits
            .month
            .map_or(0, |limit| u128::from(self.month.bytes) * 100 / u128::from(limit.max(1)));
        let busy = self
            .limits
            .total
            .is_some_and(|total| self.lately.rate(now) > total as f64 * 0.9);
        match u64::try_from(used).unwrap_or(u64::MAX) {
            100.. => Stage::Spent,
            SLOW_AT.. => Stage::Slow,
            NO_NEW_AT.. => Stage::Full,
            _ if busy || self.clients.len() >= self.limits.clients => Stage::Full,
            _ => Stage::Open,
        }
    }

    /// Whether the month's bytes are used up.
    pub(crate) fn is_spent(&self) -> bool {
        self.limits.month.is_some_and(|limit| self.month.bytes >= limit)
    }

    /// Gives a place to a connection. Nobody has proven anything yet but the address.
    pub(crate) fn admit(&mut self, id: u64, from: IpAddr, near: bool, now: u64) -> Result<(), Refusal> {
        let refusal = if self.stage(now) > Stage::Open {
            Some(Refusal::Full)
        } else if !near && self.is_crowded(from) {
            Some(Refusal::Crowded)
        } else {
            None
        };
        if let Some(refusal) = refusal {
            self.refused += 1;
            return Err(refusal);
        }
        let client = Client {
            from,
            node: None,
            bucket: Bucket::full(self.limits.rate.unwrap_or(0), now),
            bytes: 0,
            lately: Lately::default(),
        };
        self.clients.insert(id, client);
        Ok(())
    }

    /// One household may have an eighth of the places, and one network half of them, so that nobody takes all.
    fn is_crowded(&self, from: IpAddr) -> bool {
        let count = |of: fn(IpAddr) -> IpAddr| self.clients.values().filter(|c| of(c.from) == of(from)).count();
        count(household) >= (self.limits.clients / 8).max(8) || count(network) >= (self.limits.clients / 2).max(8)
    }

    /// The key that a connection has proven.
    pub(crate) fn prove(&mut self, id: u64, node: NodeId) -> Result<(), Refusal> {
        let same = self.clients.values().filter(|c| c.node == Some(node)).count();
        if same >= MOST_OF_ONE_NODE {
            self.refused += 1;
            return Err(Refusal::Repeated);
        }
        if let Some(client) = self.clients.get_mut(&id) {
            client.node = Some(node);
        }
        Ok(())
    }

    /// A connection ended.
    pub(crate) fn leave(&mut self, id: u64) {
        self.clients.remove(&id);
    }

    fn count(&mut self, id: u64, bytes: u64, now: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.month.bytes = self.month.bytes.saturating_add(bytes);
        if let Some(client) = self.clients.get_mut(&id) {
            client.bytes = client.bytes.saturating_add(bytes);
            client.lately.add(bytes, now);
        }
    }

    /// Bytes that went to a client.
    pub(crate) fn sent(&mut self, id: u64, bytes: u64, now: u64) {
        self.count(id, bytes, now);
    }

    /// Bytes that came from a client: how many milliseconds to wait before more are taken.
    pub(crate) fn received(&mut self, id: u64, bytes: u64, now: u64) -> u64 {
        self.count(id, bytes, now);
        self.lately.add(bytes, now);
        let slow = self.stage(now) >= Stage::Slow && self.is_large(id, |client| client.bytes as f64);
        let rate = match (self.limits.rate, slow) {
            (rate, false) => rate,
            (rate, true) => Some((rate.unwrap_or(SLOWEST * SLOWER) / SLOWER).max(SLOWEST)),
        };
        let own = match (rate, self.clients.get_mut(&id)) {
            (Some(rate), Some(client)) => client.bucket.take(bytes, rate, now),
            _ => 0,
        };
        let all = match self.limits.total {
            Some(total) => self.total.take(bytes, total, now),
            None => 0,
        };
        // When it is too much in all, those wait who send more than their share.
        let all = if all > 0 && self.is_large(id, |client| client.lately.faded(now)) {
            all
        } else {
            0
        };
        own.max(all).min(LONGEST_WAIT_MS)
    }

    /// Whether a client uses at least as much as the mean of those who use anything.
    fn is_large(&self, id: u64, much: impl Fn(&Client) -> f64) -> bool {
        let (mut sum, mut users) = (0.0, 0.0);
        for client in self.clients.values() {
            let much = much(client);
            sum += much;
            users += f64::from(u8::from(much >= 1.0));
        }
        self.clients.get(&id).is_some_and(|client| much(client) * users >= sum)
    }
}

#[cfg(test)]
mod tests;
