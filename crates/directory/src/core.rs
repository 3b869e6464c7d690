//! The exchange: records in, verified, kept once, passed on.

use crate::{
    api::{Effect, Input, PublishError},
    recon::IdSet,
};
use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use hedgerow_base::{NodeId, PublicKey, RecordId, WidgetId};
use hedgerow_wire::directory::{DirectoryFrame, DirectoryFrameError, MAX_IDS, Range, Record};

/// Records in all.
const MOST_RECORDS: usize = 400_000;
/// Releases of one widget.
const MOST_RELEASES: usize = 200;
/// Widgets of one author key.
const MOST_WIDGETS: u32 = 500;
/// How often connected peers reconcile again, in milliseconds: heals whatever was lost.
const RECONCILE_MS: u64 = 120_000;
/// Reconciliation messages that a peer may send per [`RECONCILE_MS`]; more are not answered.
const MOST_STEPS: u32 = 256;
/// How often a peer may have the whole directory per [`RECONCILE_MS`]; what it wants beyond that is not sent.
const MOST_COPIES: usize = 2;
/// Records beside those: a small directory may be fetched more often.
const MOST_EXTRA: usize = 4096;
/// Ids of refused records that are remembered, so that they are not fetched again and again.
const MOST_REFUSED: usize = 65_536;
/// Ids that are asked of a peer at once.
const WANT: usize = 2048;

#[derive(Clone, Debug, Default)]
struct Widget {
    releases: BTreeMap<u64, RecordId>,
    /// What each of `releases` names as the one before it.
    before: BTreeMap<u64, Option<RecordId>>,
    newest: Option<(u64, RecordId)>,
    count: usize,
    forked: bool,
}

#[derive(Default)]
struct Peer {
    steps: u32,
    /// Records sent because it wanted them.
    served: usize,
}

/// The directory as one node keeps it.
///
/// Driving contract: one [`Input::Restore`] per stored record, then inputs as they come; carry out effects in order,
/// and call [`Directory::handle_timeout`] when the time of [`Directory::poll_timeout`] has come.
#[derive(Default)]
pub struct Directory {
    ids: IdSet,
    widgets: BTreeMap<WidgetId, Widget>,
    authors: BTreeMap<PublicKey, u32>,
    pinned: BTreeMap<WidgetId, BTreeSet<RecordId>>,
    peers: BTreeMap<NodeId, Peer>,
    /// Sound records that are over a quota or not allowed.
    refused: BTreeSet<RecordId>,
    reconcile_at: Option<u64>,
}

enum Taken {
    New,
    Known,
    /// Sound, but over a quota.
    Refused,
    Bad(&'static str),
}

impl Directory {
    /// An empty directory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an input at `now_ms` (milliseconds since 1970) and adds what is to be done to `effects`.
    pub fn handle(&mut self, now_ms: u64, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Restore { bytes } => {
                if let Ok(record) = Record::from_bytes(&bytes) {
                    self.keep(&record);
                }
            }
            Input::Publish { record } => {
                if matches!(self.take(*record, effects), Taken::New) {
                    self.spread(None, effects);
                }
            }
            Input::PeerConnected { peer } => {
                self.peers.insert(peer, Peer::default());
                self.reconcile_at.get_or_insert(now_ms.saturating_add(RECONCILE_MS));
                self.open(peer, effects);
            }
            Input::PeerDisconnected { peer } => {
                self.peers.remove(&peer);
            }
            Input::Message { peer, bytes } => {
                if let Err(what) = self.message(peer, &bytes, effects) {
                    effects.push(Effect::Misbehaved { peer, what });
                }
            }
        }
    }

    /// When [`Directory::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<u64> {
        self.reconcile_at.filter(|_| !self.peers.is_empty())
    }

    /// Reconciles with every connected peer again.
    pub fn handle_timeout(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
        if self.reconcile_at.is_none_or(|at| at > now_ms) {
            return;
        }
        self.reconcile_at = Some(now_ms.saturating_add(RECONCILE_MS));
        let peers: Vec<NodeId> = self.peers.keys().copied().collect();
        for peer in peers {
            if let Some(state) = self.peers.get_mut(&peer) {
                *state = Peer::default();
            }
            self.open(peer, effects);
        }
    }

    fn open(&self, peer: NodeId, effects: &mut Vec<Effect>) {
        let frame = DirectoryFrame::Reconcile {
            ranges: self.ids.open(),
        };
        effects.push(Effect::Send {
            peer,
            bytes: frame.to_bytes(),
        });
    }

    fn message(&mut self, from: NodeId, bytes: &[u8], effects: &mut Vec<Effect>) -> Result<(), &'static str> {
        let frame = match DirectoryFrame::from_bytes(bytes) {
            Ok(frame) => frame,
            // A later version says more than this one understands.
            Err(DirectoryFrameError::UnknownFrame(_)) => return Ok(()),
            Err(_) => return Err("a malformed frame"),
        };
        let Some(peer) = self.peers.get_mut(&from) else {
            return Ok(());
        };
        match frame {
            DirectoryFrame::Reconcile { ranges } => {
                peer.steps = peer.steps.saturating_add(1);
                if peer.steps <= MOST_STEPS {
                    self.reconcile(from, &ranges, effects);
                }
                Ok(())
            }
            DirectoryFrame::Offer { ids } => {
                self.want(from, &ids, effects);
                Ok(())
            }
            DirectoryFrame::Want { ids } => {
                // Each once: a frame of one id, thousands of times, would be answered with hundreds of megabytes.
                let once: BTreeSet<RecordId> = ids.into_iter().filter(|id| self.ids.contains(id)).collect();
                let most = self.ids.len().saturating_mul(MOST_COPIES).saturating_add(MOST_EXTRA);
                let ids: Vec<RecordId> = once.into_iter().take(most.saturating_sub(peer.served)).collect();
                peer.served = peer.served.saturating_add(ids.len());
                if !ids.is_empty() {
                    effects.push(Effect::SendRecords { peer: from, ids });
                }
                Ok(())
            }
            DirectoryFrame::Records { records } => self.receive(from, &records, effects),
        }
    }

    fn reconcile(&self, from: NodeId, ranges: &[Range], effects: &mut Vec<Effect>) {
        let answer = self.ids.answer(ranges);
        if !answer.ranges.is_empty() {
            let frame = DirectoryFrame::Reconcile { ranges: answer.ranges };
            effects.push(Effect::Send {
                peer: from,
                bytes: frame.to_bytes(),
            });
        }
        self.want(from, &answer.lack, effects);
        if !answer.give.is_empty() {
            effects.push(Effect::SendRecords {
                peer: from,
                ids: answer.give,
            });
        }
    }

    /// Takes records up to the first bad one, and offers on what is new.
    fn receive(
        &mut self,
        from: NodeId,
        records: &[impl core::ops::Deref<Target = Vec<u8>>],
        effects: &mut Vec<Effect>,
    ) -> Result<(), &'static str> {
        let mut fault = Ok(());
        let mut new = Vec::new();
        for bytes in records {
            let record = match Record::from_bytes(bytes) {
                Ok(record) => record,
                Err(DirectoryFrameError::UnknownKind(_)) => continue,
                Err(_) => {
                    fault = Err("a malformed record");
                    break;
                }
            };
            let id = record.id;
            if self.refused.contains(&id) {
                continue;
            }
            match self.take(record, effects) {
                Taken::New => new.push(id),
                Taken::Known => {}
                Taken::Refused => self.refuse(id),
                Taken::Bad(what) => {
                    fault = Err(what);
                    break;
                }
            }
        }
        self.offer(Some(from), &new, effects);
        fault
    }

    fn want(&self, peer: NodeId, ids: &[RecordId], effects: &mut Vec<Effect>) {
        let lacking = ids
            .iter()
            .filter(|id| !self.ids.contains(id) && !self.refused.contains(id));
        let lack: Vec<RecordId> = lacking.copied().collect();
        for part in lack.chunks(WANT) {
            effects.push(Effect::Send {
                peer,
                bytes: DirectoryFrame::Want { ids: part.to_vec() }.to_bytes(),
            });
        }
    }

    /// Tells all peers but one of new records; who lacks them asks.
    fn offer(&self, but: Option<NodeId>, ids: &[RecordId], effects: &mut Vec<Effect>) {
        for part in ids.chunks(MAX_IDS) {
            let bytes = DirectoryFrame::Offer { ids: part.to_vec() }.to_bytes();
            for peer in self.peers.keys().filter(|p| Some(**p) != but) {
                effects.push(Effect::Send {
                    peer: *peer,
                    bytes: bytes.clone(),
                });
            }
        }
    }

    /// Sends what was published last to every peer.
    fn spread(&self, but: Option<NodeId>, effects: &mut Vec<Effect>) {
        let last = effects.iter().rev().find_map(|e| match e {
            Effect::Persist { id, .. } => Some(*id),
            _ => None,
        });
        let Some(id) = last else { return };
        for peer in self.peers.keys().filter(|p| Some(**p) != but) {
            effects.push(Effect::SendRecords {
                peer: *peer,
                ids: [id].to_vec(),
            });
        }
    }

    /// Checks a record, keeps it and says what it changes.
    fn take(&mut self, record: Record, effects: &mut Vec<Effect>) -> Taken {
        if self.ids.contains(&record.id) {
            return Taken::Known;
        }
        let widget = record.release.genesis.widget();
        if !self.has_room(&record, &widget) {
            return Taken::Refused;
        }
        if record.verify().is_err() {
            return Taken::Bad("a record that its author did not sign");
        }
        if self
            .pinned
            .get(&widget)
            .is_some_and(|allowed| !allowed.contains(&record.id))
        {
            return Taken::Refused;
        }
        let forked_before = self.is_forked(&widget);
        self.keep(&record);
        let (id, sequence) = (record.id, record.release.sequence);
        effects.push(Effect::Persist {
            id,
            widget,
            sequence,
            bytes: record.to_bytes(),
        });
        if self.is_forked(&widget) && !forked_before {
            effects.push(Effect::Forked { widget });
        }
        if self.newest(&widget) == Some((sequence, id)) {
            effects.push(Effect::Head {
                id,
                release: Box::new(record.release),
            });
        }
        Taken::New
    }

    /// What is forgotten is fetched, and refused, once more.
    fn refuse(&mut self, id: RecordId) {
        if self.refused.len() >= MOST_REFUSED {
            self.refused.clear();
        }
        self.refused.insert(id);
    }

    fn has_room(&self, record: &Record, widget: &WidgetId) -> bool {
        let known = self.widgets.get(widget);
        // Who signed pays: a genesis may name a key whose owner knows nothing of it.
        let widgets = record
            .signers()
            .filter_map(|key| self.authors.get(&key))
            .copied()
            .max()
            .unwrap_or(0);
        self.ids.len() < MOST_RECORDS && known.map_or(widgets < MOST_WIDGETS, |w| w.count < MOST_RELEASES)
    }

    fn keep(&mut self, record: &Record) {
        if !self.ids.insert(record.id) {
            return;
        }
        let release = &record.release;
        let state = self.widgets.entry(release.genesis.widget()).or_default();
        if state.count == 0 {
            for key in record.signers() {
                *self.authors.entry(key).or_default() += 1;
            }
        }
        state.count += 1;
        let before = release.sequence.checked_sub(1).and_then(|s| state.releases.get(&s));
        let breaks = before.is_some_and(|before| release.prev.as_ref() != Some(before));
        // Records come in any order, so the one after it may be here already.
        let after = release.sequence.checked_add(1).and_then(|s| state.before.get(&s));
        let breaks = breaks || after.is_some_and(|named| *named != Some(record.id));
        let twin = state.releases.contains_key(&release.sequence);
        if twin || breaks {
            state.forked = true;
        }
        state.releases.entry(release.sequence).or_insert(record.id);
        state.before.entry(release.sequence).or_insert(release.prev);
        // Which branch of a fork is the author's nobody can tell: people keep what they see until the author explains.
        if state
            .newest
            .is_none_or(|(sequence, _)| release.sequence > sequence && !state.forked)
        {
            state.newest = Some((release.sequence, record.id));
        }
    }

    /// Takes for `widget` only records named in this way. For widgets that come with the program: their author's key
    /// is no secret, so only the program itself may bring a new release.
    pub fn pin(&mut self, widget: WidgetId, record: RecordId) {
        self.pinned.entry(widget).or_default().insert(record);
    }
    /// Number and record of a widget's newest release; of a forked one, of the newest before the fork was found.
    pub fn newest(&self, widget: &WidgetId) -> Option<(u64, RecordId)> {
        self.widgets.get(widget)?.newest
    }
    /// Whether the author signed two different releases with one number.
    pub fn is_forked(&self, widget: &WidgetId) -> bool {
        self.widgets.get(widget).is_some_and(|w| w.forked)
    }
    /// Whether any release of a widget is known.
    pub fn knows(&self, widget: &WidgetId) -> bool {
        self.widgets.contains_key(widget)
    }
    /// Number of records.
    pub fn len(&self) -> usize {
        self.ids.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
    /// Checks an own record before it is published.
    ///
    /// # Errors
    /// When it would not become the newest, is not well signed, or is over a quota.
    pub fn may_publish(&self, record: &Record) -> Result<(), PublishError> {
        let widget = record.release.genesis.widget();
        if self
            .newest(&widget)
            .is_some_and(|(newest, _)| record.release.sequence <= newest)
        {
            return Err(PublishError::Stale);
        }
        record.verify().map_err(|_| PublishError::NotAuthor)?;
        if self.has_room(record, &widget) {
            Ok(())
        } else {
            Err(PublishError::Quota)
        }
    }
    /// A frame of stored records, for [`Effect::SendRecords`]. The driver keeps each under half of
    /// `limits::MAX_FRAME`.
    pub fn records_frame(records: Vec<Vec<u8>>) -> Vec<u8> {
        DirectoryFrame::Records {
            records: records.into_iter().map(Into::into).collect(),
        }
        .to_bytes()
    }
}
