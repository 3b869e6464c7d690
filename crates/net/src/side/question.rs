//! One question to a side socket, and its answer.

use crate::{address::path_of, net::Inner, queue::lock};
use hedgerow_wire::side::{Cookie, From, MAX_SIDE, Side, Token};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{net::UdpSocket, time::timeout};

/// When questions that were not answered are asked again, after the first time.
pub(super) const AGAIN: [Duration; 3] = [
    Duration::from_millis(300),
    Duration::from_millis(400),
    Duration::from_millis(600),
];
/// Where a socket is seen by one other, who then vouches for it: a second question shows the cookie of the first answer,
/// unless one is at hand.
pub(super) async fn prove(
    net: &Arc<Inner>,
    socket: &UdpSocket,
    witness: SocketAddr,
    token: Token,
) -> Option<SocketAddr> {
    let rtt = path_rtt(net, witness.ip());
    let mut buffer = [0; MAX_SIDE + 1];
    for wait in [150u64, 200, 300, 400, 500] {
        let shown = lock(&net.side).cookie_of(witness.ip());
        let ask = Side::Ask {
            token,
            from: From::Here,
            delay_s: 0,
            cookie: shown,
        };
        let _ = socket.send_to(&ask.to_bytes(), witness).await;
        let answered = async {
            loop {
                let Ok((len, from)) = socket.recv_from(&mut buffer).await else {
                    tokio::task::yield_now().await;
                    continue;
                };
                if let Some(Ok(Side::Seen {
                    token: of, at, cookie, ..
                })) = buffer.get(..len).map(Side::from_bytes)
                    && of == token
                    && from == witness
                {
                    return (at, cookie);
                }
            }
        };
        let Ok((at, cookie)) = timeout(Duration::from_millis(wait) + rtt * 2, answered).await else {
            continue;
        };
        if cookie == shown {
            return Some(at);
        }
        lock(&net.side).keep_cookie(witness.ip(), cookie);
    }
    None
}

/// The way to a peer at an address and back.
fn path_rtt(net: &Inner, ip: IpAddr) -> Duration {
    let links = net.links();
    let path = links.iter().map(|link| path_of(&link.conn, &net.doors));
    let rtt = path
        .filter(|path| path.1.is_some_and(|addr| addr.ip() == ip))
        .find_map(|path| path.2);
    Duration::from_secs_f64(rtt.unwrap_or(0.0).clamp(0.0, 2000.0) / 1000.0)
}

/// The datagram.
pub(super) fn question(token: Token, from: From, delay_s: u16) -> Vec<u8> {
    let cookie = Cookie::default();
    Side::Ask {
        token,
        from,
        delay_s,
        cookie,
    }
    .to_bytes()
}

/// Waits for the answer to a question, or a knock about it: where we are seen (not for a knock), and who says so.
pub(super) async fn hear(
    socket: &UdpSocket,
    token: Token,
    wait: Duration,
) -> Option<(Option<(SocketAddr, u16)>, SocketAddr)> {
    let mut buffer = [0; MAX_SIDE + 1];
    let heard = async {
        loop {
            let Ok((len, from)) = socket.recv_from(&mut buffer).await else {
                tokio::task::yield_now().await;
                continue;
            };
            match buffer.get(..len).map(Side::from_bytes) {
                Some(Ok(Side::Seen {
                    token: of,
                    at,
                    other_port,
                    ..
                })) if of == token => return (Some((at, other_port)), from),
                Some(Ok(Side::Knock { token: of })) if of == token => return (None, from),
                _ => {}
            }
        }
    };
    timeout(wait, heard).await.ok()
}

/// Waits for the answer to a question: where we are seen, and the other port of who says so.
pub(super) async fn answer(socket: &UdpSocket, token: Token, wait: Duration) -> Option<(SocketAddr, u16)> {
    hear(socket, token, wait).await?.0
}
