//! Nodes to test with.

use hedgerow_base::{NodeId, SecretKey, UserId};
use hedgerow_net::{DeviceCertificate, Net, NetConfig, NetEvent, NetEvents, NetLimits, Why};
use std::time::Duration;
use tokio::time::timeout;

/// Longer than anything here takes on a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(30);

pub(crate) fn device(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

pub(crate) fn id(seed: u8) -> NodeId {
    device(seed).public().into()
}

pub(crate) fn root(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed ^ 0x80; 32])
}

pub(crate) fn user(seed: u8) -> UserId {
    root(seed).public().into()
}

pub(crate) fn config(seed: u8) -> NetConfig {
    let certificate = DeviceCertificate::issue(&root(seed), id(seed), 1);
    NetConfig {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        lan: false,
        name: Some(format!("node {seed}")),
        limits: NetLimits {
            backoff_min: Duration::from_millis(100),
            ..NetLimits::default()
        },
        ..NetConfig::new(device(seed), certificate)
    }
}

pub(crate) struct Node {
    pub(crate) net: Net,
    pub(crate) events: NetEvents,
}

pub(crate) async fn node(seed: u8) -> Node {
    start(config(seed)).await
}

pub(crate) async fn start(config: NetConfig) -> Node {
    let (net, events) = Net::bind(config).await.unwrap();
    Node { net, events }
}

impl Node {
    /// Waits for the event that `pick` takes.
    pub(crate) async fn until<T>(&mut self, what: &str, mut pick: impl FnMut(NetEvent) -> Option<T>) -> T {
        let found = async {
            loop {
                let event = self.events.recv().await.expect("the network is running");
                if let Some(found) = pick(event) {
                    return found;
                }
            }
        };
        timeout(LONG, found)
            .await
            .unwrap_or_else(|_| panic!("no {what} in time"))
    }

    /// Waits until `peer` is connected; gives the session secret.
    pub(crate) async fn connected(&mut self, peer: NodeId) -> [u8; 32] {
        let pick = |event| match event {
            NetEvent::PeerConnected { node, session, .. } if node == peer => Some(session),
            _ => None,
        };
        self.until("connection", pick).await
    }

    pub(crate) async fn disconnected(&mut self, peer: NodeId) -> Why {
        let pick = |event| match event {
            NetEvent::PeerDisconnected { node, why } if node == peer => Some(why),
            _ => None,
        };
        self.until("disconnection", pick).await
    }

    pub(crate) async fn message(&mut self) -> Vec<u8> {
        let pick = |event| match event {
            NetEvent::Message { bytes, .. } => Some(bytes),
            _ => None,
        };
        self.until("message", pick).await
    }

    /// Events that come within `time`.
    pub(crate) async fn events_for(&mut self, time: Duration) -> Vec<NetEvent> {
        let mut events = Vec::new();
        let _ = timeout(time, async {
            while let Some(event) = self.events.recv().await {
                events.push(event);
            }
        })
        .await;
        events
    }
}

/// Two connected nodes: the first dialled the second.
pub(crate) async fn pair(a: u8, b: u8) -> (Node, Node) {
    let (mut first, mut second) = (node(a).await, node(b).await);
    join(&mut first, &mut second).await;
    (first, second)
}

pub(crate) async fn join(first: &mut Node, second: &mut Node) {
    first.net.connect(&second.net.ticket()).await.unwrap();
    let one = first.connected(second.net.node()).await;
    let other = second.connected(first.net.node()).await;
    assert_eq!(one, other, "both sides hold the same session secret");
}
