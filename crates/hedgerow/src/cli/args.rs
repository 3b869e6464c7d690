//! What can be typed. Names and shapes are kept stable: scripts and other programs rely on them.

mod directory;
mod grant;
mod plugin;
mod streams;
pub(crate) mod widgets;

pub(crate) use directory::{Certify, Directory, DirectorySettings, Role};
pub(crate) use grant::{Allow, Component, Grant, Policy};
pub(crate) use plugin::Plugin;
pub(crate) use streams::{Files, Port, Receive, Stream};
pub(crate) use widgets::{Instance, Language, Publish, Widget};

use super::{relay::parse_size, sim::Sim};
use clap::{Args, Parser, Subcommand, ValueEnum};
use serde_json::Value;
use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    path::PathBuf,
};

const EXAMPLES: &str = "Exit codes: 0 done, 1 refused or failed (one line says what and what to do), 2 wrong usage.\n\
    \nFirst steps:\n  hedgerow up                      start a node and open the dashboard\n  \
    hedgerow demo                    try it alone: three nodes on this machine\n  \
    hedgerow widget new my-widget    begin a widget of your own";

/// Small apps shared between people, with no server.
#[derive(Debug, Parser)]
#[command(name = "hedgerow", version, about, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command understands.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// Print JSON for programs instead of text for people.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Folder of the node's data; HEDGEROW_DATA, or a folder of the platform, unless given.
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a node here and open the dashboard; Ctrl-C ends it.
    Up(Up),
    /// Try it alone at a desk: three connected nodes on this machine that share a widget.
    Demo(Demo),
    /// What this node is and how it is doing.
    Status,
    /// How this node is connected and why, and what it does for others.
    Doctor {
        /// As a text to show to others: without names, ids and addresses.
        #[arg(long)]
        report: bool,
    },
    /// Which other nodes are connected.
    Peers {
        /// Also the remembered ones.
        #[arg(long)]
        all: bool,
    },
    /// Print a ticket with which another node can connect to this one.
    Ticket,
    /// Connect to the node of a ticket, or to a node of which you know the id.
    Connect {
        /// What `hedgerow ticket` printed there, or its node id.
        #[arg(value_name = "TICKET|NODE")]
        ticket: String,
    },
    /// Where a node is, or where the devices of a user are.
    Find {
        /// Node id or user id.
        #[arg(value_name = "USER|NODE")]
        id: String,
    },
    /// Print a fresh one-time address of the dashboard.
    Login,
    /// Open the dashboard in a Chromium of its own, kept from the network: nothing that a widget does gets out.
    Open(Open),
    /// Write, find and install widgets.
    #[command(subcommand)]
    Widget(Widget),
    /// Place widgets on the dashboard and share them.
    #[command(subcommand)]
    Instance(Instance),
    /// Bytes between this machine and a peer's, through pipes.
    #[command(subcommand)]
    Stream(Stream),
    /// Make a TCP port of a peer's machine, which must allow it, a port of this one.
    Forward {
        /// Port here; 0 picks a free one.
        #[arg(value_name = "LOCAL")]
        port: u16,
        /// The peer (name, or beginning of its id) and the port there.
        #[arg(value_name = "PEER:PORT")]
        to: String,
    },
    /// What people say of widgets and of each other, and whom this node trusts.
    #[command(subcommand)]
    Directory(Directory),
    /// Which TCP ports of this machine peers may reach with `forward`.
    #[command(subcommand)]
    Port(Port),
    /// Measure the way to a connected peer and back.
    Ping {
        /// Name of the peer, or the beginning of its id.
        peer: String,
        /// How often.
        #[arg(short, long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
        count: u32,
    },
    /// How the connection to a peer came to be and is now: every way to it, and what was tried.
    Trace {
        /// Name of the peer, or the beginning of its id.
        peer: String,
    },
    /// What this node relays for others: how much so far, and how much at most. What is given changes and stays so.
    Relay(Relay),
    /// Send a file to a person; ends well only when they have the whole of it, verified.
    Send {
        /// The file.
        file: PathBuf,
        /// Name of the peer, or the beginning of its id.
        peer: String,
    },
    /// Take a file that a person sends.
    Receive(Receive),
    /// Files on their way, who may send what, and where files go.
    #[command(subcommand_required = false)]
    Files {
        #[command(subcommand)]
        files: Option<Files>,
    },
    /// What the network costs and withstands, for any number of users; needs no node.
    Sim(Sim),
    /// Programs that this node starts and ends for you.
    #[command(subcommand)]
    Plugin(Plugin),
    /// What widgets may do.
    #[command(subcommand)]
    Grant(Grant),
    /// Background parts of widgets.
    #[command(subcommand)]
    Component(Component),
    /// What widgets, their background parts, plugins, programs and the dashboard called, newest first.
    Audit {
        /// Only of this instance or plugin, or of `widget`, `component`, `plugin`, `program` or `dashboard`.
        name: Option<String>,
        /// At most this many lines.
        #[arg(short = 'n', long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=5000))]
        lines: u32,
    },
    /// The guard of a plugin: for the node itself.
    #[command(hide = true)]
    PluginGuard,
    /// The translator of components: for the node itself.
    #[command(hide = true)]
    ComponentCompile {
        /// Bounds.
        bounds: Vec<std::ffi::OsString>,
    },
    /// The launcher of a plugin: for its guard.
    #[command(hide = true)]
    PluginLaunch,
    /// Call any method of the API, as the owner of the node.
    Call {
        /// Such as `api.methods`, which lists all.
        method: String,
        /// Parameters as a JSON object.
        #[arg(value_name = "JSON", value_parser = parse_json)]
        params: Option<Value>,
    },
    /// Write everything that is needed to continue elsewhere into one encrypted file.
    Backup {
        /// File to write; it must not exist yet.
        file: PathBuf,
    },
    /// Become the same person again on this machine, from recovery words or a backup file.
    Restore(Restore),
    /// Protect the key file with a passphrase, or take the protection away. The node must not be running.
    #[command(subcommand)]
    Passphrase(Passphrase),
    /// End the node that runs on this data folder.
    Stop,
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Address of the dashboard: 127.0.0.1 and a port; port 0 picks a free one.
    #[arg(long, value_name = "ADDRESS", default_value_t = DEFAULT_LISTEN, value_parser = parse_loopback)]
    pub(crate) listen: SocketAddr,
    /// Do not open the browser.
    #[arg(long)]
    pub(crate) no_browser: bool,
    /// Do not announce this node on the local network nor look for others there.
    #[arg(long)]
    pub(crate) no_lan: bool,
    /// Do not relay for others, even when this node is reachable.
    #[arg(long)]
    pub(crate) no_serve: bool,
    /// Nodes of the DHT to begin with, instead of the remembered ones. None are built in; nodes of the public Mainline
    /// DHT will do, and so will those of a private one.
    #[arg(long, value_name = "HOST:PORT,…", value_delimiter = ',', value_parser = parse_host_port)]
    pub(crate) dht_bootstrap: Vec<String>,
    /// Be a node of the DHT for others on this UDP port, even if nobody found this node reachable.
    #[arg(long, value_name = "PORT", conflicts_with = "no_dht")]
    pub(crate) dht_port: Option<u16>,
    /// Neither publish in the DHT where this node is nor look there for others.
    #[arg(long, conflicts_with = "dht_bootstrap")]
    pub(crate) no_dht: bool,
    /// Domain name whose TXT records hold tickets, asked while nobody is connected; may be repeated.
    #[arg(long = "seed", value_name = "NAME")]
    pub(crate) seeds: Vec<String>,
    /// Keep connections that nobody uses; costs 110 kB an hour each.
    #[arg(long)]
    pub(crate) no_park: bool,
    /// Seconds without use after which a connection is parked: for trials.
    #[arg(long, value_name = "SECONDS", hide = true)]
    pub(crate) park_after: Option<f64>,
    /// This connection costs money: do nothing for others in this run. `hedgerow relay --metered yes` keeps it so.
    #[arg(long)]
    pub(crate) metered: bool,
    /// Do not ask the router to let others in (UPnP, PCP, NAT-PMP).
    #[arg(long)]
    pub(crate) no_port_mapping: bool,
    /// Ticket of a node to connect to; may be repeated.
    #[arg(long = "peer", value_name = "TICKET")]
    pub(crate) peers: Vec<String>,
    /// End when standard input closes: for a program that starts this one.
    #[arg(long, hide = true)]
    pub(crate) until_stdin_closes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Open {
    /// Open it in the usual browser instead, where only the headers of the node keep widgets from the network.
    #[arg(long, conflicts_with_all = ["browser", "headless", "print", "extra"])]
    pub(crate) plain: bool,
    /// The Chromium to start: its program. Else the one that CHROMIUM names, else one with a usual name.
    #[arg(long, value_name = "PATH")]
    pub(crate) browser: Option<PathBuf>,
    /// Without a window: for tests.
    #[arg(long)]
    pub(crate) headless: bool,
    /// Print the command line, one argument a line, instead of starting it.
    #[arg(long)]
    pub(crate) print: bool,
    /// More arguments for the browser, as they are.
    #[arg(last = true, value_name = "ARGUMENT")]
    pub(crate) extra: Vec<String>,
}

/// Where the dashboard is unless told otherwise.
pub(crate) const DEFAULT_LISTEN: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 4400));

#[derive(Debug, Args)]
pub(crate) struct Relay {
    /// Relay for others when this node can be reached.
    #[arg(long, conflicts_with = "off")]
    pub(crate) on: bool,
    /// Do not relay for others.
    #[arg(long)]
    pub(crate) off: bool,
    /// Most nodes at once.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) clients: Option<u32>,
    /// Most bytes a second from one node, as in 2MB, or unlimited.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) rate: Option<u64>,
    /// Most bytes a second from all, as in 10MB, or unlimited.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) total: Option<u64>,
    /// Most bytes in a calendar month, in and out, as in 50GB, or unlimited.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) month: Option<u64>,
    /// Whether this connection costs money: then nothing is relayed.
    #[arg(long, value_enum, value_name = "yes|no")]
    pub(crate) metered: Option<Answer>,
    /// Whether the router is asked to let others in.
    #[arg(long, value_enum, value_name = "yes|no")]
    pub(crate) port_mapping: Option<Answer>,
}

/// To a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Answer {
    Yes,
    No,
}

impl Answer {
    /// Whether it is yes.
    pub(crate) const fn is_yes(self) -> bool {
        matches!(self, Self::Yes)
    }
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Keep the three data folders when it ends.
    #[arg(long)]
    pub(crate) keep: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Restore {
    /// Backup file.
    pub(crate) file: Option<PathBuf>,
    /// Read the recovery words from standard input.
    #[arg(long)]
    pub(crate) words: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Passphrase {
    /// Protect the key file, or change the passphrase.
    Set,
    /// Take the protection away.
    Clear,
}

fn parse_json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|e| format!("this is not JSON: {e}"))
}

fn parse_loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text
        .parse()
        .map_err(|_| "give an address and a port, such as 127.0.0.1:4400".to_owned())?;
    // Browsers look up `hub.localhost` as 127.0.0.1 and [::1]; the server adds the second by itself.
    if address.ip() == Ipv4Addr::LOCALHOST {
        Ok(address)
    } else {
        Err("the dashboard is for this machine only; use 127.0.0.1 with a port".to_owned())
    }
}

fn parse_host_port(text: &str) -> Result<String, String> {
    let text = text.trim();
    let port = text.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    match port.and_then(|(_, port)| port.parse::<u16>().ok()) {
        Some(1..) => Ok(text.to_owned()),
        _ => Err("give a host and a port, such as 192.0.2.1:6881".to_owned()),
    }
}
