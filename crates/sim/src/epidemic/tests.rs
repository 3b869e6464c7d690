use super::{Table, run, variance_factor};
use crate::crew::Alone;

/// Within 5 %, or what the printed digits round to.
fn near(found: f64, printed: f64, digit: f64) -> bool {
    (found - printed).abs() <= (printed * 0.05).max(digit / 2.0 * 1.0001)
}

#[test]
fn the_first_two_tables_of_the_paper_come_out() {
    let digits1 = [(0.01, 0.1), (0.001, 0.1), (0.001, 0.1), (0.0001, 0.1), (0.0001, 0.1)];
    let digits2 = [(0.01, 0.01), (0.01, 0.1), (0.001, 0.1)];
    for (table, digits) in [(Table::Demers1, &digits1[..]), (Table::Demers2, &digits2[..])] {
        let report = run(table, 1000, 4000, 1, &Alone).unwrap();
        assert_eq!(report.rows.len(), 5);
        for (row, (residue, traffic)) in report.rows.iter().zip(digits) {
            assert!(near(row.residue, row.printed_residue, *residue), "{table:?} {row:?}");
            assert!(near(row.traffic, row.printed_traffic, *traffic), "{table:?} {row:?}");
        }
    }
}

#[test]
fn the_last_rows_of_the_second_table_are_what_theory_says_rather_than_what_is_printed() {
    // With a coin every site that heard sends k times on average, so traffic is k(1-s): the printed .008 and 4.9 of the
    // last row exclude each other. For many sites s = e^(-k(1-s)).
    let report = run(Table::Demers2, 1000, 4000, 4, &Alone).unwrap();
    for row in &report.rows[3..] {
        let k = f64::from(row.k);
        let theory = (0..100).fold(0.01f64, |s, _| (-k * (1.0 - s)).exp());
        assert!((row.residue / theory - 1.0).abs() < 0.05, "{row:?}, theory {theory}");
        assert!((row.traffic / (k * (1.0 - row.residue)) - 1.0).abs() < 0.01, "{row:?}");
        assert!((row.residue / row.printed_residue - 1.0).abs() < 0.15, "{row:?}");
    }
}

#[test]
fn the_last_site_hears_when_the_paper_says() {
    let report = run(Table::Demers1, 1000, 2000, 2, &Alone).unwrap();
    for (row, printed) in report.rows.iter().zip([16.8, 16.9, 17.4, 17.5, 17.7]) {
        assert!((row.t_last - printed).abs() <= 0.25, "{row:?}, printed {printed}");
    }
}

#[test]
fn the_third_table_comes_out_as_far_as_it_is_not_too_rare_for_a_test() {
    let report = run(Table::Demers3, 1000, 1500, 3, &Alone).unwrap();
    let [one, two, three] = report.rows.as_slice() else {
        panic!("{report:?}")
    };
    assert!(
        near(one.residue, 3.1e-2, 1e-3) && near(one.traffic, 2.7, 0.1),
        "{one:?}"
    );
    // About 870 and 5 sites in all of these runs.
    assert!(
        (two.residue / 5.8e-4 - 1.0).abs() < 0.15 && near(two.traffic, 4.5, 0.1),
        "{two:?}"
    );
    assert!(three.residue < 1.2e-5 && near(three.traffic, 6.1, 0.1), "{three:?}");
}

#[test]
fn averaging_leaves_the_variance_that_theory_says() {
    let theory = 1.0 / (2.0 * 1f64.exp().sqrt());
    for seed in 1..=3 {
        let factor = variance_factor(10_000, 15, seed);
        assert!(
            (factor / theory - 1.0).abs() < 0.05,
            "seed {seed}: {factor}, theory {theory}"
        );
    }
}
