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
        let value: Value = serde_json::from_slice(text)
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
