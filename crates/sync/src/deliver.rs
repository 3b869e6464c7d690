//! From bytes to a delivered entry: checks, causal order, and what each entry changes.

use crate::{
    admit::Stranger,
    api::{Effect, SyncError},
    bounds, crypto,
    pending::{Need, Waiting},
    space::{Fresh, Log, Name, Roster, Space},
};
use alloc::{collections::VecDeque, string::String, vec::Vec};
use hedgerow_base::{EntryHash, NodeId};
use hedgerow_wire::sync::{
    Control, Entry, ForkProof, Header, KIND_CONTROL, KIND_UPDATE, Open, Rekey, Signed, SpaceGenesis, SpaceKind,
};

/// Points of a peer's faults (Z7).
pub(crate) const FAULT: u32 = 5;
pub(crate) const BAD_SIGNATURE: u32 = 7;

/// What becomes of an entry.
enum Step {
    Ready,
    Wait(Need),
    Known,
    Unwanted,
}

/// What an entry says.
#[allow(clippy::large_enum_variant)] // one at a time, on the stack
pub(crate) enum Said {
    Update(Vec<u8>),
    Control(Control),
    /// A kind that this version does not know.
    Unknown,
}

/// An entry on its way in.
pub(crate) struct Arriving {
    pub(crate) header: Header,
    pub(crate) hash: EntryHash,
    pub(crate) signed: Signed<Header>,
    pub(crate) bytes: Vec<u8>,
}

/// Why an entry is not taken.
pub(crate) enum Refusal {
    Wait(Need),
    /// Nothing of this log from here on; the points are for who sent it.
    Log(&'static str, u32),
    Fork,
}

impl Space {
    fn step(&self, header: &Header) -> Step {
        let next = self.logs.get(&header.log).map_or(0, |log| log.next);
        if header.seq < next {
            return Step::Known;
        }
        if self.limit(&header.log).is_some_and(|limit| header.seq >= limit) {
            return Step::Unwanted;
        }
        if header.seq > next {
            return Step::Wait(Need::Entry(header.log, header.seq.saturating_sub(1)));
        }
        // Stored entries were ready once, and some of what they were ready by may have been taken back since.
        for dep in header.deps.iter().filter(|_| !self.loading) {
            // What lies beyond a limit does not count and is not waited for.
            let seq = match self.limit(&dep.log) {
                Some(0) => continue,
                Some(limit) => dep.seq.min(limit.saturating_sub(1)),
                None => dep.seq,
            };
            if self.logs.get(&dep.log).is_none_or(|log| log.next <= seq) {
                return Step::Wait(Need::Entry(dep.log, seq));
            }
        }
        if !self.keys.contains_key(&header.epoch) {
            return Step::Wait(Need::Epoch(header.epoch));
        }
        Step::Ready
    }

    /// Takes an entry from a peer.
    pub(crate) fn receive(&mut self, from: NodeId, bytes: &[u8], out: &mut Vec<Effect>) {
        let misbehaved = |what, points| Effect::Misbehaved {
            peer: from,
            what,
            points,
        };
        let entry = Entry::from_bytes(bytes).and_then(|entry| Ok((entry, entry.header()?)));
        let Ok((entry, header)) = entry else {
            return out.push(misbehaved("malformed entry", FAULT));
        };
        if header.space != self.id {
            return out.push(misbehaved("an entry of another space", FAULT));
        }
        if header.seq == u64::MAX {
            return out.push(misbehaved("an entry number out of range", FAULT));
        }
        if let Some(neighbour) = self.neighbours.get_mut(&from) {
            neighbour.has(&header.log, header.seq.saturating_add(1));
        }
        let step = self.step(&header);
        match step {
            Step::Unwanted => return,
            Step::Known => {
                let hash = entry.hash();
                let head = self.logs.get(&header.log);
                let same = head.is_none_or(|log| log.next != header.seq.saturating_add(1) || log.head == hash);
                if same || self.limit(&header.log).is_some() {
                    return;
                }
            }
            Step::Wait(_) if self.pending.contains(&header.log, header.seq) => return,
            Step::Wait(_) | Step::Ready => {}
        }
        if entry.verify(&header).is_err() {
            return out.push(misbehaved("an entry with a bad signature", BAD_SIGNATURE));
        }
        match step {
            Step::Wait(need) => {
                self.hear_of_removal(&header, bytes, out);
                if !self.pending.insert(from, header, bytes.to_vec(), need)
                    && let Some(neighbour) = self.neighbours.get_mut(&from)
                {
                    neighbour.missed = true;
                }
            }
            Step::Ready | Step::Known | Step::Unwanted => {
                let signed = Signed::from_parts(entry.signed.to_vec(), entry.signature);
                let hash = entry.hash();
                self.take(
                    from,
                    Arriving {
                        header,
                        hash,
                        signed,
                        bytes: bytes.to_vec(),
                    },
                    out,
                );
            }
        }
    }

    /// Delivers an entry that is ready, and then all that waited for it.
    fn take(&mut self, from: NodeId, arriving: Arriving, out: &mut Vec<Effect>) {
        let mut queue: VecDeque<Waiting> = VecDeque::new();
        self.deliver_one(from, arriving, &mut queue, out);
        self.drain(queue, out);
    }

    /// Looks again at all that waits: what counts has changed.
    pub(crate) fn retry_pending(&mut self, out: &mut Vec<Effect>) {
        let queue = self.pending.wake_all().into();
        self.drain(queue, out);
    }

    fn drain(&mut self, mut queue: VecDeque<Waiting>, out: &mut Vec<Effect>) {
        while let Some(waiting) = queue.pop_front() {
            match self.step(&waiting.header) {
                Step::Known | Step::Unwanted => {}
                Step::Wait(need) => {
                    self.pending.insert(waiting.from, waiting.header, waiting.bytes, need);
                }
                Step::Ready => {
                    let Ok(entry) = Entry::from_bytes(&waiting.bytes) else {
                        continue;
                    };
                    let signed = Signed::from_parts(entry.signed.to_vec(), entry.signature);
                    let (header, hash) = (waiting.header, entry.hash());
                    let arriving = Arriving {
                        header,
                        hash,
                        signed,
                        bytes: waiting.bytes,
                    };
                    self.deliver_one(waiting.from, arriving, &mut queue, out);
                }
            }
        }
    }

    fn deliver_one(&mut self, from: NodeId, arriving: Arriving, queue: &mut VecDeque<Waiting>, out: &mut Vec<Effect>) {
        match self.judge(&arriving) {
            Ok(said) => {
                let (log, seq, rosters) = (arriving.header.log, arriving.header.seq, self.roster_count());
                self.commit(arriving, said, out);
                // A new roster may have cut logs for which others wait.
                match self.roster_count() == rosters {
                    true => queue.extend(self.pending.wake(&Need::Entry(log, seq))),
                    false => queue.extend(self.pending.wake_all()),
                }
            }
            Err(Refusal::Wait(need)) => {
                let Arriving { header, bytes, .. } = arriving;
                self.pending.insert(from, header, bytes, need);
            }
            Err(Refusal::Log(what, points)) => {
                self.refuse(&arriving.header);
                out.push(Effect::Misbehaved {
                    peer: from,
                    what,
                    points,
                });
                queue.extend(self.pending.wake_all());
            }
            Err(Refusal::Fork) => {
                let Some(log) = self.logs.get(&arriving.header.log) else {
                    return;
                };
                let proof = ForkProof {
                    first: log.head_signed.clone(),
                    second: arriving.signed,
                };
                self.take_fork(proof, out);
                queue.extend(self.pending.wake_all());
            }
        }
    }

    fn roster_count(&self) -> usize {
        self.rosters.values().map(Vec::len).sum()
    }

    fn refuse(&mut self, header: &Header) {
        if self.refused.len() >= bounds::FORKS {
            self.refused.pop_first();
        }
        self.refused.entry(header.log).or_insert(header.seq);
    }

    /// Last checks, and what the entry says. All its parents were delivered.
    fn judge(&self, arriving: &Arriving) -> Result<Said, Refusal> {
        let header = &arriving.header;
        let log = self.logs.get(&header.log);
        match log {
            Some(log) if log.next == header.seq.saturating_add(1) => return Err(Refusal::Fork),
            Some(log) if !log.stale && header.prev != Some(log.head) => return Err(Refusal::Fork),
            None if header.prev.is_some() => return Err(Refusal::Log("a first entry with a parent", FAULT)),
            _ => {}
        }
        let size = u64::try_from(arriving.bytes.len()).unwrap_or(u64::MAX);
        if self.genesis.kind == SpaceKind::Public && self.over_quota(header.seq, size, log) {
            return Err(Refusal::Log("a log over its quota", 1));
        }
        let said = self.said(header, &arriving.bytes)?;
        if header.seq > 0 {
            return Ok(said);
        }
        let Said::Control(Control::Open(open)) = &said else {
            return Err(Refusal::Log("a log that does not begin with a certificate", FAULT));
        };
        let claim = open
            .cert
            .verify()
            .map_err(|_| Refusal::Log("a bad log certificate", BAD_SIGNATURE))?;
        if claim.space != self.id || claim.log != header.log {
            return Err(Refusal::Log("another log's certificate", FAULT));
        }
        if !self.has_room(&claim.pseudonym) {
            return Err(Refusal::Log("too many logs", 1));
        }
        match self.admit(&claim, &open.admission) {
            Ok(_) => Ok(said),
            Err(Stranger::Wait(need)) => Err(Refusal::Wait(need)),
            Err(Stranger::No(what)) => Err(Refusal::Log(what, FAULT)),
        }
    }

    pub(crate) fn over_quota(&self, seq: u64, size: u64, log: Option<&Log>) -> bool {
        let used = log.map_or(0, |log| log.bytes);
        seq >= bounds::PUBLIC_LOG_ENTRIES
            || used.saturating_add(size) > bounds::PUBLIC_LOG_BYTES
            || self.bytes.saturating_add(size) > bounds::PUBLIC_SPACE_BYTES
    }

    pub(crate) fn said(&self, header: &Header, bytes: &[u8]) -> Result<Said, Refusal> {
        let unreadable = || Refusal::Log("an entry that its key does not open", FAULT);
        if header.kind != KIND_CONTROL && (self.loading || header.kind != KIND_UPDATE) {
            // Stored updates were delivered before.
            return Ok(Said::Unknown);
        }
        let entry = Entry::from_bytes(bytes).map_err(|_| unreadable())?;
        let place = crypto::place(&self.id, &header.log, header.seq, header.epoch);
        let keys = self.keys.get(&header.epoch).into_iter().flatten();
        let plain = keys
            .into_iter()
            .find_map(|key| crypto::open(key, &place, entry.body))
            .ok_or_else(unreadable)?;
        if header.kind == KIND_UPDATE {
            return Ok(Said::Update(plain));
        }
        // What a later version says is carried, and means nothing here.
        Ok(Control::from_bytes(&plain).map_or(Said::Unknown, Said::Control))
    }

    /// Makes an entry part of the space. It was judged, or written here.
    pub(crate) fn commit(&mut self, arriving: Arriving, said: Said, out: &mut Vec<Effect>) {
        let Arriving {
            header,
            hash,
            signed,
            bytes,
        } = arriving;
        let (id, seq, space) = (header.log, header.seq, self.id);
        if let (0, Said::Control(Control::Open(open))) = (seq, &said) {
            self.open_log(open, &header, hash, &signed);
        }
        let ordinal = self.ordinal;
        self.ordinal = self.ordinal.saturating_add(1);
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(size);
        let Some(log) = self.logs.get_mut(&id) else { return };
        (log.next, log.head, log.head_signed) = (seq.saturating_add(1), hash, signed);
        log.bytes = log.bytes.saturating_add(size);
        log.ordinals.push(ordinal);
        log.stale = false;
        log.left = matches!(said, Said::Control(Control::Leave));
        let (author, live) = (log.pseudonym, log.cut.is_none());
        for dep in &header.deps {
            let covers = |log: &Log| log.next == dep.seq.saturating_add(1);
            if dep.log != id && self.logs.get(&dep.log).is_some_and(covers) {
                self.tips.remove(&dep.log);
            }
        }
        if live {
            self.tips.insert(id);
        }
        if !self.loading {
            self.remember_fresh(&header, &bytes);
            out.push(Effect::Persist {
                space,
                log: id,
                seq,
                bytes,
            });
        }
        match said {
            Said::Update(body) => {
                let (own, time_ms) = (id == self.own, header.time_ms);
                out.push(Effect::Deliver {
                    space,
                    author,
                    log: id,
                    seq,
                    own,
                    time_ms,
                    body,
                });
            }
            Said::Control(Control::Open(open)) => self.set_name(author, &header, hash, open.name, out),
            Said::Control(Control::Rename(name)) => self.set_name(author, &header, hash, name, out),
            Said::Control(Control::Rekey(rekey)) => self.begin_epoch(author, &header, rekey, out),
            Said::Control(Control::Leave) => out.push(Effect::MembersChanged { space }),
            Said::Unknown => {}
        }
    }

    /// Notes that an entry is to be passed on, with its bytes while they are few.
    fn remember_fresh(&mut self, header: &Header, bytes: &[u8]) {
        if self.neighbours.is_empty() {
            return;
        }
        self.fresh_bytes = self.fresh_bytes.saturating_add(bytes.len());
        let bytes = (self.fresh_bytes <= bounds::PUSH_BYTES).then(|| bytes.to_vec());
        self.fresh.push(Fresh {
            log: header.log,
            seq: header.seq,
            bytes,
        });
    }

    fn open_log(&mut self, open: &Open, header: &Header, hash: EntryHash, signed: &Signed<Header>) {
        let Ok(claim) = open.cert.read() else { return };
        let Ok(admitted) = self.admit(&claim, &open.admission) else {
            return;
        };
        let log = Log {
            pseudonym: claim.pseudonym,
            seal_key: claim.seal_key,
            admitted: admitted.epoch,
            root: admitted.root,
            next: 0,
            head: hash,
            head_signed: signed.clone(),
            ordinals: Vec::new(),
            bytes: 0,
            cut: self.cut_of(&header.log, &claim.pseudonym, admitted.epoch, &admitted.root),
            left: false,
            stale: false,
        };
        self.removed |= header.log == self.own && log.cut.is_some();
        self.logs.insert(header.log, log);
    }

    /// The newest name by the author's clock counts; equal clocks are decided by the entry's hash.
    fn set_name(
        &mut self,
        author: hedgerow_base::Pseudonym,
        header: &Header,
        hash: EntryHash,
        name: Option<String>,
        out: &mut Vec<Effect>,
    ) {
        let stamp = (header.time_ms, hash);
        if self.names.get(&author).is_none_or(|known| known.stamp < stamp) {
            self.names.insert(author, Name { stamp, name });
        }
        out.push(Effect::MembersChanged { space: self.id });
    }

    fn begin_epoch(&mut self, author: hedgerow_base::Pseudonym, header: &Header, rekey: Rekey, out: &mut Vec<Effect>) {
        let follows = header.epoch.checked_add(1) == Some(rekey.epoch);
        let known = self.rosters.get(&rekey.epoch).map_or(0, Vec::len);
        if self.genesis.kind != SpaceKind::Invited || !self.is_owner(&author) || !follows || known >= 16 {
            return;
        }
        let aad = epoch_aad(&self.id, rekey.epoch);
        let own = crypto::seal_public(&self.seal);
        let key = rekey.keys.iter().filter(|sealed| sealed.to == own);
        let mut keys = key.filter_map(|sealed| crypto::unwrap(&self.seal, sealed, &aad));
        let key = keys.find(|key| SpaceGenesis::commit(key) == rekey.commitment);
        if let Some(key) = key {
            let keys = self.keys.entry(rekey.epoch).or_default();
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        let roster = Roster::new(&rekey.members, &rekey.cuts, (header.log, header.seq));
        self.rosters.entry(rekey.epoch).or_default().push(roster);
        self.retag = true;
        self.apply_cuts(out);
        out.push(Effect::MembersChanged { space: self.id });
    }

    /// Takes a stored entry back in without verifying it again.
    pub(crate) fn replay(&mut self, bytes: &[u8], out: &mut Vec<Effect>) -> Result<(), SyncError> {
        let entry = Entry::from_bytes(bytes).map_err(|_| SyncError::BadReplay)?;
        let header = entry.header().map_err(|_| SyncError::BadReplay)?;
        if header.space != self.id {
            return Err(SyncError::BadReplay);
        }
        match self.step(&header) {
            Step::Known | Step::Unwanted => return Ok(()),
            Step::Wait(_) => return Err(SyncError::BadReplay),
            Step::Ready => {}
        }
        let arriving = Arriving {
            hash: entry.hash(),
            signed: Signed::from_parts(entry.signed.to_vec(), entry.signature),
            bytes: bytes.to_vec(),
            header,
        };
        let said = self.judge(&arriving).map_err(|_| SyncError::BadReplay)?;
        self.commit(arriving, said, out);
        Ok(())
    }
}

/// What binds a sealed key to its epoch.
pub(crate) fn epoch_aad(space: &hedgerow_base::SpaceId, epoch: u64) -> [u8; 40] {
    let mut bytes = [0; 40];
    let (id, number) = bytes.split_at_mut(32);
    id.copy_from_slice(&space.0);
    number.copy_from_slice(&epoch.to_be_bytes());
    bytes
}
