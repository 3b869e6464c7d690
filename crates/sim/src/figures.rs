//! What the models are fed with, with where each figure comes from (`figures.toml`).

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use toml::{Table, Value};

/// The figures that come with the program.
const OWN: &str = include_str!("figures.toml");

/// Why a text is no list of figures.
#[derive(Debug, thiserror::Error)]
pub enum FiguresError {
    /// Not TOML, an unknown name, or a field that is missing or of the wrong kind.
    #[error("these are no figures: {0}")]
    Form(#[from] toml::de::Error),
    /// A number that makes no sense.
    #[error("{name} must be {must}, not {is}")]
    Range {
        /// Of the figure.
        name: &'static str,
        /// What is allowed.
        must: &'static str,
        /// What was given.
        is: f64,
    },
}

/// A number with where it comes from.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// As the program is now.
    pub today: f64,
    /// As it shall become, if that is different.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goal: Option<f64>,
    /// What both count.
    pub unit: String,
    /// Who measured it and how, or why it is assumed.
    pub from: String,
}

/// All figures by name.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Figures(BTreeMap<String, Figure>);

/// Which column of the table counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// As the program is now.
    Today,
    /// As it shall become.
    Goal,
}

/// One column, by name. What each is, and its unit, stands in `figures.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "figures.toml documents each")]
pub struct Values {
    pub micro_server_share: f64,
    pub homes: f64,
    pub hard_share: f64,
    pub relayed_pairs: f64,
    pub handshakes_per_day: f64,
    pub starts_per_day: f64,
    pub busy_hour: f64,
    pub handshake_bytes: f64,
    pub keep_alive_bytes_per_hour: f64,
    pub registration_bytes: f64,
    pub refusal_bytes: f64,
    pub publish_per_day: f64,
    pub publish_bytes: f64,
    pub lookups_per_day: f64,
    pub lookup_bytes: f64,
    pub relayed_bytes: f64,
    pub clients_limit: f64,
    pub registrations_per_second: f64,
    pub queue_seconds: f64,
    pub ping_seconds: f64,
    pub ping_timeout_seconds: f64,
    pub crash_notice_seconds: f64,
    pub connect_timeout_seconds: f64,
    pub jitter_seconds: f64,
    pub spare_jitter_seconds: f64,
    pub backoff_seconds: f64,
    pub central_bytes_per_month: f64,
    pub shipped_list_bytes_per_month: f64,
    pub price_per_terabyte: f64,
}

impl Figures {
    /// Those that come with the program.
    pub fn own() -> Result<Self, FiguresError> {
        Self::with("")
    }

    /// The same with others in the place of some. Each is a table such as
    /// `[homes]`, `today = 3`, `unit = "…"`, `from = "…"`.
    pub fn with(others: &str) -> Result<Self, FiguresError> {
        let mut table: Table = toml::from_str(OWN)?;
        table.extend(toml::from_str::<Table>(others)?);
        let figures = Self(Value::Table(table).try_into()?);
        figures.values(Column::Today)?;
        figures.values(Column::Goal)?;
        Ok(figures)
    }

    /// All of them, by name.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Figure)> {
        self.0.iter().map(|(name, figure)| (name.as_str(), figure))
    }

    /// One column, checked.
    pub fn values(&self, column: Column) -> Result<Values, FiguresError> {
        let value = |figure: &Figure| match column {
            Column::Today => figure.today,
            Column::Goal => figure.goal.unwrap_or(figure.today),
        };
        let table: Table = self
            .all()
            .map(|(name, figure)| (name.to_owned(), Value::Float(value(figure))))
            .collect();
        let values: Values = Value::Table(table).try_into()?;
        values.check()?;
        Ok(values)
    }
}

impl Values {
    /// Says what makes no sense, if anything does.
    pub fn check(&self) -> Result<(), FiguresError> {
        let within = |name, is: f64, low: f64, high: f64, must| match (low..=high).contains(&is) {
            true => Ok(()),
            false => Err(FiguresError::Range { name, must, is }),
        };
        let share = "a share, above 0 and up to 1";
        within("micro_server_share", self.micro_server_share, 1e-6, 1.0, share)?;
        within("hard_share", self.hard_share, 0.0, 1.0, "a share from 0 to 1")?;
        within("relayed_pairs", self.relayed_pairs, 0.0, 1.0, "a share from 0 to 1")?;
        within("homes", self.homes, 1.0, 8.0, "a number from 1 to 8")?;
        let rate = "a number from 1 to 1000";
        within(
            "registrations_per_second",
            self.registrations_per_second,
            1.0,
            1000.0,
            rate,
        )?;
        let seconds = "from 0 to 600 seconds";
        for (name, is) in [
            ("queue_seconds", self.queue_seconds),
            ("ping_timeout_seconds", self.ping_timeout_seconds),
            ("crash_notice_seconds", self.crash_notice_seconds),
            ("jitter_seconds", self.jitter_seconds),
            ("spare_jitter_seconds", self.spare_jitter_seconds),
            ("backoff_seconds", self.backoff_seconds),
        ] {
            within(name, is, 0.0, 600.0, seconds)?;
        }
        within("ping_seconds", self.ping_seconds, 1.0, 600.0, "from 1 to 600 seconds")?;
        let wait = "from 0.1 to 600 seconds";
        within(
            "connect_timeout_seconds",
            self.connect_timeout_seconds,
            0.1,
            600.0,
            wait,
        )?;
        for (name, is) in [
            ("handshakes_per_day", self.handshakes_per_day),
            ("starts_per_day", self.starts_per_day),
            ("busy_hour", self.busy_hour),
            ("handshake_bytes", self.handshake_bytes),
            ("keep_alive_bytes_per_hour", self.keep_alive_bytes_per_hour),
            ("registration_bytes", self.registration_bytes),
            ("refusal_bytes", self.refusal_bytes),
            ("publish_per_day", self.publish_per_day),
            ("publish_bytes", self.publish_bytes),
            ("lookups_per_day", self.lookups_per_day),
            ("lookup_bytes", self.lookup_bytes),
            ("relayed_bytes", self.relayed_bytes),
            ("clients_limit", self.clients_limit),
            ("central_bytes_per_month", self.central_bytes_per_month),
            ("shipped_list_bytes_per_month", self.shipped_list_bytes_per_month),
            ("price_per_terabyte", self.price_per_terabyte),
        ] {
            within(name, is, 0.0, 1e12, "a number from 0")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_says_its_unit_and_where_it_comes_from() {
        for (name, figure) in Figures::own().unwrap().all() {
            assert!(!figure.unit.is_empty() && figure.from.ends_with('.'), "{name}");
        }
    }

    #[test]
    fn a_goal_that_is_not_given_is_what_is_today() {
        let figures = Figures::own().unwrap();
        let (today, goal) = (figures.values(Column::Today), figures.values(Column::Goal));
        let (today, goal) = (today.unwrap(), goal.unwrap());
        assert_eq!(today.hard_share, goal.hard_share);
        assert_ne!(today.homes, goal.homes);
    }

    #[test]
    fn some_figures_can_be_replaced_and_mistakes_are_told() {
        let figure = |name: &str, today: &str| format!("[{name}]\ntoday = {today}\nunit = \"u\"\nfrom = \"f\"\n");
        let three = Figures::with(&figure("homes", "3")).unwrap();
        assert_eq!(three.values(Column::Goal).unwrap().homes, 3.0);
        for (name, today, says) in [
            ("houses", "3", "houses"),
            ("homes", "0", "homes must be a number from 1 to 8, not 0"),
            ("homes", "\"two\"", "invalid type"),
            ("jitter_seconds", "-1", "jitter_seconds must be from 0 to 600"),
        ] {
            let error = Figures::with(&figure(name, today)).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
