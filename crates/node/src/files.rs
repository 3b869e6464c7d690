//! Files from one person to another (issue 3, item 7): drives the core with the real network, disk and clock. Bytes
//! never pass the engine; a task beside it carries them, and the engine hears how it ended.

mod arrive;
mod calls;
mod kept;
mod leave;

pub(crate) use calls::send;

use crate::engine::{After, Engine, Input, store_error};
use arrive::Arrival;
use hedgerow_api::{ApiError, Event};
use hedgerow_base::{NodeId, hash::Digest};
use hedgerow_files::{Book, Effect, Offer, Plan, Sender, State, Transfer, Verdict, safe_name};
use hedgerow_net::{RequestRecv, RequestSend};
use hedgerow_store::inbox;
use hedgerow_wire::send::{MAX_VERDICT, SendRequest};
use leave::{Source, Sources};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{sync::broadcast, task::AbortHandle};

const KEPT: &str = "files";
/// How long a peer has to answer about a file.
const ANSWER_TIME: Duration = Duration::from_secs(20);
/// How often progress is told at most.
const TELL_TIME: Duration = Duration::from_millis(200);

/// What a task and the engine share about one transfer that moves.
#[derive(Debug)]
pub(crate) struct Progress {
    number: u64,
    done: AtomicU64,
    /// The person ended it: no name is given any more.
    ended: AtomicBool,
    events: broadcast::Sender<Arc<Event>>,
    told: std::sync::Mutex<Option<Instant>>,
}

impl Progress {
    fn new(number: u64, events: broadcast::Sender<Arc<Event>>) -> Arc<Self> {
        Arc::new(Self {
            number,
            done: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            events,
            told: std::sync::Mutex::default(),
        })
    }
    /// So many bytes are done; dashboards hear it a few times a second.
    fn set(&self, done: u64) {
        self.done.store(done, Ordering::Relaxed);
        let mut told = self.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if told.is_none_or(|at| at.elapsed() >= TELL_TIME) {
            *told = Some(Instant::now());
            let number = self.number;
            let _ = self.events.send(Arc::new(Event::FileProgress { number, done }));
        }
    }
}

struct Running {
    progress: Arc<Progress>,
    task: Option<AbortHandle>,
}

/// All about files.
#[derive(Default)]
pub(crate) struct Files {
    book: Book,
    /// Where files go unless somebody says otherwise; the data folder's own unless set.
    folder: Option<String>,
    running: BTreeMap<u64, Running>,
    /// Values of the pieces of files that go out.
    sources: Arc<Sources>,
}

impl Files {
    pub(crate) fn poll_timeout(&self) -> Option<u64> {
        self.book.poll_timeout()
    }
}

/// The key of an incomplete file on the disk.
fn key(transfer: &Transfer) -> String {
    format!("{}-{:?}", transfer.peer.short(), transfer.id)
}

impl Engine {
    /// Reads the book back.
    pub(crate) fn load_files(&mut self) -> Result<(), ApiError> {
        for running in std::mem::take(&mut self.files_moving.running).into_values() {
            running.progress.ended.store(true, Ordering::Relaxed);
            running.task.inspect(AbortHandle::abort);
        }
        let kept = self.store.meta(KEPT).map_err(|e| store_error(&e))?;
        let kept = kept.and_then(|bytes| crate::model::unpack::<kept::Kept>(&bytes));
        let (book, folder) = kept.unwrap_or_default().into_book();
        self.files_moving.book = book;
        self.files_moving.folder = folder;
        Ok(())
    }

    /// Where files of others go.
    pub(crate) fn files_folder(&self) -> PathBuf {
        let own = || self.data.join("files");
        self.files_moving.folder.as_ref().map_or_else(own, PathBuf::from)
    }

    /// What a folder's disk has beside the files that are promised a place.
    fn files_room(&self, folder: &Path) -> u64 {
        let files = &self.files_moving;
        let done = |n: u64| {
            files
                .running
                .get(&n)
                .map_or(0, |r| r.progress.done.load(Ordering::Relaxed))
        };
        let open = files
            .book
            .transfers()
            .filter(|t| t.incoming && matches!(t.state, State::Waiting | State::Moving));
        let promised: u64 = open.map(|t| t.plan.size.saturating_sub(done(t.number))).sum();
        // A system that does not say how much there is says so when it is full.
        inbox::room(folder).unwrap_or(u64::MAX).saturating_sub(promised)
    }

    pub(crate) fn files_connected(&mut self, peer: NodeId) {
        let now = self.now_ms();
        self.with_book(|book, effects| book.connected(now, peer, effects));
    }

    pub(crate) fn files_gone(&mut self, peer: NodeId) {
        let now = self.now_ms();
        self.with_book(|book, _| book.gone(now, &peer));
    }

    pub(crate) fn files_timeout(&mut self, now: u64) {
        if self.files_moving.poll_timeout().is_some_and(|due| due <= now) {
            self.with_book(|book, effects| book.handle_timeout(now, effects));
        }
    }

    /// Lets the core do something, and does what it says. What leaves the machine does so after the commit.
    fn with_book<T>(&mut self, work: impl FnOnce(&mut Book, &mut Vec<Effect>) -> T) -> T {
        let mut effects = Vec::new();
        let result = work(&mut self.files_moving.book, &mut effects);
        if effects.contains(&Effect::Keep) {
            let kept = kept::Kept::of(&self.files_moving.book, self.files_moving.folder.clone());
            if let Err(error) = self.stored(|store| store.set_meta(KEPT, &crate::model::pack(&kept))) {
                self.fail(error);
            }
        }
        let told = effects
            .iter()
            .any(|e| matches!(e, Effect::Keep | Effect::Ask(_) | Effect::Fetch(_)));
        if told {
            self.emit(Event::FilesChanged {});
        }
        for effect in effects {
            match effect {
                Effect::Keep => {}
                Effect::Ask(number) => self.ask_about_file(number),
                effect => self
                    .after
                    .push(After::Run(Box::new(move |engine| engine.move_file(effect)))),
            }
        }
        result
    }

    fn ask_about_file(&mut self, number: u64) {
        let Some(transfer) = self.files_moving.book.get(number).cloned() else {
            return;
        };
        let who = self.connected.get(&transfer.peer).and_then(|c| c.name.clone());
        let who = who.unwrap_or_else(|| format!("Node {}", transfer.peer.short()));
        let size = transfer.plan.size;
        let text = format!(
            "{who} wants to send you {} ({}).",
            transfer.name,
            calls::size_words(size)
        );
        if let Err(error) = self.notify(None, "A file for you", &text, Some("#files")) {
            self.fail(error);
        }
    }

    fn move_file(&mut self, effect: Effect) {
        match effect {
            Effect::Offer(number) => self.say_offer(number),
            Effect::Tell(number) => self.tell_file(number),
            Effect::Fetch(number) => self.fetch_file(number),
            Effect::Halt(number) => {
                if let Some(running) = self.files_moving.running.remove(&number) {
                    running.progress.ended.store(true, Ordering::Relaxed);
                    running.task.inspect(AbortHandle::abort);
                }
                self.files_moving.sources.forget(number);
            }
            Effect::Discard(number) => {
                if let Some(transfer) = self.files_moving.book.get(number) {
                    let (folder, key) = (PathBuf::from(&transfer.place), key(transfer));
                    self.runtime.spawn_blocking(move || inbox::discard(&folder, &key));
                }
            }
            Effect::Keep | Effect::Ask(_) => {}
        }
    }

    /// Asks a peer something about a file; its verdict comes to `then` on the engine.
    fn ask_peer(
        &self,
        peer: NodeId,
        request: &SendRequest,
        then: impl FnOnce(&mut Engine, Option<Verdict>) + Send + 'static,
    ) {
        let opened = self.net.open_request(&peer, request.to_bytes());
        let inputs = self.inputs.clone();
        self.runtime.spawn(async move {
            let asked = async {
                let (_send, mut recv) = opened.await.ok()?;
                let frame = recv.read_frame(MAX_VERDICT).await.ok()??;
                Verdict::from_bytes(&frame).ok()
            };
            let verdict = tokio::time::timeout(ANSWER_TIME, asked).await.ok().flatten();
            let step = move |engine: &mut Engine| {
                then(engine, verdict.map(clean_verdict));
                None
            };
            let _ = inputs.send(Input::Do(Box::new(step))).await;
        });
    }

    fn say_offer(&mut self, number: u64) {
        let Some(transfer) = self.files_moving.book.get(number) else {
            return;
        };
        let request = SendRequest::Offer {
            id: transfer.id,
            name: transfer.name.clone(),
            size: transfer.plan.size,
            hash: transfer.plan.hash,
        };
        self.ask_peer(transfer.peer, &request, move |engine, verdict| {
            let now = engine.now_ms();
            engine.with_book(|book, effects| book.answered(now, number, verdict, effects));
        });
    }

    fn tell_file(&mut self, number: u64) {
        let Some(transfer) = self.files_moving.book.get(number) else {
            return;
        };
        let request = SendRequest::Tell {
            id: transfer.id,
            receiver: transfer.incoming,
            verdict: transfer.verdict(),
        };
        // If it is lost, the sender asks when it wonders.
        self.ask_peer(transfer.peer, &request, |_, _| {});
    }

    fn fetch_file(&mut self, number: u64) {
        let Some(transfer) = self.files_moving.book.get(number).cloned() else {
            return;
        };
        let progress = Progress::new(number, self.events.clone());
        let arrival = Arrival {
            net: self.net.clone(),
            peer: transfer.peer,
            id: transfer.id,
            plan: transfer.plan,
            folder: PathBuf::from(&transfer.place),
            key: key(&transfer),
            name: transfer.name,
            progress: progress.clone(),
        };
        let inputs = self.inputs.clone();
        let ours = progress.clone();
        let task = self.runtime.spawn(async move {
            let outcome = arrival.run().await;
            let step = move |engine: &mut Engine| {
                // Only the newest attempt has a say.
                let running = &mut engine.files_moving.running;
                if running.get(&number).is_some_and(|r| Arc::ptr_eq(&r.progress, &ours)) {
                    if let Some(running) = running.get_mut(&number) {
                        running.task = None;
                    }
                    let now = engine.now_ms();
                    engine.with_book(|book, effects| book.fetched(now, number, outcome, effects));
                }
                None
            };
            let _ = inputs.send(Input::Do(Box::new(step))).await;
        });
        let task = Some(task.abort_handle());
        self.files_moving.running.insert(number, Running { progress, task });
    }

    /// A peer says or asks something about a file.
    pub(crate) fn on_file_request(&mut self, peer: NodeId, request: SendRequest, send: RequestSend, recv: RequestRecv) {
        let now = self.now_ms();
        match request {
            SendRequest::Offer { id, name, size, hash } => {
                let Some(user) = self.net.peers().iter().find(|p| p.node == peer).map(|p| p.user) else {
                    return;
                };
                let folder = self.files_folder();
                let room = self.files_room(&folder);
                let plan = Plan { size, hash };
                let offer = Offer { id, name, plan };
                let from = Sender { node: peer, user };
                let folder = folder.to_string_lossy().into_owned();
                let verdict = self.with_book(|book, effects| book.offered(now, from, offer, &folder, room, effects));
                self.answer_file(verdict, send, recv);
            }
            SendRequest::Tell { id, receiver, verdict } => {
                let verdict = clean_verdict(verdict);
                let verdict = self.with_book(|book, effects| book.told(now, &peer, &id, receiver, verdict, effects));
                self.answer_file(verdict, send, recv);
            }
            SendRequest::Values { id } => match self.with_book(|book, effects| book.serve(now, &peer, &id, effects)) {
                Ok(number) => self.serve_values(number, send, recv),
                Err(verdict) => self.answer_file(verdict, send, recv),
            },
            SendRequest::Bytes { id, from } => {
                // Dropping both ends refuses; the receiver asks for the values first and hears why there.
                if let Ok(number) = self.with_book(|book, effects| book.serve(now, &peer, &id, effects)) {
                    self.serve_bytes(number, from, send, recv);
                }
            }
        }
    }

    fn answer_file(&mut self, verdict: Verdict, mut send: RequestSend, recv: RequestRecv) {
        self.after.push(After::Run(Box::new(move |engine| {
            engine.runtime.spawn(async move {
                if send.write_frame(&verdict.to_bytes()).await.is_ok() {
                    send.finish();
                }
                drop(recv);
            });
        })));
    }

    fn source(&self, number: u64) -> Option<Source> {
        let transfer = self.files_moving.book.get(number)?;
        Some(Source {
            number,
            plan: transfer.plan,
            path: PathBuf::from(&transfer.place),
        })
    }

    fn serve_values(&mut self, number: u64, mut send: RequestSend, recv: RequestRecv) {
        let Some(source) = self.source(number) else { return };
        let sources = self.files_moving.sources.clone();
        let inputs = self.inputs.clone();
        self.runtime.spawn(async move {
            let _recv = recv;
            match sources.values(&source).await {
                Ok(values) => leave::write_values(&values, send).await,
                Err(why) => {
                    spoil(&inputs, number, why).await;
                    let reason = "the file is not there any more as it was offered".to_owned();
                    if send.write_frame(&Verdict::No { reason }.to_bytes()).await.is_ok() {
                        send.finish();
                    }
                }
            }
        });
    }

    fn serve_bytes(&mut self, number: u64, from: u64, send: RequestSend, recv: RequestRecv) {
        let Some(source) = self.source(number) else { return };
        let progress = Progress::new(number, self.events.clone());
        let sources = self.files_moving.sources.clone();
        let (inputs, shown) = (self.inputs.clone(), progress.clone());
        let task = self.runtime.spawn(async move {
            let _recv = recv;
            let alive = || {
                let inputs = inputs.clone();
                async move {
                    let step = move |engine: &mut Engine| {
                        let now = engine.now_ms();
                        engine.files_moving.book.serving(now, number);
                        None
                    };
                    let _ = inputs.send(Input::Do(Box::new(step))).await;
                }
            };
            if let Err(why) = leave::write_bytes(&sources, &source, from, send, &shown, alive).await {
                spoil(&inputs, number, why).await;
            }
        });
        let task = Some(task.abort_handle());
        // One at a time: a receiver that asks anew has lost the stream before.
        if let Some(before) = self.files_moving.running.insert(number, Running { progress, task }) {
            before.task.inspect(AbortHandle::abort);
        }
    }

    /// Keeps the values of a file that was just read for an offer.
    fn keep_values(&self, number: u64, values: Vec<Digest>, stamp: leave::Stamp) {
        self.files_moving.sources.keep(number, Arc::new(values), stamp);
    }
}

async fn spoil(inputs: &tokio::sync::mpsc::Sender<Input>, number: u64, why: String) {
    let step = move |engine: &mut Engine| {
        let now = engine.now_ms();
        engine.with_book(|book, effects| book.spoiled(now, number, &why, effects));
        None
    };
    let _ = inputs.send(Input::Do(Box::new(step))).await;
}

/// Reasons of others are shown to people.
fn clean_verdict(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::No { reason } => Verdict::No {
            reason: crate::notices::clean(&reason, 200),
        },
        other => other,
    }
}

/// A name as it goes to a peer: the last part of a path.
fn name_of(path: &Path) -> String {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned());
    safe_name(&name.unwrap_or_default())
}
