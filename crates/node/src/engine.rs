//! The engine: one thread that owns the store and the cores.
//!
//! Inputs (calls, network events, time) are taken in batches. A batch runs in one transaction; whatever leaves the
//! engine (answers, frames, events) waits until the transaction is durable. So nothing is acknowledged that a power
//! cut could take back, and many small changes share one fsync. If the disk refuses, the batch never happened: every
//! caller gets the error and the cores are read back from the store.

use crate::{
    fetching::Fetches, handle::NodeHandle, identity::Identity, model::InstalledRelease, packages::Shared,
    spaces::SpaceState,
};
use hedgerow_api::{ApiError, ErrorCode, Event, types::Layout};
use hedgerow_base::{InstanceId, NodeId, SpaceId, WidgetId};
use hedgerow_directory::Directory;
use hedgerow_net::{Channel, Net, NetEvent};
use hedgerow_store::{PackageFiles, Store, StoreError};
use hedgerow_sync::Sync;
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::sync::{broadcast, mpsc, oneshot};

/// Most inputs that share one transaction: bounds the delay of the first.
const BATCH: usize = 512;

type Step = Box<dyn FnOnce(&mut Engine) -> Option<Reply> + Send>;
/// Called after the commit with its outcome.
pub(crate) type Reply = Box<dyn FnOnce(Result<(), ApiError>) + Send>;

/// What the engine takes in.
pub(crate) enum Input {
    /// Work for a caller who waits.
    Do(Step),
    /// From the network.
    Net(NetEvent),
    /// End, and say so.
    Shutdown(oneshot::Sender<()>),
}

/// What is done once the batch is durable.
pub(crate) enum After {
    Send(NodeId, Channel, Vec<u8>),
    Event(Event),
    Run(Box<dyn FnOnce(&mut Engine) + Send>),
}

/// A peer that is connected now.
#[derive(Clone, Debug)]
pub(crate) struct Connected {
    pub(crate) name: Option<String>,
    pub(crate) since_ms: u64,
    pub(crate) session: [u8; 32],
}

/// An instance, as loaded.
#[derive(Clone, Debug)]
pub(crate) struct InstanceState {
    pub(crate) space: SpaceId,
    pub(crate) widget: WidgetId,
    pub(crate) data: crate::model::InstanceData,
    pub(crate) removed_ms: Option<u64>,
}

/// A widget that is installed.
#[derive(Clone, Debug)]
pub(crate) struct Installed {
    pub(crate) current: InstalledRelease,
    pub(crate) previous: Option<InstalledRelease>,
}

/// All state of a running node.
pub(crate) struct Engine {
    pub(crate) data: PathBuf,
    pub(crate) hub_port: u16,
    pub(crate) started_ms: u64,
    pub(crate) identity: Identity,
    pub(crate) name: String,
    pub(crate) store: Store,
    pub(crate) files: PackageFiles,
    pub(crate) sync: Sync,
    pub(crate) directory: Directory,
    pub(crate) net: Net,
    pub(crate) shared: Arc<Shared>,
    pub(crate) fetches: Fetches,
    pub(crate) files_moving: crate::files::Files,
    /// Records of widgets that come with the program.
    pub(crate) pinned: Vec<(WidgetId, hedgerow_base::RecordId)>,
    pub(crate) events: broadcast::Sender<Arc<Event>>,
    pub(crate) inputs: mpsc::Sender<Input>,
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) layout: Layout,
    pub(crate) instances: BTreeMap<InstanceId, InstanceState>,
    pub(crate) installed: BTreeMap<WidgetId, Installed>,
    pub(crate) authored: BTreeMap<WidgetId, crate::model::Authored>,
    pub(crate) spaces: BTreeMap<SpaceId, SpaceState>,
    pub(crate) account: crate::devices::Account,
    pub(crate) connected: BTreeMap<NodeId, Connected>,
    pub(crate) relaying: crate::relaying::Relaying,
    pub(crate) trouble: Option<String>,
    /// Why the present batch is undone, once something in it could not be stored.
    pub(crate) failed: Option<ApiError>,
    pub(crate) after: Vec<After>,
    pub(crate) next_request: u64,
    /// Frames that a slow peer's full queue did not take yet, in order.
    pub(crate) backlog: BTreeMap<NodeId, crate::people::Backlog>,
    pub(crate) parking: crate::parking::Parking,
    pub(crate) apps: crate::apps::Apps,
    pub(crate) opinions: crate::opinions::Opinions,
    pub(crate) background: Arc<crate::components::Background>,
    /// The node ends: nothing is started any more.
    pub(crate) closing: bool,
    pub(crate) plugins: Arc<crate::plugins::Plugins>,
    pub(crate) audit: Arc<crate::audit::Audit>,
}

/// Milliseconds since 1970 by the system's clock. The only place in the node that reads it.
pub(crate) fn system_now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

/// A store failure, as callers are told.
pub(crate) fn store_error(error: &StoreError) -> ApiError {
    ApiError::new(ErrorCode::Local, error.to_string())
}

impl Engine {
    /// A handle for work beside the engine.
    pub(crate) fn handle(&self) -> NodeHandle {
        NodeHandle {
            inputs: self.inputs.clone(),
            events: self.events.clone(),
            shared: self.shared.clone(),
            background: self.background.clone(),
            plugins: self.plugins.clone(),
            audit: self.audit.clone(),
        }
    }
    pub(crate) fn now_ms(&self) -> u64 {
        system_now_ms()
    }
    /// Writes inside the batch's transaction.
    pub(crate) fn stored<T>(&self, write: impl FnOnce(&Store) -> Result<T, StoreError>) -> Result<T, ApiError> {
        self.store
            .begin()
            .and_then(|()| write(&self.store))
            .map_err(|e| store_error(&e))
    }
    pub(crate) fn emit(&mut self, event: Event) {
        self.after.push(After::Event(event));
    }
    pub(crate) fn send(&mut self, peer: NodeId, channel: Channel, bytes: Vec<u8>) {
        self.after.push(After::Send(peer, channel, bytes));
    }
    pub(crate) fn request_id(&mut self) -> u64 {
        self.next_request += 1;
        self.next_request
    }

    /// Runs until a shutdown is asked for or every handle is gone. Blocks its thread.
    pub(crate) fn run(mut self, mut inputs: mpsc::Receiver<Input>) {
        let runtime = self.runtime.clone();
        loop {
            let wait = self.until_timeout();
            let first = runtime.block_on(async { tokio::time::timeout(wait, inputs.recv()).await });
            let first = match first {
                Ok(None) => break,
                Ok(Some(input)) => Some(input),
                Err(_) => None,
            };
            let mut replies = Vec::new();
            let mut stop = None;
            let mut next = first;
            for _ in 0..BATCH {
                match next.take() {
                    None => {}
                    Some(Input::Do(step)) => replies.extend(step(&mut self)),
                    Some(Input::Net(event)) => self.on_net(event),
                    Some(Input::Shutdown(done)) => stop = Some(done),
                }
                if stop.is_some() {
                    break;
                }
                match inputs.try_recv() {
                    Ok(input) => next = Some(input),
                    Err(_) => break,
                }
            }
            self.on_time();
            self.finish_batch(replies);
            if let Some(done) = stop {
                self.close();
                let _ = done.send(());
                return;
            }
        }
        self.close();
    }

    fn close(&mut self) {
        self.save_relayed(u64::MAX);
        if let Err(error) = self.store.commit().and_then(|()| self.store.settle()) {
            tracing::error!(%error, "the last changes could not be stored");
        }
        let net = self.net.clone();
        self.runtime.block_on(net.shutdown());
    }

    fn until_timeout(&self) -> Duration {
        let now = self.now_ms();
        let due = [
            self.sync.poll_timeout(),
            self.directory.poll_timeout(),
            self.fetches.poll_timeout(),
            self.files_moving.poll_timeout(),
            self.parking.poll_timeout(),
            self.relay_timeout(),
            self.opinions.poll_timeout(),
        ];
        let next = due.into_iter().flatten().min().unwrap_or(u64::MAX);
        let wait = next.saturating_sub(now).min(self.apps.wait_ms().unwrap_or(u64::MAX));
        Duration::from_millis(wait.clamp(5, 60_000))
    }

    /// Marks the batch as failed: nothing of it is kept or leaves the machine.
    pub(crate) fn fail(&mut self, error: ApiError) {
        self.failed.get_or_insert(error);
    }

    /// Commits, then lets everything out; or, when the disk refuses, undoes the batch.
    fn finish_batch(&mut self, replies: Vec<Reply>) {
        if let Err(error) = self.commit_batch() {
            for reply in replies {
                reply(Err(error.clone()));
            }
            return;
        }
        for reply in replies {
            reply(Ok(()));
        }
        while !self.after.is_empty() {
            for action in std::mem::take(&mut self.after) {
                self.perform(action);
            }
            // Performing may have started new work; it is stored before it leaves, too.
            if self.commit_batch().is_err() {
                return;
            }
        }
    }

    fn commit_batch(&mut self) -> Result<(), ApiError> {
        let outcome = match self.failed.take() {
            Some(error) => Err(error),
            None => self.store.commit().map_err(|e| store_error(&e)),
        };
        match outcome {
            Ok(()) => {
                if self.trouble.take().is_some() {
                    self.emit(Event::PeersChanged {
                        connected: self.connected_count(),
                    });
                }
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "storing failed; the change was undone");
                self.store.rollback();
                self.after.clear();
                self.trouble = Some(error.message.clone());
                if let Err(error) = self.reload() {
                    tracing::error!(%error, "reading the store back failed");
                }
                self.failed = None;
                Err(error)
            }
        }
    }

    /// Builds everything that is in memory anew from the store.
    pub(crate) fn reload(&mut self) -> Result<(), ApiError> {
        self.load_layout()?;
        self.load_name()?;
        self.load_widgets()?;
        self.load_directory()?;
        self.load_spaces()?;
        self.load_instances()?;
        self.load_opinions()?;
        self.load_grants()?;
        self.load_account()?;
        self.load_files()?;
        let peers: Vec<_> = self.connected.iter().map(|(node, c)| (*node, c.session)).collect();
        for (node, session) in peers {
            self.peer_connected_sync(node, session);
            self.peer_connected_directory(node);
            self.files_connected(node);
        }
        Ok(())
    }

    fn perform(&mut self, action: After) {
        match action {
            After::Event(event) => {
                let _ = self.events.send(Arc::new(event));
            }
            After::Send(peer, channel, bytes) => self.send_now(peer, channel, bytes),
            After::Run(run) => run(self),
        }
    }

    fn on_time(&mut self) {
        let now = self.now_ms();
        if self.sync.poll_timeout().is_some_and(|due| due <= now) {
            let mut effects = Vec::new();
            self.sync.handle_timeout(now, &mut effects);
            self.parking.routine = true;
            self.apply_sync(effects);
            self.parking.routine = false;
        }
        if self.directory.poll_timeout().is_some_and(|due| due <= now) {
            let mut effects = Vec::new();
            self.directory.handle_timeout(now, &mut effects);
            self.apply_directory(effects);
        }
        self.fetch_timeouts(now);
        self.files_timeout(now);
        self.call_parked(now);
        self.overlay_time();
        self.opinions_time(now);
        self.save_relayed(now);
    }
}
