//! Plugins as the API sees them (O2): what the owner agreed to is kept in the store, the processes are the sandbox's.

mod bursts;
mod install;

use crate::{
    apps::{Checks, PluginApp},
    dispatch::value,
    engine::store_error,
    handle::{NodeHandle, blocking},
    model::{pack, unpack},
};
use hedgerow_api::{
    ApiError, ErrorCode, Event, Permission, Request,
    types::{ApiDoors, Nothing, PluginAllowParams, PluginInfo, PluginLogLine, PluginPermission, PluginRun},
};
use hedgerow_sandbox::plugin::{Found, Manifest, PluginError, Session, Settings, State, Supervisor};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::Path,
    sync::{Arc, OnceLock},
};
use tokio::sync::{Mutex, mpsc};

/// Key in the store.
const ALLOWED: &str = "plugins";
const LOG_LINES: u32 = 200;
const MAX_LOG_LINES: u32 = 2000;

/// The owner's yes to one plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Allowed {
    /// Of the `plugin.toml` that was agreed to.
    hash: String,
    /// Names of what was granted.
    permissions: Vec<String>,
    time_ms: u64,
}

impl Allowed {
    fn granted(&self) -> Vec<Permission> {
        self.permissions
            .iter()
            .filter_map(|name| Permission::named(name))
            .collect()
    }
}

type AllAllowed = BTreeMap<String, Allowed>;

/// The plugins of a node.
pub(crate) struct Plugins {
    supervisor: Supervisor,
    doors: OnceLock<ApiDoors>,
    /// Whatever changes plugins does so one after the other.
    changing: Mutex<()>,
    notices: bursts::Bursts,
}

/// What happens to plugins by themselves.
pub(crate) type Changes = mpsc::UnboundedReceiver<(String, State)>;

impl Plugins {
    pub(crate) fn new(data: &Path, guard: &[OsString]) -> (Arc<Self>, Changes) {
        let settings = Settings {
            plugins: data.join("plugins"),
            logs: data.join("plugin-logs"),
            tokens: data.join("plugin-tokens"),
            guard: guard.to_vec(),
        };
        // Tokens of a node that was killed count for nobody.
        let _ = std::fs::remove_dir_all(&settings.tokens);
        let (supervisor, changes) = Supervisor::new(settings);
        let plugins = Self {
            supervisor,
            doors: OnceLock::new(),
            changing: Mutex::default(),
            notices: bursts::Bursts::default(),
        };
        (Arc::new(plugins), changes)
    }

    /// Where the API is, once it is open.
    pub(crate) fn doors(&self) -> Option<ApiDoors> {
        self.doors.get().cloned()
    }

    /// Whose token this is.
    pub(crate) fn session(&self, token: &str) -> Option<Session> {
        self.supervisor.session(token)
    }

    /// Whether a plugin may notify the person once more.
    ///
    /// # Errors
    /// `Limit` when it did so too often.
    pub(crate) fn may_notify(&self, name: &str) -> Result<(), ApiError> {
        match self.notices.take(name, crate::engine::system_now_ms()) {
            true => Ok(()),
            false => Err(ApiError::new(
                ErrorCode::Limit,
                "a plugin may notify ten times a minute; say the rest later, or in one",
            )),
        }
    }

    /// Ends all of them; none starts again.
    pub(crate) async fn shutdown(&self) {
        self.supervisor.shutdown().await;
    }
}

/// Tells the dashboards what happens to plugins, and the person when one is given up.
pub(crate) async fn tell(node: NodeHandle, mut changes: Changes) {
    while let Some((name, state)) = changes.recv().await {
        let why = node.plugins.supervisor.status(&name).and_then(|s| s.why);
        if let (State::Held | State::Changed, Some(why)) = (state, why) {
            let text = format!("The plugin {name} does not run: {why}.");
            let told = node
                .with(move |e| e.notify(None, "Plugin", &text, Some("#plugins")))
                .await;
            if let Err(error) = told {
                tracing::debug!(%error, "nobody heard that a plugin is held");
            }
        }
        say(&node, name, run(state));
    }
}

fn say(node: &NodeHandle, name: String, state: PluginRun) {
    let _ = node.events.send(Arc::new(Event::PluginsChanged { name, state }));
}

/// A plugin after something was done with it, which all dashboards hear of.
async fn changed(node: &NodeHandle, name: &str) -> Result<PluginInfo, ApiError> {
    let info = info(node, name).await?;
    say(node, info.name.clone(), info.state);
    Ok(info)
}

impl NodeHandle {
    /// Says where the API is, now that it is open, and starts the plugins that start with the node.
    pub fn doors_open(&self, doors: ApiDoors, port: u16) {
        let (address, port) = match &doors.unix {
            Some(path) => (path.clone(), None),
            None => (doors.websocket.clone(), Some(port)),
        };
        self.plugins.supervisor.serve(address, port);
        let _ = self.plugins.doors.set(doors);
        let node = self.clone();
        tokio::spawn(async move {
            if let Err(error) = autostart(&node).await {
                tracing::warn!(%error, "plugins were not started");
            }
        });
    }

    /// The running plugin whose token this is.
    pub fn plugin_session(&self, token: &str) -> Option<Session> {
        self.plugins.session(token)
    }
}

async fn autostart(node: &NodeHandle) -> Result<(), ApiError> {
    let _turn = node.plugins.changing.lock().await;
    let supervisor = node.plugins.supervisor.clone();
    let found = blocking(move || Ok(supervisor.list())).await?;
    let allowed = allowed(node).await?;
    for plugin in found {
        let Ok(manifest) = plugin.manifest else { continue };
        let yes = allowed.get(&plugin.name).filter(|a| a.hash == manifest.hash);
        if let Some(yes) = yes {
            talk(node, &manifest, &yes.granted()).await?;
        }
        if let (true, Some(yes)) = (manifest.autostart, yes)
            && let Err(error) = node.plugins.supervisor.start(manifest, yes.granted()).await
        {
            tracing::warn!(%error, "a plugin was not started");
        }
    }
    Ok(())
}

/// Carries out the methods about plugins.
pub(crate) async fn call(node: &NodeHandle, request: Request) -> Result<Value, ApiError> {
    match request {
        Request::PluginList(_) => value(list(node).await?),
        Request::PluginLogs(p) => value(logs(node, p.name, p.lines).await?),
        Request::PluginAdd(p) => {
            let _turn = node.plugins.changing.lock().await;
            let name = install::add(node, p.folder).await?;
            value(changed(node, &name).await?)
        }
        Request::PluginAllow(p) => {
            let _turn = node.plugins.changing.lock().await;
            value(allow(node, p).await?)
        }
        Request::PluginRevoke(p) => {
            let _turn = node.plugins.changing.lock().await;
            find(node, &p.name).await?;
            forbid(node, &p.name).await?;
            value(changed(node, &p.name).await?)
        }
        Request::PluginStart(p) => {
            let _turn = node.plugins.changing.lock().await;
            start(node, &p.name).await?;
            value(info(node, &p.name).await?)
        }
        Request::PluginStop(p) => {
            let _turn = node.plugins.changing.lock().await;
            find(node, &p.name).await?;
            node.plugins.supervisor.stop(&p.name).await;
            value(info(node, &p.name).await?)
        }
        Request::PluginRestart(p) => {
            let _turn = node.plugins.changing.lock().await;
            find(node, &p.name).await?;
            node.plugins.supervisor.stop(&p.name).await;
            start(node, &p.name).await?;
            value(info(node, &p.name).await?)
        }
        Request::PluginRemove(p) => {
            let _turn = node.plugins.changing.lock().await;
            install::remove(node, p.name.clone()).await?;
            say(node, p.name, PluginRun::Stopped);
            value(Nothing {})
        }
        Request::PluginUndoRemove(p) => {
            let _turn = node.plugins.changing.lock().await;
            install::undo_remove(node, p.name.clone()).await?;
            value(changed(node, &p.name).await?)
        }
        other => Err(crate::dispatch::forgotten(&other)),
    }
}

/// A failure of the sandbox, as callers are told.
fn told(error: PluginError) -> ApiError {
    let code = match &error {
        PluginError::Unknown(_) => ErrorCode::NotFound,
        PluginError::Manifest(_) => ErrorCode::Refused,
        PluginError::NotStarted(..) | PluginError::Ending => ErrorCode::Local,
    };
    ApiError::new(code, error.to_string())
}

fn refused(text: String) -> ApiError {
    ApiError::new(ErrorCode::Refused, text)
}

async fn allowed(node: &NodeHandle) -> Result<AllAllowed, ApiError> {
    let read = |e: &mut crate::engine::Engine| e.store.meta(ALLOWED).map_err(|e| store_error(&e));
    let bytes = node.with(read).await?;
    Ok(bytes.and_then(|bytes| unpack(&bytes)).unwrap_or_default())
}

/// Changes what is allowed; durable when it answers.
async fn change(node: &NodeHandle, change: impl FnOnce(&mut AllAllowed)) -> Result<(), ApiError> {
    let mut all = allowed(node).await?;
    change(&mut all);
    let bytes = pack(&all);
    node.with(move |e| e.stored(|store| store.set_meta(ALLOWED, &bytes)))
        .await
}

async fn find(node: &NodeHandle, name: &str) -> Result<Found, ApiError> {
    let (supervisor, name) = (node.plugins.supervisor.clone(), name.to_owned());
    blocking(move || supervisor.find(&name).map_err(told)).await
}

async fn start(node: &NodeHandle, name: &str) -> Result<(), ApiError> {
    let manifest = find(node, name).await?.manifest.map_err(|e| refused(e.to_string()))?;
    let yes = allowed(node).await?.remove(name);
    match yes {
        Some(yes) if yes.hash == manifest.hash => {
            let started = node.plugins.supervisor.start(manifest, yes.granted()).await;
            started.map_err(told)
        }
        Some(_) => Err(refused(format!(
            "plugin.toml of {name} was changed since you allowed it; look at it with `hedgerow plugin list`, then `hedgerow plugin allow {name}`"
        ))),
        None => Err(refused(format!(
            "{name} is not allowed yet; see what it wants with `hedgerow plugin list`, then `hedgerow plugin allow {name}`"
        ))),
    }
}

async fn allow(node: &NodeHandle, params: PluginAllowParams) -> Result<PluginInfo, ApiError> {
    let name = params.name;
    let manifest = find(node, &name).await?.manifest.map_err(|e| refused(e.to_string()))?;
    if params.hash.is_some_and(|hash| hash != manifest.hash) {
        return Err(refused(format!(
            "plugin.toml of {name} was changed since it was shown; look at it again before you agree"
        )));
    }
    let asked: Vec<Permission> = manifest.permissions.iter().map(|a| a.name).collect();
    let granted = params.permissions.unwrap_or_else(|| asked.clone());
    if let Some(more) = granted.iter().find(|p| !asked.contains(p)) {
        return Err(refused(format!("{name} does not ask for the permission \"{more}\"")));
    }
    let yes = Allowed {
        hash: manifest.hash.clone(),
        permissions: granted.iter().map(ToString::to_string).collect(),
        time_ms: crate::engine::system_now_ms(),
    };
    let key = name.clone();
    change(node, |all| {
        all.insert(key, yes);
    })
    .await?;
    talk(node, &manifest, &granted).await?;
    let supervisor = &node.plugins.supervisor;
    // One that runs goes on with what it is granted now, under a new token.
    let runs = supervisor.status(&name).is_some_and(|s| !s.state.is_over());
    supervisor.stop(&name).await;
    if (runs || manifest.autostart)
        && let Err(error) = supervisor.start(manifest, granted).await
    {
        tracing::info!(%error, "an allowed plugin did not start");
    }
    changed(node, &name).await
}

/// Takes the owner's yes back and ends the plugin.
async fn forbid(node: &NodeHandle, name: &str) -> Result<(), ApiError> {
    change(node, |all| {
        all.remove(name);
    })
    .await?;
    node.plugins.supervisor.stop(name).await;
    let name = name.to_owned();
    node.with(move |e| {
        e.set_plugin_app(&name, None);
        Ok(())
    })
    .await
}

/// Opens the app of a plugin that may talk to others, so that messages that may wait do, also while it does not run.
async fn talk(node: &NodeHandle, manifest: &Manifest, granted: &[Permission]) -> Result<(), ApiError> {
    let may = granted.contains(&Permission::Peers) || granted.contains(&Permission::Streams);
    let checks = match (may, &manifest.messages) {
        (true, Some(text)) => Checks::new(text, manifest.program.clone()).map_err(refused)?,
        _ => Checks::default(),
    };
    let app = may.then(|| PluginApp {
        app: manifest.app_name(),
        checks,
    });
    let name = manifest.name.clone();
    node.with(move |e| {
        e.set_plugin_app(&name, app);
        Ok(())
    })
    .await
}

async fn logs(node: &NodeHandle, name: String, lines: Option<u32>) -> Result<Vec<PluginLogLine>, ApiError> {
    find(node, &name).await?;
    let most = lines.unwrap_or(LOG_LINES).clamp(1, MAX_LOG_LINES) as usize;
    let supervisor = node.plugins.supervisor.clone();
    let lines = blocking(move || {
        let read = supervisor.logs(&name, most);
        read.map_err(|e| ApiError::new(ErrorCode::Local, format!("the logs of {name} cannot be read: {e}")))
    });
    let lines = lines.await?.into_iter();
    Ok(lines
        .map(|line| PluginLogLine {
            time_ms: line.time_ms,
            stream: line.source,
            text: line.text,
        })
        .collect())
}

async fn list(node: &NodeHandle) -> Result<Vec<PluginInfo>, ApiError> {
    let supervisor = node.plugins.supervisor.clone();
    let found = blocking(move || Ok(supervisor.list())).await?;
    let allowed = allowed(node).await?;
    let shown = |found: Found| {
        let yes = allowed.get(&found.name);
        shown(node, found, yes)
    };
    Ok(found.into_iter().map(shown).collect())
}

async fn info(node: &NodeHandle, name: &str) -> Result<PluginInfo, ApiError> {
    let found = find(node, name).await?;
    let allowed = allowed(node).await?;
    Ok(shown(node, found, allowed.get(name)))
}

const fn run(state: State) -> PluginRun {
    match state {
        State::Starting => PluginRun::Starting,
        State::Running => PluginRun::Running,
        State::Waiting => PluginRun::Waiting,
        State::Stopped => PluginRun::Stopped,
        State::Held => PluginRun::Held,
        State::Changed => PluginRun::Changed,
        State::Stopping => PluginRun::Stopping,
    }
}

/// How a plugin is: what runs counts first, then what hinders it, then how it ended.
fn state(found: &Found, yes: Option<&Allowed>) -> (PluginRun, Option<String>) {
    let status = found.status.as_ref();
    let over = status.is_none_or(|s| s.state.is_over());
    let last = || status.map_or((PluginRun::Stopped, None), |s| (run(s.state), s.why.clone()));
    match (&found.manifest, yes) {
        _ if !over => last(),
        (Err(e), _) => (PluginRun::Broken, Some(e.to_string())),
        (Ok(_), None) => (PluginRun::New, Some("waits for your yes".into())),
        (Ok(manifest), Some(yes)) if yes.hash != manifest.hash => (
            PluginRun::Changed,
            Some("plugin.toml was changed since you allowed it".into()),
        ),
        // Allowed anew since it was found changed.
        (Ok(_), Some(_)) if status.is_some_and(|s| s.state == State::Changed) => (PluginRun::Stopped, None),
        (Ok(_), Some(_)) => last(),
    }
}

/// What a plugin can do outside the API, in words.
fn rights(manifest: &Manifest) -> String {
    match (manifest.sandbox, hedgerow_sandbox::plugin::fence::missing()) {
        (false, _) => "Runs with all your rights: it can read, change and send whatever you can. Allow it only if you trust who wrote it".into(),
        (true, None) => "Runs fenced in: it reads what belongs to the system and its own folder, writes only its own data, and opens TCP connections only if you grant \"network\". UDP is not fenced".into(),
        (true, Some(why)) => format!("Wants to run fenced in, and so does not run here: {why}"),
    }
}

fn shown(node: &NodeHandle, found: Found, yes: Option<&Allowed>) -> PluginInfo {
    let (state, why) = state(&found, yes);
    let folder = node.plugins.supervisor.settings().folder(&found.name);
    let manifest = found.manifest.as_ref().ok();
    let granted = yes.map(Allowed::granted).unwrap_or_default();
    let permissions = manifest.map(|m| m.permissions.as_slice()).unwrap_or_default().iter();
    let status = found.status.as_ref();
    PluginInfo {
        version: manifest.map(|m| m.version.clone()).unwrap_or_default(),
        description: manifest.map(|m| m.description.clone()).unwrap_or_default(),
        command: manifest.map(|m| m.command.clone()).unwrap_or_default(),
        folder: folder.display().to_string(),
        state,
        why,
        hash: manifest.map(|m| m.hash.clone()).unwrap_or_default(),
        allowed: manifest.is_some_and(|m| yes.is_some_and(|yes| yes.hash == m.hash)),
        permissions: permissions
            .map(|asked| PluginPermission {
                name: asked.name,
                sentence: asked.name.for_plugin().unwrap_or_default().into(),
                reason: asked.reason.clone(),
                granted: granted.contains(&asked.name),
            })
            .collect(),
        sandbox: manifest.is_some_and(|m| m.sandbox),
        rights: manifest.map(rights).unwrap_or_default(),
        autostart: manifest.is_some_and(|m| m.autostart),
        restart: manifest.map(|m| m.restart.to_string()).unwrap_or_default(),
        pid: status.and_then(|s| s.pid),
        since_ms: status.and_then(|s| s.since_ms),
        restarts: status.map_or(0, |s| s.restarts),
        last_exit: status.and_then(|s| s.last_exit.clone()),
        memory_bytes: found.usage.map(|u| u.memory_bytes),
        cpu_ms: found.usage.map(|u| u.cpu_ms),
        processes: found.usage.map(|u| u.processes),
        log_bytes: found.log_bytes,
        name: found.name,
    }
}
