//! Packages as plain files: `packages/<content id>.xdc`, and `partial/<content id>` while they are fetched.

use crate::error::StoreError;
use hedgerow_base::ContentId;
use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

/// Folder of package files. Cheap to clone; all methods block, so callers use a blocking thread.
#[derive(Clone, Debug)]
pub struct PackageFiles {
    packages: PathBuf,
    partial: PathBuf,
}

impl PackageFiles {
    /// Makes the folders if they are missing.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn open(data: &Path) -> Result<Self, StoreError> {
        let files = Self {
            packages: data.join("packages"),
            partial: data.join("partial"),
        };
        for folder in [&files.packages, &files.partial] {
            fs::create_dir_all(folder).map_err(|e| StoreError::io(folder, e))?;
        }
        Ok(files)
    }
    /// Where the finished package is, whether it exists or not.
    pub fn path(&self, content: &ContentId) -> PathBuf {
        self.packages.join(format!("{content}.xdc"))
    }
    /// Whether the finished package is here.
    pub fn has(&self, content: &ContentId) -> bool {
        self.path(content).is_file()
    }
    /// The finished package's bytes.
    ///
    /// # Errors
    /// When it is missing or unreadable.
    pub fn read(&self, content: &ContentId) -> Result<Vec<u8>, StoreError> {
        let path = self.path(content);
        fs::read(&path).map_err(|e| StoreError::io(path, e))
    }
    /// Opens the finished package for reading ranges.
    ///
    /// # Errors
    /// When it is missing or unreadable.
    pub fn open_read(&self, content: &ContentId) -> Result<File, StoreError> {
        let path = self.path(content);
        File::open(&path).map_err(|e| StoreError::io(path, e))
    }
    /// Stores a whole package durably: temporary file, fsync, rename, fsync of the folder.
    ///
    /// # Errors
    /// When any step fails; then nothing named `content` exists.
    pub fn put(&self, content: &ContentId, bytes: &[u8]) -> Result<(), StoreError> {
        if self.has(content) {
            return Ok(());
        }
        let path = self.partial_path(content).with_extension("put");
        let result = (|| {
            let mut file = File::create(&path)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&path, self.path(content))?;
            File::open(&self.packages)?.sync_all()
        })();
        result.map_err(|e| {
            let _ = fs::remove_file(&path);
            StoreError::io(&path, e)
        })
    }
    /// Whether an earlier fetch left something.
    pub fn has_partial(&self, content: &ContentId) -> bool {
        self.partial_path(content).is_file()
    }
    /// Opens (or makes) the file that a fetch fills chunk by chunk.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open_partial(&self, content: &ContentId, size: u64) -> Result<Partial, StoreError> {
        let path = self.partial_path(content);
        let open = || {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)?;
            if file.metadata()?.len() != size {
                file.set_len(size)?;
            }
            Ok(file)
        };
        let file = open().map_err(|e| StoreError::io(&path, e))?;
        Ok(Partial { file, path })
    }
    /// Makes a filled partial file the finished package: fsync, rename, fsync of the folder.
    ///
    /// # Errors
    /// When any step fails; the partial file stays.
    pub fn finish(&self, content: &ContentId, partial: &Partial) -> Result<(), StoreError> {
        let result = (|| {
            partial.file.sync_all()?;
            fs::rename(&partial.path, self.path(content))?;
            File::open(&self.packages)?.sync_all()
        })();
        result.map_err(|e| StoreError::io(&partial.path, e))
    }
    /// Deletes the finished and the partial file, if there.
    pub fn delete(&self, content: &ContentId) {
        let _ = fs::remove_file(self.path(content));
        let _ = fs::remove_file(self.partial_path(content));
    }
    fn partial_path(&self, content: &ContentId) -> PathBuf {
        self.partial.join(content.to_string())
    }
}

/// A package that is being fetched.
#[derive(Debug)]
pub struct Partial {
    file: File,
    path: PathBuf,
}

impl Partial {
    /// Writes verified bytes at `offset`.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        self.file
            .write_all_at(bytes, offset)
            .map_err(|e| StoreError::io(&self.path, e))
    }
    /// Begins to make durable what was written so far, so that [`PackageFiles::finish`] has little left to wait for.
    /// A failure is told there.
    pub fn flush(&self) {
        let _ = self.file.sync_data();
    }
    /// Reads back `length` bytes at `offset`, to see what an earlier run had fetched.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn read(&self, offset: u64, length: usize) -> Result<Vec<u8>, StoreError> {
        let mut bytes = vec![0; length];
        self.file
            .read_exact_at(&mut bytes, offset)
            .map_err(|e| StoreError::io(&self.path, e))?;
        Ok(bytes)
    }
}
