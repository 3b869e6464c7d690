use super::{
    Fleet, Known, WIDGETS,
    schedule::{Calls, Schedule},
};
use crate::crew::{Alone, Crew, Task};
use hedgerow_trust::Latest;

struct Backwards;

impl Crew for Backwards {
    fn hands(&self) -> usize {
        2
    }
    fn work(&self, tasks: Vec<Task<'_>>) {
        tasks.into_iter().rev().for_each(|task| task());
    }
}

#[test]
fn everybody_calls_one_and_is_called_by_one() {
    for peers in [16, 17, 100, 1000, 4097, 70_001] {
        for round in 1..4 {
            let schedule = Schedule::new(peers, 7, round);
            let mut called: Vec<_> = (0..peers).map(|at| schedule.of(at)).collect();
            assert!((0..peers).all(|at| schedule.back(schedule.of(at)) == at), "{peers}");
            let mut calls = Calls::new(&schedule);
            assert!(
                (0..peers).all(|at| calls.of(at) == (schedule.of(at), schedule.back(at))),
                "{peers}"
            );
            called.sort_unstable();
            assert!(called.iter().copied().eq(0..peers), "{peers}");
        }
    }
}

/// How many know one piece of news after each round.
fn spread(peers: usize, bits: u32, seed: u64) -> Vec<usize> {
    let mut knows = vec![false; peers];
    knows[0] = true;
    let rounds = (1..=14).map(|round| {
        let schedule = Schedule::with(peers, bits, seed, round);
        let before = knows.clone();
        (0..peers).for_each(|at| knows[at] |= before[schedule.of(at)] || before[schedule.back(at)]);
        knows.iter().filter(|knows| **knows).count()
    });
    rounds.collect()
}

#[test]
fn news_spreads_over_blocks_as_it_does_when_everybody_may_call_everybody() {
    let rounds = |bits: u32, seed| {
        let after = spread(60_000, bits, seed);
        let reached = |share: f64| 1 + after.iter().filter(|know| (**know as f64) < share * 60_000.0).count();
        [reached(0.5), reached(0.99), reached(1.0)]
    };
    for seed in 1..=4 {
        let (blocks, free) = (rounds(9, seed), rounds(0, seed));
        assert!(
            blocks.iter().zip(&free).all(|(a, b)| a.abs_diff(*b) <= 1),
            "seed {seed}: {blocks:?} {free:?}"
        );
    }
}

#[test]
fn the_fast_path_knows_after_each_round_exactly_what_the_cores_of_the_node_know() {
    let mut fleet = Fleet::new(500, 9).unwrap();
    let mut cores: Vec<Latest<usize>> = fleet.known().iter().map(core_of).collect();
    for round in 1..=9 {
        let calls = fleet.calls(round);
        fleet.round(&Alone);
        let before = cores.clone();
        for peer in 0..cores.len() {
            let called = calls(peer);
            cores[peer].learn_all(before[called].all());
            cores[called].learn_all(before[peer].all());
        }
        let full: Vec<_> = cores.iter().map(Latest::all).map(Iterator::collect::<Vec<_>>).collect();
        let fast: Vec<_> = fleet
            .known()
            .iter()
            .map(core_of)
            .map(|core| core.all().collect::<Vec<_>>())
            .collect();
        assert_eq!(fast, full, "round {round}");
    }
    assert!(fleet.informed() > 0.99, "{}", fleet.informed());
}

fn core_of(known: &Known) -> Latest<usize> {
    let mut core = Latest::new(WIDGETS);
    core.learn_all(
        known
            .0
            .iter()
            .enumerate()
            .filter(|(_, seq)| **seq > 0)
            .map(|(at, seq)| (at, u64::from(*seq))),
    );
    core
}

#[test]
fn however_the_work_is_divided_the_result_is_the_same() {
    let digest = |crew: &dyn Crew, seed| {
        let mut fleet = Fleet::new(3_000, seed).unwrap();
        (0..6).for_each(|_| fleet.round(crew));
        fleet.digest()
    };
    assert_eq!(digest(&Alone, 1), digest(&Backwards, 1));
    assert_ne!(digest(&Alone, 1), digest(&Alone, 2));
}
