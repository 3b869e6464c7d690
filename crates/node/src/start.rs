//! Starting a node: lock, keys, store, network, engine.

use crate::{
    engine::{Engine, Input, system_now_ms},
    fetching::Fetches,
    handle::{NodeConfig, NodeHandle, ReadyInfo, StartError},
    identity::{Identity, IdentityError},
    model::{PeerData, unpack},
    packages::Shared,
    relaying::Relaying,
};
use hedgerow_api::ApiError;
use hedgerow_directory::Directory;
use hedgerow_net::{BindError, DeviceCertificate, KnownPeer, Net, NetConfig, NetEvents, Ticket};
use hedgerow_store::{DataLock, PackageFiles, Store, StoreError};
use hedgerow_sync::Sync;
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::{broadcast, mpsc, oneshot};

/// Inputs that may wait for the engine; then callers and the network wait.
const QUEUE: usize = 256;
/// Events that a slow dashboard may be behind before it has to read again.
const EVENTS: usize = 4096;
const PORT: &str = "net_port";

/// Starts a node on a data folder. It runs until [`NodeHandle::shutdown`].
///
/// # Errors
/// Each with a sentence that says what to do; nothing is left running.
pub async fn start(config: NodeConfig) -> Result<(NodeHandle, ReadyInfo), StartError> {
    let prepared = {
        let config = config.clone();
        tokio::task::spawn_blocking(move || prepare(&config))
            .await
            .map_err(|e| StartError::Database(format!("starting ended early: {e}")))??
    };
    let (net, net_events) = bind(&config, &prepared.identity, &prepared.store, &prepared.relaying).await?;
    let (inputs, queue) = mpsc::channel(QUEUE);
    let info = ReadyInfo {
        node: prepared.identity.node(),
        user: prepared.identity.user(),
        ticket: net.ticket().to_string(),
    };
    let (plugins, changes) = crate::plugins::Plugins::new(&config.data, &config.guard);
    let (mut engine, lock) = engine(&config, prepared, net.clone(), inputs.clone(), plugins)?;
    let node = engine.handle();
    let (ready, started) = oneshot::channel();
    let starters = config.starters.clone();
    let spawned = std::thread::Builder::new().name("engine".into()).spawn(move || {
        let _lock = lock;
        let begun = engine.begin(&starters);
        let good = begun.is_ok();
        let _ = ready.send(begun);
        if good {
            engine.run(queue);
        }
    });
    spawned.map_err(|e| StartError::Database(format!("cannot start a thread: {e}")))?;
    let begun = started
        .await
        .map_err(|_| StartError::Database("the engine ended early".into()))?;
    begun.map_err(|e| StartError::Database(e.message))?;
    tokio::spawn(forward(net_events, inputs));
    tokio::spawn(crate::plugins::tell(node.clone(), changes));
    tokio::spawn(node.audit.clone().keep());
    dial(&config, &net).await?;
    Ok((node, info))
}

/// An engine with nothing read yet.
fn engine(
    config: &NodeConfig,
    prepared: Prepared,
    net: Net,
    inputs: mpsc::Sender<Input>,
    plugins: Arc<crate::plugins::Plugins>,
) -> Result<(Engine, DataLock), StartError> {
    let Prepared {
        lock,
        identity,
        store,
        files,
        shared,
        relaying,
    } = prepared;
    let seed = crate::identity::random().map_err(|e| StartError::Database(e.to_string()))?;
    let numbers = |e: StoreError| StartError::Database(e.to_string());
    let overlay = crate::identity::random().map_err(|e| StartError::Database(e.to_string()))?;
    let apps = crate::apps::Apps::new(identity.node(), &overlay, &store, system_now_ms()).map_err(numbers)?;
    let rounds = crate::identity::random().map_err(|e| StartError::Database(e.to_string()))?;
    let engine = Engine {
        data: config.data.clone(),
        hub_port: config.hub_port,
        started_ms: system_now_ms(),
        name: String::new(),
        store,
        files,
        sync: Sync::new(identity.node(), seed),
        identity,
        directory: Directory::new(),
        net,
        shared,
        fetches: Fetches::default(),
        files_moving: crate::files::Files::default(),
        pinned: Vec::new(),
        events: broadcast::channel(EVENTS).0,
        inputs,
        runtime: tokio::runtime::Handle::current(),
        layout: crate::layout::first(),
        instances: BTreeMap::new(),
        installed: BTreeMap::new(),
        authored: BTreeMap::new(),
        spaces: BTreeMap::new(),
        account: crate::devices::Account::default(),
        connected: BTreeMap::new(),
        relaying,
        trouble: None,
        failed: None,
        after: Vec::new(),
        next_request: 0,
        backlog: BTreeMap::new(),
        parking: crate::parking::Parking::default(),
        apps,
        opinions: crate::opinions::Opinions::new(rounds),
        background: crate::components::Background::new(&config.data, &config.compiler),
        closing: false,
        plugins,
        audit: crate::audit::Audit::new(&config.data),
    };
    Ok((engine, lock))
}

struct Prepared {
    lock: DataLock,
    identity: Identity,
    store: Store,
    files: PackageFiles,
    shared: Arc<Shared>,
    relaying: Relaying,
}

fn prepare(config: &NodeConfig) -> Result<Prepared, StartError> {
    let folder = |e: StoreError| match e {
        StoreError::InUse(path) => StartError::InUse(path),
        StoreError::Damaged { .. } | StoreError::TooNew { .. } => StartError::Database(e.to_string()),
        other => StartError::Folder {
            path: config.data.clone(),
            why: other.to_string(),
        },
    };
    let lock = DataLock::acquire(&config.data).map_err(folder)?;
    let identity = Identity::load_or_create(&config.data, config.passphrase.as_deref());
    let (identity, _) = identity.map_err(|e| match e {
        IdentityError::PassphraseNeeded | IdentityError::WrongPassphrase | IdentityError::ShortPassphrase => {
            StartError::Locked(e.to_string())
        }
        other => StartError::Folder {
            path: config.data.clone(),
            why: other.to_string(),
        },
    })?;
    let store = Store::open(&config.data).map_err(folder)?;
    let files = PackageFiles::open(&config.data).map_err(folder)?;
    let shared = Arc::new(Shared::new(files.clone(), store.reader().map_err(folder)?));
    let relaying = Relaying::load(&store, config.metered, config.port_mapping, config.serve).map_err(folder)?;
    Ok(Prepared {
        lock,
        identity,
        store,
        files,
        shared,
        relaying,
    })
}

async fn bind(
    config: &NodeConfig,
    identity: &Identity,
    store: &Store,
    relaying: &Relaying,
) -> Result<(Net, NetEvents), StartError> {
    let database = |e: StoreError| StartError::Database(e.to_string());
    let now = system_now_ms();
    let certificate = DeviceCertificate::issue(identity.root_key(), identity.node(), now);
    let mut net = NetConfig::new(identity.device_key().clone(), certificate);
    net.agent = concat!("hedgerow/", env!("CARGO_PKG_VERSION")).into();
    net.lan = config.lan;
    net.serve = config.serve;
    net.lookup = crate::lookup::config(&config.lookup, identity, store).map_err(database)?;
    net.park = config.park;
    net.serving = relaying.serving();
    net.port_mapping = relaying.maps_ports();
    let name = store.meta("name").map_err(database)?;
    net.name = name.and_then(|n| String::from_utf8(n).ok()).filter(|n| !n.is_empty());
    let port = store.meta(PORT).map_err(database)?;
    net.preferred_port = port.and_then(|p| Some(u16::from_le_bytes(p.try_into().ok()?)));
    for row in store.peers().map_err(database)? {
        if row.blocked {
            net.blocked.push(row.node);
            continue;
        }
        let data = unpack::<PeerData>(&row.data).unwrap_or_default();
        let addresses = data.addresses.iter().filter_map(|a| a.parse().ok()).collect();
        net.known.push(KnownPeer {
            node: row.node,
            relays: data.relays.iter().filter_map(|a| a.parse().ok()).collect(),
            addresses,
            last_seen_ms: row.last_seen_ms.unwrap_or(0),
        });
    }
    let bound = Net::bind(net)
        .await
        .map_err(|e: BindError| StartError::Network(e.to_string()))?;
    if let Some(port) = bound.0.port() {
        store.set_meta(PORT, &port.to_le_bytes()).map_err(database)?;
    }
    Ok(bound)
}

/// Hands network events to the engine; when it is busy, peers wait.
async fn forward(mut events: NetEvents, inputs: mpsc::Sender<Input>) {
    while let Some(event) = events.recv().await {
        if inputs.send(Input::Net(event)).await.is_err() {
            return;
        }
    }
}

/// Dials the tickets of the command line; what fails now is tried again by the network.
async fn dial(config: &NodeConfig, net: &Net) -> Result<(), StartError> {
    for text in &config.peers {
        let ticket: Ticket = text.parse().map_err(|e| StartError::Network(format!("--peer: {e}")))?;
        let dial = net.connect(&ticket);
        tokio::spawn(async move {
            if let Err(error) = dial.await {
                tracing::info!(%error, "a peer named at the start is not there yet");
            }
        });
    }
    Ok(())
}

impl Engine {
    /// Reads everything back and brings in the widgets that come with the program.
    fn begin(&mut self, starters: &[(String, Vec<u8>)]) -> Result<(), ApiError> {
        self.pin_starters(starters)?;
        self.reload()?;
        self.bring_starters(starters)?;
        self.offer_packages()?;
        self.purge_removed()?;
        self.failed.take().map_or(Ok(()), Err)?;
        self.store.commit().map_err(|e| crate::engine::store_error(&e))?;
        self.after.clear();
        Ok(())
    }

    /// Peers may have every package here that a record names.
    fn offer_packages(&mut self) -> Result<(), ApiError> {
        let (files, shared) = (self.files.clone(), self.shared.clone());
        let (directory, contents) = (&self.directory, &mut self.opinions.contents);
        let read = self.store.each_record(|bytes| {
            let record = hedgerow_directory::Record::from_bytes(&bytes).ok();
            let Some((id, release)) = record.and_then(|record| Some((record.id, record.into_release()?))) else {
                return;
            };
            let widget = release.genesis.widget();
            if directory.newest(&widget).is_some_and(|(_, newest)| newest == id) {
                contents.insert(release.content, (widget, release.size));
            }
            if files.has(&release.content) {
                shared.offer(release.content);
            }
        });
        read.map_err(|e| crate::engine::store_error(&e))
    }
}
