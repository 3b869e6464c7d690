//! `lab lookup`: how long it takes to find a node by its id when the DHT is far away. A program of the network crate
//! does both sides; here are the two hosts and the distance between them.

use crate::{
    description::{Description, Link, Place},
    nat::NatKind,
    topology::Lab,
};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader},
    net::Ipv4Addr,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

/// Both are behind one router, since many nodes of a DHT at one address are accepted only if it is private (BEP 42).
const ROUTER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 10);

/// Runs `program serve` on one host and `program ask` on another with this round-trip time and loss between them, and
/// answers the numbers that it printed.
pub fn run(program: &Path, rtt: Duration, loss: f64) -> Result<Value> {
    let link = Link::half_of(rtt, loss);
    let inside = || Place::Behind("router".to_owned());
    let description = Description::default()
        .router(
            "router",
            Place::Public(ROUTER),
            NatKind::PortRestricted,
            Link::default(),
        )
        .host("dht", inside(), link)
        .host("askers", inside(), link);
    let mut lab = Lab::new(3)?;
    lab.add(&description)?;
    let address = lab.address("dht")?.to_string();
    let mut serve = lab
        .space("dht")?
        .spawn(Command::new(program).args(["serve", &address]).stdout(Stdio::piped()))?;
    let mut bootstrap = String::new();
    let said = serve.stdout.take().context("the DHT has no output")?;
    BufReader::new(said).read_line(&mut bootstrap)?;
    if bootstrap.trim().is_empty() {
        bail!("the DHT did not start");
    }
    let ask = lab.space("askers")?.spawn(
        Command::new(program)
            .args(["ask", bootstrap.trim()])
            .stdout(Stdio::piped()),
    )?;
    let output = ask.wait_with_output()?;
    let _ = serve.kill();
    let _ = serve.wait();
    if !output.status.success() {
        bail!("looking up failed");
    }
    serde_json::from_slice(&output.stdout).context("it did not print JSON")
}
