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
    blamed: Vec<&'static str>,
}

struct World {
    rng: Rng,
    now: u64,
    nodes: Vec<Node>,
    links: BTreeSet<(usize, usize)>,
    queues: BTreeMap<(usize, usize), VecDeque<Vec<u8>>>,
    bytes: usize,
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

#[test]
fn everyone_gets_everything_whatever_the_topology_and_the_losses() {
    over_seeds(60, |seed| {
        let mut world = World::new(seed, 5);
        for n in 0..60u8 {
            match world.rng.below(4) {
                0 | 1 => {
                    let who = world.rng.below(5);
                    world.publish(who, record(n % 7 + 1, n, 1, None));
                }
                2 => {
                    let (a, b) = (world.rng.below(5), world.rng.below(5));
                    world.connect(a, b);
                }
                _ => {
                    let (a, b) = (world.rng.below(5), world.rng.below(5));
                    world.disconnect(a, b);
                }
            }
            for _ in 0..world.rng.below(5) {
                world.step();
            }
        }
        (1..5).for_each(|n| world.connect(n - 1, n));
        for _ in 0..3 {
            world.settle();
            world.tick();
        }
        world.settle();
        let all: BTreeSet<RecordId> = world.nodes.iter().flat_map(|n| n.store.keys().copied()).collect();
        for node in &world.nodes {
            assert_eq!(node.store.keys().copied().collect::<BTreeSet<_>>(), all);
            assert!(node.blamed.is_empty(), "{:?}", node.blamed);
        }
    });
}

#[test]
fn two_stores_that_are_equal_exchange_one_small_message_each() {
    let mut world = World::new(1, 2);
    for n in 0..200u8 {
        for who in 0..2 {
            world.publish(who, record(n % 9 + 1, n, 1, None));
        }
    }
    world.bytes = 0;
    world.connect(0, 1);
    world.settle();
    assert!(world.bytes < 128, "{} bytes", world.bytes);
}

#[test]
fn a_newer_release_becomes_the_head_and_an_older_one_never_does() {
    let mut world = World::new(1, 2);
    let first = record(1, 1, 1, None);
    let second = record(1, 1, 2, Some(first.id));
    world.publish(0, second.clone());
    world.publish(1, first);
    world.connect(0, 1);
    world.settle();
    for node in &world.nodes {
        assert_eq!(node.heads.get("Widget 1"), Some(&2));
        assert_eq!(node.store.len(), 2);
        assert_eq!(node.forked, 0);
    }
    let old = record(1, 1, 1, None);
    assert!(world.nodes[0].directory.may_publish(&old).is_err());
}

#[test]
fn two_releases_with_one_number_are_told_as_a_fork_everywhere() {
    let mut world = World::new(1, 3);
    let mut other = release(1, 1, 1, None);
    other.summary = "Another story".into();
    world.publish(0, record(1, 1, 1, None));
    world.publish(2, Record::sign(other, 0, &key(1)).expect("sound"));
    world.connect(0, 1);
    world.connect(1, 2);
    world.settle();
    assert!(
        world
            .nodes
            .iter()
            .all(|n| n.forked == 1 && n.directory.is_forked(&record(1, 1, 1, None).release.genesis.widget()))
    );
}

#[test]
fn a_record_signed_by_somebody_else_is_refused_and_charged() {
    let mut world = World::new(1, 2);
    world.connect(0, 1);
    world.settle();
    let forged = Record::sign(release(1, 1, 1, None), 0, &key(2)).expect("encodes");
    assert!(forged.verify().is_err());
    let bytes = Directory::records_frame(vec![forged.to_bytes()]);
    world.put(
        1,
        Input::Message {
            peer: NodeId([0; 32]),
            bytes,
        },
    );
    assert!(world.nodes[1].store.is_empty());
    assert_eq!(world.nodes[1].blamed, ["a record that its author did not sign"]);
}

#[test]
fn nobody_can_take_anothers_uuid() {
    let mine = record(1, 1, 1, None).release.genesis.widget();
    let theirs = record(2, 1, 1, None).release.genesis.widget();
    assert_ne!(mine, theirs);
    let mut two_keys = Genesis::of(key(1).public(), [1; 32]);
    two_keys.keys = [two_keys.keys.to_vec(), key(2).public().0.to_vec()].concat().into();
    assert_ne!(two_keys.widget(), mine);
}

#[test]
fn texts_that_lie_or_do_not_end_are_refused() {
    let with = |change: fn(&mut Release)| {
        let mut release = release(1, 1, 1, None);
        change(&mut release);
        release.check()
    };
    assert!(with(|r| r.name = String::new()).is_err());
    assert!(with(|r| r.name = "a\u{7}".into()).is_err());
    assert!(with(|r| r.summary = "x".repeat(1000)).is_err());
    assert!(with(|r| r.tags = vec!["t".into(); 17]).is_err());
    assert!(with(|r| r.size = u64::MAX).is_err());
    assert!(with(|r| r.sequence = 0).is_err());
    assert!(with(|r| r.sequence = u64::MAX).is_err());
    assert!(
        with(|r| r.sequence = 5).is_err(),
        "a later release names the one before it"
    );
    assert!(with(|_| ()).is_ok());
}

#[test]
fn an_author_cannot_fill_the_memory() {
    let mut world = World::new(1, 1);
    let mut prev = None;
    for sequence in 1..=250 {
        let record = record(1, 1, sequence, prev);
        prev = Some(record.id);
        world.publish(0, record);
    }
    assert_eq!(world.nodes[0].store.len(), 200);
}

#[test]
fn a_record_of_a_kind_from_the_future_is_left_out_without_a_charge() {
    let mut world = World::new(1, 2);
    world.connect(0, 1);
    let mut future = record(1, 1, 1, None).to_bytes();
    // The first field of the signed map is the kind: {0: kind, …}.
    let place = future
        .windows(3)
        .position(|w| w[1..] == [0x00, 0x00] && w[0] & 0xe0 == 0xa0)
        .map(|at| at + 2);
    let place = place
        .or_else(|| future.windows(2).position(|w| w == [0x00, 0x00]).map(|at| at + 1))
        .expect("found");
    future[place] = 0x17;
    assert!(matches!(
        Record::from_bytes(&future),
        Err(hedgerow_wire::directory::DirectoryFrameError::UnknownKind(_))
    ));
    world.put(
        1,
        Input::Message {
            peer: NodeId([0; 32]),
            bytes: Directory::records_frame(vec![future]),
        },
    );
    assert!(world.nodes[1].blamed.is_empty());
}

#[test]
fn a_widget_of_the_program_takes_only_the_programs_records() {
    let mut world = World::new(1, 1);
    let good = record(1, 1, 1, None);
    world.nodes[0].directory.pin(good.release.genesis.widget(), good.id);
    world.publish(0, record(1, 1, 2, Some(good.id)));
    assert!(world.nodes[0].store.is_empty());
    world.publish(0, good);
    assert_eq!(world.nodes[0].store.len(), 1);
}

#[test]
fn reconciliation_costs_by_the_difference_and_not_by_the_size() {
    let id = |n: u64| RecordId(hash("test", &[&n.to_le_bytes()]));
    let (mut a, mut b) = (IdSet::default(), IdSet::default());
    for n in 0..100_000 {
        a.insert(id(n));
        b.insert(id(n));
    }
    for n in 0..50 {
        a.insert(id(1_000_000 + n));
        b.insert(id(2_000_000 + n));
    }
    let (mut message, mut bytes, mut rounds) = (a.open(), 0, 0);
    let (mut missing_a, mut missing_b) = (BTreeSet::new(), BTreeSet::new());
    while !message.is_empty() {
        bytes += DirectoryFrame::Reconcile {
            ranges: message.clone(),
        }
        .to_bytes()
        .len();
        let answer = if rounds % 2 == 0 {
            b.answer(&message)
        } else {
            a.answer(&message)
        };
        let (lack, give) = if rounds % 2 == 0 {
            (&mut missing_b, &mut missing_a)
        } else {
            (&mut missing_a, &mut missing_b)
        };
        lack.extend(answer.lack);
        give.extend(answer.give);
        message = answer.ranges;
        rounds += 1;
        assert!(rounds < 20);
    }
    assert_eq!((missing_a.len(), missing_b.len()), (50, 50));
    std::println!("100,000 ids, 100 differences: {bytes} bytes in {rounds} messages (all ids: 3,200,000 bytes)");
    assert!(bytes < 400_000);
}

#[test]
fn hostile_reconciliation_is_bounded() {
    over_seeds(200, |seed| {
        let mut rng = Rng(seed);
        let mut set = IdSet::default();
        for n in 0..2000u64 {
            set.insert(RecordId(hash("x", &[&n.to_le_bytes()])));
        }
        let random_id = |rng: &mut Rng| RecordId(std::array::from_fn(|_| rng.next() as u8));
        let ranges: Vec<Range> = (0..rng.below(4096))
            .map(|_| Range {
                end: (rng.below(50) > 0).then(|| random_id(&mut rng)),
                say: match rng.below(3) {
                    0 => Say::Same,
                    1 => Say::Print {
                        print: [rng.next() as u8; 16],
                    },
                    _ => Say::Ids {
                        ids: (0..rng.below(9)).map(|_| random_id(&mut rng)).collect(),
                    },
                },
            })
            .collect();
        let answer = set.answer(&ranges);
        assert!(answer.ranges.len() <= 4096 && answer.give.len() <= 2000);
    });
}

/// A fetch from sources that each behave in one way.
#[test]
fn a_fetch_ends_well_when_one_honest_peer_has_everything() {
    over_seeds(200, |seed| {
        let mut rng = Rng(seed);
        let bytes: Vec<u8> = (0..rng.below(9 * CHUNK) + 1).map(|i| (i * 7) as u8).collect();
        let manifest = ContentManifest::of(&bytes);
        let mut fetch = Fetch::new(manifest.id());
        // 0 honest, 1 silent, 2 wrong bytes, 3 false manifest, 4 breaks off, 5 has nothing.
        let kinds: Vec<usize> = (0..4).map(|_| rng.below(6)).chain([0]).collect();
        let mut file = vec![0u8; bytes.len()];
        let (mut now, mut done, mut blamed) = (0, false, BTreeSet::new());
        let mut todo: VecDeque<fetch::Input> = (0..5).map(|n| fetch::Input::Peer(NodeId([n as u8; 32]))).collect();
        for _ in 0..10_000 {
            let mut effects = Vec::new();
            match todo.pop_front() {
                Some(input) => fetch.handle(now, input, &mut effects),
                None => {
                    now += 1000;
                    fetch.handle_timeout(now, &mut effects);
                }
            }
            for effect in effects {
                match effect {
                    fetch::Effect::AskManifest(peer) => match kinds[usize::from(peer.0[0])] {
                        1 => {}
                        3 => {
                            let mut body = ContentManifest::of(b"something else").body();
                            body.size = bytes.len() as u64;
                            todo.push_back(fetch::Input::Manifest(peer, Some(body)));
                        }
                        5 => todo.push_back(fetch::Input::Manifest(peer, None)),
                        _ => todo.push_back(fetch::Input::Manifest(peer, Some(manifest.body()))),
                    },
                    fetch::Effect::CheckStored(_) => todo.push_back(fetch::Input::Stored(BTreeSet::new())),
                    fetch::Effect::AskChunks { peer, first, count } => {
                        for index in first..first + count {
                            let (start, length) = manifest.place(index);
                            let mut chunk = bytes[start as usize..start as usize + length].to_vec();
                            match kinds[usize::from(peer.0[0])] {
                                2 => chunk[0] ^= 1,
                                4 if index > first => {
                                    todo.push_back(fetch::Input::Failed(peer));
                                    break;
                                }
                                _ => {}
                            }
                            todo.push_back(fetch::Input::Chunk(peer, index, chunk));
                        }
                    }
                    fetch::Effect::Store { offset, bytes } => {
                        file[offset as usize..offset as usize + bytes.len()].copy_from_slice(&bytes);
                    }
                    fetch::Effect::Done => done = true,
                    fetch::Effect::Misbehaved { peer, .. } => {
                        blamed.insert(kinds[usize::from(peer.0[0])]);
                    }
                    fetch::Effect::Progress { .. } => {}
                }
            }
            if done {
                break;
            }
        }
        assert!(done, "never done with {kinds:?}");
        assert_eq!(file, bytes);
        assert!(
            blamed.iter().all(|kind| matches!(kind, 2 | 3)),
            "an honest peer was blamed"
        );
    });
}

#[test]
fn a_fetch_goes_on_where_it_stopped() {
    let bytes = vec![5u8; 10 * CHUNK];
    let manifest = ContentManifest::of(&bytes);
    let mut fetch = Fetch::new(manifest.id());
    let peer = NodeId([1; 32]);
    let mut effects = Vec::new();
    fetch.handle(0, fetch::Input::Peer(peer), &mut effects);
    fetch.handle(0, fetch::Input::Manifest(peer, Some(manifest.body())), &mut effects);
    effects.clear();
    fetch.handle(0, fetch::Input::Stored((0..8).collect()), &mut effects);
    let asked: Vec<_> = effects
        .iter()
        .filter(|e| matches!(e, fetch::Effect::AskChunks { .. }))
        .collect();
    assert_eq!(
        asked,
        [&fetch::Effect::AskChunks {
            peer,
            first: 8,
            count: 2
        }]
    );
}

proptest::proptest! {
    #[test]
    fn random_and_changed_bytes_are_refused_without_a_panic(
        bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..1024),
        at in 0usize..400, value in 0u8..=255,
    ) {
        let _ = DirectoryFrame::from_bytes(&bytes);
        let _ = Record::from_bytes(&bytes);
        let _ = hedgerow_wire::fetch::FetchRequest::from_bytes(&bytes);
        let _ = hedgerow_wire::fetch::ManifestBody::from_bytes(&bytes);
        let mut good = record(1, 1, 1, None).to_bytes();
        let length = good.len();
        let before = good[at % length];
        good[at % length] = value;
        if let Ok(record) = Record::from_bytes(&good) {
            proptest::prop_assert!(record.verify().is_err() || value == before, "a changed record passed: {}", record.id.to_string());
        }
    }
}
