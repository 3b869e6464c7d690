//! What an app declares about its messages (Z7, Z9), in its manifest. Every member checks by it before passing a message
//! on, so all must come to the same answer: nothing here depends on time, order, locale or the version of a table.

mod expression;
mod json;

use crate::{
    api::{Facts, SendError},
    bucket::Rate,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use expression::Expression;
use hedgerow_base::{Pseudonym, hash::hash};
use hedgerow_wire::overlay::{MAX_BODY, MAX_OVERHEAD};
use minicbor::Encoder;
use regex::bytes::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

/// Longest pattern in bytes.
pub const MAX_PATTERN: usize = 1024;
/// Longest expression in bytes.
pub const MAX_EXPRESSION: usize = 2048;
/// Most signers on a list.
pub const MAX_SIGNERS: usize = 256;
/// Highest rate, messages a second.
pub const MAX_RATE: f64 = 10_000.0;
/// Memory of a compiled pattern in bytes. The time for a message is at most proportional to this and its length.
const PATTERN_BYTES: usize = 256 << 10;
/// Memory in which a pattern remembers what it found out about itself; it may start anew when that is full.
const PATTERN_CACHE: usize = 512 << 10;
/// Deepest nesting of a pattern.
const PATTERN_DEPTH: u32 = 32;

/// Rules as the manifest says them.
///
/// ```toml
/// max_bytes = 4096
/// signed_only = true
/// rate_per_signer = 1.0
/// filter = "^\\{.*\\}$"
/// accept = "msg.kind == 'chat' && size(msg.text) <= 500"
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RulesText {
    /// Largest message in bytes; 16 KiB if not given.
    pub max_bytes: Option<usize>,
    /// Messages a second that one signer may send in the long run; 1 if not given.
    pub rate_per_signer: Option<f64>,
    /// Messages that one signer may send at once; ten seconds' worth, at least 10, if not given.
    pub burst_per_signer: Option<u32>,
    /// Messages a second that one member may hand to another in the long run; 10 if not given.
    pub rate_per_forwarder: Option<f64>,
    /// Messages that one member may hand to another at once; one second's worth, at least 16, if not given.
    pub burst_per_forwarder: Option<u32>,
    /// Messages without a signature are refused.
    pub signed_only: bool,
    /// Only these may send; 64 hex digits each. Everybody if there is none.
    pub signers: Vec<String>,
    /// A regular expression that every message must match somewhere. It works on bytes: `.` is one byte, classes are
    /// ASCII.
    pub filter: Option<String>,
    /// An expression over the message, which must be JSON then: `msg`, `signer` and `bytes`.
    pub accept: Option<String>,
    /// Hash of a WebAssembly program that every message must pass; 64 hex digits.
    pub validator: Option<String>,
}

/// Rules that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// A number is out of its range.
    #[error("{name} must be {must}")]
    Range {
        /// Of the field.
        name: &'static str,
        /// What is allowed.
        must: String,
    },
    /// A text is no id or hash.
    #[error("{name} must be 64 hex digits: {is:?}")]
    Id {
        /// Of the field.
        name: &'static str,
        /// What was given.
        is: String,
    },
    /// A pattern is malformed or too large.
    #[error("the pattern {pattern:?} cannot be used: {why}")]
    Pattern {
        /// Which.
        pattern: String,
        /// What is wrong.
        why: String,
    },
    /// An expression is malformed or too large.
    #[error("the expression cannot be used, at byte {at}: {why}")]
    Expression {
        /// Where.
        at: usize,
        /// What is wrong.
        why: String,
    },
}

/// Checked rules, ready to be used.
#[derive(Clone, Debug)]
pub struct Rules {
    max_bytes: usize,
    signer: Rate,
    forwarder: Rate,
    signed_only: bool,
    signers: Vec<Pseudonym>,
    filter: Option<Regex>,
    accept: Option<Expression>,
    validator: Option<[u8; 32]>,
    digest: [u8; 32],
}

/// Why a message is refused before its signature is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Unsigned,
    NotListed,
}

impl Default for Rules {
    /// What holds for an app that says nothing.
    fn default() -> Self {
        Self {
            max_bytes: 16 << 10,
            signer: Rate {
                per_s: 1.0,
                burst: 10.0,
            },
            forwarder: Rate {
                per_s: 10.0,
                burst: 16.0,
            },
            signed_only: false,
            signers: Vec::new(),
            filter: None,
            accept: None,
            validator: None,
            digest: [0; 32],
        }
        .with_digest(&RulesText::default())
    }
}

impl TryFrom<&RulesText> for Rules {
    type Error = RulesError;

    fn try_from(text: &RulesText) -> Result<Self, RulesError> {
        let default = Self::default();
        let max_bytes = text.max_bytes.unwrap_or(default.max_bytes);
        if !(1..=MAX_BODY).contains(&max_bytes) {
            return Err(RulesError::Range {
                name: "max_bytes",
                must: format!("from 1 to {MAX_BODY}"),
            });
        }
        let signer = rate(
            ("rate_per_signer", text.rate_per_signer, default.signer.per_s),
            ("burst_per_signer", text.burst_per_signer, |per_s| {
                (per_s * 10.0).max(10.0)
            }),
        )?;
        let forwarder = rate(
            ("rate_per_forwarder", text.rate_per_forwarder, default.forwarder.per_s),
            ("burst_per_forwarder", text.burst_per_forwarder, |per_s| per_s.max(16.0)),
        )?;
        if text.signers.len() > MAX_SIGNERS {
            return Err(RulesError::Range {
                name: "signers",
                must: format!("at most {MAX_SIGNERS}"),
            });
        }
        let id = |name, is: &String| {
            is.parse::<Pseudonym>().map_err(|_| RulesError::Id {
                name,
                is: is.chars().take(80).collect(),
            })
        };
        let signers: Result<Vec<_>, _> = text.signers.iter().map(|is| id("signers", is)).collect();
        let validator = text.validator.as_ref().map(|is| id("validator", is)).transpose()?;
        let rules = Self {
            max_bytes,
            signer,
            forwarder,
            signed_only: text.signed_only,
            signers: signers?,
            filter: text.filter.as_deref().map(pattern).transpose()?,
            accept: text.accept.as_deref().map(Expression::compile).transpose()?,
            validator: validator.map(|id| id.0),
            digest: [0; 32],
        };
        Ok(rules.with_digest(text))
    }
}

/// A rate with its burst, checked.
fn rate(
    (name, per_s, default): (&'static str, Option<f64>, f64),
    (burst_name, burst, derive): (&'static str, Option<u32>, fn(f64) -> f64),
) -> Result<Rate, RulesError> {
    let per_s = per_s.unwrap_or(default);
    if !(0.01..=MAX_RATE).contains(&per_s) {
        let must = format!("from 0.01 to {MAX_RATE} messages a second");
        return Err(RulesError::Range { name, must });
    }
    let burst = burst.map_or_else(|| derive(per_s), f64::from);
    if !(1.0..=10.0 * MAX_RATE).contains(&burst) {
        let must = format!("from 1 to {}", 10.0 * MAX_RATE);
        return Err(RulesError::Range { name: burst_name, must });
    }
    Ok(Rate { per_s, burst })
}

/// Compiles a pattern with bounds. It runs in linear time, whatever the pattern: it never goes back.
fn pattern(pattern: &str) -> Result<Regex, RulesError> {
    let refused = |why: String| RulesError::Pattern {
        pattern: pattern.chars().take(80).collect(),
        why,
    };
    if pattern.len() > MAX_PATTERN {
        return Err(refused(format!(
            "it has {} bytes, {MAX_PATTERN} are allowed",
            pattern.len()
        )));
    }
    // Without tables of Unicode all versions of the program agree on every message.
    let mut builder = RegexBuilder::new(pattern);
    builder.unicode(false).nest_limit(PATTERN_DEPTH);
    builder.size_limit(PATTERN_BYTES).dfa_size_limit(PATTERN_CACHE);
    builder.build().map_err(|error| refused(error.to_string()))
}

impl Rules {
    /// Hash of the rules: peers with the same hash come to the same answer about a message.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Hash of the program that every message must pass, if there is one.
    pub fn validator(&self) -> Option<&[u8; 32]> {
        self.validator.as_ref()
    }

    /// Largest message in bytes.
    pub fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    fn with_digest(mut self, text: &RulesText) -> Self {
        let mut bytes = Vec::new();
        // Writing to memory has no error. What is hashed is what counts, defaults filled in.
        let _ = Encoder::new(&mut bytes).array(9).and_then(|e| {
            e.u64(self.max_bytes as u64)?;
            for rate in [self.signer, self.forwarder] {
                e.f64(rate.per_s)?.f64(rate.burst)?;
            }
            e.bool(self.signed_only)?.array(self.signers.len() as u64)?;
            for signer in &self.signers {
                e.bytes(&signer.0)?;
            }
            for part in [&text.filter, &text.accept] {
                match part {
                    Some(part) => e.str(part)?,
                    None => e.null()?,
                };
            }
            match &self.validator {
                Some(digest) => e.bytes(digest)?.ok(),
                None => e.null()?.ok(),
            }
        });
        self.digest = hash("hedgerow 2026 overlay rules v1", &[&bytes]);
        self
    }

    /// Largest envelope in bytes.
    pub(crate) fn max_envelope(&self) -> usize {
        self.max_bytes + MAX_OVERHEAD
    }

    /// What one's own app may send.
    pub(crate) fn own_rate(&self) -> Rate {
        self.signer
    }

    /// What is taken of a signer: a little more than it may send, as the network holds some back and gives them at once.
    pub(crate) fn signer_rate(&self) -> Rate {
        Rate {
            per_s: self.signer.per_s * 1.1,
            burst: self.signer.burst * 1.2,
        }
    }

    /// What a link may hand over unasked.
    pub(crate) fn forwarder_rate(&self) -> Rate {
        self.forwarder
    }

    /// Whether messages of a signer, or without one, are taken at all.
    pub(crate) fn admits(&self, signer: Option<&Pseudonym>) -> Result<(), Refusal> {
        match signer {
            None if self.signed_only || !self.signers.is_empty() => Err(Refusal::Unsigned),
            Some(who) if !self.signers.is_empty() && !self.signers.contains(who) => Err(Refusal::NotListed),
            _ => Ok(()),
        }
    }

    /// Whether filter and expression let a message through; else which does not, in words.
    ///
    /// # Errors
    /// What refused it.
    pub fn passes(&self, facts: Facts<'_>) -> Result<(), String> {
        if self.filter.as_ref().is_some_and(|filter| !filter.is_match(facts.body)) {
            return Err("it does not match the pattern".into());
        }
        match &self.accept {
            Some(accept) => accept.accepts(facts),
            None => Ok(()),
        }
    }

    /// Whether a message of one's own would be taken by others.
    pub(crate) fn own(&self, facts: Facts<'_>) -> Result<(), SendError> {
        let len = facts.body.len();
        if len > self.max_bytes {
            let max = self.max_bytes;
            return Err(SendError::TooLarge { len, max });
        }
        self.admits(facts.signer).map_err(|refusal| match refusal {
            Refusal::Unsigned => SendError::NotSigned,
            Refusal::NotListed => SendError::NotListed,
        })?;
        self.passes(facts).map_err(|why| SendError::Filtered { why })
    }
}
