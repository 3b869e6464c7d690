//! Driving fetches: requests to peers, chunks to the partial file, and serving what peers ask for.

use crate::{
    engine::{Engine, Input, store_error},
    handle::{NodeHandle, blocking},
    packages::Shared,
};
use bytes::Bytes;
use hedgerow_api::{ApiError, ErrorCode, Event};
use hedgerow_base::{ContentId, NodeId, WidgetId, limits::CHUNK};
use hedgerow_directory::fetch::{ContentManifest, Effect, Fetch, Input as FetchInput};
use hedgerow_net::{RequestRecv, RequestSend};
use hedgerow_store::files::Partial;
use hedgerow_wire::fetch::{FetchRequest, MAX_MANIFEST_FRAME, ManifestBody};
use hedgerow_wire::stream::StreamRequest;
use std::{
    collections::{BTreeMap, BTreeSet},
    os::unix::fs::FileExt as _,
    sync::Arc,
    time::Duration,
};
use tokio::sync::oneshot;

/// How long a fetch waits for a peer that has the package, in milliseconds.
const PATIENCE_MS: u64 = 20_000;
/// How long a peer waits for what is fetched for it.
const FOR_PEER: Duration = Duration::from_secs(12);
/// The disk begins to make a download durable each time that so many bytes came.
const FLUSH: usize = 8 << 20;
/// Bytes written to a stream at once.
const WRITE: usize = 256 << 10;

type Waiter = oneshot::Sender<Result<(), ApiError>>;

struct Task {
    fetch: Fetch,
    uuid: String,
    partial: Option<Arc<Partial>>,
    waiters: Vec<Waiter>,
    /// When it is given up unless something arrives.
    give_up_ms: u64,
    told: u64,
    /// Bytes at the start of the file that a previous run may have left.
    existed: bool,
    /// Bytes written since the disk was last asked to make them durable.
    unflushed: usize,
}

/// Fetches under way.
#[derive(Default)]
pub(crate) struct Fetches {
    tasks: BTreeMap<ContentId, Task>,
}

impl Fetches {
    pub(crate) fn poll_timeout(&self) -> Option<u64> {
        let due = |t: &Task| t.fetch.poll_timeout().unwrap_or(u64::MAX).min(t.give_up_ms);
        self.tasks.values().map(due).min()
    }
}

impl Engine {
    /// Starts a fetch or joins one that is under way.
    pub(crate) fn start_fetch(&mut self, content: ContentId, uuid: &str, waiter: Waiter) -> Result<(), ApiError> {
        let now = self.now_ms();
        let give_up_ms = now.saturating_add(PATIENCE_MS);
        if let Some(task) = self.fetches.tasks.get_mut(&content) {
            task.waiters.push(waiter);
            task.give_up_ms = give_up_ms;
            return Ok(());
        }
        let task = Task {
            fetch: Fetch::new(content),
            uuid: uuid.to_owned(),
            partial: None,
            waiters: vec![waiter],
            give_up_ms,
            told: 0,
            existed: self.files.has_partial(&content),
            unflushed: 0,
        };
        self.fetches.tasks.insert(content, task);
        self.call_for_package();
        let peers: Vec<NodeId> = self.connected.keys().copied().collect();
        peers
            .into_iter()
            .for_each(|peer| self.fetch_input(&content, FetchInput::Peer(peer)));
        Ok(())
    }

    /// Packages that are being fetched.
    pub(crate) fn fetches_under_way(&self) -> usize {
        self.fetches.tasks.len()
    }
    /// Whether a package is being fetched.
    pub(crate) fn is_fetching(&self, content: &ContentId) -> bool {
        self.fetches.tasks.contains_key(content)
    }

    /// Ends the downloads of a widget, because the person wants so.
    pub(crate) fn cancel_fetch(&mut self, widget: &WidgetId) {
        let uuid = widget.to_string();
        let contents: Vec<_> = self
            .fetches
            .tasks
            .iter()
            .filter(|(_, t)| t.uuid == uuid)
            .map(|(c, _)| *c)
            .collect();
        for content in contents {
            let why = "the download was stopped; what was fetched is kept for the next time";
            self.end_fetch(&content, Err(ApiError::new(ErrorCode::Refused, why)));
        }
    }
    pub(crate) fn fetch_holders(&self, content: &ContentId) -> u32 {
        self.fetches
            .tasks
            .get(content)
            .map_or(0, |t| u32::try_from(t.fetch.holders()).unwrap_or(u32::MAX))
    }
    pub(crate) fn offer_peer_to_fetches(&mut self, peer: NodeId) {
        let contents: Vec<_> = self.fetches.tasks.keys().copied().collect();
        contents
            .iter()
            .for_each(|content| self.fetch_input(content, FetchInput::Peer(peer)));
    }
    pub(crate) fn peer_gone_from_fetches(&mut self, peer: NodeId) {
        let contents: Vec<_> = self.fetches.tasks.keys().copied().collect();
        contents
            .iter()
            .for_each(|content| self.fetch_input(content, FetchInput::PeerGone(peer)));
    }

    pub(crate) fn fetch_timeouts(&mut self, now: u64) {
        let contents: Vec<_> = self.fetches.tasks.keys().copied().collect();
        for content in contents {
            let Some(task) = self.fetches.tasks.get_mut(&content) else {
                continue;
            };
            if task.give_up_ms <= now {
                self.end_fetch(
                    &content,
                    Err(ApiError::new(
                        ErrorCode::Unreachable,
                        "no connected peer has this package now; connect to somebody who uses the widget and try again (what was fetched is kept)",
                    )),
                );
                continue;
            }
            if task.fetch.poll_timeout().is_some_and(|due| due <= now) {
                let mut effects = Vec::new();
                task.fetch.handle_timeout(now, &mut effects);
                self.apply_fetch(&content, effects);
            }
        }
    }

    fn fetch_input(&mut self, content: &ContentId, input: FetchInput) {
        let now = self.now_ms();
        let Some(task) = self.fetches.tasks.get_mut(content) else {
            return;
        };
        if matches!(
            input,
            FetchInput::Chunk(..) | FetchInput::Manifest(_, Some(_)) | FetchInput::Stored(_)
        ) {
            task.give_up_ms = now.saturating_add(PATIENCE_MS);
        }
        let mut effects = Vec::new();
        task.fetch.handle(now, input, &mut effects);
        self.apply_fetch(content, effects);
    }

    fn apply_fetch(&mut self, content: &ContentId, effects: Vec<Effect>) {
        for effect in effects {
            if let Err(error) = self.apply_fetch_effect(content, effect) {
                self.end_fetch(content, Err(error));
                return;
            }
        }
    }

    fn apply_fetch_effect(&mut self, content: &ContentId, effect: Effect) -> Result<(), ApiError> {
        let content = *content;
        match effect {
            Effect::AskManifest(peer) => self.ask_manifest(content, peer),
            Effect::CheckStored(manifest) => self.check_stored(content, manifest)?,
            Effect::AskChunks { peer, first, count } => self.ask_chunks(content, peer, first, count),
            Effect::Store { offset, bytes } => {
                let Some(task) = self.fetches.tasks.get_mut(&content) else {
                    return Ok(());
                };
                let Some(partial) = task.partial.clone() else {
                    return Ok(());
                };
                partial.write(offset, &bytes).map_err(|e| store_error(&e))?;
                task.unflushed += bytes.len();
                if task.unflushed >= FLUSH {
                    task.unflushed = 0;
                    self.runtime.spawn_blocking(move || partial.flush());
                }
            }
            Effect::Progress { done, total } => {
                let Some(task) = self.fetches.tasks.get_mut(&content) else {
                    return Ok(());
                };
                // At most a hundred steps are told.
                if done == total || done.saturating_sub(task.told) >= total / 100 {
                    task.told = done;
                    let uuid = task.uuid.clone();
                    self.emit(Event::FetchProgress {
                        uuid,
                        done,
                        total,
                        failed: None,
                    });
                }
            }
            Effect::Done => self.finish_fetch(content),
            Effect::Misbehaved { peer, what } => self.charge(peer, what),
        }
        Ok(())
    }

    fn ask_manifest(&self, content: ContentId, peer: NodeId) {
        let request = self
            .net
            .open_request(&peer, FetchRequest::Manifest { content }.to_bytes());
        let inputs = self.inputs.clone();
        self.runtime.spawn(async move {
            let body = async {
                let (_send, mut recv) = request.await.ok()?;
                let frame = recv.read_frame(MAX_MANIFEST_FRAME).await.ok()??;
                ManifestBody::from_bytes(&frame).ok()
            };
            let body = body.await;
            let step = move |engine: &mut Engine| {
                engine.fetch_input(&content, FetchInput::Manifest(peer, body));
                None
            };
            let _ = inputs.send(Input::Do(Box::new(step))).await;
        });
    }

    fn check_stored(&mut self, content: ContentId, manifest: ContentManifest) -> Result<(), ApiError> {
        let partial = self
            .files
            .open_partial(&content, manifest.size())
            .map_err(|e| store_error(&e))?;
        let partial = Arc::new(partial);
        let Some(task) = self.fetches.tasks.get_mut(&content) else {
            return Ok(());
        };
        task.partial = Some(partial.clone());
        let existed = task.existed;
        let inputs = self.inputs.clone();
        self.runtime.spawn(async move {
            let check = move || {
                let whole = |index: &u32| {
                    let (offset, length) = manifest.place(*index);
                    partial
                        .read(offset, length)
                        .is_ok_and(|bytes| manifest.fits(*index, &bytes))
                };
                let stored: BTreeSet<u32> = if existed {
                    (0..manifest.chunks()).filter(whole).collect()
                } else {
                    BTreeSet::new()
                };
                Ok(stored)
            };
            let stored = blocking(check).await.unwrap_or_default();
            let step = move |engine: &mut Engine| {
                engine.fetch_input(&content, FetchInput::Stored(stored));
                None
            };
            let _ = inputs.send(Input::Do(Box::new(step))).await;
        });
        Ok(())
    }

    fn ask_chunks(&self, content: ContentId, peer: NodeId, first: u32, count: u32) {
        let Some(size) = self
            .fetches
            .tasks
            .get(&content)
            .and_then(|t| t.fetch.manifest())
            .map(ContentManifest::size)
        else {
            return;
        };
        let request = self
            .net
            .open_request(&peer, FetchRequest::Chunks { content, first, count }.to_bytes());
        let inputs = self.inputs.clone();
        self.runtime.spawn(async move {
            let all = async {
                let (_send, mut recv) = request.await.ok()?;
                for index in first..first.checked_add(count)? {
                    let start = u64::from(index) * CHUNK as u64;
                    let length = usize::try_from(size.saturating_sub(start).min(CHUNK as u64)).ok()?;
                    let bytes = recv.read_exact(length).await.ok()?;
                    let step = move |engine: &mut Engine| {
                        engine.fetch_input(&content, FetchInput::Chunk(peer, index, bytes));
                        None
                    };
                    inputs.send(Input::Do(Box::new(step))).await.ok()?;
                }
                Some(())
            };
            if all.await.is_none() {
                let step = move |engine: &mut Engine| {
                    engine.fetch_input(&content, FetchInput::Failed(peer));
                    None
                };
                let _ = inputs.send(Input::Do(Box::new(step))).await;
            }
        });
    }

    /// Everything is there and verified: make it durable beside the engine, then tell who waits.
    fn finish_fetch(&mut self, content: ContentId) {
        let task = self.fetches.tasks.get(&content);
        let partial = task.and_then(|t| t.partial.clone());
        if let Some(manifest) = task.and_then(|t| t.fetch.manifest()) {
            self.shared.keep_manifest(content, Arc::new(manifest.clone()));
        }
        let files = self.files.clone();
        let inputs = self.inputs.clone();
        self.runtime.spawn(async move {
            let finished = blocking(move || match partial {
                Some(partial) => files.finish(&content, &partial).map_err(|e| store_error(&e)),
                None => Err(ApiError::new(ErrorCode::Bug, "a fetch without a file")),
            });
            let finished = finished.await;
            let step = move |engine: &mut Engine| {
                if finished.is_ok() {
                    engine.shared.offer(content);
                }
                engine.end_fetch(&content, finished);
                None
            };
            let _ = inputs.send(Input::Do(Box::new(step))).await;
        });
    }

    fn end_fetch(&mut self, content: &ContentId, result: Result<(), ApiError>) {
        let Some(task) = self.fetches.tasks.remove(content) else {
            return;
        };
        if let Err(error) = &result {
            let failed = Some(error.message.clone());
            self.emit(Event::FetchProgress {
                uuid: task.uuid,
                done: task.told,
                total: task.told,
                failed,
            });
        }
        for waiter in task.waiters {
            let _ = waiter.send(result.clone());
        }
        self.emit(Event::InstancesChanged {});
    }

    /// Answers a peer's request beside the engine.
    pub(crate) fn serve_request(&self, node: NodeId, header: Vec<u8>, send: RequestSend, recv: RequestRecv) {
        if let Ok(request) = StreamRequest::from_bytes(&header) {
            return self.serve_stream(node, request, send, recv);
        }
        let handle = self.handle();
        self.runtime.spawn(async move {
            // Dropping both ends refuses the request; an unknown request is of a newer version, not a fault.
            let Ok(request) = FetchRequest::from_bytes(&header) else {
                return;
            };
            if let Err(error) = serve(&handle, request, send).await {
                tracing::debug!(peer = %node.short(), %error, "a request was not served");
            }
            drop(recv);
        });
    }
}

/// Fetches a package for a peer that asked for it, if it is one of the directory's and within what may be spent for others:
/// so a package reaches people who are connected to nobody who uses it.
async fn fetch_for_peer(node: &NodeHandle, content: ContentId) {
    let Ok(Some(uuid)) = node.with(move |engine| Ok(engine.may_fetch_for_peer(&content))).await else {
        return;
    };
    if let Ok(Ok(())) = tokio::time::timeout(FOR_PEER, node.fetch(content, &uuid)).await {
        let _ = node.with(move |engine| engine.fetched_for_peer(content)).await;
    }
}

async fn serve(node: &NodeHandle, request: FetchRequest, mut send: RequestSend) -> Result<(), ApiError> {
    let shared = &node.shared;
    let broken = |e: hedgerow_net::StreamError| ApiError::new(ErrorCode::Unreachable, e.to_string());
    match request {
        FetchRequest::Manifest { content } => {
            if !shared.offers(&content) {
                fetch_for_peer(node, content).await;
            }
            let manifest = offered_manifest(shared, content).await?;
            send.write_frame(&manifest.body().to_bytes()).await.map_err(broken)?;
        }
        FetchRequest::Chunks { content, first, count } => {
            let manifest = offered_manifest(shared, content).await?;
            let last = first.saturating_add(count).min(manifest.chunks());
            for index in first..last {
                let (offset, length) = manifest.place(index);
                let files = shared.files.clone();
                let bytes = blocking(move || {
                    let file = files.open_read(&content).map_err(|e| store_error(&e))?;
                    let mut bytes = vec![0; length];
                    let read = file.read_exact_at(&mut bytes, offset);
                    read.map_err(|e| ApiError::new(ErrorCode::Local, e.to_string()))?;
                    Ok(bytes)
                })
                .await?;
                let mut bytes = Bytes::from(bytes);
                while !bytes.is_empty() {
                    send.write(bytes.split_to(bytes.len().min(WRITE)))
                        .await
                        .map_err(broken)?;
                }
            }
        }
    }
    send.finish();
    Ok(())
}

async fn offered_manifest(shared: &Arc<Shared>, content: ContentId) -> Result<Arc<ContentManifest>, ApiError> {
    let shared = shared.clone();
    blocking(move || {
        if !shared.offers(&content) {
            return Err(ApiError::new(ErrorCode::NotFound, "not offered here"));
        }
        shared.manifest(&content)
    })
    .await
}
