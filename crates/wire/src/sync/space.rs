//! Who may write in a space: genesis, certificates of logs, invites and the proof that one was used.

use super::{
    Claim, MAX_CHAIN, MAX_CLAIM, MAX_EPOCHS, MAX_INVITE, Signed, SyncFrameError, list, open, seal, short_name,
};
use alloc::{string::String, vec::Vec};
use hedgerow_base::{LogId, Pseudonym, PublicKey, SecretKey, Signature, SpaceId, WidgetId, hash};
use minicbor::{Decode, Encode};

const PROOF_CONTEXT: &str = "hedgerow 2026 sync join proof v1";

/// Who shares a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum SpaceKind {
    /// One user, all devices.
    #[n(0)]
    Private,
    /// Members, by invite.
    #[n(1)]
    Invited,
    /// Everyone who has the widget.
    #[n(2)]
    Public,
}

/// What a space is named by: [`SpaceGenesis::id`] is its hash.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct SpaceGenesis {
    /// Who shares it.
    #[n(0)]
    pub kind: SpaceKind,
    /// For which widget.
    #[n(1)]
    pub widget: WidgetId,
    /// Its owner; `None` in a public space.
    #[n(2)]
    pub creator: Option<Pseudonym>,
    /// Makes two spaces of one owner differ; zero in a public space.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub nonce: [u8; 32],
    /// [`SpaceGenesis::commit`] of the key of epoch 0.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub key_commitment: [u8; 32],
}

impl SpaceGenesis {
    /// The id of the space.
    pub fn id(&self) -> SpaceId {
        SpaceId(hash::hash("hedgerow 2026 space genesis v1", &[&seal(self)]))
    }
    /// What binds a key to a space without telling the key.
    pub fn commit(key: &[u8; 32]) -> [u8; 32] {
        hash::hash("hedgerow 2026 space key commitment v1", &[key])
    }
    /// Key of epoch 0 of the public space of a widget: anybody can make it. It keeps one code path, not a secret.
    pub fn public_key(widget: &WidgetId) -> [u8; 32] {
        hash::hash("hedgerow 2026 public space key v1", &[&widget.0])
    }
    /// The one public space of a widget.
    pub fn public(widget: WidgetId) -> Self {
        let key_commitment = Self::commit(&Self::public_key(&widget));
        Self {
            kind: SpaceKind::Public,
            widget,
            creator: None,
            nonce: [0; 32],
            key_commitment,
        }
    }
}

/// What a pseudonym signs for a log: that its entries are theirs.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct LogClaim {
    /// In which space.
    #[n(0)]
    pub space: SpaceId,
    /// The log.
    #[n(1)]
    pub log: LogId,
    /// Whose log it is.
    #[n(2)]
    pub pseudonym: Pseudonym,
    /// X25519 public key to which later keys of the space are sealed.
    #[n(3)]
    #[cbor(with = "minicbor::bytes")]
    pub seal_key: [u8; 32],
}

impl Claim for LogClaim {
    const CONTEXT: &'static str = "hedgerow 2026 sync log certificate v1";
    const WHAT: &'static str = "log certificate";
    const MAX: usize = MAX_CLAIM;
    fn signer(&self) -> PublicKey {
        self.pseudonym.key()
    }
}

/// What a member signs for an invite.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct InviteClaim {
    /// Into which space.
    #[n(0)]
    pub space: SpaceId,
    /// The epoch in which it was made; it admits while this is the newest epoch.
    #[n(1)]
    pub epoch: u64,
    /// Public half of the invite's secret.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub invite_key: [u8; 32],
    /// Who invites.
    #[n(3)]
    pub issuer: Pseudonym,
}

impl Claim for InviteClaim {
    const CONTEXT: &'static str = "hedgerow 2026 sync invite v1";
    const WHAT: &'static str = "invite certificate";
    const MAX: usize = MAX_CLAIM;
    fn signer(&self) -> PublicKey {
        self.issuer.key()
    }
}

impl InviteClaim {
    /// The proof of who holds the invite's secret that `log` of `pseudonym` may join `space`.
    pub fn prove(secret: &SecretKey, space: &SpaceId, log: &LogId, pseudonym: &Pseudonym) -> Signature {
        secret.sign(PROOF_CONTEXT, &proof_bytes(space, log, pseudonym))
    }
    /// Checks such a proof.
    ///
    /// # Errors
    /// When it does not hold.
    pub fn check(&self, log: &LogId, pseudonym: &Pseudonym, proof: &Signature) -> Result<(), SyncFrameError> {
        PublicKey(self.invite_key)
            .verify(PROOF_CONTEXT, &proof_bytes(&self.space, log, pseudonym), proof)
            .map_err(|_| SyncFrameError::BadSignature { what: "join proof" })
    }
}

fn proof_bytes(space: &SpaceId, log: &LogId, pseudonym: &Pseudonym) -> [u8; 96] {
    let mut bytes = [0; 96];
    for (part, id) in bytes.chunks_exact_mut(32).zip([&space.0, &log.0, &pseudonym.0]) {
        part.copy_from_slice(id);
    }
    bytes
}

/// How the issuer of an invite came in themselves.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Link {
    /// The invite that they used.
    #[n(0)]
    pub invite: Signed<InviteClaim>,
    /// With which log.
    #[n(1)]
    pub log: LogId,
    /// Who.
    #[n(2)]
    pub pseudonym: Pseudonym,
    /// Signature by the invite's secret.
    #[n(3)]
    pub proof: Signature,
}

/// Proof that a log was invited; it can be judged knowing only the owner and the members of the invite's epoch.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Joined {
    /// The invite.
    #[n(0)]
    pub invite: Signed<InviteClaim>,
    /// Signature by the invite's secret over space, log and pseudonym.
    #[n(1)]
    pub proof: Signature,
    /// How the issuer came in, and who invited them, and so on; empty when the issuer is the owner or is listed
    /// in the [`super::Rekey`] that began the invite's epoch.
    #[n(2)]
    #[cbor(decode_with = "list::<_, _, MAX_CHAIN>")]
    pub chain: Vec<Link>,
}

/// The key of an epoch.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct EpochKey {
    /// The epoch.
    #[n(0)]
    pub epoch: u64,
    /// Its key.
    #[n(1)]
    #[cbor(with = "minicbor::bytes")]
    pub key: [u8; 32],
}

impl core::fmt::Debug for EpochKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "EpochKey({})", self.epoch)
    }
}

/// All that a new member needs. Whoever holds it can read the space: it is a secret.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct Invite {
    /// The space, its kind, its owner and its widget.
    #[n(0)]
    pub genesis: SpaceGenesis,
    /// What the inviter calls the space.
    #[n(1)]
    #[cbor(decode_with = "short_name", default)]
    pub space_name: Option<String>,
    /// What the inviter calls themselves.
    #[n(2)]
    #[cbor(decode_with = "short_name", default)]
    pub issuer_name: Option<String>,
    /// The invite, signed by who invites.
    #[n(3)]
    pub invite: Signed<InviteClaim>,
    /// Seed of the invite's secret.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    pub secret: [u8; 32],
    /// As in [`Joined::chain`].
    #[n(5)]
    #[cbor(decode_with = "list::<_, _, MAX_CHAIN>")]
    pub chain: Vec<Link>,
    /// Keys of all epochs so far.
    #[n(6)]
    #[cbor(decode_with = "list::<_, _, MAX_EPOCHS>")]
    pub keys: Vec<EpochKey>,
}

impl core::fmt::Debug for Invite {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Invite({:?})", self.genesis.id())
    }
}

impl Invite {
    /// The bytes to carry.
    pub fn to_bytes(&self) -> Vec<u8> {
        seal(self)
    }
    /// Reads an invite and checks what can be checked alone: the issuer's signature, that the secret belongs to
    /// it, that it is for this space and that the first key is the one that the space is bound to.
    ///
    /// # Errors
    /// When it is malformed or does not hold together.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SyncFrameError> {
        let invite: Self = open("invite", MAX_INVITE, bytes)?;
        let claim = invite.invite.verify()?;
        let broken = |why: &str| {
            Err(SyncFrameError::Malformed {
                what: "invite",
                why: why.into(),
            })
        };
        if claim.space != invite.genesis.id() || invite.genesis.kind != SpaceKind::Invited {
            return broken("it is for another space");
        }
        if SecretKey::from_seed(&invite.secret).public().0 != claim.invite_key {
            return broken("its secret is another one's");
        }
        let first = invite.keys.iter().find(|key| key.epoch == 0);
        if first.is_none_or(|key| SpaceGenesis::commit(&key.key) != invite.genesis.key_commitment) {
            return broken("its key is not the space's key");
        }
        Ok(invite)
    }
}
