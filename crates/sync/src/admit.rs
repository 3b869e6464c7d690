//! Who may write: judged from the owner, the rosters and the proof that comes with a log, never from the order in
//! which entries arrived.

use crate::{
    api::Effect,
    bounds,
    deliver::Said,
    pending::Need,
    space::{Log, Space},
};
use alloc::vec::Vec;
use hedgerow_base::{LogId, Pseudonym};
use hedgerow_wire::sync::{Admission, Control, Header, Joined, LogClaim, SpaceKind};

/// Why a log is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stranger {
    /// It cannot be judged before this is known.
    Wait(Need),
    /// It may not write.
    No(&'static str),
}

/// Epoch and beginning of the chain of invites that admitted a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Admitted {
    pub(crate) epoch: u64,
    pub(crate) root: Pseudonym,
}

/// How a peer stands to a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It said nothing about itself yet.
    Silent,
    /// It holds a key, but only entries that are missing here can tell whether it is a member. It is sent none.
    Unproven,
    /// A member.
    Proven,
    /// Not a member, or not any more.
    Refused,
}

impl Space {
    /// Judges the proof of a log whose certificate holds.
    pub(crate) fn admit(&self, claim: &LogClaim, admission: &Admission) -> Result<Admitted, Stranger> {
        let plain = Admitted {
            epoch: 0,
            root: claim.pseudonym,
        };
        match (self.genesis.kind, admission) {
            (SpaceKind::Public, _) => Ok(plain),
            _ if self.is_owner(&claim.pseudonym) => Ok(plain),
            (SpaceKind::Private, _) => Err(Stranger::No("a log of somebody else in a private space")),
            (SpaceKind::Invited, Admission::Plain) => Err(Stranger::No("a log without an invite")),
            (SpaceKind::Invited, Admission::Sibling(log)) => self.admit_sibling(claim, log),
            (SpaceKind::Invited, Admission::Joined(joined)) => self.admit_joined(claim, joined),
        }
    }

    fn admit_sibling(&self, claim: &LogClaim, log: &LogId) -> Result<Admitted, Stranger> {
        match self.logs.get(log) {
            Some(log) if log.pseudonym == claim.pseudonym => Ok(Admitted {
                epoch: log.admitted,
                root: log.root,
            }),
            Some(_) => Err(Stranger::No("a log that calls itself a sibling of somebody else's")),
            None => Err(Stranger::Wait(Need::Entry(*log, 0))),
        }
    }

    fn admit_joined(&self, claim: &LogClaim, joined: &Joined) -> Result<Admitted, Stranger> {
        const BAD: Stranger = Stranger::No("an invite that does not hold");
        let invite = joined.invite.verify().map_err(|_| BAD)?;
        if invite.space != self.id {
            return Err(BAD);
        }
        invite
            .check(&claim.log, &claim.pseudonym, &joined.proof)
            .map_err(|_| BAD)?;
        let mut root = invite.issuer;
        for link in &joined.chain {
            if self.is_base(invite.epoch, &root) {
                break;
            }
            let by = link.invite.verify().map_err(|_| BAD)?;
            by.check(&link.log, &link.pseudonym, &link.proof).map_err(|_| BAD)?;
            if link.pseudonym != root || by.space != self.id || by.epoch != invite.epoch {
                return Err(BAD);
            }
            root = by.issuer;
        }
        match self.is_base(invite.epoch, &root) {
            true => Ok(Admitted {
                epoch: invite.epoch,
                root,
            }),
            false if invite.epoch > self.epoch() => Err(Stranger::Wait(Need::Epoch(invite.epoch))),
            false => Err(Stranger::No("an invite by somebody who is no member")),
        }
    }

    /// How somebody who holds a key of the space stands to it.
    pub(crate) fn standing(&self, claim: &LogClaim, admission: &Admission) -> Standing {
        let owner = self.is_owner(&claim.pseudonym);
        match self.genesis.kind {
            SpaceKind::Public => return Standing::Proven,
            _ if owner => return Standing::Proven,
            SpaceKind::Private => return Standing::Refused,
            SpaceKind::Invited => {}
        }
        if self.is_member(&claim.pseudonym) {
            return Standing::Proven;
        }
        if self.logs.contains_key(&claim.log) {
            return Standing::Refused;
        }
        match self.admit(claim, admission) {
            Ok(admitted) => match self.cut_of(&claim.log, &claim.pseudonym, admitted.epoch, &admitted.root) {
                None => Standing::Proven,
                Some(_) => Standing::Refused,
            },
            Err(Stranger::Wait(_)) => Standing::Unproven,
            Err(Stranger::No(_)) => Standing::Refused,
        }
    }

    /// An entry that says one was removed counts at once, though what it follows is missing: nobody sends that to one
    /// who was removed. Its signature was checked.
    pub(crate) fn hear_of_removal(&mut self, header: &Header, bytes: &[u8], out: &mut Vec<Effect>) {
        let by_owner = self
            .logs
            .get(&header.log)
            .is_some_and(|log| self.is_owner(&log.pseudonym));
        let Some(own) = self.logs.get(&self.own).filter(|_| by_owner && !self.removed) else {
            return;
        };
        let Ok(Said::Control(Control::Rekey(rekey))) = self.said(header, bytes) else {
            return;
        };
        let me = self.pseudonym;
        if own.admitted < rekey.epoch && !rekey.members.contains(&me) {
            self.removed = true;
            out.push(Effect::Removed { space: self.id });
        }
    }

    /// Whether there is room for another log.
    pub(crate) fn has_room(&self, pseudonym: &Pseudonym) -> bool {
        let of = |log: &&Log| log.pseudonym == *pseudonym;
        self.logs.len() < bounds::SPACE_LOGS && self.logs.values().filter(of).count() < bounds::AUTHOR_LOGS
    }
}
