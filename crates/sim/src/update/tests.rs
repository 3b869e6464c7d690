use super::{Plan, run};
use crate::crew::Alone;

#[test]
fn under_a_thousand_seeds_nothing_wrong_is_taken_and_nothing_right_is_refused() {
    // Attacks 4, 5, 7, 8, 9, 10, 13, 19.
    let plan = Plan {
        peers: 1000,
        ..Plan::default()
    };
    let report = run(&plan, &Alone).unwrap();
    assert_eq!(report.attacks.len(), 8);
    for attack in &report.attacks {
        assert_eq!((attack.tried, attack.succeeded), (1000, 0), "{attack:?}");
    }
    assert_eq!((report.honest_offered, report.honest_taken), (20_000, 20_000));
}

#[test]
fn withheld_updates_are_noticed_as_often_as_theory_says() {
    // Attacks 5 and 6: with seven in ten hostile, one victim in 200 believes fifteen of them.
    let plan = Plan {
        peers: 100,
        hostile: 0.7,
        runs: 100_000,
        seed: 2,
        ..Plan::default()
    };
    let freeze = run(&plan, &Alone).unwrap().freeze;
    assert!((freeze.believed / freeze.expected - 1.0).abs() < 0.15, "{freeze:?}");
    assert!((freeze.contacts_mean - 1.0 / 0.3).abs() < 0.05, "{freeze:?}");
    let few = Plan {
        hostile: 0.4,
        runs: 1000,
        ..plan
    };
    let freeze = run(&few, &Alone).unwrap().freeze;
    assert!(freeze.believed == 0.0 && freeze.contacts_max <= 15, "{freeze:?}");
}

#[test]
fn a_release_reaches_everybody_though_two_of_five_pass_nothing_on_and_many_are_away() {
    for seed in 1..=3 {
        let plan = Plan {
            peers: 50_000,
            runs: 1,
            seed,
            ..Plan::default()
        };
        let report = run(&plan, &Alone).unwrap();
        assert!(
            report.rounds_99.unwrap() <= 40 && report.rounds_100.is_some(),
            "{report:?}"
        );
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    assert!(
        run(
            &Plan {
                hostile: 1.0,
                ..Plan::default()
            },
            &Alone
        )
        .is_err()
    );
    assert!(
        run(
            &Plan {
                peers: 0,
                ..Plan::default()
            },
            &Alone
        )
        .is_err()
    );
}
