//! Ed25519 keys and signatures (RFC 8032), verified strictly: non-canonical and small-order forms are refused.

use crate::ids::{LogId, NodeId, PersonId, Pseudonym, UserId};
use alloc::vec::Vec;
use core::fmt;
use ed25519_dalek::Signer;
use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

/// A signature does not fit its key and message, or the key is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not fit the key and the message")]
pub struct SignatureError;

/// 64 bytes of an Ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct Signature(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub [u8; 64],
);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(..)")
    }
}

/// A public key, not yet given a role. Roles are the ids: [`NodeId`], [`UserId`], [`Pseudonym`], [`LogId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// Checks that `signature` was made by this key over `context` and `message`.
    ///
    /// # Errors
    /// [`SignatureError`] if it was not.
    pub fn verify(&self, context: &str, message: &[u8], signature: &Signature) -> Result<(), SignatureError> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(&self.0).map_err(|_| SignatureError)?;
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        key.verify_strict(&framed(context, message), &signature)
            .map_err(|_| SignatureError)
    }

    /// Checks a signature that was made with [`SecretKey::sign_foreign`].
    ///
    /// # Errors
    /// [`SignatureError`] if it was not made by this key.
    pub fn verify_foreign(&self, message: &[u8], signature: &Signature) -> Result<(), SignatureError> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(&self.0).map_err(|_| SignatureError)?;
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        key.verify_strict(message, &signature).map_err(|_| SignatureError)
    }
}

macro_rules! role {
    ($($id:ident),*) => { $(
        impl $id {
            /// The public key behind this id.
            pub const fn key(&self) -> PublicKey { PublicKey(self.0) }
        }
        impl From<PublicKey> for $id {
            fn from(key: PublicKey) -> Self { Self(key.0) }
        }
    )* };
}
role!(NodeId, UserId, Pseudonym, LogId, PersonId);

/// An Ed25519 secret: wiped when dropped, never printed.
#[derive(Clone)]
pub struct SecretKey(ed25519_dalek::SigningKey);

impl SecretKey {
    /// The key of a 32-byte seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }
    /// The seed, for storing.
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }
    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }
    /// Signs `message` for one purpose, `context`.
    pub fn sign(&self, context: &str, message: &[u8]) -> Signature {
        Signature(self.0.sign(&framed(context, message)).to_bytes())
    }
    /// Signs a message whose bytes another protocol prescribes. They must never begin like a context of ours, with
    /// `hedgerow `, so that no signature stands for two things.
    pub fn sign_foreign(&self, message: &[u8]) -> Signature {
        debug_assert!(
            !message.starts_with(b"hedgerow "),
            "this could be mistaken for a message of ours"
        );
        Signature(self.0.sign(message).to_bytes())
    }
}
impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

/// Context, a zero byte, message: contexts hold no zero byte, so no pair collides.
fn framed(context: &str, message: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(context.len() + 1 + message.len());
    bytes.extend_from_slice(context.as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(message);
    bytes
}
