//! What was called, by whom, how often and with what outcome (W25): for the owner to read. Counted in memory, one line
//! for each caller, method and minute, and written beside the work, so that no call waits for it.

use crate::{caller::Caller, engine::system_now_ms};
use hedgerow_api::{
    ApiError, ErrorCode, Request,
    types::{AuditLine, CallerKind},
};
use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How often counts are written: so much is forgotten at most when the machine loses power.
const WRITE: Duration = Duration::from_secs(10);
/// Size at which the file is put aside; the one before goes.
const FILE: u64 = 2 << 20;
/// Different lines between two writes; what comes beyond is counted under the name `…`.
const MOST: usize = 4096;
/// Longest name of a caller, characters.
const LONGEST: usize = 64;
const MINUTE_MS: u64 = 60_000;

type Key = (u64, CallerKind, String, Cow<'static, str>);

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    calls: u64,
    refused: u64,
    failed: u64,
    bytes: u64,
}

/// The list of calls of a node.
pub(crate) struct Audit {
    folder: PathBuf,
    open: Mutex<BTreeMap<Key, Counts>>,
}

impl Audit {
    /// The list in a data folder.
    pub(crate) fn new(data: &Path) -> Arc<Self> {
        Arc::new(Self {
            folder: data.join("audit"),
            open: Mutex::default(),
        })
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<Key, Counts>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who calls what, to be counted when the outcome is known.
    pub(crate) fn begin(caller: &Caller, request: &Request) -> (CallerKind, String, &'static str) {
        let (kind, name) = caller.named(request);
        (kind, name.chars().take(LONGEST).collect(), request.name())
    }

    /// Counts a call of `bytes`.
    pub(crate) fn note<T>(
        &self,
        (kind, name, method): (CallerKind, String, &'static str),
        bytes: usize,
        outcome: &Result<T, ApiError>,
    ) {
        let minute = system_now_ms() / MINUTE_MS * MINUTE_MS;
        let mut open = self.open();
        let key = (minute, kind, name, Cow::Borrowed(method));
        let key = match open.len() >= MOST && !open.contains_key(&key) {
            true => (minute, kind, "…".to_owned(), Cow::Borrowed(method)),
            false => key,
        };
        let counts = open.entry(key).or_default();
        counts.calls += 1;
        counts.bytes = counts.bytes.saturating_add(bytes as u64);
        match outcome {
            Ok(_) => {}
            Err(e) if matches!(e.code, ErrorCode::Denied | ErrorCode::NeedsGrant) => counts.refused += 1,
            Err(_) => counts.failed += 1,
        }
    }

    /// Notes bytes that an instance moved with the web.
    pub(crate) fn moved(&self, kind: CallerKind, instance: &str, bytes: u64) {
        let minute = system_now_ms() / MINUTE_MS * MINUTE_MS;
        let key = (minute, kind, instance.to_owned(), Cow::Borrowed("web.fetch"));
        let mut open = self.open();
        if open.len() < MOST || open.contains_key(&key) {
            let counts = open.entry(key).or_default();
            counts.bytes = counts.bytes.saturating_add(bytes);
        }
    }

    /// Notes what the owner decided about an instance.
    pub(crate) fn say(&self, instance: &str, what: &str) {
        let minute = system_now_ms() / MINUTE_MS * MINUTE_MS;
        let key = (
            minute,
            CallerKind::Widget,
            instance.to_owned(),
            Cow::Owned(what.to_owned()),
        );
        let mut open = self.open();
        if open.len() < MOST || open.contains_key(&key) {
            open.entry(key).or_default().calls += 1;
        }
    }

    /// Writes from time to time, as long as somebody else keeps the list.
    pub(crate) async fn keep(self: Arc<Self>) {
        let list = Arc::downgrade(&self);
        drop(self);
        loop {
            tokio::time::sleep(WRITE).await;
            let Some(list) = list.upgrade() else { return };
            let written = tokio::task::spawn_blocking(move || list.write()).await;
            if let Ok(Err(error)) = written {
                tracing::warn!(%error, "the list of calls could not be written");
            }
        }
    }

    /// Writes what was counted.
    pub(crate) fn write(&self) -> io::Result<()> {
        let counted = std::mem::take(&mut *self.open());
        if counted.is_empty() {
            return Ok(());
        }
        fs::create_dir_all(&self.folder)?;
        let (now, before) = self.files();
        if fs::metadata(&now).is_ok_and(|data| data.len() > FILE) {
            fs::rename(&now, &before)?;
        }
        let mut text = Vec::new();
        for line in counted.into_iter().map(line) {
            serde_json::to_writer(&mut text, &line)?;
            text.push(b'\n');
        }
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(now)?.write_all(&text)
    }

    fn files(&self) -> (PathBuf, PathBuf) {
        (self.folder.join("calls.jsonl"), self.folder.join("calls.1.jsonl"))
    }

    /// The newest lines, newest first; only of `name` (or of a kind of this name) when it is given.
    pub(crate) fn list(&self, name: Option<&str>, most: usize) -> Vec<AuditLine> {
        let (now, before) = self.files();
        let mut all: BTreeMap<(u64, CallerKind, String, String), AuditLine> = BTreeMap::new();
        let texts = [before, now].map(|file| fs::read_to_string(file).unwrap_or_default());
        let written = texts
            .iter()
            .flat_map(|text| text.lines())
            .filter_map(|text| serde_json::from_str(text).ok());
        let open: Vec<AuditLine> = self.open().clone().into_iter().map(line).collect();
        for line in written
            .chain(open)
            .filter(|line| name.is_none_or(|name| concerns(line, name)))
        {
            let key = (line.time_ms, line.kind, line.name.clone(), line.method.clone());
            match all.get_mut(&key) {
                None => {
                    all.insert(key, line);
                }
                Some(sum) => {
                    sum.calls += line.calls;
                    sum.refused += line.refused;
                    sum.failed += line.failed;
                    sum.bytes = sum.bytes.saturating_add(line.bytes);
                }
            }
        }
        all.into_values().rev().take(most).collect()
    }
}

fn concerns(line: &AuditLine, name: &str) -> bool {
    let kind = match line.kind {
        CallerKind::Dashboard => "dashboard",
        CallerKind::Program => "program",
        CallerKind::Widget => "widget",
        CallerKind::Plugin => "plugin",
        CallerKind::Component => "component",
    };
    line.name == name || kind == name
}

fn line(((time_ms, kind, name, method), counts): (Key, Counts)) -> AuditLine {
    AuditLine {
        time_ms,
        kind,
        name,
        method: method.into_owned(),
        calls: counts.calls,
        refused: counts.refused,
        failed: counts.failed,
        bytes: counts.bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(audit: &Audit, name: &str, outcome: Result<(), ErrorCode>) {
        let outcome = outcome.map_err(|code| ApiError::new(code, "why"));
        audit.note((CallerKind::Plugin, name.into(), "node.status"), 10, &outcome);
    }

    #[test]
    fn calls_are_counted_by_outcome_and_survive_the_end_of_the_node() {
        let data = tempfile::tempdir().unwrap();
        let audit = Audit::new(data.path());
        note(&audit, "clock", Ok(()));
        note(&audit, "clock", Err(ErrorCode::Denied));
        audit.write().unwrap();
        note(&audit, "clock", Err(ErrorCode::NotFound));
        note(&audit, "other", Ok(()));
        let sum = |audit: &Audit, name| {
            let lines = audit.list(Some(name), 10);
            lines.iter().fold((0, 0, 0, 0), |(c, r, f, b), l| {
                (c + l.calls, r + l.refused, f + l.failed, b + l.bytes)
            })
        };
        assert_eq!(sum(&audit, "clock"), (3, 1, 1, 30));
        assert_eq!(sum(&audit, "plugin"), (4, 1, 1, 40));
        audit.write().unwrap();
        assert_eq!(sum(&Audit::new(data.path()), "clock"), (3, 1, 1, 30));
    }

    #[test]
    fn many_names_do_not_take_memory_without_end() {
        let data = tempfile::tempdir().unwrap();
        let audit = Audit::new(data.path());
        for number in 0..3 * MOST {
            note(&audit, &format!("name {number}"), Ok(()));
        }
        assert!(
            audit.open().len() <= MOST + 2,
            "one more for each minute that begins meanwhile"
        );
    }
}
