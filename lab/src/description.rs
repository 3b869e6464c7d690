//! What a lab consists of, as a value or as a short text.
//!
//! One thing a line, `#` begins a comment:
//!
//! ```text
//! host   P1 at 203.0.113.101
//! router A  at 203.0.113.11 nat port-restricted delay 25 jitter 2 loss 1
//! router A2 behind A nat symmetric-random timeout 30
//! host   a  behind A2
//! router B  at 203.0.113.12 nat cgnat ip both lifetime 60
//! host   b  behind B ip both
//! ```
//!
//! `delay` and `jitter` are milliseconds one way, `loss` is per cent one way, both on the link between this thing and
//! the network that it is plugged into; `timeout` is how many seconds a router keeps an idle UDP mapping, `lifetime` after how many
//! it forgets one however busy it is. `ip` is `4` unless said, `6` or `both`: over IPv6 a router translates nothing and
//! lets in only answers, and `203.0.113.12` is `2001:db8::12`.

use crate::nat::NatKind;
use anyhow::{Context, Result, bail};
use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
    time::Duration,
};

/// Hosts and routers, in the order in which they are made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Description {
    /// Routers come before what is behind them.
    pub things: Vec<Thing>,
}

/// A host or a router.
#[derive(Clone, Debug, PartialEq)]
pub struct Thing {
    /// Letters, digits and `-`; unique in a lab.
    pub name: String,
    /// Where it is plugged in.
    pub place: Place,
    /// What it is.
    pub role: Role,
    /// The quality of the link to that place.
    pub link: Link,
    /// What it speaks there.
    pub ip: Ip,
}

/// Versions of the internet protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ip {
    /// IPv4 only.
    #[default]
    Four,
    /// Dual stack.
    Both,
    /// IPv6 only.
    Six,
}

impl Ip {
    /// Whether IPv4 is among them.
    pub fn four(self) -> bool {
        self != Self::Six
    }

    /// Whether IPv6 is among them.
    pub fn six(self) -> bool {
        self != Self::Four
    }

    /// `4`, `both` or `6`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Four => "4",
            Self::Both => "both",
            Self::Six => "6",
        }
    }
}

impl FromStr for Ip {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let all = [Self::Four, Self::Both, Self::Six];
        let found = all.into_iter().find(|ip| ip.name() == text);
        found.with_context(|| format!("{text} is no version of IP; there are: 4, both, 6"))
    }
}

/// Where a thing is plugged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the public network, with this address (203.0.113.2 to .254).
    Public(Ipv4Addr),
    /// On the inner network of a router, with the next free address.
    Behind(String),
}

/// What a thing is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// Programs run in it.
    Host,
    /// It forwards for those behind it.
    Router {
        /// How it translates addresses.
        nat: NatKind,
        /// How long it keeps an idle UDP mapping; the kernel's own figure unless given.
        timeout: Option<Duration>,
        /// After which time it forgets a UDP mapping however busy it is; never unless given.
        lifetime: Option<Duration>,
    },
}

/// The quality of a link, the same in both directions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Link {
    /// How long every packet takes.
    pub delay: Duration,
    /// How much longer it may take, evenly spread. Packets stay in order.
    pub jitter: Duration,
    /// Share of packets that get lost, 0 to 1.
    pub loss: f64,
}

impl Link {
    /// Whether it is a plain cable.
    pub fn is_perfect(&self) -> bool {
        *self == Self::default()
    }

    /// The link of every party if packets cross two of them and shall together have this round-trip time and, in each
    /// direction, this loss.
    pub fn half_of(rtt: Duration, loss: f64) -> Self {
        Self {
            delay: rtt / 4,
            jitter: Duration::ZERO,
            loss: 1.0 - (1.0 - loss).sqrt(),
        }
    }
}

impl FromStr for Description {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut things = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let words: Vec<_> = line.split('#').next().unwrap_or_default().split_whitespace().collect();
            if !words.is_empty() {
                things.push(thing(&words).with_context(|| format!("line {} ({})", at + 1, line.trim()))?);
            }
        }
        let description = Self { things };
        description.check()?;
        Ok(description)
    }
}

impl Description {
    /// Adds a host.
    pub fn host(mut self, name: &str, place: Place, link: Link) -> Self {
        self.push(name, place, Role::Host, link);
        self
    }

    /// Adds a router.
    pub fn router(mut self, name: &str, place: Place, nat: NatKind, link: Link) -> Self {
        let role = Role::Router {
            nat,
            timeout: None,
            lifetime: None,
        };
        self.push(name, place, role, link);
        self
    }

    fn push(&mut self, name: &str, place: Place, role: Role, link: Link) {
        self.things.push(Thing {
            name: name.to_owned(),
            place,
            role,
            link,
            ip: Ip::default(),
        });
    }

    /// What everything in it speaks.
    pub fn speaking(mut self, ip: Ip) -> Self {
        for thing in &mut self.things {
            thing.ip = ip;
        }
        self
    }

    /// Says what is wrong, if anything is. Routers that are already in a lab may be missing here.
    pub fn check(&self) -> Result<()> {
        let (mut names, mut addresses) = (BTreeSet::new(), BTreeSet::new());
        for thing in &self.things {
            let name = &thing.name;
            let good = |c: char| c.is_ascii_alphanumeric() || c == '-';
            if name.is_empty() || name.len() > 24 || !name.chars().all(good) {
                bail!("{name:?} is no name: use up to 24 letters, digits and -");
            }
            if !names.insert(name) {
                bail!("there are two things called {name}");
            }
            if thing.ip.four() && matches!(thing.role, Role::Router { nat: NatKind::None, .. }) {
                bail!("{name} translates nothing; put its hosts on the public network instead");
            }
            if let Place::Public(address) = thing.place {
                let [.., last] = address.octets();
                if address.octets()[..3] != PUBLIC.octets()[..3] || matches!(last, 0 | 1 | 255) {
                    bail!("{address} is not between 203.0.113.2 and 203.0.113.254, as public addresses are here");
                }
                if !addresses.insert(address) {
                    bail!("two things have the address {address}");
                }
            }
            if !(0.0..1.0).contains(&thing.link.loss) {
                bail!("{name} loses everything; a loss is at least 0 and less than 100");
            }
        }
        Ok(())
    }
}

/// The public network of every lab, a /24.
pub const PUBLIC: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 0);

/// The public IPv6 address of what is at an address of [`PUBLIC`]: `2001:db8::12` for `203.0.113.12`.
pub fn twin(address: Ipv4Addr) -> Ipv6Addr {
    let [.., last] = address.octets().map(u16::from);
    // The same digits, though they count by sixteen there.
    let digits = last / 100 * 256 + last / 10 % 10 * 16 + last % 10;
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, digits)
}

fn thing(words: &[&str]) -> Result<Thing> {
    let [what, name, prep, place, options @ ..] = words else {
        bail!("write `host NAME at ADDRESS`, `host NAME behind ROUTER` or the same with `router`");
    };
    let place = match *prep {
        "at" => Place::Public(place.parse().with_context(|| format!("{place} is no IPv4 address"))?),
        "behind" => Place::Behind((*place).to_owned()),
        other => bail!("{other:?} is not understood; write `at ADDRESS` or `behind ROUTER`"),
    };
    let (mut nat, mut timeout, mut lifetime) = (None, None, None);
    let (mut link, mut ip) = (Link::default(), Ip::default());
    for pair in options.chunks(2) {
        let [key, value] = pair else {
            bail!("{} has no value", pair.concat());
        };
        match *key {
            "nat" => nat = Some(value.parse::<NatKind>().map_err(anyhow::Error::msg)?),
            "timeout" => timeout = Some(Duration::from_secs_f64(number(value)?)),
            "lifetime" => lifetime = Some(Duration::from_secs_f64(number(value)?)),
            "ip" => ip = value.parse()?,
            "delay" => link.delay = milliseconds(value)?,
            "jitter" => link.jitter = milliseconds(value)?,
            "loss" => link.loss = number(value)? / 100.0,
            other => bail!("{other:?} is not understood; there are: nat, timeout, lifetime, ip, delay, jitter, loss"),
        }
    }
    let role = match (*what, nat) {
        ("host", None) if timeout.is_none() && lifetime.is_none() => Role::Host,
        ("host", _) => bail!("a host translates nothing; put it behind a router"),
        ("router", Some(nat)) => Role::Router { nat, timeout, lifetime },
        ("router", None) if ip == Ip::Six => Role::Router {
            nat: NatKind::None,
            timeout,
            lifetime,
        },
        ("router", None) => bail!("say which NAT the router is, such as `nat full-cone`"),
        (other, _) => bail!("{other:?} is neither host nor router"),
    };
    Ok(Thing {
        name: (*name).to_owned(),
        place,
        role,
        link,
        ip,
    })
}

fn number(text: &str) -> Result<f64> {
    let number: f64 = text.parse().with_context(|| format!("{text} is no number"))?;
    if !number.is_finite() || !(0.0..1e6).contains(&number) {
        bail!("{text} is too large or below zero");
    }
    Ok(number)
}

fn milliseconds(text: &str) -> Result<Duration> {
    number(text).map(|ms| Duration::from_secs_f64(ms / 1000.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_becomes_hosts_and_routers_with_their_links() {
        let text = "# two homes
            host P1 at 203.0.113.101
            router A at 203.0.113.11 nat port-restricted delay 12.5 jitter 2 loss 1
            router A2 behind A nat symmetric-random timeout 30 lifetime 60  # a NAT behind a NAT
            host a behind A2";
        let description: Description = text.parse().unwrap();
        let link = Link {
            delay: Duration::from_micros(12_500),
            jitter: Duration::from_millis(2),
            loss: 0.01,
        };
        let mut expected = Description::default()
            .host("P1", Place::Public([203, 0, 113, 101].into()), Link::default())
            .router(
                "A",
                Place::Public([203, 0, 113, 11].into()),
                NatKind::PortRestricted,
                link,
            )
            .router(
                "A2",
                Place::Behind("A".into()),
                NatKind::SymmetricRandom,
                Link::default(),
            )
            .host("a", Place::Behind("A2".into()), Link::default());
        if let Role::Router { timeout, lifetime, .. } = &mut expected.things[2].role {
            (*timeout, *lifetime) = (Some(Duration::from_secs(30)), Some(Duration::from_secs(60)));
        }
        assert_eq!(description, expected);
    }

    #[test]
    fn things_speak_the_versions_of_ip_that_they_are_given() {
        let text = "router A at 203.0.113.11 ip 6\nhost a behind A ip 6\nhost b at 203.0.113.5 ip both";
        let description: Description = text.parse().unwrap();
        let spoken: Vec<_> = description.things.iter().map(|thing| thing.ip).collect();
        assert_eq!(spoken, [Ip::Six, Ip::Six, Ip::Both]);
        assert_eq!(twin([203, 0, 113, 105].into()).to_string(), "2001:db8::105");
        let error = "host a at 203.0.113.5 ip 5".parse::<Description>().unwrap_err();
        assert!(format!("{error:#}").contains("there are: 4, both, 6"), "{error:#}");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, says) in [
            ("host a", "write `host NAME at ADDRESS`"),
            ("host a at here", "here is no IPv4 address"),
            ("host a near A", "\"near\" is not understood"),
            ("router A at 203.0.113.11", "say which NAT"),
            ("router A at 203.0.113.11 nat cone", "there is no kind of NAT"),
            ("host a behind A nat none", "a host translates nothing"),
            ("host a behind A delay", "delay has no value"),
            ("host a behind A delay -1", "below zero"),
            ("switch a behind A", "neither host nor router"),
        ] {
            let error = format!("{:#}", format!("\n{text}").parse::<Description>().unwrap_err());
            assert!(error.starts_with("line 2") && error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn names_and_addresses_are_used_once_and_addresses_are_of_the_lab() {
        for (text, says) in [
            ("host a at 203.0.113.5\nhost a at 203.0.113.6", "two things called a"),
            ("host a at 203.0.113.5\nhost b at 203.0.113.5", "two things have"),
            ("host a at 8.8.8.8", "as public addresses are here"),
            ("host a at 203.0.113.1", "as public addresses are here"),
            ("host a/b at 203.0.113.5", "is no name"),
            ("router A at 203.0.113.5 nat none", "translates nothing"),
            ("host a at 203.0.113.5 loss 100", "loses everything"),
        ] {
            let error = format!("{:#}", text.parse::<Description>().unwrap_err());
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn two_halves_of_a_path_make_the_whole() {
        let half = Link::half_of(Duration::from_millis(50), 0.05);
        assert_eq!(half.delay * 4, Duration::from_millis(50));
        assert!(((1.0 - half.loss) * (1.0 - half.loss) - 0.95).abs() < 1e-9);
        assert!(Link::half_of(Duration::ZERO, 0.0).is_perfect());
    }
}
