//! The findings as a page.

use super::{
    HORIZON, Report,
    report::{amount, digits},
};
use crate::report::{Bars, Page, Paged, Plot, Scale, Section, Table, per_cent};

impl Paged for Report {
    fn page(&self) -> Page {
        let answer = format!(
            "With {} users an ordinary reachable node carries {} kbit/s for others as the program is, and {} as it shall become.",
            amount(self.users),
            digits(self.today.kbit_s.total),
            digits(self.goal.kbit_s.total)
        );
        Page {
            title: "What does it cost that ordinary nodes do the handshakes of all?".into(),
            words: vec![
                answer,
                format!(
                    "{} reachable nodes serve others. {} of them vanish at once: how long until everybody is served again?",
                    amount(self.today.micro_servers),
                    per_cent(self.vanishing)
                ),
            ],
            sections: vec![self.load(), self.recoveries()],
        }
    }
}

impl Report {
    fn load(&self) -> Section {
        let (now, then) = (&self.today.kbit_s, &self.goal.kbit_s);
        let rows = [
            ("handshakes", now.handshakes, then.handshakes),
            ("keep-alive", now.keep_alive, then.keep_alive),
            ("registrations", now.registrations, then.registrations),
            ("publishing", now.publishing, then.publishing),
            ("lookups", now.lookups, then.lookups),
            ("relaying", now.relaying, then.relaying),
        ];
        let mut table = Table::new(["kbit/s", "today", "goal"]);
        for (what, now, then) in rows {
            table.row([what.to_owned(), digits(now), digits(then)]);
        }
        table.row(["all of it".into(), digits(now.total), digits(then.total)]);
        Section {
            title: "An ordinary day at a node that serves others".into(),
            words: "What the mean one carries, in kbit/s.".into(),
            plot: Some(Plot::Bars(Bars {
                title: "kbit/s that the mean node carries".into(),
                says: "By what it is for, today and as it shall become.".into(),
                scale: Scale::Plain,
                groups: rows.map(|(what, ..)| what.to_owned()).to_vec(),
                series: vec![
                    ("today".into(), rows.map(|(_, now, _)| now).to_vec()),
                    ("goal".into(), rows.map(|(_, _, then)| then).to_vec()),
                ],
            })),
            table,
        }
    }

    fn recoveries(&self) -> Section {
        let time =
            |seconds: Option<f64>| seconds.map_or_else(|| format!("over {HORIZON} s"), |s| format!("{} s", digits(s)));
        let mut table = Table::new(["reaction", "served at once", "99 %", "99.9 %", "tries"]);
        for reaction in &self.recovery {
            let found = &reaction.recovery;
            table.row([
                reaction.name.clone(),
                per_cent(found.served_at_once),
                time(found.served_99_s),
                time(found.served_999_s),
                digits(found.attempts),
            ]);
        }
        let first: Vec<_> = self.recovery.iter().take(4).collect();
        let seconds = |of: fn(&super::Recovery) -> Option<f64>| {
            first
                .iter()
                .map(|reaction| of(&reaction.recovery).unwrap_or(HORIZON))
                .collect::<Vec<_>>()
        };
        Section {
            title: "When many vanish at once".into(),
            words: "Seconds until so many users are served again; a bar of 600 s means longer than was looked at. The table has \
                other ways to react."
                .into(),
            plot: Some(Plot::Bars(Bars {
                title: "Seconds until users are served again".into(),
                says: "After a crash and after a power cut, today and as it shall become.".into(),
                scale: Scale::Plain,
                groups: first.iter().map(|reaction| reaction.name.clone()).collect(),
                series: vec![
                    ("99 % of users".into(), seconds(|found| found.served_99_s)),
                    ("99.9 % of users".into(), seconds(|found| found.served_999_s)),
                ],
            })),
            table,
        }
    }
}
