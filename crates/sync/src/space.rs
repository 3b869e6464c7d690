//! One space: its logs, keys and members, as they follow from the entries delivered so far.

use crate::{
    api::{Effect, EntryRange, Identity, Member},
    bounds,
    config::SpaceConfig,
    crypto::{self, Key},
    neighbour::Neighbour,
    pending::Pending,
};
use alloc::{
    collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque},
    string::String,
    vec::Vec,
};
use core::cmp::Reverse;
use hedgerow_base::{EntryHash, LogId, NodeId, Pseudonym, SecretKey, SpaceId, hash};
use hedgerow_wire::sync::{Admission, Cut, ForkProof, Header, LogClaim, Signed, SpaceGenesis, SpaceKind, VectorItem};
use zeroize::Zeroizing;

/// One author's log on one device.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    pub(crate) pseudonym: Pseudonym,
    pub(crate) seal_key: [u8; 32],
    /// Epoch of the invite that admitted it; 0 without one.
    pub(crate) admitted: u64,
    /// Who of the epoch's listed members (or the owner) the chain of invites begins with.
    pub(crate) root: Pseudonym,
    /// Number of the next entry.
    pub(crate) next: u64,
    pub(crate) head: EntryHash,
    pub(crate) head_signed: Signed<Header>,
    /// Place of each entry in the order of delivery.
    pub(crate) ordinals: Vec<u32>,
    pub(crate) bytes: u64,
    /// Set by a [`hedgerow_wire::sync::Rekey`]: entries from here on do not count.
    pub(crate) cut: Option<u64>,
    pub(crate) left: bool,
    /// Its newest entries were taken back: what `head` was is not known any more.
    pub(crate) stale: bool,
}

/// A name and what decides between two of them on two devices.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) stamp: (u64, EntryHash),
    pub(crate) name: Option<String>,
}

/// What one [`hedgerow_wire::sync::Rekey`] says about members.
#[derive(Clone, Debug)]
pub(crate) struct Roster {
    pub(crate) members: BTreeSet<Pseudonym>,
    pub(crate) cuts: BTreeMap<LogId, u64>,
    /// The entry that says so.
    pub(crate) place: (LogId, u64),
}

impl Roster {
    pub(crate) fn new(members: &[Pseudonym], cuts: &[Cut], place: (LogId, u64)) -> Self {
        let cuts = cuts.iter().map(|cut| (cut.log, cut.next)).collect();
        Self {
            members: members.iter().copied().collect(),
            cuts,
            place,
        }
    }
}

/// An entry that was delivered in this step and is to be passed on.
#[derive(Clone, Debug)]
pub(crate) struct Fresh {
    pub(crate) log: LogId,
    pub(crate) seq: u64,
    /// Absent when there is too much at once to push it from memory.
    pub(crate) bytes: Option<Vec<u8>>,
}

pub(crate) struct Space {
    pub(crate) id: SpaceId,
    pub(crate) genesis: SpaceGenesis,
    pub(crate) node: NodeId,
    pub(crate) pseudonym: Pseudonym,
    pub(crate) seal: Zeroizing<[u8; 32]>,
    pub(crate) pseudonym_key: SecretKey,
    pub(crate) log_key: SecretKey,
    pub(crate) own: LogId,
    pub(crate) cert: Signed<LogClaim>,
    pub(crate) admission: Admission,
    pub(crate) name: Option<String>,
    /// Until [`crate::Input::Start`].
    pub(crate) loading: bool,
    pub(crate) removed: bool,
    pub(crate) keys: BTreeMap<u64, Vec<Key>>,
    /// More than one for an epoch when two devices of the owner removed members at the same time; all count.
    pub(crate) rosters: BTreeMap<u64, Vec<Roster>>,
    pub(crate) logs: BTreeMap<LogId, Log>,
    pub(crate) names: BTreeMap<Pseudonym, Name>,
    /// Logs from which nothing is taken, from this number on: over quota, or their author broke the rules.
    pub(crate) refused: BTreeMap<LogId, u64>,
    pub(crate) forks: BTreeMap<LogId, (u64, ForkProof)>,
    /// Logs whose head is no parent of any other entry.
    pub(crate) tips: BTreeSet<LogId>,
    pub(crate) pending: Pending,
    pub(crate) ordinal: u32,
    pub(crate) bytes: u64,
    pub(crate) fresh: Vec<Fresh>,
    pub(crate) fresh_bytes: usize,
    pub(crate) neighbours: BTreeMap<NodeId, Neighbour>,
    /// A new epoch began: announce it.
    pub(crate) retag: bool,
    pub(crate) live_seen: BTreeSet<[u8; 32]>,
    pub(crate) live_order: VecDeque<[u8; 32]>,
}

impl Space {
    pub(crate) fn new(node: NodeId, config: &SpaceConfig, identity: Identity, name: Option<String>) -> Self {
        let (id, log_key) = (config.id(), config.log_key());
        let own: LogId = log_key.public().into();
        let pseudonym: Pseudonym = identity.pseudonym.public().into();
        let seal_key = crypto::seal_public(&identity.seal);
        let cert = Signed::sign(
            &LogClaim {
                space: id,
                log: own,
                pseudonym,
                seal_key,
            },
            &identity.pseudonym,
        );
        let mut keys: BTreeMap<u64, Vec<Key>> = BTreeMap::new();
        for key in config.keys() {
            keys.entry(key.epoch).or_default().push(Zeroizing::new(key.key));
        }
        Self {
            id,
            genesis: config.genesis().clone(),
            node,
            pseudonym,
            seal: identity.seal,
            pseudonym_key: identity.pseudonym,
            log_key,
            own,
            cert,
            admission: config.admission().clone(),
            name,
            loading: true,
            removed: false,
            keys,
            rosters: BTreeMap::new(),
            logs: BTreeMap::new(),
            names: BTreeMap::new(),
            refused: BTreeMap::new(),
            forks: BTreeMap::new(),
            tips: BTreeSet::new(),
            pending: Pending::default(),
            ordinal: 0,
            bytes: 0,
            fresh: Vec::new(),
            fresh_bytes: 0,
            neighbours: BTreeMap::new(),
            retag: false,
            live_seen: BTreeSet::new(),
            live_order: VecDeque::new(),
        }
    }

    /// The newest epoch that a delivered entry began.
    pub(crate) fn epoch(&self) -> u64 {
        self.rosters.last_key_value().map_or(0, |(epoch, _)| *epoch)
    }
    /// The epoch to write in: a newcomer has the newest key before the entries that began its epoch.
    pub(crate) fn writing_epoch(&self) -> u64 {
        self.keys
            .last_key_value()
            .map_or(0, |(epoch, _)| *epoch)
            .max(self.epoch())
    }
    /// The key to seal with in an epoch: of several the one with the smallest commitment, alike on all nodes that
    /// know the same ones.
    pub(crate) fn sealing_key(&self, epoch: u64) -> Option<&Key> {
        self.keys
            .get(&epoch)?
            .iter()
            .min_by_key(|key| SpaceGenesis::commit(key))
    }
    /// Newest epochs with their keys, newest first: what the space is announced under.
    pub(crate) fn tag_keys(&self) -> impl Iterator<Item = &Key> {
        self.keys.values().rev().flatten().take(bounds::TAG_EPOCHS)
    }
    pub(crate) fn is_owner(&self, pseudonym: &Pseudonym) -> bool {
        self.genesis.creator.as_ref() == Some(pseudonym)
    }

    /// From which number on nothing of a log counts or is wanted.
    pub(crate) fn limit(&self, log: &LogId) -> Option<u64> {
        let cut = self.logs.get(log).and_then(|log| log.cut);
        let fork = self.forks.get(log).map(|(seq, _)| *seq);
        let refused = self.refused.get(log).copied();
        [cut, fork, refused].into_iter().flatten().min()
    }
    /// Where the rosters cut a log: by the first epoch after its admission in which its author is not listed.
    pub(crate) fn cut_of(&self, log: &LogId, pseudonym: &Pseudonym, admitted: u64, root: &Pseudonym) -> Option<u64> {
        if self.genesis.kind != SpaceKind::Invited || self.is_owner(pseudonym) {
            return None;
        }
        // Another device of the owner may have removed who invited, in the very epoch of the invite.
        if !self.is_base(admitted, root) {
            return Some(1);
        }
        let later = self.rosters.range(admitted.saturating_add(1)..);
        for (_, rosters) in later {
            let without = rosters.iter().filter(|roster| !roster.members.contains(pseudonym));
            // The first entry stays, so that everybody knows whose log it was.
            let cut = without
                .map(|roster| roster.cuts.get(log).copied().unwrap_or(1).max(1))
                .min();
            if cut.is_some() {
                return cut;
            }
        }
        None
    }
    /// The first entry that removed somebody.
    pub(crate) fn removal_of(&self, pseudonym: &Pseudonym) -> Option<(LogId, u64)> {
        let mut rosters = self.rosters.values().flatten();
        rosters
            .find(|roster| !roster.members.contains(pseudonym))
            .map(|roster| roster.place)
    }
    /// Whether invites of `epoch` by `pseudonym` need no invite of their own.
    pub(crate) fn is_base(&self, epoch: u64, pseudonym: &Pseudonym) -> bool {
        let listed = |rosters: &Vec<Roster>| rosters.iter().all(|roster| roster.members.contains(pseudonym));
        self.is_owner(pseudonym) || self.rosters.get(&epoch).is_some_and(listed)
    }
    /// Whether somebody belongs to the space now.
    pub(crate) fn is_member(&self, pseudonym: &Pseudonym) -> bool {
        let of = |log: &Log| log.pseudonym == *pseudonym && log.cut.is_none() && !log.left;
        self.is_owner(pseudonym) || self.logs.values().any(of)
    }

    pub(crate) fn members(&self) -> Vec<Member> {
        let mut members: BTreeMap<Pseudonym, Member> = BTreeMap::new();
        for (id, log) in &self.logs {
            let member = members.entry(log.pseudonym).or_insert_with(|| Member {
                pseudonym: log.pseudonym,
                name: self.names.get(&log.pseudonym).and_then(|name| name.name.clone()),
                owner: self.is_owner(&log.pseudonym),
                gone: true,
                logs: Vec::new(),
            });
            member.gone &= log.cut.is_some() || log.left;
            member.logs.push(*id);
        }
        if let Some(creator) = self.genesis.creator {
            let (pseudonym, name) = (creator, None);
            let owner = Member {
                pseudonym,
                name,
                owner: true,
                gone: false,
                logs: Vec::new(),
            };
            members.entry(creator).or_insert(owner);
        }
        members.into_values().collect()
    }

    /// What one has of a log, as told to peers.
    pub(crate) fn item(&self, id: &LogId, log: &Log) -> VectorItem {
        if self.refused.contains_key(id) {
            return VectorItem {
                log: *id,
                next: u64::MAX,
                head: 0,
            };
        }
        let limit = self.limit(id);
        let next = limit.map_or(log.next, |limit| limit.min(log.next));
        let head = if limit.is_some() { 0 } else { head_tag(&log.head) };
        VectorItem { log: *id, next, head }
    }
    /// Number of entries of a log that peers may have from here.
    pub(crate) fn offered(&self, id: &LogId) -> u64 {
        let limit = self.limit(id).unwrap_or(u64::MAX);
        self.logs.get(id).map_or(0, |log| log.next.min(limit))
    }
    /// All that one has, in the order of logs.
    pub(crate) fn vector(&self) -> Vec<VectorItem> {
        let logs = self.logs.iter().map(|(id, log)| self.item(id, log));
        let unknown = self.refused.keys().filter(|id| !self.logs.contains_key(id));
        logs.chain(unknown.map(|id| VectorItem {
            log: *id,
            next: u64::MAX,
            head: 0,
        }))
        .collect()
    }
    /// Equal for two nodes that have the same of every log.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut bytes = Vec::with_capacity(self.logs.len().saturating_mul(49));
        for (id, log) in &self.logs {
            let limit = self.limit(id);
            let next = limit.map_or(log.next, |limit| limit.min(log.next));
            let head = if limit.is_some() { 0 } else { head_tag(&log.head) };
            bytes.extend_from_slice(&id.0);
            bytes.extend_from_slice(&next.to_be_bytes());
            bytes.extend_from_slice(&head.to_be_bytes());
        }
        for (id, (seq, _)) in &self.forks {
            bytes.extend_from_slice(&id.0);
            bytes.extend_from_slice(&seq.to_be_bytes());
        }
        hash::hash("hedgerow 2026 sync digest v1", &[&bytes])
    }

    /// Orders entries of several logs by when they were delivered here, which is a causal order: the receiver can
    /// deliver each at once.
    pub(crate) fn ranges(&self, wanted: &[EntryRange]) -> Vec<EntryRange> {
        let ordinal = |log: &LogId, seq: u64| {
            let at = usize::try_from(seq).unwrap_or(usize::MAX);
            self.logs.get(log).and_then(|log| log.ordinals.get(at)).copied()
        };
        let first = |(i, range): (usize, &EntryRange)| {
            let ordinal = ordinal(&range.log, range.from)?;
            (range.from < range.to).then_some(Reverse((ordinal, i, range.from)))
        };
        let mut heap: BinaryHeap<_> = wanted.iter().enumerate().filter_map(first).collect();
        let mut ranges: Vec<EntryRange> = Vec::new();
        while let Some(Reverse((_, i, seq))) = heap.pop() {
            let Some(range) = wanted.get(i) else { continue };
            let following = seq.saturating_add(1);
            match ranges.last_mut() {
                Some(last) if last.log == range.log && last.to == seq => last.to = following,
                _ => ranges.push(EntryRange {
                    log: range.log,
                    from: seq,
                    to: following,
                }),
            }
            if following < range.to
                && let Some(next) = ordinal(&range.log, following)
            {
                heap.push(Reverse((next, i, following)));
            }
        }
        ranges
    }

    /// Cuts every log where the rosters say; tells of what was taken back.
    pub(crate) fn apply_cuts(&mut self, out: &mut Vec<Effect>) {
        let cut = |(id, log): (&LogId, &Log)| {
            let cut = self.cut_of(id, &log.pseudonym, log.admitted, &log.root);
            (cut != log.cut).then_some((*id, cut))
        };
        let changed: Vec<_> = self.logs.iter().filter_map(cut).collect();
        for (id, cut) in changed {
            let Some(log) = self.logs.get_mut(&id) else { continue };
            log.cut = cut;
            let Some(cut) = cut else { continue };
            self.tips.remove(&id);
            if log.next > cut {
                log.next = cut;
                log.stale = true;
                log.ordinals.truncate(usize::try_from(cut).unwrap_or(usize::MAX));
                out.push(Effect::Retract {
                    space: self.id,
                    log: id,
                    from: cut,
                });
            }
            if id == self.own && !self.removed {
                self.removed = true;
                out.push(Effect::Removed { space: self.id });
            }
        }
    }
}

/// What stands for a head in a vector.
pub(crate) fn head_tag(hash: &EntryHash) -> u64 {
    let mut tag = [0; 8];
    for (to, from) in tag.iter_mut().zip(hash.0) {
        *to = from;
    }
    u64::from_be_bytes(tag)
}
