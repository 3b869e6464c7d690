//! Finding members: rounds of asking a member for others, trying who was named, and opening links.

use crate::{
    api::Effect,
    bounds::{
        ANSWER_MS, CANDIDATES, CHECKS, FEW, FIRST, FIRST_LINKS, LOOKING_MS, NAMED_PER_PULL, PROBES, PUSHES_PER_ROUND,
        REFRESH_ROUNDS, REFRESH_SLOTS, ROUND_MAX_MS, ROUND_MS, SLOTS,
    },
    peers::{Timer, World},
    prefix::Prefix,
    swarm::Swarm,
    view::{Held, View},
};
use alloc::{collections::BTreeMap, vec, vec::Vec};
use core::net::SocketAddr;
use hedgerow_base::{AppId, NodeId};
use hedgerow_wire::overlay::{Contact, MAX_CONTACTS, OverlayFrame};

/// The view of an app's members and what is on the way to it.
#[derive(Debug)]
pub(crate) struct Sampling {
    pub(crate) view: View,
    /// From the driver: tried again while nobody else is known.
    first: Vec<Contact>,
    /// Named by somebody, not tried yet.
    candidates: BTreeMap<NodeId, Vec<SocketAddr>>,
    /// Asked whether they are members, with when.
    probing: BTreeMap<NodeId, u64>,
    /// Asked for a link, with when.
    pub(crate) linking: BTreeMap<NodeId, u64>,
    /// Asked for contacts.
    pulled: Option<NodeId>,
    /// Members that came up by asking here, in this round.
    pushes: usize,
    pause_ms: u64,
    /// When the next round is.
    next_ms: u64,
    rounds: u32,
}

impl Sampling {
    pub(crate) fn new(view: View) -> Self {
        Self {
            view,
            first: Vec::new(),
            candidates: BTreeMap::new(),
            probing: BTreeMap::new(),
            linking: BTreeMap::new(),
            pulled: None,
            pushes: 0,
            pause_ms: ROUND_MS,
            next_ms: 0,
            rounds: 0,
        }
    }

    /// A peer said that it is a member, from where it was seen.
    pub(crate) fn found(&mut self, world: &World<'_>, peer: NodeId) {
        self.probing.remove(&peer);
        self.candidates.remove(&peer);
        let Some(known) = world.peers.get(&peer) else { return };
        if let Some(prefix) = known.prefix {
            self.view.offer(&Held {
                node: peer,
                prefix,
                addresses: known.addresses.clone(),
            });
        }
    }

    /// A peer is gone or not a member.
    pub(crate) fn lost(&mut self, world: &mut World<'_>, app: AppId, peer: &NodeId) {
        self.probing.remove(peer);
        self.candidates.remove(peer);
        self.linking.remove(peer);
        if self.pulled == Some(*peer) {
            self.pulled = None;
        }
        if self.view.has(peer) {
            self.view.remove(peer);
            self.soon(world, app);
        }
    }

    /// Something changed: the next round is soon.
    pub(crate) fn soon(&mut self, world: &mut World<'_>, app: AppId) {
        self.pause_ms = ROUND_MS;
        let in_ms = world.chance.about(ROUND_MS);
        if self.next_ms > world.now_ms + in_ms {
            self.next_ms = world.now_ms + in_ms;
            world.wake(in_ms, Timer::Round(app));
        }
    }

    /// Somebody was named. Only who would get a slot is worth trying; answers whether that is so.
    fn named(&mut self, me: &NodeId, contact: Contact) -> bool {
        let Contact { node, addresses } = contact;
        let prefix = addresses.first().map(Prefix::of);
        // Without an address it must be looked up; it counts as behind a relay that nobody else is behind.
        let prefix = prefix.unwrap_or_else(|| Prefix::behind(&node.0));
        let known = node == *me || self.probing.contains_key(&node) || self.view.has(&node);
        let good = !known && self.view.wants(&node, &prefix) && self.candidates.len() < CANDIDATES;
        if good {
            self.candidates.insert(node, addresses);
        }
        good
    }

    /// A peer asks about the app, so it is probably a member.
    pub(crate) fn asked_by(&mut self, world: &World<'_>, peer: NodeId) {
        if self.pushes >= PUSHES_PER_ROUND {
            return;
        }
        let known = world.peers.get(&peer);
        let Some(prefix) = known.and_then(|known| known.prefix) else {
            return;
        };
        if !self.probing.contains_key(&peer) && !self.view.has(&peer) && self.view.wants(&peer, &prefix) {
            self.pushes += 1;
            self.candidates.insert(peer, Vec::new());
        }
    }

    /// Tries those that the driver named.
    fn begin(&mut self, me: &NodeId) {
        for contact in self.first.clone() {
            self.named(me, contact);
        }
    }

    /// Draws who is tried next.
    fn draw(&mut self, world: &mut World<'_>, count: usize) -> Vec<(NodeId, Vec<SocketAddr>)> {
        let mut all: Vec<NodeId> = self.candidates.keys().copied().collect();
        world.chance.draw(&mut all, count);
        all.into_iter()
            .filter_map(|node| self.candidates.remove_entry(&node))
            .collect()
    }
}

impl Swarm {
    /// Contacts from a ticket, a lookup or the last run: all are tried.
    pub(crate) fn on_heard(&mut self, world: &mut World<'_>, contacts: Vec<Contact>) {
        let first = &mut self.sampling.first;
        first.retain(|known| !contacts.iter().any(|contact| contact.node == known.node));
        first.splice(0..0, contacts.into_iter().take(FIRST));
        first.truncate(FIRST);
        self.sampling.begin(&world.me);
        // Somebody waits: whoever opened the app wants to talk.
        self.try_candidates(world);
        self.sampling.soon(world, self.app);
    }

    /// A peer asks for members.
    pub(crate) fn on_pull(&mut self, world: &mut World<'_>, peer: NodeId) {
        if !world.may_ask(&peer) {
            return;
        }
        self.sampling.asked_by(world, peer);
        let mut held = self.sampling.view.members();
        held.retain(|held| held.node != peer);
        world.chance.draw(&mut held, MAX_CONTACTS);
        let contacts = held.into_iter().map(|held| Contact {
            node: held.node,
            addresses: held.addresses,
        });
        let frame = OverlayFrame::Contacts {
            app: self.app,
            contacts: contacts.collect(),
        };
        world.send(peer, frame);
    }

    /// A peer names members. What was not asked for is not read.
    pub(crate) fn on_contacts(&mut self, world: &mut World<'_>, peer: NodeId, contacts: Vec<Contact>) {
        if self.sampling.pulled != Some(peer) {
            return;
        }
        self.sampling.pulled = None;
        let mut contacts = contacts;
        let all = contacts.len();
        world.chance.draw(&mut contacts, all);
        let few = self.sampling.view.members().len() < FEW;
        let mut left = if few { 3 * NAMED_PER_PULL } else { NAMED_PER_PULL };
        for contact in contacts {
            if left > 0 && !self.is_shunned(&contact.node, world.now_ms) {
                left -= usize::from(self.sampling.named(&world.me, contact));
            }
        }
        self.try_candidates(world);
    }

    pub(crate) fn on_round(&mut self, world: &mut World<'_>) {
        let now_ms = world.now_ms;
        if now_ms < self.sampling.next_ms {
            // An earlier wish; the round was moved.
            return;
        }
        self.sampling.rounds += 1;
        self.sampling.pushes = 0;
        self.expire(world);
        if self.sampling.rounds.is_multiple_of(REFRESH_ROUNDS) {
            self.sampling.view.refresh(REFRESH_SLOTS, world.chance);
        }
        if self.sampling.view.empty() == SLOTS {
            self.sampling.begin(&world.me);
        }
        self.pull(world);
        (0..CHECKS).for_each(|_| self.check_one(world));
        self.try_candidates(world);
        let looking = self.open_links(world);
        self.drop_silent(world);
        self.forget_absent(world);
        let lost = self.sampling.view.empty() == SLOTS && !self.sampling.first.is_empty();
        let longest = if looking || lost { LOOKING_MS } else { ROUND_MAX_MS };
        self.sampling.pause_ms = (self.sampling.pause_ms * 5 / 4).min(longest);
        let pause = world.chance.about(self.sampling.pause_ms);
        self.sampling.next_ms = now_ms + pause;
        world.wake(pause, Timer::Round(self.app));
    }

    /// Who did not answer in time is not there.
    fn expire(&mut self, world: &mut World<'_>) {
        let late = |at: &u64| at + ANSWER_MS <= world.now_ms;
        let gone = self.sampling.probing.iter().chain(&self.sampling.linking);
        let gone: Vec<NodeId> = gone.filter(|(_, at)| late(at)).map(|(peer, _)| *peer).collect();
        for peer in gone {
            self.sampling.lost(world, self.app, &peer);
        }
    }

    fn pull(&mut self, world: &mut World<'_>) {
        let Some(held) = self.sampling.view.pick(world.chance) else {
            return;
        };
        let (node, addresses) = (held.node, held.addresses.clone());
        if world.reach(node, &addresses, OverlayFrame::Pull(self.app)) {
            self.sampling.pulled = Some(node);
        }
    }

    fn ask_member(&mut self, world: &mut World<'_>, node: NodeId, addresses: &[SocketAddr]) {
        let frame = OverlayFrame::Ask {
            question: self.handle,
            apps: vec![self.app],
            protocols: Vec::new(),
        };
        if world.reach(node, addresses, frame) {
            self.sampling.probing.insert(node, world.now_ms);
        }
    }

    /// Whether a member is still one: who is gone gives its slots back.
    fn check_one(&mut self, world: &mut World<'_>) {
        let Some(held) = self.sampling.view.pick(world.chance) else {
            return;
        };
        let (node, addresses) = (held.node, held.addresses.clone());
        if !self.links.contains_key(&node) {
            self.ask_member(world, node, &addresses);
        }
    }

    fn try_candidates(&mut self, world: &mut World<'_>) {
        let few = if self.sampling.view.empty() > 0 {
            PROBES
        } else {
            PROBES / 2
        };
        let count = few.saturating_sub(self.sampling.probing.len());
        for (node, addresses) in self.sampling.draw(world, count) {
            self.ask_member(world, node, &addresses);
        }
    }

    /// Opens links to the first who are found, without waiting for the round.
    pub(crate) fn open_first_links(&mut self, world: &mut World<'_>) {
        if self.links.len() + self.sampling.linking.len() < FIRST_LINKS {
            self.open_links(world);
        }
    }

    /// Opens links until there are as many of our own as wanted, one for each prefix while there are others. Answers
    /// whether somebody was asked.
    fn open_links(&mut self, world: &mut World<'_>) -> bool {
        let own = self.links.values().filter(|link| link.ours).count();
        let missing = self.config.fanout.saturating_sub(own + self.sampling.linking.len());
        if missing == 0 {
            return false;
        }
        let mut members = self.sampling.view.members();
        members.retain(|held| {
            let busy = self.links.contains_key(&held.node) || self.sampling.linking.contains_key(&held.node);
            !busy && !self.is_shunned(&held.node, world.now_ms)
        });
        world.chance.draw(&mut members, usize::MAX);
        let near = |world: &World<'_>, swarm: &Self, prefix: &Prefix| {
            let mut own = swarm.links.iter().filter(|(_, link)| link.ours);
            own.any(|(peer, _)| world.prefix(peer).as_ref() == Some(prefix))
        };
        members.sort_by_key(|held| near(world, self, &held.prefix));
        let looking = !members.is_empty();
        for held in members.into_iter().take(missing) {
            let frame = OverlayFrame::Link(self.here(&world.me));
            if world.reach(held.node, &held.addresses, frame) {
                self.sampling.linking.insert(held.node, world.now_ms);
            }
        }
        looking
    }

    /// A peer could not be reached, and something was to be sent to it.
    pub(crate) fn unreached(&mut self, world: &mut World<'_>, peer: &NodeId, frame: &OverlayFrame) {
        if let OverlayFrame::Direct { request, .. } = frame {
            self.unanswered(world, peer, *request);
        }
        self.sampling.lost(world, self.app, peer);
    }

    /// Members of the view, for a question to some of them.
    pub(crate) fn some_members(&self, world: &mut World<'_>, count: usize) -> Vec<Held> {
        let mut members = self.sampling.view.members();
        world.chance.draw(&mut members, count);
        members
    }

    /// Tells that the app left.
    pub(crate) fn leave(&mut self, world: &mut World<'_>) {
        let app = self.app;
        for peer in self.links.keys() {
            let why = hedgerow_wire::overlay::Unlink::Absent;
            world.send(*peer, OverlayFrame::Unlink { app, why });
        }
        for (peer, who) in core::mem::take(&mut self.known) {
            world.out.push(Effect::Presence {
                app,
                peer,
                who,
                there: false,
            });
        }
    }
}
