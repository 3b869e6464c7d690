//! Messages to one member, and their replies (Z4, Z5, Z6).

use crate::{
    api::{Answer, Effect, Facts, Outgoing, Owed, Received, Running, SendError},
    bounds::{GATHER, REPLIES_OWED, REPLY_MAX_MS, REQUESTS},
    check::Came,
    peers::{Timer, World},
    score::{Fault, Standing},
    swarm::Swarm,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::net::SocketAddr;
use hedgerow_base::{AppId, NodeId};
use hedgerow_wire::overlay::{Envelope, Header, OverlayFrame, Unlink, Unsealed};

/// Time to live of a direct message and of a reply: it has one way to go.
const DIRECT_TTL_MS: u32 = 60_000;

#[derive(Debug)]
struct Pending {
    request: u64,
    open: BTreeSet<NodeId>,
    asked: usize,
    answers: Vec<Answer>,
}

/// What waits for replies, and whom a reply is owed.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    pending: BTreeMap<u64, Pending>,
    owed: BTreeMap<u64, (NodeId, u64, AppId)>,
    count: u32,
}

impl Requests {
    /// A number on the wire that says whose it is.
    fn number(&mut self, handle: u32) -> u64 {
        self.count = self.count.wrapping_add(1);
        u64::from(handle) << 32 | u64::from(self.count)
    }
}

/// The number of the app in a number on the wire.
pub(crate) fn handle_of(number: u64) -> u32 {
    (number >> 32) as u32
}

impl Swarm {
    /// Signs a message of one's own, once it is known to be one that others take.
    pub(crate) fn seal(
        &mut self,
        world: &World<'_>,
        message: &Outgoing,
        to_app: AppId,
        to: Option<NodeId>,
    ) -> Result<Unsealed, SendError> {
        let key = self.config.key.clone().filter(|_| message.signed);
        let rules = self.config.rules.clone();
        let signer = key.as_ref().map(|key| key.public().into());
        if to_app == self.app {
            rules.own(Facts {
                body: &message.body,
                signer: signer.as_ref(),
            })?;
        }
        if message.body.len() > hedgerow_wire::overlay::MAX_BODY {
            let (len, max) = (message.body.len(), hedgerow_wire::overlay::MAX_BODY);
            return Err(SendError::TooLarge { len, max });
        }
        let rate = rules.own_rate();
        if !self.own.take(&rate, world.now_ms) {
            let wait_ms = self.own.wait_ms(1.0, &rate);
            return Err(SendError::TooFast { wait_ms });
        }
        if to_app == self.app {
            // The most work comes last, and no more often than messages may be sent.
            self.own_program(Facts {
                body: &message.body,
                signer: signer.as_ref(),
            })?;
        }
        let header = Header {
            app: to_app,
            from_app: (to_app != self.app).then_some(self.app),
            to,
            signer,
            source: self.config.source,
            seq: self.next_seq,
            ttl_ms: message.ttl_ms.min(hedgerow_wire::overlay::MAX_TTL_MS),
            immediate: message.immediate,
        };
        self.next_seq += 1;
        // What was just made has the right form.
        let envelope = Envelope::seal(header, &message.body, key.as_ref());
        envelope.unseal().map_err(|_| SendError::NotOpen)
    }

    /// Sends to one member.
    pub(crate) fn on_send(
        &mut self,
        world: &mut World<'_>,
        (to_app, to, addresses): (AppId, NodeId, Vec<SocketAddr>),
        request: u64,
        message: &Outgoing,
        reply_ms: u64,
    ) -> Result<(), SendError> {
        if self.requests.pending.len() >= REQUESTS {
            return Err(SendError::Busy);
        }
        let sealed = self.seal(world, message, to_app, Some(to))?;
        let number = (reply_ms > 0).then(|| self.requests.number(self.handle));
        let frame = OverlayFrame::Direct {
            app: to_app,
            request: number,
            envelope: sealed.envelope().clone(),
        };
        if !world.reach(to, &addresses, frame) {
            return Err(SendError::Unreachable);
        }
        match number {
            Some(number) => self.pend(world, number, request, BTreeSet::from([to]), reply_ms),
            None => world.out.push(Effect::Answered {
                app: self.app,
                request,
                asked: 1,
                answers: Vec::new(),
            }),
        }
        Ok(())
    }

    fn pend(&mut self, world: &mut World<'_>, number: u64, request: u64, open: BTreeSet<NodeId>, reply_ms: u64) {
        let pending = Pending {
            request,
            asked: open.len(),
            open,
            answers: Vec::new(),
        };
        self.requests.pending.insert(number, pending);
        world.wake(reply_ms.min(REPLY_MAX_MS), Timer::Request(self.app, number));
    }

    /// Sends to some members at random and gathers what they reply.
    pub(crate) fn on_gather(
        &mut self,
        world: &mut World<'_>,
        request: u64,
        count: usize,
        message: &Outgoing,
        reply_ms: u64,
    ) -> Result<(), SendError> {
        if self.requests.pending.len() >= REQUESTS {
            return Err(SendError::Busy);
        }
        let number = self.requests.number(self.handle);
        let mut open = BTreeSet::new();
        for member in self.some_members(world, count.min(GATHER)) {
            let sealed = match self.seal(world, message, self.app, Some(member.node)) {
                Ok(sealed) => sealed,
                Err(error) if open.is_empty() => return Err(error),
                Err(_) => break,
            };
            let frame = OverlayFrame::Direct {
                app: self.app,
                request: Some(number),
                envelope: sealed.envelope().clone(),
            };
            if world.reach(member.node, &member.addresses, frame) {
                open.insert(member.node);
            }
        }
        let alone = open.is_empty();
        self.pend(world, number, request, open, reply_ms);
        if alone {
            self.answered(world, number);
        }
        Ok(())
    }

    /// A direct message came.
    pub(crate) fn on_direct(&mut self, world: &mut World<'_>, peer: NodeId, request: Option<u64>, envelope: &Envelope) {
        let Some(message) = self.check_direct(world, peer, envelope) else {
            return;
        };
        let header = message.header;
        let from_app = header.from_app.unwrap_or(header.app);
        if self.running == Running::No && !header.immediate {
            let (app, why) = (self.app, Unlink::Absent);
            if request.is_some() && world.may_ask(&peer) && !self.links.contains_key(&peer) {
                world.send(peer, OverlayFrame::Unlink { app, why });
            }
            return;
        }
        let reply = request.map(|number| self.owe(peer, number, from_app));
        let came = Came {
            from: Some(peer),
            hops: 0,
            age_ms: 0,
            at_ms: world.now_ms,
        };
        let received = Received {
            from_app,
            from: peer,
            message,
            hops: 1,
            direct: true,
            reply,
            judge: false,
        };
        if self.running == Running::No {
            self.verdicts.keep_for_later(received, came, world.now_ms);
        } else {
            self.deliver(world, received);
        }
    }

    fn owe(&mut self, peer: NodeId, number: u64, from_app: AppId) -> Owed {
        if self.requests.owed.len() >= REPLIES_OWED {
            self.requests.owed.pop_first();
        }
        let owed = self.requests.number(self.handle);
        self.requests.owed.insert(owed, (peer, number, from_app));
        Owed(owed)
    }

    /// The checks of a message that came from its sender. What the rules of this side say is charged only if the
    /// other side said that it has the same.
    fn check_direct(&mut self, world: &mut World<'_>, peer: NodeId, envelope: &Envelope) -> Option<Unsealed> {
        if !world.may_send_direct(&peer, &self.config.rules.forwarder_rate()) {
            return None;
        }
        let Ok(message) = envelope.unseal() else {
            world.charge(peer, Fault::Malformed);
            return None;
        };
        let header = message.header;
        if header.app != self.app || header.to != Some(world.me) {
            world.charge(peer, Fault::BadSignature);
            return None;
        }
        let same_rules = self
            .links
            .get(&peer)
            .is_some_and(|link| link.rules == *self.config.rules.digest());
        let rules = self.config.rules.clone();
        let signer = header.signer;
        let refused = if envelope.as_bytes().len() > rules.max_envelope() {
            Some(Fault::Oversize)
        } else {
            rules.admits(signer.as_ref()).err().map(|_| Fault::Unsigned)
        };
        if let Some(fault) = refused {
            if same_rules {
                world.charge(peer, fault);
            }
            return None;
        }
        if signer.is_some_and(|who| self.signers.standing(&who, world.now_ms) == Standing::Cut) {
            return None;
        }
        if !self.verify.message(&message) {
            world.charge(peer, Fault::BadSignature);
            return None;
        }
        if self.seen.has(&message.id) {
            return None;
        }
        self.seen.insert(message.id, world.now_ms);
        if let Some(who) = signer {
            if !self.signers.is_new(&who, header.source, header.seq) {
                return None;
            }
            self.signers
                .mark(&who, &rules.signer_rate(), header.source, header.seq, world.now_ms);
        }
        let facts = Facts {
            body: message.body(),
            signer: signer.as_ref(),
        };
        let passes = self.judge_passively(facts);
        if passes == Some(false) && same_rules {
            world.charge(peer, Fault::Filter);
        }
        (passes == Some(true)).then_some(message)
    }

    /// The app replies.
    pub(crate) fn on_app_reply(
        &mut self,
        world: &mut World<'_>,
        number: u64,
        to: Owed,
        body: Vec<u8>,
    ) -> Result<(), SendError> {
        let Some((peer, request, from_app)) = self.requests.owed.get(&to.0).copied() else {
            return Err(SendError::TooLate);
        };
        let message = Outgoing {
            body,
            signed: true,
            ttl_ms: DIRECT_TTL_MS,
            immediate: false,
        };
        let sealed = self.seal(world, &message, from_app, Some(peer))?;
        let envelope = sealed.envelope().clone();
        let id = sealed.id;
        // What is refused above can be said again in another way.
        self.requests.owed.remove(&to.0);
        if !world.send(peer, OverlayFrame::Reply { request, envelope }) {
            return Err(SendError::TooLate);
        }
        world.out.push(Effect::Sent {
            app: self.app,
            request: number,
            id,
        });
        Ok(())
    }

    /// A reply came.
    pub(crate) fn on_reply(&mut self, world: &mut World<'_>, peer: NodeId, number: u64, envelope: &Envelope) {
        let pending = self.requests.pending.get(&number);
        if !pending.is_some_and(|pending| pending.open.contains(&peer)) {
            // Too late, or never asked: nobody knows whose fault.
            return;
        }
        let Some(message) = self.check_direct(world, peer, envelope) else {
            return;
        };
        let Some(pending) = self.requests.pending.get_mut(&number) else {
            return;
        };
        pending.open.remove(&peer);
        pending.answers.push(Answer { from: peer, message });
        if pending.open.is_empty() {
            self.answered(world, number);
        }
    }

    /// A member will not reply: it cannot be reached.
    pub(crate) fn unanswered(&mut self, world: &mut World<'_>, peer: &NodeId, request: Option<u64>) {
        let Some(number) = request else { return };
        let Some(pending) = self.requests.pending.get_mut(&number) else {
            return;
        };
        pending.open.remove(peer);
        if pending.open.is_empty() {
            self.answered(world, number);
        }
    }

    /// All replied, or the time is over.
    pub(crate) fn answered(&mut self, world: &mut World<'_>, number: u64) {
        if let Some(pending) = self.requests.pending.remove(&number) {
            world.out.push(Effect::Answered {
                app: self.app,
                request: pending.request,
                asked: pending.asked,
                answers: pending.answers,
            });
        }
    }
}
