//! A home for sleeping nodes: remembers where their mappings lead, and wakes them for those who call.
//!
//! A call is repeated by the caller until it is answered for good, and each wake-up is sent for one call or one beat:
//! nothing here sends more bytes than it gets. Who calls must first show that it gets packets at its address.

use super::{Key, bearer, first, mac, sealed};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::ToString,
    vec,
    vec::Vec,
};
use core::net::{IpAddr, SocketAddr, SocketAddrV4};
use hedgerow_base::{NodeId, hash};
use hedgerow_wire::park::{Calling, Cookie, MAX_COUNT, Park, Pass};

/// Most nodes that sleep here, and most of one address: many may be behind one router.
pub const MOST: usize = 1024;
const MOST_OF_ONE: usize = 64;
/// A node that was not heard for so long is gone. It beats at least every two minutes.
const GONE_MS: u64 = 10 * 60_000;
/// Calls within that time are about the same wake-up.
const SAME_CALL_MS: u64 = 30_000;
/// For so long after a call a beat is answered with a wake-up that did not get through.
const PENDING_MS: u64 = 5 * 60_000;
/// Two wake-ups for one node are at least that far apart.
const APART_MS: u64 = 150;
/// How long a cookie is good, at least.
const COOKIE_MS: u64 = 60_000;
/// Datagrams of one address that are looked at in a minute, and all together; the rest is dropped.
const MOST_LOOKED_AT: u32 = 300;
const MOST_IN_ALL: u32 = 30_000;
/// Addresses that are counted apart.
const MOST_COUNTED: usize = 8192;
/// Peers of one sleeper that are counted apart.
const MOST_BEARERS: usize = 256;

/// So many wake-ups at once, and one more after each pause.
#[derive(Clone, Copy, Debug)]
struct Rate {
    burst: u32,
    pause_ms: u64,
}

/// By those to whom the sleeper has given no pass, together: at most 12 an hour for long.
const STRANGERS: Rate = Rate {
    burst: 4,
    pause_ms: 300_000,
};
/// By each peer with a pass.
const BEARER: Rate = Rate {
    burst: 12,
    pause_ms: 20_000,
};
/// By one address, of all sleepers together.
const ADDRESS: Rate = Rate {
    burst: 40,
    pause_ms: 5_000,
};

/// What is left of a [`Rate`].
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    used: u32,
    since_ms: u64,
}

impl Bucket {
    fn take(&mut self, rate: Rate, now_ms: u64) -> bool {
        let back = now_ms.saturating_sub(self.since_ms) / rate.pause_ms;
        if back >= u64::from(self.used) {
            *self = Self {
                used: 0,
                since_ms: now_ms,
            };
        } else {
            self.used -= u32::try_from(back).unwrap_or(self.used);
            self.since_ms += back * rate.pause_ms;
        }
        let free = self.used < rate.burst;
        if free {
            self.used += 1;
        }
        free
    }
    fn is_fresh(&self, rate: Rate, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.since_ms) / rate.pause_ms >= u64::from(self.used)
    }
}

#[derive(Clone, Copy, Debug)]
struct Call {
    begun_ms: u64,
    sent_ms: Option<u64>,
    heard: bool,
}

#[derive(Debug)]
struct Session {
    node: NodeId,
    key: Key,
    pass_key: Key,
    /// Who asked for it.
    ip: IpAddr,
    /// Where its last beat came from.
    from: Option<SocketAddr>,
    count: u32,
    heard_ms: u64,
    call_count: u32,
    call: Option<Call>,
    /// An answer that was ordered for later: when, and to which beat.
    ordered: Option<(u64, u32)>,
    strangers: Bucket,
    bearers: BTreeMap<[u8; 8], Bucket>,
}

impl Session {
    fn wake(&mut self, number: u32, now_ms: u64) -> Option<Datagram> {
        let to = self.from?;
        let call = self.call.as_mut()?;
        if call.heard || call.sent_ms.is_some_and(|sent| now_ms.saturating_sub(sent) < APART_MS) {
            return None;
        }
        call.sent_ms = Some(now_ms);
        let (session, count, mac) = (number, self.call_count, [0; 6]);
        Some((to, sealed(&self.key, Park::Wake { session, count, mac })))
    }

    /// Begins a wake-up unless one is under way: `false` when the caller has no more.
    fn begin(&mut self, now_ms: u64, may: impl FnOnce(&mut Self) -> bool) -> bool {
        if self
            .call
            .is_some_and(|call| now_ms.saturating_sub(call.begun_ms) < SAME_CALL_MS)
        {
            return true;
        }
        if !may(self) {
            return false;
        }
        self.call_count = (self.call_count + 1).min(MAX_COUNT);
        self.call = Some(Call {
            begun_ms: now_ms,
            sent_ms: None,
            heard: false,
        });
        true
    }

    fn calling(&self) -> Calling {
        match self.call {
            Some(call) if call.heard => Calling::Awake,
            _ => Calling::Waking,
        }
    }
}

/// To whom, and what.
pub type Datagram = (SocketAddr, Vec<u8>);

/// All that sleep here.
#[derive(Debug)]
pub struct Home {
    secret: Key,
    sessions: BTreeMap<u32, Session>,
    by_node: BTreeMap<NodeId, u32>,
    ordered: BTreeSet<(u64, u32)>,
    addresses: BTreeMap<IpAddr, Bucket>,
    looked_at: BTreeMap<IpAddr, u32>,
    in_all: u32,
    minute: u64,
}

impl Home {
    /// Nobody sleeps here yet. `secret` is random.
    pub fn new(secret: Key) -> Self {
        Self {
            secret,
            sessions: BTreeMap::new(),
            by_node: BTreeMap::new(),
            ordered: BTreeSet::new(),
            addresses: BTreeMap::new(),
            looked_at: BTreeMap::new(),
            in_all: 0,
            minute: 0,
        }
    }

    /// How many sleep here.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }
    /// Whether nobody sleeps here.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Takes a node in, under a random number; `link` is the secret of the connection on which it asks, from `ip`.
    /// Nothing when there is no room, or when the number is taken.
    pub fn register(
        &mut self,
        now_ms: u64,
        number: u32,
        node: NodeId,
        ip: IpAddr,
        link: &Key,
        pass_key: Key,
    ) -> Option<u32> {
        self.expire(now_ms);
        self.leave(&node);
        let of_one = self.sessions.values().filter(|session| session.ip == ip).count();
        if self.sessions.len() >= MOST || of_one >= MOST_OF_ONE || self.sessions.contains_key(&number) {
            return None;
        }
        let session = Session {
            node,
            key: super::key(link, number),
            pass_key,
            ip,
            from: None,
            count: 0,
            heard_ms: now_ms,
            call_count: 0,
            call: None,
            ordered: None,
            strangers: Bucket::default(),
            bearers: BTreeMap::new(),
        };
        self.sessions.insert(number, session);
        self.by_node.insert(node, number);
        Some(number)
    }

    /// Forgets a node.
    pub fn leave(&mut self, node: &NodeId) {
        let session = self
            .by_node
            .remove(node)
            .and_then(|number| Some((number, self.sessions.remove(&number)?)));
        if let Some((number, Some((due, _)))) = session.map(|(number, session)| (number, session.ordered)) {
            self.ordered.remove(&(due, number));
        }
    }

    fn expire(&mut self, now_ms: u64) {
        let gone = self
            .sessions
            .values()
            .filter(|session| now_ms.saturating_sub(session.heard_ms) > GONE_MS);
        let gone: Vec<NodeId> = gone.map(|session| session.node).collect();
        gone.iter().for_each(|node| self.leave(node));
    }

    fn may_look(&mut self, ip: IpAddr, now_ms: u64) -> bool {
        let minute = now_ms / 60_000;
        if minute != self.minute {
            self.minute = minute;
            self.looked_at.clear();
            self.in_all = 0;
            self.addresses.retain(|_, bucket| !bucket.is_fresh(ADDRESS, now_ms));
        }
        if self.in_all >= MOST_IN_ALL || (self.looked_at.len() >= MOST_COUNTED && !self.looked_at.contains_key(&ip)) {
            return false;
        }
        let count = self.looked_at.entry(ip).or_default();
        *count = count.saturating_add(1);
        let may = *count <= MOST_LOOKED_AT;
        self.in_all = self.in_all.saturating_add(u32::from(may));
        may
    }

    fn cookie(&self, from: SocketAddr, window: u64) -> Cookie {
        let text = from.to_string();
        first(&hash::hash(
            "hedgerow 2026 park cookie v1",
            &[&self.secret, text.as_bytes(), &window.to_be_bytes()],
        ))
    }

    /// When [`Home::tick`] has something to do.
    pub fn due_ms(&self) -> Option<u64> {
        self.ordered.first().map(|(due, _)| *due)
    }

    /// Answers that were ordered for now.
    pub fn tick(&mut self, now_ms: u64) -> Vec<Datagram> {
        let mut out = Vec::new();
        while let Some((due, number)) = self.ordered.first().copied()
            && due <= now_ms
        {
            self.ordered.remove(&(due, number));
            let Some(session) = self.sessions.get_mut(&number) else {
                continue;
            };
            if let (Some((_, count)), Some(to)) = (session.ordered.take(), session.from) {
                let (session_number, mac) = (number, [0; 6]);
                let there = Park::There {
                    session: session_number,
                    count,
                    mac,
                };
                out.push((to, sealed(&session.key, there)));
            }
        }
        out
    }

    /// A datagram came. `is_here` tells whether a node can be reached over this home already, `elsewhere` the relay over
    /// which a node may be reached that does not sleep here.
    pub fn heard(
        &mut self,
        now_ms: u64,
        bytes: &[u8],
        from: SocketAddr,
        is_here: impl Fn(&NodeId) -> bool,
        elsewhere: impl Fn(&NodeId) -> Option<SocketAddrV4>,
    ) -> Vec<Datagram> {
        let Ok(datagram) = Park::from_bytes(bytes) else {
            return Vec::new();
        };
        if !self.may_look(from.ip(), now_ms) {
            return Vec::new();
        }
        match datagram {
            Park::Here {
                session,
                count,
                after,
                mac: code,
            } => self.beat(now_ms, bytes, from, (session, count, after, code)),
            Park::Awake {
                session,
                count,
                mac: code,
            } => {
                if let Some(session) = self.sessions.get_mut(&session)
                    && mac(&session.key, bytes) == code
                    && session.call_count == count
                    && let Some(call) = &mut session.call
                {
                    call.heard = true;
                }
                Vec::new()
            }
            Park::Call {
                node,
                token,
                cookie,
                pass,
            } => {
                let window = now_ms / COOKIE_MS;
                let fresh = self.cookie(from, window);
                let known = cookie == fresh || cookie == self.cookie(from, window.saturating_sub(1));
                let (calling, wake) = match known {
                    false => (Calling::Again, None),
                    true => self.call(now_ms, &node, Some((from.ip(), &pass)), is_here),
                };
                let called = Park::Called {
                    token,
                    cookie: fresh,
                    calling,
                    elsewhere: (calling == Calling::Unknown).then(|| elsewhere(&node)).flatten(),
                };
                wake.into_iter().chain([(from, called.to_bytes())]).collect()
            }
            Park::There { .. } | Park::Wake { .. } | Park::Lost { .. } | Park::Called { .. } => Vec::new(),
        }
    }

    fn beat(
        &mut self,
        now_ms: u64,
        bytes: &[u8],
        from: SocketAddr,
        said: (u32, u32, Option<u8>, [u8; 6]),
    ) -> Vec<Datagram> {
        let (number, count, after, code) = said;
        let Some(session) = self.sessions.get_mut(&number) else {
            let lost = Park::Lost { session: number, count };
            return vec![(from, lost.to_bytes())];
        };
        // An old one that is repeated would lead elsewhere.
        if mac(&session.key, bytes) != code || count <= session.count {
            return Vec::new();
        }
        session.count = count;
        session.from = Some(from);
        session.heard_ms = now_ms;
        if let Some((due, _)) = session.ordered.take() {
            self.ordered.remove(&(due, number));
        }
        if let Some(after) = after {
            let due = now_ms.saturating_add(u64::from(after) * 1000);
            session.ordered = Some((due, count));
            self.ordered.insert((due, number));
        }
        let pending = session
            .call
            .is_some_and(|call| now_ms.saturating_sub(call.begun_ms) < PENDING_MS);
        let mut out: Vec<Datagram> = pending
            .then(|| session.wake(number, now_ms))
            .flatten()
            .into_iter()
            .collect();
        // One answer for one beat.
        if out.is_empty() && after == Some(0) {
            out = self.tick(now_ms);
        }
        out
    }

    /// Wakes a node for a caller, or for this home itself. Repeated until the answer is final.
    pub fn call(
        &mut self,
        now_ms: u64,
        node: &NodeId,
        by: Option<(IpAddr, &Pass)>,
        is_here: impl Fn(&NodeId) -> bool,
    ) -> (Calling, Option<Datagram>) {
        if is_here(node) {
            return (Calling::Here, None);
        }
        let Some(number) = self.by_node.get(node).copied() else {
            return (Calling::Unknown, None);
        };
        let addresses = &mut self.addresses;
        let Some(session) = self.sessions.get_mut(&number) else {
            return (Calling::Unknown, None);
        };
        if session.from.is_none() || now_ms.saturating_sub(session.heard_ms) > GONE_MS {
            return (Calling::Unknown, None);
        }
        let may = |session: &mut Session| {
            let Some((ip, pass)) = by else { return true };
            if addresses.len() >= MOST_COUNTED && !addresses.contains_key(&ip) {
                return false;
            }
            if !addresses.entry(ip).or_default().take(ADDRESS, now_ms) {
                return false;
            }
            let bearer = bearer(&session.pass_key, pass);
            let room = |session: &Session, id: &[u8; 8]| {
                session.bearers.len() < MOST_BEARERS || session.bearers.contains_key(id)
            };
            match bearer.filter(|id| room(session, id)) {
                Some(id) => session.bearers.entry(id).or_default().take(BEARER, now_ms),
                None => session.strangers.take(STRANGERS, now_ms),
            }
        };
        if !session.begin(now_ms, may) {
            return (Calling::Refused, None);
        }
        let wake = session.wake(number, now_ms);
        (session.calling(), wake)
    }
}
