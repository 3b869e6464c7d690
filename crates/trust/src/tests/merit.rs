use crate::{Chance, Graph, MeritRank};
use alloc::{collections::BTreeMap, vec, vec::Vec};

struct Map(BTreeMap<u32, Vec<(u32, f64)>>);

impl Graph<u32> for Map {
    fn edges(&self, of: &u32) -> Vec<(u32, f64)> {
        self.0.get(of).cloned().unwrap_or_default()
    }
}

/// Twenty honest peers who all know each other; one of them, number 1, also trusts the attacker 100.
fn honest() -> BTreeMap<u32, Vec<(u32, f64)>> {
    let everybody = |of: u32| (0..20).filter(move |other| *other != of).map(|other| (other, 1.0));
    let mut edges: BTreeMap<_, Vec<_>> = (0..20).map(|of| (of, everybody(of).collect())).collect();
    edges.get_mut(&1).unwrap().push((100, 2.0));
    edges
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    Cycle,
    Path,
    Star,
}

/// What the attacker and its Sybils are worth together, on average over some seeds.
fn gain(shape: Shape, sybils: u32, how: MeritRank) -> f64 {
    let mut edges = honest();
    for number in 0..=sybils {
        let at = 100 + number;
        let next = match shape {
            Shape::Cycle => vec![(100 + (number + 1) % (sybils + 1), 1.0)],
            Shape::Path if number < sybils => vec![(at + 1, 1.0)],
            Shape::Star if number == 0 => (1..=sybils).map(|other| (100 + other, 1.0)).collect(),
            Shape::Star => vec![(100, 1.0)],
            Shape::Path => vec![],
        };
        edges.insert(at, next);
    }
    let graph = Map(edges);
    let of_seed = |seed| {
        let scores = how.rank(&0, &graph, &mut Chance::new(seed));
        scores.range(100..).map(|(_, score)| score).sum::<f64>()
    };
    (0..8).map(of_seed).sum::<f64>() / 8.0
}

fn how(stop: f64, decay: f64) -> MeritRank {
    MeritRank {
        walks: 4000,
        stop,
        through_one: 0.9,
        decay,
    }
}

#[test]
fn attack_31_more_sybils_are_worth_no_more_in_whatever_shape_they_promote_each_other() {
    // The published shape: flat from 1 to 50 Sybils (.27, .34, .33 at α = β = .5).
    for shape in [Shape::Cycle, Shape::Path, Shape::Star] {
        let gains = [1, 10, 25, 50].map(|sybils| gain(shape, sybils, how(0.5, 0.5)));
        let (low, high) = gains
            .iter()
            .fold((f64::MAX, 0.0f64), |(low, high), g| (low.min(*g), high.max(*g)));
        assert!(high < 0.02, "{shape:?}: {gains:?}");
        assert!(high / low < 1.35, "{shape:?}: {gains:?}");
    }
}

#[test]
fn with_full_decay_sybils_behind_one_peer_are_worth_nothing_and_less_decay_is_worth_more() {
    let [none, half, most, full] = [0.0, 0.5, 0.9, 1.0].map(|decay| gain(Shape::Star, 20, how(0.3, decay)));
    assert!(none > half && half > most && most > full, "{none} {half} {most} {full}");
    assert_eq!(full, 0.0);
}

#[test]
fn without_stopping_walks_end_and_who_trusts_oneself_gains_nothing() {
    let graph = Map(BTreeMap::from([
        (0, vec![(1, 1.0)]),
        (1, vec![(1, 9.0), (2, 1.0), (3, f64::NAN)]),
    ]));
    let scores = how(0.0, 0.0).rank(&0, &graph, &mut Chance::new(1));
    assert_eq!(scores.keys().copied().collect::<Vec<_>>(), [1, 2]);
    assert_eq!(scores[&1], scores[&2]);
}

#[test]
fn a_seed_gives_the_same_scores() {
    let graph = Map(honest());
    let of = |seed| how(0.4, 0.5).rank(&0, &graph, &mut Chance::new(seed));
    assert_eq!(of(3), of(3));
    assert_ne!(of(3), of(4));
}
