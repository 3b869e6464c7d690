//! What this device writes: updates, its first entry, names, new epochs, invites.

use crate::{
    admit::Stranger,
    api::{Effect, SyncError},
    crypto::{self, Key},
    deliver::{Arriving, Said, epoch_aad},
    space::Space,
};
use alloc::{collections::BTreeSet, string::String, vec::Vec};
use hedgerow_base::{LogId, Pseudonym, SecretKey, hash, limits};
use hedgerow_wire::sync::{
    Admission, Control, Cut, Dep, Entry, EpochKey, Header, Invite, InviteClaim, KIND_CONTROL, KIND_UPDATE, Link,
    MAX_CUTS, MAX_DEPS, MAX_MEMBERS, Open, Rekey, Signed, SpaceGenesis, SpaceKind,
};
use zeroize::Zeroizing;

/// Largest body of an update in bytes: a full update of a widget and what the node puts around it.
pub(crate) const MAX_BODY: usize = limits::MAX_UPDATE + 8192;

impl Space {
    /// Whether this device may write now.
    fn writable(&self) -> Result<(), SyncError> {
        if self.loading {
            return Err(SyncError::NotOpen);
        }
        if self.removed {
            return Err(SyncError::Removed);
        }
        if self.forks.contains_key(&self.own) {
            return Err(SyncError::Forked);
        }
        Ok(())
    }

    /// Parents in other logs: newest entries that nothing here builds on yet.
    fn deps(&self) -> Vec<Dep> {
        let mut tips: Vec<_> = self
            .tips
            .iter()
            .filter(|id| **id != self.own)
            .filter_map(|id| self.logs.get(id).map(|log| (id, log)))
            .collect();
        let newest = |log: &crate::space::Log| core::cmp::Reverse(log.ordinals.last().copied());
        // Those of the owner first: they begin epochs.
        tips.sort_by_key(|(_, log)| (!self.is_owner(&log.pseudonym), newest(log)));
        let dep = |(id, log): &(&LogId, &crate::space::Log)| Dep {
            log: **id,
            seq: log.next.saturating_sub(1),
            hash: log.head,
        };
        tips.iter().take(MAX_DEPS).map(dep).collect()
    }

    /// Writes an entry and answers its number.
    fn write(&mut self, now_ms: u64, said: Said, out: &mut Vec<Effect>) -> Result<u64, SyncError> {
        let control;
        let (kind, plain): (u8, &[u8]) = match &said {
            Said::Update(body) => (KIND_UPDATE, body),
            Said::Control(said) => {
                control = said.to_bytes();
                (KIND_CONTROL, &control)
            }
            Said::Unknown => return Err(SyncError::Bug("an entry that says nothing")),
        };
        let epoch = self.writing_epoch();
        let key = self.sealing_key(epoch).ok_or(SyncError::NoKey)?;
        let own = self.logs.get(&self.own);
        let (seq, prev) = own.map_or((0, None), |log| (log.next, Some(log.head)));
        let place = crypto::place(&self.id, &self.own, seq, epoch);
        let sealed = crypto::seal(key, &self.log_key.seed(), &place, plain).ok_or(SyncError::Bug("sealing failed"))?;
        let header = Header {
            space: self.id,
            log: self.own,
            seq,
            prev,
            deps: self.deps(),
            time_ms: now_ms,
            epoch,
            kind,
            body: Entry::digest(&sealed),
        };
        let (bytes, hash) = Entry::seal(&header, &self.log_key, &sealed);
        if bytes.len() > limits::MAX_ENTRY {
            return Err(SyncError::TooLarge {
                len: bytes.len(),
                max: limits::MAX_ENTRY,
            });
        }
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if self.genesis.kind == SpaceKind::Public && self.over_quota(seq, size, own) {
            return Err(SyncError::Quota);
        }
        let signed = signed_part(&bytes).ok_or(SyncError::Bug("an own entry cannot be read"))?;
        self.commit(
            Arriving {
                header,
                hash,
                signed,
                bytes,
            },
            said,
            out,
        );
        Ok(seq)
    }

    /// Writes the first entry of this device's log, if it is missing and can be judged already.
    pub(crate) fn ensure_open(&mut self, now_ms: u64, out: &mut Vec<Effect>) -> Result<(), SyncError> {
        self.writable()?;
        if self.logs.contains_key(&self.own) {
            return Ok(());
        }
        let claim = self
            .cert
            .read()
            .map_err(|_| SyncError::Bug("the own certificate cannot be read"))?;
        match self.admit(&claim, &self.admission) {
            Ok(admitted)
                if self
                    .cut_of(&self.own, &self.pseudonym, admitted.epoch, &admitted.root)
                    .is_some() =>
            {
                return Err(SyncError::Removed);
            }
            Ok(_) => {}
            Err(Stranger::Wait(_)) => return Err(SyncError::NotJoined),
            Err(Stranger::No(_)) => return Err(SyncError::Removed),
        }
        if !self.has_room(&self.pseudonym) {
            return Err(SyncError::Quota);
        }
        let open = Open {
            cert: self.cert.clone(),
            admission: self.admission.clone(),
            name: self.name.clone(),
        };
        self.write(now_ms, Said::Control(Control::Open(open)), out).map(|_| ())
    }

    pub(crate) fn append(&mut self, now_ms: u64, body: Vec<u8>, out: &mut Vec<Effect>) -> Result<u64, SyncError> {
        if body.len() > MAX_BODY {
            return Err(SyncError::TooLarge {
                len: body.len(),
                max: MAX_BODY,
            });
        }
        self.ensure_open(now_ms, out)?;
        self.write(now_ms, Said::Update(body), out)
    }

    pub(crate) fn leave(&mut self, now_ms: u64, out: &mut Vec<Effect>) -> Result<u64, SyncError> {
        self.ensure_open(now_ms, out)?;
        self.write(now_ms, Said::Control(Control::Leave), out)
    }

    /// Tells a new name; one who wrote nothing yet tells it with the first entry.
    pub(crate) fn rename(
        &mut self,
        now_ms: u64,
        name: Option<String>,
        out: &mut Vec<Effect>,
    ) -> Result<Option<u64>, SyncError> {
        let len = name.as_ref().map_or(0, String::len);
        if len > limits::MAX_NAME {
            return Err(SyncError::TooLarge {
                len,
                max: limits::MAX_NAME,
            });
        }
        self.name.clone_from(&name);
        if !self.logs.contains_key(&self.own) {
            return Ok(None);
        }
        self.writable()?;
        if self.names.get(&self.pseudonym).is_some_and(|known| known.name == name) {
            return Ok(None);
        }
        self.write(now_ms, Said::Control(Control::Rename(name)), out).map(Some)
    }

    /// Removes members: a new epoch whose key the others get.
    pub(crate) fn remove(
        &mut self,
        now_ms: u64,
        gone: &[Pseudonym],
        random: &[u8; 32],
        out: &mut Vec<Effect>,
    ) -> Result<u64, SyncError> {
        if self.genesis.kind != SpaceKind::Invited {
            return Err(SyncError::NotInvited);
        }
        if !self.is_owner(&self.pseudonym) {
            return Err(SyncError::NotOwner);
        }
        self.ensure_open(now_ms, out)?;
        let gone: BTreeSet<_> = gone.iter().copied().collect();
        if gone.is_empty() || gone.iter().any(|one| self.is_owner(one) || !self.is_member(one)) {
            return Err(SyncError::NoMember);
        }
        let epoch = self
            .writing_epoch()
            .checked_add(1)
            .ok_or(SyncError::Bug("epochs are used up"))?;
        let rekey = self.rekey(epoch, &gone, random)?;
        self.write(now_ms, Said::Control(Control::Rekey(rekey)), out)
    }

    fn rekey(&self, epoch: u64, gone: &BTreeSet<Pseudonym>, random: &[u8; 32]) -> Result<Rekey, SyncError> {
        let key: Key = hash::derive_secret("hedgerow 2026 sync new epoch v1", random, &[b"key"]);
        let (mut members, mut cuts) = (BTreeSet::new(), Vec::new());
        let mut seal_keys = BTreeSet::from([crypto::seal_public(&self.seal)]);
        for (id, log) in self.logs.iter().filter(|(_, log)| log.cut.is_none()) {
            if gone.contains(&log.pseudonym) {
                cuts.push(Cut {
                    log: *id,
                    next: log.next,
                });
            } else if !log.left {
                members.insert(log.pseudonym);
                seal_keys.insert(log.seal_key);
            }
        }
        if members.len() > MAX_MEMBERS || cuts.len() > MAX_CUTS || seal_keys.len() > MAX_MEMBERS {
            return Err(SyncError::TooMany);
        }
        let aad = epoch_aad(&self.id, epoch);
        let ephemeral = |to: &[u8; 32]| hash::derive_secret("hedgerow 2026 sync ephemeral v1", random, &[to]);
        // A member whose seal key is no key gets none; that harms only them.
        let keys = seal_keys
            .iter()
            .filter_map(|to| crypto::wrap(to, &key, &ephemeral(to), &aad))
            .collect();
        let commitment = SpaceGenesis::commit(&key);
        Ok(Rekey {
            epoch,
            members: members.into_iter().collect(),
            cuts,
            commitment,
            keys,
        })
    }

    /// An invite for the present epoch. Nothing is stored: it can be made again.
    pub(crate) fn invite(&self, space_name: Option<String>, random: &[u8; 32]) -> Result<Invite, SyncError> {
        if self.genesis.kind != SpaceKind::Invited {
            return Err(SyncError::NotInvited);
        }
        self.writable()?;
        let epoch = self.writing_epoch();
        self.sealing_key(epoch).ok_or(SyncError::NoKey)?;
        let secret: Zeroizing<[u8; 32]> = hash::derive_secret("hedgerow 2026 sync invite secret v1", random, &[]);
        let invite_key = SecretKey::from_seed(&secret).public().0;
        let claim = InviteClaim {
            space: self.id,
            epoch,
            invite_key,
            issuer: self.pseudonym,
        };
        let keys = self
            .keys
            .iter()
            .flat_map(|(epoch, keys)| keys.iter().map(|key| (*epoch, key)));
        let name = self.name.clone().filter(|name| name.len() <= limits::MAX_NAME);
        Ok(Invite {
            genesis: self.genesis.clone(),
            space_name: space_name.filter(|name| name.len() <= limits::MAX_NAME),
            issuer_name: name,
            invite: Signed::sign(&claim, &self.pseudonym_key),
            secret: *secret,
            chain: self.chain(epoch)?,
            keys: keys.map(|(epoch, key)| EpochKey { epoch, key: **key }).collect(),
        })
    }

    /// How this user came in, for invites of `epoch`.
    fn chain(&self, epoch: u64) -> Result<Vec<Link>, SyncError> {
        if self.is_base(epoch, &self.pseudonym) {
            return Ok(Vec::new());
        }
        let Admission::Joined(joined) = &self.admission else {
            return Err(SyncError::NotJoined);
        };
        let link = Link {
            invite: joined.invite.clone(),
            log: self.own,
            pseudonym: self.pseudonym,
            proof: joined.proof,
        };
        let chain: Vec<Link> = core::iter::once(link).chain(joined.chain.iter().cloned()).collect();
        if chain.len() > hedgerow_wire::sync::MAX_CHAIN || self.keys.len() > hedgerow_wire::sync::MAX_EPOCHS {
            return Err(SyncError::TooMany);
        }
        Ok(chain)
    }

    /// Whether a new member's first entry still waits to be written.
    pub(crate) fn wants_open(&self) -> bool {
        let invited = self.genesis.kind == SpaceKind::Invited;
        invited && !self.loading && !self.removed && !self.logs.contains_key(&self.own)
    }
}

fn signed_part(bytes: &[u8]) -> Option<Signed<Header>> {
    let entry = Entry::from_bytes(bytes).ok()?;
    Some(Signed::from_parts(entry.signed.to_vec(), entry.signature))
}
