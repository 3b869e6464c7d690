//! What can be typed about plugins.

use clap::Subcommand;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Plugin {
    /// What is in the folder of plugins, and how it is.
    List,
    /// Copy a folder with a `plugin.toml` to the plugins. It does not run before it is allowed.
    Add {
        /// The folder.
        folder: PathBuf,
    },
    /// Say yes to a plugin as it is now: its command and its permissions.
    Allow {
        /// The plugin.
        name: String,
        /// Only these permissions; all that it asks for unless given.
        #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
        permissions: Option<Vec<String>>,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
    /// Take that back: it ends, and its token is dead.
    Revoke {
        /// The plugin.
        name: String,
    },
    /// Start a plugin that is allowed.
    Start {
        /// The plugin.
        name: String,
    },
    /// End a plugin and all that it started.
    Stop {
        /// The plugin.
        name: String,
    },
    /// End it and start it anew.
    Restart {
        /// The plugin.
        name: String,
    },
    /// What it wrote.
    Logs {
        /// The plugin.
        name: String,
        /// At most this many lines, the newest.
        #[arg(short = 'n', long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=2000))]
        lines: u32,
    },
    /// End it and take it out of the folder; `--undo` brings the one back that was removed last.
    Remove {
        /// The plugin.
        name: String,
        /// Bring it back, with its data. It has to be allowed again.
        #[arg(long)]
        undo: bool,
    },
}
