//! The bytes of a sealed message. There is exactly one way to write an envelope, and every byte of it is authenticated.

use crate::{
    error::SecretsError,
    group::{KEY_ID, KeyId, NONCE},
    json,
};
use alloc::vec::Vec;
use hedgerow_base::{AppId, Pseudonym, limits};

/// Largest envelope in bytes: as large as a message may be.
pub const MAX_SEALED: usize = limits::MAX_UPDATE;
/// Largest readable part in bytes.
pub const MAX_CLEAR: usize = 16 << 10;

/// How every envelope begins; the fourth byte is the version.
const MAGIC: &[u8; 3] = b"HGS";
const VERSION: u8 = 1;
const TO_PSEUDONYM: u8 = 1;
const TO_GROUP: u8 = 2;
/// Length of an encapsulated key (X25519).
const ENC: usize = 32;
/// Length of the tag of Poly1305, which ends the sealed part.
pub(crate) const TAG: usize = 16;

/// Where a message is and whose it says it is. A seal holds in one place only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The app that the message is for.
    pub app: AppId,
    /// The signer of the message; none if it is not signed.
    pub sender: Option<Pseudonym>,
}

/// Whom an envelope names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// A pseudonym.
    Pseudonym {
        /// Who can open it.
        to: Pseudonym,
        /// The encapsulated key.
        enc: [u8; ENC],
    },
    /// A key of a group.
    Group {
        /// Which key.
        key: KeyId,
        /// Used once under that key.
        nonce: [u8; NONCE],
    },
}

/// A sealed message whose parts were found. Nothing is proven before a [`crate::Keyring`] opened it.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    named: Named,
    bytes: Vec<u8>,
    clear: usize,
    sealed: usize,
}

impl core::fmt::Debug for Envelope {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Envelope({:?}, {} bytes)", self.named, self.bytes.len())
    }
}

/// Whether a message's body is an envelope in either form, from its looks: what looks like one may be malformed.
pub fn is_sealed(message: &[u8]) -> bool {
    message.starts_with(MAGIC) || json::looks_sealed(message)
}

impl Place {
    /// For authentication: fixed length, so that nothing else has the same bytes.
    pub(crate) fn bytes(&self) -> [u8; 65] {
        let mut bytes = [0; 65];
        let (app, rest) = bytes.split_at_mut(32);
        app.copy_from_slice(&self.app.0);
        if let (Some(sender), Some((flag, key))) = (self.sender, rest.split_first_mut()) {
            *flag = 1;
            key.copy_from_slice(&sender.0);
        }
        bytes
    }
}

impl Envelope {
    /// What stands before the sealed part. All of it is authenticated.
    pub(crate) fn head(named: &Named, clear: &[u8], body: usize) -> Result<Vec<u8>, SecretsError> {
        bounded("the readable part", clear.len(), MAX_CLEAR)?;
        bounded("the body", body, MAX_SEALED)?;
        let mut bytes = Vec::with_capacity(128 + clear.len() + body);
        bytes.extend_from_slice(MAGIC);
        bytes.push(VERSION);
        match named {
            Named::Pseudonym { to, enc } => {
                bytes.push(TO_PSEUDONYM);
                bytes.extend_from_slice(&to.0);
                bytes.extend_from_slice(enc);
            }
            Named::Group { key, nonce } => {
                bytes.push(TO_GROUP);
                bytes.extend_from_slice(&key.0);
                bytes.extend_from_slice(nonce);
            }
        }
        // The bound above keeps it within four bytes.
        let len = u32::try_from(clear.len()).unwrap_or_default();
        bytes.extend_from_slice(&len.to_be_bytes());
        bytes.extend_from_slice(clear);
        bounded("the envelope", bytes.len() + body + TAG, MAX_SEALED)?;
        Ok(bytes)
    }

    /// Puts an envelope together.
    pub(crate) fn join(named: Named, clear: usize, head: Vec<u8>, sealed: &[u8]) -> Self {
        let mut bytes = head;
        let at = bytes.len();
        bytes.extend_from_slice(sealed);
        Self {
            named,
            clear: at.saturating_sub(clear),
            sealed: at,
            bytes,
        }
    }

    /// Finds the parts of an envelope in its own bytes.
    ///
    /// # Errors
    /// [`SecretsError::NotSealed`] if it does not begin like one, or what is wrong with it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SecretsError> {
        let (magic, _) = bytes.split_first_chunk().ok_or(SecretsError::NotSealed)?;
        if magic != MAGIC {
            return Err(SecretsError::NotSealed);
        }
        bounded("the envelope", bytes.len(), MAX_SEALED)?;
        let mut rest = Rest(bytes.get(MAGIC.len()..).unwrap_or_default());
        let [version] = rest.take()?;
        if version != VERSION {
            return Err(SecretsError::Version(version));
        }
        let named = match rest.take()? {
            [TO_PSEUDONYM] => Named::Pseudonym {
                to: Pseudonym(rest.take()?),
                enc: rest.take()?,
            },
            [TO_GROUP] => Named::Group {
                key: KeyId(rest.take::<KEY_ID>()?),
                nonce: rest.take()?,
            },
            _ => {
                return Err(SecretsError::Malformed {
                    why: "sealed in no known way",
                });
            }
        };
        let clear = usize::try_from(u32::from_be_bytes(rest.take()?)).unwrap_or(usize::MAX);
        bounded("the readable part", clear, MAX_CLEAR)?;
        let at = bytes.len() - rest.0.len();
        let sealed = rest.0.len().checked_sub(clear).filter(|sealed| *sealed >= TAG);
        let sealed = sealed.ok_or(CUT_SHORT)?;
        Ok(Self {
            named,
            bytes: bytes.to_vec(),
            clear: at,
            sealed: bytes.len() - sealed,
        })
    }

    /// Finds an envelope in the body of a message, in either form: its own bytes, or a JSON object with `sealed`.
    ///
    /// # Errors
    /// [`SecretsError::NotSealed`] for an ordinary message, or what is wrong with the envelope.
    pub fn in_message(message: &[u8]) -> Result<Self, SecretsError> {
        match Self::from_bytes(message) {
            Err(SecretsError::NotSealed) => json::read(message),
            other => other,
        }
    }

    /// The envelope as a JSON object: the readable part with one key more, `sealed`. Rules that look into JSON see the
    /// readable part then. A third longer than the bytes.
    ///
    /// # Errors
    /// When the readable part is no JSON object, or has that key already.
    pub fn to_json(&self) -> Result<Vec<u8>, SecretsError> {
        json::write(self)
    }

    /// The bytes of the envelope.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
    /// Whom it names.
    pub fn named(&self) -> &Named {
        &self.named
    }
    /// What everybody may read. Not proven before it is opened.
    pub fn clear(&self) -> &[u8] {
        self.bytes.get(self.clear..self.sealed).unwrap_or_default()
    }
    /// What is authenticated beside the sealed part.
    pub(crate) fn head_bytes(&self) -> &[u8] {
        self.bytes.get(..self.sealed).unwrap_or_default()
    }
    /// The sealed part with its tag.
    pub(crate) fn sealed(&self) -> &[u8] {
        self.bytes.get(self.sealed..).unwrap_or_default()
    }
}

pub(crate) const CUT_SHORT: SecretsError = SecretsError::Malformed { why: "it is cut short" };

/// Refuses what is over its bound.
pub(crate) fn bounded(what: &'static str, len: usize, max: usize) -> Result<(), SecretsError> {
    if len > max {
        return Err(SecretsError::TooLong { what, len, max });
    }
    Ok(())
}

/// What is not read yet.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], SecretsError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(CUT_SHORT)?;
        self.0 = rest;
        Ok(*taken)
    }
}
