//! A file goes out: it is read once to know what it hashes to, and again as the receiver asks for it.

use super::Progress;
use bytes::{Bytes, BytesMut};
use hedgerow_base::hash::Digest;
use hedgerow_files::{Builder, Plan, Verdict};
use hedgerow_net::RequestSend;
use std::{
    collections::VecDeque,
    fs::{self, File},
    future::Future,
    io::Read as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

/// Bytes read from the disk and written to a stream at once.
const BLOCK: usize = 256 << 10;
/// Files whose values are in memory; each has at most 1 MiB of them.
const MOST_LISTS: usize = 16;
/// How often the engine hears that bytes go out.
const ALIVE: Duration = Duration::from_secs(5);

/// What shows that a file was not changed: its length and when it was written.
pub(super) type Stamp = (u64, Option<SystemTime>);

/// A file on this machine that goes out.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) number: u64,
    pub(super) plan: Plan,
    pub(super) path: PathBuf,
}

struct List {
    number: u64,
    values: Arc<Vec<Digest>>,
    stamp: Stamp,
}

/// Values of the pieces of files that go out. Files are read anew when the program was started anew.
#[derive(Default)]
pub(super) struct Sources {
    lists: Mutex<VecDeque<List>>,
    /// One file is read through at a time.
    reading: tokio::sync::Mutex<()>,
}

/// Reads a whole file: its plan, the values of its pieces, and its stamp. Blocks.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub(super) fn read_through(path: &Path) -> Result<(Plan, Vec<Digest>, Stamp), String> {
    let failed = |e: std::io::Error| format!("cannot read {}: {e}", path.display());
    // Before it is opened: opening a pipe would wait for its writer.
    let about = fs::metadata(path).map_err(failed)?;
    if about.is_dir() {
        return Err(format!(
            "{} is a folder; send its files one by one, or pack it first (`tar czf folder.tar.gz …`)",
            path.display()
        ));
    }
    if !about.is_file() {
        return Err(format!("{} is no plain file", path.display()));
    }
    if about.len() > hedgerow_wire::send::MAX_FILE {
        return Err(format!("{} is larger than 1 TiB", path.display()));
    }
    let stamp = (about.len(), about.modified().ok());
    let mut file = File::open(path).map_err(failed)?;
    let mut builder = Builder::new(about.len());
    let mut buffer = Vec::new();
    while let Some(length) = builder.next_length() {
        buffer.resize(length, 0);
        file.read_exact(&mut buffer).map_err(failed)?;
        builder.push(&buffer);
    }
    let (plan, values) = builder.finish().ok_or("the file was not read to its end")?;
    match stamp_of(path) {
        Ok(now) if now == stamp => Ok((plan, values, stamp)),
        _ => Err(format!(
            "{} is being changed; try again when it is complete",
            path.display()
        )),
    }
}

fn stamp_of(path: &Path) -> std::io::Result<Stamp> {
    let about = fs::metadata(path)?;
    Ok((about.len(), about.modified().ok()))
}

impl Sources {
    fn lists(&self) -> std::sync::MutexGuard<'_, VecDeque<List>> {
        self.lists.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
    /// Remembers the values of a file.
    pub(super) fn keep(&self, number: u64, values: Arc<Vec<Digest>>, stamp: Stamp) {
        let mut lists = self.lists();
        lists.retain(|list| list.number != number);
        lists.push_front(List { number, values, stamp });
        lists.truncate(MOST_LISTS);
    }
    pub(super) fn forget(&self, number: u64) {
        self.lists().retain(|list| list.number != number);
    }
    fn known(&self, source: &Source) -> Option<Arc<Vec<Digest>>> {
        let stamp = stamp_of(&source.path).ok()?;
        let lists = self.lists();
        let list = lists.iter().find(|list| list.number == source.number)?;
        (list.stamp == stamp).then(|| list.values.clone())
    }

    /// The values of a file that is still what was offered.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) async fn values(&self, source: &Source) -> Result<Arc<Vec<Digest>>, String> {
        if let Some(values) = self.known(source) {
            return Ok(values);
        }
        let _turn = self.reading.lock().await;
        if let Some(values) = self.known(source) {
            return Ok(values);
        }
        let path = source.path.clone();
        let read = tokio::task::spawn_blocking(move || read_through(&path)).await;
        let (plan, values, stamp) = read.map_err(|e| e.to_string())??;
        if plan != source.plan {
            return Err("the file was changed after it was offered; send it again".into());
        }
        let values = Arc::new(values);
        self.keep(source.number, values.clone(), stamp);
        Ok(values)
    }
}

/// Answers a request for values.
pub(super) async fn write_values(values: &[Digest], mut send: RequestSend) {
    let bytes: Vec<u8> = values.as_flattened().to_vec();
    let written = async {
        send.write_frame(&Verdict::Wanted.to_bytes()).await?;
        send.write(Bytes::from(bytes)).await
    };
    if written.await.is_ok() {
        send.finish();
    }
}

/// Answers a request for bytes. A receiver that breaks off is no error; a file that is not what was offered is.
///
/// # Errors
/// What is wrong with the file.
pub(super) async fn write_bytes<F: Future<Output = ()>>(
    sources: &Sources,
    source: &Source,
    from: u64,
    mut send: RequestSend,
    progress: &Progress,
    alive: impl Fn() -> F,
) -> Result<(), String> {
    sources.values(source).await?;
    let failed = |e: std::io::Error| format!("cannot read {}: {e}", source.path.display());
    let mut file = tokio::fs::File::open(&source.path).await.map_err(failed)?;
    let at = file.seek(std::io::SeekFrom::Start(from)).await.map_err(failed)?;
    let mut left = source.plan.size.saturating_sub(at);
    let mut buffer = BytesMut::new();
    let mut told = Instant::now();
    progress.set(at);
    while left > 0 {
        buffer.reserve(BLOCK);
        let wanted = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
        let read = (&mut file)
            .take(wanted as u64)
            .read_buf(&mut buffer)
            .await
            .map_err(failed)?;
        if read == 0 {
            return Err("the file became shorter after it was offered; send it again".into());
        }
        if send.write(buffer.split().freeze()).await.is_err() {
            return Ok(());
        }
        left = left.saturating_sub(read as u64);
        progress.set(source.plan.size.saturating_sub(left));
        if told.elapsed() >= ALIVE {
            told = Instant::now();
            alive().await;
        }
    }
    send.finish();
    alive().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_was_changed_after_the_offer_is_not_sent() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("a.txt");
        fs::write(&path, vec![7; 600_000]).expect("written");
        let (plan, values, stamp) = read_through(&path).expect("read");
        assert_eq!(plan.hash, hedgerow_base::hash::content_digest(&vec![7; 600_000]));
        let sources = Sources::default();
        let source = Source {
            number: 1,
            plan,
            path: path.clone(),
        };
        sources.keep(1, Arc::new(values.clone()), stamp);
        assert_eq!(*sources.values(&source).await.expect("unchanged"), values);
        let other = Sources::default();
        assert_eq!(
            *other.values(&source).await.expect("after a restart it is read again"),
            values
        );
        fs::write(&path, vec![8; 600_001]).expect("written");
        assert!(sources.values(&source).await.expect_err("changed").contains("changed"));
        fs::remove_file(&path).expect("removed");
        assert!(sources.values(&source).await.is_err());
        assert!(
            read_through(folder.path())
                .expect_err("a folder")
                .contains("is a folder")
        );
    }
}
