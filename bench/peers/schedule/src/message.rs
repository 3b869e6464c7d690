//! The messages, and what every receiver checks of them before it counts them.

use anyhow::{Context, Result, ensure};
use regex::bytes::Regex;
use serde_json::Value;
use std::time::{SystemTime, UNIX_EPOCH};

/// What a message must match, as a pattern on bytes.
pub const FILTER: &str = r"^\{.*\}$";
/// What must hold for the parsed message, in the words of our own rules. [`Check::message`] says the same in Rust.
pub const ACCEPT: &str = "msg.kind == 'bench' && size(msg.text) <= 100000";

/// Microseconds since 1970: all processes are on one machine, so they read one clock.
pub(crate) fn now_us() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Part of the measurement.
    pub(crate) phase: u32,
    /// Number of the node that sent it.
    pub(crate) from: u32,
    /// Number of the message among those of this node in this part.
    pub(crate) seq: u32,
    /// When it was handed over, in microseconds since 1970.
    pub(crate) at_us: u64,
}

impl Header {
    /// A message of exactly `bytes` bytes, JSON.
    pub(crate) fn message(&self, bytes: usize) -> Vec<u8> {
        let Self {
            phase,
            from,
            seq,
            at_us,
        } = self;
        let mut text = format!(r#"{{"kind":"bench","phase":{phase},"from":{from},"seq":{seq},"at":{at_us},"text":""#);
        // Letters without a pattern, so that nothing is gained by packing them.
        let mut state = at_us ^ u64::from(from << 16) ^ u64::from(*seq);
        while text.len() + 2 < bytes {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            text.push(char::from(b'a' + (state >> 33) as u8 % 26));
        }
        text.push_str("\"}");
        text.into_bytes()
    }
}

/// The rules of the app.
pub(crate) struct Check(Regex);

impl Check {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(regex::bytes::RegexBuilder::new(FILTER).unicode(false).build()?))
    }

    /// Checks a message by [`FILTER`] and [`ACCEPT`], and reads it.
    pub(crate) fn message(&self, bytes: &[u8]) -> Result<Header> {
        ensure!(self.0.is_match(bytes), "it does not match the pattern");
        let value: Value = serde_json::from_slice(bytes).context("it is no JSON")?;
        ensure!(value["kind"] == "bench", "it is of another kind");
        let text = value["text"].as_str().context("it has no text")?;
        ensure!(text.chars().count() <= 100_000, "its text is too long");
        let number = |name: &str| value[name].as_u64().with_context(|| format!("it has no {name}"));
        let small = |name| Ok::<_, anyhow::Error>(u32::try_from(number(name)?)?);
        Ok(Header {
            phase: small("phase")?,
            from: small("from")?,
            seq: small("seq")?,
            at_us: number("at")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_its_size_and_passes_its_own_check() {
        let header = Header {
            phase: 3,
            from: 19,
            seq: 1234,
            at_us: 1_790_000_000_000_000,
        };
        let check = Check::new().unwrap();
        for bytes in [160, 1024, 100_000] {
            let message = header.message(bytes);
            assert_eq!(message.len(), bytes);
            assert_eq!(check.message(&message).unwrap(), header);
        }
        assert!(check.message(b"[]").is_err() && check.message(br#"{"kind":"bench"}"#).is_err());
        assert!(check.message(&header.message(200)[1..]).is_err());
    }
}
