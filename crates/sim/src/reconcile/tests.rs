use super::{Plan, run};

#[test]
fn the_cost_goes_with_the_differences_and_not_with_the_records() {
    let bytes = |records| {
        let plan = Plan {
            records,
            ..Plan::default()
        };
        let report = run(&plan, &|| 0.0).unwrap();
        assert!(report.found, "{report:?}");
        assert!(report.symbols_per_difference.unwrap() < 1.8, "{report:?}");
        report.bytes
    };
    let (few, many) = (bytes(1_000), bytes(100_000));
    assert!(many < 10_000 && many < few + 1_000, "{few} {many}");
}

#[test]
fn a_seed_gives_the_same_and_what_makes_no_sense_is_refused() {
    let plan = Plan {
        records: 2_000,
        ..Plan::default()
    };
    assert_eq!(run(&plan, &|| 0.0), run(&plan, &|| 0.0));
    let thousand = Plan {
        differences: 1000,
        ..plan
    };
    let each = run(&thousand, &|| 0.0).unwrap().symbols_per_difference.unwrap();
    assert!((1.35..1.40).contains(&each), "{each}");
    for wrong in [
        Plan { records: 0, ..plan },
        Plan { batch: 0, ..plan },
        Plan {
            differences: 8_193,
            records: 10_000,
            ..plan
        },
        Plan {
            differences: 2_001,
            ..plan
        },
    ] {
        assert!(run(&wrong, &|| 0.0).is_err(), "{wrong:?}");
    }
}
