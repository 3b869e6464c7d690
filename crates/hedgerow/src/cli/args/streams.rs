//! Arguments of what goes between two people: streams, ports and files.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Stream {
    /// Wait for a peer under a name; then standard input goes there, and what comes goes to standard output.
    Listen {
        /// Letters, digits and - _ .
        name: String,
        /// Only this peer: its name, or the beginning of its id.
        #[arg(long, value_name = "PEER")]
        from: Option<String>,
        /// Wait for the next when one has ended.
        #[arg(long)]
        keep: bool,
    },
    /// Reach a peer that listens under a name.
    Connect {
        /// Name of the peer, or the beginning of its id.
        peer: String,
        /// The name under which it listens.
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Port {
    /// Let connected peers reach a port.
    Allow {
        /// Port of this machine's loopback interface.
        port: u16,
        /// Only this peer: its name, or the beginning of its id.
        #[arg(long, value_name = "PEER")]
        from: Option<String>,
    },
    /// Take a port off the list.
    Forbid {
        /// The port.
        port: u16,
    },
    /// The list.
    List,
}

#[derive(Debug, Args)]
pub(crate) struct Receive {
    /// Only from this peer: its name, or the beginning of its id.
    #[arg(long, value_name = "PEER")]
    pub(crate) from: Option<String>,
    /// Folder to put it into; the usual one unless given.
    #[arg(long, value_name = "DIR")]
    pub(crate) to: Option<PathBuf>,
    /// Take what is offered without asking.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Wait for the next when one has come.
    #[arg(long)]
    pub(crate) keep: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Files {
    /// Files on their way and those that came and went (also without `list`).
    List,
    /// Take an offered file.
    Accept {
        /// Its number in the list.
        number: u64,
        /// Folder to put it into; the usual one unless given.
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
    },
    /// Do not take an offered file.
    Refuse {
        /// Its number in the list.
        number: u64,
    },
    /// End a transfer in either direction; what came of it is deleted.
    Stop {
        /// Its number in the list.
        number: u64,
    },
    /// Take finished transfers off the list; the files stay.
    Clear,
    /// Where files go, and who may send what without asking.
    Settings,
    /// Choose the folder for files of others.
    Folder {
        /// The folder; made if it is missing.
        dir: PathBuf,
    },
    /// Refuse larger files at once.
    Limit {
        /// In MB.
        mb: u64,
    },
    /// Take files of a person without asking, up to so much a day; 0 takes it back.
    Always {
        /// Name of the peer, or the beginning of its id; it holds for all devices of that person.
        peer: String,
        /// MB a day.
        mb: u64,
    },
}
