//! The passive checks of a message (Z7), in the order of what they cost, and who pays for what they find.

use crate::{
    api::{Effect, Facts, Received, Running, SendError},
    bounds::HOPS,
    peers::World,
    rules::Refusal,
    score::{Fault, Payer, Standing},
    swarm::Swarm,
};
use hedgerow_base::{NodeId, Pseudonym};
use hedgerow_wire::overlay::{Envelope, Tag, Unsealed};

/// How a message came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Came {
    /// Over whom; nobody, if it is one's own.
    pub(crate) from: Option<NodeId>,
    pub(crate) hops: u8,
    pub(crate) age_ms: u32,
    pub(crate) at_ms: u64,
}

/// Why a message is not taken.
enum Found {
    /// It was here before.
    Again,
    /// Not for us, and nobody's fault that could be proven.
    Nothing,
}

impl Swarm {
    /// A peer pushes a message.
    pub(crate) fn on_push(
        &mut self,
        world: &mut World<'_>,
        peer: NodeId,
        wanted: bool,
        came: Came,
        envelope: &Envelope,
    ) {
        if !self.links.contains_key(&peer) {
            // It ended here while this was on its way.
            return;
        }
        match self.check(world, peer, wanted, came, envelope) {
            Ok(message) => {
                if let Some(link) = self.links.get_mut(&peer) {
                    link.useful += 1;
                    (link.unkept, link.proven) = (0, true);
                }
                self.take(world, message, came);
            }
            Err(Found::Again) => {
                if let Some(link) = self.links.get_mut(&peer) {
                    (link.unkept, link.proven) = (0, true);
                }
            }
            Err(Found::Nothing) => {}
        }
        if !wanted {
            self.grant(world, peer);
        }
    }

    fn check(
        &mut self,
        world: &mut World<'_>,
        peer: NodeId,
        wanted: bool,
        came: Came,
        envelope: &Envelope,
    ) -> Result<Unsealed, Found> {
        let same_rules = self.same_rules(&peer);
        if envelope.as_bytes().len() > self.config.rules.max_envelope() {
            self.spent(world, peer, wanted, None);
            if same_rules {
                world.charge(peer, Fault::Oversize);
            }
            return Err(Found::Nothing);
        }
        let Ok(message) = envelope.unseal() else {
            world.charge(peer, Fault::Malformed);
            return Err(Found::Nothing);
        };
        let tag = Tag::from(&message.id);
        if !self.spent(world, peer, wanted, Some(&tag)) {
            return Err(Found::Nothing);
        }
        if self.seen.has(&message.id) {
            if let (Some(kept), Some(link)) = (self.recent.get_mut(&tag), self.links.get(&peer)) {
                kept.knows |= link.bit();
                kept.has |= link.bit();
            }
            return Err(Found::Again);
        }
        if came.hops > HOPS || came.age_ms >= message.header.ttl_ms {
            return Err(Found::Nothing);
        }
        if message.header.app != self.app || message.header.to.is_some() {
            // Made for another app and sent here: nobody who checks passes that on.
            world.charge(peer, Fault::BadSignature);
            self.refuse(world, &message);
            return Err(Found::Nothing);
        }
        let good = self.check_signer(world, peer, same_rules, &message);
        good.then_some(message).ok_or(Found::Nothing)
    }

    /// Rules, signature, numbers, rate and filter; charges who is at fault.
    fn check_signer(&mut self, world: &mut World<'_>, peer: NodeId, same_rules: bool, message: &Unsealed) -> bool {
        let now_ms = world.now_ms;
        let rules = self.config.rules.clone();
        let signer = message.header.signer;
        if let Err(refusal) = rules.admits(signer.as_ref()) {
            if same_rules {
                world.charge(peer, refusal.fault());
            }
            self.refuse(world, message);
            return false;
        }
        let standing = signer.map(|who| self.signers.standing(&who, now_ms));
        if standing == Some(Standing::Cut) {
            // Who it is, is not proven, and need not be: it is refused either way, and nobody pays.
            self.refuse(world, message);
            return false;
        }
        if !self.verify.message(message) {
            world.charge(peer, Fault::BadSignature);
            // Not noted as seen: the same bytes with the right signature are another matter.
            self.ask_another(world, Tag::from(&message.id));
            return false;
        }
        if let Some(who) = signer {
            let header = &message.header;
            if !self.signers.is_new(&who, header.source, header.seq) {
                self.refuse(world, message);
                return false;
            }
            if !self.signers.take(&who, &rules.signer_rate(), now_ms) {
                if self.signers.pays_for_rate(&who, &rules.signer_rate(), now_ms) {
                    self.charge_signer(world, who, Fault::TooFast);
                }
                self.refuse(world, message);
                return false;
            }
        }
        let facts = Facts {
            body: message.body(),
            signer: signer.as_ref(),
        };
        match self.judge_passively(facts) {
            Some(true) => return true,
            Some(false) if same_rules => {
                // Both could see it: who made it, and who passed it on.
                world.charge(peer, Fault::Filter);
                if let Some(who) = signer {
                    self.charge_signer(world, who, Fault::Filter);
                }
            }
            _ => {}
        }
        self.refuse(world, message);
        false
    }

    /// Whether filter, expression and program let a message through. None if the program that the rules name is not
    /// here: then nothing is known, and what is not known to be good does not travel.
    pub(crate) fn judge_passively(&self, facts: Facts<'_>) -> Option<bool> {
        if self.config.rules.passes(facts).is_err() {
            return Some(false);
        }
        self.judge_by_program(facts)
    }

    /// Whether the program that the rules name would let a message of one's own through at other members.
    pub(crate) fn own_program(&self, facts: Facts<'_>) -> Result<(), SendError> {
        let why = match self.judge_by_program(facts) {
            Some(true) => return Ok(()),
            Some(false) => "its validator says that it is invalid",
            None => "its validator cannot be run on this node",
        };
        Err(SendError::Filtered { why: why.into() })
    }

    fn judge_by_program(&self, facts: Facts<'_>) -> Option<bool> {
        match (self.config.rules.validator(), &self.config.validator) {
            (None, _) => Some(true),
            (Some(named), Some(program)) if program.digest() == *named => Some(program.valid(facts)),
            (Some(_), _) => None,
        }
    }

    /// Whether a peer said that it checks by the same rules. What follows from other rules is not its fault.
    fn same_rules(&self, peer: &NodeId) -> bool {
        let link = self.links.get(peer);
        link.is_some_and(|link| link.rules == *self.config.rules.digest())
    }

    /// Counts a message against the credit, unless it was asked for; false if there was none left.
    fn spent(&mut self, world: &mut World<'_>, peer: NodeId, wanted: bool, tag: Option<&Tag>) -> bool {
        let Some(link) = self.links.get_mut(&peer) else {
            return false;
        };
        let asked = tag.is_some_and(|tag| link.asked.remove(tag).is_some());
        if wanted && asked {
            return true;
        }
        let allowed = link.receive();
        if !allowed {
            world.charge(peer, Fault::TooFast);
        }
        allowed
    }

    /// Notes a message as seen that is not taken, so that it is not looked at again.
    fn refuse(&mut self, world: &World<'_>, message: &Unsealed) {
        self.seen.insert(message.id, world.now_ms);
        self.wanted.refused(&Tag::from(&message.id));
    }

    pub(crate) fn charge_signer(&mut self, world: &mut World<'_>, who: Pseudonym, fault: Fault) {
        let rate = self.config.rules.signer_rate();
        let (standing, _) = self.signers.charge(&who, &rate, fault, world.now_ms);
        let points = self.signers.points(&who, world.now_ms);
        world.out.push(Effect::Charged {
            payer: Payer::Signer(self.app, who),
            fault,
            points,
            standing,
        });
    }

    /// A good message: the app gets it, and it travels on as soon as it may.
    fn take(&mut self, world: &mut World<'_>, message: Unsealed, came: Came) {
        let header = message.header;
        if let Some(who) = header.signer {
            let rate = self.config.rules.signer_rate();
            self.signers.mark(&who, &rate, header.source, header.seq, world.now_ms);
        }
        self.seen.insert(message.id, world.now_ms);
        self.taken += 1;
        let judge = self.running == Running::Judges && self.verdicts.has_room();
        let received = Received {
            from_app: header.from_app.unwrap_or(header.app),
            from: came.from.unwrap_or(world.me),
            message: message.clone(),
            hops: came.hops,
            direct: false,
            reply: None,
            judge,
        };
        if self.running != Running::No {
            self.deliver(world, received);
        } else if header.immediate {
            self.verdicts.keep_for_later(received, came, world.now_ms);
        }
        if judge {
            self.await_verdict(world, message, came);
        } else {
            self.pass_on(world, message, &came);
        }
    }
}

impl Refusal {
    fn fault(self) -> Fault {
        match self {
            Refusal::Unsigned | Refusal::NotListed => Fault::Unsigned,
        }
    }
}
