//! Seeds: names of the domain name system that the user gave. Their TXT records hold tickets of nodes, or
//! `dht=HOST:PORT` for first nodes of the DHT. Asked only while nobody is connected.

use crate::{net::Inner, queue::lock, ticket::Ticket};
use iroh::dns::{DnsResolver, FallbackMode, NameserverConfig};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tracing::{debug, info};

/// How long a name may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most records of one name that are used.
const MOST: usize = 16;
/// Longest record that is looked at.
const LONGEST: usize = 2048;

/// What a seed said, for people.
pub(super) type Said = Result<usize, String>;

fn resolver(nameserver: Option<SocketAddr>) -> DnsResolver {
    // The system's servers, and never anybody else's.
    let builder = DnsResolver::builder().with_fallback_mode(FallbackMode::Never);
    match nameserver {
        Some(addr) => builder
            .add_nameserver_config(NameserverConfig::udp(addr.ip()).with_port(addr.port()))
            .build(),
        None => builder.with_system_defaults().build(),
    }
}

/// Asks every seed, and dials the tickets that they give.
pub(super) async fn ask(net: &Arc<Inner>) -> Vec<(String, Said)> {
    let config = &net.lookup.config;
    if config.seeds.is_empty() {
        return Vec::new();
    }
    let resolver = resolver(config.nameserver);
    let mut said = Vec::new();
    for name in &config.seeds {
        said.push((name.clone(), ask_one(net, &resolver, name).await));
    }
    lock(&net.lookup.seeds).clone_from(&said);
    said
}

async fn ask_one(net: &Arc<Inner>, resolver: &DnsResolver, name: &str) -> Said {
    let records = resolver.lookup_txt(name, PATIENCE).await;
    let records = records.map_err(|error| format!("no TXT record of it can be read ({error})"))?;
    let mut useful = 0;
    for record in records.take(MOST) {
        let bytes: Vec<u8> = record.iter().flatten().copied().take(LONGEST).collect();
        let Ok(text) = String::from_utf8(bytes) else { continue };
        if let Some(node) = text.trim().strip_prefix("dht=") {
            let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host(node)).await;
            for addr in found.into_iter().flatten().flatten().take(MOST) {
                useful += 1;
                if net.lookup.dht.told(addr) {
                    net.lookup.nodes_learnt();
                }
            }
        } else if let Ok(ticket) = text.parse::<Ticket>()
            && ticket.node != net.lookup.node
        {
            useful += 1;
            info!(name, peer = %ticket.node.short(), "a seed names a node");
            drop(net.connect(&ticket));
        } else {
            debug!(name, "a TXT record that is no ticket");
        }
    }
    Ok(useful)
}
