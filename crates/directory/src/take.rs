//! Taking records: what is checked, what may be kept, what it changes.

use crate::{
    api::{Effect, PublishError},
    chain::{Chain, Unfit},
    core::Directory,
    sayings::Offered,
};
use alloc::{boxed::Box, vec::Vec};
use hedgerow_base::{NodeId, PublicKey, RecordId};
use hedgerow_wire::directory::{Authority, Body, Record, Release, Said};

/// Records in all.
const MOST_RECORDS: usize = 400_000;
/// Releases of one widget.
const MOST_RELEASES: usize = 200;
/// Widgets of one author key.
const MOST_WIDGETS: u32 = 500;
/// Ids of refused records that are remembered, so that they are not fetched again and again.
const MOST_REFUSED: usize = 65_536;
/// Changes of signers and their releases that wait for a change before them.
const MOST_WAITING: usize = 256;
/// Changes of signers of one widget.
const MOST_CHANGES: u32 = 64;
/// New statements of people that this node does not trust, which a peer may bring at first. An honest peer brings what
/// others said; one who makes up people brings no more than this.
const STRANGERS_FIRST: u32 = 20_000;
/// Peers whose share of that is remembered while they are away.
const MOST_REMEMBERED: usize = 1024;

/// What became of a record.
pub(crate) enum Taken {
    New,
    Known,
    /// Sound, but over a quota, or something newer is here.
    Refused,
    /// Sound as far as can be told now.
    Waits,
    Bad(&'static str),
}

const UNSIGNED: &str = "a record that is not signed by who must sign it";

impl Directory {
    /// Checks a record, keeps it and says what it changes. `from` brought it.
    pub(crate) fn take(&mut self, record: Record, from: Option<NodeId>, effects: &mut Vec<Effect>) -> Taken {
        if self.ids.contains(&record.id) {
            return Taken::Known;
        }
        match record.body.clone() {
            Body::Release(release) => self.take_release(record, *release, effects),
            Body::Authority(change) => self.take_change(record, &change, effects),
            Body::Said(said) => self.take_said(&record, said, from, effects),
        }
    }

    fn take_release(&mut self, record: Record, release: Release, effects: &mut Vec<Effect>) -> Taken {
        let widget = release.genesis.widget();
        let id = record.id;
        if !self.has_room(&record, &release) {
            return Taken::Refused;
        }
        let none = Chain::default();
        match self.widgets.get(&widget).unwrap_or(&none).fits(&record, &release) {
            Ok(()) => {}
            Err(Unfit::Unsigned) => return Taken::Bad(UNSIGNED),
            Err(Unfit::Void) => return Taken::Refused,
            Err(Unfit::TooEarly) => return self.wait(record),
        }
        if self.pinned.get(&widget).is_some_and(|allowed| !allowed.contains(&id)) {
            return Taken::Refused;
        }
        let forked_before = self.is_forked(&widget);
        effects.push(Effect::Persist {
            id,
            widget: Some(widget),
            sequence: release.sequence,
            bytes: record.to_bytes(),
        });
        let newest = self.keep_release(&record, &release);
        if self.is_forked(&widget) && !forked_before {
            effects.push(Effect::Forked { widget });
        }
        if newest {
            let release = Box::new(release);
            effects.push(Effect::Head { id, release });
        }
        Taken::New
    }

    fn take_change(&mut self, record: Record, change: &Authority, effects: &mut Vec<Effect>) -> Taken {
        let widget = change.genesis.widget();
        if change.epoch > MOST_CHANGES || self.ids.len() >= MOST_RECORDS || self.pinned.contains_key(&widget) {
            return Taken::Refused;
        }
        let none = Chain::default();
        let chain = self.widgets.get(&widget).unwrap_or(&none);
        if chain.count >= MOST_RELEASES {
            return Taken::Refused;
        }
        match chain.fits_change(&record, change) {
            Ok(()) => {}
            Err(Unfit::TooEarly) => return self.wait(record),
            Err(Unfit::Unsigned | Unfit::Void) => return Taken::Bad(UNSIGNED),
        }
        effects.push(Effect::Persist {
            id: record.id,
            widget: Some(widget),
            sequence: 0,
            bytes: record.to_bytes(),
        });
        self.ids.insert(record.id);
        let chain = self.widgets.entry(widget).or_default();
        let was_forked = chain.two_faced;
        let changed = chain.change(record.id, change);
        if chain.two_faced && !was_forked {
            effects.push(Effect::Forked { widget });
        }
        if changed {
            effects.push(Effect::Changed { widget });
        }
        Taken::New
    }

    fn take_said(
        &mut self,
        record: &Record,
        said: Box<Said>,
        from: Option<NodeId>,
        effects: &mut Vec<Effect>,
    ) -> Taken {
        let id = record.id;
        match self.sayings.offer(&id, &said) {
            Offered::Takes(_) if self.ids.len() < MOST_RECORDS => {}
            Offered::Takes(_) | Offered::Old | Offered::Full => return Taken::Refused,
        }
        if let Some(from) = from.filter(|_| !self.sayings.trusts(&said.by))
            && !self.may_bring(from)
        {
            // It is asked for again later, or comes from somebody else.
            return Taken::Waits;
        }
        if record.verify().is_err() {
            return Taken::Bad(UNSIGNED);
        }
        effects.push(Effect::Persist {
            id,
            widget: said.widget(),
            sequence: 0,
            bytes: record.to_bytes(),
        });
        self.keep_said(id, &said, effects);
        effects.push(Effect::Said { id, said });
        Taken::New
    }

    /// Whether a peer may bring one more statement of a stranger.
    fn may_bring(&mut self, peer: NodeId) -> bool {
        if self.strangers.len() >= MOST_REMEMBERED && !self.strangers.contains_key(&peer) {
            let connected = &self.peers;
            self.strangers.retain(|node, _| connected.contains_key(node));
        }
        let brought = self.strangers.entry(peer).or_default();
        *brought = brought.saturating_add(1);
        *brought <= STRANGERS_FIRST
    }

    fn wait(&mut self, record: Record) -> Taken {
        if self.waiting.len() >= MOST_WAITING {
            self.waiting.remove(0);
        }
        if self.waiting.iter().all(|waits| waits.id != record.id) {
            self.waiting.push(record);
        }
        Taken::Waits
    }

    /// Tries again what waited for a change of signers. Answers what is new.
    pub(crate) fn take_waiting(&mut self, effects: &mut Vec<Effect>) -> Vec<RecordId> {
        let mut new = Vec::new();
        loop {
            let waiting = core::mem::take(&mut self.waiting);
            let before = new.len();
            for record in waiting {
                let id = record.id;
                if matches!(self.take(record, None, effects), Taken::New) {
                    new.push(id);
                }
            }
            if new.len() == before || self.waiting.is_empty() {
                return new;
            }
        }
    }

    /// What is forgotten is fetched, and refused, once more.
    pub(crate) fn refuse(&mut self, id: RecordId) {
        if self.refused.len() >= MOST_REFUSED {
            self.refused.clear();
        }
        self.refused.insert(id);
    }

    fn has_room(&self, record: &Record, release: &Release) -> bool {
        let known = self
            .widgets
            .get(&release.genesis.widget())
            .filter(|chain| chain.count > 0);
        // Who signed pays: a genesis may name a key whose owner knows nothing of it.
        let of = |key: PublicKey| self.authors.get(&key).copied().unwrap_or(0);
        let widgets = self.signers(record, release).into_iter().map(of).max().unwrap_or(0);
        self.ids.len() < MOST_RECORDS && known.map_or(widgets < MOST_WIDGETS, |w| w.count < MOST_RELEASES)
    }

    /// The keys whose signatures a release carries.
    fn signers(&self, record: &Record, release: &Release) -> Vec<PublicKey> {
        let chain = self.widgets.get(&release.genesis.widget());
        let keys = match chain {
            Some(chain) => chain.signers(&release.genesis, release.epoch).map(|(keys, _)| keys),
            None => Some(release.genesis.author_keys().collect()),
        };
        let keys = keys.unwrap_or_default();
        let numbers = record.signature_numbers().map(usize::from);
        numbers.filter_map(|number| keys.get(number).copied()).collect()
    }

    pub(crate) fn keep(&mut self, record: &Record, effects: &mut Vec<Effect>) {
        match &record.body {
            Body::Release(release) => {
                self.keep_release(record, release);
            }
            Body::Authority(change) => {
                if self.ids.insert(record.id) {
                    self.widgets
                        .entry(change.genesis.widget())
                        .or_default()
                        .change(record.id, change);
                }
            }
            Body::Said(said) => match self.sayings.offer(&record.id, said) {
                Offered::Old => {}
                Offered::Takes(_) | Offered::Full => self.keep_said(record.id, said, effects),
            },
        }
    }

    /// Answers whether it is the newest now.
    fn keep_release(&mut self, record: &Record, release: &Release) -> bool {
        if !self.ids.insert(record.id) {
            return false;
        }
        let signers = self.signers(record, release);
        let chain = self.widgets.entry(release.genesis.widget()).or_default();
        if chain.count == 0 {
            for key in signers {
                *self.authors.entry(key).or_default() += 1;
            }
        }
        chain.keep(record.id, release)
    }

    fn keep_said(&mut self, id: RecordId, said: &Said, effects: &mut Vec<Effect>) {
        self.ids.insert(id);
        if let Some(old) = self.sayings.keep(id, said) {
            self.ids.remove(&old);
            self.refuse(old);
            effects.push(Effect::Drop { id: old });
        }
    }

    /// Checks an own record before it is published.
    ///
    /// # Errors
    /// When it would not become the newest, is not well signed, or is over a quota.
    pub fn may_publish(&self, record: &Record) -> Result<(), PublishError> {
        match &record.body {
            Body::Release(release) => self.may_release(record, release),
            Body::Authority(change) => {
                let none = Chain::default();
                let chain = self.widgets.get(&change.genesis.widget()).unwrap_or(&none);
                match chain.fits_change(record, change) {
                    Ok(()) if change.epoch > chain.epoch() && change.epoch <= MOST_CHANGES => Ok(()),
                    Ok(()) | Err(Unfit::TooEarly | Unfit::Void) => Err(PublishError::Stale),
                    Err(Unfit::Unsigned) => Err(PublishError::NotAuthor),
                }
            }
            Body::Said(said) => match self.sayings.offer(&record.id, said) {
                Offered::Takes(_) => record.verify().map_err(|_| PublishError::NotAuthor),
                Offered::Old => Err(PublishError::Old),
                Offered::Full => Err(PublishError::Quota),
            },
        }
    }
    fn may_release(&self, record: &Record, release: &Release) -> Result<(), PublishError> {
        let widget = release.genesis.widget();
        let none = Chain::default();
        let chain = self.widgets.get(&widget).unwrap_or(&none);
        match chain.fits(record, release) {
            Ok(()) => {}
            Err(Unfit::Unsigned) => return Err(PublishError::NotAuthor),
            Err(Unfit::TooEarly | Unfit::Void) => return Err(PublishError::Stale),
        }
        let newest = chain.newest().map_or(0, |(newest, _)| newest);
        if release.epoch < chain.epoch() || release.sequence <= newest {
            return Err(PublishError::Stale);
        }
        if self.has_room(record, release) {
            Ok(())
        } else {
            Err(PublishError::Quota)
        }
    }
}
