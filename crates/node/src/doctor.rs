//! How this node is connected and why (O12): what peers say about its address, put into words.

use crate::engine::Engine;
use hedgerow_api::{
    ApiError,
    types::{Doctor, DoctorNat, DoctorPeer, DoctorRelay},
};
use hedgerow_net::ReachReport;
use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
};

/// Steps between ports of one router that count as "one after the other".
const SEQUENTIAL: u16 = 16;

fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !(ip.is_private() || ip.is_loopback() || ip.is_link_local()),
        IpAddr::V6(ip) => !(ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local()),
    }
}

/// How a router maps this node's packets, as far as peers on the internet can tell.
fn nat(report: &ReachReport) -> DoctorNat {
    let seen: Vec<SocketAddr> = report
        .observed
        .iter()
        .map(|(_, addr)| *addr)
        .filter(|a| is_public(a.ip()))
        .collect();
    let different: BTreeSet<SocketAddr> = seen.iter().copied().collect();
    let own = |addr: &SocketAddr| report.interfaces.iter().any(|local| local.ip() == addr.ip());
    let mapping = match (different.iter().next(), different.len(), seen.len()) {
        (None, ..) => "unknown",
        (Some(first), 1, _) if own(first) => "none",
        (_, 1, 1) => "unknown",
        (_, 1, _) => "endpoint-independent",
        _ => "address-dependent",
    };
    let ports: BTreeSet<u16> = seen.iter().map(SocketAddr::port).collect();
    let kept = ports
        .iter()
        .all(|port| report.interfaces.iter().any(|local| local.port() == *port));
    let close = |(a, b): (&u16, &u16)| b.abs_diff(*a) <= SEQUENTIAL;
    let ports = match ports.len() {
        0 => "unknown",
        _ if kept => "kept",
        1 => "changed",
        _ if ports.iter().zip(ports.iter().skip(1)).all(close) => "sequential",
        _ => "random",
    };
    DoctorNat {
        mapping: mapping.into(),
        ports: ports.into(),
        filtering: "unknown".into(),
        hairpin: None,
        timeout_s: None,
    }
}

fn advice(report: &ReachReport, mapping: &str, peers: usize) -> String {
    let text = match (mapping, report.serves, report.homes.is_empty(), peers) {
        (_, Some(_), ..) => "Anybody can reach this node, and it relays for others.",
        (_, None, _, 0) => "No peers are connected, so nothing is known. Give somebody your ticket, or use theirs.",
        ("none", None, ..) => {
            "This node has an address of its own, but peers could not open a connection to it: a firewall is in between."
        }
        (_, None, false, _) => {
            "A router is in between. Others reach this node over a peer that relays, and directly where both routers allow it."
        }
        ("unknown", None, true, _) => {
            "Peers on the local network only: nothing is known about the way to the internet."
        }
        (_, None, true, _) => {
            "A router is in between, and no connected peer relays: only nodes that this one calls can be spoken to."
        }
    };
    text.into()
}

impl Engine {
    /// The whole report. It names no address of others.
    pub(crate) fn doctor(&self) -> Result<Doctor, ApiError> {
        let report = self.net.reach();
        let peers: Vec<DoctorPeer> = self
            .net
            .peers()
            .into_iter()
            .map(|peer| DoctorPeer {
                node: peer.node.to_string(),
                path: peer.path.as_str().into(),
                rtt_ms: peer.rtt_ms,
                bytes_in: peer.bytes_in,
                bytes_out: peer.bytes_out,
                connected_since_ms: peer.connected_since_ms,
            })
            .collect();
        let nat = nat(&report);
        let bytes: u64 = peers.iter().map(|p| p.bytes_in.saturating_add(p.bytes_out)).sum();
        let hours = self.now_ms().saturating_sub(self.started_ms).max(60_000) as f64 / 3_600_000.0;
        let texts = |list: &[SocketAddr]| list.iter().map(ToString::to_string).collect();
        let observed: BTreeSet<SocketAddr> = report.observed.iter().map(|(_, addr)| *addr).collect();
        Ok(Doctor {
            advice: advice(&report, &nat.mapping, peers.len()),
            reachable: match (report.serves.is_some(), peers.is_empty()) {
                (true, _) => Some(true),
                (false, true) => None,
                (false, false) => Some(false),
            },
            via: match (report.serves, report.homes.is_empty(), peers.is_empty()) {
                (Some(_), ..) => "own address",
                (None, false, _) => "relay",
                (None, true, false) => "outgoing only",
                (None, true, true) => "nothing",
            }
            .into(),
            nat,
            homes: texts(&report.homes),
            relays: texts(&report.relays),
            observed: observed.iter().map(ToString::to_string).collect(),
            local: texts(&report.interfaces),
            roles: report
                .serves
                .map(|address| DoctorRelay {
                    role: "relay".into(),
                    address: address.to_string(),
                    clients: u32::try_from(report.clients).unwrap_or(u32::MAX),
                })
                .into_iter()
                .collect(),
            bytes_per_hour: bytes as f64 / hours,
            peers,
            lookup: self.lookup_report(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hedgerow_base::NodeId;

    fn report(interfaces: &[&str], observed: &[&str]) -> ReachReport {
        let parse = |text: &&str| text.parse().expect("an address");
        ReachReport {
            interfaces: interfaces.iter().map(parse).collect(),
            observed: (0..).zip(observed).map(|(n, a)| (NodeId([n; 32]), parse(a))).collect(),
            ..ReachReport::default()
        }
    }

    #[test]
    fn the_kind_of_router_is_told_from_what_peers_see() {
        let cases: [(&[&str], &[&str], &str, &str); 6] = [
            (&["198.51.100.7:5000"], &["198.51.100.7:5000"], "none", "kept"),
            (
                &["10.0.0.2:5000"],
                &["198.51.100.7:5000", "198.51.100.7:5000"],
                "endpoint-independent",
                "kept",
            ),
            (
                &["10.0.0.2:5000"],
                &["198.51.100.7:6000", "198.51.100.7:6000"],
                "endpoint-independent",
                "changed",
            ),
            (
                &["10.0.0.2:5000"],
                &["198.51.100.7:6000", "198.51.100.7:6001"],
                "address-dependent",
                "sequential",
            ),
            (
                &["10.0.0.2:5000"],
                &["198.51.100.7:6000", "198.51.100.7:16001"],
                "address-dependent",
                "random",
            ),
            (&["10.0.0.2:5000"], &["10.0.0.2:5000"], "unknown", "unknown"),
        ];
        for (own, seen, mapping, ports) in cases {
            let nat = nat(&report(own, seen));
            assert_eq!((nat.mapping.as_str(), nat.ports.as_str()), (mapping, ports), "{seen:?}");
        }
        assert_eq!(
            nat(&report(&["10.0.0.2:5000"], &["198.51.100.7:6000"])).mapping,
            "unknown"
        );
    }
}
