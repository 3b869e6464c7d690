//! The findings as a page.

use super::{Report, Row};
use crate::report::{Bars, Curves, Line, Page, Paged, Plot, Scale, Section, Table, per_cent};

impl Paged for Report {
    fn page(&self) -> Page {
        let worst = self.rows.iter().map(|row| row.ours_late).fold(0.0, f64::max);
        let mut sections = vec![self.overview()];
        sections.extend(self.rows.iter().map(section));
        Page {
            title: "Whom to download from when peers lie?".into(),
            words: vec![
                format!(
                    "In the last third of the time at most {} of the downloads of good peers are bad with our ranking, under any of \
                    these threats. Two in a hundred are mistakes of good peers.",
                    per_cent(worst)
                ),
                "Every good peer makes 50 downloads in each of 30 cycles, and each time takes one of eight offers. EigenTrust has \
                three peers that all trust from the beginning; ours has none."
                    .into(),
            ],
            sections,
        }
    }
}

impl Report {
    fn overview(&self) -> Section {
        let mut table = Table::new(["threat", "nobody ranks", "EigenTrust", "ours", "ours, late"]);
        for row in &self.rows {
            let shares = [row.none, row.eigentrust, row.ours, row.ours_late].map(per_cent);
            let [none, eigentrust, ours, late] = shares;
            table.row([row.threat.to_owned(), none, eigentrust, ours, late]);
        }
        let figures = |figure: fn(&Row) -> f64| self.rows.iter().map(figure).collect::<Vec<_>>();
        Section {
            title: "Bad downloads under each threat".into(),
            words: "A: bad files. B: and they trust each other. C: bad files in a part of the cases. D: with spies who give good files. \
                whitewash: a new identity after each cycle. sleeper: good for half of the time. Late is the last third."
                .into(),
            plot: Some(Plot::Bars(Bars {
                title: "Bad downloads of good peers".into(),
                says: "Ours is below what happens when nobody ranks under every threat.".into(),
                scale: Scale::Share,
                groups: self.rows.iter().map(|row| row.threat.to_owned()).collect(),
                series: vec![
                    ("nobody ranks".into(), figures(|row| row.none)),
                    ("EigenTrust".into(), figures(|row| row.eigentrust)),
                    ("ours".into(), figures(|row| row.ours)),
                ],
            })),
            table,
        }
    }
}

fn section(row: &Row) -> Section {
    let by = &row.by_cycle;
    let line = |name: &str, shares: &[f64]| Line::from(name, 1.0, shares.iter().copied());
    let mut table = Table::new(["cycle", "nobody ranks", "EigenTrust", "ours"]);
    for cycle in [1, 2, 5, 10, 15, 20, 25, 30] {
        let of = |shares: &[f64]| shares.get(cycle - 1).map_or_else(String::new, |share| per_cent(*share));
        table.row([cycle.to_string(), of(&by.none), of(&by.eigentrust), of(&by.ours)]);
    }
    Section {
        title: format!("Threat {}, cycle by cycle", row.threat),
        words: format!(
            "{} good peers, {} hostile ones, {} of them spies.",
            row.good, row.hostile, row.spies
        ),
        plot: Some(Plot::Curves(Curves {
            title: format!("Bad downloads under threat {}", row.threat),
            says: format!(
                "Ours ends at {}, EigenTrust at {}.",
                per_cent(row.ours_late),
                per_cent(row.eigentrust_late)
            ),
            across: "cycle".into(),
            scale: Scale::Share,
            lines: vec![
                line("nobody ranks", &by.none),
                line("EigenTrust", &by.eigentrust),
                line("ours", &by.ours),
            ],
        })),
        table,
    }
}
