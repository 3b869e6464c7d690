//! iroh-gossip as it comes: default parameters, no relays, no discovery. It passes messages on by itself, before the app
//! sees them, and does not sign them; so the app signs, verifies and checks here.

use anyhow::{Context, Result, anyhow, ensure};
use bytes::Bytes;
use futures_util::StreamExt as _;
use iroh::{
    Endpoint, EndpointAddr, PublicKey, RelayMode, SecretKey, Signature, TransportAddr, address_lookup::MemoryLookup,
    endpoint::presets, protocol::Router,
};
use iroh_gossip::{
    ALPN, Gossip, TopicId,
    api::{Event, GossipReceiver, GossipSender, JoinOptions},
};
use peers_schedule::{Inbox, Options, Peer, Transport};
use std::{
    net::{Ipv4Addr, SocketAddr},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Signer and signature before the text.
const SIGNED: usize = 32 + 64;

fn main() -> ExitCode {
    peers_schedule::run::<IrohGossip>()
}

struct IrohGossip {
    key: SecretKey,
    signed: bool,
    address: String,
    lookup: MemoryLookup,
    router: Router,
    gossip: Gossip,
    sender: Option<GossipSender>,
    neighbours: Arc<AtomicUsize>,
    inbox: Arc<Inbox>,
}

impl Peer for IrohGossip {
    const NAME: &'static str = "iroh-gossip";

    async fn start(options: &Options, inbox: Arc<Inbox>) -> Result<Self> {
        ensure!(options.transport == Transport::Quic, "iroh speaks QUIC only");
        let lookup = MemoryLookup::new();
        let endpoint = Endpoint::builder(presets::Minimal)
            .relay_mode(RelayMode::Disabled)
            .address_lookup(lookup.clone())
            .clear_ip_transports()
            .bind_addr(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?
            .bind()
            .await?;
        let socket = endpoint.bound_sockets().into_iter().next().context("no socket")?;
        let address = format!("{} {socket}", endpoint.id());
        let key = endpoint.secret_key().clone();
        let largest = options.bytes as usize + 1024;
        let gossip = Gossip::builder()
            .max_message_size(largest.max(4096))
            .spawn(endpoint.clone());
        let router = Router::builder(endpoint).accept(ALPN, gossip.clone()).spawn();
        Ok(Self {
            key,
            signed: !options.unsigned,
            address,
            lookup,
            router,
            gossip,
            sender: None,
            neighbours: Arc::default(),
            inbox,
        })
    }

    fn address(&self) -> String {
        self.address.clone()
    }

    async fn join(&mut self, contacts: &[String]) -> Result<()> {
        let mut ids = Vec::new();
        for contact in contacts {
            let (id, socket) = contact.split_once(' ').context("not an address")?;
            let id: PublicKey = id.parse()?;
            let socket: SocketAddr = socket.parse()?;
            self.lookup
                .add_endpoint_info(EndpointAddr::from_parts(id, [TransportAddr::Ip(socket)]));
            ids.push(id);
        }
        let mut join = JoinOptions::with_bootstrap(ids);
        // The app's queue is not what loses messages. One of 256 inside of the library may: whoever is behind by more
        // misses them (`Event::Lagged`), and they count as lost.
        join.subscription_capacity = 65_536;
        let topic = self
            .gossip
            .subscribe_with_opts(TopicId::from_bytes([1; 32]), join)
            .await?;
        let (sender, receiver) = topic.split();
        self.sender = Some(sender);
        tokio::spawn(listen(
            receiver,
            self.signed,
            self.inbox.clone(),
            self.neighbours.clone(),
        ));
        Ok(())
    }

    async fn neighbours(&mut self) -> Result<usize> {
        ensure!(!self.router.is_shutdown(), "the endpoint is closed");
        Ok(self.neighbours.load(Ordering::Relaxed))
    }

    async fn broadcast(&mut self, message: Vec<u8>) -> Result<()> {
        let sender = self.sender.as_ref().context("not joined")?;
        let message = if self.signed {
            sign(&self.key, &message)
        } else {
            message
        };
        Ok(sender.broadcast(Bytes::from(message)).await?)
    }
}

fn sign(key: &SecretKey, message: &[u8]) -> Vec<u8> {
    let signature = key.sign(message).to_bytes();
    [&key.public().as_bytes()[..], &signature, message].concat()
}

fn verified(message: &[u8]) -> Result<&[u8]> {
    let (signer, rest) = message.split_first_chunk::<32>().context("no signer")?;
    let (signature, text) = rest.split_first_chunk::<{ SIGNED - 32 }>().context("no signature")?;
    PublicKey::from_bytes(signer)?
        .verify(text, &Signature::from_bytes(signature))
        .map_err(|_| anyhow!("the signature does not hold"))?;
    Ok(text)
}

async fn listen(mut receiver: GossipReceiver, signed: bool, inbox: Arc<Inbox>, neighbours: Arc<AtomicUsize>) {
    while let Some(event) = receiver.next().await {
        match event {
            Ok(Event::Received(message)) => {
                let text = if signed {
                    verified(&message.content)
                } else {
                    Ok(&message.content[..])
                };
                if let Ok(checked) = text.and_then(|text| inbox.check(text)) {
                    inbox.deliver(checked);
                }
            }
            Ok(Event::NeighborUp(_)) => _ = neighbours.fetch_add(1, Ordering::Relaxed),
            Ok(Event::NeighborDown(_)) => _ = neighbours.fetch_sub(1, Ordering::Relaxed),
            Ok(Event::Lagged) => {}
            Err(error) => return eprintln!("iroh-gossip: {error}"),
        }
    }
}
