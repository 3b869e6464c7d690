//! The findings as a page.

use super::Report;
use crate::report::{Bars, Page, Paged, Plot, Scale, Section, Table, per_cent};
use hedgerow_trust::Function;

const TITLE: &str = "Are really popular widgets fetched first, even when peers lie?";

impl Paged for Report {
    fn page(&self) -> Page {
        let of = |name: &str| self.functions.get(name).copied().unwrap_or_default();
        let (ours, written) = (of("trust_median"), of("median_max"));
        let names: Vec<&str> = Function::ALL.iter().map(|function| function.name()).collect();
        let column = |figure: fn(&super::Scores) -> f64| names.iter().map(|name| figure(&of(name))).collect::<Vec<_>>();
        let says = format!(
            "The trust-weighted median picks the right widget first in {} of the runs, the rule as written in {}.",
            per_cent(ours.first_right),
            per_cent(written.first_right)
        );
        let plot = Bars {
            title: format!(
                "{} liars with {} Sybils among {} honest peers",
                self.liars, self.sybils, self.honest
            ),
            says: says.clone(),
            scale: Scale::Plain,
            groups: names.iter().map(|name| (*name).to_owned()).collect(),
            series: vec![
                ("order of the top ten (tau)".into(), column(|scores| scores.tau)),
                (
                    "share of the top ten that belongs there".into(),
                    column(|scores| scores.p_at_10),
                ),
                ("first pick right".into(), column(|scores| scores.first_right)),
            ],
        };
        let mut table = Table::new(["function", "tau", "least tau", "p@10", "first right"]);
        for name in &names {
            let scores = of(name);
            let figures = [scores.tau, scores.tau_min, scores.p_at_10, scores.first_right];
            let [tau, least, precision, first] = figures.map(|figure| format!("{figure:.3}"));
            table.row([(*name).to_owned(), tau, least, precision, first]);
        }
        Page {
            title: TITLE.into(),
            words: vec![says, self.setting()],
            sections: vec![
                Section {
                    title: "Five ways to tell what is popular".into(),
                    words: "max, mean and trimmed take the reported numbers as they are; median_max is the rule of the \
                        original design; trust_median weighs each report by what its sender is worth to the one who asks. \
                        1 is perfect; tau is -1 when the order is the opposite."
                        .into(),
                    plot: Some(Plot::Bars(plot)),
                    table,
                },
                self.trust(),
            ],
        }
    }
}

impl Report {
    fn setting(&self) -> String {
        format!(
            "In each of {} runs one honest peer ranks {} widgets and ten fakes. Liars report a million installs of the fakes \
            and none of the ten widgets that lead, and their Sybils say the same. {} of what honest peers trust is liars.",
            self.runs,
            self.widgets,
            per_cent(self.misplaced)
        )
    }

    fn trust(&self) -> Section {
        let mut table = Table::new(["what", "share of all trust"]);
        table.row(["liars and Sybils together".into(), per_cent(self.hostile_trust)]);
        table.row(["at most, by theory".into(), per_cent(self.hostile_trust_bound)]);
        let plot = Bars {
            title: "What liars and Sybils are worth together".into(),
            says: "The share is below the bound, whatever the number of Sybils.".into(),
            scale: Scale::Share,
            groups: vec!["found".into(), "bound".into()],
            series: vec![(
                "share of trust".into(),
                vec![self.hostile_trust, self.hostile_trust_bound],
            )],
        };
        Section {
            title: "Why Sybils gain nothing".into(),
            words: "Trust comes from edges that honest people made. However many identities an attacker has, together they \
                get what those edges carry; below one half, a weighted median holds."
                .into(),
            plot: Some(Plot::Bars(plot)),
            table,
        }
    }
}
