//! What a router does, judged from what several others saw. A minority of liars does not change the verdict.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::net::{IpAddr, SocketAddr};
use hedgerow_wire::reach::{MAX_BLOCK, Ports};

/// Sockets with which the ports that a router gives are learnt.
pub const SOCKETS: usize = 8;
/// Largest step between ports that count as one after the other.
const MAX_STEP: i32 = 16;
/// From so many samples on, ports that lie close together are a block and no coincidence.
const SAMPLES_OF_A_BLOCK: usize = 12;

/// What one other saw of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Which of our sockets sent it.
    pub socket: usize,
    /// When it was sent, in the order of all packets.
    pub order: usize,
    /// Where that socket is on this machine.
    pub local: SocketAddr,
    /// Who was asked, at which of its ports.
    pub to: SocketAddr,
    /// Where the packet seemed to come from.
    pub seen: SocketAddr,
}

/// How the outer port depends on whom a packet goes to (RFC 4787, section 4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mapping {
    /// Too few were asked.
    #[default]
    Unknown,
    /// No UDP passes.
    Blocked,
    /// Nothing is translated.
    None,
    /// The same for all.
    EndpointIndependent,
    /// Another for each address.
    AddressDependent,
    /// Another for each address and port.
    AddressAndPortDependent,
}

/// Who gets in (RFC 4787, section 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filtering {
    /// Nobody was there to try.
    #[default]
    Unknown,
    /// Whoever knows the port.
    EndpointIndependent,
    /// Addresses to which something was sent.
    AddressDependent,
    /// Exactly those to whom something was sent.
    AddressAndPortDependent,
}

/// How outer ports are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// Not known.
    #[default]
    Unknown,
    /// The same as inside.
    Kept,
    /// Another one, the same for all destinations.
    Changed,
    /// One after the other.
    Sequential(i16),
    /// Random ones out of a block.
    Block(u16, u16),
    /// Random ones.
    Random,
}

/// All that is known about the way out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Nat {
    /// How ports depend on destinations.
    pub mapping: Mapping,
    /// How they are chosen.
    pub choice: Choice,
    /// Who gets in.
    pub filtering: Filtering,
    /// A packet that comes first from outside changes the mapping to its sender.
    pub early: Option<bool>,
    /// Machines on the inside reach each other by their outer addresses.
    pub hairpin: Option<bool>,
    /// For how many seconds a mapping that was used once surely stays.
    pub timeout_s: Option<u32>,
    /// The outer address.
    pub outside: Option<IpAddr>,
}

impl Nat {
    /// What others need to know for meeting this node.
    pub fn ports(&self) -> Option<Ports> {
        let early = self.early == Some(true);
        Some(match (self.mapping, self.choice) {
            (Mapping::Unknown, _) => return None,
            (Mapping::Blocked, _) => Ports::Blocked,
            (Mapping::None | Mapping::EndpointIndependent, _) => Ports::Same { early },
            (_, Choice::Sequential(step)) => Ports::Sequential { step },
            (_, Choice::Block(low, high)) => Ports::Block { low, high },
            _ => Ports::Random,
        })
    }

    /// The usual name of such a router, if it has one.
    pub fn class(&self) -> &'static str {
        use Filtering as F;
        use Mapping as M;
        match (self.mapping, self.filtering, self.choice) {
            (M::Unknown, ..) => "unknown",
            (M::Blocked, ..) => "udp-blocked",
            (M::None, F::AddressDependent | F::AddressAndPortDependent, _) => "firewall",
            (M::None, ..) => "none",
            (M::EndpointIndependent, F::EndpointIndependent, _) if self.hairpin == Some(true) => "hairpin",
            (M::EndpointIndependent, F::EndpointIndependent, _) => "full-cone",
            (M::EndpointIndependent, F::AddressDependent, _) => "address-restricted",
            (M::EndpointIndependent, F::AddressAndPortDependent, _) if self.early == Some(true) => "early-inbound",
            (M::EndpointIndependent, F::AddressAndPortDependent, _) => "port-restricted",
            (M::EndpointIndependent, F::Unknown, _) => "cone",
            (_, _, Choice::Sequential(_)) => "symmetric-sequential",
            (_, _, Choice::Block(..)) => "symmetric-block",
            (_, _, Choice::Random) => "symmetric-random",
            _ => "symmetric",
        }
    }
}

/// The mapping, how ports are chosen, and the outer address. `asked` is how many different addresses were asked:
/// if some were and none answered, UDP does not pass.
pub fn judge(samples: &[Sample], asked: usize) -> (Mapping, Choice, Option<IpAddr>) {
    if samples.is_empty() {
        let mapping = if asked == 0 { Mapping::Unknown } else { Mapping::Blocked };
        return (mapping, Choice::Unknown, None);
    }
    let outside = outside(samples);
    // Who says another outer address than most is no help with ports.
    let honest: Vec<Sample> = samples
        .iter()
        .filter(|sample| Some(sample.seen.ip()) == outside)
        .copied()
        .collect();
    let mapping = mapping(&honest);
    let kept = share(&honest, |sample| sample.seen.port() == sample.local.port());
    let choice = match mapping {
        Mapping::Unknown | Mapping::Blocked => Choice::Unknown,
        _ if kept * 2 > honest.len() => Choice::Kept,
        Mapping::None | Mapping::EndpointIndependent => Choice::Changed,
        Mapping::AddressDependent | Mapping::AddressAndPortDependent => choice(&honest),
    };
    (mapping, choice, outside)
}

/// The address that most addresses which were asked have seen.
fn outside(samples: &[Sample]) -> Option<IpAddr> {
    let mut said: BTreeMap<IpAddr, BTreeSet<IpAddr>> = BTreeMap::new();
    for sample in samples {
        said.entry(sample.seen.ip()).or_default().insert(sample.to.ip());
    }
    let most = said.into_iter().max_by_key(|(_, by)| by.len())?;
    Some(most.0)
}

fn share(samples: &[Sample], is: impl Fn(&Sample) -> bool) -> usize {
    samples.iter().filter(|sample| is(sample)).count()
}

fn mapping(samples: &[Sample]) -> Mapping {
    let by_address: BTreeSet<IpAddr> = samples.iter().map(|sample| sample.to.ip()).collect();
    let untouched = share(samples, |sample| sample.seen == sample.local);
    if untouched * 2 > samples.len() {
        return Mapping::None;
    }
    // Of each socket, whether most of those asked saw the same; a liar is outvoted.
    let (mut same, mut different) = (0, 0);
    let (mut same_address, mut other_port) = (0, 0);
    let sockets: BTreeSet<usize> = samples.iter().map(|sample| sample.socket).collect();
    for socket in sockets {
        let of_socket: Vec<&Sample> = samples.iter().filter(|sample| sample.socket == socket).collect();
        let mut votes: BTreeMap<u16, BTreeSet<SocketAddr>> = BTreeMap::new();
        for sample in &of_socket {
            votes.entry(sample.seen.port()).or_default().insert(sample.to);
        }
        let asked: BTreeSet<SocketAddr> = of_socket.iter().map(|sample| sample.to).collect();
        if asked.len() > 1 {
            let most = votes.values().map(BTreeSet::len).max().unwrap_or(0);
            match most * 2 > asked.len() && (most > 1) {
                true => same += 1,
                false => different += 1,
            }
        }
        for ip in &by_address {
            let ports: Vec<u16> = of_socket
                .iter()
                .filter(|sample| sample.to.ip() == *ip)
                .map(|sample| sample.seen.port())
                .collect();
            let targets: BTreeSet<SocketAddr> = of_socket
                .iter()
                .filter(|sample| sample.to.ip() == *ip)
                .map(|sample| sample.to)
                .collect();
            if targets.len() > 1 {
                let different: BTreeSet<u16> = ports.into_iter().collect();
                match different.len() {
                    1 => same_address += 1,
                    _ => other_port += 1,
                }
            }
        }
    }
    match (same, different) {
        (0, 0) => Mapping::Unknown,
        _ if other_port > same_address => Mapping::AddressAndPortDependent,
        // From one address alone, nobody knows what another would see.
        _ if by_address.len() == 1 => Mapping::Unknown,
        _ if same >= different => Mapping::EndpointIndependent,
        _ if same_address > 0 => Mapping::AddressDependent,
        _ => Mapping::AddressAndPortDependent,
    }
}

fn choice(samples: &[Sample]) -> Choice {
    let mut ordered = samples.to_vec();
    ordered.sort_by_key(|sample| sample.order);
    let mut ports: Vec<i32> = ordered.iter().map(|sample| i32::from(sample.seen.port())).collect();
    // The same mapping seen twice says nothing new.
    ports.dedup();
    if ports.len() < 2 {
        return Choice::Unknown;
    }
    let steps: Vec<i32> = ports.iter().zip(ports.iter().skip(1)).map(|(a, b)| b - a).collect();
    let small: Vec<i32> = steps
        .iter()
        .copied()
        .filter(|step| *step != 0 && step.abs() <= MAX_STEP)
        .collect();
    if small.len() * 3 >= steps.len() * 2 {
        let mut counts: BTreeMap<i32, usize> = BTreeMap::new();
        for step in &small {
            *counts.entry(*step).or_default() += 1;
        }
        // Other traffic only makes steps longer, so of equally frequent ones the shortest is the router's.
        let step = counts.into_iter().max_by_key(|(step, count)| (*count, -step.abs()));
        if let Some(step) = step.and_then(|(step, _)| i16::try_from(step).ok()) {
            return Choice::Sequential(step);
        }
    }
    let different: BTreeSet<i32> = ports.iter().copied().collect();
    let (Some(low), Some(high)) = (different.first().copied(), different.last().copied()) else {
        return Choice::Unknown;
    };
    let count = different.len() as i32;
    if different.len() >= SAMPLES_OF_A_BLOCK {
        // Beyond the outermost of n random ports lies about one part in n of the block on each side; four are taken.
        let margin = (high - low) * 4 / (count - 1) + 1;
        let (low, high) = ((low - margin).max(1024), (high + margin).min(65_535));
        if high - low < i32::from(MAX_BLOCK)
            && let (Ok(low), Ok(high)) = (u16::try_from(low), u16::try_from(high))
        {
            return Choice::Block(low, high);
        }
    }
    Choice::Random
}

#[cfg(test)]
mod tests;
