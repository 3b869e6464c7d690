//! The findings as a page.

use super::Report;
use crate::report::{Bars, Page, Paged, Plot, Scale, Section, Table, per_cent};

impl Paged for Report {
    fn page(&self) -> Page {
        let answer = format!(
            "A message reaches {} of the honest members that were there all the time, and at worst {}; half of all deliveries take \
            {} ms.",
            per_cent(self.reached),
            per_cent(self.reached_min),
            self.latency_p50_ms
        );
        let setting = format!(
            "{} members, {} of them hostile, {} messages of {} bytes; {} of the packets get lost, and {} of the members come and go.",
            self.peers,
            per_cent(self.hostile),
            self.messages,
            self.bytes,
            per_cent(self.loss),
            per_cent(self.churn)
        );
        Page {
            title: "Does a message reach all members?".into(),
            words: vec![answer, setting],
            sections: vec![self.delivery(), self.floods()],
        }
    }
}

impl Report {
    fn delivery(&self) -> Section {
        let mut table = Table::new(["what", "figure"]);
        for (what, figure) in [
            ("deliveries", self.deliveries.to_string()),
            ("given twice", self.delivered_twice.to_string()),
            ("links on the way, mean", format!("{:.2}", self.hops_mean)),
            ("links on the way, most", self.hops_max.to_string()),
            ("bodies for each that had to come", format!("{:.2}", self.redundancy)),
            ("bytes for each byte of a body", format!("{:.2}", self.overhead)),
            ("links of a member, mean", format!("{:.1}", self.links_mean)),
            ("hostile share of views", per_cent(self.hostile_in_views)),
            ("honest members cut off", self.honest_banned.to_string()),
        ] {
            table.row([what.to_owned(), figure]);
        }
        let times = [self.latency_p50_ms, self.latency_p99_ms, self.latency_max_ms].map(|ms| ms as f64);
        Section {
            title: "How fast, and at what price".into(),
            words: "Milliseconds from sending until so many deliveries were made.".into(),
            plot: Some(Plot::Bars(Bars {
                title: "Milliseconds until delivered".into(),
                says: "For half, for 99 of 100, and for the last.".into(),
                scale: Scale::Plain,
                groups: vec!["half".into(), "99 %".into(), "the last".into()],
                series: vec![("milliseconds".into(), times.to_vec())],
            })),
            table,
        }
    }

    fn floods(&self) -> Section {
        let spam = &self.spam;
        let kinds = [
            ("one signer, many ways", spam.one_signer_many_ways),
            ("one signer, one way", spam.one_signer_one_way),
            ("many signers, one link", spam.many_signers_one_link),
            ("many signers, one way", spam.many_signers_one_way),
        ];
        let mut table = Table::new(["flood", "seen at most"]);
        for (kind, seen) in kinds {
            table.row([kind.to_owned(), seen.to_string()]);
        }
        Section {
            title: "What becomes of floods".into(),
            words: format!(
                "500 messages each, in a network of {} members: the most that one honest member saw.",
                self.flooded_peers
            ),
            plot: Some(Plot::Bars(Bars {
                title: "Messages of a flood that one member saw".into(),
                says: "At most, of 500.".into(),
                scale: Scale::Plain,
                groups: kinds.map(|(kind, _)| kind.to_owned()).to_vec(),
                series: vec![("messages".into(), kinds.map(|(_, seen)| seen as f64).to_vec())],
            })),
            table,
        }
    }
}
