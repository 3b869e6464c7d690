use super::{Plan, Report, run};
use crate::crew::Alone;

fn a_thousand_seeds() -> Report {
    let plan = Plan {
        peers: 100,
        ..Plan::default()
    };
    run(&plan, &Alone).unwrap()
}

/// Tried between any two of twenty releases, with random figures, under a thousand seeds.
fn never_succeeds(number: u8) {
    let report = a_thousand_seeds();
    let attack = report.attacks.iter().find(|attack| attack.number == number).unwrap();
    assert_eq!((attack.tried, attack.succeeded), (1000, 0), "{attack:?}");
}

#[test]
fn attack_04_a_release_with_the_last_number_ends_no_chain() {
    never_succeeds(4);
}

#[test]
fn attack_05_an_expired_release_is_not_taken() {
    never_succeeds(5);
}

#[test]
fn attack_07_a_release_that_does_not_follow_is_not_taken() {
    never_succeeds(7);
}

#[test]
fn attack_08_an_older_release_is_not_taken() {
    never_succeeds(8);
}

#[test]
fn attack_09_a_stolen_key_alone_signs_nothing() {
    never_succeeds(9);
}

#[test]
fn attack_10_a_valid_release_of_another_widget_is_not_taken() {
    never_succeeds(10);
}

#[test]
fn attack_13_a_second_release_of_one_number_is_not_taken() {
    never_succeeds(13);
}

#[test]
fn attack_19_a_release_dated_in_the_future_is_not_taken() {
    never_succeeds(19);
}

#[test]
fn nothing_right_is_refused_while_all_that_is_tried() {
    let report = a_thousand_seeds();
    assert_eq!(report.attacks.len(), 8);
    assert_eq!((report.honest_offered, report.honest_taken), (20_000, 20_000));
}

#[test]
fn attack_06_mirrors_that_hide_updates_are_found_out_by_the_fifteenth_peer_at_the_latest() {
    let freeze = a_thousand_seeds().freeze;
    assert!(freeze.believed == 0.0 && freeze.contacts_max <= 15, "{freeze:?}");
}

#[test]
fn withheld_updates_are_noticed_as_often_as_theory_says() {
    // With seven in ten hostile, one victim in 200 believes fifteen of them.
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
