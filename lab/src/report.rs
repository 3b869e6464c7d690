//! What came out of the runs of a pair, for people and for programs.

use crate::{figures::percentile, nat::NatKind};
use serde_json::{Value, json};
use std::fmt::Write;

/// How a run ended. Times are milliseconds since the connection was asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// After this time packets went straight.
    Direct(f64),
    /// After this time there was a connection, but it stayed relayed.
    Relay(f64),
    /// There was no connection, and why as far as the node said.
    Failed(String),
}

/// The runs of one ordered pair over one kind of path.
#[derive(Clone, Debug, PartialEq)]
pub struct PairReport {
    /// The kind of NAT in front of the one who asks.
    pub a: NatKind,
    /// The kind of NAT in front of the one who is asked.
    pub b: NatKind,
    /// Round-trip time between any two parties.
    pub rtt_ms: f64,
    /// Loss between any two parties in each direction, in per cent.
    pub loss: f64,
    /// One entry a run.
    pub outcomes: Vec<Outcome>,
}

impl PairReport {
    fn times(&self) -> Vec<f64> {
        let direct = self.outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Direct(ms) => Some(*ms),
            _ => None,
        });
        let relayed = self.outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Relay(ms) => Some(*ms),
            _ => None,
        });
        let direct: Vec<_> = direct.collect();
        if direct.is_empty() { relayed.collect() } else { direct }
    }

    fn count(&self, of: impl Fn(&Outcome) -> bool) -> usize {
        self.outcomes.iter().filter(|outcome| of(outcome)).count()
    }

    /// The shape that programs rely on. `p50_ms` and `p95_ms` are of the direct runs, or of the relayed ones if none
    /// was direct, or `null`.
    pub fn json(&self) -> Value {
        let times = self.times();
        json!({
            "a": self.a.name(),
            "b": self.b.name(),
            "rtt_ms": self.rtt_ms,
            "loss": self.loss,
            "runs": self.outcomes.len(),
            "direct": self.count(|o| matches!(o, Outcome::Direct(_))),
            "relay": self.count(|o| matches!(o, Outcome::Relay(_))),
            "failed": self.count(|o| matches!(o, Outcome::Failed(_))),
            "p50_ms": percentile(&times, 0.5),
            "p95_ms": percentile(&times, 0.95),
        })
    }
}

/// All pairs for programs.
pub fn json(reports: &[PairReport]) -> Value {
    json!({ "pairs": reports.iter().map(PairReport::json).collect::<Vec<_>>() })
}

/// All pairs for people.
pub fn table(reports: &[PairReport]) -> String {
    let mut table = format!(
        "{:21} {:21} {:>6} {:>6} {:>5} {:>6} {:>6} {:>6} {:>9} {:>9}\n",
        "a", "b", "rtt ms", "loss %", "runs", "direct", "relay", "failed", "p50 ms", "p95 ms"
    );
    for report in reports {
        let line = report.json();
        let time = |key: &str| {
            line[key]
                .as_f64()
                .map_or_else(|| "-".to_owned(), |ms| format!("{ms:.0}"))
        };
        // Writing to a text cannot fail.
        let _ = writeln!(
            table,
            "{:21} {:21} {:>6} {:>6} {:>5} {:>6} {:>6} {:>6} {:>9} {:>9}",
            report.a,
            report.b,
            report.rtt_ms,
            report.loss,
            line["runs"].to_string(),
            line["direct"].to_string(),
            line["relay"].to_string(),
            line["failed"].to_string(),
            time("p50_ms"),
            time("p95_ms")
        );
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(outcomes: Vec<Outcome>) -> PairReport {
        PairReport {
            a: NatKind::None,
            b: NatKind::Cgnat,
            rtt_ms: 50.0,
            loss: 1.0,
            outcomes,
        }
    }

    #[test]
    fn the_json_has_the_fields_that_others_rely_on() {
        let report = report(vec![
            Outcome::Direct(20.0),
            Outcome::Relay(900.0),
            Outcome::Direct(30.0),
            Outcome::Failed("no".into()),
        ]);
        let expected = json!({"pairs": [{
            "a": "none", "b": "cgnat", "rtt_ms": 50.0, "loss": 1.0, "runs": 4,
            "direct": 2, "relay": 1, "failed": 1, "p50_ms": 20.0, "p95_ms": 30.0,
        }]});
        assert_eq!(json(&[report]), expected);
    }

    #[test]
    fn without_a_direct_run_the_times_are_those_of_the_relayed_ones() {
        assert_eq!(report(vec![Outcome::Relay(900.0)]).json()["p95_ms"], 900.0);
        assert_eq!(report(vec![Outcome::Failed("no".into())]).json()["p50_ms"], Value::Null);
    }

    #[test]
    fn the_table_has_a_line_for_each_pair() {
        let table = table(&[report(vec![Outcome::Failed("no".into())]), report(vec![])]);
        assert_eq!(table.lines().count(), 3);
        assert!(table.lines().nth(1).unwrap().ends_with('-'));
    }
}
