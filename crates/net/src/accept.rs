//! Accepting: every incoming connection has little time and little room until it has said who it is.

use crate::{error::ConnectError, hello, link::Link, net::Inner, queue::lock};
use hedgerow_wire::node::CloseCode;
use iroh::{
    Endpoint,
    endpoint::{Connection, Incoming, VarInt},
};
use std::sync::Arc;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};
use tracing::debug;

/// Accepts until the endpoint closes.
pub(crate) async fn run(net: Arc<Inner>, endpoint: Endpoint) {
    let pending = Arc::new(Semaphore::new(net.limits.max_pending));
    while let Some(incoming) = endpoint.accept().await {
        // When it gets busy, a connection must first prove its address, so that forged ones take no place.
        let busy = pending.available_permits() <= net.limits.max_pending / 2;
        if busy && !incoming.remote_addr_validated() {
            let _ = incoming.retry();
            continue;
        }
        match pending.clone().try_acquire_owned() {
            Ok(place) => net.spawn(accept(net.clone(), incoming, place)),
            Err(_) => incoming.refuse(),
        }
    }
}

async fn accept(net: Arc<Inner>, incoming: Incoming, place: OwnedSemaphorePermit) {
    let Ok(Ok(conn)) = timeout(net.limits.handshake, incoming).await else {
        return;
    };
    let node = hello::remote_id(&conn);
    let refusal = lock(&net.table).refusal(&node, Instant::now());
    if let Some(code) = refusal {
        return close(&conn, code);
    }
    let greeted = timeout(net.limits.handshake, greet(&net, &conn))
        .await
        .unwrap_or(Err(ConnectError::Slow));
    drop(place);
    match greeted {
        Ok((link, old)) => crate::link::run(net, link, old).await,
        Err(error) => {
            debug!(peer = %node.short(), %error, "incoming connection refused");
            close(&conn, error.close_code());
            if error.is_fault() {
                lock(&net.table).charge(node, Instant::now());
            }
        }
    }
}

fn close(conn: &Connection, code: CloseCode) {
    conn.close(VarInt::from_u32(code.code()), b"");
}

type Placed = (Arc<Link>, Option<Arc<Link>>);

async fn greet(net: &Arc<Inner>, conn: &Connection) -> Result<Placed, ConnectError> {
    let ours = net.hello(conn)?;
    let (mut send, agreed) = hello::listen(conn, &ours, &net.limits).await?;
    let placed = {
        let mut table = lock(&net.table);
        let admitted = table.admit_incoming(&hello::remote_id(conn), &agreed.hello.boot, Instant::now());
        admitted.map_err(ConnectError::Refused)?;
        let link = Link::new(net, conn.clone(), agreed, false);
        let addresses = net.addresses_of(&link);
        let old = table.insert(link.clone(), &addresses);
        (link, old)
    };
    // The link has its place; if the answer cannot be written, it ends like any other.
    if hello::answer(&mut send, &ours, &net.limits).await.is_err() {
        close(conn, CloseCode::Slow);
    }
    Ok(placed)
}
