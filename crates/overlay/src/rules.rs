//! What an app declares about its messages (Z7, Z9). All members hold the same rules, as their hash tells.

use crate::{
    api::{Facts, SendError},
    bucket::Rate,
};
use alloc::{string::String, vec::Vec};
use hedgerow_base::{Pseudonym, hash::hash};
use hedgerow_wire::overlay::{MAX_BODY, MAX_OVERHEAD};

/// Rules that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// Something.
    #[error("{0}")]
    Bad(String),
}

/// Checked rules.
#[derive(Clone, Debug)]
pub struct Rules {
    max_bytes: usize,
    signer: Rate,
    forwarder: Rate,
    signed_only: bool,
    signers: Vec<Pseudonym>,
    digest: [u8; 32],
}

/// Why a message is refused before its signature is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Unsigned,
    NotListed,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            max_bytes: 16 << 10,
            signer: Rate { per_s: 1.0, burst: 10.0 },
            forwarder: Rate { per_s: 10.0, burst: 16.0 },
            signed_only: false,
            signers: Vec::new(),
            digest: hash("x", &[]),
        }
    }
}

impl Rules {
    /// Hash.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
    pub(crate) fn max_envelope(&self) -> usize {
        self.max_bytes.min(MAX_BODY) + MAX_OVERHEAD
    }
    pub(crate) fn own_rate(&self) -> Rate {
        self.signer
    }
    pub(crate) fn signer_rate(&self) -> Rate {
        Rate { per_s: self.signer.per_s * 1.1, burst: self.signer.burst * 1.2 }
    }
    pub(crate) fn forwarder_rate(&self) -> Rate {
        self.forwarder
    }
    pub(crate) fn admits(&self, signer: Option<&Pseudonym>) -> Result<(), Refusal> {
        match signer {
            None if self.signed_only => Err(Refusal::Unsigned),
            Some(who) if !self.signers.is_empty() && !self.signers.contains(who) => Err(Refusal::NotListed),
            _ => Ok(()),
        }
    }
    pub(crate) fn passes(&self, _facts: Facts<'_>) -> Result<(), String> {
        Ok(())
    }
    pub(crate) fn own(&self, facts: Facts<'_>) -> Result<(), SendError> {
        if facts.body.len() > self.max_bytes {
            return Err(SendError::TooLarge { len: facts.body.len(), max: self.max_bytes });
        }
        Ok(())
    }
}
