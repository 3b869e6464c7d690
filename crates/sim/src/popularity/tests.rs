use super::{Lie, Plan, run};
use crate::crew::{Alone, Crew, Task};

const NAMES: [&str; 5] = ["max", "mean", "median_max", "trimmed", "trust_median"];

fn plan(misplaced: f64, runs: usize, seed: u64) -> Plan {
    Plan {
        misplaced,
        runs,
        seed,
        ..Plan::default()
    }
}

#[test]
fn two_of_five_liars_with_sybils_do_not_change_what_is_found_and_the_rule_as_written_fails() {
    for (sybils, seed) in [(10, 1), (1000, 2)] {
        let report = run(
            &Plan {
                sybils,
                ..plan(0.2, 8, seed)
            },
            &Alone,
        )
        .unwrap();
        assert_eq!(report.functions.keys().map(String::as_str).collect::<Vec<_>>(), NAMES);
        let ours = report.functions["trust_median"];
        assert!(
            ours.tau >= 0.95 && ours.p_at_10 >= 0.95,
            "{sybils} Sybils, seed {seed}: {ours:?}"
        );
        assert_eq!(ours.first_right, 1.0, "{sybils} Sybils, seed {seed}");
        for name in ["max", "mean", "trimmed", "median_max"] {
            assert_eq!(report.functions[name].first_right, 0.0, "{name}");
        }
    }
}

/// Many small societies.
fn the_right_one_is_first_in_all(plan: Plan) {
    let plan = Plan {
        honest: 400,
        contacts: 50,
        seen: 300,
        runs: crate::attack_seeds(30) as usize,
        ..plan
    };
    let ours = run(&plan, &Alone).unwrap().functions["trust_median"];
    assert_eq!(ours.first_right, 1.0, "{ours:?}");
    assert!(ours.p_at_10 > 0.8, "{ours:?}");
}

#[test]
fn attack_22_counts_that_are_lies_do_not_change_what_is_fetched_first() {
    the_right_one_is_first_in_all(Plan {
        sybils: 0,
        ..plan(0.2, 0, 22)
    });
}

#[test]
fn attack_23_a_thousand_sybils_of_each_liar_do_not_change_what_is_fetched_first() {
    the_right_one_is_first_in_all(Plan {
        sybils: 1000,
        ..plan(0.2, 0, 23)
    });
}

#[test]
fn attack_27_slander_of_the_top_ten_does_not_change_what_is_fetched_first() {
    the_right_one_is_first_in_all(Plan {
        lie: Lie::Subtle,
        camouflage: 1.0,
        ..plan(0.2, 0, 27)
    });
}

#[test]
fn the_rule_as_written_holds_against_liars_who_bring_no_sybils() {
    let report = run(
        &Plan {
            sybils: 0,
            ..plan(0.2, 8, 3)
        },
        &Alone,
    )
    .unwrap();
    let wiki = report.functions["median_max"];
    assert!(wiki.first_right == 1.0 && wiki.p_at_10 > 0.7, "{wiki:?}");
    assert!(report.functions["mean"].first_right == 0.0);
}

#[test]
fn two_of_five_misplaced_edges_do_not_help_liars_even_when_they_vote_like_honest_people() {
    // And lies that are just large enough.
    for (camouflage, lie) in [(0.0, Lie::Blatant), (1.0, Lie::Blatant), (1.0, Lie::Subtle)] {
        let plan = Plan {
            camouflage,
            lie,
            ..plan(0.4, 8, 4)
        };
        let ours = run(&plan, &Alone).unwrap().functions["trust_median"];
        assert!(
            ours.p_at_10 >= 0.95 && ours.tau >= 0.95,
            "{camouflage} {lie:?}: {ours:?}"
        );
        assert_eq!(ours.first_right, 1.0, "{camouflage} {lie:?}");
    }
}

#[test]
fn liars_get_no_more_trust_than_the_bound_whatever_the_number_of_their_sybils() {
    let of = |sybils, seed| {
        let plan = Plan {
            sybils,
            camouflage: 1.0,
            honest: 1500,
            ..plan(0.3, 20, seed)
        };
        run(&plan, &Alone).unwrap()
    };
    let (few, many) = (of(1, 5), of(1000, 5));
    assert!((few.hostile_trust - many.hostile_trust).abs() < 0.03);
    for report in [few, many] {
        assert!(report.hostile_trust < report.hostile_trust_bound + 0.03, "{report:?}");
        assert!(report.hostile_trust > report.hostile_trust_bound - 0.15, "{report:?}");
    }
}

#[test]
fn attack_24_sources_that_pose_win_every_function_so_only_what_is_vouched_for_may_be_fetched() {
    // Not held by any function: the page says so.
    let plan = Plan {
        sources: 1.0,
        ..plan(0.2, 6, 6)
    };
    let report = run(&plan, &Alone).unwrap();
    assert_eq!(report.functions["trust_median"].first_right, 0.0);
}

#[test]
fn who_meets_mostly_its_own_circle_ranks_less_well_and_still_fetches_nothing_fake() {
    let of = |bias| {
        let plan = Plan {
            bias,
            honest: 2000,
            ..plan(0.2, 6, 1)
        };
        run(&plan, &Alone).unwrap().functions["trust_median"]
    };
    let (hardly, some) = (of(0.01), of(0.3));
    assert!(some.tau < hardly.tau, "{some:?} {hardly:?}");
    assert!(some.first_right == 1.0 && some.p_at_10 > 0.85, "{some:?}");
}

#[test]
fn all_sizes_and_mixes_work() {
    for (honest, liars, sybils) in [(10, 0.0, 0), (100, 0.4, 10), (500, 0.8, 3), (1000, 0.1, 0)] {
        let plan = Plan {
            honest,
            liars,
            sybils,
            ..plan(0.3, 10, 7)
        };
        let ours = run(&plan, &Alone).unwrap().functions["trust_median"];
        assert_eq!(ours.first_right, 1.0, "{honest} {liars} {sybils}: {ours:?}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for wrong in [
        Plan {
            liars: 1.0,
            ..Plan::default()
        },
        Plan {
            honest: 3,
            ..Plan::default()
        },
        Plan {
            misplaced: f64::NAN,
            ..Plan::default()
        },
        Plan {
            runs: 0,
            ..Plan::default()
        },
    ] {
        assert!(run(&wrong, &Alone).is_err(), "{wrong:?}");
    }
}

/// Does the work in the opposite order.
struct Backwards;

impl Crew for Backwards {
    fn hands(&self) -> usize {
        3
    }
    fn work(&self, tasks: Vec<Task<'_>>) {
        tasks.into_iter().rev().for_each(|task| task());
    }
}

#[test]
fn a_seed_gives_the_same_whoever_does_the_work_in_whatever_order() {
    let of = |seed, crew: &dyn Crew| {
        run(
            &Plan {
                honest: 800,
                ..plan(0.4, 5, seed)
            },
            crew,
        )
        .unwrap()
    };
    assert_eq!(of(8, &Alone), of(8, &Backwards));
    assert_ne!(of(8, &Alone).hostile_trust, of(9, &Alone).hostile_trust);
}
