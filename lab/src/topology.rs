//! A lab: the public network, and the hosts and routers of descriptions plugged into it.
//!
//! The public network is a bridge in a namespace of its own, whose address is everybody's default route and leads to
//! everybody else: nobody has other neighbours there, of which the kernel keeps 1024 for all namespaces together. Every
//! router has a bridge `lan` for those behind it.

use crate::{
    description::{Description, Ip, Link, PUBLIC, Place, Role, Thing, twin},
    nat::{self, NatKind},
    space::{self, Space},
    table::{Ageing, Table},
    wire::Wire,
};
use anyhow::{Context, Result, bail};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, Ipv6Addr},
    sync::Arc,
    thread,
    time::Duration,
};

/// The name of the public network's namespace.
const EXCHANGE: &str = "exchange";
/// What a provider's router of a [`NatKind::Cgnat`] is called after its customer's.
const CARRIER: &str = "-carrier";

/// A running lab.
#[derive(Debug)]
pub struct Lab {
    seed: u64,
    /// Counts inner networks and links, so that a thing that comes later gets new ones.
    made: u32,
    nodes: BTreeMap<String, Node>,
}

/// A namespace with its place in the network.
#[derive(Debug)]
struct Node {
    space: Arc<Space>,
    address: Ipv4Addr,
    six: Option<Ipv6Addr>,
    /// What it is plugged into, and the default route there.
    upstream: String,
    gateway: Ipv4Addr,
    /// The network inside, of a router.
    inside: Option<Network>,
    /// How a router translates.
    rules: Option<Rules>,
    wire: Option<Wire>,
    _ageing: Option<Ageing>,
}

/// What a router's rules are made of.
#[derive(Clone, Copy, Debug)]
struct Rules {
    /// `None` for the outer router of a [`NatKind::Cgnat`].
    nat: Option<NatKind>,
    ip: Ip,
    timeout: Option<Duration>,
    lifetime: Option<Duration>,
}

impl Rules {
    fn text(&self, wan: Ipv4Addr) -> String {
        let seconds = |time: Duration| time.as_secs().max(1);
        let rules = match self.nat {
            Some(kind) => nat::rules(kind, wan).unwrap_or_default(),
            None => nat::carrier_rules(wan),
        };
        let four = nat::aged(&rules, self.timeout.map(seconds), self.lifetime.map(seconds));
        // A provider's router is no firewall.
        let six = if self.ip.six() && self.nat.is_some() {
            nat::FIREWALL
        } else {
            ""
        };
        four + six
    }
}

/// A /24 that things are plugged into.
#[derive(Clone, Debug)]
struct Network {
    bridge: &'static str,
    /// The default routes of those inside, as far as there is that version of IP.
    gateway: Option<Ipv4Addr>,
    six: Option<Ipv6Addr>,
    /// The last number of the next free address.
    next: u8,
}

impl Lab {
    /// A public network with nothing on it; also removes what dead labs have left.
    pub fn new(seed: u64) -> Result<Self> {
        space::ready()?;
        space::sweep();
        let [a, b, c, _] = PUBLIC.octets();
        let gateway = Ipv4Addr::new(a, b, c, 1);
        let space = Arc::new(Space::new(EXCHANGE)?);
        // Everything leaves where it came in, which is nobody's fault here.
        for interfaces in ["all", "default"] {
            space.set(&format!("net/ipv4/conf/{interfaces}/send_redirects"), "0")?;
        }
        space.set("net/ipv4/ip_forward", "1")?;
        let mut lines = bridge("public", gateway);
        // Who asks for IPv6 where there is none is told when it is plugged in.
        let six = space.speak_six().is_ok().then(|| twin(gateway));
        if let Some(six) = six {
            lines += &format!("addr add {six}/64 dev public nodad\n");
            space.set("net/ipv6/conf/all/forwarding", "1")?;
        }
        space.ip(&lines)?;
        let inside = Some(Network {
            bridge: "public",
            gateway: Some(gateway),
            six,
            next: 2,
        });
        let node = Node {
            space,
            address: gateway,
            six,
            upstream: String::new(),
            gateway,
            inside,
            rules: None,
            wire: None,
            _ageing: None,
        };
        Ok(Self {
            seed,
            made: 0,
            nodes: BTreeMap::from([(EXCHANGE.to_owned(), node)]),
        })
    }

    /// Adds hosts and routers.
    pub fn add(&mut self, description: &Description) -> Result<()> {
        description.check()?;
        for thing in &description.things {
            self.thing(thing).with_context(|| thing.name.clone())?;
        }
        Ok(())
    }

    /// Removes a host or router and ends every process there; what is behind it stays, cut off.
    pub fn remove(&mut self, name: &str) {
        self.nodes.remove(&format!("{name}{CARRIER}"));
        self.nodes.remove(name);
    }

    /// The namespace of a host or router.
    pub fn space(&self, name: &str) -> Result<Arc<Space>> {
        Ok(Arc::clone(&self.node(name)?.space))
    }

    /// The address of a host, or the outer address of a router.
    pub fn address(&self, name: &str) -> Result<Ipv4Addr> {
        Ok(self.node(name)?.address)
    }

    /// The IPv6 address of a host, or the outer one of a router, if it has one.
    pub fn address_six(&self, name: &str) -> Result<Option<Ipv6Addr>> {
        Ok(self.node(name)?.six)
    }

    /// A router loses its power for a time and forgets every mapping; perhaps it comes back with another outer
    /// address. Those behind it keep theirs, as from a good router of today. A provider's router in front of it stays
    /// up, so that a new address is none of the public network.
    pub fn reboot(&mut self, name: &str, down: Duration, address: Option<Ipv4Addr>) -> Result<()> {
        let node = self
            .nodes
            .get_mut(name)
            .with_context(|| format!("there is nothing called {name} in this lab"))?;
        let rules = node.rules.with_context(|| format!("{name} is no router"))?;
        let (old, new) = (node.address, address.unwrap_or(node.address));
        node.space.ip("link set wan down\n")?;
        thread::sleep(down);
        node.space.nft(&rules.text(new))?;
        let mut lines = String::new();
        if rules.ip.four() {
            let length = network_length(&node.upstream);
            lines += &format!("addr del {old}/{length} dev wan\naddr add {new}/{length} dev wan\n");
        }
        lines += "link set wan up\n";
        if rules.ip.four() {
            lines += &format!("route add default via {} dev wan onlink\n", node.gateway);
        }
        node.space.ip(&lines)?;
        node.address = new;
        Table::open(&node.space)?.forget_all()?;
        let (upstream, six) = (node.upstream.clone(), node.six);
        self.restore_six(&upstream, name, six)
    }

    /// Pulls a host's plug.
    pub fn unplug(&self, name: &str) -> Result<()> {
        self.node(name)?.space.ip("link set eth0 down\n")
    }

    /// Puts it back in. A host that was unplugged has lost its routes.
    pub fn plug_in(&self, name: &str) -> Result<()> {
        let node = self.node(name)?;
        let route = format!("route replace default via {} dev eth0 onlink\n", node.gateway);
        node.space.ip(&format!("link set eth0 up\n{route}"))
    }

    /// An interface that was down has lost what is known of IPv6 there.
    fn restore_six(&self, upstream: &str, name: &str, six: Option<Ipv6Addr>) -> Result<()> {
        let Some(six) = six else { return Ok(()) };
        let gateway = self.node(upstream)?.inside.as_ref().and_then(|network| network.six);
        let gateway = gateway.context("the network outside has no IPv6")?;
        self.node(name)?.space.ip(&format!(
            "addr replace {six}/64 dev wan nodad\nroute replace default via {gateway}\n"
        ))
    }

    fn node(&self, name: &str) -> Result<&Node> {
        self.nodes
            .get(name)
            .with_context(|| format!("there is nothing called {name} in this lab"))
    }

    fn thing(&mut self, thing: &Thing) -> Result<()> {
        let name = thing.name.as_str();
        let Role::Router { nat, timeout, lifetime } = &thing.role else {
            return self.plug(thing, name, &thing.place, thing.link, "eth0");
        };
        let rules = Rules {
            nat: Some(*nat),
            ip: thing.ip,
            timeout: *timeout,
            lifetime: *lifetime,
        };
        let mut place = thing.place.clone();
        let mut link = thing.link;
        if *nat == NatKind::Cgnat {
            let carrier = format!("{name}{CARRIER}");
            self.plug(thing, &carrier, &place, link, "wan")?;
            self.open(&carrier, [100, 64], Rules { nat: None, ..rules })?;
            (place, link) = (Place::Behind(carrier), Link::default());
        }
        self.plug(thing, name, &place, link, "wan")?;
        self.open(name, [10, 0], rules)
    }

    /// Makes a namespace and plugs it in.
    fn plug(&mut self, thing: &Thing, name: &str, place: &Place, link: Link, interface: &'static str) -> Result<()> {
        if self.nodes.contains_key(name) {
            bail!("there is already something called {name} in this lab");
        }
        self.made += 1;
        let (made, seed) = (self.made, self.seed);
        let upstream = match place {
            Place::Public(_) => EXCHANGE,
            Place::Behind(router) => router,
        };
        let outside = self
            .nodes
            .get_mut(upstream)
            .with_context(|| format!("there is no router called {upstream}; put it before {name}"))?;
        let network = outside
            .inside
            .as_mut()
            .with_context(|| format!("{upstream} is a host; only a router has things behind it"))?;
        let (address, six) = match place {
            Place::Public(address) => (*address, network.six.map(|_| twin(*address))),
            Place::Behind(_) => network.allot()?,
        };
        let space = Arc::new(Space::new(name)?);
        let six = six.filter(|_| thing.ip.six());
        let lines = network.way_out(thing.ip, (address, six), interface, upstream)?;
        let gateway = network.gateway.unwrap_or(Ipv4Addr::UNSPECIFIED);
        if six.is_some() {
            space.speak_six()?;
        }
        let port = format!("p{made}");
        let wire = if link.is_perfect() {
            let to = space.name();
            outside
                .space
                .ip(&format!("link add {port} type veth peer name {interface} netns {to}\n"))?;
            None
        } else {
            let seed = seed.wrapping_mul(0x1_0000_0001).wrapping_add(made.into());
            Some(Wire::new([(&space, interface), (&outside.space, &port)], link, seed)?)
        };
        outside.space.ip(&format!(
            "link set {port} txqueuelen 10000 master {} up\n",
            network.bridge
        ))?;
        space.ip(&lines)?;
        let node = Node {
            space,
            address,
            six,
            upstream: upstream.to_owned(),
            gateway,
            inside: None,
            rules: None,
            wire,
            _ageing: None,
        };
        self.nodes.insert(name.to_owned(), node);
        Ok(())
    }

    /// Makes a router of a namespace: forwarding, rules, and a network inside.
    fn open(&mut self, name: &str, [a, b]: [u8; 2], rules: Rules) -> Result<()> {
        // Numbers come back after 250 routers; by then the first are gone, or their networks do not touch.
        let c = u8::try_from(self.made % 250)?;
        let gateway = Ipv4Addr::new(a, b, c, 1);
        let prefix = |last| Ipv6Addr::new(0x2001, 0xdb8, 0, u16::from(c) + 1, 0, 0, 0, last);
        let node = self
            .nodes
            .get_mut(name)
            .with_context(|| format!("there is nothing called {name}"))?;
        let mut lines = bridge("lan", gateway);
        let six = node.six.map(|_| prefix(1));
        if let Some(six) = six {
            lines += &format!("addr add {six}/64 dev lan nodad\n");
            node.space.set("net/ipv6/conf/all/forwarding", "1")?;
        }
        node.space.ip(&lines)?;
        node.space.nft(&rules.text(node.address))?;
        node.space.set("net/ipv4/ip_forward", "1")?;
        // Otherwise the bridge translates too, and swallows what comes back to the host that sent it. Where the bridge
        // cannot do that, there is nothing to set.
        let _ = node.space.set("net/bridge/bridge-nf-call-iptables", "0");
        if let Some(timeout) = rules.timeout {
            let seconds = timeout.as_secs().max(1).to_string();
            for parameter in ["udp_timeout", "udp_timeout_stream"] {
                node.space
                    .set(&format!("net/netfilter/nf_conntrack_{parameter}"), &seconds)?;
            }
        }
        if let Some(lifetime) = rules.lifetime {
            node._ageing = Some(Ageing::start(Table::open(&node.space)?, lifetime)?);
        }
        node.rules = Some(rules);
        node.inside = Some(Network {
            bridge: "lan",
            gateway: rules.ip.four().then_some(gateway),
            six,
            next: 2,
        });
        match six {
            Some(_) => self.announce(name, prefix(0)),
            None => Ok(()),
        }
    }

    /// Tells everything above a router that a network is behind it.
    fn announce(&self, name: &str, prefix: Ipv6Addr) -> Result<()> {
        let mut below = self.node(name)?;
        while let (Some(six), false) = (below.six, below.upstream.is_empty()) {
            let above = self.node(&below.upstream)?;
            above.space.ip(&format!("route replace {prefix}/64 via {six}\n"))?;
            below = above;
        }
        Ok(())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for wire in self.nodes.values_mut().filter_map(|node| node.wire.as_mut()) {
            wire.cut();
        }
    }
}

impl Network {
    /// Gives an interface its addresses and default routes, as lines for `ip`.
    fn way_out(
        &self,
        ip: Ip,
        (address, six): (Ipv4Addr, Option<Ipv6Addr>),
        interface: &str,
        upstream: &str,
    ) -> Result<String> {
        let (mut lines, mut routes) = (String::new(), String::new());
        if ip.four() {
            let gateway = self
                .gateway
                .with_context(|| format!("{upstream} has no IPv4 to give"))?;
            lines += &format!("addr add {address}/{} dev {interface}\n", network_length(upstream));
            routes += &format!("route add default via {gateway} dev {interface} onlink\n");
        }
        if ip.six() {
            let both = six.zip(self.six);
            let (six, gateway) = both.with_context(|| format!("{upstream} has no IPv6 to give"))?;
            lines += &format!("addr add {six}/64 dev {interface} nodad\n");
            routes += &format!("route add default via {gateway}\n");
        }
        Ok(lines + &format!("link set {interface} txqueuelen 10000 up\n") + &routes)
    }

    /// The next free addresses.
    fn allot(&mut self) -> Result<(Ipv4Addr, Option<Ipv6Addr>)> {
        let last = self.next;
        self.next = self
            .next
            .checked_add(1)
            .context("no more than 253 things fit behind a router")?;
        let four = self.gateway.map(|gateway| {
            let [a, b, c, _] = gateway.octets();
            Ipv4Addr::new(a, b, c, last)
        });
        let six = self.six.map(|gateway| {
            let mut parts = gateway.segments();
            parts[7] = last.into();
            Ipv6Addr::from(parts)
        });
        Ok((four.unwrap_or(Ipv4Addr::UNSPECIFIED), six))
    }
}

/// How much of an address says who is a neighbour there.
fn network_length(upstream: &str) -> u8 {
    if upstream == EXCHANGE { 32 } else { 24 }
}

fn bridge(name: &str, address: Ipv4Addr) -> String {
    format!("link add {name} type bridge\naddr add {address}/24 dev {name}\nlink set {name} up\n")
}
