//! A lab: the public network, and the hosts and routers of descriptions plugged into it.
//!
//! The public network is a bridge in a namespace of its own, whose address is everybody's default route and leads
//! nowhere. Every router has a bridge `lan` for those behind it.

use crate::{
    description::{Description, Link, PUBLIC, Place, Role, Thing},
    nat::{self, NatKind},
    space::{self, Space},
    wire::Wire,
};
use anyhow::{Context, Result, bail};
use std::{collections::BTreeMap, net::Ipv4Addr, sync::Arc};

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
    /// The network inside, of a router.
    inside: Option<Network>,
    wire: Option<Wire>,
}

/// A /24 that things are plugged into.
#[derive(Clone, Debug)]
struct Network {
    bridge: &'static str,
    /// The default route of those inside.
    gateway: Ipv4Addr,
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
        space.ip(&bridge("public", gateway))?;
        let inside = Some(Network {
            bridge: "public",
            gateway,
            next: 2,
        });
        let node = Node {
            space,
            address: gateway,
            inside,
            wire: None,
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

    fn node(&self, name: &str) -> Result<&Node> {
        self.nodes
            .get(name)
            .with_context(|| format!("there is nothing called {name} in this lab"))
    }

    fn thing(&mut self, thing: &Thing) -> Result<()> {
        let name = thing.name.as_str();
        let Role::Router { nat, timeout } = &thing.role else {
            return self.plug(name, &thing.place, thing.link, "eth0");
        };
        let mut place = thing.place.clone();
        let mut link = thing.link;
        if *nat == NatKind::Cgnat {
            let carrier = format!("{name}{CARRIER}");
            self.plug(&carrier, &place, link, "wan")?;
            self.open(&carrier, [100, 64], nat::carrier_rules)?;
            (place, link) = (Place::Behind(carrier), Link::default());
        }
        self.plug(name, &place, link, "wan")?;
        self.open(name, [10, 0], |wan| nat::rules(*nat, wan).unwrap_or_default())?;
        if let Some(timeout) = timeout {
            let seconds = timeout.as_secs().max(1).to_string();
            let space = self.space(name)?;
            for parameter in ["udp_timeout", "udp_timeout_stream"] {
                space.set(&format!("net/netfilter/nf_conntrack_{parameter}"), &seconds)?;
            }
        }
        Ok(())
    }

    /// Makes a namespace and plugs it in.
    fn plug(&mut self, name: &str, place: &Place, link: Link, interface: &'static str) -> Result<()> {
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
        let address = match place {
            Place::Public(address) => *address,
            Place::Behind(_) => network.allot()?,
        };
        let space = Arc::new(Space::new(name)?);
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
        space.ip(&format!(
            "addr add {address}/24 dev {interface}\nlink set {interface} txqueuelen 10000 up\nroute add default via {}\n",
            network.gateway
        ))?;
        let node = Node {
            space,
            address,
            inside: None,
            wire,
        };
        self.nodes.insert(name.to_owned(), node);
        Ok(())
    }

    /// Makes a router of a namespace: forwarding, rules, and a network inside.
    fn open(&mut self, name: &str, [a, b]: [u8; 2], rules: impl FnOnce(Ipv4Addr) -> String) -> Result<()> {
        // Numbers come back after 250 routers; by then the first are gone, or their networks do not touch.
        let c = u8::try_from(self.made % 250)?;
        let gateway = Ipv4Addr::new(a, b, c, 1);
        let node = self
            .nodes
            .get_mut(name)
            .with_context(|| format!("there is nothing called {name}"))?;
        node.space.ip(&bridge("lan", gateway))?;
        node.space.nft(&rules(node.address))?;
        node.space.set("net/ipv4/ip_forward", "1")?;
        // Otherwise the bridge translates too, and swallows what comes back to the host that sent it. Where the bridge
        // cannot do that, there is nothing to set.
        let _ = node.space.set("net/bridge/bridge-nf-call-iptables", "0");
        node.inside = Some(Network {
            bridge: "lan",
            gateway,
            next: 2,
        });
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
    fn allot(&mut self) -> Result<Ipv4Addr> {
        let [a, b, c, _] = self.gateway.octets();
        let address = Ipv4Addr::new(a, b, c, self.next);
        self.next = self
            .next
            .checked_add(1)
            .context("no more than 253 things fit behind a router")?;
        Ok(address)
    }
}

fn bridge(name: &str, address: Ipv4Addr) -> String {
    format!("link add {name} type bridge\naddr add {address}/24 dev {name}\nlink set {name} up\n")
}
