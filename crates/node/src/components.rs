//! The background parts of widgets (W25): which run, and since when. One task for each drives it ([`runner`]); all run
//! on threads of their own, behind everything else, so that none of them is felt.

pub(crate) mod calls;
mod runner;

use crate::{
    engine::{Engine, store_error},
    handle::NodeHandle,
};
use hedgerow_api::{
    ApiError, ErrorCode, Event, Permission,
    types::{ComponentInfo, ComponentLogLine, ComponentRun},
};
use hedgerow_base::{ContentId, InstanceId};
use hedgerow_sandbox::component::{Components, Limits, Settings, Usage};
use serde_json::Value;
use std::{
    collections::{BTreeMap, VecDeque},
    ffi::OsString,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};
use tokio::{
    runtime::Runtime,
    sync::{mpsc, watch},
};

/// Components at once: with 64 MiB each at most, more would not fit a small machine.
const MOST: usize = 32;
/// Lines of a component that are kept in memory.
const LINES: usize = 500;
/// Messages of a page that wait for its component.
const PAGE_MESSAGES: usize = 64;

/// How a component is, for whoever asks.
#[derive(Clone, Debug)]
pub(crate) struct How {
    pub(crate) state: ComponentRun,
    pub(crate) why: Option<String>,
    pub(crate) since_ms: Option<u64>,
    pub(crate) restarts: u32,
}

/// One component that is to run.
pub(crate) struct Slot {
    instance: InstanceId,
    content: ContentId,
    /// Path of the component in the package.
    path: String,
    how: Mutex<How>,
    usage: Mutex<Option<Arc<Usage>>>,
    lines: Arc<Mutex<VecDeque<ComponentLogLine>>>,
    pages: mpsc::Sender<Value>,
    /// `true`: end.
    stop: watch::Sender<bool>,
    /// `true`: it ended.
    ended: watch::Sender<bool>,
    /// What runs for the instance until this one is ready, or is still ending.
    before: Mutex<Option<Arc<Slot>>>,
}

/// All of them.
pub(crate) struct Background {
    folder: PathBuf,
    compiler: Vec<OsString>,
    host: OnceLock<Result<Components, String>>,
    threads: OnceLock<Option<Runtime>>,
    slots: Mutex<Slots>,
}

#[derive(Default)]
struct Slots {
    /// Those that are to run.
    wanted: BTreeMap<InstanceId, Arc<Slot>>,
    /// Those that were told to end; whatever follows them waits until they did.
    leaving: BTreeMap<InstanceId, Arc<Slot>>,
}

impl Slots {
    /// Ends the component of an instance.
    fn end(&mut self, id: &InstanceId) -> bool {
        let Some(slot) = self.wanted.remove(id) else {
            return false;
        };
        slot.end();
        self.leaving.insert(*id, slot);
        true
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Slot {
    /// Ends it, and what it was to take over from.
    fn end(&self) {
        self.stop.send_replace(true);
        if let Some(before) = &*locked(&self.before) {
            before.end();
        }
    }

    fn how(&self) -> How {
        locked(&self.how).clone()
    }

    fn log(&self, line: &str) {
        let mut lines = locked(&self.lines);
        if lines.len() >= LINES {
            lines.pop_front();
        }
        lines.push_back(ComponentLogLine {
            time_ms: crate::engine::system_now_ms(),
            text: line.to_owned(),
        });
    }
}

impl Background {
    /// Nothing runs yet. `compiler` is the program that translates components, and its first arguments.
    pub(crate) fn new(data: &Path, compiler: &[OsString]) -> Arc<Self> {
        Arc::new(Self {
            folder: data.join("components"),
            compiler: compiler.to_vec(),
            host: OnceLock::new(),
            threads: OnceLock::new(),
            slots: Mutex::default(),
        })
    }

    /// The engine of components, made when the first one is to run.
    fn host(&self) -> Result<Components, String> {
        let open = || {
            let settings = Settings {
                folder: self.folder.clone(),
                compiler: self.compiler.clone(),
                limits: Limits::default(),
            };
            Components::open(settings).map_err(|e| e.to_string())
        };
        self.host.get_or_init(open).clone()
    }

    /// The threads that components run on: few, and behind all others.
    fn threads(&self) -> Option<&Runtime> {
        let made = self.threads.get_or_init(|| {
            let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
            tokio::runtime::Builder::new_multi_thread()
                .worker_threads((cores / 2).clamp(1, 4))
                .thread_name("component")
                .on_thread_start(hedgerow_sandbox::component::step_back)
                .enable_all()
                .build()
                .ok()
        });
        made.as_ref()
    }

    fn slot(&self, id: &InstanceId) -> Option<Arc<Slot>> {
        locked(&self.slots).wanted.get(id).cloned()
    }

    /// Ends all components and waits for it.
    pub(crate) async fn shutdown(&self) {
        let Slots { wanted, leaving } = std::mem::take(&mut *locked(&self.slots));
        wanted.values().for_each(|slot| slot.end());
        for slot in wanted.into_values().chain(leaving.into_values()) {
            let mut ended = slot.ended.subscribe();
            let wait = ended.wait_for(|ended| *ended);
            let _ = tokio::time::timeout(std::time::Duration::from_secs(2), wait).await;
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // A runtime must not be dropped where a task may be waiting for it.
        if let Some(Some(threads)) = self.threads.take() {
            threads.shutdown_background();
        }
    }
}

impl Engine {
    /// The component that an instance's release names, with the package that it is in.
    fn component_of(&self, id: &InstanceId) -> Option<(ContentId, String)> {
        let state = self.instances.get(id).filter(|state| state.removed_ms.is_none())?;
        let current = &self.installed.get(&state.widget)?.current;
        Some((current.content()?, current.component.clone()?))
    }

    /// Starts and stops background parts, after what is installed, placed or granted changed. One whose package changed
    /// goes on until the new one is ready; what it keeps stays.
    pub(crate) fn apply_components(&mut self) {
        if self.closing {
            return;
        }
        let placed: Vec<InstanceId> = self.instances.keys().copied().collect();
        let wanted: BTreeMap<InstanceId, (ContentId, String)> = placed
            .into_iter()
            .filter(|id| self.shared.grants.has(id, Permission::Background))
            .filter_map(|id| Some((id, self.component_of(&id)?)))
            .collect();
        let background = self.background.clone();
        let mut slots = locked(&background.slots);
        slots.leaving.retain(|_, slot| !*slot.ended.borrow());
        let over: Vec<InstanceId> = slots
            .wanted
            .keys()
            .filter(|id| !wanted.contains_key(id))
            .copied()
            .collect();
        for id in &over {
            slots.end(id);
        }
        for (id, (content, path)) in wanted {
            let before = slots.wanted.get(&id).cloned();
            if before
                .as_ref()
                .is_some_and(|slot| slot.content == content && slot.path == path)
            {
                continue;
            }
            if before.is_none() && slots.wanted.len() >= MOST {
                continue;
            }
            let before = before.or_else(|| slots.leaving.remove(&id));
            let slot = runner::begin(&background, self.handle(), id, (content, path), before);
            slots.wanted.insert(id, slot);
        }
        drop(slots);
        for id in over {
            self.emit(Event::ComponentsChanged {
                instance: id.to_string(),
                state: ComponentRun::NotAllowed,
            });
        }
    }

    /// What the component of an instance keeps.
    fn kept_of(&self, id: &InstanceId) -> Result<Vec<(String, Vec<u8>)>, ApiError> {
        self.store.kept(id).map_err(|e| store_error(&e))
    }

    /// Stores what an event changed of it.
    fn keep_of(&mut self, id: &InstanceId, changes: &[(String, Option<Vec<u8>>)]) -> Result<(), ApiError> {
        if !self.instances.contains_key(id) {
            return Ok(());
        }
        self.stored(|store| {
            changes
                .iter()
                .try_for_each(|(key, value)| store.put_kept(id, key, value.as_deref()))
        })
    }

    fn component_infos(&self) -> Result<Vec<ComponentInfo>, ApiError> {
        let all = self.instances.iter().filter_map(|(id, state)| {
            self.component_of(id)?;
            Some((*id, state))
        });
        let infos = all.map(|(id, state)| {
            let slot = self.background.slot(&id);
            let how = slot.as_ref().map(|slot| slot.how());
            let usage = slot.as_ref().and_then(|slot| locked(&slot.usage).clone());
            let figures = usage.map(|usage| usage.figures()).unwrap_or_default();
            let kept = self.kept_of(&id)?;
            let without = match self.shared.grants.has(&id, Permission::Background) {
                true => (
                    ComponentRun::Held,
                    Some(format!(
                        "{MOST} background parts run already, which is the most at once"
                    )),
                ),
                false => (ComponentRun::NotAllowed, None),
            };
            Ok(ComponentInfo {
                instance: id.to_string(),
                name: state.data.name.clone(),
                uuid: state.widget.to_string(),
                state: how.as_ref().map_or(without.0, |how| how.state),
                why: how.as_ref().map_or(without.1, |how| how.why.clone()),
                since_ms: how.as_ref().and_then(|how| how.since_ms),
                memory_bytes: figures.memory,
                cpu_ms: figures.cpu_us / 1000,
                cpu_ms_minute: figures.minute_us / 1000,
                cpu_ms_minute_most: u64::try_from(Limits::default().minute_cpu.as_millis()).unwrap_or(u64::MAX),
                events: figures.events,
                calls: figures.calls,
                bytes: figures.bytes_out.saturating_add(figures.bytes_in),
                restarts: how.map_or(0, |how| how.restarts),
                kept_bytes: kept.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum(),
            })
        });
        infos.collect()
    }
}

/// There is none, or it does not run.
fn none(id: &InstanceId) -> ApiError {
    ApiError::new(
        ErrorCode::NotFound,
        format!("no background part of {id} runs; `hedgerow component list` says how they are"),
    )
}

/// Tells the dashboards how a component is now.
fn tell(node: &NodeHandle, slot: &Slot, state: ComponentRun, why: Option<String>) {
    let mut how = locked(&slot.how);
    let begins = state == ComponentRun::Running && how.since_ms.is_none();
    how.since_ms = match state {
        ComponentRun::Running | ComponentRun::Paused if begins => Some(crate::engine::system_now_ms()),
        ComponentRun::Running | ComponentRun::Paused => how.since_ms,
        ComponentRun::NotAllowed | ComponentRun::Compiling | ComponentRun::Waiting | ComponentRun::Held => None,
    };
    let changed = how.state != state;
    (how.state, how.why) = (state, why);
    drop(how);
    if changed {
        let _ = node.events.send(Arc::new(Event::ComponentsChanged {
            instance: slot.instance.to_string(),
            state,
        }));
    }
}
