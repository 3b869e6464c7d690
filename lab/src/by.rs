//! By which method the nodes of `lab nat` find each other, with all others cut (J8).

use crate::{
    description::{Description, Ip, Link, Place},
    nat::NatKind,
    node::Node,
    topology::Lab,
};
use anyhow::{Result, bail};
use std::{
    fmt,
    path::Path,
    process::Command,
    str::FromStr,
    thread,
    time::{Duration, Instant},
};

/// Where public nodes serve the DHT.
const DHT_PORT: u16 = 6881;
/// How long a changed record takes to be in the DHT: a few seconds, but at most one a minute is published.
const PUBLISHING: Duration = Duration::from_secs(15);

/// A method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// Tickets of the two public nodes, and of the one that is asked.
    #[default]
    Ticket,
    /// Ids only; everything else comes from a DHT on the two public nodes.
    Dht,
    /// One local network and nothing else.
    Lan,
}

impl By {
    /// Every method.
    pub const ALL: [Self; 3] = [Self::Ticket, Self::Dht, Self::Lan];

    /// The name that people and programs use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ticket => "ticket",
            Self::Dht => "dht",
            Self::Lan => "lan",
        }
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for By {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        match Self::ALL.into_iter().find(|by| by.name() == text) {
            Some(by) => Ok(by),
            None => bail!("there is no method {text:?}; there are: ticket, dht, lan"),
        }
    }
}

/// How to start nodes for a method.
#[derive(Clone, Debug)]
pub(crate) struct Starting {
    pub(crate) by: By,
    /// Whether the program has a DHT that can be switched off.
    dht: bool,
}

impl Starting {
    /// Asks the program what it understands.
    pub(crate) fn new(by: By, program: &Path) -> Result<Self> {
        let help = Command::new(program).args(["up", "--help"]).output()?;
        let dht = String::from_utf8_lossy(&help.stdout).contains("--dht-bootstrap");
        if by == By::Dht && !dht {
            bail!("this program has no DHT: its `up --help` knows no --dht-bootstrap");
        }
        Ok(Self { by, dht })
    }

    /// Arguments of a public node that has others before it.
    pub(crate) fn public(&self, before: &[&Node], addresses: &[std::net::Ipv4Addr]) -> Vec<String> {
        let mut arguments = self.private(
            &before.iter().map(|node| node.first_ticket()).collect::<Vec<_>>(),
            addresses,
        );
        if self.by == By::Dht {
            arguments.extend(["--dht-port".to_owned(), DHT_PORT.to_string()]);
            // A private DHT begins with somebody: there the public nodes know each other.
            for node in before {
                arguments.extend(["--peer".to_owned(), node.first_ticket().to_owned()]);
            }
        }
        arguments
    }

    /// Arguments of the two that shall meet.
    pub(crate) fn private(&self, known: &[&str], addresses: &[std::net::Ipv4Addr]) -> Vec<String> {
        let peers = known
            .iter()
            .flat_map(|ticket| ["--peer".to_owned(), (*ticket).to_owned()]);
        let mut arguments = Vec::new();
        match self.by {
            By::Ticket => arguments.extend(["--no-lan".to_owned()].into_iter().chain(peers)),
            By::Dht => {
                let all: Vec<_> = addresses
                    .iter()
                    .map(|address| format!("{address}:{DHT_PORT}"))
                    .collect();
                arguments.extend(["--no-lan".to_owned(), "--dht-bootstrap".to_owned(), all.join(",")]);
            }
            By::Lan => {}
        }
        if self.dht && self.by != By::Dht {
            arguments.push("--no-dht".to_owned());
        }
        arguments
    }

    /// Introduces a node to the public ones, if it was not told their tickets.
    pub(crate) fn introduce(&self, node: &Node, public: &[&Node]) -> Result<()> {
        if self.by == By::Dht {
            for other in public {
                // Its record comes into the DHT some seconds after it started.
                let begin = Instant::now();
                while let Err(error) = node.ask(&["connect", other.id()]) {
                    if begin.elapsed() > PUBLISHING * 3 {
                        return Err(error);
                    }
                    thread::sleep(Duration::from_millis(500));
                }
            }
        }
        Ok(())
    }

    /// How long what a node has found out about itself takes to be where others look for it.
    pub(crate) fn publishing(&self) -> Duration {
        match self.by {
            By::Dht => PUBLISHING,
            By::Ticket | By::Lan => Duration::ZERO,
        }
    }

    /// What the one who asks is given.
    pub(crate) fn card(&self, of: &Node, ticket: &str) -> String {
        match self.by {
            By::Dht => of.id().to_owned(),
            By::Ticket | By::Lan => ticket.to_owned(),
        }
    }
}

/// Two hosts `a` and `b` on one network, behind a router of a kind.
pub(crate) fn one_network(lab: &mut Lab, nat: NatKind, ip: Ip, link: Link, last: u8) -> Result<()> {
    let place = |last| Place::Public([203, 0, 113, last].into());
    let all = match nat {
        NatKind::None => Description::default()
            .host("a", place(last), link)
            .host("b", place(last + 1), link),
        nat => {
            let inside = || Place::Behind("A".to_owned());
            let routed = Description::default().router("A", place(last), nat, link);
            routed
                .host("a", inside(), Link::default())
                .host("b", inside(), Link::default())
        }
    };
    lab.add(&all.speaking(ip))
}
