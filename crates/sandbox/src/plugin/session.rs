//! The token of a running plugin: made at each start, handed over in a file that only the owner of the node can read,
//! dead when the plugin is.

use hedgerow_api::Permission;
use hedgerow_base::{
    AppName,
    hash::{Digest, hash},
};
use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::sync::{Semaphore, watch};

/// Calls of one plugin that are worked on at once, over all its connections.
const IN_FLIGHT: usize = 32;
/// Connections of one plugin.
const CONNECTIONS: usize = 8;

/// A plugin that showed its token.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its name, whatever it says of itself.
    pub name: Arc<str>,
    /// The app whose other members it may talk to.
    pub app: AppName,
    /// What it was granted when it was started.
    pub granted: Arc<[Permission]>,
    /// One for each call that is worked on.
    pub calls: Arc<Semaphore>,
    /// One for each connection.
    pub connections: Arc<Semaphore>,
    alive: watch::Receiver<bool>,
}

impl Session {
    /// Whether the token still counts.
    pub fn is_alive(&self) -> bool {
        *self.alive.borrow()
    }

    /// Waits until it does not.
    pub async fn ended(&mut self) {
        let _ = self.alive.wait_for(|alive| !*alive).await;
    }
}

/// A token that counts as long as this is kept. It is known here by its hash only.
pub(super) struct Token {
    digest: Digest,
    session: Session,
    alive: watch::Sender<bool>,
    file: PathBuf,
}

impl Token {
    /// Makes a token and writes it to `folder/NAME.token`.
    pub(super) fn issue(folder: &Path, name: &str, app: AppName, granted: &[Permission]) -> io::Result<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|e| io::Error::other(format!("this machine gives no randomness: {e}")))?;
        let text = data_encoding::HEXLOWER.encode(&bytes);
        let file = path(folder, name);
        fs::create_dir_all(folder)?;
        match fs::remove_file(&file) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&file)?.write_all(text.as_bytes())?;
        let (alive, watched) = watch::channel(true);
        Ok(Self {
            digest: digest(&text),
            session: Session {
                name: name.into(),
                app,
                granted: granted.into(),
                calls: Arc::new(Semaphore::new(IN_FLIGHT)),
                connections: Arc::new(Semaphore::new(CONNECTIONS)),
                alive: watched,
            },
            alive,
            file,
        })
    }

    /// The session, if this is its token.
    pub(super) fn session(&self, digest: &Digest) -> Option<Session> {
        // All bytes are compared, whatever the first difference is.
        let different = self.digest.iter().zip(digest).fold(0, |d, (a, b)| d | (a ^ b));
        (different == 0).then(|| self.session.clone())
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.alive.send_replace(false);
        let _ = fs::remove_file(&self.file);
    }
}

/// Where the token of a plugin is.
pub(super) fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.token"))
}

/// A token as it is kept.
pub(super) fn digest(token: &str) -> Digest {
    hash("hedgerow 2026 plugin token at rest v1", &[token.as_bytes()])
}
