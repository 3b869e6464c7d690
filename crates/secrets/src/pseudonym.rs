//! Sealing to a pseudonym: HPKE base mode with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305.
//!
//! The X25519 key is the Ed25519 key of the pseudonym, converted. A separate key would have to be announced, signed and
//! kept by everybody before the first word; a converted one is there with the pseudonym. That one key pair signs and
//! opens is safe for just these two uses: proven jointly secure for Ed25519 and an X25519 KEM with a hash, as HPKE's
//! (E. Thormarker, ePrint 2021/509).

use crate::{
    chance::{Given, hedged},
    envelope::{Envelope, Named, Place},
    error::SecretsError,
};
use alloc::vec::Vec;
use hedgerow_base::{Pseudonym, SecretKey};
use hpke::{
    Deserializable as _, OpModeR, OpModeS, Serializable as _, aead::ChaCha20Poly1305, kdf::HkdfSha256,
    kem::X25519HkdfSha256, setup_receiver, setup_sender_with_rng,
};
use zeroize::Zeroizing;

type Public = <X25519HkdfSha256 as hpke::Kem>::PublicKey;
type Secret = <X25519HkdfSha256 as hpke::Kem>::PrivateKey;
type Enc = <X25519HkdfSha256 as hpke::Kem>::EncappedKey;

const INFO: &[u8] = b"hedgerow 2026 secrets pseudonym v1\0";

/// The secret half of a pseudonym, as it opens envelopes.
pub(crate) struct Own {
    pub(crate) pseudonym: Pseudonym,
    secret: Secret,
}

/// The X25519 key of a pseudonym; none for a key that nobody holds.
pub(crate) fn x25519_public(of: &Pseudonym) -> Option<[u8; 32]> {
    let key = ed25519_dalek::VerifyingKey::from_bytes(&of.0).ok()?;
    (!key.is_weak()).then(|| key.to_montgomery().to_bytes())
}

/// The X25519 secret that belongs to [`x25519_public`].
pub(crate) fn x25519_secret(key: &SecretKey) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(ed25519_dalek::SigningKey::from_bytes(&key.seed()).to_scalar_bytes())
}

/// What binds the one-time key to its use. The receiver is named here too, as two pseudonyms share an X25519 key if
/// they differ in their sign only.
fn info(place: &Place, to: &Pseudonym) -> Vec<u8> {
    [INFO, &place.bytes(), &to.0].concat()
}

/// Seals a body to a pseudonym.
pub(crate) fn seal(
    place: &Place,
    to: &Pseudonym,
    clear: &[u8],
    body: &[u8],
    random: &[u8; 32],
) -> Result<Envelope, SecretsError> {
    let bad = |_| SecretsError::BadPseudonym(*to);
    let public = x25519_public(to).ok_or(SecretsError::BadPseudonym(*to))?;
    let public = Public::from_bytes(&public).map_err(bad)?;
    let info = info(place, to);
    let mut chance = Given::new(hedged(random, &[&info, clear, body]));
    let (enc, mut context) = setup_sender_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &public,
        &info,
        &mut chance,
    )
    .map_err(bad)?;
    let named = Named::Pseudonym {
        to: *to,
        enc: enc.to_bytes().into(),
    };
    let head = Envelope::head(&named, clear, body.len())?;
    let sealed = context.seal(body, &head).map_err(bad)?;
    Ok(Envelope::join(named, clear.len(), head, &sealed))
}

impl Own {
    pub(crate) fn new(key: &SecretKey) -> Option<Self> {
        Some(Self {
            pseudonym: key.public().into(),
            secret: Secret::from_bytes(&*x25519_secret(key)).ok()?,
        })
    }

    /// Opens what was sealed to this pseudonym.
    pub(crate) fn open(&self, place: &Place, enc: &[u8; 32], envelope: &Envelope) -> Result<Vec<u8>, SecretsError> {
        let changed = |_| SecretsError::Changed;
        let enc = Enc::from_bytes(enc).map_err(changed)?;
        let info = info(place, &self.pseudonym);
        let mut context =
            setup_receiver::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(&OpModeR::Base, &self.secret, &enc, &info)
                .map_err(changed)?;
        context.open(envelope.sealed(), envelope.head_bytes()).map_err(changed)
    }
}
