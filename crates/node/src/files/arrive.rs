//! A file comes in: what is on the disk is looked through, the rest is fetched, and every piece is verified before it
//! is written.

use super::Progress;
use hedgerow_base::{NodeId, hash::Digest};
use hedgerow_files::{Outcome, Plan, TransferId, Verdict, numbered};
use hedgerow_net::{Net, RequestRecv};
use hedgerow_store::inbox::{self, Arriving};
use hedgerow_wire::send::{MAX_VERDICT, SendRequest};
use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::sync::mpsc;

/// The disk makes a file durable each time that so many bytes came.
const FLUSH: u64 = 8 << 20;
/// Bytes that may wait for the disk, in whole pieces.
const WAITING: u64 = 2 << 20;
/// How long the sender may take to read its file again before it tells the values.
const READING: Duration = Duration::from_secs(600);

/// One attempt to fetch a file.
pub(super) struct Arrival {
    pub(super) net: Net,
    pub(super) peer: NodeId,
    pub(super) id: TransferId,
    pub(super) plan: Plan,
    pub(super) folder: PathBuf,
    pub(super) key: String,
    pub(super) name: String,
    pub(super) progress: Arc<Progress>,
}

impl Arrival {
    pub(super) async fn run(self) -> Outcome {
        self.steps().await.unwrap_or_else(|outcome| outcome)
    }

    async fn steps(self) -> Result<Outcome, Outcome> {
        let values = Arc::new(self.values().await?);
        let (folder, key, plan) = (self.folder.clone(), self.key.clone(), self.plan);
        let (list, progress) = (values.clone(), self.progress.clone());
        let (part, first) = blocking(move || look(&folder, &key, &plan, &list, &progress)).await?;
        let from = self.plan.place(first).0;
        if first < self.plan.pieces() && self.plan.size > from {
            let request = SendRequest::Bytes { id: self.id, from };
            let opened = self.net.open_request(&self.peer, request.to_bytes()).await;
            let (_send, recv) = opened.map_err(|_| Outcome::Broken(false))?;
            self.take(part, values, first, recv).await
        } else {
            self.take_nothing(part, values, first).await
        }
    }

    /// The values of the pieces, which prove themselves.
    async fn values(&self) -> Result<Vec<Digest>, Outcome> {
        let broken = |_| Outcome::Broken(false);
        let request = SendRequest::Values { id: self.id };
        let opened = self.net.open_request(&self.peer, request.to_bytes()).await;
        let (_send, recv) = opened.map_err(|_| Outcome::Broken(false))?;
        let mut recv = recv.patient();
        let frame = tokio::time::timeout(READING, recv.read_frame(MAX_VERDICT)).await;
        let frame = frame.map_err(|_| Outcome::Broken(false))?.map_err(broken)?;
        match frame.map(|frame| Verdict::from_bytes(&frame)) {
            Some(Ok(Verdict::Wanted)) => {}
            Some(Ok(Verdict::No { .. })) => return Err(Outcome::Gone),
            _ => return Err(Outcome::Broken(false)),
        }
        let length = usize::try_from(self.plan.pieces()).unwrap_or(0).saturating_mul(32);
        let bytes = tokio::time::timeout(READING, recv.read_exact(length)).await;
        let bytes = bytes.map_err(|_| Outcome::Broken(false))?.map_err(broken)?;
        let values = bytes.as_chunks::<32>().0.to_vec();
        match self.plan.proves(&values) {
            true => Ok(values),
            false => Err(Outcome::Wrong(
                "what the sender says of the file does not fit together".into(),
            )),
        }
    }

    /// Reads pieces from the stream while a thread verifies and writes those before.
    async fn take(
        &self,
        part: Arriving,
        values: Arc<Vec<Digest>>,
        first: u64,
        mut recv: RequestRecv,
    ) -> Result<Outcome, Outcome> {
        let waiting = usize::try_from(WAITING / self.plan.piece_size()).unwrap_or(0).max(1);
        let (pieces, mut arrived) = mpsc::channel::<Vec<u8>>(waiting);
        let writer = self.writer(part, values, first);
        let written = tokio::task::spawn_blocking(move || writer(&mut || arrived.blocking_recv()));
        let mut broken = false;
        for index in first..self.plan.pieces() {
            let Ok(piece) = recv.read_exact(self.plan.place(index).1).await else {
                broken = true;
                break;
            };
            // The writer ended: it says why.
            if pieces.send(piece).await.is_err() {
                break;
            }
        }
        drop(pieces);
        match written.await {
            Ok(Ok((_, moved))) if broken => Ok(Outcome::Broken(moved)),
            Ok(Ok((Some(path), _))) => Ok(Outcome::Done(path)),
            Ok(Ok((None, moved))) => Ok(Outcome::Broken(moved)),
            Ok(Err(outcome)) => Err(outcome),
            Err(_) => Err(Outcome::Broken(false)),
        }
    }

    /// Everything is on the disk already, or the file is empty.
    async fn take_nothing(&self, part: Arriving, values: Arc<Vec<Digest>>, first: u64) -> Result<Outcome, Outcome> {
        let writer = self.writer(part, values, first);
        let mut empty = (first < self.plan.pieces()).then(Vec::new);
        match blocking(move || writer(&mut || empty.take())).await? {
            (Some(path), _) => Ok(Outcome::Done(path)),
            (None, _) => Ok(Outcome::Broken(false)),
        }
    }

    /// What verifies and writes pieces until there are no more; then, if all are there, gives the file its name. The
    /// second result: whether something new was written.
    #[allow(clippy::type_complexity, reason = "used twice, below its name")]
    fn writer(
        &self,
        part: Arriving,
        values: Arc<Vec<Digest>>,
        first: u64,
    ) -> impl FnOnce(&mut dyn FnMut() -> Option<Vec<u8>>) -> Result<(Option<String>, bool), Outcome> + Send + use<>
    {
        let (plan, name, progress) = (self.plan, self.name.clone(), self.progress.clone());
        move |next| {
            let trouble = |e: hedgerow_store::StoreError| Outcome::Trouble(e.to_string());
            let mut index = first;
            let mut unflushed = 0;
            while let Some(piece) = next() {
                if !plan.fits(&values, index, &piece) {
                    return Err(Outcome::Wrong("what came is not the file that was offered".into()));
                }
                let (start, length) = plan.place(index);
                part.write(start, &piece).map_err(trouble)?;
                index += 1;
                progress.set(start.saturating_add(length as u64));
                unflushed += length as u64;
                if unflushed >= FLUSH {
                    unflushed = 0;
                    part.flush().map_err(trouble)?;
                }
            }
            if index < plan.pieces() || progress.ended.load(Ordering::Relaxed) {
                return Ok((None, index > first));
            }
            let names = |number: u32| match number {
                0 => name.clone(),
                number => numbered(&name, number),
            };
            let path = part.keep(names).map_err(trouble)?;
            Ok((Some(path.to_string_lossy().into_owned()), true))
        }
    }
}

/// Opens what an earlier attempt left and finds the first piece that is not whole; what follows is cut off.
fn look(
    folder: &std::path::Path,
    key: &str,
    plan: &Plan,
    values: &[Digest],
    progress: &Progress,
) -> Result<(Arriving, u64), Outcome> {
    let trouble = |e: hedgerow_store::StoreError| Outcome::Trouble(e.to_string());
    let part = Arriving::open(folder, key).map_err(trouble)?;
    let there = part.length().map_err(trouble)?;
    let mut buffer = plan.buffer();
    let mut first = 0;
    while there > 0 && first < plan.pieces() {
        let (start, length) = plan.place(first);
        let Some(piece) = buffer.get_mut(..length) else { break };
        let whole = start.saturating_add(length as u64) <= there
            && part.read(start, piece).is_ok()
            && plan.fits(values, first, piece);
        if !whole {
            break;
        }
        first += 1;
    }
    let (from, _) = plan.place(first);
    if there > from {
        part.cut(from).map_err(trouble)?;
    }
    progress.set(from);
    if plan.size.saturating_sub(from) > inbox::room(folder).unwrap_or(u64::MAX) {
        return Err(Outcome::Trouble(
            "the disk is full; free some space, and it goes on".into(),
        ));
    }
    Ok((part, first))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Outcome> + Send + 'static) -> Result<T, Outcome> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or(Err(Outcome::Broken(false)))
}
