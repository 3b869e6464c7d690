use crate::{Budget, Candidate, Chance, Distinct};

fn candidate(widget: u32, popularity: f64) -> Candidate<u32> {
    Candidate {
        widget,
        popularity,
        bytes: 100,
        whitelisted: true,
        installed: false,
        blocked: false,
    }
}

const BUDGET: Budget = Budget {
    disk: 1_000,
    traffic: 1_000,
    largest: 500,
    unknown_too: false,
};

#[test]
fn the_most_popular_that_is_allowed_and_fits_is_fetched_next() {
    let mut all = [candidate(1, 0.1), candidate(2, 0.3), candidate(3, 0.2)];
    let next = |budget: Budget, all: &[Candidate<u32>]| budget.next(all).map(|found| found.widget);
    assert_eq!(next(BUDGET, &all), Some(2));
    all[1].whitelisted = false;
    assert_eq!(next(BUDGET, &all), Some(3));
    assert_eq!(
        next(
            Budget {
                unknown_too: true,
                ..BUDGET
            },
            &all
        ),
        Some(2)
    );
    all[2].bytes = 501;
    assert_eq!(next(BUDGET, &all), Some(1));
    all[0].blocked = true;
    assert_eq!(next(BUDGET, &all), None);
}

#[test]
fn the_budget_ends() {
    let all: [_; 20] = core::array::from_fn(|at| candidate(at as u32, 0.1));
    let (mut budget, mut fetched) = (BUDGET, 0);
    while let Some(next) = budget.next(&all) {
        budget = budget.after(next.bytes);
        fetched += 1;
    }
    assert_eq!(fetched, 10);
}

#[test]
fn different_ones_are_counted_within_the_error_and_the_same_ones_once() {
    for (seed, many) in [(1, 10u64), (2, 1_000), (3, 10_000), (4, 1_000_000)] {
        let mut count = Distinct::default();
        for _ in 0..2 {
            let mut chance = Chance::new(seed);
            (0..many).for_each(|_| count.count(chance.any()));
        }
        let error = count.estimate() as f64 / many as f64 - 1.0;
        assert!(error.abs() < 4.0 * 0.0163, "{many}: {}", count.estimate());
    }
    assert_eq!(Distinct::default().estimate(), 0);
}

#[test]
fn attack_30_records_whose_hashes_are_chosen_move_the_count_by_little_each() {
    for seed in 0..1000 {
        let mut count = Distinct::default();
        let mut chance = Chance::new(seed);
        (0..5_000).for_each(|_| count.count(chance.any()));
        let before = count.estimate() as f64;
        // With the key known: the emptiest hash of a register.
        for _ in 0..10 {
            count.count(chance.any() & !(u64::MAX >> 12));
        }
        count.count(0);
        count.count(u64::MAX);
        assert!(count.estimate() as f64 / before < 1.02, "seed {seed}");
    }
}
