//! How far a ranking agrees with the truth.

use super::TOP;
use hedgerow_trust::mix;

/// One ranking against the truth.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Score {
    /// Kendall's tau over the union of the true and the estimated top.
    pub(super) tau: f64,
    /// Share of the estimated top that belongs there.
    pub(super) precision: f64,
    /// Whether the first is right.
    pub(super) first: f64,
}

/// Widgets by falling value; those of equal value in an order that says nothing.
fn order<T: PartialOrd + Copy>(values: &[T], salt: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    let value = |at: &usize| values.get(*at).copied();
    order.sort_by(|a, b| {
        let by_value = value(b).partial_cmp(&value(a)).unwrap_or(core::cmp::Ordering::Equal);
        by_value.then_with(|| mix(salt ^ *a as u64).cmp(&mix(salt ^ *b as u64)))
    });
    order
}

/// Compares estimates with the true counts. Widgets of equal true count may stand in any order.
pub(super) fn score(truth: &[u64], estimates: &[f64], salt: u64) -> Score {
    let real = order(truth, salt);
    let found = order(estimates, salt.wrapping_add(1));
    let top = |order: &[usize]| order.iter().take(TOP).copied().collect::<Vec<_>>();
    let (real, found) = (top(&real), top(&found));
    let count = |widget: usize| truth.get(widget).copied().unwrap_or(0);
    let least = real.last().map_or(0, |widget| count(*widget));
    let most = real.first().map_or(0, |widget| count(*widget));
    let belongs = found
        .iter()
        .filter(|widget| count(**widget) >= least && count(**widget) > 0);
    Score {
        tau: tau(truth, estimates, &real, &found),
        precision: belongs.count() as f64 / TOP as f64,
        first: f64::from(u8::from(found.first().is_some_and(|widget| count(*widget) == most))),
    }
}

fn tau(truth: &[u64], estimates: &[f64], real: &[usize], found: &[usize]) -> f64 {
    let mut union = real.to_vec();
    union.extend(found.iter().filter(|widget| !real.contains(widget)));
    let (mut agree, mut pairs) = (0i64, 0i64);
    for (at, one) in union.iter().enumerate() {
        for other in union.iter().skip(at + 1) {
            let by_truth = truth.get(*one).cmp(&truth.get(*other));
            if by_truth.is_eq() {
                continue;
            }
            pairs += 1;
            match estimates.get(*one).partial_cmp(&estimates.get(*other)) {
                Some(by_estimate) if by_estimate == by_truth => agree += 1,
                Some(core::cmp::Ordering::Equal) => {}
                _ => agree -= 1,
            }
        }
    }
    agree as f64 / (pairs as f64).max(1.0)
}
