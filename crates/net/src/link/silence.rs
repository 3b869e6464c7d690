//! A relayed connection that has fallen silent. Its relay may be gone without either side being told: to one it was only
//! the way to the other, and this one may call another relay its home by now.

use super::Link;
use crate::{
    address::{PathKind, path_of},
    event::Why,
};
use hedgerow_wire::node::CloseCode;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

/// How often it is looked.
const LOOK: Duration = Duration::from_secs(1);
/// How long nothing may come: two heartbeats, each of which is answered, and then some.
const SILENCE: Duration = Duration::from_secs(6);

/// Ends the connection when nothing has come over its relays for a while, so that it is dialled over others before the
/// engine gives it up. Direct connections are left to the engine, which tries their other paths.
pub(super) async fn watch(link: Arc<Link>) {
    let mut heard = (link.conn.stats().udp_rx.datagrams, Instant::now());
    loop {
        sleep(LOOK).await;
        let datagrams = link.conn.stats().udp_rx.datagrams;
        if datagrams != heard.0 || path_of(&link.conn, &link.doors).0 != PathKind::Relay {
            heard = (datagrams, Instant::now());
        } else if heard.1.elapsed() > SILENCE {
            return link.close(CloseCode::Shutdown, Why::Stranded);
        }
    }
}
