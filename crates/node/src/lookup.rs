//! Finding nodes and users, and what is kept of it over restarts.

use crate::{
    dispatch::parsed,
    engine::{Engine, store_error},
    handle::NodeHandle,
    identity::Identity,
    model::{PeerData, pack, unpack},
};
use hedgerow_api::{
    ApiError, ErrorCode,
    types::{Connected, DoctorLookup, FindResult, FindWay, FoundDevice},
};
use hedgerow_base::{NodeId, UserId};
use hedgerow_net::{Device, DhtRole, LookupConfig, LookupMemory, Source, Way};
use hedgerow_store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

const MEMORY: &str = "lookup";

/// How a node is found, and finds others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupOptions {
    /// Use the DHT.
    pub dht: bool,
    /// Nodes of the DHT to begin with, as `HOST:PORT`; none are built in.
    pub bootstrap: Vec<String>,
    /// Keep records for others on this UDP port, whether or not this node was found to be reachable.
    pub dht_port: Option<u16>,
    /// Names whose TXT records hold tickets.
    pub seeds: Vec<String>,
}

impl Default for LookupOptions {
    fn default() -> Self {
        Self {
            dht: true,
            bootstrap: Vec::new(),
            dht_port: None,
            seeds: Vec::new(),
        }
    }
}

/// [`LookupMemory`] in the store.
#[derive(Default, Serialize, Deserialize)]
struct Kept {
    seq: u64,
    nodes: Vec<SocketAddr>,
    port: Option<u16>,
}

/// What the network needs, with what was kept.
pub(crate) fn config(options: &LookupOptions, identity: &Identity, store: &Store) -> Result<LookupConfig, StoreError> {
    let kept: Kept = store.meta(MEMORY)?.and_then(|bytes| unpack(&bytes)).unwrap_or_default();
    Ok(LookupConfig {
        dht: options.dht,
        bootstrap: options.bootstrap.clone(),
        dht_port: options.dht_port,
        seeds: options.seeds.clone(),
        nameserver: None,
        user: Some(identity.root_key().clone()),
        memory: LookupMemory {
            seq: kept.seq,
            // Whoever names first nodes wants these and no others.
            nodes: if options.bootstrap.is_empty() {
                kept.nodes
            } else {
                Vec::new()
            },
            port: kept.port,
        },
    })
}

fn ways(ways: Vec<Way>) -> Vec<FindWay> {
    let way = |Way { way, said }| FindWay { way: way.into(), said };
    ways.into_iter().map(way).collect()
}

fn texts(list: &[SocketAddr]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

fn found(device: &Device) -> FoundDevice {
    FoundDevice {
        node: device.node.to_string(),
        connected: device.connected,
        relays: texts(&device.relays),
        addresses: texts(&device.addresses),
        source: match device.source {
            Some(Source::Itself) => "itself".into(),
            Some(Source::Dht) => "dht".into(),
            Some(Source::Peer(peer)) => format!("peer {peer}"),
            None => "connection".into(),
        },
        learnt_ms_ago: device.learnt_ms_ago,
        made_ms: device.made_s.map(|made| made.saturating_mul(1000)),
        sequence: device.seq,
    }
}

impl NodeHandle {
    /// Connects to a node by its id alone.
    pub(crate) async fn connect_to(&self, peer: NodeId) -> Result<(), ApiError> {
        let connecting = self.with(move |engine| Ok(engine.net.connect_to(peer))).await?;
        let failed = |error: hedgerow_net::NotFound| ApiError::new(ErrorCode::Unreachable, error.to_string());
        connecting.await.map_err(failed)
    }

    /// Finds a node, or the devices of a user.
    pub(crate) async fn find(&self, id: &str) -> Result<FindResult, ApiError> {
        let key = crate::dispatch::parsed::<NodeId>(id)?.0;
        let finding = self.with(move |engine| Ok(engine.net.find(key))).await?;
        let answer = finding.await;
        let mut devices: Vec<FoundDevice> = answer.devices.iter().map(found).collect();
        let known: BTreeSet<String> = devices.iter().map(|device| device.node.clone()).collect();
        let remembered = self.with(move |engine| engine.remembered_devices(key)).await?;
        devices.extend(remembered.into_iter().filter(|device| !known.contains(&device.node)));
        Ok(FindResult {
            devices,
            ways: ways(answer.ways),
        })
    }
}

impl Engine {
    /// Keeps what the network wants to have at the next start.
    pub(crate) fn remember_lookup(&mut self, memory: &LookupMemory) {
        let kept = Kept {
            seq: memory.seq,
            nodes: memory.nodes.clone(),
            port: memory.port,
        };
        if let Err(error) = self.stored(|store| store.set_meta(MEMORY, &pack(&kept))) {
            self.fail(error);
        }
    }

    /// What is remembered of a node, or of the devices of a user, from when they were connected.
    fn remembered_devices(&self, key: [u8; 32]) -> Result<Vec<FoundDevice>, ApiError> {
        let user = UserId(key).to_string();
        let mut devices = Vec::new();
        for row in self.store.peers().map_err(|e| store_error(&e))? {
            let data = unpack::<PeerData>(&row.data).unwrap_or_default();
            if row.node.0 == key || data.user.as_ref() == Some(&user) {
                devices.push(FoundDevice {
                    node: row.node.to_string(),
                    connected: self.connected.contains_key(&row.node),
                    relays: data.relays,
                    addresses: data.addresses,
                    source: "remembered".into(),
                    learnt_ms_ago: row.last_seen_ms.map(|seen| self.now_ms().saturating_sub(seen)),
                    made_ms: None,
                    sequence: None,
                });
            }
        }
        Ok(devices)
    }

    /// How lookup is doing.
    pub(crate) fn lookup_report(&self) -> DoctorLookup {
        let report = self.net.lookup();
        let seed = |(name, said): (String, Result<usize, String>)| FindWay {
            way: name,
            said: match said {
                Ok(count) => format!("{count} useful records"),
                Err(why) => why,
            },
        };
        DoctorLookup {
            dht: match report.role {
                DhtRole::Off => "off",
                DhtRole::Client => "client",
                DhtRole::Server => "server",
            }
            .into(),
            nodes: u32::try_from(report.nodes).unwrap_or(u32::MAX),
            port: report.port,
            published_ms_ago: report.published_ms_ago,
            carried: report.carried,
            trouble: report.trouble,
            lookups: report.lookups,
            seeds: report.seeds.into_iter().map(seed).collect(),
        }
    }
}

/// How long `peers.connect` waits for an answer.
const CONNECT_PATIENCE: Duration = Duration::from_secs(15);

/// Connects to the node of a ticket, or of an id; answers when the engine knows of the connection.
pub(crate) async fn connect(node: &NodeHandle, text: &str) -> Result<Connected, ApiError> {
    let unreachable = |why: String| ApiError::new(ErrorCode::Unreachable, why);
    let peer = match text.trim().parse::<NodeId>() {
        Ok(peer) => {
            node.connect_to(peer).await?;
            peer
        }
        Err(_) if !text.trim().to_ascii_lowercase().starts_with("hedge1") => {
            return Err(ApiError::new(
                ErrorCode::BadParams,
                "give a ticket, which begins with hedge1, or a node id of 64 letters and digits",
            ));
        }
        Err(_) => {
            let ticket: hedgerow_net::Ticket = parsed(text)?;
            let peer = ticket.node;
            let dial = node.with(move |e| Ok(e.net.connect(&ticket))).await?;
            match tokio::time::timeout(CONNECT_PATIENCE, dial).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(unreachable(error.to_string())),
                Err(_) => {
                    return Err(unreachable(
                        "the other node did not answer within 15 seconds; it is remembered and tried again. Is it running, and is the ticket fresh?".into(),
                    ));
                }
            }
            peer
        }
    };
    node.with(move |e| e.choose(&peer)).await?;
    // The engine hears of the connection through its own queue: wait until it has.
    for _ in 0..100 {
        let found = node
            .with(move |e| {
                let peers = e.peers()?;
                Ok(peers
                    .into_iter()
                    .find(|p| p.node == peer.to_string() && p.since_ms.is_some()))
            })
            .await?;
        if let Some(found) = found {
            return Ok(Connected {
                node: found.node,
                name: found.name,
                path: found.path,
            });
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err(unreachable(
        "the connection was closed at once by the other node; perhaps it has blocked this one".into(),
    ))
}
