//! A part of `lab check`: IPv6 without a router, behind a firewall that only lets answers in, alone and beside a
//! translated IPv4.

use crate::{
    description::Description,
    probe::{self, PATIENCE},
    topology::Lab,
};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

const NETWORK: &str = "
    host   outside at 203.0.113.101 ip both
    host   open    at 203.0.113.30 ip 6
    router S       at 203.0.113.11 ip 6
    host   six     behind S ip 6
    router D       at 203.0.113.12 nat port-restricted ip both
    host   dual    behind D ip both
    router C       at 203.0.113.13 nat cgnat ip both delay 5
    host   carried behind C ip both
    router N       behind D nat full-cone ip both
    host   nested  behind N ip both
";
/// Hosts with IPv6: whether a firewall is in front, and whether they have IPv4.
const HOSTS: [(&str, bool, bool); 5] = [
    ("open", false, false),
    ("six", true, false),
    ("dual", true, true),
    ("carried", true, true),
    ("nested", true, true),
];

/// One line for each host.
pub(crate) fn run() -> Result<Vec<Value>> {
    let mut lab = Lab::new(3)?;
    lab.add(&NETWORK.parse::<Description>()?)?;
    HOSTS.into_iter().map(|host| line(&lab, host)).collect()
}

fn line(lab: &Lab, (name, firewall, four): (&str, bool, bool)) -> Result<Value> {
    let address = lab.address_six(name)?.context("no IPv6 address was given")?;
    let far = lab.address_six("outside")?.context("no IPv6 address was given")?;
    let inside = lab.space(name)?.enter(|| bind(address.into()))??;
    let outside = lab.space("outside")?.enter(|| -> Result<_> {
        Ok([
            bind(far.into())?,
            bind(far.into())?,
            bind(IpAddr::V4(lab.address("outside")?))?,
        ])
    })??;
    let [one, two, far_four] = &outside;
    let own = inside.local_addr()?;

    let stranger_gets_in = passes(one, &inside, own).is_some();
    let seen = passes(&inside, one, one.local_addr()?);
    let answer_gets_in = seen.is_some_and(|seen| passes(one, &inside, seen).is_some());
    let other_port_gets_in = passes(two, &inside, own).is_some();
    let near = lab.space(name)?.enter(|| bind(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))??;
    let speaks_four = passes(&near, far_four, far_four.local_addr()?).is_some();

    let checks = [
        ("translated", seen == Some(own)),
        ("answer", answer_gets_in),
        ("stranger", stranger_gets_in != firewall),
        ("other_port", other_port_gets_in != firewall),
        ("ipv4", speaks_four == four),
    ];
    let wrong: Vec<_> = checks.iter().filter(|(_, ok)| !ok).map(|(name, _)| *name).collect();
    Ok(json!({ "host": name, "ok": wrong.is_empty(), "wrong": wrong, "firewall": firewall, "ipv4": four }))
}

fn bind(address: IpAddr) -> Result<UdpSocket> {
    let socket = UdpSocket::bind((address, 0)).with_context(|| format!("UDP at {address} cannot be had"))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// Sends one packet; where it came from if it arrived.
pub(crate) fn passes(from: &UdpSocket, at: &UdpSocket, to: SocketAddr) -> Option<SocketAddr> {
    from.send_to(b"hello", to).ok()?;
    probe::hear(at, None).map(|(_, from)| from)
}
