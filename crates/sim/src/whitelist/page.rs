//! The findings as a page.

use super::{ROUND_S, Report};
use crate::report::{Curves, Line, Page, Paged, Plot, Scale, Section, Table, per_cent, rounds};

impl Paged for Report {
    fn page(&self) -> Page {
        let (most, all) = (rounds(self.rounds_99), rounds(self.rounds_100));
        let answer = format!(
            "99 % of the peers that pass things on have {} after {most} rounds, all of them after {all}. A round is {ROUND_S} \
            seconds.",
            if self.new == 1 {
                "the new certificate"
            } else {
                "all new certificates"
            }
        );
        let setting = format!(
            "One peer of {} learns {} of {} certificates that there are. In each round every peer makes one exchange with a \
            random other, of up to {} certificates either way; {} of the peers take and never give.",
            self.peers,
            self.new,
            self.certificates,
            self.per_exchange,
            per_cent(self.blackholes)
        );
        Page {
            title: "Do certificates spread, one to three in each exchange?".into(),
            words: vec![answer.clone(), setting],
            sections: vec![Section {
                title: "Who has it after each round".into(),
                words: "At first twice as many have it after each round; at the end the last ones are found.".into(),
                plot: Some(Plot::Curves(Curves {
                    title: "Honest peers that have what is new".into(),
                    says: answer,
                    across: "rounds of 15 seconds".into(),
                    scale: Scale::Share,
                    lines: vec![over_rounds("honest peers", self.honest, &self.after)],
                })),
                table: reached(self.rounds_50, self.rounds_99, self.rounds_100),
            }],
        }
    }
}

/// Shares of honest peers over rounds.
pub(crate) fn over_rounds(name: &str, honest: usize, after: &[u64]) -> Line {
    let first = (honest > 0).then(|| 1.0 / honest as f64);
    let shares = after.iter().map(|have| *have as f64 / honest.max(1) as f64);
    Line::from(name, 0.0, first.into_iter().chain(shares))
}

/// When how many were reached.
pub(crate) fn reached(half: Option<u32>, most: Option<u32>, all: Option<u32>) -> Table {
    let mut table = Table::new(["reached", "rounds", "seconds"]);
    for (what, when) in [("half", half), ("99 %", most), ("all", all)] {
        table.row([what.into(), rounds(when), rounds(when.map(|rounds| rounds * ROUND_S))]);
    }
    table
}
