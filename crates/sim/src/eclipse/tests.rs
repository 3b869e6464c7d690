use super::{Plan, run};

#[test]
fn attack_32_a_flood_of_identities_in_few_networks_surrounds_nobody() {
    // Ten calls a round by each of 200 identities in 20 networks, which are 6 % of all.
    for seed in 1..=3 {
        let report = run(&Plan {
            seed,
            ..Plan::default()
        })
        .unwrap();
        assert!(
            report.slots.hostile_mean < 0.16 && report.slots.hostile_max < 0.5,
            "{report:?}"
        );
        assert_eq!(report.slots.eclipsed, 0.0, "{report:?}");
        assert!(report.naive.hostile_mean > 0.6, "{report:?}");
    }
}

#[test]
fn with_one_network_in_five_hostile_nobody_is_surrounded_though_the_taste_half_is_lost() {
    let plan = Plan {
        hostile: 0.2,
        networks: 0,
        ..Plan::default()
    };
    let report = run(&plan).unwrap();
    assert_eq!(report.slots.eclipsed, 0.0, "{report:?}");
    assert!(
        report.slots.hostile_mean < report.naive.hostile_mean - 0.2,
        "{report:?}"
    );
    assert!(
        report.taste.hostile_mean > 0.9,
        "taste is what anybody can claim: {report:?}"
    );
}

#[test]
fn a_seed_gives_the_same_and_what_makes_no_sense_is_refused() {
    let plan = Plan {
        peers: 60,
        ..Plan::default()
    };
    assert_eq!(run(&plan), run(&plan));
    assert!(run(&Plan { peers: 3, ..plan }).is_err());
    assert!(run(&Plan { hostile: 0.99, ..plan }).is_err());
}
