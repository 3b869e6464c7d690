//! The findings as a page.

use super::Report;
use crate::report::{Bars, Page, Paged, Plot, Scale, Section, Table};

impl Paged for Report {
    fn page(&self) -> Page {
        let answer = if self.found {
            format!(
                "Two peers with {} records each find {} differences with {} symbols, in {} bytes.",
                self.records, self.differences, self.symbols, self.bytes
            )
        } else {
            "The two differ too much for one session, so ranges are compared in its place.".to_owned()
        };
        let each = self
            .symbols_per_difference
            .map_or_else(String::new, |each| format!("{each:.3}"));
        let mut table = Table::new(["what", "figure"]);
        table.row(["symbols".into(), self.symbols.to_string()]);
        table.row([format!("for each difference, mean of {} sessions", self.runs), each]);
        table.row(["bytes".into(), self.bytes.to_string()]);
        table.row(["bytes of all ids".into(), self.bytes_of_all_ids.to_string()]);
        for (what, milliseconds) in [
            ("shortening all ids of both, ms", self.ms_shorten),
            ("making symbols, ms", self.ms_encode),
            ("subtracting and peeling, ms", self.ms_decode),
        ] {
            table.row([what.to_owned(), format!("{milliseconds:.2}")]);
        }
        Page {
            title: "What does it cost two peers to find how they differ?".into(),
            words: vec![
                answer.clone(),
                "One sends coded symbols, each the sum of some of its records' short ids; the other subtracts its own, and what is \
                left is the difference. About 1.35 symbols are needed for each difference, whatever the number of records."
                    .into(),
            ],
            sections: vec![Section {
                title: "Bytes on the wire".into(),
                words: "Beside naming all records. Each step up is ten times as much.".into(),
                plot: Some(Plot::Bars(Bars {
                    title: "Bytes to find the difference".into(),
                    says: answer,
                    scale: Scale::Powers,
                    groups: vec!["coded symbols".into(), "all ids".into()],
                    series: vec![("bytes".into(), vec![self.bytes as f64, self.bytes_of_all_ids as f64])],
                })),
                table,
            }],
        }
    }
}
