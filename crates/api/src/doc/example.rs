//! An example of every call, made from the schema of its types, so that none can be forgotten or be wrong.

use super::openrpc::generator;
use crate::methods::MethodInfo;
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

/// Deepest example: what lies below is left empty.
const DEPTH: usize = 6;

/// The call of the example.
pub(super) fn call(method: &MethodInfo) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": method.name, "params": params(method)})
}

/// Its answer.
pub(super) fn answer(method: &MethodInfo) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "result": result(method)})
}

/// Its parameters: those that must be given.
pub(super) fn params(method: &MethodInfo) -> Map<String, Value> {
    let mut generator = generator();
    let (schema, _) = (method.schemas)(&mut generator);
    match value(&generator, "", schema.as_value(), DEPTH) {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// Its result.
pub(super) fn result(method: &MethodInfo) -> Value {
    let mut generator = generator();
    let (_, schema) = (method.schemas)(&mut generator);
    value(&generator, "", schema.as_value(), DEPTH)
}

/// Names of the fields that an object must have.
pub(super) fn required(object: &Value) -> Vec<&str> {
    let names = object["required"].as_array().into_iter().flatten();
    names.filter_map(Value::as_str).collect()
}

/// A schema with its reference followed.
pub(super) fn resolved(generator: &SchemaGenerator, schema: &Value) -> Value {
    let name = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next());
    let found = name.and_then(|name| generator.definitions().get(name));
    found.unwrap_or(schema).clone()
}

fn value(generator: &SchemaGenerator, name: &str, schema: &Value, depth: usize) -> Value {
    let schema = resolved(generator, schema);
    if let Some(one) = schema.get("const").or_else(|| schema["enum"].get(0)) {
        return one.clone();
    }
    for several in ["oneOf", "anyOf", "allOf"] {
        if let Some(first) = schema[several].get(0) {
            return value(generator, name, first, depth);
        }
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.first().cloned().unwrap_or_default(),
        kind => kind.clone(),
    };
    match kind.as_str() {
        Some("object") if depth == 0 => json!({}),
        Some("object") => {
            let required = schema["required"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            let field = |name: &str| {
                (
                    name.to_owned(),
                    value(generator, name, &schema["properties"][name], depth - 1),
                )
            };
            Value::Object(required.map(field).collect())
        }
        Some("array") if depth == 0 => json!([]),
        Some("array") => json!([value(generator, name, &schema["items"], depth - 1)]),
        Some("integer") => json!(number(name)),
        Some("number") => json!(0.5),
        Some("boolean") => json!(true),
        Some("string") => json!(text(name)),
        _ => json!({}),
    }
}

fn number(name: &str) -> u64 {
    match name {
        name if name.ends_with("_ms") => 1_700_000_000_000,
        "port" => 8080,
        _ => 1,
    }
}

/// A text that a field of this name could hold.
fn text(name: &str) -> &str {
    const NODE: &str = "b6f1c2a9d3e4f5061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8e";
    match name {
        "node" | "user" | "id" | "pseudonym" | "hash" | "release" | "content" | "package" | "via" => NODE,
        "uuid" | "widget" => "6f1c2a9d-3e4f-8506-9728-394a5b6c7d8e",
        "instance" => "abcdefghijklmnop",
        "ticket" => "hedge1…",
        "invite" => "hedgeinvite1…",
        "path" | "place" => "/data/garden.hedgerow",
        "folder" => "/data/clock",
        "version" => "1.2.0",
        "passphrase" => "eight or more characters",
        "hub" | "websocket" => "ws://127.0.0.1:4400/api/ws",
        "name" | "title" => "clock",
        "text" | "reason" => "It is noon",
        "method" => "node.status",
        "callers" => "owner",
        _ => "…",
    }
}
