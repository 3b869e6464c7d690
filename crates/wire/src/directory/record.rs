//! Records as they are carried: what is said, and who signed it.

use super::{
    Authority, CONTEXT, DirectoryFrameError, Genesis, KIND_AUTHORITY, KIND_INSTALLS, KIND_RELEASE, MAX_KEYS, Release,
    Said, decoded, encoded,
};
use alloc::{boxed::Box, collections::BTreeSet, vec::Vec};
use hedgerow_base::{PublicKey, RecordId, SecretKey, Signature, hash::hash, limits::MAX_RECORD};
use minicbor::{Decode, Encode, bytes::ByteVec};

#[derive(Encode, Decode)]
struct NumberedSignature {
    #[n(0)]
    key: u8,
    #[n(1)]
    signature: Signature,
}

#[derive(Encode, Decode)]
struct Envelope {
    #[n(0)]
    signed: ByteVec,
    #[n(1)]
    signatures: Vec<NumberedSignature>,
}

#[derive(Decode)]
#[cbor(map)]
struct Kind {
    #[n(0)]
    kind: u8,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A package of a widget.
    Release(Box<Release>),
    /// Who signs its releases from now on.
    Authority(Box<Authority>),
    /// What a person says.
    Said(Box<Said>),
}

impl Body {
    fn check(&self) -> Result<(), DirectoryFrameError> {
        match self {
            Self::Release(release) => release.check(),
            Self::Authority(authority) => authority.check(),
            Self::Said(said) => said.check(),
        }
    }
    fn signed(&self) -> Vec<u8> {
        match self {
            Self::Release(release) => encoded(release),
            Self::Authority(authority) => encoded(authority),
            Self::Said(said) => encoded(said),
        }
    }
    /// Reads what was signed.
    fn read(signed: &[u8]) -> Result<Self, DirectoryFrameError> {
        let Kind { kind } = decoded(signed, "record")?;
        let body = match kind {
            KIND_RELEASE => Self::Release(decoded(signed, "release")?),
            KIND_AUTHORITY => Self::Authority(decoded(signed, "authority")?),
            other if other <= KIND_INSTALLS => Self::Said(decoded(signed, "statement")?),
            other => return Err(DirectoryFrameError::UnknownKind(other)),
        };
        body.check()?;
        Ok(body)
    }
}

/// A record as carried: checked bounds, and the bytes that were signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Hash of the signed bytes.
    pub id: RecordId,
    /// What it says.
    pub body: Body,
    signed: Vec<u8>,
    signatures: Vec<(u8, Signature)>,
}

impl Record {
    /// Signs a release with the author's key number `number`.
    ///
    /// # Errors
    /// When a field is out of bounds or the whole is too long.
    pub fn sign(release: Release, number: u8, key: &SecretKey) -> Result<Self, DirectoryFrameError> {
        Self::signed_by(Body::Release(Box::new(release)), &[(number, key)])
    }
    /// Signs what a person says. `key` is that of `said.by`.
    ///
    /// # Errors
    /// When a field is out of bounds or the whole is too long.
    pub fn say(said: Said, key: &SecretKey) -> Result<Self, DirectoryFrameError> {
        Self::signed_by(Body::Said(Box::new(said)), &[(0, key)])
    }
    /// Signs with several keys, each with its number. For an [`Authority`] the keys before have their numbers, and the new
    /// ones theirs plus [`MAX_KEYS`].
    ///
    /// # Errors
    /// When a field is out of bounds or the whole is too long.
    pub fn signed_by(body: Body, keys: &[(u8, &SecretKey)]) -> Result<Self, DirectoryFrameError> {
        body.check()?;
        let signed = body.signed();
        let signatures = keys.iter().map(|(number, key)| (*number, key.sign(CONTEXT, &signed)));
        let record = Self {
            id: Self::id_of(&signed),
            body,
            signatures: signatures.collect(),
            signed,
        };
        let len = record.to_bytes().len();
        if len > MAX_RECORD {
            Err(DirectoryFrameError::TooLong { what: "record", len })
        } else {
            Ok(record)
        }
    }
    /// Adds the signature of one more key, with its number.
    ///
    /// # Errors
    /// `Malformed` if there are too many.
    pub fn countersign(&mut self, number: u8, key: &SecretKey) -> Result<(), DirectoryFrameError> {
        if self.signatures.len() >= MAX_KEYS * 2 {
            return Err(DirectoryFrameError::Malformed("signatures"));
        }
        if self.signatures.iter().all(|(known, _)| *known != number) {
            self.signatures.push((number, key.sign(CONTEXT, &self.signed)));
        }
        Ok(())
    }
    /// Adds the signatures of `other`, which must say the same: so several authors sign one release, each at home.
    ///
    /// # Errors
    /// `Malformed` if it says something else or there are too many.
    pub fn join(&mut self, other: &Self) -> Result<(), DirectoryFrameError> {
        let new = other
            .signatures
            .iter()
            .filter(|(key, _)| self.signatures.iter().all(|(k, _)| k != key));
        let all: Vec<_> = self.signatures.iter().chain(new).copied().collect();
        if other.signed != self.signed || all.len() > MAX_KEYS * 2 {
            return Err(DirectoryFrameError::Malformed("signatures"));
        }
        self.signatures = all;
        Ok(())
    }
    /// Bytes for carrying and storing.
    pub fn to_bytes(&self) -> Vec<u8> {
        let signatures = self.signatures.iter().map(|(key, signature)| NumberedSignature {
            key: *key,
            signature: *signature,
        });
        encoded(&Envelope {
            signed: self.signed.clone().into(),
            signatures: signatures.collect(),
        })
    }
    /// Reads a record and checks its bounds; signatures are not checked yet, see [`Record::verify`].
    ///
    /// # Errors
    /// `Malformed`, `TooLong`, `UnknownKind` or `BadText`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DirectoryFrameError> {
        if bytes.len() > MAX_RECORD {
            return Err(DirectoryFrameError::TooLong {
                what: "record",
                len: bytes.len(),
            });
        }
        let envelope: Envelope = decoded(bytes, "record")?;
        let signed: Vec<u8> = envelope.signed.into();
        let body = Body::read(&signed)?;
        let most = match &body {
            Body::Release(_) => MAX_KEYS,
            Body::Authority(_) => MAX_KEYS * 2,
            Body::Said(_) => 1,
        };
        if envelope.signatures.len() > most {
            return Err(DirectoryFrameError::Malformed("record"));
        }
        let signatures = envelope.signatures.into_iter().map(|s| (s.key, s.signature)).collect();
        Ok(Self {
            id: Self::id_of(&signed),
            body,
            signed,
            signatures,
        })
    }
    /// The release, if it is one.
    pub fn release(&self) -> Option<&Release> {
        match &self.body {
            Body::Release(release) => Some(release),
            Body::Authority(_) | Body::Said(_) => None,
        }
    }
    /// The same, taking it.
    pub fn into_release(self) -> Option<Release> {
        match self.body {
            Body::Release(release) => Some(*release),
            Body::Authority(_) | Body::Said(_) => None,
        }
    }
    /// What a person says, if it is that.
    pub fn said(&self) -> Option<&Said> {
        match &self.body {
            Body::Said(said) => Some(said),
            Body::Release(_) | Body::Authority(_) => None,
        }
    }
    /// Checks the signatures of what needs no other record to be checked: what a person says, and a release or a first
    /// change of signers under the keys of the genesis.
    ///
    /// # Errors
    /// `BadSignature`.
    pub fn verify(&self) -> Result<(), DirectoryFrameError> {
        match &self.body {
            Body::Said(said) => self.enough(&[said.by.key()], 1, 0),
            Body::Release(release) => self.verify_by_genesis(&release.genesis),
            Body::Authority(authority) => self.verify_by_genesis(&authority.genesis),
        }
    }
    fn verify_by_genesis(&self, genesis: &Genesis) -> Result<(), DirectoryFrameError> {
        self.verify_by(&genesis.author_keys().collect::<Vec<_>>(), genesis.threshold)
    }
    /// Checks that enough of `keys` signed a release, or a change of the signers that `keys` were until now.
    ///
    /// # Errors
    /// `BadSignature`.
    pub fn verify_by(&self, keys: &[PublicKey], threshold: u8) -> Result<(), DirectoryFrameError> {
        self.enough(keys, threshold, 0)?;
        match &self.body {
            Body::Authority(authority) => {
                let new: Vec<PublicKey> = authority.author_keys().collect();
                self.enough(&new, authority.threshold, MAX_KEYS)
            }
            Body::Release(_) | Body::Said(_) => Ok(()),
        }
    }
    /// Whether `threshold` different ones of `keys`, numbered from `first` on, signed. A signature that does not hold
    /// spoils the record.
    fn enough(&self, keys: &[PublicKey], threshold: u8, first: usize) -> Result<(), DirectoryFrameError> {
        let mut good = BTreeSet::new();
        for (number, signature) in &self.signatures {
            let Some(number) = usize::from(*number)
                .checked_sub(first)
                .filter(|number| *number < MAX_KEYS)
            else {
                continue;
            };
            let key = keys.get(number).ok_or(DirectoryFrameError::BadSignature)?;
            key.verify(CONTEXT, &self.signed, signature)
                .map_err(|_| DirectoryFrameError::BadSignature)?;
            good.insert(*key);
        }
        if good.len() >= usize::from(threshold.max(1)) {
            Ok(())
        } else {
            Err(DirectoryFrameError::BadSignature)
        }
    }
    /// Numbers of the keys whose signatures it carries; they hold if it was verified.
    pub fn signature_numbers(&self) -> impl Iterator<Item = u8> + '_ {
        self.signatures.iter().map(|(number, _)| *number)
    }
    fn id_of(signed: &[u8]) -> RecordId {
        RecordId(hash(CONTEXT, &[signed]))
    }
}
