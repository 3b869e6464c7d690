//! Everything about handshakes in one answer, for people and for programs.

use super::{
    steady::{self, Central, Steady},
    vanish::{Blow, HORIZON, Recovery},
};
use crate::figures::{Column, Figures, FiguresError, Values};
use serde::Serialize;
use std::fmt::Write;

/// Users of the event by event run beside the other: enough for the shares to be exact to a fraction of a per cent.
const SAMPLE: f64 = 100_000.0;

/// What was found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Users that are online.
    pub users: f64,
    /// Of everything that is random.
    pub seed: u64,
    /// What the model was fed with.
    pub figures: Figures,
    /// An ordinary day, as the program is now.
    pub today: Steady,
    /// An ordinary day, as it shall become.
    pub goal: Steady,
    /// What no ordinary node carries.
    pub central: Central,
    /// Share of the micro-servers that vanishes at once.
    pub vanishing: f64,
    /// What follows, with several ways to react.
    pub recovery: Vec<Reaction>,
    /// The same by events, with fewer users.
    pub check: Check,
}

/// What follows from one way to react.
#[derive(Clone, Debug, Serialize)]
pub struct Reaction {
    /// Which.
    pub name: String,
    /// In full.
    pub blow: Blow,
    /// What an idle user pays an hour for being reachable, in bytes.
    pub idle_bytes_per_hour: f64,
    /// What follows.
    pub recovery: Recovery,
}

/// The fast way beside the exact one, for the reaction `goal, crash`.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// As many as the exact way can take.
    pub users: f64,
    /// Every client and micro-server by itself.
    pub by_events: Recovery,
    /// In shares, for so many users.
    pub in_aggregate: Recovery,
}

/// Answers for any number of users.
pub fn run(users: f64, vanishing: f64, seed: u64, figures: Figures) -> Result<Report, FiguresError> {
    let (today, goal) = (figures.values(Column::Today)?, figures.values(Column::Goal)?);
    let recovery = reactions(users, vanishing, &today, &goal);
    let few = Blow::new(users.min(SAMPLE), &goal, vanishing, false);
    Ok(Report {
        users,
        seed,
        today: steady::steady(users, &today),
        goal: steady::steady(users, &goal),
        central: steady::central(users, &today),
        vanishing,
        recovery,
        check: Check {
            users: few.users,
            by_events: few.by_events(seed),
            in_aggregate: few.in_aggregate(),
        },
        figures,
    })
}

fn reactions(users: f64, vanishing: f64, today: &Values, goal: &Values) -> Vec<Reaction> {
    let blow = |values: &Values, silent| Blow::new(users, values, vanishing, silent);
    let named = |name: &str, silent: bool| format!("{name}, {}", if silent { "power cut" } else { "crash" });
    let mut blows = Vec::new();
    for silent in [false, true] {
        blows.push((named("today", silent), blow(today, silent)));
        blows.push((named("goal", silent), blow(goal, silent)));
    }
    for jitter in [0.0, 1.0, 5.0, 15.0, 30.0] {
        let mut other = blow(goal, false);
        (other.jitter, other.spare_jitter, other.crash_notice) = (jitter, jitter * 30.0, 0.0);
        blows.push((named(&format!("jitter {jitter} s"), false), other));
    }
    for homes in [1, 3, 4] {
        let mut other = blow(goal, true);
        other.homes = homes;
        blows.push((named(&format!("homes {homes}"), true), other));
    }
    let mut often = blow(goal, true);
    often.ping = goal.ping_seconds / 4.0;
    blows.push((named("asking four times as often", true), often));
    // As Skype was in 2010: a tenth of the micro-servers, so many clients at each, one home, everybody at once, nobody is told to go elsewhere.
    let mut stampede = blow(today, false);
    (stampede.micro_server_share, stampede.crash_notice) = (today.micro_server_share / 10.0, 0.0);
    blows.push(("a tenth, noticed at once, today".into(), stampede));
    let mut tamed = blow(goal, false);
    tamed.micro_server_share = goal.micro_server_share / 10.0;
    tamed.crash_notice = 0.0;
    blows.push(("a tenth, noticed at once, goal".into(), tamed));
    let reaction = |(name, blow): (String, Blow)| {
        let values = if name.contains("today") { today } else { goal };
        let often = values.ping_seconds / blow.ping;
        Reaction {
            idle_bytes_per_hour: f64::from(blow.homes) * values.keep_alive_bytes_per_hour * often,
            recovery: blow.in_aggregate(),
            name,
            blow,
        }
    };
    blows.into_iter().map(reaction).collect()
}

impl Report {
    /// For people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a text cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, to: &mut String) -> std::fmt::Result {
        let (today, goal) = (&self.today, &self.goal);
        writeln!(
            to,
            "{} users, {} micro-servers (reachable nodes that serve others), seed {}\n",
            amount(self.users),
            amount(today.micro_servers),
            self.seed
        )?;
        writeln!(to, "An ordinary day at a micro-server       today        goal")?;
        let mut line = |what: &str, unit: &str, now: f64, then: f64| {
            writeln!(to, "  {what:27} {:>10} {:>11} {unit}", digits(now), digits(then))
        };
        line("clients, mean", "", today.clients, goal.clients)?;
        line("clients, most", "", today.clients_most.into(), goal.clients_most.into())?;
        line(
            "clients, room for",
            "",
            today.clients_limit.into(),
            goal.clients_limit.into(),
        )?;
        let (a, b) = (&today.kbit_s, &goal.kbit_s);
        for (what, now, then) in [
            ("handshakes", a.handshakes, b.handshakes),
            ("keep-alive", a.keep_alive, b.keep_alive),
            ("registrations", a.registrations, b.registrations),
            ("publishing addresses", a.publishing, b.publishing),
            ("looking up addresses", a.lookups, b.lookups),
            ("relaying", a.relaying, b.relaying),
            ("all of it", a.total, b.total),
            ("all, busy hour", today.kbit_s_busy_hour, goal.kbit_s_busy_hour),
            (
                "all, busy hour, fullest",
                today.kbit_s_busy_hour_most,
                goal.kbit_s_busy_hour_most,
            ),
        ] {
            line(what, "kbit/s", now, then)?;
        }
        line("a month", "GB", today.gigabytes_per_month, goal.gigabytes_per_month)?;
        let (now, then) = (today.idle_bytes_per_hour / 1e3, goal.idle_bytes_per_hour / 1e3);
        line("an idle user pays, an hour", "kB", now, then)?;
        self.write_blow(to)
    }

    fn write_blow(&self, to: &mut String) -> std::fmt::Result {
        let central = &self.central;
        writeln!(
            to,
            "\nCentral places carry {} bytes a month ($ {}). A list of first peers on a web site, if somebody\n\
             wanted one: {} bytes ($ {}).",
            amount(central.bytes_per_month),
            digits(central.dollars_per_month),
            amount(central.with_list_bytes_per_month),
            digits(central.with_list_dollars_per_month)
        )?;
        writeln!(
            to,
            "\n{} % of the micro-servers vanish at once: how many clients still have a home, when 99 % and 99.9 %\n\
             have one again; requests in the busiest second at the mean micro-server and at the one that gets most;\n\
             requests for every home found; what an idle client pays for that\n",
            digits(self.vanishing * 100.0)
        )?;
        let head = ["at once", "99 %", "99.9 %", "busiest", "most", "tries"];
        let head = head.map(|h| format!("{h:>8}")).join(" ");
        writeln!(to, "  {:36} {head} {:>9}", "", "idle kB/h")?;
        for reaction in &self.recovery {
            let idle = digits(reaction.idle_bytes_per_hour / 1e3);
            writeln!(to, "  {:36} {} {idle:>9}", reaction.name, cells(&reaction.recovery))?;
        }
        let check = &self.check;
        let users = amount(check.users);
        writeln!(to, "\nChecked: the line \"goal, crash\" for {users} users in two ways")?;
        writeln!(to, "  {:36} {}", "event by event", cells(&check.by_events))?;
        writeln!(to, "  {:36} {}", "in shares, as above", cells(&check.in_aggregate))
    }
}

fn cells(recovery: &Recovery) -> String {
    let time = |seconds: Option<f64>| seconds.map_or_else(|| format!("> {HORIZON} s"), |s| format!("{} s", digits(s)));
    [
        format!("{} %", digits(recovery.served_at_once * 100.0)),
        time(recovery.served_99_s),
        time(recovery.served_999_s),
        digits(recovery.busiest),
        digits(recovery.busiest_most),
        digits(recovery.attempts),
    ]
    .map(|cell| format!("{cell:>8}"))
    .join(" ")
}

/// Three digits that count.
pub(super) fn digits(number: f64) -> String {
    match number.abs() {
        0.0 => "0".into(),
        0.0..10.0 => format!("{number:.2}"),
        10.0..100.0 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    }
}

/// A large number in words of the trade.
pub(super) fn amount(number: f64) -> String {
    for (size, word) in [(1e12, " trillion"), (1e9, " billion"), (1e6, " million")] {
        if number >= size {
            let shown = format!("{:.1}", number / size);
            return shown.trim_end_matches(".0").to_owned() + word;
        }
    }
    format!("{number:.0}")
}
