//! Calling a node that may sleep: its homes are asked to wake it.

use super::send;
use crate::{
    net::Inner,
    queue::lock,
    side::{any_socket, random},
};
use hedgerow_base::NodeId;
use hedgerow_wire::park::{Calling, Cookie, MAX_PARK, Park, Pass, Token};
use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::UdpSocket,
    time::{Instant, timeout_at},
};
use tracing::{debug, trace};

/// How long a node may take to be back at its relay.
const LIMIT: Duration = Duration::from_secs(9);
/// How often is called.
const AGAIN: Duration = Duration::from_millis(300);

/// One home that is asked.
#[derive(Clone, Copy, Default)]
struct Asked {
    token: Token,
    cookie: Cookie,
}

/// Has a node woken by its homes. `true` when it can be reached over one of the relays; `false` when none of them knows
/// it, or it did not come.
pub(crate) async fn call(net: &Arc<Inner>, node: NodeId, relays: &[SocketAddr]) -> bool {
    let pass = lock(&net.park).passes.get(&node).copied().unwrap_or_default();
    let own = lock(&net.reach).own_relay().map(|(addr, _)| addr);
    let mut asked = BTreeMap::new();
    for relay in relays.iter().filter(|relay| relay.is_ipv4() && Some(**relay) != own) {
        if let Some(port) = relay.port().checked_add(1) {
            let first = Asked {
                token: random(),
                ..Asked::default()
            };
            asked.insert(SocketAddr::new(relay.ip(), port), first);
        }
    }
    let elsewhere = call_others(node, pass, asked);
    let here = call_here(net, node);
    tokio::pin!(elsewhere, here);
    tokio::select! {
        woken = &mut elsewhere => woken || here.await,
        woken = &mut here => woken || elsewhere.await,
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

async fn call_others(node: NodeId, pass: Pass, mut asked: BTreeMap<SocketAddr, Asked>) -> bool {
    if asked.is_empty() {
        return false;
    }
    let Some(socket) = any_socket().await else { return false };
    let begin = Instant::now();
    while begin.elapsed() < LIMIT && !asked.is_empty() {
        for (home, of) in &asked {
            say(&socket, *home, *of, node, pass).await;
        }
        let until = Instant::now() + AGAIN;
        let mut buffer = [0; MAX_PARK + 1];
        while let Ok(received) = timeout_at(until, socket.recv_from(&mut buffer)).await {
            let Ok((len, from)) = received else {
                tokio::task::yield_now().await;
                continue;
            };
            let Some(Ok(Park::Called { token, cookie, calling })) = buffer.get(..len).map(Park::from_bytes) else {
                continue;
            };
            let Some(of) = asked.get_mut(&from).filter(|of| of.token == token) else {
                continue;
            };
            of.cookie = cookie;
            trace!(peer = %node.short(), home = %from, ?calling, "a call was answered");
            match calling {
                Calling::Here => return true,
                Calling::Again => {
                    let of = *of;
                    say(&socket, from, of, node, pass).await;
                }
                Calling::Unknown | Calling::Refused => {
                    debug!(peer = %node.short(), home = %from, ?calling, "not woken");
                    asked.remove(&from);
                    if asked.is_empty() {
                        return false;
                    }
                }
                Calling::Waking | Calling::Awake => {}
            }
        }
    }
    false
}

async fn say(socket: &UdpSocket, home: SocketAddr, of: Asked, node: NodeId, pass: Pass) {
    let Asked { token, cookie } = of;
    let call = Park::Call {
        node,
        token,
        cookie,
        pass,
    };
    let _ = socket.send_to(&call.to_bytes(), home).await;
}
