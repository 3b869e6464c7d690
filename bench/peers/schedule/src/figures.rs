//! The figures.

use crate::{Options, Transport, protocol::Report};
use anyhow::Result;
use serde::Serialize;

/// Of the messages that should arrive, this share must, or a burst does not count.
const ARRIVED: f64 = 0.999;

#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    contestant: String,
    nodes: u32,
    bytes: u32,
    signed: bool,
    transport: &'static str,
    /// Of all bursts and the steady part.
    sent: u64,
    delivered: u64,
    /// Deliveries a second over all nodes, in the fastest burst in which 99.9 % arrived; null if there is none.
    msgs_per_s: Option<f64>,
    /// Window of that burst.
    window: Option<u32>,
    /// Of the steady part.
    p50_ms: f64,
    p99_ms: f64,
    pub(crate) bursts: Vec<Part>,
    pub(crate) steady: Option<Part>,
}

/// One part of the measurement, all nodes together.
#[derive(Debug, Serialize)]
pub(crate) struct Part {
    window: Option<u32>,
    sent: u64,
    /// Not taken by the contestant.
    refused: u64,
    delivered: u64,
    /// Came to an app more than once.
    repeated: u64,
    /// What was delivered, of what should have been: messages sent, times all others.
    pub(crate) share: f64,
    /// From the first message to the last delivery.
    seconds: f64,
    /// Deliveries.
    msgs_per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    cpu_us_per_delivery: f64,
}

impl Part {
    pub(crate) fn new(reports: &[Report], window: Option<u32>) -> Self {
        let sum = |of: fn(&Report) -> u64| reports.iter().map(of).sum::<u64>();
        let first = reports.iter().map(|report| report.first_us).min().unwrap_or_default();
        let last = reports.iter().map(|report| report.last_us).max().unwrap_or_default();
        let mut took: Vec<u32> = reports
            .iter()
            .flat_map(|report| report.took_us.iter().copied())
            .collect();
        took.sort_unstable();
        let (sent, delivered) = (sum(|report| report.sent), sum(|report| report.delivered));
        let seconds = last.saturating_sub(first) as f64 / 1e6;
        Self {
            window,
            sent,
            refused: sum(|report| report.refused),
            delivered,
            repeated: sum(|report| report.repeated),
            share: ratio(delivered as f64, sent as f64 * (reports.len() - 1) as f64),
            seconds,
            msgs_per_s: ratio(delivered as f64, seconds),
            p50_ms: percentile(&took, 0.5),
            p99_ms: percentile(&took, 0.99),
            max_ms: percentile(&took, 1.0),
            cpu_us_per_delivery: ratio(sum(|report| report.cpu_us) as f64, delivered as f64),
        }
    }
}

fn ratio(a: f64, b: f64) -> f64 {
    if b > 0.0 { a / b } else { 0.0 }
}

/// In milliseconds, of sorted microseconds: the smallest that so large a share is not above.
fn percentile(sorted: &[u32], share: f64) -> f64 {
    let at = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(at.saturating_sub(1)).map_or(0.0, |us| f64::from(*us) / 1e3)
}

impl Figures {
    pub(crate) fn new(name: &str, options: &Options) -> Self {
        Self {
            contestant: name.to_owned(),
            nodes: options.nodes,
            bytes: options.bytes,
            signed: !options.unsigned,
            transport: match options.transport {
                Transport::Quic => "quic",
                Transport::Tcp => "tcp",
            },
            sent: 0,
            delivered: 0,
            msgs_per_s: None,
            window: None,
            p50_ms: 0.0,
            p99_ms: 0.0,
            bursts: Vec::new(),
            steady: None,
        }
    }

    pub(crate) fn print(mut self, json: bool) -> Result<()> {
        let good = self.bursts.iter().filter(|burst| burst.share >= ARRIVED);
        if let Some(best) = good.max_by(|a, b| a.msgs_per_s.total_cmp(&b.msgs_per_s)) {
            (self.msgs_per_s, self.window) = (Some(best.msgs_per_s), best.window);
        }
        for part in self.bursts.iter().chain(&self.steady) {
            self.sent += part.sent;
            self.delivered += part.delivered;
        }
        if let Some(steady) = &self.steady {
            (self.p50_ms, self.p99_ms) = (steady.p50_ms, steady.p99_ms);
        }
        if json {
            println!("{}", serde_json::to_string(&self)?);
            return Ok(());
        }
        let Self {
            contestant,
            nodes,
            bytes,
            transport,
            ..
        } = &self;
        println!("{contestant}: {nodes} nodes, {bytes} bytes, {transport}");
        for part in self.bursts.iter().chain(&self.steady) {
            let what = part
                .window
                .map_or("steady".to_owned(), |window| format!("window {window}"));
            println!(
                "{what:>10}: {:.0} deliveries/s, {:.2} % arrived, p50 {:.1} ms, p99 {:.1} ms, {:.0} µs of processor each",
                part.msgs_per_s,
                part.share * 100.0,
                part.p50_ms,
                part.p99_ms,
                part.cpu_us_per_delivery
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let values: Vec<u32> = (1..=1000).map(|ms| ms * 1000).collect();
        assert_eq!(
            (
                percentile(&values, 0.5),
                percentile(&values, 0.99),
                percentile(&values, 1.0)
            ),
            (500.0, 990.0, 1000.0)
        );
        assert_eq!((percentile(&values[..1], 0.5), percentile(&[], 0.5)), (1.0, 0.0));
    }

    #[test]
    fn the_rate_is_of_all_nodes_from_the_first_message_to_the_last_delivery() {
        let report = |first_us, last_us| Report {
            sent: 10,
            delivered: 20,
            first_us,
            last_us,
            ..Report::default()
        };
        let part = Part::new(
            &[
                report(1_000_000, 2_000_000),
                report(1_500_000, 3_000_000),
                report(1_000_000, 2_000_000),
            ],
            None,
        );
        assert_eq!((part.seconds, part.msgs_per_s, part.share), (2.0, 30.0, 1.0));
    }
}
