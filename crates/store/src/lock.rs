//! One node per data folder.

use crate::error::StoreError;
use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// Holds the data folder; dropped with the process, also when it is killed.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

impl DataLock {
    /// Makes the folder (mode 0700) if it is missing and locks it.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process holds it; `ReadOnly` or `Io` when it cannot be made or written.
    pub fn acquire(folder: &Path) -> Result<Self, StoreError> {
        use std::os::unix::fs::DirBuilderExt as _;
        if !folder.is_dir() {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .map_err(|e| StoreError::io(folder, e))?;
        }
        let path = folder.join("node.lock");
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|e| StoreError::io(&path, e))?;
        match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(StoreError::InUse(folder.to_path_buf())),
            Err(e) => return Err(StoreError::io(&path, e.into())),
        }
        file.set_len(0).map_err(|e| StoreError::io(&path, e))?;
        writeln!(file, "{}", std::process::id()).map_err(|e| StoreError::io(&path, e))?;
        Ok(Self { _file: file })
    }
}
