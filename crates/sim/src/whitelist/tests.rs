use super::{Method, Plan, run};
use crate::crew::Alone;

fn plan(peers: usize, certificates: usize, seed: u64) -> Plan {
    Plan {
        peers,
        certificates,
        seed,
        ..Plan::default()
    }
}

#[test]
fn bits_and_the_cores_of_the_node_take_the_same_number_of_rounds() {
    for (seed, blackholes, loss, away) in [
        (1, 0.0, 0.0, 0.0),
        (2, 0.4, 0.0, 0.0),
        (3, 0.4, 0.3, 0.0),
        (4, 0.2, 0.1, 0.5),
    ] {
        let fast = Plan {
            blackholes,
            loss,
            away,
            ..plan(2_000, 40, seed)
        };
        let full = Plan { full: true, ..fast };
        let (fast, full) = (run(&fast, &Alone).unwrap(), run(&full, &Alone).unwrap());
        assert_eq!((fast.path, full.path), ("bits", "cores"));
        // The same draws, so the very same peers have it after each round.
        assert_eq!(fast.after, full.after, "seed {seed}");
    }
}

#[test]
fn random_certificates_alone_take_as_long_by_bits_as_by_cores() {
    let rounds = |full, seed| {
        let plan = Plan {
            method: Method::Random,
            full,
            ..plan(1_000, 30, seed)
        };
        f64::from(run(&plan, &Alone).unwrap().rounds_99.unwrap())
    };
    let mean = |full| (1..=8).map(|seed| rounds(full, seed)).sum::<f64>() / 8.0;
    let (fast, full) = (mean(false), mean(true));
    assert!((fast / full - 1.0).abs() < 0.15, "{fast} {full}");
    // (C/2r)(ln N + ln 99), which leaves out that the new one grows by itself.
    let theory = 30.0 / 6.0 * (1000f64.ln() + 99f64.ln());
    assert!((fast / theory - 1.0).abs() < 0.2, "{fast}, theory {theory}");
}

#[test]
fn a_new_certificate_is_with_nearly_all_of_a_million_peers_in_fifteen_rounds() {
    let report = run(&plan(1_000_000, 10_000, 1), &Alone).unwrap();
    assert!(
        report.rounds_99.unwrap() <= 15 && report.rounds_100.unwrap() <= 17,
        "{report:?}"
    );
}

#[test]
fn attack_34_two_of_five_black_holes_stop_no_certificate() {
    for seed in 0..1000 {
        let plan = Plan {
            blackholes: 0.4,
            ..plan(1_000, 10_000, seed)
        };
        let report = run(&plan, &Alone).unwrap();
        assert!(report.rounds_100.unwrap() <= 40, "seed {seed}: {report:?}");
    }
}

#[test]
fn two_of_five_peers_that_give_nothing_slow_it_down_by_less_than_ten_rounds() {
    for seed in 1..=2 {
        let plan = Plan {
            blackholes: 0.4,
            ..plan(300_000, 10_000, seed)
        };
        let report = run(&plan, &Alone).unwrap();
        assert!(
            report.rounds_99.unwrap() <= 23 && report.rounds_100.is_some(),
            "{report:?}"
        );
    }
}

#[test]
fn many_new_certificates_at_once_need_the_flags() {
    let rounds = |method| {
        let plan = Plan {
            new: 40,
            method,
            ..plan(500, 60, 5)
        };
        run(&plan, &Alone).unwrap().rounds_99.unwrap()
    };
    let (newest, flags) = (rounds(Method::Newest), rounds(Method::Flags));
    assert!(flags < newest, "{flags} {newest}");
    // Somebody must hand on forty, three at a time.
    assert!(flags >= 40 / 6, "{flags}");
}

#[test]
fn what_makes_no_sense_is_refused() {
    for wrong in [
        Plan {
            peers: 1,
            ..Plan::default()
        },
        Plan {
            per_exchange: 4,
            ..Plan::default()
        },
        Plan {
            new: 0,
            ..Plan::default()
        },
        Plan {
            blackholes: 1.0,
            ..Plan::default()
        },
        Plan {
            full: true,
            ..Plan::default()
        },
    ] {
        assert!(run(&wrong, &Alone).is_err(), "{wrong:?}");
    }
}
