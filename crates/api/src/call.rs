//! JSON-RPC 2.0: reads a call. What it asks for is read by [`crate::Request::parse`].

use crate::error::{ApiError, ErrorCode};
use serde_json::{Map, Value, json};

/// A call as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// `None`: the caller wants no answer.
    pub id: Option<Value>,
    /// Its name, whether there is such a method or not.
    pub method: String,
    /// An object.
    pub params: Value,
    /// As how many it came.
    pub bytes: usize,
}

impl Call {
    /// Reads one call.
    ///
    /// # Errors
    /// The answer to send instead.
    pub fn parse(text: &[u8]) -> Result<Self, Value> {
        let refused = |id: Value, code: ErrorCode, message: String| failure(id, &ApiError::new(code, message));
        let not_a_call = |message: &str| refused(Value::Null, ErrorCode::NotACall, message.into());
        // Deeper than 128 levels is refused by the parser.
        let read = |text: &[u8]| serde_json::from_slice::<Value>(text);
        let value = read(text)
            .or_else(|e| whole(text).map_or(Err(e), |text| read(&text)))
            .map_err(|e| refused(Value::Null, ErrorCode::Malformed, format!("this is not JSON: {e}")))?;
        let mut fields = match value {
            Value::Object(fields) => fields,
            Value::Array(_) => {
                return Err(not_a_call(
                    "batches are not taken; send the calls one by one, you need not wait for answers",
                ));
            }
            _ => return Err(not_a_call("send one JSON-RPC 2.0 call as an object")),
        };
        let id = fields.remove("id");
        if !id
            .as_ref()
            .is_none_or(|id| id.is_string() || id.is_number() || id.is_null())
        {
            return Err(not_a_call("\"id\" is a text or a number"));
        }
        // What is wrong from here on can be said to whom it concerns.
        let wrong = |message: &str| refused(id.clone().unwrap_or_default(), ErrorCode::NotACall, message.into());
        if fields.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            return Err(wrong("a call has \"jsonrpc\": \"2.0\""));
        }
        let Some(Value::String(method)) = fields.remove("method") else {
            return Err(wrong("a call has a \"method\", which is a text"));
        };
        let params = match fields.remove("params") {
            None => Value::Object(Map::new()),
            Some(params @ Value::Object(_)) => params,
            Some(Value::Array(list)) if list.is_empty() => Value::Object(Map::new()),
            Some(Value::Array(_)) => {
                let why = "parameters are given by name, as an object".into();
                return Err(refused(id.unwrap_or_default(), ErrorCode::BadParams, why));
            }
            Some(_) => return Err(wrong("\"params\" is an object")),
        };
        Ok(Self {
            id,
            method,
            params,
            bytes: text.len(),
        })
    }
}

/// JSON in which each half of a character became U+FFFD; `None` when there is none. Languages whose texts are UTF-16 write such
/// halves (a text that was cut within an emoji) as an escape that stands for nothing in Unicode; refused as a whole, the call could not
/// even be answered under its id.
fn whole(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let (mut rest, mut halves) = (text, 0);
    while let [first, after @ ..] = rest {
        let taken = match (escaped(rest), rest.get(6..).and_then(escaped)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                out.extend_from_slice(b"\\ufffd");
                halves += 1;
                rest = rest.get(6..).unwrap_or_default();
                continue;
            }
            // What comes after a backslash begins no escape.
            _ if *first == b'\\' && !after.is_empty() => 2,
            _ => 1,
        };
        let (now, later) = rest.split_at_checked(taken)?;
        out.extend_from_slice(now);
        rest = later;
    }
    (halves > 0).then_some(out)
}

/// The number of an escape `\uXXXX` at the beginning.
fn escaped(text: &[u8]) -> Option<u16> {
    let [b'\\', b'u', digits @ ..] = text else { return None };
    digits.get(..4)?.iter().try_fold(0, |number: u16, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(number << 4 | u16::try_from(digit).ok()?)
    })
}

/// The answer that says why not.
pub fn failure(id: Value, error: &ApiError) -> Value {
    let mut data = json!({"code": error.code});
    if let Some(permission) = error.permission {
        data["permission"] = json!(permission);
    }
    json!({
        "jsonrpc": "2.0", "id": id,
        "error": {"code": error.code.number(), "message": error.message, "data": data},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(text: &str) -> Value {
        let call = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"m","params":{{"text":"{text}"}}}}"#);
        let call = Call::parse(call.as_bytes()).unwrap();
        assert_eq!(call.id, Some(json!(7)));
        call.params["text"].clone()
    }

    #[test]
    fn a_call_with_half_a_character_is_read_with_a_mark_in_its_place() {
        assert_eq!(params(r"a\ud83d"), "a\u{fffd}");
        assert_eq!(params(r"\uDE00b"), "\u{fffd}b");
        assert_eq!(params(r"\ud83d\ud83d\ude00"), "\u{fffd}😀");
        assert_eq!(params(r"\ud83d\n\ude00"), "\u{fffd}\n\u{fffd}");
    }

    #[test]
    fn what_only_looks_like_half_a_character_stays() {
        assert_eq!(params(r"\ud83d\ude00"), "😀");
        assert_eq!(params(r"\\ud83d"), r"\ud83d");
        assert_eq!(params(r"\\ud83d\ud83d"), "\\ud83d\u{fffd}");
        assert_eq!(params(r"\\\ud83d"), "\\\u{fffd}");
    }

    #[test]
    fn what_is_no_json_beside_half_a_character_is_refused() {
        for text in [
            r#"{"a":"\ud83d""#,
            r#""\ud83"#,
            r"\ud83d",
            "\"\\ud83d\\",
            r#"{"a":"\ud83d\x"}"#,
        ] {
            let refused = Call::parse(text.as_bytes()).unwrap_err();
            assert_eq!(refused["error"]["data"]["code"], "malformed", "{text}");
        }
    }
}
