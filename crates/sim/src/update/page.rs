//! The findings as a page.

use super::Report;
use crate::{
    report::{Bars, Curves, Page, Paged, Plot, Scale, Section, Table, per_cent, rounds},
    whitelist::page::{over_rounds, reached},
};

impl Paged for Report {
    fn page(&self) -> Page {
        let wrong: u64 = self.attacks.iter().map(|attack| attack.succeeded).sum();
        let answer = format!(
            "A release is with 99 % of the honest peers after {} rounds of 15 seconds. {wrong} wrong releases were taken, and {} \
            of {} right ones.",
            rounds(self.rounds_99),
            self.honest_taken,
            self.honest_offered
        );
        let setting = format!(
            "{} peers, of which {} pass nothing on and say that there is nothing new.",
            self.peers,
            per_cent(self.hostile)
        );
        Page {
            title: "Does a release reach everybody, and nothing else?".into(),
            words: vec![answer, setting],
            sections: vec![self.spread(), self.withheld(), self.tried()],
        }
    }
}

impl Report {
    fn spread(&self) -> Section {
        Section {
            title: "Who has the release after each round".into(),
            words: "Honest peers only; those that are away get it when they are back.".into(),
            plot: Some(Plot::Curves(Curves {
                title: "Honest peers that have the release".into(),
                says: format!(
                    "Half after {} rounds, 99 % after {}.",
                    rounds(self.rounds_50),
                    rounds(self.rounds_99)
                ),
                across: "rounds of 15 seconds".into(),
                scale: Scale::Share,
                lines: vec![over_rounds("honest peers", self.honest, &self.after)],
            })),
            table: reached(self.rounds_50, self.rounds_99, self.rounds_100),
        }
    }

    fn withheld(&self) -> Section {
        let freeze = &self.freeze;
        let mut table = Table::new(["what", "figure"]);
        table.row(["peers asked before one is believed".into(), freeze.asked.to_string()]);
        table.row(["deceived".into(), format!("{:.2e}", freeze.believed)]);
        table.row(["deceived, by theory".into(), format!("{:.2e}", freeze.expected)]);
        table.row([
            "peers asked until it is noticed".into(),
            format!("{:.2}", freeze.contacts_mean),
        ]);
        table.row(["the most".into(), freeze.contacts_max.to_string()]);
        let chance = |asked: u32| (f64::from(asked), self.hostile.powi(asked as i32));
        Section {
            title: "How soon withheld updates are noticed".into(),
            words: "Whoever asks several random peers is deceived only if all of them lie.".into(),
            plot: (self.hostile > 0.0).then(|| {
                Plot::Curves(Curves {
                    title: "Chance that all who were asked lie".into(),
                    says: "The chance falls with each peer that is asked.".into(),
                    across: "peers asked".into(),
                    scale: Scale::Powers,
                    lines: vec![crate::report::Line {
                        name: "by theory".into(),
                        points: (1..=freeze.asked as u32).map(chance).collect(),
                    }],
                })
            }),
            table,
        }
    }

    fn tried(&self) -> Section {
        let mut table = Table::new(["attack", "number", "tried", "succeeded"]);
        for attack in &self.attacks {
            table.row([
                attack.attack.to_owned(),
                attack.number.to_string(),
                attack.tried.to_string(),
                attack.succeeded.to_string(),
            ]);
        }
        let figures =
            |figure: fn(&super::Tried) -> u64| self.attacks.iter().map(|a| figure(a) as f64).collect::<Vec<_>>();
        Section {
            title: "Attacks on what is taken".into(),
            words: "Each is tried between any two of twenty releases, with random figures.".into(),
            plot: Some(Plot::Bars(Bars {
                title: "Tried and succeeded".into(),
                says: "How often each attack was tried, and how often it succeeded.".into(),
                scale: Scale::Plain,
                groups: self.attacks.iter().map(|attack| attack.number.to_string()).collect(),
                series: vec![
                    ("tried".into(), figures(|a| a.tried)),
                    ("succeeded".into(), figures(|a| a.succeeded)),
                ],
            })),
            table,
        }
    }
}
