//! Passing messages on: pushed to a few links, announced over the others, and asked for by who lacks it.
//!
//! A push saves two ways, and is wasted on who has the message. So a node pushes the more, the fewer of its links had
//! the message before itself: at first everybody does, at the end nobody. No tree is kept that somebody could break, and
//! every member that has one honest link hears of every message.

use crate::{
    bounds::{ANNOUNCE_MS, HOP_AGE_MS, HOPS, PUSH_BYTES, PUSHES, RECENT_MS, REPAIR_MS, REPAIRS},
    check::Came,
    links::Link,
    peers::{Timer, World},
    recent::Kept,
    swarm::Swarm,
};
use alloc::vec::Vec;
use hedgerow_base::{MessageId, NodeId};
use hedgerow_wire::overlay::{Item, MAX_ITEMS, OverlayFrame, Tag, Unsealed};

impl Swarm {
    /// Keeps a message that was found good, and passes it on.
    pub(crate) fn pass_on(&mut self, world: &mut World<'_>, message: Unsealed, came: &Came) {
        let tag = Tag::from(&message.id);
        let id = message.id;
        let from = came.from.and_then(|peer| self.links.get(&peer));
        let knows = from.map_or(0, Link::bit) | self.wanted.done(&tag, &self.links);
        if self.recent.is_empty() {
            world.wake(RECENT_MS, Timer::Forget(self.app));
        }
        let kept = Kept {
            message,
            hops: came.hops,
            age_ms: came.age_ms,
            at_ms: came.at_ms,
            knows,
            has: knows,
            given: 0,
            repairs: 0,
        };
        let travels = kept.hops < HOPS && !kept.is_over(world.now_ms);
        self.recent.insert(&id, kept);
        if travels {
            self.spread(world, &tag);
            world.wake(REPAIR_MS, Timer::Repair(self.app, id));
        }
    }

    /// Pushes a message over some of the links whose other end is not known to have it, and announces it over the rest.
    fn spread(&mut self, world: &mut World<'_>, tag: &Tag) {
        let Some(kept) = self.recent.get_mut(tag) else { return };
        let open = self.links.iter().filter(|(_, link)| kept.knows & link.bit() == 0);
        let mut open: Vec<NodeId> = open.map(|(peer, _)| *peer).collect();
        let had = kept.has.count_ones() as usize;
        let pushes = match kept.hops {
            _ if kept.size() > PUSH_BYTES => 0,
            // Nobody has one's own message.
            0 => open.len(),
            _ => PUSHES.get(had.saturating_sub(1)).copied().unwrap_or(0),
        };
        let all = open.len();
        world.chance.draw(&mut open, all);
        let mut announce = Vec::new();
        for (at, peer) in open.into_iter().enumerate() {
            let Some(link) = self.links.get_mut(&peer) else {
                continue;
            };
            // What waits to be announced together with more does not hold up a push; without credit neither goes.
            if at < pushes && link.spend() {
                kept.knows |= link.bit();
                let frame = push(self.handle, false, kept, world.now_ms);
                world.send(peer, frame);
            } else {
                link.enqueue(item(*tag, kept));
                announce.push(peer);
            }
        }
        for peer in announce {
            self.flush_soon(world, peer);
        }
    }

    /// There is a link: messages that nobody was told of yet, as there was none, set out.
    pub(crate) fn tell_untold(&mut self, world: &mut World<'_>) {
        for tag in self.recent.untold(world.now_ms) {
            self.spread(world, &tag);
        }
    }

    /// Announces now, or a little later together with others if there were some just before.
    fn flush_soon(&mut self, world: &mut World<'_>, peer: NodeId) {
        let app = self.app;
        let Some(link) = self.links.get_mut(&peer) else { return };
        if link.flushing {
            return;
        }
        let passed = world.now_ms.saturating_sub(link.flushed_ms);
        if passed >= ANNOUNCE_MS {
            self.flush(world, peer);
        } else {
            link.flushing = true;
            world.wake(ANNOUNCE_MS - passed, Timer::Flush(app, peer));
        }
    }

    pub(crate) fn on_flush_timer(&mut self, world: &mut World<'_>, peer: NodeId) {
        if let Some(link) = self.links.get_mut(&peer) {
            link.flushing = false;
            self.flush(world, peer);
        }
    }

    /// Announces what waits, as far as the credit goes.
    pub(crate) fn flush(&mut self, world: &mut World<'_>, peer: NodeId) {
        let Some(link) = self.links.get_mut(&peer) else { return };
        let mut items = Vec::new();
        while let Some(item) = link.queue.front().copied() {
            let kept = self.recent.get_mut(&item.tag);
            let kept = kept.filter(|kept| kept.knows & link.bit() == 0 && !kept.is_over(world.now_ms));
            let Some(kept) = kept else {
                link.queue.pop_front();
                continue;
            };
            if items.len() >= MAX_ITEMS || !link.spend() {
                break;
            }
            kept.knows |= link.bit();
            items.push(item);
            link.queue.pop_front();
        }
        if items.is_empty() {
            return;
        }
        link.flushed_ms = world.now_ms;
        let handle = self.handle;
        let more = items.len() >= MAX_ITEMS;
        world.send(peer, OverlayFrame::Announce { handle, items });
        if more {
            self.flush_soon(world, peer);
        }
    }

    /// A peer wants messages: each is given once.
    pub(crate) fn on_want(&mut self, world: &mut World<'_>, peer: NodeId, tags: &[Tag]) {
        let Some(link) = self.links.get_mut(&peer) else { return };
        for tag in tags {
            let kept = self.recent.get_mut(tag);
            let Some(kept) = kept.filter(|kept| !kept.is_over(world.now_ms)) else {
                continue;
            };
            if kept.given & link.bit() != 0 {
                continue;
            }
            kept.given |= link.bit();
            kept.has |= link.bit();
            kept.knows |= link.bit();
            let frame = push(self.handle, true, kept, world.now_ms);
            world.send(peer, frame);
        }
    }

    /// A peer gives credit.
    pub(crate) fn on_credit(&mut self, world: &mut World<'_>, peer: NodeId, total: u64) {
        if let Some(link) = self.links.get_mut(&peer) {
            link.credit(total);
            self.flush_soon(world, peer);
        }
    }

    /// Announces a message once more, to one link whose other end did not give or announce it itself.
    pub(crate) fn on_repair(&mut self, world: &mut World<'_>, id: MessageId) {
        let tag = Tag::from(&id);
        let Some(kept) = self.recent.get_mut(&tag) else { return };
        if kept.is_over(world.now_ms) || kept.repairs >= REPAIRS {
            return;
        }
        kept.repairs += 1;
        let had = kept.has;
        let open: Vec<NodeId> = self
            .links
            .iter()
            .filter(|(_, link)| had & link.bit() == 0)
            .map(|(peer, _)| *peer)
            .collect();
        let Some(peer) = open.get(world.chance.below(open.len())).copied() else {
            return;
        };
        let item = item(tag, kept);
        if let Some(link) = self.links.get_mut(&peer) {
            kept.knows &= !link.bit();
            link.enqueue(item);
        }
        self.flush_soon(world, peer);
        world.wake(REPAIR_MS, Timer::Repair(self.app, id));
    }

    pub(crate) fn on_forget(&mut self, world: &mut World<'_>) {
        if let Some(wait_ms) = self.recent.expire(world.now_ms) {
            world.wake(wait_ms, Timer::Forget(self.app));
        }
    }
}

fn item(tag: Tag, kept: &Kept) -> Item {
    Item {
        tag,
        size: u32::try_from(kept.size()).unwrap_or(u32::MAX),
        hops: kept.hops,
    }
}

fn push(handle: u32, wanted: bool, kept: &Kept, now_ms: u64) -> OverlayFrame {
    OverlayFrame::Push {
        handle,
        wanted,
        hops: kept.hops.saturating_add(1),
        age_ms: kept.age(now_ms).saturating_add(HOP_AGE_MS),
        envelope: kept.message.envelope().clone(),
    }
}
