//! What people say of widgets and of each other, as this node keeps and judges it: ratings, comments, certificates, who has
//! what, and what follows from it for lists, for what is fetched ahead and for updates.
//!
//! The cores decide: `directory` what is kept, `trust` what it means. Here they meet the store and the network. Judging
//! reads the database beside the engine, a tenth of the time at most, and lists show the last judgement.

mod ahead;
mod calls;
mod judge;
mod lists;
mod people;
mod read;
mod say;
mod settings;
mod why;

pub(crate) use calls::call;
pub(crate) use judge::View;
pub(crate) use lists::search;
pub(crate) use settings::Kept;

use crate::engine::{Engine, store_error};
use hedgerow_api::{ApiError, Event};
use hedgerow_base::{ContentId, NodeId, PersonId, RecordId, WidgetId};
use hedgerow_directory::{Directory, Said};
use hedgerow_net::Channel;
use hedgerow_store::said::{MetRow, SaidRow};
use hedgerow_trust::rounds::{Effect, Input, Rounds};
use hedgerow_wire::directory::{KIND_CERTIFICATE, Record, Round, Subject, Used, What};
use std::{collections::BTreeMap, sync::Arc};

/// Value of a statement that was taken back.
pub(crate) const WITHDRAWN: u8 = 255;
/// Peers whose comparison counts as lately, in milliseconds.
pub(crate) const LATELY_MS: u64 = 3600 * 1000;
/// Peers whose last comparison is remembered.
const MOST_COMPARED: usize = 1024;

/// The part of the engine's state that is about opinions.
pub(crate) struct Opinions {
    pub(crate) rounds: Rounds,
    pub(crate) kept: Kept,
    /// What was judged last.
    pub(crate) view: Arc<View>,
    pub(crate) judging: judge::Judging,
    pub(crate) ahead: ahead::Ahead,
    /// Widget and size of the packages of newest releases.
    pub(crate) contents: BTreeMap<ContentId, (WidgetId, u64)>,
    /// What the exchange was told last: whether it may tell, and what is installed.
    told: Option<(bool, Vec<Used>)>,
    /// When a peer had the same directory.
    pub(crate) compared: BTreeMap<NodeId, u64>,
}

impl Opinions {
    pub(crate) fn new(seed: [u8; 8]) -> Self {
        Self {
            rounds: Rounds::new(u64::from_le_bytes(seed)),
            kept: Kept::default(),
            view: Arc::default(),
            judging: judge::Judging::default(),
            ahead: ahead::Ahead::default(),
            contents: BTreeMap::new(),
            told: None,
            compared: BTreeMap::new(),
        }
    }
    pub(crate) fn poll_timeout(&self) -> Option<u64> {
        let due = [
            self.rounds.poll_timeout(),
            self.judging.poll_timeout(),
            self.ahead.poll_timeout(),
        ];
        due.into_iter().flatten().min()
    }
}

impl Engine {
    /// The key under which this user publishes, rates and vouches.
    pub(crate) fn me(&self) -> PersonId {
        self.identity.author_key().public().into()
    }

    /// Reads back what is kept.
    pub(crate) fn load_opinions(&mut self) -> Result<(), ApiError> {
        self.load_directory_settings()?;
        let now = self.now_ms();
        let mut effects = Vec::new();
        for row in self.store.met().map_err(|e| store_error(&e))? {
            let Ok(round) = minicbor::decode::<Round>(&row.round) else {
                continue;
            };
            let restore = Input::Restore {
                node: row.node,
                network: row.network,
                at_ms: row.time_ms,
                round: Box::new(round),
            };
            self.opinions.rounds.handle(now, restore, &mut effects);
        }
        for row in self.store.said_of_kind(KIND_CERTIFICATE).map_err(|e| store_error(&e))? {
            let learned = Input::Certificate { id: row.id, by: row.by };
            self.opinions.rounds.handle(now, learned, &mut effects);
        }
        self.tell_installs();
        self.judge_soon();
        self.apply_rounds(effects);
        Ok(())
    }

    /// Notes a statement that was kept.
    pub(crate) fn heard_said(&mut self, id: RecordId, said: &Said) -> Result<(), ApiError> {
        let now = self.now_ms();
        let (person, value) = match &said.what {
            What::Rating(rating) => (None, if rating.stars == 0 { WITHDRAWN } else { rating.stars }),
            What::Comment(comment) => (None, comment.state as u8),
            What::Certificate(certificate) => {
                let value = if certificate.revoked {
                    WITHDRAWN
                } else {
                    certificate.role as u8
                };
                let person = match certificate.subject {
                    Subject::Person(person) => Some(person),
                    Subject::Widget(_) => None,
                };
                (person, value)
            }
            What::Installs(_) => return Ok(()),
        };
        let row = SaidRow {
            id,
            kind: said.kind,
            by: said.by,
            widget: said.widget(),
            person,
            value,
            received_ms: now,
        };
        let name = crate::notices::clean(&said.name, 64);
        self.stored(|store| {
            store.put_said(&row)?;
            store.put_person(&said.by, &name)
        })?;
        if said.kind == KIND_CERTIFICATE {
            self.rounds(Input::Certificate { id, by: said.by });
        }
        self.tell_author(said)?;
        self.judge_soon();
        Ok(())
    }

    /// Forgets a statement whose place something newer has.
    pub(crate) fn drop_said(&mut self, id: &RecordId) -> Result<(), ApiError> {
        let row = self.stored(|store| store.drop_said(id))?;
        if let Some(row) = row.filter(|row| row.kind == KIND_CERTIFICATE) {
            self.rounds(Input::Dropped { id: row.id, by: row.by });
        }
        self.judge_soon();
        Ok(())
    }

    /// A peer has what this node has.
    pub(crate) fn compared(&mut self, peer: NodeId) {
        let now = self.now_ms();
        let compared = &mut self.opinions.compared;
        if compared.len() >= MOST_COMPARED {
            compared.retain(|_, at| at.saturating_add(LATELY_MS) > now);
        }
        compared.insert(peer, now);
    }
    /// Peers that were compared with lately.
    pub(crate) fn compared_lately(&self) -> u32 {
        let now = self.now_ms();
        let lately = self
            .opinions
            .compared
            .values()
            .filter(|at| at.saturating_add(LATELY_MS) > now);
        u32::try_from(lately.count()).unwrap_or(u32::MAX)
    }

    pub(crate) fn rounds_connected(&mut self, peer: NodeId) {
        let network = self.network_of(&peer);
        // One of the two begins, so that each pair makes one round.
        let begin = self.identity.node() < peer;
        self.rounds(Input::Connected { peer, network, begin });
    }
    pub(crate) fn rounds_disconnected(&mut self, peer: NodeId) {
        self.rounds(Input::Disconnected { peer });
    }
    pub(crate) fn rounds_message(&mut self, peer: NodeId, round: Box<Round>) {
        // It may have come over a relay and be direct now.
        let network = self.network_of(&peer);
        self.rounds(Input::Moved { peer, network });
        self.rounds(Input::Round { peer, round });
    }
    fn rounds(&mut self, input: Input) {
        let mut effects = Vec::new();
        self.opinions.rounds.handle(self.now_ms(), input, &mut effects);
        self.apply_rounds(effects);
    }

    /// Bytes that are the same for all nodes of a peer's network, or behind its relay.
    fn network_of(&self, peer: &NodeId) -> Vec<u8> {
        self.prefix(peer).as_bytes().to_vec()
    }

    pub(crate) fn opinions_time(&mut self, now: u64) {
        if self.opinions.rounds.poll_timeout().is_some_and(|due| due <= now) {
            let mut effects = Vec::new();
            self.opinions.rounds.handle_timeout(now, &mut effects);
            self.apply_rounds(effects);
        }
        self.judge_time(now);
        self.ahead_time(now);
    }

    fn apply_rounds(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            if let Err(error) = self.apply_round(effect) {
                self.fail(error);
                return;
            }
        }
    }

    fn apply_round(&mut self, effect: Effect) -> Result<(), ApiError> {
        match effect {
            Effect::Send {
                peer,
                mut round,
                certificates,
            } => {
                for id in certificates {
                    let bytes = self.store.record(&id).map_err(|e| store_error(&e))?;
                    round.certificates.extend(bytes.map(Into::into));
                }
                self.send(peer, Channel::Directory, Directory::round_frame(*round));
                Ok(())
            }
            Effect::Met { person, node, round } => {
                let name = self.opinions.rounds.met(&person).map(|met| met.name.clone());
                let row = MetRow {
                    node,
                    network: self.network_of(&node),
                    time_ms: self.now_ms(),
                    round: minicbor::to_vec(&*round).unwrap_or_default(),
                };
                let name = crate::notices::clean(&name.unwrap_or_default(), 64);
                self.stored(|store| {
                    store.put_met(&row)?;
                    store.put_person(&person, &name)
                })?;
                self.judge_soon();
                Ok(())
            }
            Effect::Forget { node } => self.stored(|store| store.forget_met(&node)),
            Effect::Certificates { peer, records } => {
                let bytes = Directory::records_frame(records);
                let mut effects = Vec::new();
                let message = hedgerow_directory::Input::Message { peer, bytes };
                self.directory.handle(self.now_ms(), message, &mut effects);
                self.apply_directory(effects);
                Ok(())
            }
            Effect::Misbehaved { peer, what } => {
                self.charge(peer, what);
                Ok(())
            }
        }
    }

    /// Tells the exchange what is installed here: published widgets that did not come with the program.
    pub(crate) fn tell_installs(&mut self) {
        let pinned = |widget| self.pinned.iter().any(|(pinned, _)| pinned == widget);
        let installed = self.installed.iter().filter(|(widget, _)| !pinned(*widget));
        let used: Vec<Used> = installed
            .filter_map(|(widget, installed)| {
                let id = installed.current.release()?;
                let release = self.release(&id).ok()??;
                Some(Used {
                    widget: *widget,
                    sequence: release.sequence,
                })
            })
            .take(hedgerow_wire::directory::MAX_INSTALLS)
            .collect();
        let widgets = used.iter().map(|used| used.widget).collect();
        // Told again only when it changed: each telling goes to all peers.
        let told = (self.opinions.kept.share_installs, used.clone());
        if self.opinions.told.as_ref() == Some(&told) {
            return;
        }
        self.opinions.told = Some(told);
        let record = self
            .opinions
            .kept
            .share_installs
            .then(|| self.installs_record(used))
            .flatten();
        self.rounds(Input::Mine { record, used: widgets });
        self.judge_soon();
    }

    fn installs_record(&self, used: Vec<Used>) -> Option<Vec<u8>> {
        let what = What::Installs(hedgerow_wire::directory::Installs {
            node: self.identity.node(),
            used,
        });
        let now = self.now_ms();
        let key = self.identity.author_key();
        let said = Said::new(key.public().into(), now / 1000, self.shown_name(), now, what);
        Record::say(said, &key).ok().map(|record| record.to_bytes())
    }

    /// Lists changed: the dashboard reads them again.
    pub(crate) fn emit_directory_changed(&mut self) -> Result<(), ApiError> {
        let widgets = self.widget_count()?;
        self.emit(Event::DirectoryChanged { widgets });
        Ok(())
    }
}
