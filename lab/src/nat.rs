//! The kinds of NAT and their nftables rules. A router's outer interface is called `wan`, its inner one `lan`.

use std::{fmt, net::Ipv4Addr, str::FromStr};

/// Ports that a [`NatKind::SymmetricBlock`] router maps to.
pub const BLOCK: (u16, u16) = (20_480, 21_503);
/// First port that a [`NatKind::SymmetricSequential`] router maps to.
pub const FIRST_SEQUENTIAL: u16 = 40_000;
/// After how many ports a [`NatKind::SymmetricSequential`] router begins again.
pub const SEQUENTIAL: u16 = 512;

/// How a host reaches the public network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NatKind {
    /// No router: the host has a public address.
    None,
    /// One port for all destinations; whoever knows it gets in.
    FullCone,
    /// One port for all destinations; addresses that were contacted get in, from any port.
    AddressRestricted,
    /// One port for all destinations; only exactly what was contacted gets in.
    PortRestricted,
    /// A random port for each destination.
    SymmetricRandom,
    /// The next port for each destination.
    SymmetricSequential,
    /// A random port out of [`BLOCK`] for each destination.
    SymmetricBlock,
    /// A port-restricted home router behind a provider's NAT, which keeps one port and is port-restricted too.
    Cgnat,
    /// Full cone, and hosts behind it reach each other by their public addresses.
    Hairpin,
    /// UDP does not pass, except to port 53; TCP does.
    UdpBlocked,
    /// Port-restricted, but a packet that arrives before the host has contacted its sender changes the port of the
    /// mapping to that sender (Linux without a rule against it).
    EarlyInbound,
}

impl NatKind {
    /// Every kind, in the order of the tables.
    pub const ALL: [Self; 11] = [
        Self::None,
        Self::FullCone,
        Self::AddressRestricted,
        Self::PortRestricted,
        Self::SymmetricRandom,
        Self::SymmetricSequential,
        Self::SymmetricBlock,
        Self::Cgnat,
        Self::Hairpin,
        Self::UdpBlocked,
        Self::EarlyInbound,
    ];

    /// The name that people and programs use.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::FullCone => "full-cone",
            Self::AddressRestricted => "address-restricted",
            Self::PortRestricted => "port-restricted",
            Self::SymmetricRandom => "symmetric-random",
            Self::SymmetricSequential => "symmetric-sequential",
            Self::SymmetricBlock => "symmetric-block",
            Self::Cgnat => "cgnat",
            Self::Hairpin => "hairpin",
            Self::UdpBlocked => "udp-blocked",
            Self::EarlyInbound => "early-inbound",
        }
    }
}

impl fmt::Display for NatKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for NatKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|kind| kind.name()).collect();
            format!("there is no kind of NAT {text:?}; there are: {}", names.join(", "))
        })
    }
}

/// UDP that nobody asked for stays at the router unanswered and leaves no mark in its connection table.
const DROP_EARLY: &str = "table inet input {
 chain input {
  type filter hook input priority 0; policy accept;
  iif \"wan\" ct state new meta l4proto udp drop
 }
}
";
/// From outside only answers come in.
const ONLY_ANSWERS: &str = "table ip filter {
 chain forward {
  type filter hook forward priority 0;
  iif \"wan\" ct state established,related accept
  iif \"wan\" drop
 }
}
";
/// From outside comes in what a host has contacted before, by address alone.
const ONLY_CONTACTED_ADDRESSES: &str = "table ip filter {
 set seen {
  type ipv4_addr . inet_service . ipv4_addr
  flags dynamic,timeout
  timeout 300s
  size 65535
 }
 chain forward {
  type filter hook forward priority 0;
  oif \"wan\" meta l4proto udp update @seen { ip saddr . udp sport . ip daddr }
  iif \"wan\" ip daddr . udp dport . ip saddr @seen accept
  iif \"wan\" ct state established,related accept
  iif \"wan\" drop
 }
}
";
const NO_UDP: &str = "table inet filter {
 chain forward {
  type filter hook forward priority 0;
  meta l4proto udp udp dport != 53 udp sport != 53 drop
 }
}
";
const MASQUERADE: &str = "oif \"wan\" masquerade";

/// The rules of the router that hosts of this kind are behind, for `nft -f -`; none for [`NatKind::None`].
///
/// For [`NatKind::Cgnat`] these are the rules of the home router; [`carrier_rules`] are those of the other.
pub fn rules(kind: NatKind, wan: Ipv4Addr) -> Option<String> {
    let cone_in = format!("iif \"wan\" ip daddr {wan} meta l4proto udp dnat ip to udp dport map @inside");
    let cone_out = format!(
        "oif \"wan\" meta l4proto udp update @inside {{ udp sport : ip saddr . udp sport }}
  oif \"wan\" snat to {wan}"
    );
    Some(match kind {
        NatKind::None => return None,
        NatKind::EarlyInbound => nat("", MASQUERADE),
        NatKind::PortRestricted | NatKind::Cgnat => nat("", MASQUERADE) + DROP_EARLY,
        NatKind::FullCone => nat(&cone_in, &cone_out) + DROP_EARLY,
        NatKind::AddressRestricted => nat(&cone_in, &cone_out) + DROP_EARLY + ONLY_CONTACTED_ADDRESSES,
        NatKind::SymmetricRandom => nat("", "oif \"wan\" masquerade random,fully-random") + DROP_EARLY,
        NatKind::SymmetricSequential => nat("", &format!("{}\n  {MASQUERADE}", sequential(wan))) + DROP_EARLY,
        NatKind::SymmetricBlock => {
            let (first, last) = BLOCK;
            let block = format!("oif \"wan\" meta l4proto udp snat to {wan}:{first}-{last} fully-random");
            nat("", &format!("{block}\n  {MASQUERADE}")) + DROP_EARLY
        }
        NatKind::Hairpin => {
            let back_in = format!("iif \"lan\" ip daddr {wan} meta l4proto udp dnat ip to udp dport map @inside");
            let back_out = format!(
                "iif \"lan\" oif \"lan\" ct status dnat meta l4proto udp update @inside {{ udp sport : ip saddr . udp sport }}
  iif \"lan\" oif \"lan\" ct status dnat snat to {wan}"
            );
            nat(&format!("{cone_in}\n  {back_in}"), &format!("{back_out}\n  {cone_out}")) + DROP_EARLY
        }
        NatKind::UdpBlocked => nat("", MASQUERADE) + DROP_EARLY + NO_UDP,
    })
}

/// The rules of the provider's router of a [`NatKind::Cgnat`]: one port for all destinations, as RFC 6888 asks for.
pub fn carrier_rules(wan: Ipv4Addr) -> String {
    let inward = format!("iif \"wan\" ip daddr {wan} meta l4proto udp dnat ip to udp dport map @inside");
    let outward = format!(
        "oif \"wan\" meta l4proto udp update @inside {{ udp sport : ip saddr . udp sport }}
  oif \"wan\" snat to {wan}"
    );
    nat(&inward, &outward) + DROP_EARLY + ONLY_ANSWERS
}

/// Rules with other times: how long an idle mapping is kept, and after how long any is forgotten.
///
/// The kernel's table of connections has times of its own; these are those of what the rules remember besides.
pub fn aged(rules: &str, timeout: Option<u64>, lifetime: Option<u64>) -> String {
    let seconds = lifetime.or(timeout).map_or(300, |seconds| seconds.max(1));
    let timed = rules.replace("timeout 300s", &format!("timeout {seconds}s"));
    if lifetime.is_some() {
        return timed.replace("update @inside", "add @inside");
    }
    // Every packet that goes out keeps its mapping, not only the first of a connection.
    timed.replace(" chain inward {", &format!("{KEEP} chain inward {{"))
}

const KEEP: &str = " chain keep {
  type filter hook forward priority 0;
  oif \"wan\" meta l4proto udp update @inside { udp sport : ip saddr . udp sport }
 }
";

/// Over IPv6 nothing is translated, and only answers come in from outside.
pub const FIREWALL: &str = "table ip6 filter {
 chain forward {
  type filter hook forward priority 0;
  iif \"wan\" ct state established,related accept
  iif \"wan\" drop
 }
}
";

/// A numbered map: the form with an offset steps by 256, for it counts in the other byte order.
fn sequential(wan: Ipv4Addr) -> String {
    let ports: Vec<_> = (0..SEQUENTIAL)
        .map(|n| format!("{n} : {wan} . {}", FIRST_SEQUENTIAL + n))
        .collect();
    let ports = ports.join(", ");
    format!("oif \"wan\" meta l4proto udp snat ip to numgen inc mod {SEQUENTIAL} map {{ {ports} }}")
}

/// Both chains are there even if one is empty: without the first, answers are not translated back.
fn nat(inward: &str, outward: &str) -> String {
    format!(
        "table ip nat {{
 map inside {{
  type inet_service : ipv4_addr . inet_service
  flags dynamic,timeout
  timeout 300s
  size 65535
 }}
 chain inward {{
  type nat hook prerouting priority dstnat;
  {inward}
 }}
 chain outward {{
  type nat hook postrouting priority srcnat;
  {outward}
 }}
}}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAN: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 11);

    #[test]
    fn every_kind_is_found_by_its_name_and_only_by_it() {
        for kind in NatKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        let error = "symmetric".parse::<NatKind>().unwrap_err();
        assert!(
            error.contains("symmetric-random") && error.contains("early-inbound"),
            "{error}"
        );
    }

    #[test]
    fn every_router_translates_both_ways_and_lets_tcp_out() {
        for kind in NatKind::ALL.into_iter().filter(|kind| *kind != NatKind::None) {
            let rules = rules(kind, WAN).unwrap();
            assert!(
                rules.contains("hook prerouting") && rules.contains("hook postrouting"),
                "{kind}"
            );
            let for_all = rules
                .lines()
                .map(str::trim)
                .any(|line| line.starts_with("oif \"wan\" masquerade") || line == format!("oif \"wan\" snat to {WAN}"));
            assert!(for_all, "{kind}");
        }
        assert_eq!(rules(NatKind::None, WAN), None);
    }

    #[test]
    fn only_the_plain_router_lets_early_packets_leave_a_mark() {
        for kind in NatKind::ALL.into_iter().filter(|kind| *kind != NatKind::None) {
            let drops = rules(kind, WAN).unwrap().contains(DROP_EARLY);
            assert_eq!(drops, kind != NatKind::EarlyInbound, "{kind}");
        }
    }

    #[test]
    fn sequential_ports_are_listed_one_after_the_other() {
        let rules = rules(NatKind::SymmetricSequential, WAN).unwrap();
        assert!(rules.contains("0 : 203.0.113.11 . 40000, 1 : 203.0.113.11 . 40001"));
        assert!(rules.contains("511 : 203.0.113.11 . 40511 }"));
    }

    #[test]
    fn a_block_has_1024_ports() {
        assert_eq!(BLOCK.1 - BLOCK.0 + 1, 1024);
        assert!(
            rules(NatKind::SymmetricBlock, WAN)
                .unwrap()
                .contains(":20480-21503 fully-random")
        );
    }
}
