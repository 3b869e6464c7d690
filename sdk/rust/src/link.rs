//! One connection: a task that writes lines, a task that reads them.

use crate::{
    Error, Event,
    events::{Events, Readers},
};
use serde::Deserialize;
use serde_json::Value;
use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, oneshot},
};

/// Longest line that is read, in bytes.
const LONGEST: usize = 128 << 20;
/// Lines that wait to be written.
const MAX_LINES: usize = 64;

/// Lines from the node.
pub(crate) type Lines = BufReader<OwnedReadHalf>;

/// What is shared between the calls and the reading task.
#[derive(Default)]
pub(crate) struct Shared(Mutex<State>);

#[derive(Default)]
struct State {
    next: u64,
    waiting: HashMap<u64, oneshot::Sender<Result<Value, Error>>>,
    readers: Readers,
    ended: Option<String>,
}

/// What a line from the node says.
#[derive(Deserialize)]
struct Line {
    id: Option<u64>,
    method: Option<String>,
    #[serde(default)]
    params: Value,
    #[serde(default)]
    result: Value,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
    #[serde(default)]
    data: Value,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Number of a new call, and where its answer comes.
    pub(crate) fn expect(&self) -> Result<(u64, oneshot::Receiver<Result<Value, Error>>), Error> {
        let mut state = self.state();
        if let Some(why) = &state.ended {
            return Err(Error::Closed(why.clone()));
        }
        // Calls that nobody waits for any more are forgotten.
        state.waiting.retain(|_, waiting| !waiting.is_closed());
        state.next += 1;
        let number = state.next;
        let (answer, answered) = oneshot::channel();
        state.waiting.insert(number, answer);
        Ok((number, answered))
    }

    pub(crate) fn events(&self) -> Events {
        self.state().readers.add()
    }

    /// Why the connection ended.
    pub(crate) fn why(&self) -> String {
        self.state().ended.clone().unwrap_or_else(|| "it was closed".into())
    }

    fn take(&self, line: Line) {
        let mut state = self.state();
        match line.method.as_deref() {
            Some("event") => {
                if let Ok(event) = serde_json::from_value::<Event>(line.params) {
                    state.readers.tell(&event);
                }
            }
            Some("closing") => {
                let reason = line.params["reason"].as_str().unwrap_or("the node closed it");
                state.ended = Some(reason.to_owned());
            }
            _ => {
                let Some(waiting) = line.id.and_then(|id| state.waiting.remove(&id)) else {
                    return;
                };
                let _ = waiting.send(match line.error {
                    None => Ok(line.result),
                    Some(refusal) => Err(refused(&refusal.data["code"], refusal.message)),
                });
            }
        }
    }

    fn end(&self, why: &str) {
        let mut state = self.state();
        let why = state.ended.get_or_insert_with(|| why.to_owned()).clone();
        for (_, waiting) in state.waiting.drain() {
            let _ = waiting.send(Err(Error::Closed(why.clone())));
        }
        state.readers.end();
    }
}

/// An error as the node says it.
pub(crate) fn refused(code: &Value, message: String) -> Error {
    Error::Node {
        code: code.as_str().unwrap_or("bug").to_owned(),
        message,
    }
}

/// Starts the tasks of a connection that has been let in. It ends when all senders of lines are gone.
pub(crate) fn start(lines: Lines, write: OwnedWriteHalf) -> (Arc<Shared>, mpsc::Sender<Vec<u8>>) {
    let shared = Arc::new(Shared::default());
    let (sender, queue) = mpsc::channel(MAX_LINES);
    tokio::spawn(write_lines(write, queue));
    tokio::spawn(read_lines(lines, shared.clone()));
    (shared, sender)
}

/// A whole line is written once it was begun, whatever becomes of the call.
async fn write_lines(mut write: OwnedWriteHalf, mut queue: mpsc::Receiver<Vec<u8>>) {
    while let Some(line) = queue.recv().await {
        if write.write_all(&line).await.is_err() {
            return;
        }
    }
    let _ = write.shutdown().await;
}

async fn read_lines(mut lines: Lines, shared: Arc<Shared>) {
    let why = loop {
        match next_line(&mut lines, LONGEST).await {
            Ok(Some(line)) => match serde_json::from_slice(&line) {
                Ok(line) => shared.take(line),
                Err(error) => break format!("the node said what is no message: {error}"),
            },
            Ok(None) => break "the node closed it".into(),
            Err(error) => break error.to_string(),
        }
    };
    shared.end(&why);
}

/// Opens the socket.
pub(crate) async fn open(socket: &std::path::Path) -> io::Result<(Lines, OwnedWriteHalf)> {
    let (read, write) = UnixStream::connect(socket).await?.into_split();
    Ok((BufReader::new(read), write))
}

/// The next line without its end; none at the end.
pub(crate) async fn next_line(lines: &mut (impl AsyncBufRead + Unpin), longest: usize) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    loop {
        let bytes = lines.fill_buf().await?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let part = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
        if line.len() + part.len() > longest {
            return Err(io::Error::other(format!(
                "the node sent more than {longest} bytes in a line"
            )));
        }
        line.extend_from_slice(part);
        let taken = part.len() + usize::from(end.is_some());
        lines.consume(taken);
        if end.is_some() && !line.is_empty() {
            return Ok(Some(line));
        }
    }
}
