//! What is popular, from what peers report (W19, W20, W22): several functions behind one interface.
//!
//! A report counts, for each widget, the different peers seen that had it, and the different peers seen in all, counted
//! first-hand. The rule of the original design is `median_max`: fetch the widget with the highest median of the counts.
//! It holds against many liars and not against Sybils, as every identity has the same say. `trust_median` gives
//! everybody the say that the node itself has reason to give.

use crate::{agreement::agreement, interval::wilson};
use alloc::vec::Vec;

/// What one peer reports.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Different peers seen.
    pub seen: u64,
    /// How many of them had each widget; in the order of the widgets that the caller asks about.
    pub installs: Vec<u64>,
    /// What the reporter is worth to the node that asks ([`crate::MeritRank`]).
    pub trust: f64,
}

/// A way to make one number per widget of many reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// The highest count that anybody reports.
    Max,
    /// The mean of the counts.
    Mean,
    /// The mean without the lowest and the highest quarter.
    Trimmed,
    /// The median: with the widget of the highest median fetched next, this is the rule of the original design.
    MedianMax,
    /// The trust-weighted median of the shares that agree with what the node saw itself, within what its own sample allows.
    TrustMedian,
}

/// Standard deviations of the own sample that the estimate may not leave.
const CLAMP: f64 = 3.0;

impl Function {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Max, Self::Mean, Self::Trimmed, Self::MedianMax, Self::TrustMedian];

    /// Its name for people and programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Max => "max",
            Self::Mean => "mean",
            Self::Trimmed => "trimmed",
            Self::MedianMax => "median_max",
            Self::TrustMedian => "trust_median",
        }
    }

    /// A number for each of so many widgets, the higher the more popular. `own` is what the node saw itself.
    pub fn estimate(self, own: &Report, reports: &[Report], widgets: usize) -> Vec<f64> {
        match self {
            Self::TrustMedian => trust_median(own, reports, widgets),
            _ => (0..widgets)
                .map(|widget| self.of_counts(&mut counts(reports, widget)))
                .collect(),
        }
    }

    fn of_counts(self, counts: &mut [f64]) -> f64 {
        counts.sort_unstable_by(f64::total_cmp);
        let mean = |of: &[f64]| of.iter().sum::<f64>() / (of.len() as f64).max(1.0);
        let quarter = counts.len() / 4;
        match self {
            Self::Max => counts.last().copied().unwrap_or(0.0),
            Self::Mean => mean(counts),
            Self::Trimmed => mean(counts.get(quarter..counts.len() - quarter).unwrap_or_default()),
            Self::MedianMax | Self::TrustMedian => {
                let upper = counts.get(counts.len() / 2).copied().unwrap_or(0.0);
                let lower = counts.get(counts.len().saturating_sub(1) / 2).copied().unwrap_or(0.0);
                f64::midpoint(lower, upper)
            }
        }
    }
}

fn counts(reports: &[Report], widget: usize) -> Vec<f64> {
    let count = |report: &Report| report.installs.get(widget).map_or(0.0, |count| *count as f64);
    reports.iter().map(count).collect()
}

/// For each widget the weighted median of the reported shares, clamped into the interval of the own sample.
fn trust_median(own: &Report, reports: &[Report], widgets: usize) -> Vec<f64> {
    let believed = believed(own, reports);
    let mut shares: Vec<(f64, f64)> = Vec::with_capacity(believed.len());
    let mut of_widget = |widget: usize| {
        shares.clear();
        let share = |(report, weight): &(&Report, f64)| {
            let installs = report.installs.get(widget).copied().unwrap_or(0);
            (installs as f64 / report.seen as f64, *weight)
        };
        shares.extend(believed.iter().map(share));
        let seen = own.installs.get(widget).copied().unwrap_or(0) as f64;
        let (low, high) = wilson(seen, own.seen as f64, CLAMP);
        let median = weighted_median(&mut shares);
        median.unwrap_or(seen / (own.seen as f64).max(1.0)).clamp(low, high)
    };
    (0..widgets).map(&mut of_widget).collect()
}

/// The reports that can be true, each with its weight: what the reporter is worth, times how far its report agrees with
/// the own sample. The own sample is one of them.
fn believed<'a>(own: &'a Report, reports: &'a [Report]) -> Vec<(&'a Report, f64)> {
    let possible = |report: &&Report| {
        let most = report.installs.iter().max().copied().unwrap_or(0);
        report.seen > 0 && most <= report.seen && report.trust.is_finite() && report.trust > 0.0
    };
    let reports = reports.iter().filter(possible);
    let mut believed: Vec<_> = reports
        .map(|report| (report, report.trust * agreement(own, report)))
        .collect();
    if own.seen > 0 && own.trust > 0.0 {
        believed.push((own, own.trust));
    }
    believed
}

/// The value with half of the weight on either side, between the two nearest ones; none without any weight.
pub fn weighted_median(values: &mut [(f64, f64)]) -> Option<f64> {
    values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let half = values.iter().map(|(_, weight)| weight).sum::<f64>() / 2.0;
    if half <= 0.0 {
        return None;
    }
    // Each value stands at the middle of its weight.
    let (mut sum, mut before) = (0.0, None);
    for (value, weight) in values.iter() {
        let middle = sum + weight / 2.0;
        if middle >= half {
            return Some(match before {
                Some((at, low)) if middle > at => low + (value - low) * (half - at) / (middle - at),
                _ => *value,
            });
        }
        sum += weight;
        before = Some((middle, *value));
    }
    before.map(|(_, value)| value)
}
