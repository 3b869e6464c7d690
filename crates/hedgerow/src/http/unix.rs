//! The Unix socket in the data folder: one message is one line.

use super::{
    Shared,
    api::{From, MAX_CALL},
    backend::Backend,
    connection::told,
    talk::{self, End, MAX_FIRST, Received, Socket},
};
use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{
        UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Semaphore, watch},
    task::JoinSet,
    time::timeout,
};

/// Name of the socket in the data folder.
const NAME: &str = "api.sock";
/// Where it is made: nobody else can enter this folder, so that the socket is never open to others for a moment.
const MAKING: &str = ".d";
/// Connections at once. Further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 128;

/// Opens the socket; answers where it is.
pub(super) fn bind(data: &Path) -> io::Result<(UnixListener, PathBuf)> {
    let (path, making) = (data.join(NAME), data.join(MAKING));
    // The system bounds the length of the path by which others connect.
    std::os::unix::net::SocketAddr::from_pathname(&path)?;
    let _ = fs::remove_dir_all(&making);
    fs::DirBuilder::new().mode(0o700).create(&making)?;
    let made = making.join("s");
    let listener = UnixListener::bind(&made)?;
    fs::set_permissions(&made, fs::Permissions::from_mode(0o600))?;
    fs::rename(&made, &path)?;
    let _ = fs::remove_dir(&making);
    Ok((listener, path))
}

/// Accepts until told to stop, then lets open connections finish.
pub(super) async fn accept<B: Backend>(
    listener: UnixListener,
    shared: Arc<Shared<B>>,
    mut stop: watch::Receiver<bool>,
) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let next = async {
            let permit = permits.clone().acquire_owned().await.ok()?;
            Some((permit, listener.accept().await))
        };
        let accepted = tokio::select! {
            accepted = next => accepted,
            () = told(&mut stop) => break,
        };
        match accepted {
            Some((permit, Ok((stream, _)))) => {
                let shared = shared.clone();
                connections.spawn(async move {
                    let _counted = permit;
                    talk::run(Lines::new(stream), shared, From::Program, None).await;
                });
            }
            // Out of files, most likely: it passes when connections end.
            Some((_, Err(e))) => {
                tracing::warn!("cannot accept a connection: {e}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            None => break,
        }
    }
    while connections.join_next().await.is_some() {}
}

struct Lines {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    longest: usize,
}

impl Lines {
    fn new(stream: UnixStream) -> Self {
        let (reader, writer) = stream.into_split();
        Self {
            reader: BufReader::with_capacity(32 << 10, reader),
            writer,
            line: Vec::new(),
            longest: MAX_FIRST,
        }
    }
}

impl Socket for Lines {
    async fn receive(&mut self) -> Received {
        loop {
            // Only this waits; what it read is kept in `line` before the next wait.
            let Ok(bytes) = self.reader.fill_buf().await else {
                return Received::Gone;
            };
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let (taken, piece) = match end {
                Some(at) => (at + 1, bytes.get(..at)),
                None => (bytes.len(), Some(bytes)),
            };
            if taken == 0 {
                return Received::Gone;
            }
            let piece = piece.unwrap_or_default();
            if self.line.len() + piece.len() > self.longest {
                return Received::Bad(End(End::SIZE, "the line is too long"));
            }
            self.line.extend_from_slice(piece);
            self.reader.consume(taken);
            if end.is_some() {
                let line = std::mem::take(&mut self.line);
                return match String::from_utf8(line) {
                    Ok(line) if line.trim().is_empty() => Received::Nothing,
                    Ok(line) => Received::Text(line),
                    Err(_) => Received::Bad(End(End::UNSUPPORTED, "the line is not UTF-8")),
                };
            }
        }
    }

    async fn send(&mut self, mut text: String) -> bool {
        text.push('\n');
        self.writer.write_all(text.as_bytes()).await.is_ok()
    }

    async fn close(&mut self, end: End) {
        let text =
            serde_json::json!({"jsonrpc": "2.0", "method": "closing", "params": {"code": end.0, "reason": end.1}});
        let _ = timeout(Duration::from_secs(1), self.send(text.to_string())).await;
        let _ = timeout(Duration::from_secs(1), self.writer.shutdown()).await;
    }

    fn welcome(&mut self) {
        self.longest = MAX_CALL;
    }
}
