//! Peers without a connection, because there was nothing to say: they count as there, and are called when there is.

use crate::engine::{After, Engine};
use hedgerow_base::{InstanceId, NodeId, Pseudonym, SpaceId};
use hedgerow_sync::Effect;
use std::collections::{BTreeMap, BTreeSet};

/// What others wrote reaches most members without this node; those that are parked here are called this much later,
/// and not by all at once.
const PASS_ON_MS: u64 = 20_000;
const PASS_ON_SPREAD_MS: u64 = 40_000;
/// The same for widgets of others, which nobody waits for.
const TELL_MS: u64 = 600_000;
const TELL_SPREAD_MS: u64 = 600_000;
/// Most peers that are called because a package is wanted.
const MOST_ASKED: usize = 16;

/// What uses an instance: a tab that shows it, or its realtime channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Use {
    /// Its updates.
    Updates,
    /// Its realtime channel.
    Realtime,
}

/// Parked peers, and what is in use.
#[derive(Default)]
pub(crate) struct Parking {
    /// In which spaces each was, and as whom.
    parked: BTreeMap<NodeId, Vec<(SpaceId, Pseudonym)>>,
    /// When there is something to say to whom.
    news: BTreeMap<NodeId, u64>,
    open: BTreeSet<(InstanceId, Use)>,
    /// What is worked on was said by a peer, and not here.
    pub(crate) remote: bool,
    /// What is sent now is what nodes tell each other all the time.
    pub(crate) routine: bool,
}

impl Parking {
    pub(crate) fn poll_timeout(&self) -> Option<u64> {
        self.news.values().copied().min()
    }
}

impl Engine {
    /// A connection was parked; called before the cores hear that it is gone.
    pub(crate) fn on_parked(&mut self, node: NodeId) {
        let spaces: Vec<SpaceId> = self.sync.spaces().collect();
        let here = spaces.into_iter().flat_map(|space| {
            let present = self.sync.present(&space).into_iter();
            present
                .filter(|(peer, _)| *peer == node)
                .map(move |(_, who)| (space, who))
        });
        let here = here.collect();
        self.parking.parked.insert(node, here);
    }

    /// It is connected again, or gone.
    pub(crate) fn on_unparked(&mut self, node: &NodeId) {
        self.parking.parked.remove(node);
        self.parking.news.remove(node);
    }

    /// Who is there in a space, with a connection or parked.
    pub(crate) fn present_in(&self, space: &SpaceId) -> BTreeSet<Pseudonym> {
        let mut present: BTreeSet<Pseudonym> = self.sync.present(space).into_iter().map(|(_, who)| who).collect();
        if !self.parking.parked.is_empty() {
            let parked = self.net.parked();
            let there = self.parking.parked.iter().filter(|(node, _)| parked.contains(*node));
            present.extend(
                there
                    .flat_map(|(_, spaces)| spaces)
                    .filter(|(of, _)| of == space)
                    .map(|(_, who)| *who),
            );
        }
        present
    }

    fn parked_in(&self, space: &SpaceId) -> Vec<NodeId> {
        let there = |spaces: &Vec<(SpaceId, Pseudonym)>| spaces.iter().any(|(of, _)| of == space);
        let parked = self.parking.parked.iter().filter(|(_, spaces)| there(spaces));
        parked.map(|(node, _)| *node).collect()
    }

    /// What was said by a peer is about to be carried out.
    pub(crate) fn begin_message(&mut self, peer: &NodeId, effects: &[Effect]) {
        // Digests that match, and what answers them, come all the time.
        let news = |e: &Effect| {
            matches!(
                e,
                Effect::Persist { .. } | Effect::LiveDeliver { .. } | Effect::PersistState { .. }
            )
        };
        let news = effects.iter().any(news);
        if news {
            self.net.touch(peer);
        }
        (self.parking.remote, self.parking.routine) = (true, !news);
    }

    /// Notes what an effect means for connections.
    pub(crate) fn notice(&mut self, effect: &Effect) {
        match effect {
            Effect::Persist { space, .. } => self.news_in(space),
            Effect::Send { peer, .. } if !self.parking.routine => self.net.touch(peer),
            Effect::SendEntries { peer, .. } => self.net.touch(peer),
            Effect::PeerInSpace { .. } => self.hold_members(),
            _ => {}
        }
    }

    /// When peers are told of news: at once if it is from here.
    fn telling_time(&self, wait_ms: u64, spread_ms: u64) -> u64 {
        let place = self.identity.node().as_bytes().first().copied().unwrap_or(0);
        let later = wait_ms.saturating_add(spread_ms * u64::from(place) / 255);
        self.now_ms()
            .saturating_add(if self.parking.remote { later } else { 0 })
    }

    fn tell_later(&mut self, nodes: Vec<NodeId>, at_ms: u64) {
        for node in nodes {
            let due = self.parking.news.entry(node).or_insert(at_ms);
            *due = at_ms.min(*due);
        }
    }

    /// Something new is in a space: its parked members get it.
    pub(crate) fn news_in(&mut self, space: &SpaceId) {
        if !self.parking.parked.is_empty() {
            let at = self.telling_time(PASS_ON_MS, PASS_ON_SPREAD_MS);
            let nodes = self.parked_in(space);
            self.tell_later(nodes, at);
        }
    }

    /// Something new is in the directory: all parked peers get it.
    pub(crate) fn news_of_widgets(&mut self) {
        if !self.parking.parked.is_empty() {
            let at = self.telling_time(TELL_MS, TELL_SPREAD_MS);
            let nodes = self.parking.parked.keys().copied().collect();
            self.tell_later(nodes, at);
        }
    }

    /// Calls those to whom there is something to say, once what is to be said is durable.
    pub(crate) fn call_parked(&mut self, now_ms: u64) {
        let due = |at: &u64| *at <= now_ms;
        let nodes: Vec<NodeId> = self
            .parking
            .news
            .iter()
            .filter(|(_, at)| due(at))
            .map(|(node, _)| *node)
            .collect();
        for node in nodes {
            self.parking.news.remove(&node);
            self.after.push(After::Run(Box::new(move |engine| {
                engine.net.call(&node);
            })));
        }
    }

    /// A package is wanted: parked peers may have it.
    pub(crate) fn call_for_package(&self) {
        for node in self.parking.parked.keys().take(MOST_ASKED) {
            self.net.call(node);
        }
    }

    /// Something begins or ends to use an instance. Members of a space in use are not parked, so that what is live
    /// stays so.
    pub(crate) fn use_instance(&mut self, id: &InstanceId, what: Use, begins: bool) {
        if begins {
            self.parking.open.insert((*id, what));
            if let Some(space) = self.instances.get(id).map(|state| state.space) {
                for node in self.parked_in(&space) {
                    self.net.call(&node);
                }
            }
        } else {
            self.parking.open.remove(&(*id, what));
        }
        self.hold_members();
    }

    /// Tells the network whose connections are in use.
    pub(crate) fn hold_members(&self) {
        let open = self.parking.open.iter().filter_map(|(id, _)| self.instances.get(id));
        let nodes = open
            .flat_map(|state| self.sync.present(&state.space))
            .map(|(node, _)| node);
        self.net.hold(nodes.collect());
    }
}
