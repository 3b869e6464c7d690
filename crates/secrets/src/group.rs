//! Sealing to a group by a key that its members were given before, over whatever way they trust.

use crate::{
    chance::hedged,
    envelope::{Envelope, Named, Place, TAG},
    error::SecretsError,
};
use alloc::{string::String, vec::Vec};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use core::{fmt, str::FromStr};
use data_encoding::{BASE32_NOPAD, HEXLOWER};
use hedgerow_base::{AppId, hash::hash};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

/// Length of a key id in bytes: long enough that nobody makes two keys of one id.
pub(crate) const KEY_ID: usize = 16;
/// Length of a nonce in bytes: random ones never meet.
pub(crate) const NONCE: usize = 24;

const PREFIX: &str = "hgk1";
/// Bytes of the checksum. With the key they are 56 base32 digits without padding.
const CHECKSUM: usize = 3;
const CHECKSUM_CONTEXT: &str = "hedgerow 2026 secrets group key text v1";
const SALT: &[u8] = b"hedgerow 2026 secrets group v1";
const AAD: &[u8] = b"hedgerow 2026 secrets group message v1\0";

/// Which key of a group sealed something. Derived from key and app, so that one key cannot be recognised in two apps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId(pub [u8; KEY_ID]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

/// A key that all members of a group have. Made from 32 random bytes, never from a word: whoever sees a message could
/// try words. Wiped when dropped, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct GroupKey(Zeroizing<[u8; 32]>);

impl GroupKey {
    /// The key of 32 random bytes.
    pub fn from_random(random: [u8; 32]) -> Self {
        Self(Zeroizing::new(random))
    }

    /// The key for people: `hgk1` and 56 letters and digits, of which the last guard against typing errors. Whoever has
    /// this text reads the group.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(self.0.to_vec());
        bytes.extend_from_slice(&checksum(&self.0));
        let mut text = Zeroizing::new(String::from(PREFIX));
        BASE32_NOPAD.encode_append(&bytes, &mut text);
        text.make_ascii_lowercase();
        text
    }

    /// The id of this key in an app.
    pub fn id(&self, app: &AppId) -> KeyId {
        KeyId(*self.derive(b"id", app))
    }

    /// HKDF-SHA256 (RFC 5869).
    fn derive<const N: usize>(&self, purpose: &[u8], app: &AppId) -> Zeroizing<[u8; N]> {
        let mut bytes = Zeroizing::new([0; N]);
        // HKDF gives up to 8,160 bytes; ids and keys have at most 32.
        let _ = Hkdf::<Sha256>::new(Some(SALT), &*self.0).expand_multi_info(&[purpose, &app.0], &mut *bytes);
        bytes
    }
}

impl fmt::Debug for GroupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GroupKey(..)")
    }
}

impl FromStr for GroupKey {
    type Err = SecretsError;

    /// Reads a key as people type it: large or small letters, with blanks or dashes between.
    fn from_str(text: &str) -> Result<Self, SecretsError> {
        let bad = |why| SecretsError::BadKeyText { why };
        if text.len() > 256 {
            return Err(bad("it is too long"));
        }
        let plain = text.chars().filter(|c| !c.is_whitespace() && *c != '-');
        let plain = Zeroizing::new(plain.collect::<String>().to_ascii_uppercase());
        let digits = plain
            .strip_prefix(&PREFIX.to_ascii_uppercase())
            .ok_or(bad("it does not begin with hgk1"))?;
        let bytes = BASE32_NOPAD.decode(digits.as_bytes());
        let bytes =
            Zeroizing::new(bytes.map_err(|_| bad("it has a letter or digit too many, too few, or that no key has"))?);
        let (key, sum) = bytes.split_first_chunk::<32>().ok_or(bad("it is too short"))?;
        if sum.len() != CHECKSUM {
            return Err(bad("it is too long or too short"));
        }
        if sum != checksum(key) {
            return Err(bad("a letter or digit is mistyped"));
        }
        Ok(Self(Zeroizing::new(*key)))
    }
}

fn checksum(key: &[u8; 32]) -> [u8; CHECKSUM] {
    let [a, b, c, ..] = hash(CHECKSUM_CONTEXT, &[key]);
    [a, b, c]
}

/// A group's key in one app, ready to use.
#[derive(Clone)]
pub(crate) struct Derived {
    pub(crate) id: KeyId,
    key: Zeroizing<[u8; 32]>,
}

impl Derived {
    pub(crate) fn new(key: &GroupKey, app: &AppId) -> Self {
        Self {
            id: key.id(app),
            key: key.derive(b"seal", app),
        }
    }

    /// Seals a body to all who have the key.
    pub(crate) fn seal(
        &self,
        place: &Place,
        clear: &[u8],
        body: &[u8],
        random: &[u8; 32],
    ) -> Result<Envelope, SecretsError> {
        let nonce = hedged(random, &[&*self.key, &place.bytes(), clear, body]);
        let nonce = *nonce.first_chunk().unwrap_or(&[0; NONCE]);
        let named = Named::Group { key: self.id, nonce };
        let head = Envelope::head(&named, clear, body.len())?;
        let payload = Payload {
            msg: body,
            aad: &aad(place, &head),
        };
        let sealed = XChaCha20Poly1305::new((&*self.key).into()).encrypt(&XNonce::from(nonce), payload);
        // It fails for lengths only that are bounded far below.
        let sealed = sealed.map_err(|_| SecretsError::Malformed {
            why: "it cannot be sealed",
        })?;
        debug_assert_eq!(sealed.len(), body.len() + TAG);
        Ok(Envelope::join(named, clear.len(), head, &sealed))
    }

    /// Opens what was sealed under this key.
    pub(crate) fn open(
        &self,
        place: &Place,
        nonce: &[u8; NONCE],
        envelope: &Envelope,
    ) -> Result<Vec<u8>, SecretsError> {
        let payload = Payload {
            msg: envelope.sealed(),
            aad: &aad(place, envelope.head_bytes()),
        };
        XChaCha20Poly1305::new((&*self.key).into())
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| SecretsError::Changed)
    }
}

fn aad(place: &Place, head: &[u8]) -> Vec<u8> {
    [AAD, &place.bytes(), head].concat()
}
