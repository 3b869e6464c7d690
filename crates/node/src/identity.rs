//! Who the owner is: a root key from a recovery phrase, a key for this device, and all that is derived from them.
//!
//! The key file is the only secret at rest that cannot be made again by this node alone; mode 0600 always, and under
//! XChaCha20-Poly1305 with a key from Argon2id when a passphrase is set (C2). The words themselves are kept only
//! until the person has proved once that they wrote them down.

use argon2::Argon2;
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, aead::Aead as _};
use data_encoding::BASE64;
use hedgerow_base::{
    AppId, NodeId, SecretKey, UserId, WidgetId,
    hash::{derive_secret, hash},
};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, OpenOptions},
    io::{Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Name of the key file in the data folder.
pub const KEY_FILE: &str = "identity.key";
const SHORTEST_PASSPHRASE: usize = 8;
/// Argon2id: 64 MiB, 3 passes, 1 lane (RFC 9106, second recommended choice with one lane).
const MEMORY_KIB: u32 = 64 << 10;
const PASSES: u32 = 3;

/// Why an identity could not be opened or made: a sentence with the next step.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// Protected, and no passphrase was given.
    #[error("the key file is protected; give its passphrase in HEDGEROW_PASSPHRASE or at the prompt")]
    PassphraseNeeded,
    /// The wrong passphrase, or a changed file.
    #[error("the passphrase does not open the key file")]
    WrongPassphrase,
    /// Too short to protect anything.
    #[error("a passphrase needs at least 8 characters")]
    ShortPassphrase,
    /// Not a recovery phrase.
    #[error("these are not 12 recovery words: {0}")]
    BadWords(String),
    /// There is an identity already.
    #[error("{0} holds an identity already; choose another folder with --data")]
    Exists(PathBuf),
    /// Not a key file of this program.
    #[error("the key file {0} is damaged or of a newer version; restore it with your recovery words in another folder")]
    Damaged(PathBuf),
    /// The system's random generator failed.
    #[error("the system gives no random numbers: {0}")]
    Random(String),
    /// The data folder is used by another node, or cannot be used.
    #[error("{0}")]
    Folder(String),
    /// A backup could not be restored.
    #[error("{0}")]
    Backup(String),
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    version: u32,
    /// Empty when there is no passphrase.
    #[serde(default)]
    salt: String,
    #[serde(default)]
    nonce: String,
    data: String,
}

#[derive(Serialize, Deserialize)]
struct Secrets {
    root: String,
    device: String,
    /// Present until checked back once.
    words: Option<String>,
}

/// The owner's keys. Never leaves the process; `Debug` prints nothing secret.
#[derive(Debug)]
pub struct Identity {
    path: PathBuf,
    root: SecretKey,
    device: SecretKey,
    words: Option<Zeroizing<String>>,
    passphrase: Option<Zeroizing<String>>,
}

/// Random bytes from the system.
///
/// # Errors
/// When the system has none.
pub fn random<const N: usize>() -> Result<[u8; N], IdentityError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| IdentityError::Random(e.to_string()))?;
    Ok(bytes)
}

impl Identity {
    /// Opens the identity of a data folder, or makes a new one when there is none. Answers whether it is new.
    ///
    /// # Errors
    /// Wrong or missing passphrase, damaged or unreadable file.
    pub fn load_or_create(data: &Path, passphrase: Option<&str>) -> Result<(Self, bool), IdentityError> {
        let path = data.join(KEY_FILE);
        if path.exists() {
            return Ok((Self::load(path, passphrase)?, false));
        }
        let entropy = Zeroizing::new(random::<16>()?);
        let words =
            bip39::Mnemonic::from_entropy(entropy.as_ref()).map_err(|e| IdentityError::BadWords(e.to_string()))?;
        let words = Zeroizing::new(words.to_string());
        let identity = Self::from_words(path, words, passphrase, true)?;
        Ok((identity, true))
    }

    /// Makes the identity of a recovery phrase on this device. The device key is new: an old device's logs are never
    /// continued by two.
    ///
    /// # Errors
    /// Words that are no phrase, an identity that exists already, a file that cannot be written.
    pub fn restore(data: &Path, words: &str, passphrase: Option<&str>) -> Result<Self, IdentityError> {
        let path = data.join(KEY_FILE);
        if path.exists() {
            return Err(IdentityError::Exists(data.to_path_buf()));
        }
        let words = words
            .split_whitespace()
            .map(str::to_lowercase)
            .collect::<Vec<_>>()
            .join(" ");
        Self::from_words(path, Zeroizing::new(words), passphrase, false)
    }

    /// Replaces the device key, after a backup was restored: the old one may still run elsewhere.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn renew_device(&mut self) -> Result<(), IdentityError> {
        self.device = SecretKey::from_seed(&random()?);
        self.save()
    }

    fn from_words(
        path: PathBuf,
        words: Zeroizing<String>,
        passphrase: Option<&str>,
        keep_words: bool,
    ) -> Result<Self, IdentityError> {
        let phrase = bip39::Mnemonic::parse_normalized(&words).map_err(|e| IdentityError::BadWords(e.to_string()))?;
        let seed = Zeroizing::new(phrase.to_seed_normalized(""));
        let root = Zeroizing::new(hash("hedgerow 2026 user root key v1", &[seed.as_ref()]));
        let identity = Self {
            path,
            root: SecretKey::from_seed(&root),
            device: SecretKey::from_seed(&random()?),
            words: keep_words.then_some(words),
            passphrase: checked(passphrase)?,
        };
        identity.save()?;
        Ok(identity)
    }

    fn load(path: PathBuf, passphrase: Option<&str>) -> Result<Self, IdentityError> {
        let io = |source| IdentityError::Io {
            path: path.clone(),
            source,
        };
        let damaged = || IdentityError::Damaged(path.clone());
        let mut text = Zeroizing::new(String::new());
        File::open(&path)
            .map_err(io)?
            .take(64 << 10)
            .read_to_string(&mut text)
            .map_err(io)?;
        let file: KeyFile = serde_json::from_str(&text).map_err(|_| damaged())?;
        if file.version != 1 {
            return Err(damaged());
        }
        let data = BASE64.decode(file.data.as_bytes()).map_err(|_| damaged())?;
        let plain = if file.salt.is_empty() {
            Zeroizing::new(data)
        } else {
            let passphrase = passphrase.ok_or(IdentityError::PassphraseNeeded)?;
            let salt = BASE64.decode(file.salt.as_bytes()).map_err(|_| damaged())?;
            let nonce: [u8; 24] = BASE64
                .decode(file.nonce.as_bytes())
                .ok()
                .and_then(|n| n.try_into().ok())
                .ok_or_else(damaged)?;
            let key = stretch(passphrase, &salt)?;
            let cipher = XChaCha20Poly1305::new((&*key).into());
            Zeroizing::new(
                cipher
                    .decrypt(&nonce.into(), data.as_slice())
                    .map_err(|_| IdentityError::WrongPassphrase)?,
            )
        };
        let secrets: Secrets = serde_json::from_slice(&plain).map_err(|_| damaged())?;
        let seed = |text: &str| -> Result<Zeroizing<[u8; 32]>, IdentityError> {
            let bytes = Zeroizing::new(BASE64.decode(text.as_bytes()).map_err(|_| damaged())?);
            Ok(Zeroizing::new(bytes.as_slice().try_into().map_err(|_| damaged())?))
        };
        let protected = !file.salt.is_empty();
        Ok(Self {
            root: SecretKey::from_seed(&*seed(&secrets.root)?),
            device: SecretKey::from_seed(&*seed(&secrets.device)?),
            words: secrets.words.map(Zeroizing::new),
            passphrase: passphrase.filter(|_| protected).map(|p| Zeroizing::new(p.to_owned())),
            path,
        })
    }

    /// Writes the key file: temporary file, fsync, rename, fsync of the folder.
    fn save(&self) -> Result<(), IdentityError> {
        let secrets = Secrets {
            root: BASE64.encode(self.root.seed().as_ref()),
            device: BASE64.encode(self.device.seed().as_ref()),
            words: self.words.as_ref().map(|w| w.to_string()),
        };
        let bug = |_| IdentityError::Damaged(self.path.clone());
        let plain = Zeroizing::new(serde_json::to_vec(&secrets).map_err(bug)?);
        let file = match &self.passphrase {
            None => KeyFile {
                version: 1,
                salt: String::new(),
                nonce: String::new(),
                data: BASE64.encode(&plain),
            },
            Some(passphrase) => {
                let (salt, nonce) = (random::<16>()?, random::<24>()?);
                let cipher = XChaCha20Poly1305::new((&*stretch(passphrase, &salt)?).into());
                let sealed = cipher
                    .encrypt(&nonce.into(), plain.as_slice())
                    .map_err(|_| IdentityError::Damaged(self.path.clone()))?;
                KeyFile {
                    version: 1,
                    salt: BASE64.encode(&salt),
                    nonce: BASE64.encode(&nonce),
                    data: BASE64.encode(&sealed),
                }
            }
        };
        let text = Zeroizing::new(serde_json::to_string_pretty(&file).map_err(bug)?);
        write_private(&self.path, text.as_bytes()).map_err(|source| IdentityError::Io {
            path: self.path.clone(),
            source,
        })
    }

    /// Sets, changes or (with `None`) takes away the passphrase.
    ///
    /// # Errors
    /// Too short, or the file cannot be written.
    pub fn set_passphrase(&mut self, passphrase: Option<&str>) -> Result<(), IdentityError> {
        self.passphrase = checked(passphrase)?;
        self.save()
    }
    /// Whether the key file is protected.
    pub fn protected(&self) -> bool {
        self.passphrase.is_some()
    }
    /// The recovery words, until they were confirmed.
    pub fn words(&self) -> Option<Vec<String>> {
        self.words.as_ref().map(|w| w.split(' ').map(str::to_owned).collect())
    }
    /// Checks words typed back: at least three, all right. Then the words are forgotten here.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn confirm_words(&mut self, typed: &std::collections::BTreeMap<u8, String>) -> Result<bool, IdentityError> {
        let Some(words) = self.words() else { return Ok(true) };
        let right = typed.len() >= 3
            && typed.iter().all(|(place, word)| {
                words
                    .get(usize::from(*place))
                    .is_some_and(|w| *w == word.trim().to_lowercase())
            });
        if right {
            self.words = None;
            self.save()?;
        }
        Ok(right)
    }

    /// The user.
    pub fn user(&self) -> UserId {
        self.root.public().into()
    }
    /// This node.
    pub fn node(&self) -> NodeId {
        self.device.public().into()
    }
    /// The key that certifies devices.
    pub fn root_key(&self) -> &SecretKey {
        &self.root
    }
    /// The endpoint's key.
    pub fn device_key(&self) -> &SecretKey {
        &self.device
    }
    /// The key that signs releases: one for all own widgets, so that they share an author page.
    pub fn author_key(&self) -> SecretKey {
        self.derived("hedgerow 2026 author key v1", &[])
    }
    /// The key behind `selfAddr` in a widget: the same on all own devices, unlinkable across widgets.
    pub fn pseudonym_key(&self, widget: &WidgetId) -> SecretKey {
        self.derived("hedgerow 2026 pseudonym v1", &[&widget.0])
    }
    /// The same for an app that is no widget.
    pub fn app_key(&self, app: &AppId) -> SecretKey {
        self.derived("hedgerow 2026 pseudonym of an app v1", &[&app.0])
    }
    /// Secret of the key that space keys are sealed to, per widget.
    pub fn seal_seed(&self, widget: &WidgetId) -> Zeroizing<[u8; 32]> {
        derive_secret("hedgerow 2026 seal key v1", &self.root.seed(), &[&widget.0])
    }
    /// Key of a private space: any own device can derive it from the space's nonce.
    pub fn private_space_key(&self, nonce: &[u8; 32]) -> Zeroizing<[u8; 32]> {
        derive_secret("hedgerow 2026 private space v1", &self.root.seed(), &[nonce])
    }
    fn derived(&self, context: &str, parts: &[&[u8]]) -> SecretKey {
        SecretKey::from_seed(&derive_secret(context, &self.root.seed(), parts))
    }
}

fn checked(passphrase: Option<&str>) -> Result<Option<Zeroizing<String>>, IdentityError> {
    match passphrase {
        Some(p) if p.chars().count() < SHORTEST_PASSPHRASE => Err(IdentityError::ShortPassphrase),
        other => Ok(other.map(|p| Zeroizing::new(p.to_owned()))),
    }
}

/// A 32-byte key from a passphrase (Argon2id, RFC 9106).
///
/// # Errors
/// When the parameters or the salt are refused, which means a damaged file.
pub fn stretch(passphrase: &str, salt: &[u8]) -> Result<Zeroizing<[u8; 32]>, IdentityError> {
    let fault = |_| IdentityError::WrongPassphrase;
    let params = argon2::Params::new(MEMORY_KIB, PASSES, 1, Some(32)).map_err(fault)?;
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, key.as_mut())
        .map_err(fault)?;
    Ok(key)
}

/// Writes a file that only its owner can read, whole or not at all.
///
/// # Errors
/// The system's.
pub fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = path.with_extension("new");
    let _ = fs::remove_file(&temporary);
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Makes the identity of recovery words in a data folder without one. For `hedgerow restore`.
///
/// # Errors
/// As [`Identity::restore`]; also when another node uses the folder.
pub fn restore_words(data: &Path, words: &str) -> Result<UserId, IdentityError> {
    let _lock = lock(data)?;
    let passphrase = std::env::var("HEDGEROW_PASSPHRASE").ok();
    Ok(Identity::restore(data, words, passphrase.as_deref())?.user())
}

/// Unpacks a backup into an empty data folder and gives the device a new key. For `hedgerow restore FILE`.
///
/// # Errors
/// When the backup cannot be read or the folder is not empty.
pub fn restore_backup(data: &Path, file: &Path, passphrase: &str) -> Result<UserId, IdentityError> {
    crate::backup::read(file, passphrase, data).map_err(|e| IdentityError::Backup(e.to_string()))?;
    let keys = std::env::var("HEDGEROW_PASSPHRASE").ok();
    let path = data.join(KEY_FILE);
    // The key file in a backup may be protected by its own passphrase; by default both are the same.
    let mut identity = Identity::load(path.clone(), Some(keys.as_deref().unwrap_or(passphrase)))?;
    identity.renew_device()?;
    Ok(identity.user())
}

/// Whether the key file of a data folder is protected by a passphrase.
///
/// # Errors
/// When there is none or it cannot be read.
pub fn is_protected(data: &Path) -> Result<bool, IdentityError> {
    match Identity::load(data.join(KEY_FILE), None) {
        Ok(_) => Ok(false),
        Err(IdentityError::PassphraseNeeded) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Sets, changes or takes away the passphrase of the key file in a data folder that no node uses.
///
/// # Errors
/// Wrong old passphrase, too short a new one, a folder in use.
pub fn set_passphrase(data: &Path, old: Option<&str>, new: Option<&str>) -> Result<(), IdentityError> {
    let _lock = lock(data)?;
    Identity::load(data.join(KEY_FILE), old)?.set_passphrase(new)
}

fn lock(data: &Path) -> Result<hedgerow_store::DataLock, IdentityError> {
    hedgerow_store::DataLock::acquire(data).map_err(|e| IdentityError::Folder(e.to_string()))
}

#[cfg(test)]
mod tests;
