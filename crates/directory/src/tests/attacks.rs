//! Attacks by their numbers in the list of `docs/simulation.md`, under a thousand seeds each: on packages while they are
//! fetched, on who somebody is, on signatures, and on what a network leans on.

use super::*;

const SEEDS: u64 = 1000;

/// How a source behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Honest,
    /// Gives the manifest and the chunks of another package.
    Other,
    /// Gives the right manifest and chunks with one bit changed.
    Changed,
    /// Gives the right chunks in each other's places.
    Swapped,
    /// Gives more than was asked: each chunk again and again, chunks beyond the end, and chunks that are too long.
    Endless,
    /// Claims the largest size that can be written.
    Huge,
    /// Gives a right chunk in so many milliseconds.
    Slow(u64),
}

/// What came of a fetch.
#[derive(Debug, Default)]
struct Outcome {
    done_ms: Option<u64>,
    stored: BTreeMap<u64, Vec<u8>>,
    asked: BTreeSet<u32>,
    blamed: BTreeSet<usize>,
    stuck: bool,
}

/// A package to fetch, and another one.
struct Packages {
    bytes: Vec<u8>,
    manifest: ContentManifest,
    other: ContentManifest,
}

impl Packages {
    fn new(size: usize) -> Self {
        let bytes: Vec<u8> = (0..size).map(|at| (at / 7 + at / CHUNK) as u8).collect();
        Self {
            manifest: ContentManifest::of(&bytes),
            other: ContentManifest::of(&vec![9; size + 1]),
            bytes,
        }
    }

    fn chunk(&self, index: u32) -> Vec<u8> {
        let (start, length) = self.manifest.place(index);
        self.bytes[start as usize..start as usize + length].to_vec()
    }

    /// What a source sends for one chunk that it is asked for.
    fn answers(&self, source: Source, index: u32) -> Vec<(u32, Vec<u8>)> {
        let mut chunk = self.chunk(index);
        let last = self.manifest.chunks() - 1;
        match source {
            Source::Honest | Source::Slow(_) => vec![(index, chunk)],
            Source::Other | Source::Huge => vec![(index, vec![9; chunk.len()])],
            Source::Changed => {
                let middle = chunk.len() / 2;
                chunk[middle] ^= 0x10;
                vec![(index, chunk)]
            }
            Source::Swapped => vec![(index, self.chunk(last - index)), (last - index, chunk)],
            Source::Endless => {
                let long = [chunk.clone(), vec![0; CHUNK]].concat();
                let same = [(index, chunk.clone()), (index, chunk)];
                [
                    &same[..],
                    &same,
                    &[(last + 1, vec![1; CHUNK]), (u32::MAX, vec![]), (index, long)],
                ]
                .concat()
            }
        }
    }
}

/// Fetches from all of them until it is done or `until_ms`; those after the first come `later_ms` after it.
fn fetch(packages: &Packages, sources: &[Source], later_ms: u64, until_ms: u64) -> Outcome {
    let mut fetch = Fetch::new(packages.manifest.id());
    let mut outcome = Outcome::default();
    let mut events: BTreeMap<(u64, u64), fetch::Input> = BTreeMap::new();
    let mut number = 0;
    for (at, _) in sources.iter().enumerate() {
        let comes = if at == 0 { 0 } else { later_ms };
        events.insert((comes, at as u64), fetch::Input::Peer(NodeId([at as u8; 32])));
        number += 1;
    }
    let mut now = 0;
    while now < until_ms && outcome.done_ms.is_none() {
        let due = fetch.poll_timeout().unwrap_or(u64::MAX);
        let next = events.first_key_value().map_or(u64::MAX, |((at, _), _)| *at);
        let mut effects = Vec::new();
        if next.min(due) >= until_ms {
            break;
        }
        now = now.max(next.min(due));
        match events.pop_first() {
            Some((_, input)) if next <= due => fetch.handle(now, input, &mut effects),
            input => {
                events.extend(input);
                fetch.handle_timeout(now, &mut effects);
            }
        }
        for effect in effects {
            let mut later = |ms: u64, input| {
                number += 1;
                events.insert((now + ms, number), input);
            };
            match effect {
                fetch::Effect::AskManifest(peer) => {
                    let body = match sources[usize::from(peer.0[0])] {
                        Source::Other => packages.other.body(),
                        Source::Huge => hedgerow_wire::fetch::ManifestBody {
                            size: u64::MAX,
                            ..packages.manifest.body()
                        },
                        _ => packages.manifest.body(),
                    };
                    later(5, fetch::Input::Manifest(peer, Some(body)));
                }
                fetch::Effect::CheckStored(_) => later(0, fetch::Input::Stored(BTreeSet::new())),
                fetch::Effect::AskChunks { peer, first, count } => {
                    let source = sources[usize::from(peer.0[0])];
                    let each = if let Source::Slow(ms) = source { ms } else { 20 };
                    outcome.asked.extend(first..first + count);
                    for index in first..first + count {
                        for (index, bytes) in packages.answers(source, index) {
                            let ms = each * u64::from(1 + index.saturating_sub(first).min(64));
                            later(ms, fetch::Input::Chunk(peer, index, bytes));
                        }
                    }
                }
                fetch::Effect::Store { offset, bytes } => {
                    assert!(outcome.stored.insert(offset, bytes).is_none(), "stored twice");
                }
                fetch::Effect::Done => outcome.done_ms = Some(now),
                fetch::Effect::Misbehaved { peer, .. } => {
                    outcome.blamed.insert(usize::from(peer.0[0]));
                }
                fetch::Effect::Progress { .. } => {}
            }
        }
    }
    outcome.stuck = fetch.is_stuck();
    outcome
}

/// Some of `hostile`, and an honest source if `seed` is even.
fn mixed(seed: u64, hostile: &[Source]) -> Vec<Source> {
    let mut rng = Rng(seed);
    let mut sources: Vec<Source> = (0..1 + rng.below(3))
        .map(|_| hostile[rng.below(hostile.len())])
        .collect();
    if seed.is_multiple_of(2) {
        sources.insert(rng.below(sources.len() + 1), Source::Honest);
    }
    sources
}

/// Whatever was stored is of the package; and with an honest source all of it is.
fn check(packages: &Packages, sources: &[Source], outcome: &Outcome) {
    for (offset, bytes) in &outcome.stored {
        let from = *offset as usize;
        assert!(
            packages.bytes.get(from..from + bytes.len()) == Some(bytes),
            "wrong bytes at {offset}"
        );
    }
    let stored: usize = outcome.stored.values().map(Vec::len).sum();
    let whole = stored == packages.bytes.len();
    assert_eq!(outcome.done_ms.is_some(), whole, "{sources:?}");
    if sources.contains(&Source::Honest) {
        assert!(whole, "{sources:?}");
    }
    let honest = |at: &usize| matches!(sources[*at], Source::Honest | Source::Slow(_));
    assert!(!outcome.blamed.iter().any(honest), "an honest source was blamed");
}

#[test]
fn attack_01_bytes_that_the_author_did_not_sign_for_are_never_installed() {
    let packages: Vec<_> = [1, 1000, CHUNK, CHUNK + 1, 3 * CHUNK].map(Packages::new).into();
    let hostile = [Source::Other, Source::Changed, Source::Swapped, Source::Huge];
    over_seeds(SEEDS, |seed| {
        let (packages, sources) = (&packages[seed as usize % 5], mixed(seed, &hostile));
        let outcome = fetch(packages, &sources, 0, 300_000);
        check(packages, &sources, &outcome);
        let one = packages.manifest.chunks() == 1;
        let harmless = |source: &Source| *source == Source::Honest || one && *source == Source::Swapped;
        if !sources.iter().any(harmless) {
            assert!(
                outcome.stuck && outcome.stored.len() < packages.manifest.chunks() as usize,
                "{sources:?}"
            );
        }
    });
}

#[test]
fn attack_02_endless_data_ends_at_the_signed_size() {
    let packages: Vec<_> = [1, 1000, CHUNK + 5].map(Packages::new).into();
    over_seeds(SEEDS, |seed| {
        let (packages, sources) = (
            &packages[seed as usize % 3],
            mixed(seed, &[Source::Endless, Source::Huge]),
        );
        let outcome = fetch(packages, &sources, 0, 300_000);
        // The first chunk that is beyond the end or too long ends it; what came before was right.
        let stored: usize = outcome.stored.values().map(Vec::len).sum();
        assert!(stored <= packages.bytes.len());
        assert!(
            !sources.contains(&Source::Honest) || outcome.done_ms.is_some(),
            "{sources:?}"
        );
    });
}

#[test]
fn attack_03_a_release_makes_a_node_fetch_nothing_but_itself() {
    let packages = Packages::new(CHUNK + 5);
    over_seeds(SEEDS, |seed| {
        let mut rng = Rng(seed);
        // A record names others: a release before it, an ancestor, permissions. None of them is asked for.
        let mut world = World::new(seed, 1);
        let mut release = release(1, 1, 2, Some(RecordId([rng.next() as u8; 32])));
        release.ancestor = Some(record(2, rng.next() as u8, 1, None).release().unwrap().genesis.widget());
        release.description = "requires: <a href=x>y</a>".into();
        world.publish(0, Record::sign(release, 0, &key(1)).expect("sound"));
        assert_eq!((world.nodes[0].store.len(), world.bytes), (1, 0));
        // And of a package only the chunks that its manifest has.
        let sources = mixed(seed, &[Source::Endless, Source::Swapped, Source::Changed]);
        let outcome = fetch(&packages, &sources, 0, 300_000);
        assert!(outcome.asked.iter().all(|index| *index < packages.manifest.chunks()));
    });
}

#[test]
fn attack_11_slow_sources_hold_up_nothing_that_another_gives() {
    let packages: Vec<_> = [CHUNK, 4 * CHUNK + 1, 6 * CHUNK].map(Packages::new).into();
    over_seeds(SEEDS, |seed| {
        let (packages, mut rng) = (&packages[seed as usize % 3], Rng(seed));
        let slow = Source::Slow(1000 + rng.below(4000) as u64);
        let sources = vec![slow, slow, Source::Honest, slow];
        // They were asked first, for everything; the honest one comes later.
        let later = rng.below(2000) as u64;
        let outcome = fetch(packages, &sources, later, 300_000);
        check(packages, &sources, &outcome);
        assert!(outcome.done_ms.expect("done") < later + 1500, "{outcome:?}");
    });
    // Alone it is better than none, down to a chunk in half a minute; below that it counts as gone.
    let packages = Packages::new(2 * CHUNK);
    let alone = fetch(&packages, &[Source::Slow(25_000)], 0, 300_000);
    assert!(alone.done_ms.is_some());
    let stalled = fetch(&packages, &[Source::Slow(200_000)], 0, 190_000);
    assert!(stalled.done_ms.is_none() && stalled.stuck);
}

#[test]
fn attack_12_nobody_gets_anothers_uuid_or_signs_in_its_name() {
    over_seeds(SEEDS, |seed| {
        let mut rng = Rng(seed);
        let mut nonce = [0; 32];
        nonce.iter_mut().for_each(|byte| *byte = rng.next() as u8);
        let genesis = Genesis::of(key(1).public(), nonce);
        let mut squatted = genesis.clone();
        match rng.below(4) {
            0 => squatted.keys = key(2).public().0.to_vec().into(),
            1 => squatted.keys = [key(1).public().0, key(2).public().0].concat().into(),
            2 => squatted.nonce[rng.below(32)] ^= 1 << rng.below(8),
            _ => {
                squatted.keys = [key(2).public().0, key(1).public().0].concat().into();
                squatted.threshold = 2;
            }
        }
        assert_ne!(squatted.widget(), genesis.widget());
        let mut stolen = release(1, 1, 1 + rng.below(9) as u64, Some(RecordId([1; 32])));
        stolen.genesis = genesis;
        let stolen = Record::sign(stolen, 0, &key(2)).expect("encodes");
        let mut world = World::new(seed, 2);
        world.connect(0, 1);
        world.settle();
        let bytes = Directory::records_frame(vec![stolen.to_bytes()]);
        let peer = NodeId([0; 32]);
        world.put(1, Input::Message { peer, bytes });
        assert!(world.nodes[1].store.is_empty());
        assert_eq!(
            world.nodes[1].blamed,
            ["a record that is not signed by who must sign it"]
        );
    });
}

#[test]
fn attack_14_a_split_view_is_seen_by_all_when_the_partition_heals() {
    over_seeds(SEEDS, |seed| {
        let mut world = World::new(seed, 4);
        world.connect(0, 1);
        world.connect(2, 3);
        let sequence = 1 + seed % 3;
        let prev = (sequence > 1).then_some(RecordId([1; 32]));
        let mut other = release(1, 1, sequence, prev);
        other.summary = format!("Another story {seed}");
        world.publish((seed % 2) as usize, record(1, 1, sequence, prev));
        world.publish(
            2 + (seed / 2 % 2) as usize,
            Record::sign(other, 0, &key(1)).expect("sound"),
        );
        world.settle();
        assert!(world.nodes.iter().all(|node| node.forked == 0));
        world.connect(seed as usize % 2, 2 + seed as usize / 3 % 2);
        world.settle();
        assert!(
            world
                .nodes
                .iter()
                .all(|node| node.forked == 1 && node.blamed.is_empty())
        );
    });
}

/// The order of the group of Ed25519: a signature's second half plus this is the same number to a careless verifier.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn add_order(scalar: &mut [u8]) {
    let mut carry = 0;
    for (byte, order) in scalar.iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
}

#[test]
fn attack_18_no_other_bytes_pass_for_a_signature_or_make_a_second_record() {
    over_seeds(SEEDS, |seed| {
        let mut rng = Rng(seed);
        let mut release = release(1, seed as u8, 1, None);
        release.summary = format!("Release {seed}");
        let good = Record::sign(release, 0, &key(1)).expect("sound");
        assert_eq!(good.verify(), Ok(()));
        let bytes = good.to_bytes();
        let at = bytes.len() - 64;
        let refused = |bytes: &[u8], what: &str| {
            let read = Record::from_bytes(bytes);
            assert!(read.is_ok_and(|record| record.verify().is_err()), "{what}");
        };
        let mut malleable = bytes.clone();
        for _ in 0..1 + rng.below(7) {
            add_order(&mut malleable[at + 32..]);
            refused(&malleable, "a multiple of the order more");
        }
        let mut changed = bytes.clone();
        changed[at + rng.below(64)] ^= 1 << rng.below(8);
        refused(&changed, "a changed bit");
        let mut small = bytes.clone();
        small[at..].fill(0);
        small[at] = u8::from(rng.below(2) == 0);
        refused(&small, "a point of small order");
        // The same values in longer bytes are the same record, and go on in the shortest.
        let longer = [&[0x98, 0x02][..], &bytes[1..]].concat();
        if let Ok(read) = Record::from_bytes(&longer) {
            assert_eq!((read.id, read.to_bytes()), (good.id, bytes));
        }
    });
}

#[test]
fn attack_18_one_key_that_signs_twice_is_not_two() {
    let mut release = release(1, 1, 1, None);
    release.genesis.keys = [key(1).public().0, key(2).public().0].concat().into();
    release.genesis.threshold = 2;
    let once = Record::sign(release, 0, &key(1)).expect("sound").to_bytes();
    // …, [[0, signature]]: a list of one, whose entry takes 68 bytes.
    let list = once.len() - 69;
    assert_eq!((once[list], once[list + 1]), (0x81, 0x82));
    let mut twice = [&once[..], &once[list + 1..]].concat();
    twice[list] = 0x82;
    let read = Record::from_bytes(&twice).expect("well formed");
    assert_eq!(read.signature_numbers().count(), 2);
    assert!(read.verify().is_err());
}

#[test]
fn attack_20_tags_and_texts_that_fill_the_directory_are_refused() {
    over_seeds(SEEDS, |seed| {
        let mut rng = Rng(seed);
        let mut spam = release(1, 1, 1, None);
        match rng.below(6) {
            0 => spam.tags = vec!["free".into(); 17 + rng.below(5000)],
            1 => spam.tags = vec!["x".repeat(49 + rng.below(5000))],
            2 => spam.categories = vec!["Fun".into(); 9 + rng.below(5000)],
            3 => spam.description = "buy ".repeat(1025 + rng.below(5000)),
            4 => spam.summary = "\u{1b}[2J".repeat(1 + rng.below(9)),
            _ => spam.name = " ".repeat(1 + rng.below(99)),
        }
        assert!(spam.check().is_err());
        assert!(Record::sign(spam, 0, &key(1)).is_err());
    });
}

#[test]
fn attack_39_without_the_node_that_everybody_leaned_on_all_goes_on() {
    over_seeds(SEEDS, |seed| {
        let mut world = World::new(seed, 6);
        // Node 0 is a seed, a relay, whatever all are connected with; beside it a few links that peers made themselves.
        (1..6).for_each(|node| world.connect(0, node));
        for node in 1..5 {
            let other = node + 1 + world.rng.below(5 - node);
            world.connect(node, other);
        }
        let first = 1 + world.rng.below(5);
        world.publish(first, record(1, 1, 1, None));
        for _ in 0..world.rng.below(20) {
            world.step();
        }
        (1..6).for_each(|node| world.disconnect(0, node));
        let second = 1 + world.rng.below(5);
        world.publish(second, record(2, 2, 1, None));
        for _ in 0..3 {
            world.settle();
            world.tick();
        }
        world.settle();
        assert!(
            world.nodes[1..]
                .iter()
                .all(|node| node.store.len() == 2 && node.blamed.is_empty())
        );
    });
}
