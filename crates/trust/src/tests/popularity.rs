use crate::{Function, Report, agreement, weighted_median};
use alloc::{vec, vec::Vec};
use proptest::prelude::*;

fn report(seen: u64, installs: &[u64], trust: f64) -> Report {
    Report {
        seen,
        installs: installs.to_vec(),
        trust,
    }
}

#[test]
fn each_function_is_what_its_name_says() {
    let own = report(0, &[0], 0.0);
    let reports: Vec<_> = [1, 2, 3, 4, 5, 6, 7, 100]
        .iter()
        .map(|n| report(200, &[*n], 1.0))
        .collect();
    let of = |function: Function| function.estimate(&own, &reports, 1)[0];
    assert_eq!(of(Function::Max), 100.0);
    assert_eq!(of(Function::Mean), 16.0);
    assert_eq!(of(Function::Trimmed), 4.5);
    assert_eq!(of(Function::MedianMax), 4.5);
    assert!((of(Function::TrustMedian) - 4.5 / 200.0).abs() < 1e-9);
}

#[test]
fn more_installs_than_peers_seen_is_not_believed() {
    let own = report(0, &[0], 0.0);
    let reports = [report(10, &[1_000_000], 100.0), report(10, &[2], 1.0)];
    assert_eq!(Function::TrustMedian.estimate(&own, &reports, 1), vec![0.2]);
}

#[test]
fn a_report_that_hides_what_leads_loses_its_weight_and_an_honest_one_does_not() {
    let own = report(500, &[150, 75, 50, 0], 0.1);
    assert!(agreement(&own, &report(500, &[140, 85, 44, 0], 1.0)) > 0.9);
    assert!(agreement(&own, &report(500, &[0, 75, 50, 0], 1.0)) < 0.01);
    assert!(agreement(&own, &report(500, &[150, 75, 50, 400], 1.0)) < 0.01);
    assert_eq!(agreement(&report(0, &[0], 0.1), &report(500, &[500], 1.0)), 1.0);
}

#[test]
fn the_median_stands_where_half_of_the_weight_is_on_either_side() {
    assert_eq!(weighted_median(&mut [(3.0, 1.0), (1.0, 1.0), (2.0, 1.0)]), Some(2.0));
    assert_eq!(
        weighted_median(&mut [(9.0, 0.4), (1.0, 1.0), (1.0, 1.0), (1.0, 1.0)]),
        Some(1.0)
    );
    assert_eq!(weighted_median(&mut []), None);
    assert_eq!(weighted_median(&mut [(1.0, 0.0)]), None);
}

proptest! {
    #[test]
    fn no_report_makes_the_code_panic_or_an_estimate_leave_what_a_share_can_be(
        own in any::<(u64, Vec<u64>)>(),
        others in prop::collection::vec((any::<u64>(), any::<Vec<u64>>(), any::<f64>()), 0..8),
        widgets in 0usize..8,
    ) {
        let own = report(own.0, &own.1, 0.1);
        let others: Vec<_> = others.into_iter().map(|(seen, installs, trust)| report(seen, &installs, trust)).collect();
        for function in Function::ALL {
            let estimates = function.estimate(&own, &others, widgets);
            prop_assert_eq!(estimates.len(), widgets);
            if function == Function::TrustMedian {
                prop_assert!(estimates.iter().all(|share| (0.0..=1.0).contains(share)), "{:?}", estimates);
            }
        }
    }
}
