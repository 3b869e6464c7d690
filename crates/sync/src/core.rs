//! The core: spaces and peers, and which input goes where.

use crate::{
    api::{Effect, Identity, Input, Member, SyncError},
    bounds,
    config::SpaceConfig,
    deliver::FAULT,
    space::Space,
};
use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};
use hedgerow_base::{LogId, NodeId, Pseudonym, SpaceId, hash, limits};
use hedgerow_wire::sync::{Invite, MAX_TAGS, SpaceGenesis, SyncFrame, Tag};
use zeroize::Zeroizing;

pub(crate) struct Peer {
    pub(crate) session: [u8; 32],
    /// What it announced.
    pub(crate) tags: BTreeSet<[u8; 16]>,
}

/// All spaces of a node, and who of its peers shares which.
///
/// # Driving it
/// 1. Open every stored space with [`Input::OpenSpace`], hand in its stored entries with [`Sync::replay`] in the
///    order in which they were persisted, end with [`Input::Start`].
/// 2. Hand in what happens with [`Sync::handle`]; call [`Sync::handle_timeout`] when [`Sync::poll_timeout`] is due.
/// 3. Perform the effects in their order. Before performing anything else of a list, make its
///    [`Effect::Persist`], [`Effect::PersistState`], [`Effect::Retract`] and what one stores for
///    [`Effect::Deliver`] durable in one transaction; several lists may share one. So nothing is acknowledged or
///    sent that could be lost.
/// 4. If the store fails, drop the whole core and begin again at 1 from the store.
///
/// The core draws no randomness: all of it comes from the seed, which must be new, secret and random whenever a core
/// is made.
///
/// ```
/// use hedgerow_base::{NodeId, SecretKey, WidgetId};
/// use hedgerow_sync::{Effect, Identity, Input, SpaceConfig, Sync};
///
/// let mut sync = Sync::new(NodeId([1; 32]), [2; 32]); // from the system's random numbers
/// let key = SecretKey::from_seed(&[3; 32]);
/// let config = SpaceConfig::invited(WidgetId([4; 16]), key.public().into(), [5; 32]);
/// let space = config.id();
/// let identity = Identity { pseudonym: key, seal: [6; 32].into() }.into();
/// let mut effects = Vec::new();
/// sync.handle(0, Input::OpenSpace { config: config.into(), identity, name: None, state: None }, &mut effects);
/// sync.handle(0, Input::Start { space }, &mut effects);
/// sync.handle(1, Input::Append { space, request: 7, body: b"hello".to_vec() }, &mut effects);
/// let told = |e: &Effect| matches!(e, Effect::Appended { request: 7, .. });
/// let stored = |e: &Effect| matches!(e, Effect::Persist { .. });
/// assert!(effects.iter().rposition(stored) < effects.iter().position(told));
/// ```
pub struct Sync {
    pub(crate) node: NodeId,
    seed: Zeroizing<[u8; 32]>,
    drawn: u64,
    pub(crate) spaces: BTreeMap<SpaceId, Space>,
    pub(crate) peers: BTreeMap<NodeId, Peer>,
}

impl Sync {
    /// A core without spaces. `seed`: 32 fresh secret random bytes.
    pub fn new(node: NodeId, seed: [u8; 32]) -> Self {
        Self {
            node,
            seed: seed.into(),
            drawn: 0,
            spaces: BTreeMap::new(),
            peers: BTreeMap::new(),
        }
    }

    /// Takes an input at `now_ms` (milliseconds since 1970) and appends what is to be done.
    pub fn handle(&mut self, now_ms: u64, input: Input, out: &mut Vec<Effect>) {
        match input {
            Input::OpenSpace {
                config,
                identity,
                name,
                state,
            } => self.open(config, identity, name, state),
            Input::Start { space } => self.start(now_ms, &space, out),
            Input::CloseSpace { space } => self.close(&space, out),
            Input::PeerConnected { peer, session } => self.peer_connected(peer, session, out),
            Input::PeerDisconnected { peer } => self.peer_disconnected(&peer, out),
            Input::Message { peer, bytes } => self.message(now_ms, peer, &bytes, out),
            Input::Append { space, request, body } => {
                let append = |space: &mut Space, out: &mut Vec<Effect>| space.append(now_ms, body, out);
                self.asked(now_ms, &space, request, out, append);
            }
            Input::Leave { space, request } => {
                let leave = |space: &mut Space, out: &mut Vec<Effect>| space.leave(now_ms, out);
                self.asked(now_ms, &space, request, out, leave);
            }
            Input::Remove {
                space,
                request,
                members,
            } => {
                let random = self.draw("remove");
                let remove = |space: &mut Space, out: &mut Vec<Effect>| space.remove(now_ms, &members, &random, out);
                self.asked(now_ms, &space, request, out, remove);
            }
            Input::Rename { space, request, name } => self.rename(now_ms, &space, request, name, out),
            Input::Live { space, body } => self.live(&space, &body, out),
        }
    }

    /// When to call [`Sync::handle_timeout`], milliseconds since 1970.
    pub fn poll_timeout(&self) -> Option<u64> {
        self.spaces
            .values()
            .flat_map(|space| space.neighbours.values().map(|n| n.due_ms))
            .min()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        let ids: Vec<SpaceId> = self.spaces.keys().copied().collect();
        for id in ids {
            let due = self.due(now_ms, bounds::ANTI_ENTROPY_MS);
            if let Some(space) = self.spaces.get_mut(&id) {
                space.tick(now_ms, || due, out);
            }
        }
    }

    /// Takes a stored entry of an opened space back in, before [`Input::Start`]. Signatures are not verified again.
    /// Effects are few: [`Effect::Retract`] where an interrupted step left entries that do not count.
    ///
    /// # Errors
    /// [`SyncError::NotOpen`]; [`SyncError::BadReplay`] when the entry does not fit: the others may still be
    /// replayed, and what is missing is fetched from peers.
    pub fn replay(&mut self, space: &SpaceId, bytes: &[u8], out: &mut Vec<Effect>) -> Result<(), SyncError> {
        let space = self
            .spaces
            .get_mut(space)
            .filter(|space| space.loading)
            .ok_or(SyncError::NotOpen)?;
        let mut effects = Vec::new();
        let replayed = space.replay(bytes, &mut effects);
        out.extend(
            effects
                .into_iter()
                .filter(|effect| matches!(effect, Effect::Retract { .. })),
        );
        replayed
    }

    /// An invite into a space for invited people, for everybody who is given it, until the next member is removed.
    /// `space_name` is what to call the space.
    ///
    /// # Errors
    /// When the space is of another kind, not open, or one was removed.
    pub fn invite(&mut self, space: &SpaceId, space_name: Option<String>) -> Result<Invite, SyncError> {
        let random = self.draw("invite");
        self.spaces
            .get(space)
            .ok_or(SyncError::NotOpen)?
            .invite(space_name, &random)
    }

    /// Everybody who writes or wrote in a space; empty if it is not open.
    pub fn members(&self, space: &SpaceId) -> Vec<Member> {
        self.spaces.get(space).map(Space::members).unwrap_or_default()
    }
    /// Who of the connected peers has the space open now.
    pub fn present(&self, space: &SpaceId) -> Vec<(NodeId, Pseudonym)> {
        let proven = |n: &&crate::neighbour::Neighbour| n.standing == crate::admit::Standing::Proven;
        let who = |space: &Space| {
            let here = space.neighbours.iter().filter(|(_, n)| proven(n));
            here.filter_map(|(peer, n)| Some((*peer, n.pseudonym()?))).collect()
        };
        self.spaces.get(space).map(who).unwrap_or_default()
    }
    /// The open spaces.
    pub fn spaces(&self) -> impl Iterator<Item = SpaceId> + '_ {
        self.spaces.keys().copied()
    }
    /// What a space is made from.
    pub fn genesis(&self, space: &SpaceId) -> Option<&SpaceGenesis> {
        self.spaces.get(space).map(|space| &space.genesis)
    }
    /// The newest epoch of a space: how often members were removed.
    pub fn epoch(&self, space: &SpaceId) -> Option<u64> {
        self.spaces.get(space).map(Space::epoch)
    }
    /// Each log of a space with the number of entries that count.
    pub fn logs(&self, space: &SpaceId) -> Vec<(LogId, u64)> {
        let all = |space: &Space| space.logs.keys().map(|id| (*id, space.offered(id))).collect();
        self.spaces.get(space).map(all).unwrap_or_default()
    }
    /// Equal on two nodes that have the same entries of a space.
    pub fn digest(&self, space: &SpaceId) -> Option<[u8; 32]> {
        self.spaces.get(space).map(Space::digest)
    }
    /// Entries that wait for others before they can be delivered.
    pub fn waiting(&self, space: &SpaceId) -> usize {
        self.spaces.get(space).map_or(0, |space| space.pending.len())
    }

    fn draw(&mut self, what: &str) -> Zeroizing<[u8; 32]> {
        self.drawn = self.drawn.wrapping_add(1);
        hash::derive_secret(
            "hedgerow 2026 sync draw v1",
            &self.seed,
            &[what.as_bytes(), &self.drawn.to_le_bytes()],
        )
    }
    /// A time around `after_ms` from now, give or take an eighth, so that nodes do not all speak at once.
    pub(crate) fn due(&mut self, now_ms: u64, after_ms: u64) -> u64 {
        let random = self
            .draw("due")
            .first_chunk::<8>()
            .map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let jitter = random.checked_rem((after_ms / 4).max(1)).unwrap_or(0);
        now_ms
            .saturating_add(after_ms)
            .saturating_sub(after_ms / 8)
            .saturating_add(jitter)
    }

    fn open(
        &mut self,
        config: Box<SpaceConfig>,
        identity: Box<Identity>,
        name: Option<String>,
        state: Option<Vec<u8>>,
    ) {
        let name = name.filter(|name| name.len() <= limits::MAX_NAME);
        let mut space = Space::new(self.node, &config, *identity, name);
        if let Some(state) = state {
            space.restore_state(&state);
        }
        self.spaces.entry(space.id).or_insert(space);
    }

    fn start(&mut self, now_ms: u64, id: &SpaceId, out: &mut Vec<Effect>) {
        let Some(space) = self.spaces.get_mut(id).filter(|space| space.loading) else {
            return;
        };
        space.loading = false;
        space.retag = true;
        if space.removed {
            out.push(Effect::Removed { space: *id });
        }
        self.settle(now_ms, id, out);
    }

    fn close(&mut self, id: &SpaceId, out: &mut Vec<Effect>) {
        let Some(mut space) = self.spaces.remove(id) else {
            return;
        };
        let peers: Vec<NodeId> = space.neighbours.keys().copied().collect();
        for peer in peers {
            out.push(Effect::Send {
                peer,
                bytes: SyncFrame::Refused(*id).to_bytes(),
            });
            space.part(&peer, out);
        }
    }

    fn peer_connected(&mut self, peer: NodeId, session: [u8; 32], out: &mut Vec<Effect>) {
        if self.peers.contains_key(&peer) {
            self.peer_disconnected(&peer, out);
        }
        self.peers.insert(
            peer,
            Peer {
                session,
                tags: BTreeSet::new(),
            },
        );
        let open = self.spaces.values().filter(|space| !space.loading);
        let tags: Vec<Tag> = open.flat_map(|space| space.tags(&session, &self.node)).collect();
        for tags in tags.chunks(MAX_TAGS) {
            out.push(Effect::Send {
                peer,
                bytes: SyncFrame::Tags(tags.to_vec()).to_bytes(),
            });
        }
    }

    fn peer_disconnected(&mut self, peer: &NodeId, out: &mut Vec<Effect>) {
        self.peers.remove(peer);
        for space in self.spaces.values_mut() {
            space.part(peer, out);
        }
    }

    fn message(&mut self, now_ms: u64, peer: NodeId, bytes: &[u8], out: &mut Vec<Effect>) {
        if !self.peers.contains_key(&peer) {
            return;
        }
        let Ok(frame) = SyncFrame::decode(bytes) else {
            return out.push(Effect::Misbehaved {
                peer,
                what: "malformed frame",
                points: FAULT,
            });
        };
        match frame {
            SyncFrame::Tags(tags) => self.on_tags(now_ms, peer, &tags, out),
            SyncFrame::Hello(hello) => {
                self.meet_again(now_ms, &hello.space, peer, out);
                self.with(now_ms, &hello.space, out, |s, out| s.on_hello(peer, &hello, out));
            }
            SyncFrame::Refused(space) => self.on_refused(&space, &peer, out),
            SyncFrame::Summary { space, digest } => {
                self.with(now_ms, &space, out, |s, out| s.on_summary(now_ms, peer, &digest, out));
            }
            SyncFrame::Vector {
                space,
                begin,
                end,
                items,
            } => {
                self.with(now_ms, &space, out, |s, out| {
                    s.on_vector(now_ms, peer, (begin, end), &items, out)
                });
            }
            SyncFrame::Entries { space, entries } => self.with(now_ms, &space, out, |s, out| {
                if s.neighbours.get(&peer).is_some_and(|n| n.speaks()) {
                    entries.iter().for_each(|entry| s.receive(peer, entry.0, out));
                }
            }),
            SyncFrame::Fork { space, proof } => self.with(now_ms, &space, out, |s, out| s.on_fork(peer, proof, out)),
            SyncFrame::Live { ttl, message, cert } => {
                // Only the space is read here; the message is verified there.
                let Ok(header) = message.read() else {
                    return out.push(Effect::Misbehaved {
                        peer,
                        what: "malformed live message",
                        points: FAULT,
                    });
                };
                let live = |s: &mut Space, out: &mut Vec<Effect>| s.on_live(now_ms, peer, ttl, message, cert, out);
                self.with(now_ms, &header.space, out, live);
            }
        }
    }

    /// Runs a step of an open space, then what follows from it. Frames about other spaces are dropped without
    /// blame: they may cross with a close.
    fn with(
        &mut self,
        now_ms: u64,
        id: &SpaceId,
        out: &mut Vec<Effect>,
        step: impl FnOnce(&mut Space, &mut Vec<Effect>),
    ) {
        if let Some(space) = self.spaces.get_mut(id).filter(|space| !space.loading) {
            step(space, out);
            self.settle(now_ms, id, out);
        }
    }

    /// What follows from new entries: a late join, new tags, other members, entries to pass on.
    fn settle(&mut self, now_ms: u64, id: &SpaceId, out: &mut Vec<Effect>) {
        let Some(space) = self.spaces.get_mut(id) else { return };
        if space.wants_open() {
            // Not possible yet is no failure here: it is tried again after every step.
            let _ = space.ensure_open(now_ms, out);
        }
        if !space.fresh.is_empty() || space.retag {
            space.review(out);
        }
        space.spread(out);
        space.hurry(now_ms);
        if core::mem::take(&mut space.retag) {
            self.announce(now_ms, id, out);
        }
    }

    /// Carries out a request and answers it.
    fn asked(
        &mut self,
        now_ms: u64,
        id: &SpaceId,
        request: u64,
        out: &mut Vec<Effect>,
        what: impl FnOnce(&mut Space, &mut Vec<Effect>) -> Result<u64, SyncError>,
    ) {
        let done = match self.spaces.get_mut(id) {
            Some(space) => what(space, out).map(|seq| (space.own, seq)),
            None => Err(SyncError::NotOpen),
        };
        out.push(match done {
            Ok((log, seq)) => Effect::Appended {
                request,
                space: *id,
                log,
                seq,
            },
            Err(error) => Effect::Failed { request, error },
        });
        self.settle(now_ms, id, out);
    }

    fn rename(&mut self, now_ms: u64, id: &SpaceId, request: u64, name: Option<String>, out: &mut Vec<Effect>) {
        let Some(space) = self.spaces.get_mut(id) else {
            return out.push(Effect::Failed {
                request,
                error: SyncError::NotOpen,
            });
        };
        match space.rename(now_ms, name, out) {
            Ok(Some(seq)) => out.push(Effect::Appended {
                request,
                space: *id,
                log: space.own,
                seq,
            }),
            Ok(None) => {}
            Err(error) => out.push(Effect::Failed { request, error }),
        }
        self.settle(now_ms, id, out);
    }

    fn live(&mut self, id: &SpaceId, body: &[u8], out: &mut Vec<Effect>) {
        let random = self.draw("live");
        let id16 = random.first_chunk::<16>().copied().unwrap_or_default();
        if let Some(space) = self.spaces.get_mut(id) {
            // Live messages are not answered; what cannot be sent now is lost, as any live message may be.
            let _ = space.send_live(body, id16, out);
        }
    }
}
