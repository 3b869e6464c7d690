//! What can be typed about what widgets may do, and about their background parts.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum Grant {
    /// What widgets ask for, and what they got.
    List {
        /// Only this one.
        instance: Option<String>,
    },
    /// Let a widget do something that it asks for.
    Allow(Allow),
    /// Say no; for good with --never.
    Deny {
        /// The instance.
        instance: String,
        /// The permission, such as `peers` or `web`.
        permission: String,
        /// Also when it is opened again.
        #[arg(long)]
        never: bool,
    },
    /// Take back what a widget was granted, at once; it may ask again.
    Revoke {
        /// The instance.
        instance: String,
        /// Only this permission.
        permission: Option<String>,
    },
    /// What widgets may do without being asked for, by where they come from. What is given changes.
    Policy(Policy),
}

#[derive(Debug, Args)]
pub(crate) struct Allow {
    /// The instance.
    pub(crate) instance: String,
    /// The permission, such as `peers` or `web`.
    pub(crate) permission: String,
    /// For one call within a minute.
    #[arg(long, conflicts_with = "while_open")]
    pub(crate) once: bool,
    /// Until it is not open any more; for always unless given.
    #[arg(long)]
    pub(crate) while_open: bool,
    /// Also in browsers that fence widgets only in part.
    #[arg(long)]
    pub(crate) anyway: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Policy {
    /// Widgets that you published; `none` for nothing.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub(crate) own: Option<Vec<String>>,
    /// Widgets of people on your list of trusted people; `none` for nothing.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub(crate) trusted: Option<Vec<String>>,
    /// All others; `none` for nothing.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub(crate) strangers: Option<Vec<String>>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Component {
    /// The background parts of widgets, how they are, and what they use.
    List,
    /// What one wrote.
    Logs {
        /// The instance.
        instance: String,
        /// At most this many lines.
        #[arg(short = 'n', long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=500))]
        lines: u32,
    },
    /// Start one anew. What it keeps stays.
    Restart {
        /// The instance.
        instance: String,
    },
}
