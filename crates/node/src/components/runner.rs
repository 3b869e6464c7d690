//! The task of one component: makes it ready, tells it events one by one, stores what it keeps, and starts it anew when it
//! failed, ever later.

use super::{Background, How, LINES, PAGE_MESSAGES, Slot, locked, tell};
use crate::{apps::component_listener, caller::Caller, handle::NodeHandle};
use hedgerow_api::{ApiError, Event, Request, types::ComponentRun};
use hedgerow_base::{ContentId, InstanceId};
use hedgerow_sandbox::component::{Answer, Calls, Done, Fault, Kept, Outcome, Program, Running, State};
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::{
    sync::{broadcast, mpsc, watch},
    time::{sleep, sleep_until},
};

/// First wait after a failure; each further one doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// A component that ran for so long was well: its failures are forgotten.
const WELL: Duration = Duration::from_secs(60);
/// So many failures in a row are a loop.
const MOST_FAILURES: u32 = 6;

/// What a component calls, on behalf of its instance.
struct Voice {
    node: NodeHandle,
    slot: Arc<Slot>,
}

impl Calls for Voice {
    fn call(&self, method: &'static str, mut params: Value) -> Answer {
        let (node, id) = (self.node.clone(), self.slot.instance);
        // A stream has a number; all other methods are for an instance, and for which one is not the component's to say.
        let numbered = matches!(method, "streams.write" | "streams.read" | "streams.close");
        if let Some(fields) = params.as_object_mut().filter(|_| !numbered) {
            fields.insert("instance".into(), json!(id.to_string()));
        }
        Box::pin(async move {
            let bytes = params.to_string().len();
            let request = Request::parse(method, params)?;
            node.call(&Caller::Component(id), request, bytes).await
        })
    }

    fn log(&self, line: &str) {
        self.slot.log(line);
    }

    fn tell_page(&self, message: Value) {
        let _ = self.node.events.send(Arc::new(Event::BackgroundMessage {
            instance: self.slot.instance.to_string(),
            message,
        }));
    }
}

/// Begins to make a component ready and to run it. What ran before for the instance ends when this one is ready.
pub(super) fn begin(
    background: &Arc<Background>,
    node: NodeHandle,
    instance: InstanceId,
    (content, path): (ContentId, String),
    before: Option<Arc<Slot>>,
) -> Arc<Slot> {
    let (pages, messages) = mpsc::channel(PAGE_MESSAGES);
    let lines = before.as_ref().map(|slot| slot.lines.clone());
    let slot = Arc::new(Slot {
        instance,
        content,
        path,
        how: Mutex::new(How {
            state: ComponentRun::Compiling,
            why: None,
            since_ms: None,
            restarts: 0,
        }),
        usage: Mutex::default(),
        lines: lines.unwrap_or_else(|| Arc::new(Mutex::new(VecDeque::with_capacity(LINES)))),
        pages,
        stop: watch::Sender::new(false),
        ended: watch::Sender::new(false),
        before: Mutex::new(before),
    });
    let task = Task {
        background: background.clone(),
        events: node.events.subscribe(),
        node,
        slot: slot.clone(),
        messages,
    };
    match background.threads() {
        Some(threads) => drop(threads.spawn(task.run())),
        None => {
            locked(&slot.how).state = ComponentRun::Held;
            slot.ended.send_replace(true);
        }
    }
    slot
}

struct Task {
    background: Arc<Background>,
    node: NodeHandle,
    slot: Arc<Slot>,
    events: broadcast::Receiver<Arc<Event>>,
    messages: mpsc::Receiver<Value>,
}

/// Why a run ended.
enum End {
    Stopped,
    Failed(String),
}

impl Task {
    async fn run(mut self) {
        let mut stop = self.slot.stop.subscribe();
        tokio::select! {
            () = self.live() => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
        self.take_over().await;
        self.leave().await;
        self.slot.ended.send_replace(true);
    }

    /// What it had open ends with it.
    async fn leave(&self) {
        let id = self.slot.instance;
        let close = move |e: &mut crate::engine::Engine| {
            e.component_left(&id);
            Ok(())
        };
        let _ = self.node.with(close).await;
    }

    /// Ends what ran before for the instance, and waits for it: two of them never run at once.
    async fn take_over(&self) {
        let before = locked(&self.slot.before).take();
        if let Some(before) = before {
            before.end();
            let mut ended = before.ended.subscribe();
            let _ = ended.wait_for(|ended| *ended).await;
        }
    }

    async fn live(&mut self) {
        let mut failures = 0;
        loop {
            let program = match self.ready().await {
                Ok(program) => program,
                Err(why) => {
                    self.take_over().await;
                    return self.hold(why).await;
                }
            };
            self.take_over().await;
            let begun = Instant::now();
            let why = match self.life(&program).await {
                End::Stopped => return,
                End::Failed(why) => why,
            };
            failures = if begun.elapsed() >= WELL { 1 } else { failures + 1 };
            self.slot.log(&format!("it ended: {why}"));
            if failures >= MOST_FAILURES {
                return self
                    .hold(format!(
                        "{why}; it failed {failures} times in a row and is not started again"
                    ))
                    .await;
            }
            tell(&self.node, &self.slot, ComponentRun::Waiting, Some(why));
            locked(&self.slot.how).restarts += 1;
            self.leave().await;
            sleep(FIRST_WAIT.saturating_mul(1 << (failures - 1))).await;
        }
    }

    /// Nothing more is tried until the owner does something.
    async fn hold(&self, why: String) {
        self.slot.log(&why);
        tell(&self.node, &self.slot, ComponentRun::Held, Some(why));
        std::future::pending().await
    }

    /// The component of the package, translated for this machine.
    async fn ready(&self) -> Result<Program, String> {
        let host = self.background.host()?;
        let (shared, content, path) = (self.node.shared.clone(), self.slot.content, self.slot.path.clone());
        let read = crate::handle::blocking(move || {
            let package = shared.package(&content)?;
            let file = package.file(&path).map_err(|e| crate::packages::refused(&e))?;
            file.ok_or_else(|| {
                ApiError::new(
                    hedgerow_api::ErrorCode::NotFound,
                    format!("the package has no file {path:?}, which its manifest names as component"),
                )
            })
        });
        let wasm = read.await.map_err(|e| e.message)?;
        let progress = |step| {
            if let hedgerow_sandbox::component::Progress::Done { seconds } = step {
                self.slot.log(&format!("made ready for this machine in {seconds:.1} s"));
            }
        };
        host.install(&wasm, progress).await.map_err(|e| e.to_string())
    }

    /// From its start to its end.
    async fn life(&mut self, program: &Program) -> End {
        let id = self.slot.instance;
        let kept = match self.node.with(move |e| e.kept_of(&id)).await {
            Ok(kept) => Kept::new(kept),
            Err(e) => return End::Failed(e.message),
        };
        let voice = Arc::new(Voice {
            node: self.node.clone(),
            slot: self.slot.clone(),
        });
        let mut running = match program.start(voice, kept).await {
            Ok(running) => running,
            Err(fault) => return End::Failed(fault.to_string()),
        };
        *locked(&self.slot.usage) = Some(running.usage());
        // Events from before are in the log of the space; the component reads there what it missed.
        self.events = self.node.events.subscribe();
        tell(&self.node, &self.slot, ComponentRun::Running, None);
        let mut wake = None;
        let mut next = Some(json!({"event": "start"}));
        loop {
            let event = match next.take() {
                Some(event) => event,
                None => match self.next(program, &mut wake).await {
                    Some(event) => event,
                    None => return End::Stopped,
                },
            };
            match self.told(&mut running, &event).await {
                Outcome::Done(Done { kept, wake_in }) => {
                    if let Some(wait) = wake_in {
                        wake = Some(tokio::time::Instant::now() + wait);
                    }
                    if !kept.is_empty()
                        && let Err(e) = self.node.with(move |e| e.keep_of(&id, &kept)).await
                    {
                        return End::Failed(format!("what it keeps could not be stored: {}", e.message));
                    }
                }
                Outcome::Skipped(why) => {
                    if event["event"] != "start" {
                        self.slot.log(&format!("an event was left out: {why}"));
                    }
                }
                Outcome::Ended(Fault::Stopped | Fault::Gone) => return End::Stopped,
                Outcome::Ended(fault) => return End::Failed(fault.to_string()),
            }
        }
    }

    /// Tells an event; while its minute is used up that is shown.
    async fn told(&self, running: &mut Running, event: &Value) -> Outcome {
        let mut state = running.state();
        let mut told = std::pin::pin!(running.handle(event));
        loop {
            tokio::select! {
                biased;
                outcome = &mut told => {
                    tell(&self.node, &self.slot, ComponentRun::Running, None);
                    return outcome;
                }
                changed = state.changed() => {
                    let paused = matches!(*state.borrow_and_update(), State::Paused { .. });
                    match (changed, paused) {
                        (Ok(()), true) => {
                            let why = "it used up its time for this minute and goes on in the next".to_owned();
                            tell(&self.node, &self.slot, ComponentRun::Paused, Some(why));
                        }
                        (Ok(()), false) => tell(&self.node, &self.slot, ComponentRun::Running, None),
                        (Err(_), _) => return told.await,
                    }
                }
            }
        }
    }

    /// The next event that is for it. `None`: the node ends.
    async fn next(&mut self, program: &Program, wake: &mut Option<tokio::time::Instant>) -> Option<Value> {
        let id = self.slot.instance.to_string();
        let listener = component_listener(&self.slot.instance);
        loop {
            let due = *wake;
            tokio::select! {
                biased;
                () = async { sleep_until(due.unwrap_or_else(tokio::time::Instant::now)).await }, if due.is_some() => {
                    *wake = None;
                    return Some(json!({"event": "wake"}));
                }
                message = self.messages.recv() => {
                    return Some(json!({"event": "page_message", "message": message?}));
                }
                event = self.events.recv() => match event {
                    Ok(event) if is_for(&event, &id, &listener) => {
                        let event = serde_json::to_value(&*event).ok()?;
                        if program.knows(event["event"].as_str().unwrap_or_default()) {
                            return Some(event);
                        }
                    }
                    Ok(_) => {}
                    // It sees by the serials what it missed, and reads it.
                    Err(broadcast::error::RecvError::Lagged(_)) => self.slot.log("too much happened at once; some events were left out"),
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
            }
        }
    }
}

/// Whether an event is for the component of an instance.
fn is_for(event: &Event, id: &str, listener: &str) -> bool {
    match event {
        Event::AppUpdate { instance, .. } | Event::AppRealtime { instance, .. } => instance == id,
        other => other.listener() == Some(listener),
    }
}
