//! The exchange: records in, verified, kept once, passed on.

use crate::{
    api::{Effect, Input},
    chain::Chain,
    recon::IdSet,
    sayings::Sayings,
    sketch::Sketch,
    take::Taken,
};
use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use hedgerow_base::{NodeId, PublicKey, RecordId, WidgetId};
use hedgerow_wire::directory::{
    DirectoryFrame, DirectoryFrameError, Genesis, KIND_INSTALLS, MAX_IDS, Range, Record, Round, Slot,
};

/// How often connected peers reconcile again, in milliseconds: heals whatever was lost.
const RECONCILE_MS: u64 = 120_000;
/// Reconciliation messages that a peer may send per [`RECONCILE_MS`]; more are not answered.
const MOST_STEPS: u32 = 256;
/// How often a peer may have the whole directory per [`RECONCILE_MS`]; what it wants beyond that is not sent.
const MOST_COPIES: usize = 2;
/// Records beside those: a small directory may be fetched more often.
const MOST_EXTRA: usize = 4096;
/// Ids that are asked of a peer at once.
const WANT: usize = 2048;
/// New statements of people that this node does not trust, which a peer may bring per [`RECONCILE_MS`] beside the first.
const STRANGERS_MORE: u32 = 2_000;

#[derive(Default)]
pub(crate) struct Peer {
    steps: u32,
    /// Records sent because it wanted them.
    served: usize,
    pub(crate) sketch: Sketch,
}

/// The directory as one node keeps it.
///
/// Driving contract: one [`Input::Restore`] per stored record, then inputs as they come; carry out effects in order,
/// and call [`Directory::handle_timeout`] when the time of [`Directory::poll_timeout`] has come.
#[derive(Default)]
pub struct Directory {
    pub(crate) ids: IdSet,
    pub(crate) widgets: BTreeMap<WidgetId, Chain>,
    pub(crate) sayings: Sayings,
    /// Sound records whose change of signers is not here yet.
    pub(crate) waiting: Vec<Record>,
    /// New statements of strangers that a peer brought.
    pub(crate) strangers: BTreeMap<NodeId, u32>,
    pub(crate) authors: BTreeMap<PublicKey, u32>,
    pub(crate) pinned: BTreeMap<WidgetId, BTreeSet<RecordId>>,
    pub(crate) peers: BTreeMap<NodeId, Peer>,
    /// Sound records that are over a quota or not allowed.
    pub(crate) refused: BTreeSet<RecordId>,
    /// Secret, for keys of sessions.
    pub(crate) seed: [u8; 16],
    pub(crate) sessions_begun: u64,
    reconcile_at: Option<u64>,
}

impl Directory {
    /// An empty directory.
    pub fn new() -> Self {
        Self::default()
    }
    /// Draws the keys of its comparisons from a secret, so that nobody makes records for them.
    pub fn seeded(seed: [u8; 16]) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }

    /// Takes an input at `now_ms` (milliseconds since 1970) and adds what is to be done to `effects`.
    pub fn handle(&mut self, now_ms: u64, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Restore { bytes } => {
                if let Ok(record) = Record::from_bytes(&bytes) {
                    self.keep(&record, effects);
                }
            }
            Input::Publish { record } => {
                if matches!(self.take(*record, None, effects), Taken::New) {
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
            Input::Trust { trusted, unwanted } => self.sayings.trust(trusted, unwanted),
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
        for brought in self.strangers.values_mut() {
            *brought = brought.saturating_sub(STRANGERS_MORE);
        }
        let peers: Vec<NodeId> = self.peers.keys().copied().collect();
        for peer in peers {
            if let Some(state) = self.peers.get_mut(&peer) {
                *state = Peer::default();
            }
            self.open(peer, effects);
        }
    }

    fn message(&mut self, from: NodeId, bytes: &[u8], effects: &mut Vec<Effect>) -> Result<(), &'static str> {
        let frame = match DirectoryFrame::from_bytes(bytes) {
            Ok(frame) => frame,
            // A later version says more than this one understands.
            Err(DirectoryFrameError::UnknownFrame(_)) => return Ok(()),
            Err(_) => return Err("a malformed frame"),
        };
        if !self.peers.contains_key(&from) {
            return Ok(());
        }
        match frame {
            DirectoryFrame::Reconcile { ranges } => {
                if self.step(&from) {
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
                self.serve(from, once.into_iter().collect(), effects);
                Ok(())
            }
            DirectoryFrame::Open { print, count } => {
                if self.step(&from) {
                    self.opened(from, print, count, effects);
                }
                Ok(())
            }
            DirectoryFrame::Ask {
                key,
                from: first,
                count,
            } => {
                if self.step(&from) {
                    self.asked(from, key, first, count, effects);
                }
                Ok(())
            }
            DirectoryFrame::Symbols { from: first, symbols } => {
                self.symbols(from, first, &symbols, effects);
                Ok(())
            }
            DirectoryFrame::WantShort { key, ids } => {
                if self.step(&from) {
                    let ids = self.of_short(key, ids);
                    self.serve(from, ids, effects);
                }
                Ok(())
            }
            DirectoryFrame::Records { records } => self.receive(from, &records, effects),
            DirectoryFrame::Round { round } => {
                effects.push(Effect::Round {
                    peer: from,
                    round: Box::new(round),
                });
                Ok(())
            }
        }
    }

    /// Counts a question of a peer; no more than so many are answered.
    fn step(&mut self, from: &NodeId) -> bool {
        let Some(peer) = self.peers.get_mut(from) else {
            return false;
        };
        peer.steps = peer.steps.saturating_add(1);
        peer.steps <= MOST_STEPS
    }

    /// Sends what a peer wants, within what it may have.
    fn serve(&mut self, from: NodeId, ids: Vec<RecordId>, effects: &mut Vec<Effect>) {
        let most = self.ids.len().saturating_mul(MOST_COPIES).saturating_add(MOST_EXTRA);
        let Some(peer) = self.peers.get_mut(&from) else {
            return;
        };
        let ids: Vec<RecordId> = ids.into_iter().take(most.saturating_sub(peer.served)).collect();
        peer.served = peer.served.saturating_add(ids.len());
        if !ids.is_empty() {
            effects.push(Effect::SendRecords { peer: from, ids });
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
            if record.said().is_some_and(|said| said.kind == KIND_INSTALLS) {
                fault = Err("installs that were not handed over first-hand");
                break;
            }
            match self.take(record, Some(from), effects) {
                Taken::New => new.push(id),
                Taken::Known | Taken::Waits => {}
                Taken::Refused => self.refuse(id),
                Taken::Bad(what) => {
                    fault = Err(what);
                    break;
                }
            }
        }
        new.extend(self.take_waiting(effects));
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

    /// Takes for `widget` only records named in this way. For widgets that come with the program: their author's key
    /// is no secret, so only the program itself may bring a new release.
    pub fn pin(&mut self, widget: WidgetId, record: RecordId) {
        self.pinned.entry(widget).or_default().insert(record);
    }
    /// Number and record of a widget's newest release; of a forked one, of the newest before the fork was found.
    pub fn newest(&self, widget: &WidgetId) -> Option<(u64, RecordId)> {
        self.widgets.get(widget)?.newest()
    }
    /// Whether the author signed two releases that exclude each other, and neither was taken back.
    pub fn is_forked(&self, widget: &WidgetId) -> bool {
        self.widgets.get(widget).is_some_and(Chain::is_forked)
    }
    /// Whether the author ever did.
    pub fn is_two_faced(&self, widget: &WidgetId) -> bool {
        self.widgets.get(widget).is_some_and(|w| w.two_faced)
    }
    /// Whether a release is known and was not taken back.
    pub fn stands(&self, widget: &WidgetId, id: &RecordId) -> bool {
        self.widgets.get(widget).is_some_and(|chain| chain.stands(id))
    }
    /// All widgets whose author ever did.
    pub fn two_faced(&self) -> impl Iterator<Item = WidgetId> + '_ {
        let two_faced = self.widgets.iter().filter(|(_, chain)| chain.two_faced);
        two_faced.map(|(widget, _)| *widget)
    }
    /// Whether any release of a widget is known.
    pub fn knows(&self, widget: &WidgetId) -> bool {
        self.widgets.get(widget).is_some_and(|chain| chain.count > 0)
    }
    /// Epoch, keys, threshold and lowest number of the next release of a widget.
    pub fn next_signers(&self, genesis: &Genesis) -> (u32, Vec<PublicKey>, u8, u64) {
        let none = Chain::default();
        let chain = self.widgets.get(&genesis.widget()).unwrap_or(&none);
        let (keys, threshold) = chain.signers(genesis, chain.epoch()).unwrap_or_default();
        (chain.epoch(), keys, threshold, chain.from())
    }
    /// Revision of what stands at a place; 0 if nothing does.
    pub fn revision(&self, slot: &Slot) -> u64 {
        self.sayings.revision(slot)
    }
    /// Statements of people.
    pub fn statements(&self) -> usize {
        self.sayings.len()
    }
    /// Keeps fewer statements than it could, for tests and small devices.
    pub fn limit_statements(&mut self, most: usize) {
        self.sayings.set_most(most);
    }
    /// A frame of the exchange.
    pub fn round_frame(round: Round) -> Vec<u8> {
        DirectoryFrame::Round { round }.to_bytes()
    }
    /// Number of records.
    pub fn len(&self) -> usize {
        self.ids.len()
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
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
