//! What a person can open in one app: the secret of their pseudonym, and keys of groups.

use crate::{
    envelope::{Envelope, Named, Place},
    error::SecretsError,
    group::{Derived, GroupKey, KeyId},
    pseudonym::{self, Own},
};
use alloc::{
    borrow::ToOwned as _,
    collections::{BTreeMap, VecDeque},
    string::{String, ToString as _},
    vec::Vec,
};
use hedgerow_base::{AppId, Pseudonym, SecretKey, limits::MAX_NAME};

/// Most groups of one app.
pub const MAX_GROUPS: usize = 256;
/// Most keys of one group; the oldest goes when there is one more.
pub const MAX_KEYS: usize = 8;

/// Whom something is sealed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To<'a> {
    /// Whoever holds this pseudonym, on all their devices.
    Pseudonym(&'a Pseudonym),
    /// Everybody who has the newest key of this group.
    Group(&'a str),
}

/// How a message was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// It was sealed to the pseudonym of this keyring.
    Pseudonym,
    /// It was sealed to a group.
    Group {
        /// Which.
        name: String,
        /// Under the newest key; else the sender does not know it yet, or somebody has an old key only.
        newest: bool,
    },
}

/// A message that was opened: nothing of it was changed since the sender that the message names sealed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// By what.
    pub how: How,
    /// What everybody could read.
    pub clear: Vec<u8>,
    /// What was sealed.
    pub body: Vec<u8>,
}

/// The secrets of one app. Wiped when dropped, never printed.
pub struct Keyring {
    app: AppId,
    own: Option<Own>,
    /// Keys of each group, the newest last.
    groups: BTreeMap<String, VecDeque<Derived>>,
    /// Which group has a key.
    keys: BTreeMap<KeyId, String>,
}

impl core::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Keyring({:?}, {} groups)", self.app, self.groups.len())
    }
}

impl Keyring {
    /// A keyring with nothing on it.
    pub fn new(app: AppId) -> Self {
        Self {
            app,
            own: None,
            groups: BTreeMap::new(),
            keys: BTreeMap::new(),
        }
    }

    /// Puts the secret of one's pseudonym in this app on it.
    #[must_use]
    pub fn with_own(mut self, key: &SecretKey) -> Self {
        self.own = Own::new(key);
        self
    }

    /// Adds a key to a group, which begins with it if it is new. From now on this key seals; older ones only open, and
    /// the oldest is forgotten when there are more than [`MAX_KEYS`]. A key that the group has becomes the newest.
    ///
    /// # Errors
    /// When the name is empty or too long, there are [`MAX_GROUPS`] groups, or another group has the key.
    pub fn add(&mut self, group: &str, key: &GroupKey) -> Result<(), SecretsError> {
        if group.is_empty() || group.len() > MAX_NAME {
            return Err(SecretsError::BadName { max: MAX_NAME });
        }
        let derived = Derived::new(key, &self.app);
        if let Some(owner) = self.keys.get(&derived.id).filter(|owner| *owner != group) {
            return Err(SecretsError::KeyTaken(owner.clone()));
        }
        if !self.groups.contains_key(group) && self.groups.len() >= MAX_GROUPS {
            return Err(SecretsError::Full { max: MAX_GROUPS });
        }
        let keys = self.groups.entry(group.to_owned()).or_default();
        keys.retain(|known| known.id != derived.id);
        self.keys.insert(derived.id, group.to_owned());
        keys.push_back(derived);
        if keys.len() > MAX_KEYS
            && let Some(oldest) = keys.pop_front()
        {
            self.keys.remove(&oldest.id);
        }
        Ok(())
    }

    /// Forgets a group with all its keys; whether there was one.
    pub fn forget(&mut self, group: &str) -> bool {
        let keys = self.groups.remove(group);
        for key in keys.iter().flatten() {
            self.keys.remove(&key.id);
        }
        keys.is_some()
    }

    /// Names of the groups with the ids of their keys, the newest last.
    pub fn groups(&self) -> impl Iterator<Item = (&str, Vec<KeyId>)> {
        let ids = |keys: &VecDeque<Derived>| keys.iter().map(|key| key.id).collect();
        self.groups.iter().map(move |(name, keys)| (name.as_str(), ids(keys)))
    }

    /// Seals `body`; `clear` stays readable and cannot be changed. `sender` must be the signer of the message that will
    /// carry it. `random` is 32 new random bytes.
    ///
    /// # Errors
    /// When a part is too long, the pseudonym is no key, or the group is not known.
    pub fn seal(
        &self,
        sender: Option<Pseudonym>,
        to: To<'_>,
        clear: &[u8],
        body: &[u8],
        random: &[u8; 32],
    ) -> Result<Envelope, SecretsError> {
        let place = Place { app: self.app, sender };
        match to {
            To::Pseudonym(to) => pseudonym::seal(&place, to, clear, body, random),
            To::Group(name) => {
                let key = self.groups.get(name).and_then(VecDeque::back);
                let key = key.ok_or_else(|| SecretsError::NoGroup(name.to_owned()))?;
                key.seal(&place, clear, body, random)
            }
        }
    }

    /// Opens an envelope that came in a message signed by `sender`. Only the key that it names is tried: at most one
    /// look-up, one exchange of keys and one pass over the bytes.
    ///
    /// # Errors
    /// [`SecretsError::NotForYou`] or [`SecretsError::UnknownKey`] without that key; [`SecretsError::Changed`] if it
    /// does not open.
    pub fn open(&self, sender: Option<Pseudonym>, envelope: &Envelope) -> Result<Opened, SecretsError> {
        let place = Place { app: self.app, sender };
        let (how, body) = match envelope.named() {
            Named::Pseudonym { to, enc } => {
                let own = self.own.as_ref().filter(|own| own.pseudonym == *to);
                let own = own.ok_or(SecretsError::NotForYou(*to))?;
                (How::Pseudonym, own.open(&place, enc, envelope)?)
            }
            Named::Group { key, nonce } => {
                let (name, derived, newest) = self.find(key)?;
                let how = How::Group {
                    name: name.to_owned(),
                    newest,
                };
                (how, derived.open(&place, nonce, envelope)?)
            }
        };
        Ok(Opened {
            how,
            clear: envelope.clear().to_vec(),
            body,
        })
    }

    fn find(&self, id: &KeyId) -> Result<(&str, &Derived, bool), SecretsError> {
        let name = self.keys.get(id);
        let keys = name.and_then(|name| self.groups.get(name));
        let at = keys.and_then(|keys| keys.iter().position(|key| key.id == *id));
        match (name, keys, at) {
            (Some(name), Some(keys), Some(at)) => {
                let newest = at + 1 == keys.len();
                let key = keys.get(at);
                key.map(|key| (name.as_str(), key, newest))
            }
            _ => None,
        }
        .ok_or_else(|| SecretsError::UnknownKey(id.to_string()))
    }
}
