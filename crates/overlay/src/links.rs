//! Links: the members to which messages are passed on. A node opens some to a uniform sample, and others open some to it.

use crate::{
    bounds::{INCOMING_FACTOR, INCOMING_PER_PREFIX, LINK_GRACE_MS, NEW_LINK, QUEUE},
    bucket::{Bucket, Rate},
    peers::{Timer, World},
    score::Standing,
    swarm::Swarm,
};
use alloc::collections::{BTreeMap, VecDeque};
use hedgerow_base::NodeId;
use hedgerow_wire::overlay::{Here, Item, OverlayFrame, Tag, Unlink};

/// Messages that a link's silence is judged by.
const SILENT_AFTER: u64 = 24;

/// One member to which messages are passed on.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// This node opened it.
    pub(crate) ours: bool,
    /// Its bit in [`crate::recent::Kept::knows`].
    pub(crate) place: u8,
    /// Rules of the other side.
    pub(crate) rules: [u8; 32],
    since_ms: u64,
    since_taken: u64,
    /// Messages that the other side had first.
    pub(crate) useful: u64,
    /// It gave something that was new, and did not fail since.
    pub(crate) proven: bool,
    /// Announcements in a row that were not kept.
    pub(crate) unkept: u8,
    /// What was asked of the other side and has not come, with when.
    pub(crate) asked: BTreeMap<Tag, u64>,
    // What may be sent without being asked.
    may_send: u64,
    sent: u64,
    pub(crate) queue: VecDeque<Item>,
    pub(crate) flushing: bool,
    pub(crate) flushed_ms: u64,
    // What may be received.
    granted: u64,
    received: u64,
    bucket: Bucket,
    granting: bool,
}

impl Link {
    fn new(swarm: &Swarm, here: &Here, ours: bool, place: u8, now_ms: u64) -> Self {
        let window = swarm.window();
        Self {
            ours,
            place,
            rules: here.rules,
            since_ms: now_ms,
            since_taken: swarm.taken,
            useful: 0,
            proven: false,
            unkept: 0,
            asked: BTreeMap::new(),
            may_send: u64::from(here.credit),
            sent: 0,
            queue: VecDeque::new(),
            flushing: false,
            flushed_ms: 0,
            granted: u64::from(window.div_ceil(NEW_LINK)),
            received: 0,
            bucket: Bucket::empty(now_ms),
            granting: false,
        }
    }

    pub(crate) fn bit(&self) -> u64 {
        1 << (self.place & 63)
    }

    /// Takes the right to send one message; false if it must wait.
    pub(crate) fn spend(&mut self) -> bool {
        let may = self.sent < self.may_send;
        self.sent += u64::from(may);
        may
    }

    /// The other side gives credit.
    pub(crate) fn credit(&mut self, total: u64) {
        self.may_send = self.may_send.max(total);
    }

    /// Counts what came unasked; false if it is more than was allowed.
    pub(crate) fn receive(&mut self) -> bool {
        let allowed = self.received < self.granted;
        self.received += u64::from(allowed);
        allowed
    }

    /// More credit for the other side, in parts of half a window; or when to look again.
    fn grant(&mut self, window: u64, rate: &Rate, now_ms: u64) -> Result<Option<u64>, u64> {
        let window = window.max(1);
        // What was not used does not add up to another window.
        let rate = &Rate {
            burst: (rate.burst / 4.0).max(1.0),
            ..*rate
        };
        let owed = (self.received + window).saturating_sub(self.granted);
        if owed < window.div_ceil(2) {
            return Ok(None);
        }
        let given = self.bucket.take_up_to(owed, rate, now_ms);
        if given == 0 {
            return Err(self.bucket.wait_ms(window.div_ceil(4) as f64, rate));
        }
        self.granted += given;
        Ok(Some(self.granted))
    }

    /// Keeps an announcement until there is credit; the oldest is dropped if there are too many.
    pub(crate) fn enqueue(&mut self, item: Item) {
        if self.queue.len() >= QUEUE {
            self.queue.pop_front();
        }
        self.queue.push_back(item);
    }

    /// It never had anything first, though there was much to have.
    fn is_silent(&self, taken: u64, now_ms: u64) -> bool {
        let old = now_ms.saturating_sub(self.since_ms) >= LINK_GRACE_MS;
        old && self.useful == 0 && taken.saturating_sub(self.since_taken) >= SILENT_AFTER
    }
}

impl Swarm {
    /// A peer wants a link.
    pub(crate) fn on_link(&mut self, world: &mut World<'_>, peer: NodeId, here: &Here) {
        if !self.meet(world, peer, here) {
            return;
        }
        let app = self.app;
        if let Err(why) = self.make_room(world, &peer) {
            world.send(peer, OverlayFrame::Unlink { app, why });
            return;
        }
        // Both asked at once: each takes the other's question for the answer.
        let ours = self.sampling.linking.contains_key(&peer);
        self.join(world, peer, here, ours);
        let answer = OverlayFrame::Linked(self.here(&world.me));
        world.send(peer, answer);
        self.tell_untold(world);
    }

    /// A peer takes our link.
    pub(crate) fn on_linked(&mut self, world: &mut World<'_>, peer: NodeId, here: &Here) {
        let asked = self.sampling.linking.contains_key(&peer);
        if self.links.contains_key(&peer) || !self.meet(world, peer, here) {
            self.sampling.linking.remove(&peer);
            return;
        }
        if asked {
            self.join(world, peer, here, true);
            self.tell_untold(world);
        } else {
            // Too late: meanwhile it was given up.
            let app = self.app;
            let why = Unlink::Full;
            world.send(peer, OverlayFrame::Unlink { app, why });
        }
    }

    /// A peer ends a link, or does not want one.
    pub(crate) fn on_unlink(&mut self, world: &mut World<'_>, peer: NodeId, why: Unlink) {
        self.sampling.linking.remove(&peer);
        if why == Unlink::Absent {
            self.sampling.lost(world, self.app, &peer);
        }
        self.unlink(world, peer, None);
        self.forget_absent(world);
    }

    fn join(&mut self, world: &mut World<'_>, peer: NodeId, here: &Here, ours: bool) {
        self.sampling.linking.remove(&peer);
        let Some(place) = self.free_place() else { return };
        self.recent.forget_place(place);
        let link = Link::new(self, here, ours, place, world.now_ms);
        self.links.insert(peer, link);
        self.note_presence(world, peer, here.who.map(|who| who.pseudonym));
    }

    fn free_place(&self) -> Option<u8> {
        let taken = self.links.values().fold(0u64, |taken, link| taken | link.bit());
        u8::try_from(taken.trailing_ones()).ok().filter(|place| *place < 64)
    }

    /// Whether there is room for a link that a peer opens; a silent one gives way.
    fn make_room(&mut self, world: &mut World<'_>, peer: &NodeId) -> Result<(), Unlink> {
        if self.links.remove(peer).is_some() {
            // It lost what it knew of the link.
            return Ok(());
        }
        if self.sampling.linking.contains_key(peer) {
            return Ok(());
        }
        if world.standing(peer) != Standing::Good || self.is_shunned(peer, world.now_ms) {
            return Err(Unlink::Cut);
        }
        let prefix = world.prefix(peer);
        let incoming = || self.links.iter().filter(|(_, link)| !link.ours);
        let near = incoming().filter(|(other, _)| world.prefix(other) == prefix);
        let near = near.count();
        if near < INCOMING_PER_PREFIX && incoming().count() < self.config.fanout * INCOMING_FACTOR {
            return Ok(());
        }
        let (taken, now_ms) = (self.taken, world.now_ms);
        let full = near >= INCOMING_PER_PREFIX;
        let mut silent = incoming()
            .filter(|(other, link)| link.is_silent(taken, now_ms) && (!full || world.prefix(other) == prefix));
        let worst = silent.next().map(|(other, _)| *other);
        match worst {
            Some(worst) => {
                self.unlink(world, worst, Some(Unlink::Replaced));
                Ok(())
            }
            None => Err(Unlink::Full),
        }
    }

    /// A link of our own that never had anything first: another may do better.
    pub(crate) fn drop_silent(&mut self, world: &mut World<'_>) {
        let (taken, now_ms) = (self.taken, world.now_ms);
        let mut own = self.links.iter().filter(|(_, link)| link.ours);
        let silent = own
            .find(|(_, link)| link.is_silent(taken, now_ms))
            .map(|(peer, _)| *peer);
        if let Some(peer) = silent {
            self.shun(peer, now_ms);
            self.unlink(world, peer, Some(Unlink::Replaced));
        }
    }

    /// Gives credit back after something came.
    pub(crate) fn grant(&mut self, world: &mut World<'_>, peer: NodeId) {
        let full = self.config.rules.forwarder_rate();
        let rate = match world.standing(&peer) {
            Standing::Good => full,
            // A quarter, without being charged for it: no more credit is given.
            _ => full.quarter(),
        };
        let (app, handle) = (self.app, self.handle);
        let Some(link) = self.links.get_mut(&peer) else { return };
        match link.grant(full.burst as u64, &rate, world.now_ms) {
            Ok(Some(total)) => {
                world.send(peer, OverlayFrame::Credit { handle, total });
            }
            Err(wait_ms) if !link.granting => {
                link.granting = true;
                world.wake(wait_ms, Timer::Grant(app, peer));
            }
            Ok(None) | Err(_) => {}
        }
    }

    pub(crate) fn on_grant_timer(&mut self, world: &mut World<'_>, peer: NodeId) {
        if let Some(link) = self.links.get_mut(&peer) {
            link.granting = false;
            self.grant(world, peer);
        }
    }
}
