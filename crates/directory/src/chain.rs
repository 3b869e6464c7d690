//! The releases of one widget: who may sign which, which is the newest, and whether the author is of two minds.
//!
//! Releases are ordered by epoch, then by sequence number. An [`Authority`] opens a new epoch: releases of earlier ones
//! from its `from` on do not count, nor do those that it takes back. A fork is two releases of one epoch and number, or a
//! release that does not name the one before it; while one stands that still counts, nothing becomes the newest.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use hedgerow_base::{PublicKey, RecordId};
use hedgerow_wire::directory::{Authority, Genesis, Record, Release};

/// Order of releases.
type Place = (u32, u64);

#[derive(Clone, Debug)]
struct Change {
    id: RecordId,
    keys: Vec<PublicKey>,
    threshold: u8,
    from: u64,
    revoked: BTreeSet<RecordId>,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    id: RecordId,
    prev: Option<RecordId>,
}

/// Why a record is not taken into the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// Not signed by who must sign it.
    Unsigned,
    /// Of an epoch whose change of signers is not here yet.
    TooEarly,
    /// A later change of signers took it back.
    Void,
}

/// What is known of one widget.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chain {
    links: BTreeMap<Place, Link>,
    changes: Vec<Change>,
    newest: Option<(Place, RecordId)>,
    forks: BTreeSet<Place>,
    /// Records kept, the second of a fork included.
    pub(crate) count: usize,
    /// Once two-faced, for ever.
    pub(crate) two_faced: bool,
}

impl Chain {
    /// Whether a release may be taken.
    pub(crate) fn fits(&self, record: &Record, release: &Release) -> Result<(), Unfit> {
        let (keys, threshold) = self.signers(&release.genesis, release.epoch).ok_or(Unfit::TooEarly)?;
        record.verify_by(&keys, threshold).map_err(|_| Unfit::Unsigned)?;
        let place = (release.epoch, release.sequence);
        match self.counts(place, &record.id) {
            true => Ok(()),
            false => Err(Unfit::Void),
        }
    }
    /// Whether a change of signers may be taken.
    pub(crate) fn fits_change(&self, record: &Record, change: &Authority) -> Result<(), Unfit> {
        let before = change.epoch.checked_sub(1).ok_or(Unfit::Unsigned)?;
        let (keys, threshold) = self.signers(&change.genesis, before).ok_or(Unfit::TooEarly)?;
        record.verify_by(&keys, threshold).map_err(|_| Unfit::Unsigned)
    }
    /// Keys and threshold of an epoch.
    pub(crate) fn signers(&self, genesis: &Genesis, epoch: u32) -> Option<(Vec<PublicKey>, u8)> {
        let Some(before) = epoch.checked_sub(1) else {
            return Some((genesis.author_keys().collect(), genesis.threshold));
        };
        let change = self.changes.get(usize::try_from(before).ok()?)?;
        Some((change.keys.clone(), change.threshold))
    }
    /// The epoch of the next release.
    pub(crate) fn epoch(&self) -> u32 {
        u32::try_from(self.changes.len()).unwrap_or(u32::MAX)
    }
    /// First number under the present signers.
    pub(crate) fn from(&self) -> u64 {
        self.changes.last().map_or(1, |change| change.from)
    }
    /// Whether no later change of signers takes a release back.
    fn counts(&self, (epoch, sequence): Place, id: &RecordId) -> bool {
        let later = self.changes.iter().skip(usize::try_from(epoch).unwrap_or(usize::MAX));
        later.clone().all(|change| sequence < change.from)
            && later.into_iter().all(|change| !change.revoked.contains(id))
    }
    /// Whether a release is known and was not taken back.
    pub(crate) fn stands(&self, id: &RecordId) -> bool {
        let known = self.links.iter().find(|(_, link)| link.id == *id);
        known.is_some_and(|(place, id)| self.counts(*place, &id.id))
    }
    /// Keeps a release that fits. Answers whether it is now the newest.
    pub(crate) fn keep(&mut self, id: RecordId, release: &Release) -> bool {
        let place = (release.epoch, release.sequence);
        self.count += 1;
        let named = |place: Option<Place>| place.and_then(|place| self.links.get(&place));
        let before = named(release.sequence.checked_sub(1).map(|s| (release.epoch, s)));
        // Records come in any order, so the one after it may be here already.
        let after = named(release.sequence.checked_add(1).map(|s| (release.epoch, s)));
        let breaks = before.is_some_and(|before| release.prev.as_ref() != Some(&before.id))
            || after.is_some_and(|after| after.prev.as_ref() != Some(&id));
        let twin = self.links.contains_key(&place);
        if twin || breaks {
            self.forks.insert(place);
            self.two_faced = true;
        }
        self.links.entry(place).or_insert(Link { id, prev: release.prev });
        // Which branch of a fork is the author's nobody can tell: people keep what they see until the author explains.
        let newer = self
            .newest
            .is_none_or(|(newest, _)| place > newest && !self.is_forked());
        if newer && self.counts(place, &id) {
            self.newest = Some((place, id));
            return true;
        }
        false
    }
    /// Keeps a change of signers that fits. Answers whether another release is the newest now.
    pub(crate) fn change(&mut self, id: RecordId, authority: &Authority) -> bool {
        self.count += 1;
        let number = usize::try_from(authority.epoch.saturating_sub(1)).unwrap_or(usize::MAX);
        if let Some(known) = self.changes.get(number) {
            self.two_faced |= known.id != id;
            return false;
        }
        self.changes.push(Change {
            id,
            keys: authority.author_keys().collect(),
            threshold: authority.threshold,
            from: authority.from,
            revoked: authority.revoked.iter().copied().collect(),
        });
        let before = self.newest;
        let standing = |(place, id): &(Place, RecordId)| self.counts(*place, id);
        if !before.as_ref().is_some_and(standing) || !self.is_forked() {
            let forks = self.open_forks().next();
            let all = self
                .links
                .iter()
                .filter(|(place, _)| forks.is_none_or(|fork| **place < fork));
            let mut counting = all.filter(|(place, link)| self.counts(**place, &link.id));
            self.newest = counting.next_back().map(|(place, link)| (*place, link.id));
        }
        self.newest != before
    }
    /// Forks of releases that still count.
    fn open_forks(&self) -> impl Iterator<Item = Place> + '_ {
        let counts = |place: &&Place| self.links.get(place).is_some_and(|link| self.counts(**place, &link.id));
        self.forks.iter().filter(counts).copied()
    }
    /// Whether two releases that exclude each other both count.
    pub(crate) fn is_forked(&self) -> bool {
        self.open_forks().next().is_some()
    }
    /// Number and record of the newest release; of a forked chain, of the newest before the fork was found.
    pub(crate) fn newest(&self) -> Option<(u64, RecordId)> {
        self.newest.map(|((_, sequence), id)| (sequence, id))
    }
}
