//! Finding nodes on the local network by multicast DNS.

use crate::{journal::Step, net::Inner, queue::lock};
use futures_util::StreamExt;
use hedgerow_base::NodeId;
use iroh::Endpoint;
use iroh_mdns_address_lookup::{DiscoveryEvent, MdnsAddressLookup};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};
use tracing::debug;

/// Other iroh programs use other names, so that only hedgerow nodes find each other.
const SERVICE: &str = "hedgerow";
/// Between queries. Nodes hear each other's queries, so this is also about how long discovery takes.
const CADENCE: Duration = Duration::from_secs(2);
/// Before multicast is tried again on a machine without a network.
const RETRY: Duration = Duration::from_secs(30);

/// Announces this node and dials what it finds. A machine without multicast is no error.
pub(crate) async fn run(net: Arc<Inner>, endpoint: Endpoint) {
    let mdns = loop {
        match MdnsAddressLookup::builder()
            .service_name(SERVICE)
            .discovery_cadence(CADENCE)
            .build(endpoint.id())
        {
            Ok(mdns) => break mdns,
            Err(error) => debug!(%error, "no local network discovery"),
        }
        sleep(RETRY).await;
    };
    let mut found = mdns.subscribe().await;
    let Ok(lookup) = endpoint.address_lookup() else { return };
    lookup.add(mdns);
    while let Some(event) = found.next().await {
        match event {
            DiscoveryEvent::Discovered { endpoint_info, .. } => {
                let node = NodeId(*endpoint_info.endpoint_id.as_bytes());
                let addresses = endpoint_info.ip_addrs().copied().collect();
                let dialled = lock(&net.table).discovered(node, addresses, Instant::now());
                if dialled {
                    net.note(node, Step::Found, "on the local network");
                    net.wake_dialler.notify_one();
                }
            }
            DiscoveryEvent::Expired { endpoint_id } => lock(&net.table).vanished(&NodeId(*endpoint_id.as_bytes())),
            _ => {}
        }
    }
}
