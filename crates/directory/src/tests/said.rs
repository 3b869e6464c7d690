//! What people say: one place each, changed and taken back, within bounds (W3, W24).

use super::{Effect, Input, Node, World, key, over_seeds, record};
use hedgerow_base::{PersonId, WidgetId};
use hedgerow_wire::directory::{Certificate, Comment, Installs, Rating, Record, Role, Said, State, Subject, What};
use std::{boxed::Box, collections::BTreeSet, format, string::String, vec, vec::Vec};

fn person(n: u8) -> PersonId {
    key(n).public().into()
}
fn widget() -> WidgetId {
    record(1, 1, 1, None).release().unwrap().genesis.widget()
}
fn said(by: u8, revision: u64, what: What) -> Record {
    Record::say(Said::new(person(by), revision, "somebody".into(), 5, what), &key(by)).unwrap()
}
fn rating(by: u8, revision: u64, stars: u8) -> Record {
    let what = What::Rating(Rating {
        widget: widget(),
        stars,
        text: format!("revision {revision}"),
    });
    said(by, revision, what)
}
fn comment(by: u8, number: u64) -> Record {
    let what = What::Comment(Comment {
        widget: widget(),
        number,
        parent: None,
        title: String::new(),
        text: "hello".into(),
        state: State::Stands,
    });
    said(by, 1, what)
}
fn certificate(by: u8, about: u8, revision: u64, revoked: bool) -> Record {
    let what = What::Certificate(Certificate {
        role: Role::Vouch,
        subject: Subject::Person(person(about)),
        reason: String::new(),
        revoked,
    });
    said(by, revision, what)
}
fn holds(node: &Node, record: &Record) -> bool {
    node.store.contains_key(&record.id)
}

#[test]
fn of_one_persons_ratings_of_a_widget_the_last_is_kept_everywhere_in_whatever_order_they_travel() {
    over_seeds(50, |seed| {
        let mut world = World::new(seed, 6);
        let ratings: Vec<Record> = (1..=5).map(|revision| rating(7, revision, 3)).collect();
        // Several devices of one person speak at once, each to another part of the network.
        for (n, record) in ratings.iter().enumerate() {
            world.publish(n, record.clone());
        }
        for n in 1..6 {
            let other = world.rng.below(n);
            world.connect(n, other);
        }
        world.settle();
        for _ in 0..3 {
            world.tick();
            world.settle();
        }
        for node in &world.nodes {
            assert!(holds(node, &ratings[4]), "the last one is everywhere");
            assert_eq!(node.store.len(), 1, "and none of the others");
            assert_eq!(node.directory.len(), 1);
            assert!(node.blamed.is_empty(), "{:?}", node.blamed);
        }
    });
}

#[test]
fn attack_15_a_revoked_certificate_that_is_replayed_does_not_come_back() {
    let mut world = World::new(1, 2);
    let (given, taken) = (certificate(1, 2, 1, false), certificate(1, 2, 2, true));
    world.publish(0, given.clone());
    world.publish(0, taken.clone());
    world.connect(0, 1);
    world.settle();
    assert!(holds(&world.nodes[1], &taken) && !holds(&world.nodes[1], &given));
    let frame = crate::Directory::records_frame(vec![given.to_bytes()]);
    let peer = hedgerow_base::NodeId([0; 32]);
    world.put(1, Input::Message { peer, bytes: frame });
    assert!(!holds(&world.nodes[1], &given));
    assert!(holds(&world.nodes[1], &taken));
}

#[test]
fn attack_17_a_flood_of_valid_certificates_by_one_signer_is_kept_up_to_a_quota() {
    let mut directory = crate::Directory::new();
    let mut kept = 0;
    for n in 0..5_000u32 {
        let mut about = [0; 32];
        about[..4].copy_from_slice(&n.to_be_bytes());
        let what = What::Certificate(Certificate {
            role: Role::Vouch,
            subject: Subject::Person(PersonId(about)),
            reason: String::new(),
            revoked: false,
        });
        let record = said(1, 1, what);
        let mut effects = Vec::new();
        directory.handle(
            0,
            Input::Publish {
                record: Box::new(record),
            },
            &mut effects,
        );
        kept += effects.iter().filter(|e| matches!(e, Effect::Persist { .. })).count();
    }
    assert_eq!(kept, 4096);
    let mut effects = Vec::new();
    let other = Box::new(certificate(2, 1, 1, false));
    directory.handle(0, Input::Publish { record: other }, &mut effects);
    assert!(!effects.is_empty(), "others have their own room");
}

#[test]
fn when_there_is_no_room_strangers_make_place_for_the_trusted_and_never_the_other_way() {
    let mut world = World::new(1, 1);
    world.nodes[0].directory.limit_statements(10);
    for by in 10..30 {
        world.publish(0, rating(by, 1, 5));
    }
    assert_eq!(world.nodes[0].store.len(), 10, "the others were refused");
    let trusted = BTreeSet::from([person(1), person(2)]);
    world.put(
        0,
        Input::Trust {
            trusted,
            unwanted: BTreeSet::new(),
        },
    );
    world.publish(0, rating(1, 1, 4));
    world.publish(0, rating(2, 1, 4));
    let node = &world.nodes[0];
    assert_eq!(node.store.len(), 10);
    assert!(holds(node, &rating(1, 1, 4)) && holds(node, &rating(2, 1, 4)));
    assert!(!holds(node, &rating(10, 1, 5)) && !holds(node, &rating(11, 1, 5)));
}

#[test]
fn one_person_writes_at_most_64_things_on_a_widget() {
    let mut world = World::new(1, 1);
    for number in 0..100 {
        world.publish(0, comment(3, number));
    }
    assert_eq!(world.nodes[0].store.len(), 64);
    world.publish(0, comment(4, 1));
    assert_eq!(world.nodes[0].store.len(), 65);
}

#[test]
fn what_an_unwanted_person_says_is_not_kept() {
    let mut world = World::new(1, 1);
    let unwanted = BTreeSet::from([person(9)]);
    world.put(
        0,
        Input::Trust {
            trusted: BTreeSet::new(),
            unwanted,
        },
    );
    world.publish(0, comment(9, 1));
    world.publish(0, comment(8, 1));
    assert_eq!(world.nodes[0].store.len(), 1);
}

#[test]
fn installs_are_taken_first_hand_only() {
    let mut world = World::new(1, 2);
    world.connect(0, 1);
    world.settle();
    let what = What::Installs(Installs {
        node: hedgerow_base::NodeId([0; 32]),
        used: vec![],
    });
    let frame = crate::Directory::records_frame(vec![said(3, 1, what).to_bytes()]);
    let peer = hedgerow_base::NodeId([0; 32]);
    world.put(1, Input::Message { peer, bytes: frame });
    assert_eq!(world.nodes[1].blamed.len(), 1);
    assert!(world.nodes[1].store.is_empty());
}

#[test]
fn a_statement_in_the_name_of_another_is_charged_to_who_brings_it() {
    let mut world = World::new(1, 2);
    world.connect(0, 1);
    world.settle();
    let what = What::Rating(Rating {
        widget: widget(),
        stars: 1,
        text: String::new(),
    });
    let forged = Record::say(Said::new(person(3), 1, String::new(), 5, what), &key(4)).unwrap();
    let frame = crate::Directory::records_frame(vec![forged.to_bytes()]);
    let peer = hedgerow_base::NodeId([0; 32]);
    world.put(1, Input::Message { peer, bytes: frame });
    assert_eq!(world.nodes[1].blamed.len(), 1);
    assert!(world.nodes[1].store.is_empty());
}

#[test]
fn two_directories_that_have_the_same_know_that_they_compared() {
    let mut world = World::new(1, 2);
    world.publish(0, rating(1, 1, 4));
    world.connect(0, 1);
    world.settle();
    world.tick();
    world.settle();
    assert!(world.nodes.iter().all(|node| node.compared > 0));
}
