//! The findings as a page.

use super::{Report, Row};
use crate::report::{Bars, Curves, Line, Page, Paged, Plot, Scale, Section, Table, per_cent};

impl Paged for Report {
    fn page(&self) -> Page {
        Page {
            title: "How far does a rumour spread, and what does it cost?".into(),
            words: vec![
                format!(
                    "Table {} of Demers et al. (1987), made again with {} sites and {} runs of each row.",
                    self.table.trim_start_matches("demers"),
                    self.sites,
                    self.runs
                ),
                "A site that knows tells others (or is asked, in table 3) until it loses interest. The larger k, the longer it \
                goes on, the fewer sites are missed, and the more is sent."
                    .into(),
            ],
            sections: vec![self.residue(), self.traffic(), self.cycles()],
        }
    }
}

impl Report {
    fn names(&self) -> Vec<String> {
        self.rows.iter().map(|row| format!("k = {}", row.k)).collect()
    }

    fn figures(&self, figure: fn(&Row) -> f64) -> Vec<f64> {
        self.rows.iter().map(figure).collect()
    }

    fn residue(&self) -> Section {
        let mut table = Table::new(["k", "found", "printed"]);
        for row in &self.rows {
            let figures = [row.residue, row.printed_residue].map(|share| format!("{share:.2e}"));
            let [found, printed] = figures;
            table.row([row.k.to_string(), found, printed]);
        }
        Section {
            title: "Sites that never hear of it".into(),
            words: "Share of all sites; each step up is ten times as much.".into(),
            plot: Some(Plot::Bars(Bars {
                title: "Share of sites that are missed".into(),
                says: "It falls with k, as printed in 1987.".into(),
                scale: Scale::Powers,
                groups: self.names(),
                series: vec![
                    ("found".into(), self.figures(|row| row.residue)),
                    ("printed".into(), self.figures(|row| row.printed_residue)),
                ],
            })),
            table,
        }
    }

    fn traffic(&self) -> Section {
        let mut table = Table::new(["k", "found", "printed"]);
        for row in &self.rows {
            let (found, printed) = (format!("{:.2}", row.traffic), row.printed_traffic.to_string());
            table.row([row.k.to_string(), found, printed]);
        }
        Section {
            title: "What it costs".into(),
            words: "Messages with the rumour, for each site.".into(),
            plot: Some(Plot::Bars(Bars {
                title: "Messages for each site".into(),
                says: "It grows with k, as printed in 1987.".into(),
                scale: Scale::Plain,
                groups: self.names(),
                series: vec![
                    ("found".into(), self.figures(|row| row.traffic)),
                    ("printed".into(), self.figures(|row| row.printed_traffic)),
                ],
            })),
            table,
        }
    }

    fn cycles(&self) -> Section {
        let mut table = Table::new(["k", "mean cycle", "last cycle", "reached"]);
        for row in &self.rows {
            let [mean, last] = [row.t_ave, row.t_last].map(|cycle| format!("{cycle:.1}"));
            table.row([row.k.to_string(), mean, last, per_cent(1.0 - row.residue)]);
        }
        let line = |row: &Row| {
            let until = (row.t_last * 1.5).ceil() as usize + 1;
            Line::from(format!("k = {}", row.k), 0.0, row.after.iter().take(until).copied())
        };
        Section {
            title: "Who has heard after each cycle".into(),
            words: "On average over all runs.".into(),
            plot: Some(Plot::Curves(Curves {
                title: "Share of sites that have heard".into(),
                says: "It rises slowly, then fast, and ends at what is never missed.".into(),
                across: "cycle".into(),
                scale: Scale::Share,
                lines: self.rows.iter().map(line).collect(),
            })),
            table,
        }
    }
}
