//! Messages that were announced and have not come: when to ask for them, and whom.

use crate::{
    bounds::{
        ANNOUNCERS, ASKED_PER_LINK, HOPS, MISSING, PULL_MS, PUSH_BYTES, UNKEPT, WANT_BYTES_PER_MS, WANT_MS, WANT_ROUNDS,
    },
    links::Link,
    peers::{Timer, World},
    swarm::Swarm,
};
use alloc::{collections::BTreeMap, vec, vec::Vec};
use hedgerow_base::NodeId;
use hedgerow_wire::overlay::{Item, OverlayFrame, Tag, Unlink};

#[derive(Clone, Debug)]
struct Missing {
    size: u32,
    /// Who is asked first has the lowest number.
    announcers: Vec<(u8, NodeId)>,
    /// Which of them is asked next.
    next: usize,
    rounds: u8,
    /// Who was asked last and may still give it.
    asked: Option<NodeId>,
    /// When something is to be done.
    at_ms: u64,
}

impl Missing {
    /// One more has it. Those that were not asked yet stay in order.
    fn announced(&mut self, peer: NodeId, rank: u8) {
        if self.announcers.len() >= ANNOUNCERS || self.announcers.iter().any(|(_, known)| *known == peer) {
            return;
        }
        let open = self.announcers.iter().skip(self.next);
        let place = self.next + open.take_while(|(known, _)| *known <= rank).count();
        self.announcers.insert(place.min(self.announcers.len()), (rank, peer));
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Wanted(BTreeMap<Tag, Missing>);

impl Wanted {
    /// A message came; answers the links over which it was announced.
    pub(crate) fn done(&mut self, tag: &Tag, links: &BTreeMap<NodeId, Link>) -> u64 {
        let missing = self.0.remove(tag);
        let announcers = missing
            .into_iter()
            .flat_map(|missing| missing.announcers)
            .map(|(_, peer)| peer);
        announcers
            .filter_map(|peer| links.get(&peer))
            .fold(0, |bits, link| bits | link.bit())
    }

    /// A message came and was refused: nobody is asked for it any more.
    pub(crate) fn refused(&mut self, tag: &Tag) {
        self.0.remove(tag);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Swarm {
    /// A peer announces messages. Each counts against its credit.
    pub(crate) fn on_announce(&mut self, world: &mut World<'_>, peer: NodeId, items: Vec<Item>) {
        for item in items {
            let Some(link) = self.links.get_mut(&peer) else { return };
            if !link.receive() {
                world.charge(peer, crate::Fault::TooFast);
                continue;
            }
            link.useful += 1;
            let bit = link.bit();
            if let Some(kept) = self.recent.get_mut(&item.tag) {
                kept.knows |= bit;
                kept.has |= bit;
            } else if !self.seen.has_tag(&item.tag) {
                self.announced(world, peer, &item);
            }
        }
        self.grant(world, peer);
    }

    fn announced(&mut self, world: &mut World<'_>, peer: NodeId, item: &Item) {
        if item.size as usize > self.config.rules.max_envelope() {
            // It would be refused. Whoever gives it pays, not who names it: nothing is proven.
            return;
        }
        // Whoever gave something before is asked first, and then who has it over few hops.
        let proven = self.links.get(&peer).is_some_and(|link| link.proven);
        let rank = if proven {
            item.hops
        } else {
            item.hops.saturating_add(HOPS)
        };
        if let Some(missing) = self.wanted.0.get_mut(&item.tag) {
            missing.announced(peer, rank);
            return;
        }
        if self.wanted.0.len() >= MISSING {
            return;
        }
        // A small one may be on its way by a push.
        let small = item.size as usize <= PUSH_BYTES;
        let wait_ms = if small { PULL_MS } else { 0 };
        let missing = Missing {
            size: item.size,
            announcers: vec![(rank, peer)],
            next: 0,
            rounds: 0,
            asked: None,
            at_ms: world.now_ms + wait_ms,
        };
        self.wanted.0.insert(item.tag, missing);
        if wait_ms == 0 {
            self.on_wanted(world, item.tag);
        } else {
            world.wake(wait_ms, Timer::Wanted(self.app, item.tag));
        }
    }

    /// It is time to ask for a message, or to ask somebody else.
    pub(crate) fn on_wanted(&mut self, world: &mut World<'_>, tag: Tag) {
        let Some(missing) = self.wanted.0.get_mut(&tag) else {
            return;
        };
        if world.now_ms < missing.at_ms {
            return;
        }
        if let Some(asked) = missing.asked.take() {
            self.not_kept(world, asked);
        }
        let Some(peer) = self.next_announcer(&tag) else {
            self.wanted.0.remove(&tag);
            return;
        };
        let Some(missing) = self.wanted.0.get_mut(&tag) else {
            return;
        };
        let more = u64::from(missing.size) / WANT_BYTES_PER_MS;
        let wait_ms = WANT_MS + if missing.size as usize > PUSH_BYTES { more } else { 0 };
        missing.asked = Some(peer);
        missing.at_ms = world.now_ms + wait_ms;
        if let Some(link) = self.links.get_mut(&peer) {
            link.asked.insert(tag, world.now_ms);
        }
        let (handle, tags) = (self.handle, vec![tag]);
        world.send(peer, OverlayFrame::Want { handle, tags });
        world.wake(wait_ms, Timer::Wanted(self.app, tag));
    }

    /// The next one to ask who is still linked and not asked for too much already.
    fn next_announcer(&mut self, tag: &Tag) -> Option<NodeId> {
        let missing = self.wanted.0.get_mut(tag)?;
        for _ in 0..=missing.announcers.len() {
            if missing.next >= missing.announcers.len() {
                (missing.next, missing.rounds) = (0, missing.rounds + 1);
            }
            if missing.rounds >= WANT_ROUNDS {
                return None;
            }
            let peer = missing.announcers.get(missing.next).map(|(_, peer)| *peer);
            missing.next += 1;
            let open = |peer: &NodeId| {
                self.links
                    .get(peer)
                    .is_some_and(|link| link.asked.len() < ASKED_PER_LINK)
            };
            if let Some(peer) = peer.filter(open) {
                return Some(peer);
            }
        }
        None
    }

    /// A peer did not give what it had announced. That is no fault that could be proven, but no use either.
    fn not_kept(&mut self, world: &mut World<'_>, peer: NodeId) {
        let Some(link) = self.links.get_mut(&peer) else { return };
        link.unkept += 1;
        link.proven = false;
        if link.unkept >= UNKEPT {
            self.shun(peer, world.now_ms);
            self.unlink(world, peer, Some(Unlink::Unkept));
        }
    }

    /// What a peer gave was not what it should be: another one is asked.
    pub(crate) fn ask_another(&mut self, world: &mut World<'_>, tag: Tag) {
        if let Some(missing) = self.wanted.0.get_mut(&tag) {
            (missing.asked, missing.at_ms) = (None, world.now_ms);
            world.wake(0, Timer::Wanted(self.app, tag));
        }
    }

    /// A link is gone: what it was asked for is asked of others at once.
    pub(crate) fn wanted_elsewhere(&mut self, world: &mut World<'_>, peer: &NodeId) {
        let asked = self
            .wanted
            .0
            .iter_mut()
            .filter(|(_, missing)| missing.asked == Some(*peer));
        let mut tags = Vec::new();
        for (tag, missing) in asked {
            (missing.asked, missing.at_ms) = (None, world.now_ms);
            tags.push(*tag);
        }
        for tag in tags {
            world.wake(0, Timer::Wanted(self.app, tag));
        }
    }
}
