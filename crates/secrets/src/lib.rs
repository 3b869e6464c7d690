//! Messages between apps that only one pseudonym, or only one group, can read (Z10). The bytes: `docs/wire/secrets.md`.
//!
//! A sealed message is an [`Envelope`]: how it is sealed and for whom, perhaps something that all may read and nobody
//! can change, and the sealed body. It travels as the body of an ordinary message, which the overlay signs.
//!
//! - **To a pseudonym**: HPKE (RFC 9180), to the X25519 form of the pseudonym's Ed25519 key, so that whoever has seen a
//!   pseudonym can seal to it at once.
//! - **To a group**: XChaCha20-Poly1305 under a key that the members were given before ([`GroupKey`], `hgk1…`), derived
//!   anew for each app. A group may know several keys: the newest seals, the others still open.
//!
//! Invariants: nothing here rolls dice; 32 random bytes are handed in for each message, and even if they repeat, no
//! nonce repeats under a key with another text. An envelope has one encoding only, and all of it is authenticated,
//! together with app and sender. Opening does the work of the one key that the envelope names, whatever is known
//! besides.
//!
//! # What this does not give
//! - **Forward secrecy.** Whoever gets the secret of a pseudonym, or a group's key, reads what was sealed to it before.
//! - **A proof who wrote it.** That is the signature of the message around it. A seal is bound to the sender that the
//!   message names, so that nobody passes it off as his own; in an unsigned message nobody is named.
//! - **Hiding who and how much.** Receiver or key id, and the sizes, can be seen by everybody who passes it on.
//! - **Safety from repetition.** The same message twice is noticed by the overlay, not here.
//! - **Secrets within a group.** Every member can read all, and write as a member; who left can read on until there is
//!   a new key.
//! - **Safety from quantum computers**: X25519 would fall to one, and so would what was recorded before.
#![no_std]
extern crate alloc;

mod chance;
mod envelope;
mod error;
mod group;
mod json;
mod keyring;
mod pseudonym;

pub use envelope::{Envelope, MAX_CLEAR, MAX_SEALED, Named, Place, is_sealed};
pub use error::SecretsError;
pub use group::{GroupKey, KeyId};
pub use keyring::{How, Keyring, MAX_GROUPS, MAX_KEYS, Opened, To};

#[cfg(test)]
mod tests;
