//! Files on their way to a folder of the person: filled beside, then given a free name. Nothing is ever overwritten.

use crate::error::StoreError;
use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// Free names that are tried.
const MAX_TRIES: u32 = 10_000;

/// Bytes that are left for others on a disk.
const RESERVE: u64 = 256 << 20;

/// How many bytes a folder's disk has for files of others; `None` when the system does not say.
pub fn room(folder: &Path) -> Option<u64> {
    let exists = folder.ancestors().find(|place| place.exists())?;
    let found = rustix::fs::statvfs(exists).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize).saturating_sub(RESERVE))
}

/// A file that is not complete yet: `.hedgerow-KEY.part` in the folder that it will be in.
#[derive(Debug)]
pub struct Arriving {
    file: File,
    folder: PathBuf,
    path: PathBuf,
}

fn part_path(folder: &Path, key: &str) -> PathBuf {
    folder.join(format!(".hedgerow-{key}.part"))
}

impl Arriving {
    /// Opens it, with what an earlier run left, or makes it; the folder, too.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn open(folder: &Path, key: &str) -> Result<Self, StoreError> {
        let path = part_path(folder, key);
        let open = || {
            fs::create_dir_all(folder)?;
            // Of its owner alone until it is complete. A link that somebody left in its place is not followed.
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).mode(0o600);
            options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
            options.open(&path)
        };
        let file = open().map_err(|e| StoreError::io(&path, e))?;
        Ok(Self {
            file,
            folder: folder.to_owned(),
            path,
        })
    }
    /// Bytes in it.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn length(&self) -> Result<u64, StoreError> {
        self.file
            .metadata()
            .map(|m| m.len())
            .map_err(|e| StoreError::io(&self.path, e))
    }
    /// Cuts off what is not verified.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn cut(&self, length: u64) -> Result<(), StoreError> {
        self.file.set_len(length).map_err(|e| StoreError::io(&self.path, e))
    }
    /// Reads exactly as many bytes as `buffer` has.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), StoreError> {
        self.file
            .read_exact_at(buffer, offset)
            .map_err(|e| StoreError::io(&self.path, e))
    }
    /// Writes verified bytes.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        self.file
            .write_all_at(bytes, offset)
            .map_err(|e| StoreError::io(&self.path, e))
    }
    /// Makes durable what was written.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.file.sync_data().map_err(|e| StoreError::io(&self.path, e))
    }

    /// It is complete: durable, and under the first of `names` (0, 1, …) that is free. Said again after a kill, it finds
    /// the name that it has already.
    ///
    /// # Errors
    /// When the disk refuses; then it is still the incomplete file.
    pub fn keep(self, names: impl Fn(u32) -> String) -> Result<PathBuf, StoreError> {
        let kept = (|| {
            self.file.sync_all()?;
            let own = self.file.metadata()?;
            for number in 0..MAX_TRIES {
                let path = self.folder.join(names(number));
                match fs::hard_link(&self.path, &path) {
                    Ok(()) => {
                        fs::remove_file(&self.path)?;
                        return Ok(path);
                    }
                    Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                        let there = fs::symlink_metadata(&path);
                        if there.is_ok_and(|m| m.dev() == own.dev() && m.ino() == own.ino()) {
                            fs::remove_file(&self.path)?;
                            return Ok(path);
                        }
                    }
                    // Some file systems know no second names: take the name with an empty file, then replace that.
                    Err(_) => match OpenOptions::new().write(true).create_new(true).open(&path) {
                        Ok(_) => {
                            let moved = fs::rename(&self.path, &path);
                            if moved.is_err() {
                                fs::remove_file(&path)?;
                            }
                            return moved.map(|()| path);
                        }
                        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                        Err(e) => return Err(e),
                    },
                }
            }
            Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "ten thousand files have that name already",
            ))
        })();
        let kept = kept.and_then(|path: PathBuf| File::open(&self.folder)?.sync_all().map(|()| path));
        kept.map_err(|e| StoreError::io(&self.path, e))
    }
}

/// Deletes an incomplete file, if it is there.
pub fn discard(folder: &Path, key: &str) {
    let _ = fs::remove_file(part_path(folder, key));
}
