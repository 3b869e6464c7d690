//! How this node is connected and why (O12): what peers say about its address, put into words.

use crate::engine::Engine;
use hedgerow_api::{
    ApiError,
    types::{Doctor, DoctorIdle, DoctorMapping, DoctorNat, DoctorPeer, DoctorRelay},
};
use hedgerow_net::{
    MappingState, ReachReport,
    nat::{Choice, Filtering, Mapping},
};
use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
};

fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !(ip.is_private() || ip.is_loopback() || ip.is_link_local()),
        IpAddr::V6(ip) => !(ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local()),
    }
}

/// What the router does, in words.
fn nat(report: &ReachReport) -> DoctorNat {
    let nat = &report.nat;
    let ports = match nat.choice {
        Choice::Unknown => "unknown",
        Choice::Kept => "kept",
        Choice::Changed => "changed",
        Choice::Sequential(_) => "sequential",
        Choice::Block(..) => "block",
        Choice::Random => "random",
    };
    let (step, block) = match nat.choice {
        Choice::Sequential(step) => (Some(step), None),
        Choice::Block(low, high) => (None, Some([low, high])),
        _ => (None, None),
    };
    DoctorNat {
        class: nat.class().into(),
        mapping: mapping(report).into(),
        filtering: match nat.filtering {
            Filtering::Unknown => "unknown",
            Filtering::EndpointIndependent if nat.mapping == Mapping::None => "none",
            Filtering::EndpointIndependent => "endpoint-independent",
            Filtering::AddressDependent => "address-dependent",
            Filtering::AddressAndPortDependent => "address-and-port-dependent",
        }
        .into(),
        ports: ports.into(),
        step,
        block,
        early_inbound: nat.early,
        hairpin: nat.hairpin,
        timeout_s: nat.timeout_s,
    }
}

/// The measured mapping; before that, what the addresses tell that connected peers see.
fn mapping(report: &ReachReport) -> &'static str {
    match report.nat.mapping {
        Mapping::Blocked => return "blocked",
        Mapping::None => return "none",
        Mapping::EndpointIndependent => return "endpoint-independent",
        Mapping::AddressDependent => return "address-dependent",
        Mapping::AddressAndPortDependent => return "address-and-port-dependent",
        Mapping::Unknown => {}
    }
    let seen = report.observed.iter().map(|(_, addr)| *addr);
    let different: BTreeSet<SocketAddr> = seen.filter(|addr| is_public(addr.ip())).collect();
    let own = |addr: &SocketAddr| report.interfaces.iter().any(|local| local.ip() == addr.ip());
    match different.iter().next() {
        Some(only) if different.len() == 1 && own(only) => "none",
        _ => "unknown",
    }
}

/// Whether the router that was asked for a port is behind another one: what it calls outside is not outside yet.
fn behind_two(report: &ReachReport) -> bool {
    matches!(report.mapping.state, MappingState::Private | MappingState::Elsewhere)
}

fn advice(report: &ReachReport, mapping: &str, peers: usize, parked: usize) -> String {
    if report.mapping.state == MappingState::Works && report.serves.is_none() {
        return "The router lets others in to this node, so anybody can reach it.".into();
    }
    let text = match (mapping, report.serves, report.homes.is_empty(), peers) {
        (_, Some(_), ..) => "Anybody can reach this node, and it relays for others.",
        (_, None, _, 0) if report.portal => {
            "Something on the way answers in the place of every peer. Perhaps this network wants you to log in first: open \
             any page in a browser. Peers are tried again and again."
        }
        (_, None, _, 0) if parked > 0 => "Nobody has anything to say. Peers that want to speak to this node wake it.",
        (_, None, _, 0) if report.unanswered > 0 => {
            "None of the peers that are known answers. Perhaps this network leads nowhere, or they are away; they are tried \
             again and again."
        }
        (_, None, _, 0) => "No peers are connected, so nothing is known. Give somebody your ticket, or use theirs.",
        ("none", None, ..) => {
            "This node has an address of its own, but peers could not open a connection to it: a firewall is in between."
        }
        ("blocked", None, false, _) => {
            "The network lets no UDP through, so everything goes over peers that relay. That is slower, but works."
        }
        (_, None, false, _) if behind_two(report) => {
            "Two routers are in between, one behind the other, perhaps the provider's. Others reach this node over a peer \
             that relays, and directly where all routers allow it."
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

/// What came of asking the router to let others in.
fn port_mapping(report: &ReachReport) -> DoctorMapping {
    let mapping = &report.mapping;
    DoctorMapping {
        state: mapping.state.as_str().into(),
        protocol: mapping.protocol.map(Into::into),
        outer: mapping.outer.map(|outer| outer.to_string()),
        relay: mapping.relay.map(|outer| outer.to_string()),
        why: match mapping.state {
            MappingState::Off => "Routers are not asked; see `hedgerow relay --port-mapping yes`.",
            MappingState::NotNeeded => "This machine has a public address of its own.",
            MappingState::Asking => "The router is being asked.",
            MappingState::Refused => {
                "The router does not speak PCP, NAT-PMP or UPnP, or refuses. It may have a switch for it."
            }
            MappingState::Private => {
                "The router let others in, but it is behind another router itself, which would have to do so, too."
            }
            MappingState::Elsewhere => "The router let others in at an address where peers do not see this node.",
            MappingState::Claimed => "The router says that it lets others in; no peer has tried yet.",
            MappingState::Broken => "The router says that it lets others in, but peers tried in vain.",
            MappingState::Works => "Peers came in through the router.",
        }
        .into(),
    }
}

/// What it does for others.
fn role(report: &ReachReport) -> Option<DoctorRelay> {
    let (address, used) = (report.serves?, report.relay?);
    Some(DoctorRelay {
        role: "relay".into(),
        address: address.to_string(),
        clients: u32::try_from(used.clients).unwrap_or(u32::MAX),
        most_clients: u32::try_from(used.limits.clients).unwrap_or(u32::MAX),
        bytes: used.bytes,
        month_bytes: used.month.bytes,
        most_month_bytes: used.limits.month,
        rate: used.limits.rate,
        total_rate: used.limits.total,
        state: used.stage.as_str().into(),
    })
}

impl Engine {
    fn idle(&self) -> DoctorIdle {
        let report = self.net.park_report();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        DoctorIdle {
            enabled: report.enabled,
            parked: count(report.parked),
            asleep: report.asleep,
            home: report.home.map(|home| home.to_string()),
            beat_s: report.beat_s,
            bytes_per_hour: report.bytes_per_hour,
            sleepers: count(report.sleepers),
        }
    }

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
        let mapped = report.mapping.state == MappingState::Works;
        let open = report.nat.filtering == Filtering::EndpointIndependent;
        let bytes: u64 = peers.iter().map(|p| p.bytes_in.saturating_add(p.bytes_out)).sum();
        let hours = self.now_ms().saturating_sub(self.started_ms).max(60_000) as f64 / 3_600_000.0;
        let texts = |list: &[SocketAddr]| list.iter().map(ToString::to_string).collect();
        let observed: BTreeSet<SocketAddr> = report.observed.iter().map(|(_, addr)| *addr).collect();
        Ok(Doctor {
            advice: advice(&report, &nat.mapping, peers.len(), self.net.parked().len()),
            reachable: match (report.serves.is_some() || open || mapped, peers.is_empty()) {
                (true, _) => Some(true),
                (false, true) => None,
                (false, false) => Some(false),
            },
            port_mapping: port_mapping(&report),
            via: match (report.serves, report.homes.is_empty(), peers.is_empty()) {
                _ if mapped => "port mapping",
                (Some(_), ..) => "own address",
                _ if open && nat.mapping == "none" => "own address",
                _ if open => "open router",
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
            roles: role(&report).into_iter().collect(),
            no_relay_because: self.relay_settings().why_not,
            metered: self.relaying.is_metered(),
            bytes_per_hour: bytes as f64 / hours,
            idle: self.idle(),
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
    fn what_was_measured_is_told_in_words_and_nothing_else_is() {
        let mut known = report(&["10.0.0.2:5000"], &["198.51.100.7:5000"]);
        assert_eq!(
            (nat(&known).class.as_str(), nat(&known).mapping.as_str()),
            ("unknown", "unknown")
        );
        known.nat.mapping = Mapping::AddressAndPortDependent;
        known.nat.filtering = Filtering::AddressAndPortDependent;
        known.nat.choice = Choice::Block(2000, 2999);
        let told = nat(&known);
        assert_eq!((told.class.as_str(), told.ports.as_str()), ("symmetric-block", "block"));
        assert_eq!(told.block, Some([2000, 2999]));
        assert_eq!(told.filtering, "address-and-port-dependent");
        let own = report(&["198.51.100.7:5000"], &["198.51.100.7:5000"]);
        assert_eq!(nat(&own).mapping, "none", "peers see its own address");
        let near = report(&["10.0.0.2:5000"], &["10.0.0.2:5000"]);
        assert_eq!(
            nat(&near).mapping,
            "unknown",
            "a peer on the local network sees no router"
        );
    }

    #[test]
    fn before_it_is_measured_only_a_node_without_a_router_is_told_from_what_peers_see() {
        let public: &[&str] = &["198.51.100.7:5000"];
        assert_eq!(mapping(&report(public, public)), "none");
        assert_eq!(
            mapping(&report(public, &["198.51.100.7:5000", "198.51.100.8:5000"])),
            "unknown"
        );
        let private: &[&str] = &["10.0.0.2:5000"];
        for seen in [private, public, &["198.51.100.7:6000", "198.51.100.7:6001"], &[]] {
            assert_eq!(mapping(&report(private, seen)), "unknown", "{seen:?}");
        }
    }

    #[test]
    fn what_is_seen_of_the_network_is_said() {
        let said = |report: &ReachReport| advice(report, "endpoint-independent", report.observed.len(), 0);
        let mut known = report(&["10.0.0.2:5000"], &["198.51.100.7:5000"]);
        known.homes = vec!["203.0.113.9:1".parse().expect("an address")];
        assert!(said(&known).starts_with("A router is"), "{}", said(&known));
        known.mapping.state = MappingState::Private;
        assert!(said(&known).starts_with("Two routers are"), "{}", said(&known));
        let mut alone = report(&["10.0.0.2:5000"], &[]);
        assert!(said(&alone).starts_with("No peers are connected"), "{}", said(&alone));
        alone.unanswered = 2;
        assert!(said(&alone).contains("that are known answers"), "{}", said(&alone));
        alone.portal = true;
        assert!(said(&alone).contains("log in first"), "{}", said(&alone));
    }
}
