//! Translated components on disk. A file's name says of which component it is, for which engine, and what is in it:
//! `<component>-<engine>-<content>.code`. What does not agree with its name is no code of ours any more and goes.

use super::{error::LoadError, trusted};
use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::SystemTime,
};
use wasmtime::{Engine, component::Component};

/// Ending of code.
const ENDING: &str = ".code";
/// Ending of what is not finished.
const PART: &str = ".part";
/// What is read at once.
const CHUNK: usize = 256 << 10;

/// The folder with translated components.
pub(super) struct Cache {
    folder: PathBuf,
    /// Bytes of all files.
    most: u64,
    /// Files that were begun.
    parts: AtomicU64,
}

/// A file that is being written.
pub(super) struct Part {
    path: PathBuf,
    pub(super) file: File,
}

impl Drop for Part {
    fn drop(&mut self) {
        // It is gone when it became code.
        let _ = fs::remove_file(&self.path);
    }
}

fn local(e: io::Error) -> LoadError {
    LoadError::Local(e.to_string())
}

impl Cache {
    /// Opens the folder, which is made if need be, and clears away what a sudden end left behind.
    pub(super) fn open(folder: PathBuf, most: u64) -> Result<Self, LoadError> {
        fs::create_dir_all(&folder).map_err(local)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).map_err(local)?;
        }
        let cache = Self {
            folder,
            most,
            parts: AtomicU64::new(0),
        };
        for (path, _, _) in cache.files().map_err(local)? {
            if path.to_string_lossy().ends_with(PART) {
                let _ = fs::remove_file(path);
            }
        }
        Ok(cache)
    }

    /// The files: path, bytes, when last used.
    fn files(&self) -> io::Result<Vec<(PathBuf, u64, SystemTime)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let about = entry.metadata()?;
            if about.is_file() {
                files.push((entry.path(), about.len(), about.modified()?));
            }
        }
        Ok(files)
    }

    /// A component's code, if it is here and sound.
    pub(super) fn find(&self, engine: &Engine, name: &str) -> Option<Component> {
        let files = self.files().ok()?;
        let mut found = None;
        for (path, _, _) in files {
            let file = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            let Some(content) = file.strip_prefix(name).and_then(|rest| rest.strip_prefix('-')) else {
                continue;
            };
            let content = content.strip_suffix(ENDING).unwrap_or_default();
            found = match is_own(&path, content) {
                true => trusted::component(engine, &path).ok(),
                false => None,
            };
            match found {
                Some(_) => {
                    let used = File::open(&path).and_then(|file| file.set_modified(SystemTime::now()));
                    if let Err(e) = used {
                        tracing::debug!("{}: {e}", path.display());
                    }
                    break;
                }
                // Damaged, or not ours: it is translated anew.
                None => {
                    let _ = fs::remove_file(&path);
                }
            }
        }
        found
    }

    /// A file to write code into, of nobody else's.
    pub(super) fn part(&self, name: &str) -> Result<Part, LoadError> {
        let number = self.parts.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(format!("{name}.{number}{PART}"));
        let mut options = File::options();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(local)?;
        Ok(Part { path, file })
    }

    /// The code is written: it lasts from here on.
    pub(super) fn finish(&self, part: Part, name: &str) -> Result<(), LoadError> {
        let file = File::open(&part.path).map_err(local)?;
        let content = content(file).map_err(local)?;
        part.file.sync_all().map_err(local)?;
        fs::rename(&part.path, self.folder.join(format!("{name}-{content}{ENDING}"))).map_err(local)?;
        #[cfg(unix)]
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(local)?;
        self.shrink().map_err(local)
    }

    /// What was not used for longest goes until the rest fits.
    fn shrink(&self) -> io::Result<()> {
        let mut files = self.files()?;
        files.sort_by_key(|(_, _, used)| std::cmp::Reverse(*used));
        let mut sum = 0_u64;
        for (nth, (path, bytes, _)) in files.into_iter().enumerate() {
            sum = sum.saturating_add(bytes);
            // The newest stays in any case: it is about to be used.
            if nth > 0 && sum > self.most && path.to_string_lossy().ends_with(ENDING) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

/// Whether a file is as this program left it: a plain file of this user that nobody else may write, with the content that
/// its name says.
fn is_own(path: &Path, expected: &str) -> bool {
    let Ok(about) = fs::symlink_metadata(path) else {
        return false;
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let mine = about.uid() == rustix::process::geteuid().as_raw();
        if !mine || about.mode() & 0o077 != 0 {
            return false;
        }
    }
    let found = File::open(path).and_then(content);
    about.is_file() && found.is_ok_and(|content| content == expected)
}

/// BLAKE3 of a file, in hex.
fn content(mut file: File) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(data_encoding::HEXLOWER.encode(hasher.finalize().as_bytes())),
            n => hasher.update(&chunk[..n]),
        };
    }
}
