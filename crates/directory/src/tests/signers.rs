//! Who may sign releases: several keys, lost and stolen ones, and the way back (W23; TUF's attacks).

use super::{Genesis, Record, Release, SecretKey, World, key, over_seeds, release};
use hedgerow_base::RecordId;
use hedgerow_wire::directory::{Authority, Body, KIND_AUTHORITY, MAX_KEYS, MAX_SEQUENCE};
use std::{boxed::Box, vec, vec::Vec};

fn keys(of: &[u8]) -> Vec<u8> {
    of.iter().flat_map(|n| key(*n).public().0).collect()
}
fn genesis(of: &[u8], threshold: u8) -> Genesis {
    Genesis {
        keys: keys(of).into(),
        threshold,
        nonce: [1; 32],
    }
}
fn signed(release: Release, by: &[(u8, u8)]) -> Record {
    let secrets: Vec<(u8, SecretKey)> = by.iter().map(|(number, n)| (*number, key(*n))).collect();
    let secrets: Vec<(u8, &SecretKey)> = secrets.iter().map(|(number, key)| (*number, key)).collect();
    Record::signed_by(Body::Release(Box::new(release)), &secrets).unwrap()
}
fn of(genesis: &Genesis, epoch: u32, sequence: u64, prev: Option<RecordId>) -> Release {
    Release {
        genesis: genesis.clone(),
        epoch,
        ..release(1, 1, sequence, prev)
    }
}
fn change(genesis: &Genesis, epoch: u32, to: &[u8], from: u64, old: &[(u8, u8)], revoked: Vec<RecordId>) -> Record {
    let authority = Authority {
        kind: KIND_AUTHORITY,
        genesis: genesis.clone(),
        epoch,
        keys: keys(to).into(),
        threshold: 1,
        from,
        revoked,
        created_ms: 5,
    };
    let new = (0u8..).zip(to).map(|(number, n)| (number + MAX_KEYS as u8, key(*n)));
    let all: Vec<(u8, SecretKey)> = old.iter().map(|(number, n)| (*number, key(*n))).chain(new).collect();
    let all: Vec<(u8, &SecretKey)> = all.iter().map(|(number, key)| (*number, key)).collect();
    Record::signed_by(Body::Authority(Box::new(authority)), &all).unwrap()
}
fn newest(world: &World, n: usize, genesis: &Genesis) -> u64 {
    world.nodes[n]
        .directory
        .newest(&genesis.widget())
        .map_or(0, |(sequence, _)| sequence)
}

#[test]
fn attack_09_fewer_stolen_keys_than_the_threshold_release_nothing() {
    let mut world = World::new(1, 1);
    let genesis = genesis(&[1, 2, 3], 2);
    world.publish(0, signed(of(&genesis, 0, 1, None), &[(0, 1)]));
    assert_eq!(newest(&world, 0, &genesis), 0);
    // The same key twice is one key.
    world.publish(0, signed(of(&genesis, 0, 1, None), &[(0, 1), (0, 1)]));
    assert_eq!(newest(&world, 0, &genesis), 0);
    world.publish(0, signed(of(&genesis, 0, 1, None), &[(0, 1), (2, 3)]));
    assert_eq!(newest(&world, 0, &genesis), 1);
}

#[test]
fn authors_sign_one_release_each_at_home_and_put_the_signatures_together() {
    let mut world = World::new(1, 1);
    let genesis = genesis(&[1, 2], 2);
    let mut record = signed(of(&genesis, 0, 1, None), &[(0, 1)]);
    record.join(&signed(of(&genesis, 0, 1, None), &[(1, 2)])).unwrap();
    assert!(
        record
            .join(&signed(of(&genesis, 0, 2, Some(record.id)), &[(1, 2)]))
            .is_err()
    );
    world.publish(0, record);
    assert_eq!(newest(&world, 0, &genesis), 1);
}

#[test]
fn new_signers_release_and_old_ones_do_not_any_more() {
    let mut world = World::new(1, 1);
    let genesis = genesis(&[1], 1);
    let first = signed(of(&genesis, 0, 1, None), &[(0, 1)]);
    world.publish(0, first.clone());
    world.publish(0, change(&genesis, 1, &[2], 2, &[(0, 1)], vec![]));
    assert_eq!(newest(&world, 0, &genesis), 1, "what was released stands");
    world.publish(0, signed(of(&genesis, 0, 2, Some(first.id)), &[(0, 1)]));
    assert_eq!(newest(&world, 0, &genesis), 1, "the old key is out");
    world.publish(0, signed(of(&genesis, 1, 2, Some(first.id)), &[(0, 2)]));
    assert_eq!(newest(&world, 0, &genesis), 2);
}

#[test]
fn nobody_changes_the_signers_without_them() {
    let mut world = World::new(1, 2);
    world.connect(0, 1);
    world.settle();
    let genesis = genesis(&[1], 1);
    let forged = change(&genesis, 1, &[9], 1, &[(0, 9)], vec![]);
    let frame = crate::Directory::records_frame(vec![forged.to_bytes()]);
    let peer = hedgerow_base::NodeId([0; 32]);
    world.put(1, crate::Input::Message { peer, bytes: frame });
    assert_eq!(world.nodes[1].blamed.len(), 1);
}

#[test]
fn attack_04_whoever_used_up_the_numbers_with_a_stolen_key_is_undone_by_a_change_of_signers() {
    let mut world = World::new(1, 3);
    let genesis = genesis(&[1], 1);
    let first = signed(of(&genesis, 0, 1, None), &[(0, 1)]);
    world.publish(0, first.clone());
    let thief = signed(of(&genesis, 0, MAX_SEQUENCE, Some(first.id)), &[(0, 1)]);
    world.publish(0, thief);
    assert_eq!(newest(&world, 0, &genesis), MAX_SEQUENCE);
    world.publish(0, change(&genesis, 1, &[2], 2, &[(0, 1)], vec![]));
    assert_eq!(newest(&world, 0, &genesis), 1);
    assert_eq!(world.nodes[0].changed, [1]);
    world.publish(0, signed(of(&genesis, 1, 2, Some(first.id)), &[(0, 2)]));
    world.connect(0, 1);
    world.connect(1, 2);
    world.settle();
    assert_eq!((newest(&world, 1, &genesis), newest(&world, 2, &genesis)), (2, 2));
}

#[test]
fn a_release_that_is_taken_back_is_not_the_newest_any_more() {
    let mut world = World::new(1, 1);
    let genesis = genesis(&[1], 1);
    let first = signed(of(&genesis, 0, 1, None), &[(0, 1)]);
    let second = signed(of(&genesis, 0, 2, Some(first.id)), &[(0, 1)]);
    world.publish(0, first);
    world.publish(0, second.clone());
    world.publish(0, change(&genesis, 1, &[1], 3, &[(0, 1)], vec![second.id]));
    assert_eq!(newest(&world, 0, &genesis), 1);
}

#[test]
fn attack_13_a_fork_stays_known_and_an_explaining_author_can_go_on() {
    let mut world = World::new(1, 1);
    let genesis = genesis(&[1], 1);
    let first = signed(of(&genesis, 0, 1, None), &[(0, 1)]);
    let second = signed(of(&genesis, 0, 2, Some(first.id)), &[(0, 1)]);
    let mut twin = of(&genesis, 0, 2, Some(first.id));
    twin.version = "2.0.0-evil".into();
    for record in [first.clone(), second, signed(twin, &[(0, 1)])] {
        world.publish(0, record);
    }
    let directory = &world.nodes[0].directory;
    assert!(directory.is_forked(&genesis.widget()) && directory.is_two_faced(&genesis.widget()));
    world.publish(0, change(&genesis, 1, &[2], 2, &[(0, 1)], vec![]));
    world.publish(0, signed(of(&genesis, 1, 2, Some(first.id)), &[(0, 2)]));
    let directory = &world.nodes[0].directory;
    assert!(
        !directory.is_forked(&genesis.widget()),
        "neither of the two counts any more"
    );
    assert!(directory.is_two_faced(&genesis.widget()), "but it happened");
    assert_eq!(newest(&world, 0, &genesis), 2);
}

#[test]
fn changes_of_signers_and_releases_come_in_any_order_and_all_nodes_agree() {
    over_seeds(50, |seed| {
        let mut world = World::new(seed, 3);
        let genesis = genesis(&[1], 1);
        let first = signed(of(&genesis, 0, 1, None), &[(0, 1)]);
        let second = signed(of(&genesis, 1, 2, Some(first.id)), &[(0, 2)]);
        let third = signed(of(&genesis, 2, 3, Some(second.id)), &[(0, 3)]);
        let mut records = vec![
            first,
            change(&genesis, 1, &[2], 2, &[(0, 1)], vec![]),
            second,
            change(&genesis, 2, &[3], 3, &[(0, 2)], vec![]),
            third,
        ];
        world.connect(0, 1);
        world.settle();
        while !records.is_empty() {
            let record = records.remove(world.rng.below(records.len()));
            let frame = crate::Directory::records_frame(vec![record.to_bytes()]);
            let peer = hedgerow_base::NodeId([0; 32]);
            world.put(1, crate::Input::Message { peer, bytes: frame });
        }
        world.connect(1, 2);
        world.settle();
        for n in 1..3 {
            assert_eq!(newest(&world, n, &genesis), 3, "node {n}");
            assert!(world.nodes[n].blamed.is_empty());
        }
    });
}
