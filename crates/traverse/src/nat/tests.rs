extern crate std;

use super::*;
use crate::random::Random;
use std::{format, vec::Vec};

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// Samples of [`SOCKETS`] sockets that each ask some others, the first of them at two ports, through a router.
fn ask(others: u8, mut router: impl FnMut(SocketAddr, SocketAddr) -> SocketAddr) -> Vec<Sample> {
    let mut samples = Vec::new();
    let mut order = 0;
    for socket in 0..SOCKETS {
        let local = addr(&format!("10.0.0.2:{}", 50_000 + socket));
        for other in 0..others {
            for port in [1000, 1001] {
                if port == 1001 && socket != 0 {
                    continue;
                }
                let to = addr(&format!("198.51.100.{}:{port}", other + 1));
                order += 1;
                samples.push(Sample {
                    socket,
                    order,
                    local,
                    to,
                    seen: router(local, to),
                });
            }
        }
    }
    samples
}

/// The last of the others lies.
fn with_a_liar(mut samples: Vec<Sample>, others: u8) -> Vec<Sample> {
    for (count, sample) in samples.iter_mut().enumerate() {
        if sample.to.ip() == addr(&format!("198.51.100.{others}:1")).ip() {
            sample.seen = match count % 2 {
                0 => addr("203.0.113.9:7"),
                _ => SocketAddr::new(addr("192.0.2.77:1").ip(), 900 + count as u16),
            };
        }
    }
    samples
}

fn outer(port: u16) -> SocketAddr {
    SocketAddr::new(addr("203.0.113.9:1").ip(), port)
}

#[test]
fn routers_are_told_apart_also_when_one_of_four_lies() {
    for liar in [false, true] {
        let told = |samples| judge(&if liar { with_a_liar(samples, 4) } else { samples }, 4);
        let outside = Some(outer(1).ip());
        let none = told(ask(4, |local, _| local));
        assert_eq!((none.0, none.1), (Mapping::None, Choice::Kept), "liar: {liar}");
        let kept = told(ask(4, |local, _| outer(local.port())));
        assert_eq!(kept, (Mapping::EndpointIndependent, Choice::Kept, outside));
        let changed = told(ask(4, |local, _| outer(local.port() - 9000)));
        assert_eq!(changed, (Mapping::EndpointIndependent, Choice::Changed, outside));

        let mut next = 40_000;
        let counts = told(ask(4, |_, _| {
            next += 2;
            outer(next)
        }));
        assert_eq!(
            counts,
            (Mapping::AddressAndPortDependent, Choice::Sequential(2), outside)
        );
        let mut wraps = 0;
        let wrapping = told(ask(4, |_, _| {
            wraps = (wraps + 1) % 20;
            outer(40_000 + wraps)
        }));
        assert_eq!(wrapping.1, Choice::Sequential(1));

        let mut random = Random::new(5);
        let any = told(ask(4, |_, _| outer(1024 + random.below(64_000) as u16)));
        assert_eq!(any, (Mapping::AddressAndPortDependent, Choice::Random, outside));
        let by_address = told(ask(4, |local, to| {
            let IpAddr::V4(ip) = to.ip() else { unreachable!() };
            outer(20_000 + u16::from(ip.octets()[3]) * 1117 + local.port() % 97 * 13)
        }));
        assert_eq!(by_address.0, Mapping::AddressDependent);
    }
}

#[test]
fn a_block_is_found_with_all_its_ports() {
    let mut short = 0;
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let samples = ask(4, |_, _| outer(20_480 + random.below(1024) as u16));
        let (_, choice, _) = judge(&samples, 4);
        let Choice::Block(low, high) = choice else {
            panic!("seed {seed}: {choice:?}");
        };
        let inside = usize::from(high.min(21_503) - low.max(20_480)) + 1;
        assert!(high - low < 1500, "seed {seed}: {low} to {high}");
        short += usize::from(inside < 1000);
    }
    assert!(short < 10, "{short} of 200 miss more than 24 ports");
}

#[test]
fn nothing_is_said_that_nobody_saw() {
    assert_eq!(judge(&[], 0).0, Mapping::Unknown);
    assert_eq!(judge(&[], 3).0, Mapping::Blocked);
    let alone = judge(&ask(1, |local, _| outer(local.port())), 1);
    assert_eq!(alone.0, Mapping::Unknown, "one address cannot tell");
    let mut random = Random::new(5);
    let ports = judge(&ask(1, |_, _| outer(1024 + random.below(64_000) as u16)), 1);
    assert_eq!(
        ports.0,
        Mapping::AddressAndPortDependent,
        "two ports of one address can"
    );
}

#[test]
fn names_are_those_that_people_use() {
    let nat = |mapping, filtering, choice| Nat {
        mapping,
        filtering,
        choice,
        ..Nat::default()
    };
    use {Choice as C, Filtering as F, Mapping as M};
    for (mapping, filtering, choice, name) in [
        (M::None, F::EndpointIndependent, C::Kept, "none"),
        (M::None, F::AddressAndPortDependent, C::Kept, "firewall"),
        (M::EndpointIndependent, F::EndpointIndependent, C::Kept, "full-cone"),
        (
            M::EndpointIndependent,
            F::AddressDependent,
            C::Kept,
            "address-restricted",
        ),
        (
            M::EndpointIndependent,
            F::AddressAndPortDependent,
            C::Kept,
            "port-restricted",
        ),
        (
            M::AddressAndPortDependent,
            F::AddressAndPortDependent,
            C::Random,
            "symmetric-random",
        ),
        (
            M::AddressAndPortDependent,
            F::Unknown,
            C::Block(1024, 2047),
            "symmetric-block",
        ),
        (
            M::AddressDependent,
            F::Unknown,
            C::Sequential(1),
            "symmetric-sequential",
        ),
        (M::Blocked, F::Unknown, C::Unknown, "udp-blocked"),
        (M::Unknown, F::Unknown, C::Unknown, "unknown"),
    ] {
        assert_eq!(nat(mapping, filtering, choice).class(), name);
    }
    let mut hairpin = nat(M::EndpointIndependent, F::EndpointIndependent, C::Kept);
    hairpin.hairpin = Some(true);
    assert_eq!(hairpin.class(), "hairpin");
    let mut early = nat(M::EndpointIndependent, F::AddressAndPortDependent, C::Kept);
    early.early = Some(true);
    assert_eq!(early.class(), "early-inbound");
    assert_eq!(early.ports(), Some(Ports::Same { early: true }));
}
