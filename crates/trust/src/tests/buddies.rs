use crate::{Buddies, Chance, PAUSE_MS, Peer, SLOTS, TASTE, likeness};
use alloc::{collections::BTreeSet, vec::Vec};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct At {
    id: [u8; 4],
    network: [u8; 2],
}

impl Peer for At {
    fn id(&self) -> &[u8] {
        &self.id
    }
    fn network(&self) -> &[u8] {
        &self.network
    }
}

fn at(id: u32, network: u16) -> At {
    At {
        id: id.to_be_bytes(),
        network: network.to_be_bytes(),
    }
}

#[test]
fn attack_33_a_thousand_ids_in_one_network_win_no_more_than_one() {
    let mut hostile = 0;
    for seed in 0..50 {
        let mut buddies = Buddies::new(&mut Chance::new(seed));
        (0..99).for_each(|honest| buddies.met(&at(honest, honest as u16), 0.2));
        for _ in 0..10 {
            (1000..1100).for_each(|sybil| buddies.met(&at(sybil, 999), 1.0));
            (1000..1100).for_each(|sybil| buddies.called(&at(sybil, 999)));
        }
        hostile += buddies.random().iter().filter(|peer| peer.network == [3, 231]).count();
        let of_taste = buddies.taste();
        assert_eq!(of_taste.len(), TASTE);
        assert_eq!(
            of_taste.iter().filter(|peer| peer.network == [3, 231]).count(),
            1,
            "seed {seed}"
        );
    }
    // One network in a hundred.
    let expected = 50 * SLOTS / 100;
    assert!(hostile < 3 * expected, "{hostile} of {}", 50 * SLOTS);
}

#[test]
fn taste_and_chance_take_turns_and_nobody_is_asked_twice_within_the_pause() {
    let mut chance = Chance::new(1);
    let mut buddies = Buddies::new(&mut chance);
    (0..200).for_each(|id| buddies.met(&at(id, id as u16), f64::from(id) / 200.0));
    let of_taste = buddies.taste();
    assert_eq!(of_taste[0], at(199, 199));
    let asked: Vec<_> = (0..1000).filter_map(|_| buddies.next(0, &mut chance)).collect();
    let once: BTreeSet<_> = asked.iter().collect();
    assert_eq!(once.len(), asked.len());
    assert!(of_taste.iter().all(|buddy| once.contains(buddy)) && asked.len() > TASTE + SLOTS / 2);
    assert!(asked[..10].iter().filter(|peer| of_taste.contains(peer)).count() >= 4);
    assert_eq!(buddies.next(PAUSE_MS - 1, &mut chance), None);
    assert!((0..2).any(|_| buddies.next(PAUSE_MS, &mut chance).is_some()));
}

#[test]
fn who_is_gone_is_replaced_and_new_seeds_change_who_sits_there() {
    let mut chance = Chance::new(2);
    let mut buddies = Buddies::new(&mut chance);
    (0..500).for_each(|id| buddies.met(&at(id, id as u16), 0.1));
    let first = buddies.random()[0];
    buddies.gone(&first);
    assert!(!buddies.random().contains(&first) && !buddies.taste().contains(&first));
    assert_eq!(buddies.random().len(), SLOTS);
    let before = buddies.random();
    buddies.refresh(SLOTS, &mut chance);
    (0..500).for_each(|id| buddies.met(&at(id, id as u16), 0.1));
    assert_ne!(before, buddies.random());
}

#[test]
fn likeness_is_the_cosine_and_a_full_list_is_no_like_taste() {
    let set = |of: &[u32]| of.iter().copied().collect::<BTreeSet<_>>();
    assert_eq!(likeness(&set(&[1, 2, 3]), &set(&[1, 2, 3])), 1.0);
    assert_eq!(likeness(&set(&[1, 2]), &set(&[3])), 0.0);
    assert_eq!(likeness::<u32>(&set(&[]), &set(&[])), 0.0);
    let everything: BTreeSet<u32> = (0..10_000).collect();
    assert!(likeness(&set(&[1, 2, 3, 4]), &everything) < 0.03);
}
