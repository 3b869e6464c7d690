//! Directories in virtual time over random topologies; failures print their seed (`SEED=n` runs one alone).

#![allow(clippy::disallowed_methods, reason = "SEED chooses one run")]

use crate::{
    Directory, Effect, Genesis, Input, Record, Release,
    fetch::{self, ContentManifest, Fetch},
    recon::IdSet,
};
use hedgerow_base::{ContentId, NodeId, RecordId, SecretKey, hash::hash, limits::CHUNK};
use hedgerow_wire::directory::{DirectoryFrame, KIND_RELEASE, Range, Say};
use std::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet, VecDeque},
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

mod attacks;
mod fetching;
mod hostile;
mod rateless;
mod said;
mod signers;
mod spread;

struct Rng(u64);
impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

fn over_seeds(count: u64, test: impl Fn(u64)) {
    let only = std::env::var("SEED").ok().and_then(|s| s.parse().ok());
    for seed in only.map_or(0..count, |s: u64| s..s + 1) {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| test(seed)));
        if let Err(panic) = outcome {
            std::eprintln!("failed with SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

fn key(n: u8) -> SecretKey {
    SecretKey::from_seed(&[n; 32])
}

fn release(author: u8, widget: u8, sequence: u64, prev: Option<RecordId>) -> Release {
    Release {
        kind: KIND_RELEASE,
        genesis: Genesis::of(key(author).public(), [widget; 32]),
        sequence,
        prev,
        version: format!("{sequence}.0.0"),
        content: ContentId([widget; 32]),
        size: 1000,
        name: format!("Widget {widget}"),
        summary: "A widget".into(),
        description: String::new(),
        license: "MIT".into(),
        categories: vec!["Fun".into()],
        tags: vec![],
        permissions: vec![],
        icon: None,
        ancestor: None,
        created_ms: 5,
        author: "somebody".into(),
        epoch: 0,
        expires_ms: None,
        pictures: vec![],
    }
}
fn record(author: u8, widget: u8, sequence: u64, prev: Option<RecordId>) -> Record {
    Record::sign(release(author, widget, sequence, prev), 0, &key(author)).expect("sound")
}

#[derive(Default)]
struct Node {
    directory: Directory,
    store: BTreeMap<RecordId, Vec<u8>>,
    heads: BTreeMap<String, u64>,
    forked: usize,
    changed: Vec<u64>,
    compared: usize,
    blamed: Vec<&'static str>,
}

struct World {
    rng: Rng,
    now: u64,
    nodes: Vec<Node>,
    links: BTreeSet<(usize, usize)>,
    queues: BTreeMap<(usize, usize), VecDeque<Vec<u8>>>,
    bytes: usize,
    /// Of those, in frames of records.
    records: usize,
}

impl World {
    fn new(seed: u64, nodes: usize) -> Self {
        let nodes = (0..nodes).map(|_| Node::default()).collect();
        Self {
            rng: Rng(seed),
            now: 1000,
            nodes,
            links: BTreeSet::new(),
            queues: BTreeMap::new(),
            bytes: 0,
            records: 0,
        }
    }
    fn put(&mut self, n: usize, input: Input) {
        let mut effects = Vec::new();
        self.nodes[n].directory.handle(self.now, input, &mut effects);
        self.carry_out(n, effects);
    }
    fn publish(&mut self, n: usize, record: Record) {
        self.put(
            n,
            Input::Publish {
                record: Box::new(record),
            },
        );
    }
    fn carry_out(&mut self, n: usize, effects: Vec<Effect>) {
        for effect in effects {
            let node = &mut self.nodes[n];
            match effect {
                Effect::Persist { id, bytes, .. } => assert!(node.store.insert(id, bytes).is_none(), "kept twice"),
                Effect::Head { release, .. } => {
                    node.heads.insert(release.name.clone(), release.sequence);
                }
                Effect::Forked { .. } => node.forked += 1,
                Effect::Drop { id } => assert!(node.store.remove(&id).is_some(), "dropped what was not kept"),
                Effect::Changed { widget } => {
                    let newest = node.directory.newest(&widget).map_or(0, |(sequence, _)| sequence);
                    node.changed.push(newest);
                }
                Effect::Said { .. } | Effect::Round { .. } => {}
                Effect::Compared { .. } => node.compared += 1,
                Effect::Misbehaved { what, .. } => node.blamed.push(what),
                Effect::Send { peer, bytes } => self.post(n, peer, bytes),
                Effect::SendRecords { peer, ids } => {
                    let records = ids
                        .iter()
                        .filter_map(|id| node.store.get(id).cloned())
                        .collect::<Vec<_>>();
                    for part in records.chunks(100) {
                        self.post(n, peer, Directory::records_frame(part.to_vec()));
                    }
                }
            }
        }
    }
    fn post(&mut self, from: usize, to: NodeId, bytes: Vec<u8>) {
        self.bytes += bytes.len();
        if matches!(DirectoryFrame::from_bytes(&bytes), Ok(DirectoryFrame::Records { .. })) {
            self.records += bytes.len();
        }
        let to = usize::from(to.0[0]);
        if self.links.contains(&(from.min(to), from.max(to))) {
            self.queues.entry((from, to)).or_default().push_back(bytes);
        }
    }
    fn connect(&mut self, a: usize, b: usize) {
        if a != b && self.links.insert((a.min(b), a.max(b))) {
            self.put(
                a,
                Input::PeerConnected {
                    peer: NodeId([b as u8; 32]),
                },
            );
            self.put(
                b,
                Input::PeerConnected {
                    peer: NodeId([a as u8; 32]),
                },
            );
        }
    }
    fn disconnect(&mut self, a: usize, b: usize) {
        if self.links.remove(&(a.min(b), a.max(b))) {
            self.queues
                .retain(|(x, y), _| !((*x == a && *y == b) || (*x == b && *y == a)));
            self.put(
                a,
                Input::PeerDisconnected {
                    peer: NodeId([b as u8; 32]),
                },
            );
            self.put(
                b,
                Input::PeerDisconnected {
                    peer: NodeId([a as u8; 32]),
                },
            );
        }
    }
    fn step(&mut self) -> bool {
        let busy: Vec<_> = self
            .queues
            .iter()
            .filter(|(_, q)| !q.is_empty())
            .map(|(k, _)| *k)
            .collect();
        if busy.is_empty() {
            return false;
        }
        let (from, to) = busy[self.rng.below(busy.len())];
        let bytes = self
            .queues
            .get_mut(&(from, to))
            .and_then(VecDeque::pop_front)
            .expect("waiting");
        self.put(
            to,
            Input::Message {
                peer: NodeId([from as u8; 32]),
                bytes,
            },
        );
        true
    }
    fn settle(&mut self) {
        for round in 0.. {
            assert!(round < 200_000, "the directories never come to rest");
            if !self.step() {
                return;
            }
        }
    }
    fn tick(&mut self) {
        self.now += 120_001;
        for n in 0..self.nodes.len() {
            let mut effects = Vec::new();
            self.nodes[n].directory.handle_timeout(self.now, &mut effects);
            self.carry_out(n, effects);
        }
    }
}
