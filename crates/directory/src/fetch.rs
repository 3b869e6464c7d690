//! Fetching a package: from any peer that has it, several at once, each chunk verified by itself, resumable.
//!
//! A package's [`ContentId`] is a hash over its size and the digests of its chunks ([`limits::CHUNK`] bytes each).
//! Whoever hands over the right digests has proved them, and then every chunk stands alone: a lying peer is found out
//! after one chunk, a slow one loses its chunks to the others.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use hedgerow_base::{
    ContentId, NodeId,
    hash::{content_digest, hash},
    limits::{CHUNK, MAX_PACKAGE},
};
use hedgerow_wire::fetch::ManifestBody;

/// Chunks asked of a peer at once: 4 MiB.
const RUN: u32 = 16;
/// Requests to one peer at once, so that it is never idle.
const REQUESTS: usize = 2;
/// A peer that sends nothing for so long loses its chunks to others, in milliseconds.
const SILENCE_MS: u64 = 5_000;
/// The same for a peer that is alone: a chunk of 256 KiB may take that long, over 9 kB/s.
const LONE_SILENCE_MS: u64 = 30_000;
/// A peer that failed so often in a row is not asked again.
const STRIKES: u32 = 3;

/// Size and chunk digests of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentManifest {
    size: u64,
    digests: Vec<[u8; 32]>,
}

impl ContentManifest {
    /// Of a package's bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            size: bytes.len() as u64,
            digests: bytes.chunks(CHUNK).map(content_digest).collect(),
        }
    }
    /// From what a peer sent, if it is the one that `content` names.
    pub fn checked(body: &ManifestBody, content: &ContentId) -> Option<Self> {
        let manifest = Self {
            size: body.size,
            digests: body.digests.as_chunks::<32>().0.to_vec(),
        };
        let chunks = body.size.div_ceil(CHUNK as u64);
        let sound = body.size > 0 && body.size <= MAX_PACKAGE && chunks == manifest.digests.len() as u64;
        (sound && manifest.id() == *content).then_some(manifest)
    }
    /// What goes to a peer.
    pub fn body(&self) -> ManifestBody {
        let digests: Vec<u8> = self.digests.iter().flatten().copied().collect();
        ManifestBody {
            size: self.size,
            digests: digests.into(),
        }
    }
    /// The package's name.
    pub fn id(&self) -> ContentId {
        let digests: Vec<u8> = self.digests.iter().flatten().copied().collect();
        ContentId(hash(
            "hedgerow 2026 package content v1",
            &[&self.size.to_le_bytes(), &digests],
        ))
    }
    /// Bytes in all.
    pub fn size(&self) -> u64 {
        self.size
    }
    /// Number of chunks.
    pub fn chunks(&self) -> u32 {
        u32::try_from(self.digests.len()).unwrap_or(u32::MAX)
    }
    /// Where a chunk begins, and its length.
    pub fn place(&self, index: u32) -> (u64, usize) {
        let start = u64::from(index).saturating_mul(CHUNK as u64);
        let length = self.size.saturating_sub(start).min(CHUNK as u64);
        (start, usize::try_from(length).unwrap_or(0))
    }
    /// Whether `bytes` are chunk `index`.
    pub fn fits(&self, index: u32, bytes: &[u8]) -> bool {
        let digest = usize::try_from(index).ok().and_then(|i| self.digests.get(i));
        bytes.len() == self.place(index).1 && digest.is_some_and(|d| *d == content_digest(bytes))
    }
}

/// What the driver tells a fetch.
#[derive(Clone, Debug)]
pub enum Input {
    /// A peer that may have the package.
    Peer(NodeId),
    /// A peer is gone.
    PeerGone(NodeId),
    /// A peer's answer to [`Effect::AskManifest`]; none: it has not got the package.
    Manifest(NodeId, Option<ManifestBody>),
    /// Chunks that an earlier run had stored, verified by the driver with [`ContentManifest::fits`]. Answers
    /// [`Effect::CheckStored`].
    Stored(BTreeSet<u32>),
    /// A chunk from a peer.
    Chunk(NodeId, u32, Vec<u8>),
    /// A request to a peer ended before all its chunks came.
    Failed(NodeId),
}

/// What the driver does for a fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ask a peer for the manifest.
    AskManifest(NodeId),
    /// The manifest is known: look which chunks are stored already.
    CheckStored(ContentManifest),
    /// Ask a peer for chunks `first..first + count`.
    AskChunks {
        /// Whom.
        peer: NodeId,
        /// First chunk.
        first: u32,
        /// How many.
        count: u32,
    },
    /// Write a verified chunk.
    Store {
        /// Where.
        offset: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// How far it is, in bytes.
    Progress {
        /// Verified.
        done: u64,
        /// In all.
        total: u64,
    },
    /// Everything is verified and was handed out by [`Effect::Store`].
    Done,
    /// A peer sent wrong bytes.
    Misbehaved {
        /// Who.
        peer: NodeId,
        /// What.
        what: &'static str,
    },
}

#[derive(Default)]
struct Source {
    /// Answered with the right manifest.
    holder: bool,
    asked: bool,
    strikes: u32,
    /// Chunks under way, by when they were asked for or the peer last sent anything.
    under_way: BTreeSet<u32>,
    heard_ms: u64,
    requests: usize,
}

/// One fetch.
pub struct Fetch {
    content: ContentId,
    manifest: Option<ContentManifest>,
    missing: BTreeSet<u32>,
    checked: bool,
    done: bool,
    sources: BTreeMap<NodeId, Source>,
}

impl Fetch {
    /// A fetch of `content`, not begun until a peer is named.
    pub fn new(content: ContentId) -> Self {
        Self {
            content,
            manifest: None,
            missing: BTreeSet::new(),
            checked: false,
            done: false,
            sources: BTreeMap::new(),
        }
    }

    /// Takes an input at `now_ms` and adds what is to be done to `effects`.
    pub fn handle(&mut self, now_ms: u64, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Peer(peer) => {
                let source = self.sources.entry(peer).or_default();
                if !source.asked && source.strikes < STRIKES {
                    source.asked = true;
                    source.heard_ms = now_ms;
                    effects.push(Effect::AskManifest(peer));
                }
            }
            Input::PeerGone(peer) => {
                self.sources.remove(&peer);
            }
            Input::Manifest(peer, body) => self.on_manifest(now_ms, peer, body, effects),
            Input::Stored(stored) => {
                self.missing.retain(|index| !stored.contains(index));
                self.checked = true;
                self.progress(effects);
            }
            Input::Chunk(peer, index, bytes) => self.on_chunk(now_ms, peer, index, bytes, effects),
            Input::Failed(peer) => {
                if let Some(source) = self.sources.get_mut(&peer) {
                    source.requests = source.requests.saturating_sub(1);
                    source.strikes += 1;
                    if source.requests == 0 {
                        source.under_way.clear();
                    }
                }
            }
        }
        self.ask(now_ms, effects);
    }

    /// When [`Fetch::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<u64> {
        let busy = self
            .sources
            .values()
            .filter(|s| !s.under_way.is_empty() || (s.asked && !s.holder && s.strikes < STRIKES));
        busy.map(|s| s.heard_ms.saturating_add(self.patience()))
            .min()
            .filter(|_| !self.done)
    }

    /// With nobody else to take over, a slow peer is better than none.
    fn patience(&self) -> u64 {
        let usable = self
            .sources
            .values()
            .filter(|s| s.strikes < STRIKES && (s.holder || s.asked));
        if usable.count() > 1 {
            SILENCE_MS
        } else {
            LONE_SILENCE_MS
        }
    }

    /// Takes chunks away from peers that are silent.
    pub fn handle_timeout(&mut self, now_ms: u64, effects: &mut Vec<Effect>) {
        let patience = self.patience();
        for source in self.sources.values_mut() {
            if now_ms.saturating_sub(source.heard_ms) >= patience {
                if !source.under_way.is_empty() || (source.asked && !source.holder) {
                    source.strikes += 1;
                    source.heard_ms = now_ms;
                }
                source.under_way.clear();
                source.requests = 0;
            }
        }
        self.ask(now_ms, effects);
    }

    /// Size and digests, once a peer has told them.
    pub fn manifest(&self) -> Option<&ContentManifest> {
        self.manifest.as_ref()
    }
    /// Peers that proved to have the package.
    pub fn holders(&self) -> usize {
        self.sources.values().filter(|s| s.holder).count()
    }
    /// Whether no peer is left that could help.
    pub fn is_stuck(&self) -> bool {
        !self.done
            && !self
                .sources
                .values()
                .any(|s| s.strikes < STRIKES && (s.holder || s.asked))
    }

    fn on_manifest(&mut self, now: u64, peer: NodeId, body: Option<ManifestBody>, effects: &mut Vec<Effect>) {
        let Some(source) = self.sources.get_mut(&peer) else {
            return;
        };
        source.heard_ms = now;
        let Some(body) = body else {
            source.strikes = STRIKES;
            return;
        };
        let Some(manifest) = ContentManifest::checked(&body, &self.content) else {
            source.strikes = STRIKES;
            effects.push(Effect::Misbehaved {
                peer,
                what: "a false list of chunks",
            });
            return;
        };
        source.holder = true;
        // It may have had to fetch it first.
        source.strikes = source.strikes.min(STRIKES - 1);
        if self.manifest.is_none() {
            self.missing = (0..manifest.chunks()).collect();
            self.manifest = Some(manifest.clone());
            effects.push(Effect::CheckStored(manifest));
        }
    }

    fn on_chunk(&mut self, now: u64, peer: NodeId, index: u32, bytes: Vec<u8>, effects: &mut Vec<Effect>) {
        let Some(manifest) = &self.manifest else { return };
        let Some(source) = self.sources.get_mut(&peer) else {
            return;
        };
        source.heard_ms = now;
        source.under_way.remove(&index);
        if !manifest.fits(index, &bytes) {
            source.strikes = STRIKES;
            source.under_way.clear();
            effects.push(Effect::Misbehaved {
                peer,
                what: "a chunk that is not part of the package",
            });
            return;
        }
        // Only failures in a row count: a long download over a poor line has many.
        source.strikes = 0;
        if source.under_way.is_empty() {
            source.requests = 0;
        } else {
            source.requests = source.under_way.len().div_ceil(RUN as usize);
        }
        if self.missing.remove(&index) {
            let offset = manifest.place(index).0;
            effects.push(Effect::Store { offset, bytes });
            self.progress(effects);
        }
    }

    fn progress(&mut self, effects: &mut Vec<Effect>) {
        let Some(manifest) = &self.manifest else { return };
        let left: u64 = self.missing.iter().map(|i| manifest.place(*i).1 as u64).sum();
        effects.push(Effect::Progress {
            done: manifest.size().saturating_sub(left),
            total: manifest.size(),
        });
        if self.missing.is_empty() && !self.done {
            self.done = true;
            effects.push(Effect::Done);
        }
    }

    /// Gives idle holders runs of chunks; when all are under way, the slowest are asked of a second peer too.
    fn ask(&mut self, now: u64, effects: &mut Vec<Effect>) {
        if self.done || !self.checked {
            return;
        }
        loop {
            let taken: BTreeSet<u32> = self
                .sources
                .values()
                .flat_map(|s| s.under_way.iter().copied())
                .collect();
            let open = self.missing.iter().find(|i| !taken.contains(i)).copied();
            let idle = self.sources.iter_mut().find(|(_, s)| {
                s.holder && s.strikes < STRIKES && s.requests < if open.is_some() { REQUESTS } else { 1 }
            });
            let Some((peer, source)) = idle else { return };
            // Towards the end an idle peer repeats what another has not delivered.
            let again = || self.missing.iter().find(|i| !source.under_way.contains(i)).copied();
            let Some(first) = open.or_else(again) else { return };
            let mut count = 1;
            while count < RUN
                && self.missing.contains(&(first + count))
                && (open.is_none() || !taken.contains(&(first + count)))
            {
                count += 1;
            }
            source.under_way.extend(first..first + count);
            source.requests += 1;
            source.heard_ms = now;
            effects.push(Effect::AskChunks {
                peer: *peer,
                first,
                count,
            });
        }
    }
}
