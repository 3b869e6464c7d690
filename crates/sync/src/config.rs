//! What a node keeps of a space beside its entries.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use hedgerow_base::{Blame, Blamed, LogId, Pseudonym, SecretKey, SpaceId, WidgetId, hash};
use hedgerow_wire::sync::{Admission, EpochKey, Invite, InviteClaim, Joined, SpaceGenesis, SpaceKind};
use minicbor::{Decode, Encode};

/// Why a stored description of a space cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stored description of a space is damaged: {0}")]
pub struct ConfigError(String);

impl Blamed for ConfigError {
    fn blame(&self) -> Blame {
        Blame::Local
    }
}

/// What a space is, the keys with which one came in, and the log that this device writes. It holds secrets. The
/// driver makes it once, stores it and hands it in each time the space is opened.
///
/// A log's key is made anew by each constructor and must never be used on two devices or after entries were lost:
/// that forks the log. After restoring a backup, go on with [`SpaceConfig::renew`].
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SpaceConfig {
    #[n(0)]
    genesis: SpaceGenesis,
    #[n(1)]
    keys: Vec<EpochKey>,
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    log_seed: [u8; 32],
    #[n(3)]
    admission: Admission,
}

impl core::fmt::Debug for SpaceConfig {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SpaceConfig({:?}, {:?})", self.genesis.kind, self.id())
    }
}

fn derived(random: &[u8; 32], what: &str) -> [u8; 32] {
    *hash::derive_secret("hedgerow 2026 sync config v1", random, &[what.as_bytes()])
}

impl SpaceConfig {
    fn new(genesis: SpaceGenesis, key: [u8; 32], random: &[u8; 32], admission: Admission) -> Self {
        let keys = Vec::from([EpochKey { epoch: 0, key }]);
        Self {
            genesis,
            keys,
            log_seed: derived(random, "log"),
            admission,
        }
    }
    /// A space of one user. All devices give the same `nonce` and the same `key`, derived from the user's root
    /// secret; `random` is fresh on each device.
    pub fn private(widget: WidgetId, creator: Pseudonym, nonce: [u8; 32], key: [u8; 32], random: [u8; 32]) -> Self {
        let key_commitment = SpaceGenesis::commit(&key);
        let kind = SpaceKind::Private;
        let genesis = SpaceGenesis {
            kind,
            widget,
            creator: Some(creator),
            nonce,
            key_commitment,
        };
        Self::new(genesis, key, &random, Admission::Plain)
    }
    /// A new space for invited people, owned by `creator`.
    pub fn invited(widget: WidgetId, creator: Pseudonym, random: [u8; 32]) -> Self {
        let key = derived(&random, "key");
        let (nonce, key_commitment) = (derived(&random, "nonce"), SpaceGenesis::commit(&key));
        let kind = SpaceKind::Invited;
        let genesis = SpaceGenesis {
            kind,
            widget,
            creator: Some(creator),
            nonce,
            key_commitment,
        };
        Self::new(genesis, key, &random, Admission::Plain)
    }
    /// The public space of a widget.
    pub fn public(widget: WidgetId, random: [u8; 32]) -> Self {
        let key = SpaceGenesis::public_key(&widget);
        Self::new(SpaceGenesis::public(widget), key, &random, Admission::Plain)
    }
    /// Uses an invite, as read by [`Invite::from_bytes`], for the user's pseudonym in the space's widget.
    pub fn join(invite: &Invite, pseudonym: Pseudonym, random: [u8; 32]) -> Self {
        let log_seed = derived(&random, "log");
        let log = SecretKey::from_seed(&log_seed).public().into();
        let secret = SecretKey::from_seed(&invite.secret);
        let proof = InviteClaim::prove(&secret, &invite.genesis.id(), &log, &pseudonym);
        let joined = Joined {
            invite: invite.invite.clone(),
            proof,
            chain: invite.chain.clone(),
        };
        let admission = match invite.genesis.creator == Some(pseudonym) {
            true => Admission::Plain,
            false => Admission::Joined(joined),
        };
        Self {
            genesis: invite.genesis.clone(),
            keys: invite.keys.clone(),
            log_seed,
            admission,
        }
    }
    /// The same space with a new log: for another device of the user, after a backup was restored, or after
    /// [`crate::Effect::Forked`] of this device's log. `old` entries stay and are replayed as before.
    pub fn renew(&self, random: [u8; 32]) -> Self {
        let owner_or_open = self.admission == Admission::Plain;
        let admission = if owner_or_open {
            Admission::Plain
        } else {
            Admission::Sibling(self.log())
        };
        Self {
            log_seed: derived(&random, "log"),
            admission,
            ..self.clone()
        }
    }
    /// The space.
    pub fn id(&self) -> SpaceId {
        self.genesis.id()
    }
    /// What it is made from.
    pub fn genesis(&self) -> &SpaceGenesis {
        &self.genesis
    }
    /// This device's log.
    pub fn log(&self) -> LogId {
        self.log_key().public().into()
    }
    pub(crate) fn log_key(&self) -> SecretKey {
        SecretKey::from_seed(&self.log_seed)
    }
    pub(crate) fn keys(&self) -> &[EpochKey] {
        &self.keys
    }
    pub(crate) fn admission(&self) -> &Admission {
        &self.admission
    }
    /// The bytes to store.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // Writing to memory has no error.
        let _ = minicbor::encode(self, &mut bytes);
        bytes
    }
    /// Reads a stored description.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ConfigError> {
        minicbor::decode(bytes).map_err(|error| ConfigError(error.to_string()))
    }
}
