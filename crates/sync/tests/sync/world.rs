//! Nodes on virtual time: a small driver with a store in memory, ordered links with random delays, lost
//! connections, crashes.

use hedgerow_base::{LogId, NodeId, Pseudonym, SecretKey, SpaceId, WidgetId, hash::hash};
use hedgerow_sync::{Effect, Identity, Input, Invite, SpaceConfig, Sync, SyncError, entries_frame};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub(crate) const WIDGET: WidgetId = WidgetId([9; 16]);

/// Frames with when they arrive.
type Frames = VecDeque<(u64, Vec<u8>)>;

pub(crate) struct Rng(pub(crate) u64);
impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
    pub(crate) fn bytes(&mut self) -> [u8; 32] {
        hash("test", &[&self.next().to_le_bytes()])
    }
}

#[derive(Clone)]
pub(crate) struct Update {
    pub(crate) log: LogId,
    pub(crate) seq: u64,
    pub(crate) body: Vec<u8>,
}

#[derive(Clone, Default)]
pub(crate) struct Stored {
    pub(crate) config: Vec<u8>,
    pub(crate) state: Option<Vec<u8>>,
    pub(crate) entries: Vec<(LogId, u64, Vec<u8>)>,
    pub(crate) index: BTreeMap<(LogId, u64), usize>,
    pub(crate) updates: Vec<Update>,
}

pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) user: usize,
    pub(crate) name: String,
    pub(crate) core: Option<Sync>,
    pub(crate) store: BTreeMap<SpaceId, Stored>,
    pub(crate) acked: BTreeMap<u64, Result<u64, SyncError>>,
    pub(crate) live: Vec<(Pseudonym, Vec<u8>)>,
    pub(crate) here: BTreeSet<(SpaceId, NodeId)>,
    pub(crate) events: Vec<Effect>,
    pub(crate) blamed: Vec<(NodeId, &'static str)>,
    pub(crate) persisted: usize,
}

pub(crate) struct World {
    pub(crate) now: u64,
    pub(crate) rng: Rng,
    pub(crate) nodes: Vec<Node>,
    /// Frames under way, by (from, to).
    pub(crate) links: BTreeMap<(usize, usize), Frames>,
    pub(crate) bytes_sent: usize,
    pub(crate) entries_received: BTreeMap<usize, usize>,
    pub(crate) delay: u64,
    pub(crate) causal: bool,
    /// The last of these bytes seen on any link, for secrecy checks: every frame.
    pub(crate) wire: Vec<(usize, usize, Vec<u8>)>,
    pub(crate) tap: bool,
    request: u64,
}

pub(crate) fn user_key(user: usize) -> SecretKey {
    SecretKey::from_seed(&hash("test user", &[&user.to_le_bytes()]))
}
pub(crate) fn pseudonym(user: usize) -> Pseudonym {
    user_key(user).public().into()
}

impl World {
    /// One node per entry of `users`: which user it belongs to.
    pub(crate) fn new(seed: u64, users: &[usize]) -> Self {
        let nodes = users.iter().enumerate().map(|(i, user)| Node {
            id: NodeId(hash("test node", &[&i.to_le_bytes()])),
            user: *user,
            name: format!("user {user}"),
            core: None,
            store: BTreeMap::new(),
            acked: BTreeMap::new(),
            live: Vec::new(),
            here: BTreeSet::new(),
            events: Vec::new(),
            blamed: Vec::new(),
            persisted: 0,
        });
        let mut world = Self {
            now: 1_000_000,
            rng: Rng(seed),
            nodes: nodes.collect(),
            links: BTreeMap::new(),
            bytes_sent: 0,
            entries_received: BTreeMap::new(),
            delay: 50,
            causal: true,
            wire: Vec::new(),
            tap: false,
            request: 0,
        };
        for node in 0..world.nodes.len() {
            world.boot(node);
        }
        world
    }
    fn identity(user: usize) -> Identity {
        Identity {
            pseudonym: user_key(user),
            seal: hash("test seal", &[&user.to_le_bytes()]).into(),
        }
    }
    /// Starts a node from its store.
    pub(crate) fn boot(&mut self, node: usize) {
        let seed = self.rng.bytes();
        self.nodes[node].core = Some(Sync::new(self.nodes[node].id, seed));
        let spaces: Vec<_> = self.nodes[node].store.keys().copied().collect();
        for space in spaces {
            self.load(node, space);
        }
    }
    fn load(&mut self, node: usize, space: SpaceId) {
        let n = &mut self.nodes[node];
        let stored = &n.store[&space];
        let config = SpaceConfig::from_bytes(&stored.config).unwrap();
        let identity = Self::identity(n.user);
        let core = n.core.as_mut().unwrap();
        let mut out = Vec::new();
        let open = Input::OpenSpace {
            config: config.into(),
            identity: identity.into(),
            name: Some(n.name.clone()),
            state: stored.state.clone(),
        };
        core.handle(self.now, open, &mut out);
        for (_, _, bytes) in &stored.entries {
            core.replay(&space, bytes, &mut out).unwrap();
        }
        core.handle(self.now, Input::Start { space }, &mut out);
        self.perform(node, out);
    }
    pub(crate) fn open(&mut self, node: usize, config: &SpaceConfig) -> SpaceId {
        let space = config.id();
        let stored = self.nodes[node].store.entry(space).or_default();
        stored.config = config.to_bytes();
        self.load(node, space);
        space
    }
    pub(crate) fn reopen(&mut self, node: usize, config: &SpaceConfig) {
        let space = config.id();
        self.handle(node, Input::CloseSpace { space });
        self.open(node, config);
    }
    pub(crate) fn create(&mut self, node: usize) -> SpaceId {
        let random = self.rng.bytes();
        let config = SpaceConfig::invited(WIDGET, pseudonym(self.nodes[node].user), random);
        self.open(node, &config)
    }
    pub(crate) fn public(&mut self, node: usize) -> SpaceId {
        let random = self.rng.bytes();
        self.open(node, &SpaceConfig::public(WIDGET, random))
    }
    pub(crate) fn invite(&mut self, node: usize, space: SpaceId) -> Invite {
        let invite = self.core(node).invite(&space, Some("Plans".into())).unwrap();
        Invite::from_bytes(&invite.to_bytes()).unwrap()
    }
    pub(crate) fn join(&mut self, node: usize, invite: &Invite) -> SpaceId {
        let random = self.rng.bytes();
        let config = SpaceConfig::join(invite, pseudonym(self.nodes[node].user), random);
        if self.nodes[node].store.contains_key(&config.id()) {
            self.reopen(node, &config);
            return config.id();
        }
        self.open(node, &config)
    }
    pub(crate) fn core(&mut self, node: usize) -> &mut Sync {
        self.nodes[node].core.as_mut().unwrap()
    }
    pub(crate) fn handle(&mut self, node: usize, input: Input) {
        let mut out = Vec::new();
        let now = self.now;
        if let Some(core) = self.nodes[node].core.as_mut() {
            core.handle(now, input, &mut out);
        }
        self.perform(node, out);
    }
    pub(crate) fn append(&mut self, node: usize, space: SpaceId, body: &[u8]) -> Result<u64, SyncError> {
        self.request += 1;
        let request = self.request;
        self.handle(
            node,
            Input::Append {
                space,
                request,
                body: body.to_vec(),
            },
        );
        self.nodes[node].acked[&request]
    }
    /// Appends a body that says what its author had seen, for the causal check.
    pub(crate) fn write(&mut self, node: usize, space: SpaceId) -> Result<u64, SyncError> {
        let mut seen: BTreeMap<LogId, u64> = BTreeMap::new();
        for update in &self.nodes[node].store[&space].updates {
            seen.insert(update.log, update.seq);
        }
        let mut body = b"seen".to_vec();
        for (log, seq) in seen {
            body.extend_from_slice(&log.0);
            body.extend_from_slice(&seq.to_be_bytes());
        }
        self.append(node, space, &body)
    }
    pub(crate) fn remove(&mut self, node: usize, space: SpaceId, users: &[usize]) -> Result<u64, SyncError> {
        self.request += 1;
        let request = self.request;
        let members = users.iter().map(|u| pseudonym(*u)).collect();
        self.handle(
            node,
            Input::Remove {
                space,
                request,
                members,
            },
        );
        self.nodes[node].acked[&request]
    }
    pub(crate) fn connect(&mut self, a: usize, b: usize) {
        if a == b || self.linked(a, b) || self.nodes[a].core.is_none() || self.nodes[b].core.is_none() {
            return;
        }
        let session = self.rng.bytes();
        self.links.insert((a, b), VecDeque::new());
        self.links.insert((b, a), VecDeque::new());
        let (ida, idb) = (self.nodes[a].id, self.nodes[b].id);
        self.handle(a, Input::PeerConnected { peer: idb, session });
        self.handle(b, Input::PeerConnected { peer: ida, session });
    }
    pub(crate) fn linked(&self, a: usize, b: usize) -> bool {
        self.links.contains_key(&(a, b))
    }
    /// Everything under way between them is lost.
    pub(crate) fn disconnect(&mut self, a: usize, b: usize) {
        if self.links.remove(&(a, b)).is_none() {
            return;
        }
        self.links.remove(&(b, a));
        let (ida, idb) = (self.nodes[a].id, self.nodes[b].id);
        self.handle(a, Input::PeerDisconnected { peer: idb });
        self.handle(b, Input::PeerDisconnected { peer: ida });
    }
    /// Loses all that is not stored.
    pub(crate) fn kill(&mut self, node: usize) {
        self.nodes[node].core = None;
        self.nodes[node].here.clear();
        for other in 0..self.nodes.len() {
            self.disconnect(node, other);
        }
    }
    pub(crate) fn restart(&mut self, node: usize) {
        self.kill(node);
        self.boot(node);
    }

    fn perform(&mut self, node: usize, effects: Vec<Effect>) {
        self.store(node, &effects);
        for effect in effects {
            let n = &mut self.nodes[node];
            match effect {
                Effect::Send { peer, bytes } | Effect::SendLive { peer, bytes } => self.send(node, peer, bytes),
                Effect::SendEntries { peer, space, ranges } => {
                    let stored = &n.store[&space];
                    let mut frames = Vec::new();
                    let (mut batch, mut size): (Vec<&[u8]>, usize) = (Vec::new(), 0);
                    for range in ranges {
                        for seq in range.from..range.to {
                            let at = stored.index[&(range.log, seq)];
                            let bytes = &stored.entries[at].2;
                            if size + bytes.len() > 64 << 10 && !batch.is_empty() {
                                frames.push(entries_frame(space, batch.drain(..)));
                                size = 0;
                            }
                            size += bytes.len();
                            batch.push(bytes);
                        }
                    }
                    frames.push(entries_frame(space, batch));
                    for frame in frames {
                        self.send(node, peer, frame);
                    }
                }
                Effect::Appended { request, seq, .. } => {
                    n.acked.insert(request, Ok(seq));
                }
                Effect::Failed { request, error } => {
                    n.acked.insert(request, Err(error));
                }
                Effect::LiveDeliver { author, body, .. } => n.live.push((author, body)),
                Effect::PeerInSpace { space, peer, here, .. } => {
                    let changed = if here {
                        n.here.insert((space, peer))
                    } else {
                        n.here.remove(&(space, peer))
                    };
                    assert!(changed, "presence was told twice");
                }
                Effect::Misbehaved { peer, what, .. } => n.blamed.push((peer, what)),
                other => n.events.push(other),
            }
        }
    }
    /// One transaction: all that must be durable before anything leaves.
    fn store(&mut self, node: usize, effects: &[Effect]) {
        let causal = self.causal;
        let n = &mut self.nodes[node];
        for effect in effects {
            match effect {
                Effect::Persist { space, log, seq, bytes } => {
                    let stored = n.store.get_mut(space).unwrap();
                    let before = stored.index.insert((*log, *seq), stored.entries.len());
                    assert!(before.is_none(), "an entry was stored twice");
                    stored.entries.push((*log, *seq, bytes.clone()));
                    n.persisted += 1;
                }
                Effect::PersistState { space, bytes } => {
                    n.store.get_mut(space).unwrap().state = Some(bytes.clone());
                }
                Effect::Retract { space, log, from } => {
                    let stored = n.store.get_mut(space).unwrap();
                    stored.entries.retain(|(l, seq, _)| l != log || seq < from);
                    stored.updates.retain(|u| u.log != *log || u.seq < *from);
                    let places = stored.entries.iter().enumerate().map(|(i, (l, s, _))| ((*l, *s), i));
                    stored.index = places.collect();
                }
                Effect::Deliver {
                    space, log, seq, body, ..
                } => {
                    let stored = n.store.get_mut(space).unwrap();
                    assert!(
                        stored.index.contains_key(&(*log, *seq)),
                        "delivered before it was stored"
                    );
                    if causal && body.starts_with(b"seen") {
                        for item in body[4..].chunks_exact(40) {
                            let (log, seq) = item.split_at(32);
                            let id = (
                                LogId(log.try_into().unwrap()),
                                u64::from_be_bytes(seq.try_into().unwrap()),
                            );
                            assert!(
                                stored.index.contains_key(&id),
                                "delivered before what its author had seen"
                            );
                        }
                    }
                    let body = body.clone();
                    stored.updates.push(Update {
                        log: *log,
                        seq: *seq,
                        body,
                    });
                }
                _ => {}
            }
        }
    }
    fn send(&mut self, from: usize, peer: NodeId, bytes: Vec<u8>) {
        let to = self.nodes.iter().position(|n| n.id == peer).unwrap();
        assert!(bytes.len() <= hedgerow_base::limits::MAX_FRAME);
        let delay = self.rng.next() % self.delay.max(1) + 1;
        let now = self.now;
        if let Some(queue) = self.links.get_mut(&(from, to)) {
            let at = queue.back().map_or(0, |(at, _)| *at).max(now + delay);
            self.bytes_sent += bytes.len();
            if self.tap {
                self.wire.push((from, to, bytes.clone()));
            }
            queue.push_back((at, bytes));
        }
    }
    /// Lets `ms` of virtual time pass.
    pub(crate) fn run(&mut self, ms: u64) {
        let end = self.now + ms;
        loop {
            let frame = self
                .links
                .iter()
                .filter_map(|(link, queue)| Some((queue.front()?.0, *link)))
                .min();
            let due = |(i, n): (usize, &Node)| Some((n.core.as_ref()?.poll_timeout()?, i));
            let timer = self.nodes.iter().enumerate().filter_map(due).min();
            let next = frame.map(|f| f.0).into_iter().chain(timer.map(|t| t.0)).min();
            let Some(at) = next.filter(|at| *at <= end) else { break };
            self.now = self.now.max(at);
            if let Some((_, (from, to))) = frame.filter(|(when, _)| *when == at) {
                let bytes = self.links.get_mut(&(from, to)).unwrap().pop_front().unwrap().1;
                *self.entries_received.entry(to).or_default() += bytes.len();
                let peer = self.nodes[from].id;
                self.handle(to, Input::Message { peer, bytes });
            } else if let Some((_, node)) = timer {
                let mut out = Vec::new();
                let now = self.now;
                self.core(node).handle_timeout(now, &mut out);
                self.perform(node, out);
            }
        }
        self.now = end;
    }
    /// Updates of a space as (log, number), sorted.
    pub(crate) fn updates(&self, node: usize, space: SpaceId) -> Vec<(LogId, u64)> {
        let mut all: Vec<_> = self.nodes[node].store[&space]
            .updates
            .iter()
            .map(|u| (u.log, u.seq))
            .collect();
        all.sort();
        all
    }
    pub(crate) fn bodies(&self, node: usize, space: SpaceId) -> Vec<Vec<u8>> {
        self.nodes[node].store[&space]
            .updates
            .iter()
            .map(|u| u.body.clone())
            .collect()
    }
    pub(crate) fn has(&self, node: usize, space: SpaceId, body: &[u8]) -> bool {
        self.nodes[node].store[&space].updates.iter().any(|u| u.body == body)
    }
    pub(crate) fn assert_equal(&mut self, nodes: &[usize], space: SpaceId) {
        let seed = self.rng.0;
        for pair in nodes.windows(2) {
            let (a, b) = (pair[0], pair[1]);
            assert_eq!(
                self.updates(a, space),
                self.updates(b, space),
                "updates of {a} and {b} differ ({seed})"
            );
            assert_eq!(
                self.core(a).digest(&space),
                self.core(b).digest(&space),
                "digests of {a} and {b} differ"
            );
            assert_eq!(
                self.core(a).members(&space),
                self.core(b).members(&space),
                "members of {a} and {b} differ"
            );
        }
        for node in nodes {
            assert_eq!(self.core(*node).waiting(&space), 0, "entries still wait at {node}");
        }
    }
    pub(crate) fn assert_nobody_blamed(&self) {
        for node in &self.nodes {
            assert!(node.blamed.is_empty(), "{} blamed {:?}", node.name, node.blamed);
        }
    }
}
