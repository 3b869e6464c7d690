//! A path that was opened through two routers, made usable for the engine. The engine has one socket and knows only
//! paths of it, so a small task carries its packets between a port of the loopback interface, the *door*, and the socket
//! that got through. The engine takes the door for an address of the peer.

use crate::{net::Inner, queue::lock};
use hedgerow_wire::side::{Meeting, Side};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{net::UdpSocket, time::timeout};
use tracing::debug;

/// After so long without a packet the path is given up; the engine sends one at least every 5 s on a path in use.
const IDLE: Duration = Duration::from_secs(40);
/// Longest packet of the engine.
const MAX_PACKET: usize = 2048;

/// The doors of this node, and where they lead.
#[derive(Default)]
pub(crate) struct Doors(Mutex<BTreeMap<u16, SocketAddr>>);

impl Doors {
    /// Where the packets to an address really go, if it is a door.
    pub(crate) fn behind(&self, addr: SocketAddr) -> Option<SocketAddr> {
        let open = lock(&self.0);
        open.get(&addr.port()).copied().filter(|_| addr.ip().is_loopback())
    }
}

/// A door that leads nowhere yet.
pub(super) struct Door {
    socket: UdpSocket,
    port: u16,
}

impl Door {
    pub(super) async fn open() -> Option<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.ok()?;
        let port = socket.local_addr().ok()?.port();
        Some(Self { socket, port })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Carries packets between the engine and the peer until none come any more.
    pub(super) async fn carry(
        self,
        net: Arc<Inner>,
        engine: u16,
        outside: Arc<UdpSocket>,
        remote: SocketAddr,
        meeting: Meeting,
    ) {
        lock(&net.doors.0).insert(self.port, remote);
        debug!(door = self.port, %remote, "a path through two routers");
        let engine = SocketAddr::from((Ipv4Addr::LOCALHOST, engine));
        let (mut inward, mut outward) = ([0; MAX_PACKET], [0; MAX_PACKET]);
        loop {
            let next = async {
                tokio::select! {
                    received = outside.recv_from(&mut inward) => (received, true),
                    received = self.socket.recv_from(&mut outward) => (received, false),
                }
            };
            let Ok((received, from_outside)) = timeout(IDLE, next).await else {
                break;
            };
            let Ok((len, from)) = received else {
                tokio::task::yield_now().await;
                continue;
            };
            if from_outside && from == remote {
                let Some(packet) = inward.get(..len) else { continue };
                match Side::is_meant(packet).then(|| Side::from_bytes(packet)) {
                    None => drop(self.socket.send_to(packet, engine).await),
                    // The answer to the choice was lost.
                    Some(Ok(Side::Pick { meeting: of, .. })) if of == meeting => {
                        let door = self.port;
                        let _ = outside
                            .send_to(&Side::Picked { meeting, door }.to_bytes(), remote)
                            .await;
                    }
                    Some(_) => {}
                }
            } else if !from_outside && from == engine {
                let Some(packet) = outward.get(..len) else { continue };
                let _ = outside.send_to(packet, remote).await;
            }
        }
        debug!(door = self.port, %remote, "the path is not used any more");
        lock(&net.doors.0).remove(&self.port);
    }
}
