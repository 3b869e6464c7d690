//! One app on this node: its members as far as they are known, and its messages.

use crate::{
    api::{AppConfig, Effect, Received, Running, Verify},
    bounds::{NEW_LINK, ROUND_MS, SHUN_MS, SHUNNED},
    bucket::Bucket,
    chance::Chance,
    direct::Requests,
    links::Link,
    peers::{Timer, World},
    recent::Recent,
    round::Sampling,
    seen::Seen,
    signers::Signers,
    verdict::Verdicts,
    view::View,
    wanted::Wanted,
};
use alloc::{boxed::Box, collections::BTreeMap, sync::Arc};
use hedgerow_base::{AppId, NodeId, Pseudonym};
use hedgerow_wire::overlay::{Here, OverlayFrame, Unlink, Who};

/// The state of one app.
pub(crate) struct Swarm {
    pub(crate) app: AppId,
    pub(crate) handle: u32,
    pub(crate) config: AppConfig,
    pub(crate) next_seq: u64,
    pub(crate) running: Running,
    pub(crate) verify: Arc<dyn Verify>,
    /// Members in the view and what is done to find them.
    pub(crate) sampling: Sampling,
    /// As whom members are there, for those that say so.
    pub(crate) known: BTreeMap<NodeId, Option<Pseudonym>>,
    pub(crate) links: BTreeMap<NodeId, Link>,
    pub(crate) shunned: BTreeMap<NodeId, u64>,
    pub(crate) seen: Seen,
    pub(crate) recent: Recent,
    pub(crate) wanted: Wanted,
    pub(crate) verdicts: Verdicts,
    pub(crate) signers: Signers,
    pub(crate) own: Bucket,
    pub(crate) requests: Requests,
    /// Messages taken since the app was opened: what a link's silence is measured by.
    pub(crate) taken: u64,
}

impl Swarm {
    pub(crate) fn new(
        app: AppId,
        handle: u32,
        config: AppConfig,
        verify: Arc<dyn Verify>,
        now_ms: u64,
        chance: &mut Chance,
    ) -> Self {
        Self {
            app,
            handle,
            next_seq: config.first_seq,
            running: Running::No,
            verify,
            sampling: Sampling::new(View::new(chance)),
            known: BTreeMap::new(),
            links: BTreeMap::new(),
            shunned: BTreeMap::new(),
            seen: Seen::default(),
            recent: Recent::default(),
            wanted: Wanted::default(),
            verdicts: Verdicts::default(),
            signers: Signers::default(),
            own: Bucket::full(&config.rules.own_rate(), now_ms),
            requests: Requests::default(),
            taken: 0,
            config,
        }
    }

    /// Begins to look for members.
    pub(crate) fn start(&mut self, world: &mut World<'_>) {
        let pause = world.chance.about(ROUND_MS);
        world.wake(pause, Timer::Round(self.app));
    }

    /// What this node says of itself as a member.
    pub(crate) fn here(&self, me: &NodeId) -> Here {
        let key = self.config.key.as_ref().filter(|_| self.config.known);
        Here {
            app: self.app,
            handle: self.handle,
            rules: *self.config.rules.digest(),
            credit: self.window().div_ceil(NEW_LINK),
            who: key.map(|key| Who::sign(key, &self.app, me)),
        }
    }

    /// How many messages a link may hand over before it needs more credit.
    pub(crate) fn window(&self) -> u32 {
        // The cast of a float stops at the largest number.
        self.config.rules.forwarder_rate().burst as u32
    }

    /// A peer says that it is a member: notes it and the number it uses.
    pub(crate) fn meet(&mut self, world: &mut World<'_>, peer: NodeId, here: &Here) -> bool {
        world.note_handle(&peer, here.handle, self.app);
        if !self.verify.member(here, &peer) {
            world.charge(peer, crate::Fault::BadSignature);
            return false;
        }
        let who = here.who.map(|who| who.pseudonym);
        self.sampling.found(world, peer);
        if self.is_member(&peer) {
            self.note_presence(world, peer, who);
        }
        self.open_first_links(world);
        true
    }

    /// Whether a peer is a member that this node keeps an eye on.
    pub(crate) fn is_member(&self, peer: &NodeId) -> bool {
        self.links.contains_key(peer) || self.sampling.view.has(peer)
    }

    pub(crate) fn note_presence(&mut self, world: &mut World<'_>, peer: NodeId, who: Option<Pseudonym>) {
        let before = self.known.insert(peer, who);
        if before.is_none_or(|before| before != who) {
            world.out.push(Effect::Presence {
                app: self.app,
                peer,
                who,
                there: true,
            });
        }
    }

    /// Tells the app about members that nobody keeps an eye on any more.
    pub(crate) fn forget_absent(&mut self, world: &mut World<'_>) {
        let absent = self.known.iter().filter(|(peer, _)| !self.is_member(peer));
        let absent: alloc::vec::Vec<_> = absent.map(|(peer, who)| (*peer, *who)).collect();
        for (peer, who) in absent {
            self.known.remove(&peer);
            let app = self.app;
            world.out.push(Effect::Presence {
                app,
                peer,
                who,
                there: false,
            });
        }
    }

    /// A peer is not connected any more, or cut off.
    pub(crate) fn lost(&mut self, world: &mut World<'_>, peer: &NodeId) {
        self.unlink(world, *peer, None);
        self.sampling.lost(world, self.app, peer);
        self.forget_absent(world);
    }

    /// Ends a link; tells the peer why, if a reason is given.
    pub(crate) fn unlink(&mut self, world: &mut World<'_>, peer: NodeId, why: Option<Unlink>) {
        self.sampling.linking.remove(&peer);
        if self.links.remove(&peer).is_none() {
            return;
        }
        if let Some(why) = why {
            let app = self.app;
            world.send(peer, OverlayFrame::Unlink { app, why });
        }
        self.wanted_elsewhere(world, &peer);
        self.sampling.soon(world, self.app);
    }

    /// Does not link a peer again for some time.
    pub(crate) fn shun(&mut self, peer: NodeId, now_ms: u64) {
        self.shunned.retain(|_, until| *until > now_ms);
        if self.shunned.len() < SHUNNED {
            self.shunned.insert(peer, now_ms + SHUN_MS);
        }
    }

    pub(crate) fn is_shunned(&self, peer: &NodeId, now_ms: u64) -> bool {
        self.shunned.get(peer).is_some_and(|until| *until > now_ms)
    }

    /// Hands a message to the app.
    pub(crate) fn deliver(&self, world: &mut World<'_>, received: Received) {
        world.out.push(Effect::Deliver {
            app: self.app,
            received: Box::new(received),
        });
    }
}
