//! What bad peers, authors and bytes cannot do.

use super::*;

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
    assert_eq!(
        world.nodes[1].blamed,
        ["a record that is not signed by who must sign it"]
    );
}

#[test]
fn nobody_can_take_anothers_uuid() {
    let mine = record(1, 1, 1, None).release().unwrap().genesis.widget();
    let theirs = record(2, 1, 1, None).release().unwrap().genesis.widget();
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
    world.nodes[0]
        .directory
        .pin(good.release().unwrap().genesis.widget(), good.id);
    world.publish(0, record(1, 1, 2, Some(good.id)));
    assert!(world.nodes[0].store.is_empty());
    world.publish(0, good);
    assert_eq!(world.nodes[0].store.len(), 1);
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

/// Node 0 of a world of two, played by the test; node 1 is real.
fn against_one() -> World {
    let mut world = World::new(1, 2);
    world.connect(0, 1);
    world.settle();
    world.bytes = 0;
    world
}
fn says(world: &mut World, frame: &DirectoryFrame) {
    let (peer, bytes) = (NodeId([0; 32]), frame.to_bytes());
    world.put(1, Input::Message { peer, bytes });
}

#[test]
fn one_record_wanted_thousands_of_times_is_sent_once() {
    let mut world = against_one();
    let record = record(1, 1, 1, None);
    let (id, size) = (record.id, record.to_bytes().len());
    world.publish(1, record);
    world.bytes = 0;
    says(&mut world, &DirectoryFrame::Want { ids: vec![id; 2048] });
    assert!(world.bytes < size + 100, "{} bytes for a record of {size}", world.bytes);
}

#[test]
fn a_peer_that_wants_the_same_for_ever_is_no_longer_answered() {
    let mut world = against_one();
    let record = record(1, 1, 1, None);
    let (id, size) = (record.id, record.to_bytes().len());
    world.publish(1, record);
    for _ in 0..20_000 {
        says(&mut world, &DirectoryFrame::Want { ids: vec![id] });
    }
    assert!(world.bytes < 5_000 * (size + 100));
    world.tick();
    world.bytes = 0;
    says(&mut world, &DirectoryFrame::Want { ids: vec![id] });
    assert!(world.bytes > size, "it is answered again later");
}

#[test]
fn a_frame_from_the_future_is_left_out_without_a_charge() {
    let mut world = against_one();
    for bytes in [vec![0x82, 0x18, 0x62, 0xf6], vec![0x81, 0x18, 0x63]] {
        let peer = NodeId([0; 32]);
        world.put(1, Input::Message { peer, bytes });
    }
    assert!(world.nodes[1].blamed.is_empty());
    let (peer, bytes) = (NodeId([0; 32]), vec![0x82, 0x02, 0xf6]);
    world.put(1, Input::Message { peer, bytes });
    assert_eq!(world.nodes[1].blamed, ["a malformed frame"]);
}

#[test]
fn a_break_in_the_chain_is_told_in_whatever_order_its_records_come() {
    let first = record(1, 1, 1, None);
    let second = record(1, 1, 2, Some(RecordId([9; 32])));
    for order in [[&first, &second], [&second, &first]] {
        let mut world = World::new(1, 1);
        for record in order {
            world.publish(0, record.clone());
        }
        assert_eq!(world.nodes[0].forked, 1);
    }
}

#[test]
fn after_a_break_in_the_chain_no_release_becomes_the_newest() {
    let mut world = World::new(1, 1);
    let first = record(1, 1, 1, None);
    let mut other = release(1, 1, 1, None);
    other.summary = "Another story".into();
    let other = Record::sign(other, 0, &key(1)).expect("sound");
    let second = record(1, 1, 2, Some(other.id));
    let (id, widget) = (first.id, first.release().unwrap().genesis.widget());
    for record in [first, other, second] {
        world.publish(0, record);
    }
    assert_eq!(world.nodes[0].heads["Widget 1"], 1);
    assert_eq!(world.nodes[0].directory.newest(&widget), Some((1, id)));
}

#[test]
fn naming_another_author_in_a_genesis_does_not_use_up_their_room() {
    let mut world = World::new(1, 1);
    for nonce in 0..600u32 {
        let mut mine = release(2, 1, 1, None);
        let mut id = [0; 32];
        id[..4].copy_from_slice(&nonce.to_le_bytes());
        mine.genesis = Genesis::of(key(1).public(), id);
        mine.genesis.keys = [key(1).public().0, key(2).public().0].concat().into();
        world.publish(0, Record::sign(mine, 1, &key(2)).expect("sound"));
    }
    assert_eq!(world.nodes[0].store.len(), 500, "the one who signs has a limit");
    let victim = record(1, 7, 1, None);
    let id = victim.id;
    world.publish(0, victim);
    assert!(world.nodes[0].store.contains_key(&id), "the one who was named has not");
}

#[test]
fn what_was_refused_is_not_fetched_again() {
    let mut world = World::new(1, 2);
    let good = record(1, 1, 1, None);
    world.nodes[1]
        .directory
        .pin(good.release().unwrap().genesis.widget(), good.id);
    let other = record(1, 1, 2, Some(good.id));
    let id = other.id;
    world.publish(0, other);
    world.connect(0, 1);
    world.settle();
    world.bytes = 0;
    says(&mut world, &DirectoryFrame::Offer { ids: vec![id] });
    assert_eq!(world.bytes, 0, "it asked again");
}
