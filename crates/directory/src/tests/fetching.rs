//! Downloads from good and bad peers.

use super::*;

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

#[test]
fn a_slow_peer_that_is_alone_is_waited_for_and_one_among_others_is_not() {
    let asked_again = |peers: u8| {
        let manifest = ContentManifest::of(&[5u8; 4 * CHUNK]);
        let mut fetch = Fetch::new(manifest.id());
        let mut effects = Vec::new();
        for n in 0..peers {
            let peer = NodeId([n; 32]);
            fetch.handle(0, fetch::Input::Peer(peer), &mut effects);
            fetch.handle(0, fetch::Input::Manifest(peer, Some(manifest.body())), &mut effects);
        }
        fetch.handle(0, fetch::Input::Stored(BTreeSet::new()), &mut effects);
        effects.clear();
        fetch.handle_timeout(20_000, &mut effects);
        effects.iter().any(|e| matches!(e, fetch::Effect::AskChunks { .. }))
    };
    assert!(!asked_again(1));
    assert!(asked_again(2));
}
