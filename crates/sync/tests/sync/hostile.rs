//! Peers that lie, and bytes that mean nothing.

use crate::world::{Rng, WIDGET, World, pseudonym, user_key};
use hedgerow_base::{NodeId, SecretKey, hash::hash};
use hedgerow_sync::{Effect, Identity, Input, SpaceConfig, Sync, SyncError, bounds};
use proptest::prelude::*;

#[test]
fn a_stranger_who_knows_the_space_id_but_no_key_learns_nothing() {
    let mut w = World::new(1, &[0, 1]);
    let space = w.create(0);
    w.append(0, space, b"private words").unwrap();
    // The stranger has the same genesis with another key: the same id cannot come of it, so it opens its own space
    // and forges frames that name the other.
    w.create(1);
    w.tap = true;
    w.connect(0, 1);
    let frames = [
        hedgerow_wire::sync::SyncFrame::Summary { space, digest: [0; 32] }.to_bytes(),
        hedgerow_wire::sync::SyncFrame::Vector {
            space,
            begin: true,
            end: true,
            items: vec![],
        }
        .to_bytes(),
    ];
    let from = w.nodes[1].id;
    for bytes in frames {
        w.handle(0, Input::Message { peer: from, bytes });
    }
    w.run(60_000);
    for (sender, _, bytes) in &w.wire {
        assert!(
            *sender == 1 || bytes.len() < 32,
            "a stranger was told {} bytes",
            bytes.len()
        );
        assert!(
            !bytes.windows(32).any(|part| part == space.0),
            "the space was named to a stranger"
        );
    }
    assert!(w.nodes[0].here.is_empty());
}

#[test]
fn nobody_reads_a_space_from_what_is_stored() {
    let mut w = World::new(2, &[0]);
    let space = w.create(0);
    w.append(0, space, b"private words").unwrap();
    for (_, _, bytes) in &w.nodes[0].store[&space].entries {
        assert!(!bytes.windows(7).any(|part| part == b"private"));
    }
}

/// A device whose data went back in time: it continues its log differently.
fn forked(seed: u64) -> (World, hedgerow_base::SpaceId) {
    let mut w = World::new(seed, &[0, 1, 2]);
    w.causal = false;
    let space = w.create(0);
    let invite = w.invite(0, space);
    w.join(1, &invite);
    w.join(2, &invite);
    for _ in 0..3 {
        w.append(2, space, b"shared past").unwrap();
    }
    let backup = w.nodes[2].store.clone();
    w.connect(0, 2);
    w.run(2_000);
    w.append(2, space, b"first branch").unwrap();
    w.run(2_000);
    w.kill(2);
    w.nodes[2].store = backup;
    w.boot(2);
    w.append(2, space, b"second branch").unwrap();
    w.append(2, space, b"second branch goes on").unwrap();
    (w, space)
}

#[test]
fn a_forked_log_is_quarantined_everywhere_and_the_space_lives_on() {
    for seed in 0..10 {
        let (mut w, space) = forked(seed);
        w.connect(1, 2);
        w.run(2_000);
        w.connect(0, 1);
        w.run(120_000);
        let told = |n: &crate::world::Node| n.events.iter().any(|e| matches!(e, Effect::Forked { .. }));
        assert!(
            told(&w.nodes[0]) && told(&w.nodes[1]) && told(&w.nodes[2]),
            "seed {seed}"
        );
        assert_eq!(w.append(2, space, b"third"), Err(SyncError::Forked));
        w.append(0, space, b"we go on").unwrap();
        w.append(1, space, b"so do we").unwrap();
        w.run(5_000);
        assert!(w.has(1, space, b"we go on") && w.has(0, space, b"so do we") && w.has(2, space, b"we go on"));
        assert_eq!(w.core(0).digest(&space), w.core(1).digest(&space));
        // The device starts again with a new log, as the same member.
        let config = SpaceConfig::from_bytes(&w.nodes[2].store[&space].config).unwrap();
        let random = w.rng.bytes();
        w.reopen(2, &config.renew(random));
        w.run(2_000);
        w.append(2, space, b"fresh start").unwrap();
        w.run(5_000);
        assert!(
            w.has(0, space, b"fresh start") && w.has(1, space, b"fresh start"),
            "seed {seed}"
        );
        // The proof outlives a restart.
        w.restart(0);
        w.connect(0, 1);
        w.run(5_000);
        assert_eq!(w.core(0).digest(&space), w.core(1).digest(&space));
    }
}

#[test]
fn a_public_space_is_open_to_all_and_bounded_per_author() {
    let mut w = World::new(3, &[0, 1]);
    w.causal = false;
    let space = w.public(0);
    assert_eq!(w.public(1), space);
    w.connect(0, 1);
    w.run(1_000);
    w.append(0, space, b"hello world").unwrap();
    w.run(1_000);
    assert!(w.has(1, space, b"hello world"));
    // Looking on writes nothing.
    assert_eq!(w.core(0).logs(&space).len(), 1);
    let body = vec![7; 100_000];
    let mut refused = None;
    for _ in 0..200 {
        if let Err(error) = w.append(0, space, &body) {
            refused = Some(error);
            break;
        }
        w.run(10);
    }
    assert_eq!(refused, Some(SyncError::Quota));
    w.run(5_000);
    let size: usize = w.nodes[1].store[&space].entries.iter().map(|e| e.2.len()).sum();
    assert!(size as u64 <= bounds::PUBLIC_LOG_BYTES);
    w.append(1, space, b"I may still").unwrap();
    w.run(1_000);
    assert!(w.has(0, space, b"I may still"));
    w.assert_nobody_blamed();
}

/// A core that speaks with whoever connects, and the frames that its other end said.
fn recorded(seed: u64) -> (World, hedgerow_base::SpaceId) {
    let mut w = World::new(seed, &[0, 1]);
    w.causal = false;
    w.tap = true;
    let space = w.create(0);
    let invite = w.invite(0, space);
    w.join(1, &invite);
    for _ in 0..5 {
        w.append(1, space, b"words").unwrap();
    }
    w.connect(0, 1);
    w.run(1_000);
    w.handle(
        1,
        Input::Live {
            space,
            body: b"live".to_vec(),
        },
    );
    w.append(1, space, b"more").unwrap();
    (w, space)
}

#[test]
fn damaged_frames_never_panic_and_never_change_what_is_delivered() {
    for seed in 0..30 {
        let (mut w, space) = recorded(seed);
        let frames: Vec<Vec<u8>> = w.wire.iter().filter(|f| f.0 == 1).map(|f| f.2.clone()).collect();
        let peer = w.nodes[1].id;
        for frame in &frames {
            for _ in 0..40 {
                let mut bad = frame.clone();
                for _ in 0..=w.rng.below(3) {
                    let at = w.rng.below(bad.len());
                    match w.rng.below(4) {
                        0 => bad.truncate(at),
                        1 => bad.insert(at, w.rng.next() as u8),
                        _ => bad[at] ^= 1 << w.rng.below(8),
                    }
                    if bad.is_empty() {
                        break;
                    }
                }
                w.handle(0, Input::Message { peer, bytes: bad });
            }
        }
        w.run(200_000);
        for update in &w.nodes[0].store[&space].updates {
            assert!(update.body == b"words" || update.body == b"more", "seed {seed}");
        }
        w.disconnect(0, 1);
        w.connect(0, 1);
        w.run(60_000);
        assert_eq!(w.updates(0, space).len(), 6, "seed {seed}");
        assert!(!w.nodes[0].blamed.is_empty());
    }
}

#[test]
fn one_who_holds_the_key_but_was_not_invited_writes_nothing_that_others_take() {
    let mut w = World::new(4, &[0, 1, 2]);
    let space = w.create(0);
    let invite = w.invite(0, space);
    w.join(1, &invite);
    // User 2 makes an invite of their own with the leaked key.
    let mut forged = invite.clone();
    let claim = hedgerow_wire::sync::InviteClaim {
        space,
        epoch: 0,
        invite_key: SecretKey::from_seed(&[5; 32]).public().0,
        issuer: pseudonym(2),
    };
    forged.invite = hedgerow_wire::sync::Signed::sign(&claim, &user_key(2));
    forged.secret = [5; 32];
    let random = w.rng.bytes();
    let config = SpaceConfig::join(&forged, pseudonym(2), random);
    w.open(2, &config);
    w.connect(0, 2);
    w.connect(0, 1);
    w.append(1, space, b"among us").unwrap();
    w.run(60_000);
    assert!(w.has(0, space, b"among us"));
    assert_eq!(w.core(0).members(&space).len(), 2);
    assert!(!w.has(2, space, b"among us"));
}

fn lone() -> (Sync, hedgerow_base::SpaceId) {
    let mut sync = Sync::new(NodeId([1; 32]), [2; 32]);
    let config = SpaceConfig::public(WIDGET, [3; 32]);
    let space = config.id();
    let identity = Identity {
        pseudonym: user_key(0),
        seal: hash("s", &[]).into(),
    };
    let mut out = Vec::new();
    sync.handle(
        0,
        Input::OpenSpace {
            config: config.into(),
            identity: identity.into(),
            name: None,
            state: None,
        },
        &mut out,
    );
    sync.handle(0, Input::Start { space }, &mut out);
    sync.handle(
        0,
        Input::PeerConnected {
            peer: NodeId([4; 32]),
            session: [5; 32],
        },
        &mut out,
    );
    (sync, space)
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let (mut sync, space) = lone();
        let mut out = Vec::new();
        let _ = hedgerow_wire::sync::SyncFrame::decode(&bytes);
        let _ = hedgerow_sync::Invite::from_bytes(&bytes);
        let _ = SpaceConfig::from_bytes(&bytes);
        let _ = sync.replay(&space, &bytes, &mut out);
        sync.handle(1, Input::Message { peer: NodeId([4; 32]), bytes }, &mut out);
        sync.handle_timeout(100_000, &mut out);
    }
}

#[test]
fn an_update_over_the_limit_is_refused_with_its_size() {
    let mut w = World::new(9, &[0]);
    let space = w.create(0);
    assert!(w.append(0, space, &vec![0; 128_000]).is_ok());
    assert!(matches!(
        w.append(0, space, &vec![0; 200_000]),
        Err(SyncError::TooLarge { len: 200_000, .. })
    ));
    assert_eq!(
        w.append(0, hedgerow_base::SpaceId([0; 32]), b"x"),
        Err(SyncError::NotOpen)
    );
    let _ = Rng(1).next();
}
