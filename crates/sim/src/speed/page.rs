//! The findings as a page.

use super::Report;
use crate::report::{Bars, Page, Paged, Plot, Scale, Section, Table, per_cent};

/// What issue 5 asks for with a million peers on two cores.
const GOAL: f64 = 20e6;

impl Paged for Report {
    fn page(&self) -> Page {
        let answer = format!(
            "{:.1} million exchanges a second among {} peers on {} threads, in {:.2} GB.",
            self.exchanges_per_s / 1e6,
            self.peers,
            self.threads,
            self.rss_bytes as f64 / 1e9
        );
        let mut table = Table::new(["what", "figure"]);
        table.row(["peers".into(), self.peers.to_string()]);
        table.row(["rounds".into(), self.rounds.to_string()]);
        table.row(["threads".into(), self.threads.to_string()]);
        table.row(["exchanges a second".into(), format!("{:.0}", self.exchanges_per_s)]);
        table.row(["memory, bytes".into(), self.rss_bytes.to_string()]);
        table.row(["know all releases".into(), per_cent(self.informed)]);
        table.row(["digest".into(), self.digest.clone()]);
        Page {
            title: "How fast is the fast path?".into(),
            words: vec![
                answer.clone(),
                "Each peer knows sixteen sequence numbers in 64 bytes, calls one other in each round and is called by one. What \
                else runs on the machine counts against it."
                    .into(),
            ],
            sections: vec![Section {
                title: "Exchanges in a second".into(),
                words: "Beside the goal for a million peers on two cores that do nothing else.".into(),
                plot: Some(Plot::Bars(Bars {
                    title: "Exchanges in a second".into(),
                    says: answer,
                    scale: Scale::Plain,
                    groups: vec!["measured".into(), "goal".into()],
                    series: vec![("a second".into(), vec![self.exchanges_per_s, GOAL])],
                })),
                table,
            }],
        }
    }
}
