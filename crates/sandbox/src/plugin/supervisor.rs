//! All plugins of a node: finds them in their folder, starts and ends them, knows their tokens.

use super::{
    fence, job,
    keeper::{Keeper, State, Status},
    logs::{self, Line, Log},
    manifest::{Manifest, ManifestError, is_name},
    session::{self, Session, Token},
    usage::{self, Usage},
};
use hedgerow_api::Permission;
use std::{
    collections::BTreeMap,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};
use tokio::sync::{mpsc, watch};

/// Most plugins of a node.
const MAX_PLUGINS: usize = 64;
/// How long a start may take until it is answered.
const START: Duration = Duration::from_secs(10);
/// How long a plugin may take to end when it is asked to; then it is killed.
const GRACE: Duration = Duration::from_secs(2);
/// Variables of the node's environment that a plugin gets. Others may hold what is none of its business.
const PASSED_ON: [&str; 10] = [
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR",
];
/// Those of the desktop, for plugins that are not fenced in.
const DESKTOP: [&str; 5] = [
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
];

/// Where things are.
#[derive(Clone, Debug)]
pub struct Settings {
    /// One folder for each plugin.
    pub plugins: PathBuf,
    /// One folder for the log of each.
    pub logs: PathBuf,
    /// For the tokens.
    pub tokens: PathBuf,
    /// Program and arguments of the guard.
    pub guard: Vec<OsString>,
}

impl Settings {
    /// The folder of a plugin.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.plugins.join(name)
    }
}

/// Why something was not done with a plugin: a sentence with the next step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PluginError {
    /// There is none of this name.
    #[error("there is no plugin {0:?}; `hedgerow plugin list` shows all")]
    Unknown(String),
    /// Its `plugin.toml` cannot be used.
    #[error("{0}")]
    Manifest(#[from] ManifestError),
    /// It cannot be started.
    #[error("the plugin {0:?} does not run: {1}")]
    NotStarted(String, String),
    /// The node is about to end.
    #[error("the node is ending")]
    Ending,
}

/// What is in the folder of a plugin, and how it is.
#[derive(Clone, Debug)]
pub struct Found {
    /// Name of the folder.
    pub name: String,
    /// Its `plugin.toml`, or why it cannot be used.
    pub manifest: Result<Manifest, ManifestError>,
    /// How it is, if it was started since the node was.
    pub status: Option<Status>,
    /// What it uses, while it runs.
    pub usage: Option<Usage>,
    /// Bytes of its logs.
    pub log_bytes: u64,
}

/// The plugins of a node. Clones name the same ones.
#[derive(Clone)]
pub struct Supervisor {
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) settings: Settings,
    api: OnceLock<Api>,
    entries: Mutex<Entries>,
    changes: mpsc::UnboundedSender<(String, State)>,
}

#[derive(Clone, Debug)]
struct Api {
    address: String,
    port: Option<u16>,
}

#[derive(Default)]
struct Entries {
    ending: bool,
    all: BTreeMap<String, Entry>,
}

#[derive(Clone)]
struct Entry {
    status: Arc<watch::Sender<Status>>,
    stop: Arc<watch::Sender<bool>>,
    token: Arc<Mutex<Option<Token>>>,
}

impl Supervisor {
    /// Nothing runs yet. Changes of states come out of the other end.
    pub fn new(settings: Settings) -> (Self, mpsc::UnboundedReceiver<(String, State)>) {
        let (changes, changed) = mpsc::unbounded_channel();
        let inner = Inner {
            settings,
            api: OnceLock::new(),
            entries: Mutex::default(),
            changes,
        };
        (Self { inner: Arc::new(inner) }, changed)
    }

    /// Where things are.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Says where the API is: a path, or an address of which `port` is the TCP port. Only the first word counts.
    pub fn serve(&self, address: String, port: Option<u16>) {
        let _ = self.inner.api.set(Api { address, port });
    }

    /// Every folder in the folder of plugins, by name. Reads files: not for a thread that must not wait.
    pub fn list(&self) -> Vec<Found> {
        let entries = std::fs::read_dir(&self.inner.settings.plugins)
            .into_iter()
            .flatten()
            .flatten();
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let mut names: Vec<String> = folders
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.retain(|name| !name.starts_with('.'));
        names.sort_unstable();
        names.truncate(MAX_PLUGINS);
        names.into_iter().map(|name| self.look(name)).collect()
    }

    /// One of them.
    ///
    /// # Errors
    /// `Unknown` when there is no such folder.
    pub fn find(&self, name: &str) -> Result<Found, PluginError> {
        // A link could lead anywhere, so it is no plugin.
        let folder = std::fs::symlink_metadata(self.inner.settings.folder(name));
        let known = is_name(name) && folder.is_ok_and(|data| data.is_dir());
        known
            .then(|| self.look(name.to_owned()))
            .ok_or_else(|| PluginError::Unknown(name.to_owned()))
    }

    fn look(&self, name: String) -> Found {
        let manifest =
            Manifest::read(&self.inner.settings.folder(&name)).and_then(|manifest| match manifest.name == name {
                true => Ok(manifest),
                false => Err(ManifestError(format!(
                    "name: says {:?}, but the folder is called {name:?}; both must be the same",
                    manifest.name
                ))),
            });
        let status = self.status(&name);
        let running = status.as_ref().and_then(|s| s.guard);
        Found {
            manifest,
            usage: running.and_then(usage::of),
            status,
            log_bytes: logs::size(&self.inner.settings.logs.join(&name)),
            name,
        }
    }

    /// How a plugin is, if it was started.
    pub fn status(&self, name: &str) -> Option<Status> {
        let entry = self.inner.entries().all.get(name)?.status.clone();
        let status = entry.borrow().clone();
        Some(status)
    }

    /// Starts a plugin with what it was granted; waits until it runs. One that runs already goes on.
    ///
    /// # Errors
    /// `NotStarted` with the reason.
    pub async fn start(&self, manifest: Manifest, granted: Vec<Permission>) -> Result<(), PluginError> {
        let name = manifest.name.clone();
        let status = {
            let mut entries = self.inner.entries();
            if entries.ending {
                return Err(PluginError::Ending);
            }
            let present = entries
                .all
                .get(&name)
                .filter(|entry| !entry.status.borrow().state.is_over());
            match present.cloned() {
                Some(entry) => entry.status,
                None => {
                    let entry = self.spawn(manifest, granted);
                    entries.all.insert(name.clone(), entry.clone());
                    entry.status
                }
            }
        };
        let mut watch = status.subscribe();
        let settled = watch.wait_for(|s| s.state != State::Starting);
        match tokio::time::timeout(START, settled).await {
            Ok(Ok(status)) if status.state.is_over() && status.why.is_some() => {
                let why = status.why.clone().unwrap_or_default();
                Err(PluginError::NotStarted(name, why))
            }
            Ok(_) => Ok(()),
            Err(_) => Err(PluginError::NotStarted(
                name,
                "it takes longer than ten seconds to start".into(),
            )),
        }
    }

    fn spawn(&self, manifest: Manifest, granted: Vec<Permission>) -> Entry {
        let (stop, stopped) = watch::channel(false);
        let entry = Entry {
            status: Arc::new(watch::channel(Status::default()).0),
            stop: Arc::new(stop),
            token: Arc::default(),
        };
        let keeper = Keeper {
            inner: self.inner.clone(),
            log: Log::new(self.inner.settings.logs.join(&manifest.name)),
            manifest,
            granted,
            status: entry.status.clone(),
            stop: stopped,
            token: entry.token.clone(),
        };
        tokio::spawn(keeper.keep());
        entry
    }

    /// Ends a plugin; waits until nothing of it is left. Its token is dead at once.
    pub async fn stop(&self, name: &str) {
        let entry = self.inner.entries().all.get(name).cloned();
        if let Some(entry) = entry {
            entry.token.lock().unwrap_or_else(PoisonError::into_inner).take();
            entry.stop.send_replace(true);
            let _ = entry.status.subscribe().wait_for(|s| s.state.is_over()).await;
        }
    }

    /// Forgets how a plugin was. For one that is not there any more.
    pub fn forget(&self, name: &str) {
        self.inner.entries().all.remove(name);
        let _ = std::fs::remove_dir_all(self.inner.settings.logs.join(name));
    }

    /// Ends all plugins, and starts none from now on.
    pub async fn shutdown(&self) {
        let names: Vec<String> = {
            let mut entries = self.inner.entries();
            entries.ending = true;
            for entry in entries.all.values() {
                entry.stop.send_replace(true);
            }
            entries.all.keys().cloned().collect()
        };
        for name in names {
            self.stop(&name).await;
        }
    }

    /// Whose token this is.
    pub fn session(&self, token: &str) -> Option<Session> {
        let digest = session::digest(token);
        let entries = self.inner.entries();
        let tokens = entries
            .all
            .values()
            .map(|entry| entry.token.lock().unwrap_or_else(PoisonError::into_inner));
        tokens.fold(None, |found, token| {
            found.or(token.as_ref().and_then(|t| t.session(&digest)))
        })
    }

    /// The newest lines that a plugin wrote, oldest first. Reads files.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn logs(&self, name: &str, most: usize) -> io::Result<Vec<Line>> {
        logs::newest(&self.inner.settings.logs.join(name), most)
    }
}

impl Inner {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn changed(&self, name: &str, state: State) {
        let _ = self.changes.send((name.to_owned(), state));
    }

    /// What a plugin is started with.
    pub(super) fn job(&self, manifest: &Manifest, granted: &[Permission]) -> io::Result<job::Job> {
        let folder = self.settings.folder(&manifest.name);
        let data = folder.join("data");
        std::fs::create_dir_all(&data)?;
        let token = session::path(&self.settings.tokens, &manifest.name);
        let api = self
            .api
            .get()
            .ok_or_else(|| io::Error::other("the API is not open yet"))?;
        let mut environment: BTreeMap<String, String> = BTreeMap::new();
        let desktop = DESKTOP.iter().filter(|_| !manifest.sandbox);
        for name in PASSED_ON.iter().chain(desktop) {
            if let Ok(value) = std::env::var(name) {
                environment.insert((*name).to_owned(), value);
            }
        }
        environment.extend(manifest.environment.clone());
        if manifest.sandbox {
            environment.insert("TMPDIR".into(), text(&data)?);
            environment.insert("HOME".into(), text(&data)?);
        }
        environment.insert("HEDGEROW_API".into(), api.address.clone());
        environment.insert("HEDGEROW_TOKEN_FILE".into(), text(&token)?);
        environment.insert("HEDGEROW_PLUGIN".into(), manifest.name.clone());
        environment.insert("HEDGEROW_PLUGIN_DATA".into(), text(&data)?);
        let fence = manifest.sandbox.then(|| job::Fence {
            write: vec![data.clone()],
            read: [Some(folder.clone()), Some(token), program(manifest)]
                .into_iter()
                .flatten()
                .collect(),
            network: granted.contains(&Permission::Network),
            port: api.port,
        });
        if let (Some(_), Some(why)) = (&fence, fence::missing()) {
            return Err(io::Error::other(why));
        }
        Ok(job::Job {
            command: manifest.command.clone(),
            folder,
            environment,
            fence,
            grace_ms: u64::try_from(GRACE.as_millis()).unwrap_or(u64::MAX),
        })
    }
}

/// A program that is named by its whole path may be read, wherever it is.
fn program(manifest: &Manifest) -> Option<PathBuf> {
    let program = Path::new(manifest.command.first()?);
    program.is_absolute().then(|| program.to_owned())
}

fn text(path: &Path) -> io::Result<String> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| io::Error::other(format!("the path {} is not UTF-8", path.display())))
}
