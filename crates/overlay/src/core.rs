//! The core: many apps, one set of peers, and what is passed between them and the driver.

use crate::{
    api::{AppConfig, Effect, Input, Outgoing, SendError, Verify},
    bounds::{APPS, HOPS},
    chance::Chance,
    check::Came,
    direct::handle_of,
    peers::{Peer, Timer, World, named},
    score::{Fault, Standing},
    swarm::Swarm,
};
use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    string::String,
    sync::Arc,
    vec::Vec,
};
use hedgerow_base::{AppId, NodeId, Pseudonym};
use hedgerow_wire::overlay::{OverlayFrame, Unlink};

/// The overlay of one node. Drive it with [`Overlay::handle`], and with [`Overlay::handle_timeout`] when
/// [`Overlay::poll_timeout`] says so; carry out the effects in their order.
pub struct Overlay {
    me: NodeId,
    chance: Chance,
    verify: Arc<dyn Verify>,
    pub(crate) protocols: Vec<String>,
    pub(crate) apps: BTreeMap<AppId, Swarm>,
    pub(crate) by_handle: BTreeMap<u32, AppId>,
    next_handle: u32,
    peers: BTreeMap<NodeId, Peer>,
    timers: BTreeSet<(u64, Timer)>,
    pub(crate) questions: BTreeMap<u32, (NodeId, u64)>,
    pub(crate) question: u32,
}

/// What a core holds, for tests of its bounds and for diagnostics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Peers that are known.
    pub peers: usize,
    /// Links, over all apps.
    pub links: usize,
    /// Distinct members in views.
    pub members: usize,
    /// Ids of messages that are remembered.
    pub seen: usize,
    /// Signers that are remembered.
    pub signers: usize,
    /// Messages that are missing.
    pub wanted: usize,
    /// Bytes of messages that are kept.
    pub kept_bytes: usize,
    /// Timers that run.
    pub timers: usize,
}

impl Overlay {
    /// The core of a node. `seed` is 32 random bytes that nobody else knows; `protocols` are told to who asks.
    pub fn new(me: NodeId, seed: &[u8; 32], protocols: Vec<String>, verify: Arc<dyn Verify>) -> Self {
        Self {
            me,
            chance: Chance::new(seed),
            verify,
            protocols,
            apps: BTreeMap::new(),
            by_handle: BTreeMap::new(),
            next_handle: 1,
            peers: BTreeMap::new(),
            timers: BTreeSet::new(),
            questions: BTreeMap::new(),
            question: 0,
        }
    }

    /// When [`Overlay::handle_timeout`] is due, in milliseconds of the driver's clock.
    pub fn poll_timeout(&self) -> Option<u64> {
        self.timers.first().map(|(at_ms, _)| *at_ms)
    }

    /// Takes one input at `now_ms`, a clock that never goes back.
    pub fn handle(&mut self, now_ms: u64, input: Input, out: &mut Vec<Effect>) {
        self.with(now_ms, out, |core, world| core.input(world, input));
    }

    /// Does what is due at `now_ms`.
    pub fn handle_timeout(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        while let Some((at_ms, timer)) = self.timers.first().copied() {
            if at_ms > now_ms {
                return;
            }
            self.timers.pop_first();
            self.with(now_ms, out, |core, world| core.timer(world, timer));
        }
    }

    /// Whom this node passes messages of an app on to, with whether it opened the link itself.
    pub fn links(&self, app: &AppId) -> Vec<(NodeId, bool)> {
        let links = self.apps.get(app).into_iter().flat_map(|swarm| &swarm.links);
        links.map(|(peer, link)| (*peer, link.ours)).collect()
    }

    /// Members in the view of an app.
    pub fn members(&self, app: &AppId) -> Vec<NodeId> {
        let members = self.apps.get(app).map(|swarm| swarm.sampling.view.members());
        members.unwrap_or_default().into_iter().map(|held| held.node).collect()
    }

    /// Members that this node keeps an eye on, with the pseudonyms as which they are there, if they say so.
    pub fn known(&self, app: &AppId) -> Vec<(NodeId, Option<Pseudonym>)> {
        let known = self.apps.get(app).into_iter().flat_map(|swarm| &swarm.known);
        known.map(|(node, who)| (*node, *who)).collect()
    }

    /// What is held.
    pub fn size(&self) -> Size {
        let mut size = Size {
            peers: self.peers.len(),
            timers: self.timers.len(),
            ..Size::default()
        };
        for swarm in self.apps.values() {
            size.links += swarm.links.len();
            size.members += swarm.sampling.view.members().len();
            size.seen += swarm.seen.len();
            size.signers += swarm.signers.len();
            size.wanted += swarm.wanted.len();
            size.kept_bytes += swarm.recent.bytes();
        }
        size
    }

    /// Runs a step with everything beside the swarms lent out, and then drops the links of who was cut off.
    fn with(&mut self, now_ms: u64, out: &mut Vec<Effect>, step: impl FnOnce(&mut Self, &mut World<'_>)) {
        let (mut peers, mut timers) = (core::mem::take(&mut self.peers), core::mem::take(&mut self.timers));
        let mut chance = self.chance.clone();
        let mut cut = Vec::new();
        let mut world = World {
            now_ms,
            me: self.me,
            peers: &mut peers,
            chance: &mut chance,
            timers: &mut timers,
            cut: &mut cut,
            out,
        };
        step(self, &mut world);
        for peer in core::mem::take(world.cut) {
            for swarm in self.apps.values_mut() {
                swarm.unlink(&mut world, peer, Some(Unlink::Cut));
                swarm.lost(&mut world, &peer);
            }
        }
        (self.peers, self.timers, self.chance) = (peers, timers, chance);
    }

    fn input(&mut self, world: &mut World<'_>, input: Input) {
        match input {
            Input::Open { app, config } => self.open(world, app, config),
            Input::Close { app } => {
                if let Some(mut swarm) = self.apps.remove(&app) {
                    self.by_handle.remove(&swarm.handle);
                    swarm.leave(world);
                }
            }
            Input::Connected {
                peer,
                prefix,
                addresses,
            } => {
                if world.is_connected(&peer) {
                    // A new connection in the place of one that the other side lost: it knows of no link any more.
                    self.disconnected(world, &peer);
                }
                world.connected(peer, prefix, addresses);
            }
            Input::Disconnected { peer } => self.disconnected(world, &peer),
            Input::Bytes { peer, bytes } => match OverlayFrame::decode(&bytes) {
                Ok(Some(frame)) => self.frame(world, peer, frame),
                // Of a later version.
                Ok(None) => {}
                Err(_) => world.charge(peer, Fault::Malformed),
            },
            Input::Frame { peer, frame } => self.frame(world, peer, frame),
            Input::Ask {
                peer,
                request,
                apps,
                protocols,
            } => self.on_driver_asks(world, peer, request, apps, protocols),
            input => self.app_input(world, input),
        }
    }

    fn open(&mut self, world: &mut World<'_>, app: AppId, mut config: Box<AppConfig>) {
        config.fanout = config.fanout.clamp(1, 16);
        if let Some(swarm) = self.apps.get_mut(&app) {
            return swarm.change(world, *config);
        }
        if self.apps.len() >= APPS {
            return;
        }
        let handle = self.next_handle;
        self.next_handle += 1;
        let verify = self.verify.clone();
        let mut swarm = Swarm::new(app, handle, *config, verify, world.now_ms, world.chance);
        swarm.start(world);
        self.by_handle.insert(handle, app);
        self.apps.insert(app, swarm);
    }

    fn disconnected(&mut self, world: &mut World<'_>, peer: &NodeId) {
        let unsent = world.disconnected(peer);
        for frame in &unsent {
            let app = match frame {
                OverlayFrame::Ask { question, .. } => self.by_handle.get(question).copied(),
                OverlayFrame::Link(here) => Some(here.app),
                OverlayFrame::Pull(app) => Some(*app),
                OverlayFrame::Direct {
                    request: Some(number), ..
                } => self.by_handle.get(&handle_of(*number)).copied(),
                _ => None,
            };
            if let Some(swarm) = app.and_then(|app| self.apps.get_mut(&app)) {
                swarm.unreached(world, peer, frame);
            }
        }
        for swarm in self.apps.values_mut() {
            swarm.lost(world, peer);
        }
    }

    /// An input about one app.
    fn app_input(&mut self, world: &mut World<'_>, input: Input) {
        let (app, request) = match &input {
            Input::Running { app, .. } | Input::Heard { app, .. } | Input::Verdict { app, .. } => (*app, None),
            Input::Broadcast { app, request, .. }
            | Input::Reply { app, request, .. }
            | Input::Send { app, request, .. }
            | Input::Gather { app, request, .. } => (*app, Some(*request)),
            _ => return,
        };
        let sent = match self.apps.get_mut(&app) {
            Some(swarm) => swarm.input(world, input),
            None => Err(SendError::NotOpen),
        };
        if let (Err(why), Some(request)) = (sent, request) {
            world.out.push(Effect::NotSent { app, request, why });
        }
    }

    fn frame(&mut self, world: &mut World<'_>, peer: NodeId, frame: OverlayFrame) {
        if !world.peers.get(&peer).is_some_and(|known| known.connected) || world.standing(&peer) == Standing::Cut {
            return;
        }
        match frame {
            OverlayFrame::Ask {
                question,
                apps,
                protocols,
            } => self.on_ask(world, peer, question, &apps, protocols),
            OverlayFrame::Told {
                question,
                here,
                protocols,
            } => self.on_told(world, peer, question, here, protocols),
            frame => {
                let Some(app) = self.app_of(world, &peer, &frame) else {
                    return;
                };
                match self.apps.get_mut(&app) {
                    Some(swarm) => swarm.frame(world, peer, frame),
                    None => absent(world, peer, app, &frame),
                }
            }
        }
    }

    /// The app that a frame is about.
    fn app_of(&self, world: &World<'_>, peer: &NodeId, frame: &OverlayFrame) -> Option<AppId> {
        match frame {
            OverlayFrame::Link(here) | OverlayFrame::Linked(here) => Some(here.app),
            OverlayFrame::Unlink { app, .. }
            | OverlayFrame::Pull(app)
            | OverlayFrame::Contacts { app, .. }
            | OverlayFrame::Direct { app, .. } => Some(*app),
            OverlayFrame::Push { handle, .. }
            | OverlayFrame::Announce { handle, .. }
            | OverlayFrame::Want { handle, .. }
            | OverlayFrame::Credit { handle, .. }
            | OverlayFrame::Rules { handle, .. } => named(world.peers, peer, *handle),
            OverlayFrame::Reply { request, .. } => self.by_handle.get(&handle_of(*request)).copied(),
            OverlayFrame::Ask { .. } | OverlayFrame::Told { .. } => None,
        }
    }

    fn timer(&mut self, world: &mut World<'_>, timer: Timer) {
        let app = match &timer {
            Timer::Round(app)
            | Timer::Wanted(app, _)
            | Timer::Verdict(app, _)
            | Timer::Flush(app, _)
            | Timer::Grant(app, _)
            | Timer::Repair(app, _)
            | Timer::Request(app, _)
            | Timer::Forget(app) => *app,
        };
        let Some(swarm) = self.apps.get_mut(&app) else { return };
        match timer {
            Timer::Round(_) => swarm.on_round(world),
            Timer::Wanted(_, tag) => swarm.on_wanted(world, tag),
            Timer::Verdict(_, id) => swarm.release(world, &id),
            Timer::Flush(_, peer) => swarm.on_flush_timer(world, peer),
            Timer::Grant(_, peer) => swarm.on_grant_timer(world, peer),
            Timer::Repair(_, id) => swarm.on_repair(world, id),
            Timer::Request(_, number) => swarm.answered(world, number),
            Timer::Forget(_) => swarm.on_forget(world),
        }
    }
}

/// Says that an app is not here, to who wants something of it.
fn absent(world: &mut World<'_>, peer: NodeId, app: AppId, frame: &OverlayFrame) {
    let wants = matches!(
        frame,
        OverlayFrame::Link(_) | OverlayFrame::Pull(_) | OverlayFrame::Direct { .. }
    );
    if wants && world.may_ask(&peer) {
        let why = Unlink::Absent;
        world.send(peer, OverlayFrame::Unlink { app, why });
    }
}

impl Swarm {
    fn input(&mut self, world: &mut World<'_>, input: Input) -> Result<(), SendError> {
        match input {
            Input::Running { running, .. } => self.on_running(world, running),
            Input::Heard { contacts, .. } => self.on_heard(world, contacts),
            Input::Verdict { id, valid, .. } => self.on_verdict(world, &id, valid),
            Input::Broadcast { request, message, .. } => return self.on_broadcast(world, request, &message),
            Input::Send {
                to_app,
                request,
                to,
                addresses,
                message,
                reply_ms,
                ..
            } => return self.on_send(world, (to_app, to, addresses), request, &message, reply_ms),
            Input::Gather {
                request,
                count,
                message,
                reply_ms,
                ..
            } => return self.on_gather(world, request, count, &message, reply_ms),
            Input::Reply { request, to, body, .. } => return self.on_app_reply(world, request, to, body),
            _ => {}
        }
        Ok(())
    }

    /// Sends a message of one's own to all members.
    fn on_broadcast(&mut self, world: &mut World<'_>, request: u64, message: &Outgoing) -> Result<(), SendError> {
        let sealed = self.seal(world, message, self.app, None)?;
        let (app, id) = (self.app, sealed.id);
        let came = Came {
            from: None,
            hops: 0,
            age_ms: 0,
            at_ms: world.now_ms,
        };
        self.seen.insert(id, world.now_ms);
        self.taken += 1;
        world.out.push(Effect::Sent { app, request, id });
        self.pass_on(world, sealed, &came);
        Ok(())
    }

    /// How this node takes part changed. Under other rules nothing is vouched for that was checked by the old ones.
    fn change(&mut self, world: &mut World<'_>, config: AppConfig) {
        let same = config.rules.digest() == self.config.rules.digest();
        self.next_seq = self.next_seq.max(config.first_seq);
        self.config = config;
        if same {
            return;
        }
        self.recent.clear();
        self.wanted.clear();
        self.verdicts.clear();
        let (handle, rules) = (self.handle, *self.config.rules.digest());
        for (peer, link) in &mut self.links {
            link.queue.clear();
            world.send(*peer, OverlayFrame::Rules { handle, rules });
        }
    }

    fn frame(&mut self, world: &mut World<'_>, peer: NodeId, frame: OverlayFrame) {
        match frame {
            OverlayFrame::Link(here) => self.on_link(world, peer, &here),
            OverlayFrame::Linked(here) => self.on_linked(world, peer, &here),
            OverlayFrame::Unlink { why, .. } => self.on_unlink(world, peer, why),
            OverlayFrame::Pull(_) => self.on_pull(world, peer),
            OverlayFrame::Contacts { contacts, .. } => self.on_contacts(world, peer, contacts),
            OverlayFrame::Push {
                wanted,
                hops,
                age_ms,
                envelope,
                ..
            } => {
                let came = Came {
                    from: Some(peer),
                    hops: hops.min(HOPS + 1),
                    age_ms,
                    at_ms: world.now_ms,
                };
                self.on_push(world, peer, wanted, came, &envelope);
            }
            OverlayFrame::Announce { items, .. } => self.on_announce(world, peer, items),
            OverlayFrame::Want { tags, .. } => self.on_want(world, peer, &tags),
            OverlayFrame::Credit { total, .. } => self.on_credit(world, peer, total),
            OverlayFrame::Rules { rules, .. } => {
                if let Some(link) = self.links.get_mut(&peer) {
                    link.rules = rules;
                }
            }
            OverlayFrame::Direct { request, envelope, .. } => self.on_direct(world, peer, request, &envelope),
            OverlayFrame::Reply { request, envelope } => self.on_reply(world, peer, request, &envelope),
            OverlayFrame::Ask { .. } | OverlayFrame::Told { .. } => {}
        }
    }
}
