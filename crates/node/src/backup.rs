//! Backups: one encrypted file with the key file, the database and the packages (J12).
//!
//! Layout: 8 bytes `HGBACKUP`, version byte 1, 16 bytes salt, then sealed pieces of at most 1 MiB + 16 bytes, each
//! preceded by its length (u32, little endian). The key comes from Argon2id; piece *i* has the nonce `i` (u64, then
//! zeros) and says in its associated data whether it is the last, so that a cut or reordered file is refused. The
//! plain text is a sequence of files: name length (u16), name, size (u64), bytes.

use crate::identity::{IdentityError, random, stretch};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305,
    aead::{Aead as _, Payload},
};
use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

const MAGIC: &[u8; 9] = b"HGBACKUP\x01";
const PIECE: usize = 1 << 20;

/// Why a backup could not be written or read back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Passphrase or random numbers.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Not a backup, cut short, changed, or the wrong passphrase.
    #[error("the file is no backup, is damaged, or the passphrase is wrong")]
    Unreadable,
    /// A name in the backup that points outside the folder.
    #[error("the backup contains the file name {0:?}, which is not allowed")]
    BadName(String),
    /// There is something in the folder already.
    #[error("{0} is not empty; restore into another folder with --data")]
    NotEmpty(PathBuf),
    /// A file cannot be read or written.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
}

/// Writes the files `(name in the backup, path on disk)` to `to`, which must not exist. Answers its size.
///
/// # Errors
/// When a file cannot be read or written; then `to` is removed.
pub fn write(to: &Path, passphrase: &str, files: &[(String, PathBuf)]) -> Result<u64, BackupError> {
    if passphrase.chars().count() < 8 {
        return Err(IdentityError::ShortPassphrase.into());
    }
    let result = write_all(to, passphrase, files);
    if result.is_err()
        && !matches!(&result, Err(BackupError::Io(path, e)) if path == to && e.kind() == io::ErrorKind::AlreadyExists)
    {
        let _ = std::fs::remove_file(to);
    }
    result
}

fn write_all(to: &Path, passphrase: &str, files: &[(String, PathBuf)]) -> Result<u64, BackupError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |e| BackupError::Io(path, e)
    };
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)
        .map_err(failed(to))?;
    let mut out = BufWriter::new(file);
    let salt = random::<16>()?;
    out.write_all(MAGIC)
        .and_then(|()| out.write_all(&salt))
        .map_err(failed(to))?;
    let mut sealer = Sealer {
        cipher: cipher(passphrase, &salt)?,
        out,
        piece: Vec::with_capacity(PIECE),
        number: 0,
    };
    for (name, path) in files {
        let mut source = File::open(path).map_err(failed(path))?;
        let size = source.metadata().map_err(failed(path))?.len();
        let length = u16::try_from(name.len()).map_err(|_| BackupError::BadName(name.clone()))?;
        sealer.write_all(&length.to_le_bytes()).map_err(failed(to))?;
        sealer.write_all(name.as_bytes()).map_err(failed(to))?;
        sealer.write_all(&size.to_le_bytes()).map_err(failed(to))?;
        let copied = io::copy(&mut (&mut source).take(size), &mut sealer).map_err(failed(path))?;
        if copied != size {
            return Err(BackupError::Io(path.clone(), io::ErrorKind::UnexpectedEof.into()));
        }
    }
    sealer.seal(true).map_err(failed(to))?;
    let file = sealer
        .out
        .into_inner()
        .map_err(|e| BackupError::Io(to.to_path_buf(), e.into_error()))?;
    file.sync_all().map_err(failed(to))?;
    Ok(file.metadata().map_err(failed(to))?.len())
}

/// Unpacks a backup into `folder`, which must be missing or empty.
///
/// # Errors
/// Wrong passphrase, damage, or files that cannot be written.
pub fn read(from: &Path, passphrase: &str, folder: &Path) -> Result<(), BackupError> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |e| BackupError::Io(path, e)
    };
    if folder.is_dir() && std::fs::read_dir(folder).map_err(failed(folder))?.next().is_some() {
        return Err(BackupError::NotEmpty(folder.to_path_buf()));
    }
    let mut source = BufReader::new(File::open(from).map_err(failed(from))?);
    let (mut magic, mut salt) = ([0; 9], [0; 16]);
    source
        .read_exact(&mut magic)
        .and_then(|()| source.read_exact(&mut salt))
        .map_err(|_| BackupError::Unreadable)?;
    if &magic != MAGIC {
        return Err(BackupError::Unreadable);
    }
    let mut opener = Opener {
        cipher: cipher(passphrase, &salt)?,
        source,
        piece: Vec::new(),
        at: 0,
        number: 0,
        last: false,
    };
    opener.refill().map_err(|_| BackupError::Unreadable)?;
    unpack(&mut opener, folder)
}

/// Writes what is in a backup to `folder`.
fn unpack(mut opener: &mut Opener<impl Read>, folder: &Path) -> Result<(), BackupError> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |e| BackupError::Io(path, e)
    };
    std::fs::create_dir_all(folder).map_err(failed(folder))?;
    while !opener.at_end() {
        let name = read_name(opener)?;
        let mut size = [0; 8];
        opener.read_exact(&mut size).map_err(|_| BackupError::Unreadable)?;
        let path = folder.join(&name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed(parent))?;
        }
        use std::os::unix::fs::OpenOptionsExt as _;
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed(&path))?;
        let size = u64::from_le_bytes(size);
        let copied = io::copy(&mut (&mut opener).take(size), &mut file).map_err(|_| BackupError::Unreadable)?;
        if copied != size {
            return Err(BackupError::Unreadable);
        }
        file.sync_all().map_err(failed(&path))?;
    }
    Ok(())
}

/// A relative name of plain components.
fn read_name(opener: &mut Opener<impl Read>) -> Result<String, BackupError> {
    let mut length = [0; 2];
    opener.read_exact(&mut length).map_err(|_| BackupError::Unreadable)?;
    let mut name = vec![0; usize::from(u16::from_le_bytes(length))];
    opener.read_exact(&mut name).map_err(|_| BackupError::Unreadable)?;
    let name = String::from_utf8(name).map_err(|_| BackupError::Unreadable)?;
    let plain = Path::new(&name)
        .components()
        .all(|c| matches!(c, std::path::Component::Normal(_)));
    if name.is_empty() || !plain {
        return Err(BackupError::BadName(name));
    }
    Ok(name)
}

fn cipher(passphrase: &str, salt: &[u8]) -> Result<XChaCha20Poly1305, BackupError> {
    Ok(XChaCha20Poly1305::new((&*stretch(passphrase, salt)?).into()))
}

fn nonce(number: u64) -> [u8; 24] {
    let mut nonce = [0; 24];
    nonce[..8].copy_from_slice(&number.to_le_bytes());
    nonce
}

struct Sealer {
    cipher: XChaCha20Poly1305,
    out: BufWriter<File>,
    piece: Vec<u8>,
    number: u64,
}

impl Sealer {
    fn seal(&mut self, last: bool) -> io::Result<()> {
        let payload = Payload {
            msg: &self.piece,
            aad: &[u8::from(last)],
        };
        let sealed = self
            .cipher
            .encrypt(&nonce(self.number).into(), payload)
            .map_err(|_| io::Error::other("cannot seal"))?;
        let length = u32::try_from(sealed.len()).map_err(io::Error::other)?;
        self.out.write_all(&length.to_le_bytes())?;
        self.out.write_all(&sealed)?;
        self.number += 1;
        self.piece.clear();
        Ok(())
    }
}

impl Write for Sealer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.piece.len() == PIECE {
            self.seal(false)?;
        }
        let taken = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

struct Opener<R> {
    cipher: XChaCha20Poly1305,
    source: R,
    piece: Vec<u8>,
    at: usize,
    number: u64,
    last: bool,
}

impl<R: Read> Opener<R> {
    fn refill(&mut self) -> io::Result<()> {
        let mut length = [0; 4];
        self.source.read_exact(&mut length)?;
        let length = u32::from_le_bytes(length) as usize;
        if length > PIECE + 16 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut sealed = vec![0; length];
        self.source.read_exact(&mut sealed)?;
        for last in [false, true] {
            let payload = Payload {
                msg: &sealed,
                aad: &[u8::from(last)],
            };
            if let Ok(plain) = self.cipher.decrypt(&nonce(self.number).into(), payload) {
                (self.piece, self.at, self.last) = (plain, 0, last);
                self.number += 1;
                return Ok(());
            }
        }
        Err(io::ErrorKind::InvalidData.into())
    }
    fn at_end(&self) -> bool {
        self.last && self.at == self.piece.len()
    }
}

impl<R: Read> Read for Opener<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if self.at == self.piece.len() {
            if self.last {
                return Ok(0);
            }
            self.refill()?;
        }
        let taken = to.len().min(self.piece.len() - self.at);
        to[..taken].copy_from_slice(&self.piece[self.at..self.at + taken]);
        self.at += taken;
        Ok(taken)
    }
}

/// Unpacks plain text as if it had been sealed in one piece.
pub(crate) fn unpack_plain(plain: &[u8], folder: &Path) -> Result<(), BackupError> {
    let mut opener = Opener {
        cipher: XChaCha20Poly1305::new((&[0; 32]).into()),
        source: io::empty(),
        piece: plain.to_vec(),
        at: 0,
        number: 1,
        last: true,
    };
    unpack(&mut opener, folder)
}

#[cfg(test)]
mod tests;
