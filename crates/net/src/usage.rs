//! Whether anybody uses a connection.

use crate::{
    error::SendError,
    link::Link,
    queue::lock,
    request::{RequestRecv, RequestSend},
};
use hedgerow_wire::node::Channel;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::Instant;

/// Frames up to this length in bytes may be what nodes tell each other again and again (digests); whoever sends and
/// receives them says if they were more ([`Usage::touch`]). Longer ones and live messages always are.
const QUIET_FRAME: usize = 512;
/// How long after it was agreed a connection may be parked.
const PARTING: Duration = Duration::from_secs(10);

/// When a connection was used, and whether it is now.
#[derive(Debug)]
pub(crate) struct Usage {
    /// When somebody last said something on it.
    used: Mutex<Instant>,
    /// Requests and streams that are open hold it.
    open: Arc<()>,
    /// Until when the connection may be parked, as was agreed, and whether it was used after that.
    parting: Mutex<Option<(Instant, bool)>>,
}

impl Default for Usage {
    fn default() -> Self {
        Self {
            used: Mutex::new(Instant::now()),
            open: Arc::new(()),
            parting: Mutex::new(None),
        }
    }
}

impl Usage {
    /// Somebody says something: the connection is not parked for a while.
    pub(crate) fn touch(&self) {
        *lock(&self.used) = Instant::now();
        self.keep();
    }

    /// A message is sent: live ones and long ones are use, others perhaps.
    pub(crate) fn said(&self, channel: Channel, len: usize) {
        self.keep();
        self.heard(channel, len);
    }

    /// A message came.
    pub(crate) fn heard(&self, channel: Channel, len: usize) {
        if channel == Channel::Live || len > QUIET_FRAME {
            self.touch();
        }
    }

    /// Something is on its way: if the connection was to be parked, it comes back at once.
    fn keep(&self) {
        if let Some((_, used)) = &mut *lock(&self.parting) {
            *used = true;
        }
    }

    /// For how long nobody said anything.
    pub(crate) fn unused(&self) -> Duration {
        lock(&self.used).elapsed()
    }

    /// The connection is in use for as long as this lives.
    pub(crate) fn hold(&self) -> Arc<()> {
        self.open.clone()
    }

    /// A request or stream is open.
    pub(crate) fn is_held(&self) -> bool {
        Arc::strong_count(&self.open) > 1
    }

    /// Both sides want to park the connection; good for a moment.
    pub(crate) fn part(&self) {
        *lock(&self.parting) = Some((Instant::now() + PARTING, false));
    }

    fn parted(&self) -> Option<bool> {
        let parting = *lock(&self.parting);
        parting.and_then(|(until, used)| (Instant::now() <= until).then_some(used))
    }

    /// Both sides have agreed that it may end now.
    pub(crate) fn has_parted(&self) -> bool {
        self.parted().is_some()
    }

    /// Somebody tried to say something in the last moment before the connection was parked.
    pub(crate) fn must_return(&self) -> bool {
        self.parted() == Some(true)
    }
}

impl Link {
    /// Opens a request stream for somebody: as long as it is open, the connection is in use.
    pub(crate) async fn open_held(&self, header: &[u8]) -> Result<(RequestSend, RequestRecv), SendError> {
        self.usage.touch();
        let (send, recv) = self.open_request(header).await?;
        Ok((send.holding(self.usage.hold()), recv.holding(self.usage.hold())))
    }
}
