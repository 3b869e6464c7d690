//! Dialling: remembered, asked for and discovered peers, each with its own backoff.

use crate::{
    address::is_local, error::ConnectError, hello, journal::Step, link::Link, net::Inner, queue::lock, relay::RelayAt,
    table::DialOrder,
};
use hedgerow_wire::node::ALPN;
use iroh::{
    Endpoint, EndpointAddr, TransportAddr,
    endpoint::{Connection, VarInt},
};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::debug;

/// Starts dials when they are due, for as long as the network runs.
pub(crate) async fn run(net: Arc<Inner>) {
    loop {
        let (orders, next) = {
            let (mut table, now) = (lock(&net.table), Instant::now());
            (table.due(now), table.next_due(now))
        };
        for order in orders {
            net.spawn(dial(net.clone(), order));
        }
        let wait = async {
            match next {
                Some(next) => sleep_until(next).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = wait => {}
            () = net.wake_dialler.notified() => {}
        }
    }
}

async fn dial(net: Arc<Inner>, order: DialOrder) {
    let Some(endpoint) = net.endpoint() else { return };
    net.note(order.node, Step::Dial, tried(&order.addresses));
    if let Err(error) = try_dial(&net, &endpoint, &order).await {
        debug!(peer = %order.node.short(), %error, "dial failed");
        net.note(order.node, Step::Failed, error.to_string());
        lock(&net.table).dial_failed(&order.node, order.id, &error, Instant::now());
        if let ConnectError::Unreachable(_) = error {
            crate::lookup::dial_failed(&net, order.node);
        }
    }
    net.wake_dialler.notify_one();
}

/// The addresses of a dial, for people.
fn tried(addresses: &[SocketAddr]) -> String {
    let texts: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    match texts.len() {
        0 => "over relays only".into(),
        _ => format!("at {}, and over relays that are known", texts.join(", ")),
    }
}

async fn try_dial(net: &Arc<Inner>, endpoint: &Endpoint, order: &DialOrder) -> Result<(), ConnectError> {
    let conn = connect(net, endpoint, order).await?;
    if !lock(&net.table).dial_connected(&order.node, order.id) {
        return Err(ConnectError::Refused(hedgerow_wire::node::CloseCode::Duplicate));
    }
    let agreed = async {
        let ours = net.hello(&conn)?;
        timeout(net.limits.handshake, hello::say(&conn, &ours, &net.limits))
            .await
            .map_err(|_| ConnectError::Slow)?
    };
    let result = agreed.await.and_then(|agreed| {
        let mut table = lock(&net.table);
        table.admit_outgoing(&order.node, order.id)?;
        let link = Link::new(net, conn.clone(), agreed, true);
        let addresses = net.addresses_of(&link);
        let old = table.insert(link.clone(), &addresses);
        Ok((link, old))
    });
    match result {
        Ok((link, old)) => {
            net.spawn(crate::link::run(net.clone(), link, old));
            Ok(())
        }
        Err(error) => {
            conn.close(VarInt::from_u32(error.close_code().code()), b"");
            Err(error)
        }
    }
}

async fn connect(net: &Arc<Inner>, endpoint: &Endpoint, order: &DialOrder) -> Result<Connection, ConnectError> {
    let id = iroh::EndpointId::from_bytes(order.node.as_bytes())
        .map_err(|_| ConnectError::Unreachable("its node id is not a key".into()))?;
    let mut relays = lock(&net.reach).relays_of(&order.node);
    if relays.is_empty() {
        // A reachable node relays on the TCP port of the same number: the way to it where no UDP passes.
        let guessed = order.addresses.iter().filter(|addr| !is_local(addr.ip()));
        relays.extend(guessed.take(GUESSES).map(|at| RelayAt::of(order.node, *at)));
    }
    let over = relays.iter().filter_map(RelayAt::url).map(TransportAddr::Relay);
    let addr = EndpointAddr::from_parts(id, order.addresses.iter().copied().map(TransportAddr::Ip).chain(over));
    let mut cancelled = order.cancelled.clone();
    let connecting = async {
        match timeout(net.limits.handshake, endpoint.connect(addr.clone(), ALPN)).await {
            Ok(Ok(conn)) => Ok(conn),
            Ok(Err(error)) => Err(explain(error)),
            Err(_) => Err(ConnectError::Unreachable("no answer in time".into())),
        }
    };
    let woken = async {
        if !order.parked {
            sleep(GRACE).await;
        }
        match crate::park::call(net, order.node, &relays).await {
            Some(relay) => relay,
            None => std::future::pending().await,
        }
    };
    let connected = async {
        tokio::select! {
            connected = connecting => connected,
            // It has come to its relay only now: what was sent before is lost, and repeated late.
            relay = woken => {
                let relay = relay.url().map(TransportAddr::Relay);
                let addr = EndpointAddr::from_parts(id, addr.addrs.iter().cloned().chain(relay));
                match timeout(net.limits.handshake, endpoint.connect(addr, ALPN)).await {
                    Ok(Ok(conn)) => Ok(conn),
                    Ok(Err(error)) => Err(explain(error)),
                    Err(_) => Err(ConnectError::Unreachable("it was woken, but did not answer in time".into())),
                }
            }
        }
    };
    tokio::select! {
        connected = connected => connected,
        // The sender is dropped when the other side's connection is there first, or the user changed their mind.
        _ = cancelled.changed() => Err(ConnectError::Refused(hedgerow_wire::node::CloseCode::Duplicate)),
    }
}

/// How long a node that may be awake has to answer by itself before its homes are asked to wake it.
const GRACE: Duration = Duration::from_millis(500);
/// Most relays that are guessed from addresses.
const GUESSES: usize = 2;

/// TLS alert of a server that knows none of the client's protocols (RFC 7301), as a QUIC error code.
const NO_APPLICATION_PROTOCOL: u64 = 0x100 + 120;

fn explain(error: iroh::endpoint::ConnectError) -> ConnectError {
    use iroh::endpoint::{ConnectError as Iroh, ConnectingError, ConnectionError};
    let lost = match &error {
        Iroh::Connecting {
            source: ConnectingError::ConnectionError { source, .. },
            ..
        } => Some(source),
        Iroh::Connection { source, .. } => Some(source),
        _ => None,
    };
    match lost {
        Some(ConnectionError::ConnectionClosed(close)) if u64::from(close.error_code) == NO_APPLICATION_PROTOCOL => {
            ConnectError::OtherProtocol
        }
        Some(lost) => ConnectError::from(lost.clone()),
        None => ConnectError::Unreachable(error.to_string()),
    }
}
