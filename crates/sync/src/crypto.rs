//! Seals: bodies under the key of a space, new keys under a member's key; tags that only key holders recognise.

use alloc::vec::Vec;
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use hedgerow_base::{LogId, NodeId, SpaceId, hash};
use hedgerow_wire::sync::{SealedKey, Tag};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

/// A space's key in one epoch.
pub(crate) type Key = Zeroizing<[u8; 32]>;

const NONCE: usize = 24;
const SEALED_KEY: &str = "hedgerow 2026 sync sealed space key v1";

/// Seals `plain`: nonce and ciphertext. The nonce is made from a secret and everything that is sealed, so that it
/// repeats only when the very same thing is sealed again, whatever became of the random number generator.
pub(crate) fn seal(key: &Key, secret: &[u8; 32], aad: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
    let nonce = hash::derive_secret("hedgerow 2026 sync nonce v1", secret, &[&key[..], aad, plain]);
    let nonce: [u8; NONCE] = *nonce.first_chunk()?;
    let sealed = XChaCha20Poly1305::new((&**key).into())
        .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad })
        .ok()?;
    let mut bytes = Vec::with_capacity(NONCE.saturating_add(sealed.len()));
    bytes.extend_from_slice(&nonce);
    bytes.extend_from_slice(&sealed);
    Some(bytes)
}

/// Opens what [`seal`] sealed; `None` if anything differs.
pub(crate) fn open(key: &Key, aad: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
    let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
    XChaCha20Poly1305::new((&**key).into())
        .decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad })
        .ok()
}

/// What binds a body to its place.
pub(crate) fn place(space: &SpaceId, log: &LogId, seq: u64, epoch: u64) -> [u8; 80] {
    let mut bytes = [0; 80];
    let parts: [&[u8]; 4] = [&space.0, &log.0, &seq.to_be_bytes(), &epoch.to_be_bytes()];
    let mut rest = &mut bytes[..];
    for part in parts {
        let (head, tail) = rest.split_at_mut(part.len());
        head.copy_from_slice(part);
        rest = tail;
    }
    bytes
}

/// Public half of a seal secret (X25519, RFC 7748).
pub(crate) fn seal_public(secret: &[u8; 32]) -> [u8; 32] {
    PublicKey::from(&StaticSecret::from(*secret)).to_bytes()
}

fn wrapping(shared: &[u8; 32], enc: &[u8; 32], to: &[u8; 32]) -> Key {
    hash::derive_secret(SEALED_KEY, shared, &[enc, to])
}

/// Seals a space key to a member: an ephemeral X25519 key that is used once, a key derived from the shared secret
/// and both public keys, XChaCha20-Poly1305.
pub(crate) fn wrap(to: &[u8; 32], key: &Key, ephemeral: &[u8; 32], aad: &[u8]) -> Option<SealedKey> {
    let ephemeral = StaticSecret::from(*ephemeral);
    let enc = PublicKey::from(&ephemeral).to_bytes();
    let shared = ephemeral.diffie_hellman(&PublicKey::from(*to));
    if !shared.was_contributory() {
        return None;
    }
    let wrapping = wrapping(shared.as_bytes(), &enc, to);
    // This key seals nothing else, so that a fixed nonce is never repeated under it.
    let sealed = XChaCha20Poly1305::new((&*wrapping).into())
        .encrypt(&XNonce::from([0; NONCE]), Payload { msg: &key[..], aad })
        .ok()?;
    Some(SealedKey {
        to: *to,
        enc,
        sealed: sealed.try_into().ok()?,
    })
}

/// Opens what [`wrap`] sealed.
pub(crate) fn unwrap(secret: &[u8; 32], sealed: &SealedKey, aad: &[u8]) -> Option<Key> {
    let shared = StaticSecret::from(*secret).diffie_hellman(&PublicKey::from(sealed.enc));
    if !shared.was_contributory() {
        return None;
    }
    let wrapping = wrapping(shared.as_bytes(), &sealed.enc, &sealed.to);
    let key = XChaCha20Poly1305::new((&*wrapping).into())
        .decrypt(
            &XNonce::from([0; NONCE]),
            Payload {
                msg: &sealed.sealed[..],
                aad,
            },
        )
        .ok()?;
    Some(Zeroizing::new(key.try_into().ok()?))
}

/// How `node` announces a space in one connection.
pub(crate) fn tag(space: &SpaceId, key: &Key, session: &[u8; 32], node: &NodeId) -> Tag {
    let digest = hash::derive_secret("hedgerow 2026 sync tag v1", key, &[&space.0, session, &node.0]);
    let mut tag = [0; 16];
    for (to, from) in tag.iter_mut().zip(digest.iter()) {
        *to = *from;
    }
    tag.into()
}
