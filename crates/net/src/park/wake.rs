//! Calling a node that may sleep: its homes are asked to wake it.

use super::send;
use crate::{
    address::is_local,
    net::Inner,
    queue::lock,
    relay::RelayAt,
    side::{any_socket, random},
};
use hedgerow_base::NodeId;
use hedgerow_wire::park::{Calling, Cookie, MAX_PARK, Park, Pass, Token};
use std::{
    collections::BTreeMap,
    net::{SocketAddr, SocketAddrV4},
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::UdpSocket,
    time::{Instant, timeout_at},
};
use tracing::{debug, trace};

/// How long a node may take to be back at its relay.
const LIMIT: Duration = Duration::from_secs(9);
/// How often is called, and how often in vain.
const AGAIN: Duration = Duration::from_millis(300);
const MOST_UNANSWERED: u32 = 12;
/// Most homes that others name.
const MOST_REDIRECTED: usize = 3;

/// One home that is asked.
#[derive(Clone, Copy, Default)]
struct Asked {
    relay: Option<RelayAt>,
    token: Token,
    cookie: Cookie,
    refused: bool,
    unanswered: u32,
}

impl Asked {
    fn is_open(&self) -> bool {
        !self.refused && self.unanswered < MOST_UNANSWERED
    }
}

/// Has a node woken by its homes. Over which relay it can be reached now; nothing when none of them knows it, or when it
/// did not come.
pub(crate) async fn call(net: &Arc<Inner>, node: NodeId, relays: &[RelayAt]) -> Option<RelayAt> {
    let pass = lock(&net.park).passes.get(&node).copied().unwrap_or_default();
    let own = lock(&net.reach)
        .own_relay()
        .map(|(addr, _)| RelayAt::of(net.node(), addr));
    let mut call = Call {
        node,
        pass,
        asked: BTreeMap::new(),
        redirected: 0,
    };
    for relay in relays.iter().filter(|relay| Some(relay.at) != own.map(|own| own.at)) {
        call.ask_at(*relay);
    }
    let elsewhere = call.run();
    let here = call_here(net, node);
    tokio::pin!(elsewhere, here);
    tokio::select! {
        woken = &mut elsewhere => match woken {
            Some(relay) => Some(lock(&net.reach).known_as(relay)),
            None => match here.await {
                true => own,
                false => None,
            },
        },
        woken = &mut here => match woken {
            true => own,
            false => elsewhere.await.map(|relay| lock(&net.reach).known_as(relay)),
        },
    }
}

/// If it sleeps at this very node.
async fn call_here(net: &Arc<Inner>, node: NodeId) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < LIMIT {
        let (calling, wake) = {
            let presence = lock(&net.reach).own_relay().map(|(_, relay)| relay.presence());
            let Some(presence) = presence else { return false };
            let mut state = lock(&net.park);
            let now = state.now_ms();
            state.home.call(now, &node, None, |node| presence.has(node))
        };
        match calling {
            Calling::Here => return true,
            Calling::Unknown | Calling::Refused => return false,
            Calling::Again | Calling::Waking | Calling::Awake => {}
        }
        let socket = lock(&net.side).socket();
        if let (Some((socket, _)), Some(wake)) = (socket, wake) {
            send(&socket, vec![wake]).await;
        }
        tokio::time::sleep(AGAIN).await;
    }
    false
}

/// A call to several homes.
struct Call {
    node: NodeId,
    pass: Pass,
    asked: BTreeMap<SocketAddr, Asked>,
    redirected: usize,
}

impl Call {
    fn ask_at(&mut self, relay: RelayAt) {
        let port = relay.at.port().checked_add(1);
        let side = port.map(|port| SocketAddr::new(relay.at.ip(), port));
        if let Some(side) = side.filter(SocketAddr::is_ipv4) {
            self.asked.entry(side).or_insert_with(|| Asked {
                token: random(),
                relay: Some(relay),
                ..Asked::default()
            });
        }
    }

    async fn run(mut self) -> Option<RelayAt> {
        if self.asked.is_empty() {
            return None;
        }
        let socket = any_socket().await?;
        let begin = Instant::now();
        while begin.elapsed() < LIMIT && self.asked.values().any(Asked::is_open) {
            let open: Vec<SocketAddr> = self
                .asked
                .iter()
                .filter(|(_, of)| of.is_open())
                .map(|(at, _)| *at)
                .collect();
            for side in open {
                self.say(&socket, side).await;
            }
            let until = Instant::now() + AGAIN;
            let mut buffer = [0; MAX_PARK + 1];
            while let Ok(received) = timeout_at(until, socket.recv_from(&mut buffer)).await {
                let Ok((len, from)) = received else {
                    tokio::task::yield_now().await;
                    continue;
                };
                let heard = buffer.get(..len).map(Park::from_bytes);
                if let Some(Ok(Park::Called {
                    token,
                    cookie,
                    calling,
                    elsewhere,
                })) = heard
                    && let Some(of) = self.asked.get_mut(&from).filter(|of| of.token == token && of.is_open())
                {
                    trace!(peer = %self.node.short(), home = %from, ?calling, "a call was answered");
                    (of.cookie, of.unanswered) = (cookie, 0);
                    match calling {
                        Calling::Here => return of.relay,
                        Calling::Again => self.say(&socket, from).await,
                        Calling::Unknown | Calling::Refused => {
                            debug!(peer = %self.node.short(), home = %from, ?calling, "not woken");
                            of.refused = true;
                            self.follow(from, elsewhere);
                        }
                        Calling::Waking | Calling::Awake => {}
                    }
                    if !self.asked.values().any(Asked::is_open) {
                        return None;
                    }
                }
            }
        }
        None
    }

    /// One home names another; from the internet none within a local network.
    fn follow(&mut self, from: SocketAddr, elsewhere: Option<SocketAddrV4>) {
        if let Some(relay) = elsewhere.map(SocketAddr::V4)
            && self.redirected < MOST_REDIRECTED
            && (is_local(from.ip()) || !is_local(relay.ip()))
        {
            self.redirected += 1;
            self.ask_at(relay.into());
        }
    }

    async fn say(&mut self, socket: &UdpSocket, side: SocketAddr) {
        let (node, pass) = (self.node, self.pass);
        let Some(of) = self.asked.get_mut(&side) else { return };
        of.unanswered += 1;
        let (token, cookie) = (of.token, of.cookie);
        let call = Park::Call {
            node,
            token,
            cookie,
            pass,
        };
        let _ = socket.send_to(&call.to_bytes(), side).await;
    }
}
