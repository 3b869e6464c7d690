//! All transfers of a node: who may do what, and what happens next.

mod owner;

use crate::{
    name::safe_name,
    plan::Plan,
    transfer::{Effect, Settings, State, Transfer, no},
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString as _},
    vec::Vec,
};
use hedgerow_base::{NodeId, UserId};
use hedgerow_wire::send::{TransferId, Verdict};

/// Most offers that wait for an answer: of one peer, and in all.
const MAX_ASKING: usize = 8;
const MAX_ASKING_ALL: usize = 64;
/// Most unfinished transfers with one peer, each way, and in all.
const MAX_OPEN: usize = 32;
const MAX_OPEN_ALL: usize = 256;
/// Most fetches that run: from one peer, and in all. The rest waits.
const MAX_FETCHES: usize = 2;
const MAX_FETCHES_ALL: usize = 6;
/// Most new offers of a peer within an hour.
const MAX_FRESH: u32 = 60;
const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// Finished transfers that are remembered.
const MAX_HISTORY: usize = 100;
/// First and longest wait after an attempt that brought nothing.
const RETRY_MS: u64 = 1_000;
const MAX_RETRY_MS: u64 = 60_000;
/// After how long a sender that hears nothing asks how it stands.
const WONDER_MS: u64 = 30_000;
/// The same while a person over there decides.
const PATIENCE_MS: u64 = 300_000;

/// Who offers something.
#[derive(Clone, Copy, Debug)]
pub struct Sender {
    /// The node.
    pub node: NodeId,
    /// Its user.
    pub user: UserId,
}

/// An offer as it came.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Its name between the two nodes.
    pub id: TransferId,
    /// What the peer calls the file.
    pub name: String,
    /// Size and hash.
    pub plan: Plan,
}

/// How a fetch ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The whole file is verified and durable at this path.
    Done(String),
    /// The stream broke; `true` when something new came before that.
    Broken(bool),
    /// This machine does not let it go on now, for this reason; tried again in a minute.
    Trouble(String),
    /// What comes is not what was offered.
    Wrong(String),
    /// The sender ended it.
    Gone,
}

/// Why the book does not do what its owner asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No transfer has this number.
    #[error("there is no such transfer; `hedgerow files` shows all")]
    Unknown,
    /// It is past that.
    #[error("it is too late for that; `hedgerow files` shows how it stands")]
    Late,
    /// It goes the other way.
    #[error("that file goes out, so the other side decides; `hedgerow files stop` ends it")]
    NotIncoming,
    /// Not enough room on the disk.
    #[error("the disk has no room for it; make room, or choose another folder")]
    NoRoom,
    /// Too much is under way.
    #[error("too many files are on their way already; stop some, or wait")]
    TooMany,
}

/// All transfers of a node.
#[derive(Debug, Default)]
pub struct Book {
    transfers: BTreeMap<u64, Transfer>,
    settings: Settings,
    connected: BTreeSet<NodeId>,
    /// Bytes that came without asking: since when they are counted, and how many.
    unasked: BTreeMap<UserId, (u64, u64)>,
    /// New offers of a peer: since when they are counted, and how many.
    fresh: BTreeMap<NodeId, (u64, u32)>,
    last: u64,
}

impl Book {
    /// A book as it was kept.
    pub fn load(settings: Settings, kept: impl IntoIterator<Item = Transfer>) -> Self {
        let transfers: BTreeMap<u64, Transfer> = kept.into_iter().map(|t| (t.number, t.kept())).collect();
        let last = transfers.keys().last().copied().unwrap_or(0);
        Self {
            transfers,
            settings,
            last,
            ..Self::default()
        }
    }
    /// All transfers, by number.
    pub fn transfers(&self) -> impl Iterator<Item = &Transfer> {
        self.transfers.values()
    }
    /// What has to outlive the program: everything but offers that nobody answered here; their senders repeat them.
    pub fn to_keep(&self) -> impl Iterator<Item = &Transfer> {
        self.transfers().filter(|t| !t.incoming || t.state != State::Asking)
    }
    /// One transfer.
    pub fn get(&self, number: u64) -> Option<&Transfer> {
        self.transfers.get(&number)
    }
    /// What the owner decided beforehand.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
    /// Changes that. Transfers that stand are not touched.
    pub fn set_settings(&mut self, settings: Settings, effects: &mut Vec<Effect>) {
        self.settings = settings;
        effects.push(Effect::Keep);
    }
    fn find(&self, incoming: bool, peer: &NodeId, id: &TransferId) -> Option<u64> {
        let found = self
            .transfers()
            .find(|t| t.incoming == incoming && t.peer == *peer && t.id == *id);
        found.map(|t| t.number)
    }
    fn count(&self, which: impl Fn(&Transfer) -> bool) -> usize {
        self.transfers().filter(|t| which(t)).count()
    }

    fn insert(&mut self, now_ms: u64, mut transfer: Transfer) -> u64 {
        self.last = self.last.saturating_add(1);
        transfer.number = self.last;
        transfer.created_ms = now_ms;
        transfer.changed_ms = now_ms;
        self.transfers.insert(self.last, transfer);
        let mut over: Vec<(u64, u64)> = self
            .transfers()
            .filter(|t| t.state.is_over())
            .map(|t| (t.changed_ms, t.number))
            .collect();
        over.sort_unstable();
        for (_, number) in over.iter().take(over.len().saturating_sub(MAX_HISTORY)) {
            self.transfers.remove(number);
        }
        self.last
    }

    /// A peer is connected.
    pub fn connected(&mut self, now_ms: u64, peer: NodeId, effects: &mut Vec<Effect>) {
        self.connected.insert(peer);
        let numbers: Vec<u64> = self.open_with(&peer).map(|t| t.number).collect();
        for number in numbers {
            if let Some(transfer) = self.transfers.get_mut(&number) {
                transfer.failures = 0;
                transfer.due_ms = None;
            }
            self.offer_again(now_ms, number, effects);
        }
        self.start(now_ms, effects);
    }

    /// A peer is gone: what moved waits.
    pub fn gone(&mut self, now_ms: u64, peer: &NodeId) {
        self.connected.remove(peer);
        for transfer in self.transfers.values_mut().filter(|t| t.peer == *peer) {
            transfer.due_ms = None;
            if transfer.state == State::Moving && !transfer.incoming {
                transfer.set(now_ms, State::Waiting, "");
            }
        }
    }

    fn open_with<'a>(&'a self, peer: &'a NodeId) -> impl Iterator<Item = &'a Transfer> {
        self.transfers().filter(move |t| t.peer == *peer && !t.state.is_over())
    }

    fn offer_again(&mut self, now_ms: u64, number: u64, effects: &mut Vec<Effect>) {
        if let Some(transfer) = self.transfers.get_mut(&number)
            && !transfer.incoming
            && !transfer.state.is_over()
            && self.connected.contains(&transfer.peer)
        {
            // Until an answer comes; it sets the time anew.
            transfer.due_ms = Some(now_ms.saturating_add(WONDER_MS));
            effects.push(Effect::Offer(number));
        }
    }

    /// A peer offers a file. `room` is what the disk has for files that come without asking.
    pub fn offered(
        &mut self,
        now_ms: u64,
        from: Sender,
        offer: Offer,
        folder: &str,
        room: u64,
        effects: &mut Vec<Effect>,
    ) -> Verdict {
        let Sender { node: peer, user } = from;
        if let Some(known) = self.find(true, &peer, &offer.id).and_then(|n| self.transfers.get(&n)) {
            return match known.plan == offer.plan {
                true => known.verdict(),
                false => no("the file is not the one that was offered before"),
            };
        }
        if offer.plan.size > self.settings.max_size {
            return no(&format!(
                "files over {} MB are not taken there",
                self.settings.max_size / 1_000_000
            ));
        }
        let fresh = self.fresh.entry(peer).or_insert((now_ms, 0));
        if now_ms.saturating_sub(fresh.0) >= HOUR_MS {
            *fresh = (now_ms, 0);
        }
        fresh.1 = fresh.1.saturating_add(1);
        let often = fresh.1 > MAX_FRESH;
        self.fresh
            .retain(|_, (since, _)| now_ms.saturating_sub(*since) < HOUR_MS);
        let open = self.open_with(&peer).filter(|t| t.incoming).count();
        if often || open >= MAX_OPEN || !self.make_place(&peer) {
            return Verdict::Later;
        }
        let mut transfer = Transfer::new(offer.id, true, peer, offer.plan, safe_name(&offer.name));
        transfer.place = folder.to_string();
        if offer.plan.size <= room && self.take_unasked(now_ms, user, offer.plan.size) {
            transfer.by_rule = true;
            transfer.state = State::Waiting;
            self.insert(now_ms, transfer);
            effects.push(Effect::Keep);
            self.start(now_ms, effects);
            return Verdict::Wanted;
        }
        let number = self.insert(now_ms, transfer);
        effects.push(Effect::Ask(number));
        Verdict::Asked
    }

    /// Whether one more offer may wait for an answer. Those of peers that are away give way.
    fn make_place(&mut self, peer: &NodeId) -> bool {
        let asking = |t: &Transfer| t.incoming && t.state == State::Asking;
        if self.count(|t| asking(t) && t.peer == *peer) >= MAX_ASKING {
            return false;
        }
        if self.count(asking) < MAX_ASKING_ALL {
            return true;
        }
        let away = self
            .transfers()
            .find(|t| asking(t) && !self.connected.contains(&t.peer));
        let away = away.map(|t| t.number);
        away.is_some_and(|number| self.transfers.remove(&number).is_some())
    }

    /// Whether so many bytes may come from a user without asking; then they count for a day.
    fn take_unasked(&mut self, now_ms: u64, user: UserId, size: u64) -> bool {
        let Some(limit) = self.settings.always.get(&user) else {
            return false;
        };
        let used = self.unasked.entry(user).or_insert((now_ms, 0));
        if now_ms.saturating_sub(used.0) >= DAY_MS {
            *used = (now_ms, 0);
        }
        let sum = used.1.saturating_add(size);
        if sum > *limit {
            return false;
        }
        used.1 = sum;
        true
    }

    /// What a peer answered to an offer; none when it did not.
    pub fn answered(&mut self, now_ms: u64, number: u64, verdict: Option<Verdict>, effects: &mut Vec<Effect>) {
        let Some(transfer) = self
            .transfers
            .get_mut(&number)
            .filter(|t| !t.incoming && !t.state.is_over())
        else {
            return;
        };
        let (state, why, wait) = match verdict {
            Some(Verdict::Asked) => (State::Asking, String::new(), PATIENCE_MS),
            Some(Verdict::Wanted) if transfer.state == State::Moving => (State::Moving, String::new(), WONDER_MS),
            Some(Verdict::Wanted) => (State::Waiting, String::new(), WONDER_MS),
            Some(Verdict::Later) => {
                let why = "too much is under way over there; it is offered again".to_string();
                (transfer.state, why, MAX_RETRY_MS)
            }
            Some(Verdict::Done) => return self.end(now_ms, number, State::Done, "", effects),
            Some(Verdict::No { reason }) => {
                let state = match transfer.state {
                    State::Asking => State::Refused,
                    _ => State::Stopped,
                };
                return self.end(now_ms, number, state, &reason, effects);
            }
            None => {
                let wait = backoff(transfer.failures);
                transfer.failures = transfer.failures.saturating_add(1);
                let why = match transfer.failures {
                    0..=2 => "",
                    _ => "the other node does not answer to files; perhaps its program is older",
                };
                (transfer.state, why.to_string(), wait)
            }
        };
        let changed = transfer.state != state || transfer.why != why;
        transfer.set(now_ms, state, &why);
        transfer.due_ms = Some(now_ms.saturating_add(wait));
        if changed {
            effects.push(Effect::Keep);
        }
    }

    /// A peer tells how a transfer stands; answers how it stands here.
    pub fn told(
        &mut self,
        now_ms: u64,
        peer: &NodeId,
        id: &TransferId,
        receiver: bool,
        verdict: Verdict,
        effects: &mut Vec<Effect>,
    ) -> Verdict {
        let Some(number) = self.find(!receiver, peer, id) else {
            return no("that file is not known here");
        };
        match (receiver, verdict) {
            (true, verdict) => self.answered(now_ms, number, Some(verdict), effects),
            (false, Verdict::No { .. }) if self.get(number).is_some_and(|t| !t.state.is_over()) => {
                self.end(now_ms, number, State::Stopped, "the sender stopped it", effects);
            }
            (false, _) => {}
        }
        self.get(number)
            .map_or_else(|| no("that file is not known here"), Transfer::verdict)
    }

    /// A peer fetches a file of ours: the number of the transfer, or what to answer instead.
    ///
    /// # Errors
    /// The verdict that says why not.
    pub fn serve(
        &mut self,
        now_ms: u64,
        peer: &NodeId,
        id: &TransferId,
        effects: &mut Vec<Effect>,
    ) -> Result<u64, Verdict> {
        let number = self
            .find(false, peer, id)
            .ok_or_else(|| no("that file is not known here"))?;
        let transfer = self.transfers.get_mut(&number).ok_or(Verdict::Later)?;
        if transfer.state.is_over() {
            return Err(transfer.verdict());
        }
        let was = transfer.state;
        transfer.set(now_ms, State::Moving, "");
        transfer.due_ms = Some(now_ms.saturating_add(WONDER_MS));
        if was != State::Moving {
            effects.push(Effect::Keep);
        }
        Ok(number)
    }

    /// Bytes of a file of ours went out: the peer is alive.
    pub fn serving(&mut self, now_ms: u64, number: u64) {
        if let Some(transfer) = self.transfers.get_mut(&number).filter(|t| t.state == State::Moving) {
            transfer.due_ms = Some(now_ms.saturating_add(WONDER_MS));
        }
    }

    /// A file of ours cannot be read, or is not what was offered.
    pub fn spoiled(&mut self, now_ms: u64, number: u64, why: &str, effects: &mut Vec<Effect>) {
        if self.get(number).is_some_and(|t| !t.incoming && !t.state.is_over()) {
            self.end(now_ms, number, State::Failed, why, effects);
            effects.push(Effect::Tell(number));
        }
    }

    /// A fetch ended.
    pub fn fetched(&mut self, now_ms: u64, number: u64, outcome: Outcome, effects: &mut Vec<Effect>) {
        let Some(transfer) = self
            .transfers
            .get_mut(&number)
            .filter(|t| t.incoming && !t.state.is_over())
        else {
            return;
        };
        match outcome {
            Outcome::Done(path) => {
                transfer.place = path;
                self.end(now_ms, number, State::Done, "", effects);
                effects.push(Effect::Tell(number));
            }
            Outcome::Wrong(why) => {
                self.end(now_ms, number, State::Failed, &why, effects);
                effects.push(Effect::Tell(number));
            }
            Outcome::Gone => self.end(now_ms, number, State::Stopped, "the sender stopped it", effects),
            Outcome::Broken(moved) => {
                transfer.failures = if moved { 0 } else { transfer.failures.saturating_add(1) };
                transfer.due_ms = Some(now_ms.saturating_add(backoff(transfer.failures)));
                transfer.set(now_ms, State::Waiting, "");
            }
            Outcome::Trouble(why) => {
                transfer.due_ms = Some(now_ms.saturating_add(MAX_RETRY_MS));
                transfer.set(now_ms, State::Waiting, &why);
            }
        }
        effects.push(Effect::Keep);
        self.start(now_ms, effects);
    }

    fn end(&mut self, now_ms: u64, number: u64, state: State, why: &str, effects: &mut Vec<Effect>) {
        let Some(transfer) = self.transfers.get_mut(&number) else {
            return;
        };
        transfer.set(now_ms, state, why);
        effects.push(Effect::Halt(number));
        if transfer.incoming && state != State::Done {
            effects.push(Effect::Discard(number));
        }
        effects.push(Effect::Keep);
    }

    /// Starts fetches for which there is a place.
    fn start(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
        let mut running: BTreeMap<NodeId, usize> = BTreeMap::new();
        for transfer in self.transfers().filter(|t| t.incoming && t.state == State::Moving) {
            *running.entry(transfer.peer).or_default() += 1;
        }
        let mut all: usize = running.values().sum();
        for (number, transfer) in &mut self.transfers {
            let here = running.entry(transfer.peer).or_default();
            let ready = transfer.incoming
                && transfer.state == State::Waiting
                && transfer.due_ms.is_none_or(|due| due <= now_ms)
                && self.connected.contains(&transfer.peer);
            if ready && *here < MAX_FETCHES && all < MAX_FETCHES_ALL {
                *here += 1;
                all += 1;
                transfer.due_ms = None;
                transfer.set(now_ms, State::Moving, "");
                effects.push(Effect::Fetch(*number));
            }
        }
    }

    /// When [`Book::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<u64> {
        self.transfers()
            .filter(|t| self.connected.contains(&t.peer))
            .filter_map(|t| t.due_ms)
            .min()
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
        let due = |t: &&Transfer| {
            t.due_ms.is_some_and(|due| due <= now_ms) && self.connected.contains(&t.peer) && !t.incoming
        };
        let numbers: Vec<u64> = self.transfers().filter(due).map(|t| t.number).collect();
        for number in numbers {
            self.offer_again(now_ms, number, effects);
        }
        self.start(now_ms, effects);
        // One that found no place starts when another ends.
        for transfer in self.transfers.values_mut() {
            transfer.due_ms = transfer.due_ms.filter(|due| *due > now_ms);
        }
    }
}

fn backoff(failures: u32) -> u64 {
    RETRY_MS.saturating_mul(1 << failures.min(16)).min(MAX_RETRY_MS)
}
