//! The findings as a page.

use super::{Moment, Report};
use crate::report::{Bars, Curves, Line, Page, Paged, Plot, Scale, Section, Table, per_cent};

impl Paged for Report {
    fn page(&self) -> Page {
        let answer = format!(
            "{} of the honest peers are surrounded. Hostile identities hold {} of the slots for random peers; a view that takes \
            whoever it hears of is {} theirs.",
            per_cent(self.slots.eclipsed),
            per_cent(self.slots.hostile_mean),
            per_cent(self.naive.hostile_mean)
        );
        let setting = format!(
            "{} hostile identities sit in {} networks, which is {} of all networks, among {} honest peers. They call and name \
            each other without end, and claim everybody's taste.",
            self.hostile,
            self.networks,
            per_cent(self.fair),
            self.peers
        );
        Page {
            title: "Can hostile peers surround an honest one?".into(),
            words: vec![answer, setting],
            sections: vec![self.views(), self.on_the_way()],
        }
    }
}

impl Report {
    fn views(&self) -> Section {
        let all = [
            ("random slots", self.slots),
            ("taste buddies", self.taste),
            ("naive view", self.naive),
        ];
        let mut table = Table::new(["view", "hostile", "in the worst", "surrounded peers"]);
        for (name, views) in all {
            let [mean, worst, eclipsed] = [views.hostile_mean, views.hostile_max, views.eclipsed].map(per_cent);
            table.row([name.to_owned(), mean, worst, eclipsed]);
        }
        table.row([
            "exchanges with hostile peers".into(),
            per_cent(self.exchanges_hostile),
            String::new(),
            String::new(),
        ]);
        Section {
            title: "Who is in the views of honest peers".into(),
            words: "Random slots hold one peer of each network at most, chosen by a hash that nobody can aim at. Taste can be \
                claimed by anybody, so every other exchange is with a random peer."
                .into(),
            plot: Some(Plot::Bars(Bars {
                title: "Hostile share of what honest peers know".into(),
                says: "Random slots are the least hostile, the naive view the most.".into(),
                scale: Scale::Share,
                groups: all.map(|(name, _)| name.to_owned()).to_vec(),
                series: vec![
                    ("on average".into(), all.map(|(_, views)| views.hostile_mean).to_vec()),
                    ("in the worst view".into(), all.map(|(_, views)| views.hostile_max).to_vec()),
                    ("surrounded peers".into(), all.map(|(_, views)| views.eclipsed).to_vec()),
                ],
            })),
            table,
        }
    }

    fn on_the_way(&self) -> Section {
        let mut table = Table::new(["round", "random slots", "taste buddies", "naive view"]);
        for moment in self.over_time.iter().step_by(self.over_time.len().div_ceil(8).max(1)) {
            let [slots, taste, naive] = [moment.slots, moment.taste, moment.naive].map(per_cent);
            table.row([moment.round.to_string(), slots, taste, naive]);
        }
        let line = |name: &str, share: fn(&Moment) -> f64| Line {
            name: name.to_owned(),
            points: self
                .over_time
                .iter()
                .map(|moment| (moment.round as f64, share(moment)))
                .collect(),
        };
        Section {
            title: "How it came to that".into(),
            words: "Hostile shares, on average over honest peers. Random slots clear as more honest peers come to be known.".into(),
            plot: Some(Plot::Curves(Curves {
                title: "Hostile share over rounds".into(),
                says: "Random slots are half hostile in the beginning and clear slowly; the naive view stays theirs.".into(),
                across: "rounds of 15 seconds".into(),
                scale: Scale::Share,
                lines: vec![
                    line("random slots", |moment| moment.slots),
                    line("taste buddies", |moment| moment.taste),
                    line("naive view", |moment| moment.naive),
                ],
            })),
            table,
        }
    }
}
