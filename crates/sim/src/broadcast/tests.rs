use super::{Plan, run};

fn plan(peers: usize, hostile: f64, messages: usize) -> Plan {
    Plan {
        peers,
        hostile,
        messages,
        ..Plan::default()
    }
}

/// What the issue promises for any number of members.
fn hops_allowed(peers: usize) -> f64 {
    (peers as f64).log2() + 6.0
}

#[test]
fn everybody_gets_every_message_over_few_hops_and_hardly_anything_twice() {
    for seed in [1, 2] {
        let report = run(Plan {
            seed,
            ..plan(250, 0.0, 12)
        });
        let report = report.unwrap();
        assert!(report.reached >= 0.999, "seed {seed}: {report:?}");
        assert!(
            f64::from(report.hops_max) <= hops_allowed(250),
            "seed {seed}: {report:?}"
        );
        assert!(report.redundancy <= 1.5, "seed {seed}: {report:?}");
        assert_eq!(
            (report.honest_banned, report.honest_signers_cut),
            (0, 0),
            "seed {seed}: {report:?}"
        );
        assert_eq!(report.delivered_twice, 0, "seed {seed}");
    }
}

#[test]
fn two_of_five_may_be_silent_or_lie_and_floods_end_after_25_messages() {
    let report = run(Plan {
        seed: 3,
        ..plan(300, 0.4, 12)
    });
    let report = report.unwrap();
    assert!(report.reached >= 0.995, "{report:?}");
    assert_eq!((report.honest_banned, report.honest_signers_cut), (0, 0), "{report:?}");
    assert!(report.spam_delivered_max <= 25, "{report:?}");
    assert!(report.hostile_in_views < 0.45, "{report:?}");
}

#[test]
fn hostile_members_in_few_networks_get_few_places() {
    let of = |hostile_networks| {
        let plan = Plan {
            hostile_networks,
            conspiracy: true,
            seed: 4,
            ..plan(300, 0.4, 4)
        };
        run(plan).unwrap()
    };
    let (few, many) = (of(5), of(0));
    assert!(few.hostile_in_views < 0.3, "{few:?}");
    assert!(few.hostile_in_views < 0.6 * many.hostile_in_views, "{few:?} {many:?}");
    assert!(few.reached >= 0.999, "{few:?}");
}

#[test]
fn members_may_come_and_go_while_messages_travel() {
    let report = run(Plan {
        churn: 0.3,
        seed: 5,
        ..plan(200, 0.1, 20)
    });
    let report = report.unwrap();
    assert!(report.reached >= 0.999, "{report:?}");
    assert_eq!((report.honest_banned, report.honest_signers_cut), (0, 0), "{report:?}");
}

#[test]
fn the_same_seed_gives_the_same_report_and_another_seed_another_one() {
    let of = |seed| {
        run(Plan {
            seed,
            ..plan(60, 0.2, 5)
        })
        .unwrap()
    };
    assert_eq!(of(7), of(7));
    assert_ne!((of(7).overhead, of(7).hops_mean), (of(8).overhead, of(8).hops_mean));
}

#[test]
fn a_plan_that_makes_no_sense_is_refused() {
    for plan in [
        plan(1, 0.0, 1),
        plan(10, 1.0, 1),
        plan(10, 0.95, 1),
        plan(10, 0.0, 0),
        Plan {
            fanout: 0,
            ..plan(10, 0.0, 1)
        },
        Plan {
            loss: f64::NAN,
            ..plan(10, 0.0, 1)
        },
    ] {
        assert!(run(plan).is_err(), "{plan:?}");
    }
}
