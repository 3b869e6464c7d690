//! An envelope inside a JSON message, so that rules over the parsed message see its readable part. It is the same
//! envelope: the object without `sealed` is the readable part, byte for byte, and `sealed` is base64url of the rest.

use crate::{
    envelope::{CUT_SHORT, Envelope, MAX_CLEAR, MAX_SEALED, TAG, bounded},
    error::SecretsError,
};
use alloc::{collections::BTreeMap, string::String, vec::Vec};
use data_encoding::BASE64URL_NOPAD;
use serde::de::IgnoredAny;

/// What stands before the sealed part. It is last in the object, and base64url has no quotation mark.
const KEY: &[u8] = b"\"sealed\":\"";
const END: &[u8] = b"\"}";
/// base64url of how an envelope begins, `HGS`.
const BEGIN: &[u8] = b"SEdT";

/// Readable part without its last brace, and digits of the sealed part.
fn split(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = message.strip_suffix(END)?;
    let digits = inner.iter().rposition(|byte| *byte == b'"')? + 1;
    let (before, digits) = inner.split_at_checked(digits)?;
    let before = before.strip_suffix(KEY)?;
    digits.starts_with(BEGIN).then_some((before, digits))
}

pub(crate) fn looks_sealed(message: &[u8]) -> bool {
    message.starts_with(b"{") && split(message).is_some()
}

/// Finds the envelope in a JSON message.
pub(crate) fn read(message: &[u8]) -> Result<Envelope, SecretsError> {
    if !looks_sealed(message) {
        return Err(SecretsError::NotSealed);
    }
    let (before, digits) = split(message).ok_or(SecretsError::NotSealed)?;
    bounded("the message", message.len(), MAX_SEALED)?;
    let malformed = |why| SecretsError::Malformed { why };
    let object = match before {
        b"{" => before,
        _ => before
            .strip_suffix(b",")
            .filter(|object| *object != b"{")
            .ok_or(malformed("`sealed` stands alone or after a comma"))?,
    };
    let mut clear = object.to_vec();
    clear.push(b'}');
    bounded("the readable part", clear.len(), MAX_CLEAR)?;
    let bytes = BASE64URL_NOPAD
        .decode(digits)
        .map_err(|_| malformed("`sealed` is not base64url"))?;
    let bare = Envelope::from_bytes(&bytes)?;
    if !bare.clear().is_empty() {
        return Err(malformed("a readable part inside `sealed`"));
    }
    let body = bare.sealed();
    let head = Envelope::head(bare.named(), &clear, body.len().checked_sub(TAG).ok_or(CUT_SHORT)?)?;
    Ok(Envelope::join(*bare.named(), clear.len(), head, body))
}

/// Writes the envelope as a JSON message.
pub(crate) fn write(envelope: &Envelope) -> Result<Vec<u8>, SecretsError> {
    let clear = envelope.clear();
    checked(clear)?;
    let sealed = envelope.sealed();
    let mut bare = Envelope::head(envelope.named(), &[], sealed.len().saturating_sub(TAG))?;
    bare.extend_from_slice(sealed);
    let mut message = clear.strip_suffix(b"}").unwrap_or(clear).to_vec();
    if clear != b"{}" {
        message.push(b',');
    }
    message.extend_from_slice(KEY);
    message.extend_from_slice(BASE64URL_NOPAD.encode(&bare).as_bytes());
    message.extend_from_slice(END);
    bounded("the message", message.len(), MAX_SEALED)?;
    Ok(message)
}

/// Refuses what would not be read back as it was.
fn checked(clear: &[u8]) -> Result<(), SecretsError> {
    let bad = |why| SecretsError::ClearNotJson { why };
    let object: BTreeMap<String, IgnoredAny> =
        serde_json::from_slice(clear).map_err(|_| bad("it is no JSON object"))?;
    if object.contains_key("sealed") {
        return Err(bad("it has that key"));
    }
    if !clear.starts_with(b"{") || !clear.ends_with(b"}") {
        return Err(bad("there are blanks around it"));
    }
    if object.is_empty() && clear != b"{}" {
        return Err(bad("there are blanks in it"));
    }
    Ok(())
}
