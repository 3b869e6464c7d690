//! Comparing sets, fetching packages, and rounds of the exchange.

use super::{conversation, peer, steps};
use crate::{
    promise::joined,
    seeds::{self, key},
};
use hedgerow_base::{NodeId, RecordId, WidgetId, limits::CHUNK};
use hedgerow_directory::{fetch, recon::IdSet, riblt};
use hedgerow_trust::rounds::{self, Rounds};
use hedgerow_wire::{
    directory::{Count, DirectoryFrame, Installs, Round, Used, What},
    fetch::ManifestBody,
};
use std::collections::BTreeSet;

/// Symbols of a set that is none, and ranges that lie.
pub(super) fn reconcile(bytes: &[u8]) {
    let ids = || (0..20_u8).map(|n| RecordId([n.wrapping_mul(13); 32]));
    if let Ok(DirectoryFrame::Reconcile { ranges }) = DirectoryFrame::from_bytes(bytes) {
        let mut set = IdSet::default();
        ids().for_each(|id| {
            set.insert(id);
        });
        let _ = set.answer(&ranges);
    }
    let mut decoder = riblt::Decoder::new(riblt::Key([7; 16]), ids());
    let symbols: Vec<riblt::Symbol> = bytes.as_chunks::<20>().0.iter().map(symbol).collect();
    for some in symbols.chunks(7) {
        match decoder.add(some) {
            riblt::Progress::More => {}
            riblt::Progress::TooDifferent => break,
            riblt::Progress::Done { ours, .. } => {
                assert!(
                    ours.iter().all(|id| ids().any(|known| known == *id)),
                    "we have what we have not"
                );
                break;
            }
        }
    }
}

fn symbol(bytes: &[u8; 20]) -> riblt::Symbol {
    let [a @ .., b, c, d, e, f, g, h, i, j, k, l, m] = *bytes;
    riblt::Symbol {
        sum: u64::from_le_bytes(a),
        check: u32::from_le_bytes([b, c, d, e]),
        count: i64::from_le_bytes([f, g, h, i, j, k, l, m]),
    }
}

pub(super) fn reconcile_seeds() -> Vec<Vec<u8>> {
    let theirs = (0..22_u8).map(|n| RecordId([n.wrapping_mul(13); 32])).skip(1);
    let symbols = riblt::Encoder::new(riblt::Key([7; 16]), theirs).next(40);
    let bytes = symbols.iter().flat_map(|symbol| {
        let (sum, check, count) = (
            symbol.sum.to_le_bytes(),
            symbol.check.to_le_bytes(),
            symbol.count.to_le_bytes(),
        );
        [&sum[..], &check, &count].concat()
    });
    let golden = seeds::wire::directory();
    let ranges = golden
        .into_iter()
        .filter(|bytes| matches!(DirectoryFrame::from_bytes(bytes), Ok(DirectoryFrame::Reconcile { .. })));
    ranges.chain([bytes.collect()]).collect()
}

/// A package as it is fetched of peers that send anything.
pub(super) fn fetch(bytes: &[u8]) {
    use fetch::{ContentManifest, Effect, Fetch, Input};
    let package = vec![7; CHUNK + 100];
    let manifest = ContentManifest::of(&package);
    let mut core = Fetch::new(manifest.id());
    let (mut now, mut effects) = (1000, Vec::new());
    for of in 0..2 {
        core.handle(now, Input::Peer(peer(of)), &mut effects);
    }
    for (what, peer, rest) in steps(bytes) {
        now += 500;
        let input = match what {
            0..=3 => Input::Manifest(peer, ManifestBody::from_bytes(rest).ok()),
            4 | 5 => Input::Manifest(peer, Some(manifest.body())),
            6 => Input::Stored(rest.iter().map(|index| u32::from(*index)).collect()),
            7..=9 => Input::Chunk(peer, u32::from(rest.first().copied().unwrap_or(0)), rest.to_vec()),
            10 | 11 => Input::Chunk(peer, 1, package.get(CHUNK..).unwrap_or_default().to_vec()),
            12 => Input::Failed(peer),
            13 => Input::PeerGone(peer),
            14 => Input::Peer(peer),
            _ => {
                now += 60_000;
                core.handle_timeout(now, &mut effects);
                continue;
            }
        };
        core.handle(now, input, &mut effects);
    }
    for effect in effects {
        match effect {
            Effect::Store { offset, bytes } => {
                let at = usize::try_from(offset).expect("a place in it");
                assert_eq!(
                    package.get(at..at + bytes.len()),
                    Some(&bytes[..]),
                    "what is stored is the package"
                );
            }
            Effect::CheckStored(known) => assert_eq!(known, manifest),
            Effect::AskChunks { first, count, .. } => assert!(first + count <= manifest.chunks() && count > 0),
            Effect::Progress { done, total } => assert!(done <= total),
            Effect::AskManifest(_) | Effect::Done | Effect::Misbehaved { .. } => {}
        }
    }
}

pub(super) fn fetch_seeds() -> Vec<Vec<u8>> {
    let body = fetch::ContentManifest::of(&vec![7; CHUNK + 100]).body().to_bytes();
    vec![
        [
            conversation(0, &[body]),
            conversation(6, &[vec![]]),
            conversation(10, &[vec![], vec![]]),
        ]
        .concat(),
        [
            conversation(4, &[vec![]]),
            conversation(6, &[vec![0]]),
            conversation(7, &[vec![1, 2]]),
            conversation(15, &[vec![]]),
        ]
        .concat(),
    ]
}

/// Rounds of the exchange, as frames; and any statement of what is installed, signed by whom it names.
pub(super) fn rounds(bytes: &[u8]) {
    use rounds::{Effect, Input};
    let (mut core, mut now, mut effects) = (Rounds::new(7), 1_000_000, Vec::new());
    let used = BTreeSet::from([WidgetId([4; 16])]);
    core.handle(now, Input::Mine { record: None, used }, &mut effects);
    let connected = |of: u8| Input::Connected {
        peer: peer(of),
        network: vec![of],
        begin: of == 0,
    };
    for of in 0..2 {
        core.handle(now, connected(of), &mut effects);
    }
    for (what, peer, rest) in steps(bytes) {
        now += 1000;
        match (what, DirectoryFrame::from_bytes(rest)) {
            (0..=11, Ok(DirectoryFrame::Round { round })) => {
                let round = Box::new(round);
                core.handle(now, Input::Round { peer, round }, &mut effects);
            }
            (12, _) => core.handle(now, Input::Disconnected { peer }, &mut effects),
            (13, _) => core.handle(now, connected(rest.first().copied().unwrap_or(0)), &mut effects),
            (14 | 15, _) => {
                now += 3_600_000;
                core.handle_timeout(now, &mut effects);
            }
            _ => {}
        }
    }
    let own = core.own();
    assert!(
        own.1.values().all(|people| *people <= own.0),
        "more people than were met"
    );
    let _ = core.similar();
    let _ = core.reports(&[WidgetId([4; 16])], |_| 1.0);
    for effect in effects {
        match effect {
            Effect::Send { round, .. } => {
                let bytes = hedgerow_directory::Directory::round_frame(*round);
                assert!(DirectoryFrame::from_bytes(&bytes).is_ok(), "our own rounds are sound");
            }
            Effect::Met { node, .. } => assert!((0..3).any(|of| peer(of) == node), "nobody met that node"),
            _ => {}
        }
    }
}

pub(super) fn rounds_seeds() -> Vec<Vec<u8>> {
    let round = |node: NodeId, answer| {
        let used = vec![Used {
            widget: WidgetId([4; 16]),
            sequence: 1,
        }];
        let said = seeds::wire::said(&key(node.0[0]), What::Installs(Installs { node, used }));
        let round = Round {
            installs: Some(said.to_bytes().into()),
            met: 5,
            counts: vec![Count {
                widget: WidgetId([4; 16]),
                people: 3,
            }],
            certificates: Vec::new(),
            flags: vec![1, 2],
            pull: vec![3],
            answer,
        };
        DirectoryFrame::Round { round }.to_bytes()
    };
    let first = conversation(0, &[round(peer(0), true)]);
    let other = joined([&[&[1_u8][..], &round(peer(1), false)].concat()[..]]);
    vec![
        first.clone(),
        [first, other, conversation(14, &[vec![], vec![]])].concat(),
    ]
}
