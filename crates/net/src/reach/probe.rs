//! Trying to reach a peer, for it: over TCP, and over UDP with a packet that any QUIC endpoint answers, from a socket
//! that the peer has never heard of. It goes only to the address that the peer's own packets come from, and is smaller
//! than the request for it.

use super::{TRY, TRY_AGAIN};
use crate::{address::path_of, link::Link, net::Inner, queue::lock};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::{
    net::{TcpStream, UdpSocket},
    time::{Duration, Instant, timeout},
};

/// How often the packet is sent: one may be lost.
const TRIES: u32 = 3;
/// A version that no endpoint speaks (RFC 9000, section 15), so that it says which ones it does.
const NO_VERSION: [u8; 4] = [0x1a, 0x2a, 0x3a, 0x4a];

/// The address of a peer, if it may ask now.
fn target(net: &Inner, link: &Link, udp: bool) -> Option<IpAddr> {
    let from = path_of(&link.conn, &net.doors).1?;
    let mut state = lock(&net.reach);
    let now = Instant::now();
    state.tried.retain(|_, at| now.duration_since(*at) < TRY_AGAIN);
    state.tried.insert((link.node, udp), now).is_none().then_some(from.ip())
}

/// One TCP connection to where the asker's own packets come from: no more goes out than came in. Nothing if it is not
/// tried.
pub(super) async fn tcp(net: &Inner, link: &Link, port: u16) -> Option<bool> {
    let to = SocketAddr::new(target(net, link, false)?, port);
    let connected = timeout(TRY, TcpStream::connect(to)).await;
    Some(matches!(connected, Ok(Ok(_))))
}

/// The same over UDP.
pub(super) async fn udp(net: &Inner, link: &Link, port: u16) -> Option<bool> {
    let to = SocketAddr::new(target(net, link, true)?, port);
    Some(answers(to).await)
}

/// A packet with an unknown version, and what the answer must carry (RFC 8999, section 6).
fn question(id: [u8; 8]) -> Vec<u8> {
    let mut packet = vec![0xc0];
    packet.extend(NO_VERSION);
    for _ in 0..2 {
        packet.push(8);
        packet.extend(id);
    }
    packet
}

fn is_answer(packet: &[u8], id: [u8; 8]) -> bool {
    let long_header = packet.first().is_some_and(|first| first & 0x80 != 0);
    let mut expected = vec![0, 0, 0, 0, 8];
    expected.extend(id);
    long_header && packet.get(1..14) == Some(&expected)
}

/// Whether a QUIC endpoint answers a socket that it has never heard of.
async fn answers(to: SocketAddr) -> bool {
    let any = match to {
        SocketAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
    };
    let mut id = [0; 8];
    let Ok(socket) = UdpSocket::bind((any, 0)).await else {
        return false;
    };
    if getrandom::fill(&mut id).is_err() || socket.connect(to).await.is_err() {
        return false;
    }
    let asked = async {
        let mut buffer = [0; 64];
        for _ in 0..TRIES {
            // A refusal that came back for the packet before is an error here; the next one may be answered.
            let _ = socket.send(&question(id)).await;
            let end = Instant::now() + TRY / TRIES;
            while let Ok(received) = tokio::time::timeout_at(end, socket.recv(&mut buffer)).await {
                match received {
                    Ok(len) if buffer.get(..len).is_some_and(|packet| is_answer(packet, id)) => return true,
                    Ok(_) => {}
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        }
        false
    };
    timeout(TRY, asked).await.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use iroh::{Endpoint, endpoint::presets};

    #[test]
    fn only_a_version_negotiation_for_this_very_question_is_an_answer() {
        let id = [7; 8];
        let mut packet = vec![0xc3, 0, 0, 0, 0, 8];
        packet.extend(id);
        packet.extend([8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 1]);
        assert!(is_answer(&packet, id));
        assert!(!is_answer(&packet, [8; 8]));
        assert!(!is_answer(&packet[..13], id));
        assert!(!is_answer(&question(id), id), "an echo is none");
        assert!(!is_answer(&[], id));
    }

    #[tokio::test]
    async fn the_engine_answers_a_stranger_and_nobody_else_does() {
        let endpoint = Endpoint::builder(presets::Minimal)
            .alpns(vec![b"test".to_vec()])
            .clear_ip_transports()
            .bind_addr((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .bind()
            .await
            .unwrap();
        let port = endpoint.bound_sockets()[0].port();
        assert!(answers((Ipv4Addr::LOCALHOST, port).into()).await);
        let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        assert!(!answers(silent.local_addr().unwrap()).await);
        endpoint.close().await;
    }
}
