//! What plugins write: two files for each, of which the older one goes when the newer is full.
//!
//! A plugin that writes without end is read more slowly, so that it waits on its own pipe. It costs nobody else CPU,
//! disk or memory.

use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    io::{self, BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    time::{Instant, sleep},
};

/// Size at which a file is put aside.
const FILE: u64 = 1 << 20;
/// Longest line, bytes; the rest of a longer one is another line.
pub const MAX_LINE: usize = 4096;
/// What may be written at once, and how much a second after that.
const BURST: f64 = (1 << 20) as f64;
const PER_SECOND: f64 = (32 << 10) as f64;

/// Who wrote a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The plugin's standard output.
    Out,
    /// Its standard error.
    Err,
    /// The node, about the plugin.
    Node,
}

impl Source {
    /// As it is written and shown.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::Err => "err",
            Self::Node => "node",
        }
    }
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When it came.
    pub time_ms: u64,
    /// `out`, `err` or `node`.
    pub source: String,
    /// Without its end.
    pub text: String,
}

/// The log of one plugin. Clones write into the same.
#[derive(Clone)]
pub(super) struct Log {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    folder: PathBuf,
    file: Option<File>,
    size: u64,
    budget: f64,
    counted: Instant,
}

const NOW: &str = "log";
const BEFORE: &str = "log.1";

impl Log {
    /// A log in `folder`, which is made with the first line.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            inner: Arc::new(Mutex::new(Inner {
                folder,
                file: None,
                size: 0,
                budget: BURST,
                counted: Instant::now(),
            })),
        }
    }

    /// Writes a line; answers how long its writer is to wait before it is read further. A disk that refuses loses the
    /// line, not the plugin.
    pub(super) fn line(&self, source: Source, text: &[u8]) -> Duration {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = inner.write(source, text) {
            tracing::debug!(%error, "a line of a plugin is lost");
            inner.file = None;
        }
        inner.wait(text.len())
    }

    /// Reads a stream of the plugin to its end.
    pub(super) async fn pump(self, source: Source, mut stream: impl AsyncRead + Unpin) {
        let mut buffer = Vec::with_capacity(MAX_LINE);
        let mut piece = [0; MAX_LINE];
        while let Ok(count) = stream.read(&mut piece).await {
            if count == 0 {
                break;
            }
            for byte in piece.iter().take(count) {
                if *byte != b'\n' {
                    buffer.push(*byte);
                }
                if *byte == b'\n' || buffer.len() >= MAX_LINE {
                    let wait = self.line(source, &buffer);
                    buffer.clear();
                    if !wait.is_zero() {
                        sleep(wait).await;
                    }
                }
            }
        }
        if !buffer.is_empty() {
            self.line(source, &buffer);
        }
    }
}

impl Inner {
    fn write(&mut self, source: Source, text: &[u8]) -> io::Result<()> {
        if self.size > FILE {
            self.file = None;
            fs::rename(self.folder.join(NOW), self.folder.join(BEFORE))?;
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                fs::create_dir_all(&self.folder)?;
                let file = OpenOptions::new()
                    .create(true)
                    .append(true)
                    .open(self.folder.join(NOW))?;
                self.size = file.metadata()?.len();
                self.file.insert(file)
            }
        };
        let text = String::from_utf8_lossy(text);
        let line = format!(
            "{}\t{}\t{}\n",
            super::now_ms(),
            source.name(),
            text.trim_end_matches('\r')
        );
        file.write_all(line.as_bytes())?;
        self.size += line.len() as u64;
        Ok(())
    }

    fn wait(&mut self, size: usize) -> Duration {
        let now = Instant::now();
        let gained = now.duration_since(self.counted).as_secs_f64() * PER_SECOND;
        self.counted = now;
        // A short line costs disk, too: its time and its name.
        self.budget = (self.budget + gained).min(BURST) - (size + 32) as f64;
        match self.budget < 0.0 {
            true => Duration::from_secs_f64(-self.budget / PER_SECOND),
            false => Duration::ZERO,
        }
    }
}

/// The newest lines of a log, oldest first.
pub(super) fn newest(folder: &Path, most: usize) -> io::Result<Vec<Line>> {
    let mut lines = VecDeque::new();
    for name in [BEFORE, NOW] {
        let file = match File::open(folder.join(name)) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            Err(e) => return Err(e),
        };
        for line in BufReader::new(file).split(b'\n') {
            if lines.len() >= most {
                lines.pop_front();
            }
            lines.push_back(parsed(&String::from_utf8_lossy(&line?)));
        }
    }
    Ok(lines.into())
}

/// A line that the power took half of is shown as it is.
fn parsed(line: &str) -> Line {
    let mut parts = line.splitn(3, '\t');
    let (time, source, text) = (parts.next(), parts.next(), parts.next());
    match (time.and_then(|t| t.parse().ok()), source, text) {
        (Some(time_ms), Some(source), Some(text)) => Line {
            time_ms,
            source: source.to_owned(),
            text: text.to_owned(),
        },
        _ => Line {
            time_ms: 0,
            source: Source::Node.name().to_owned(),
            text: line.to_owned(),
        },
    }
}

/// Bytes of a log on the disk.
pub(super) fn size(folder: &Path) -> u64 {
    let of = |name: &str| fs::metadata(folder.join(name)).map_or(0, |data| data.len());
    of(NOW) + of(BEFORE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_come_back_in_order_and_long_ones_are_cut() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::new(folder.path().join("clock"));
        let long = vec![b'x'; MAX_LINE + 10];
        let text = [b"one\r\ntwo\n\xff\n".as_slice(), &long].concat();
        log.pump(Source::Out, text.as_slice()).await;
        let lines = newest(&folder.path().join("clock"), 10).unwrap();
        let texts: Vec<&str> = lines.iter().map(|l| l.text.as_str()).collect();
        assert_eq!(texts[..3], ["one", "two", "\u{fffd}"]);
        assert_eq!((texts[3].len(), texts[4].len()), (MAX_LINE, 10));
        assert!(lines.iter().all(|l| l.source == "out" && l.time_ms > 0));
        assert_eq!(newest(&folder.path().join("clock"), 2).unwrap().len(), 2);
    }

    #[test]
    fn a_log_never_grows_beyond_two_files() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::new(folder.path().to_owned());
        let mut longest_wait = Duration::ZERO;
        for _ in 0..2000 {
            longest_wait = longest_wait.max(log.line(Source::Err, &[b'y'; 4000]));
        }
        assert!(size(folder.path()) < 2 * FILE + 2 * MAX_LINE as u64 + 200);
        assert!(
            longest_wait > Duration::from_secs(60),
            "8 MB are not taken in one go: {longest_wait:?}"
        );
    }
}
