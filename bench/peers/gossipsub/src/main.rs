//! libp2p gossipsub as it comes: default parameters, messages signed and verified, validated by the app before they are
//! passed on.

use anyhow::{Context, Result, anyhow};
use futures_util::StreamExt as _;
use libp2p::{
    Multiaddr, Swarm, SwarmBuilder, gossipsub,
    gossipsub::{Behaviour, ConfigBuilder, IdentTopic, MessageAcceptance, MessageAuthenticity, ValidationMode},
    multiaddr::Protocol,
    noise,
    swarm::SwarmEvent,
    tcp, yamux,
};
use peers_schedule::{Inbox, Options, Peer, Transport};
use std::{process::ExitCode, sync::Arc, time::Duration};
use tokio::sync::{mpsc, oneshot};

fn main() -> ExitCode {
    peers_schedule::run::<Gossipsub>()
}

enum Order {
    Join(Vec<Multiaddr>, oneshot::Sender<Result<()>>),
    Neighbours(oneshot::Sender<usize>),
    Broadcast(Vec<u8>, oneshot::Sender<Result<()>>),
}

struct Gossipsub {
    address: String,
    orders: mpsc::Sender<Order>,
}

impl Gossipsub {
    async fn ask<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let sent = self.orders.send(order(answer)).await;
        sent.map_err(|_| anyhow!("the swarm ended"))?;
        answered.await.context("the swarm ended")
    }
}

impl Peer for Gossipsub {
    const NAME: &'static str = "gossipsub";

    async fn start(options: &Options, inbox: Arc<Inbox>) -> Result<Self> {
        let (unsigned, bytes) = (options.unsigned, options.bytes as usize);
        let mut swarm = SwarmBuilder::with_new_identity()
            .with_tokio()
            .with_tcp(
                tcp::Config::default().nodelay(true),
                noise::Config::new,
                yamux::Config::default,
            )?
            .with_quic()
            .with_behaviour(|key| {
                let mut config = ConfigBuilder::default();
                config.validate_messages().max_transmit_size((bytes + 4096).max(65_536));
                let authenticity = if unsigned {
                    config.validation_mode(ValidationMode::Permissive);
                    MessageAuthenticity::RandomAuthor
                } else {
                    config.validation_mode(ValidationMode::Strict);
                    MessageAuthenticity::Signed(key.clone())
                };
                Ok(Behaviour::new(authenticity, config.build()?)?)
            })?
            .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(3600)))
            .build();
        let topic = IdentTopic::new("bench");
        swarm.behaviour_mut().subscribe(&topic)?;
        let listen = match options.transport {
            Transport::Quic => "/ip4/127.0.0.1/udp/0/quic-v1",
            Transport::Tcp => "/ip4/127.0.0.1/tcp/0",
        };
        swarm.listen_on(listen.parse()?)?;
        let address = loop {
            if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
                break address.with(Protocol::P2p(*swarm.local_peer_id()));
            }
        };
        let (orders, queue) = mpsc::channel(64);
        tokio::spawn(drive(swarm, topic, queue, inbox));
        let address = address.to_string();
        Ok(Self { address, orders })
    }

    fn address(&self) -> String {
        self.address.clone()
    }

    async fn join(&mut self, contacts: &[String]) -> Result<()> {
        let contacts = contacts
            .iter()
            .map(|contact| Ok(contact.parse()?))
            .collect::<Result<_>>()?;
        self.ask(|answer| Order::Join(contacts, answer)).await?
    }

    async fn neighbours(&mut self) -> Result<usize> {
        self.ask(Order::Neighbours).await
    }

    async fn broadcast(&mut self, message: Vec<u8>) -> Result<()> {
        self.ask(|answer| Order::Broadcast(message, answer)).await?
    }
}

async fn drive(mut swarm: Swarm<Behaviour>, topic: IdentTopic, mut orders: mpsc::Receiver<Order>, inbox: Arc<Inbox>) {
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                None => return,
                Some(Order::Join(contacts, answer)) => {
                    let dialled: Result<()> = contacts.into_iter().try_for_each(|to| dial(&mut swarm, to));
                    let _ = answer.send(dialled);
                }
                Some(Order::Neighbours(answer)) => {
                    let _ = answer.send(swarm.behaviour().mesh_peers(&topic.hash()).count());
                }
                Some(Order::Broadcast(message, answer)) => {
                    let sent = swarm.behaviour_mut().publish(topic.clone(), message);
                    let _ = answer.send(sent.map(|_| ()).map_err(Into::into));
                }
            },
            event = swarm.select_next_some() => {
                let SwarmEvent::Behaviour(gossipsub::Event::Message { propagation_source, message_id, message }) = event else {
                    continue;
                };
                let checked = inbox.check(&message.data);
                let verdict = if checked.is_ok() { MessageAcceptance::Accept } else { MessageAcceptance::Reject };
                swarm.behaviour_mut().report_message_validation_result(&message_id, &propagation_source, verdict);
                if let Ok(checked) = checked {
                    inbox.deliver(checked);
                }
            }
        }
    }
}

/// Dials somebody, unless the other side was faster.
fn dial(swarm: &mut Swarm<Behaviour>, to: Multiaddr) -> Result<()> {
    match swarm.dial(to) {
        Ok(()) | Err(libp2p::swarm::DialError::DialPeerConditionFalse(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
