//! Where devices are: publishing where this one is, and finding others (`docs/wire/lookup.md`).
//!
//! [`plan`] decides when, [`book`] what is the newest; both are pure. [`dht`] asks the Mainline DHT, [`exchange`]
//! connected peers, [`seeds`] names that the user gave. Whatever they bring is signed by whom it is about.

mod book;
mod carry;
mod dht;
mod exchange;
mod find;
mod plan;
mod publish;
mod seeds;
mod shares;

pub use book::Source;
pub use dht::DhtRole;
pub(crate) use exchange::answer;
pub use find::{Device, FindAnswer, NotFound, Way};
pub(crate) use find::{connect, find};

use crate::{net::Inner, queue::lock};
use book::Book;
use futures_util::StreamExt as _;
use hedgerow_base::{NodeId, SecretKey};
use hedgerow_wire::lookup::{Card, Devices, SignedRecord, Subject};
use iroh::{Endpoint, Watcher as _};
use plan::Plan;
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{sync::Notify, time::Instant};

/// How often is looked whether something is to be done, though nothing happened.
const TICK: Duration = Duration::from_secs(15);
/// The same at the beginning, when most happens.
const FIRST_TICK: Duration = Duration::from_secs(1);
const BEGINNING: u64 = 10_000;
/// How long after the start seeds are asked if nobody is connected, and again.
const SEEDS_FIRST: u64 = 3_000;
const SEEDS_AGAIN: u64 = 600_000;
/// How long after the start relays are looked for while there is none, and first and longest wait until again.
const RELAYS_FIRST: u64 = 2_000;
const RELAYS_AGAIN: u64 = 60_000;
const RELAYS_LONGEST: u64 = 3_600_000;
/// How often a relay announces itself.
const ANNOUNCE: u64 = 1_800_000;

/// What a node keeps of this over restarts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookupMemory {
    /// Last sequence number of the device record.
    pub seq: u64,
    /// Nodes of the DHT that answered.
    pub nodes: Vec<SocketAddr>,
    /// UDP port on which this node served the DHT.
    pub port: Option<u16>,
}

/// How a node is found and finds others.
#[derive(Clone, Debug)]
pub struct LookupConfig {
    /// Use the Mainline DHT.
    pub dht: bool,
    /// Nodes of the DHT to begin with, as `HOST:PORT`. None are built in.
    pub bootstrap: Vec<String>,
    /// Keep records for others on this UDP port, whether or not peers found this node reachable.
    pub dht_port: Option<u16>,
    /// Names whose TXT records hold tickets.
    pub seeds: Vec<String>,
    /// Server to ask for those names; the system's unless given.
    pub nameserver: Option<SocketAddr>,
    /// The user's root key: it signs the list of the user's devices. Without it none is published.
    pub user: Option<SecretKey>,
    /// From the last run.
    pub memory: LookupMemory,
}

impl Default for LookupConfig {
    fn default() -> Self {
        Self {
            dht: true,
            bootstrap: Vec::new(),
            dht_port: None,
            seeds: Vec::new(),
            nameserver: None,
            user: None,
            memory: LookupMemory::default(),
        }
    }
}

/// What this node says of itself.
#[derive(Default)]
struct Me {
    device: Option<SignedRecord>,
    /// The record, when it was published or read from the DHT last, and what it says.
    user: Option<(SignedRecord, u64, Devices)>,
}

/// How lookup is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupReport {
    /// Its part in the DHT.
    pub role: DhtRole,
    /// Nodes in its table, as of its last use.
    pub nodes: usize,
    /// UDP port on which it serves others.
    pub port: Option<u16>,
    /// How long ago its record was last put into the DHT, in milliseconds.
    pub published_ms_ago: Option<u64>,
    /// Connected peers that serve the DHT put it there for this node.
    pub carried: bool,
    /// Why publishing failed the last time, if it did.
    pub trouble: Option<String>,
    /// Lookups since the start.
    pub lookups: u64,
    /// What the seeds said the last time: nodes that they named, or why not.
    pub seeds: Vec<(String, Result<usize, String>)>,
}

/// All that the tasks share.
pub(crate) struct State {
    config: LookupConfig,
    key: SecretKey,
    node: NodeId,
    dht: dht::Part,
    plan: Mutex<Plan>,
    book: Mutex<Book>,
    me: Mutex<Me>,
    peers: Mutex<exchange::Peers>,
    carried: carry::Carried,
    seeds: Mutex<Vec<(String, seeds::Said)>>,
    /// The last time that the DHT took the record, and why not the last time.
    put: Mutex<(Option<u64>, Option<String>)>,
    new_nodes: AtomicBool,
    /// The last time, the record was left to peers that serve the DHT.
    left_to_peers: AtomicBool,
    lookups: AtomicU64,
    begun: Instant,
    pub(crate) wake: Notify,
}

impl State {
    pub(crate) fn new(config: LookupConfig, key: SecretKey) -> Self {
        let node = key.public().into();
        Self {
            dht: dht::Part::new(config.dht, config.bootstrap.clone(), &config.memory.nodes),
            plan: Mutex::new(Plan::new(config.memory.seq)),
            config,
            key,
            node,
            book: Mutex::default(),
            me: Mutex::default(),
            peers: Mutex::default(),
            carried: carry::Carried::default(),
            seeds: Mutex::default(),
            put: Mutex::default(),
            new_nodes: AtomicBool::new(false),
            left_to_peers: AtomicBool::new(false),
            lookups: AtomicU64::new(0),
            begun: Instant::now(),
            wake: Notify::new(),
        }
    }

    /// Milliseconds of the steady clock.
    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Seconds since 1970, as far as this machine knows.
    fn clock_s() -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
    }

    /// What peers are told.
    fn card(&self) -> Card {
        let me = lock(&self.me);
        Card {
            device: me.device.clone(),
            user: me.user.as_ref().map(|(record, ..)| record.clone()),
            dht_port: self.dht.serving(),
        }
    }

    /// Keeps a record if it holds and is news. One about this very node only moves its number on.
    fn take(&self, record: SignedRecord, source: Source) -> bool {
        if record.subject == Subject::Device(self.node) {
            if record.open().is_ok() {
                lock(&self.plan).seen(record.seq);
            }
            return false;
        }
        let taken = lock(&self.book).take(record, source, self.now());
        taken.unwrap_or_else(|error| {
            tracing::debug!(%error, ?source, "a record was refused");
            false
        })
    }

    /// Nodes of the DHT became known that were not.
    fn nodes_learnt(&self) {
        self.new_nodes.store(true, Ordering::Relaxed);
        lock(&self.plan).retry_now(self.now());
        self.wake.notify_one();
    }

    /// Something that peers are told changed.
    fn card_changed(&self) {
        lock(&self.peers).version += 1;
        self.wake.notify_one();
    }

    /// A node is connected.
    pub(crate) fn reached(&self, node: &NodeId) {
        lock(&self.plan).reached(node);
        self.wake.notify_one();
    }

    /// What is to be kept over restarts.
    pub(crate) fn memory(&self) -> LookupMemory {
        LookupMemory {
            seq: lock(&self.plan).seq(),
            nodes: self.dht.remembered(),
            port: self.dht.serving().or(self.config.memory.port),
        }
    }

    pub(crate) fn report(&self) -> LookupReport {
        let (published, trouble) = lock(&self.put).clone();
        LookupReport {
            role: self.dht.role(),
            nodes: self.dht.table(),
            port: self.dht.serving(),
            published_ms_ago: published.map(|at| self.now().saturating_sub(at)),
            carried: self.left_to_peers.load(Ordering::Relaxed),
            trouble,
            lookups: self.lookups.load(Ordering::Relaxed),
            seeds: lock(&self.seeds).clone(),
        }
    }
}

/// 16 random bits; without random bytes, waits are merely not spread.
fn random() -> u16 {
    let mut bytes = [0; 2];
    let _ = getrandom::fill(&mut bytes);
    u16::from_le_bytes(bytes)
}

/// A dial of a known node failed: perhaps it moved.
pub(crate) fn dial_failed(net: &Arc<Inner>, node: NodeId) {
    let state = &net.lookup;
    if lock(&state.plan).missed(state.now(), node) {
        let inner = net.clone();
        net.spawn(async move {
            find::follow(&inner, node).await;
        });
    }
}

/// Does what is due for as long as the network runs.
pub(crate) async fn run(net: Arc<Inner>, endpoint: Endpoint) {
    let state = &net.lookup;
    let mut addresses = endpoint.watch_addr().stream();
    let mut chores = Chores::default();
    let mut kept = state.config.memory.clone();
    loop {
        publish::look(&net, &endpoint).await;
        exchange::tell_peers(&net);
        chores.run(&net).await;
        let memory = state.memory();
        if memory != kept {
            kept = memory.clone();
            net.remember_lookup(memory).await;
        }
        let due = lock(&state.plan)
            .poll_timeout()
            .map(|due| due.saturating_sub(state.now()));
        let tick = if state.now() < BEGINNING { FIRST_TICK } else { TICK };
        let wait = due.map_or(tick, Duration::from_millis).min(tick);
        tokio::select! {
            () = state.wake.notified() => {}
            change = addresses.next() => if change.is_none() { return },
            () = tokio::time::sleep(wait.max(Duration::from_millis(20))) => {}
        }
    }
}

/// What is done now and then.
#[derive(Default)]
struct Chores {
    seeds: Option<u64>,
    relays: Option<u64>,
    relays_wait: u64,
    announced: Option<u64>,
}

/// Whether something is due that is first done `first` after the start and then `again` and again.
fn due(last: Option<u64>, now: u64, first: u64, again: u64) -> bool {
    now >= last.map_or(first, |at| at.saturating_add(again))
}

impl Chores {
    async fn run(&mut self, net: &Arc<Inner>) {
        let state = &net.lookup;
        let now = state.now();
        lock(&state.book).forget_old(now);
        state.dht.tidy().await;
        if state.new_nodes.swap(false, Ordering::Relaxed) && state.dht.grow().await {
            state.carried.forget();
            lock(&state.plan).again(now);
        }
        carry::look(net);
        let alone = net.links().is_empty();
        if alone && due(self.seeds, now, SEEDS_FIRST, SEEDS_AGAIN) {
            self.seeds = Some(now);
            let inner = net.clone();
            net.spawn(async move {
                seeds::ask(&inner).await;
            });
        }
        let (serves, lacks) = net.relays_state();
        if let Some(relay) = serves
            && due(self.announced, now, 0, ANNOUNCE)
        {
            self.announced = Some(now);
            let inner = net.clone();
            net.spawn(async move {
                let _ = inner.lookup.dht.announce_relay(relay.port()).await;
            });
        }
        if !(alone && lacks) {
            self.relays_wait = 0;
        } else if due(self.relays, now, RELAYS_FIRST, self.relays_wait) {
            self.relays = Some(now);
            self.relays_wait = (self.relays_wait * 2).clamp(RELAYS_AGAIN, RELAYS_LONGEST);
            let inner = net.clone();
            net.spawn(async move {
                if let Ok(relays) = inner.lookup.dht.relays(crate::reach::MOST_FOUND).await {
                    inner.found_relays(relays).await;
                }
            });
        }
    }
}
