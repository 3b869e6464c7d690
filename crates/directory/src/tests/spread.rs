//! Records reach everybody, at a cost that goes with what differs.

use super::*;

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
    assert!(world.nodes.iter().all(|n| {
        n.forked == 1
            && n.directory
                .is_forked(&record(1, 1, 1, None).release().unwrap().genesis.widget())
    }));
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
fn two_directories_of_five_thousand_that_differ_by_a_hundred_agree_for_under_ten_kilobytes() {
    let mut world = World::new(1, 2);
    let said = |n: u32| {
        let mut about = [0; 32];
        about[..4].copy_from_slice(&n.to_be_bytes());
        let key = SecretKey::from_seed(hash("a signer", &[&(n % 100).to_be_bytes()]).first_chunk().unwrap());
        let what = hedgerow_wire::directory::What::Certificate(hedgerow_wire::directory::Certificate {
            role: hedgerow_wire::directory::Role::Vouch,
            subject: hedgerow_wire::directory::Subject::Person(hedgerow_base::PersonId(about)),
            reason: String::new(),
            revoked: false,
        });
        let said = hedgerow_wire::directory::Said::new(key.public().into(), 1, String::new(), 5, what);
        Record::say(said, &key).unwrap()
    };
    for n in 0..5_000u32 {
        let record = said(n);
        for node in 0..2 {
            // 50 are only here, 50 only there.
            if n >= 100 || (n < 50) == (node == 0) {
                world.publish(node, record.clone());
            }
        }
    }
    (world.bytes, world.records) = (0, 0);
    world.connect(0, 1);
    world.settle();
    let of_comparing = world.bytes - world.records;
    let records = world.records;
    assert!(
        of_comparing < 10_000 && records > 0,
        "{of_comparing} bytes beside {records} of records"
    );
    assert_eq!(world.nodes[0].directory.len(), 5_000);
    assert_eq!(world.nodes[1].directory.len(), 5_000);
    assert!(world.nodes.iter().all(|node| node.blamed.is_empty()));
}

#[test]
fn hostile_symbols_end_in_a_comparison_by_ranges_and_the_stores_agree_all_the_same() {
    let mut world = World::new(3, 2);
    for widget in 0..60 {
        world.publish(usize::from(widget % 2 == 0), record(widget, widget, 1, None));
    }
    world.connect(0, 1);
    for _ in 0..40 {
        for n in 0..2usize {
            let symbols = (0..48).map(|i| hedgerow_wire::directory::Symbol {
                sum: i,
                check: 7,
                count: 1,
            });
            let frame = DirectoryFrame::Symbols {
                from: 0,
                symbols: symbols.collect(),
            };
            let peer = NodeId([1 - n as u8; 32]);
            world.put(
                n,
                Input::Message {
                    peer,
                    bytes: frame.to_bytes(),
                },
            );
        }
        world.step();
    }
    world.settle();
    world.tick();
    world.settle();
    assert!(world.nodes.iter().all(|node| node.directory.len() == 60));
}
