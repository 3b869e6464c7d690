//! The shapes of what components say and hear, from the JSON Schemas of methods and events: what `hedgerow.wit` is
//! printed from, and by what the host of components turns their values into JSON and back.

use super::{
    example::{required, resolved},
    openrpc::generator,
};
use crate::{
    events::Event,
    methods::{Door, METHODS, MethodInfo},
};
use schemars::SchemaGenerator;
use serde_json::Value;

/// What the host knows by itself, so that no component says it or is told.
const KNOWN: [&str; 3] = ["instance", "app", "listener"];
/// Events that are for one widget.
const EVENTS: [&str; 5] = [
    "app_update",
    "app_realtime",
    "peers.message",
    "peers.presence",
    "streams.incoming",
];
/// Deepest shape: what lies below is a JSON text. WIT knows no types that name themselves.
const DEPTH: usize = 12;

/// A type that WIT and JSON both have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `bool`, true or false.
    Bool,
    /// An unsigned number of so many bits: 8, 16, 32 or 64.
    Unsigned(u8),
    /// `f64`, any number.
    Float,
    /// `string`.
    Text,
    /// `json`: any value in JSON, a text that holds it in WIT.
    Json,
    /// `list`, an array.
    List(Box<Shape>),
    /// A list of pairs in WIT, an object with any keys in JSON.
    Pairs(Box<Shape>),
    /// `option`; null or left out in JSON.
    Option(Box<Shape>),
    /// `record`, an object.
    Record(Box<Record>),
    /// `enum`, one of some texts.
    Enum(Box<Enum>),
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its name in WIT.
    pub label: String,
    /// What it is.
    pub doc: String,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// A field of a record, or a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// In JSON: `max_serial`.
    pub name: String,
    /// In WIT: `max-serial`.
    pub label: String,
    /// What it is.
    pub doc: String,
    /// What it holds.
    pub shape: Shape,
}

/// An enum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enum {
    /// Its name in WIT.
    pub label: String,
    /// What it is.
    pub doc: String,
    /// Its cases: in JSON and in WIT.
    pub cases: Vec<(String, String)>,
}

/// A method as a function.
#[derive(Clone)]
pub struct Function {
    /// The method.
    pub method: &'static MethodInfo,
    /// The interface: what stands before the dot.
    pub noun: &'static str,
    /// The function's name in WIT.
    pub label: String,
    /// Its parameters.
    pub params: Vec<Field>,
    /// What it answers, if that is anything.
    pub answer: Option<Shape>,
}

/// An event that a component is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// In JSON: `peers.message`.
    pub event: String,
    /// The case in WIT: `peers-message`.
    pub label: String,
    /// Its fields.
    pub record: Record,
}

/// Every method of widgets.
pub fn functions() -> Vec<Function> {
    let mut generator = generator();
    let methods = METHODS.iter().filter(|info| info.door == Door::Widget);
    methods.map(|info| function(&mut generator, info)).collect()
}

/// Every event that is for one widget.
pub fn events() -> Vec<Told> {
    let mut generator = generator();
    let event = generator.subschema_for::<Event>();
    let all = resolved(&generator, event.as_value());
    let kinds = all["oneOf"].as_array().into_iter().flatten();
    let told = kinds.filter_map(|kind| {
        let event = kind["properties"]["event"]["const"].as_str()?;
        let label = kebab(&event.replace('.', "_"));
        EVENTS.contains(&event).then(|| Told {
            event: event.to_owned(),
            record: record(&generator, format!("{label}-event"), kind, DEPTH),
            label,
        })
    });
    told.collect()
}

fn function(generator: &mut SchemaGenerator, info: &'static MethodInfo) -> Function {
    let (params, result) = (info.schemas)(generator);
    let (noun, verb) = info.name.split_once('.').unwrap_or((info.name, ""));
    let object = resolved(generator, params.as_value());
    let answer = match resolved(generator, result.as_value())["properties"].as_object() {
        Some(properties) if properties.is_empty() => None,
        None if result.as_value()["type"] != "array" => None,
        _ => Some(shape(generator, result.as_value(), DEPTH)),
    };
    Function {
        method: info,
        noun,
        label: kebab(verb),
        params: fields(generator, &object, DEPTH),
        answer,
    }
}

fn fields(generator: &SchemaGenerator, object: &Value, depth: usize) -> Vec<Field> {
    let required = required(object);
    let properties = object["properties"].as_object().into_iter().flatten();
    let properties =
        properties.filter(|(name, schema)| !KNOWN.contains(&name.as_str()) && schema.get("const").is_none());
    properties
        .map(|(name, schema)| {
            let kind = shape(generator, schema, depth);
            let optional = !required.contains(&name.as_str()) && !matches!(kind, Shape::Option(_));
            Field {
                name: name.clone(),
                label: kebab(name),
                doc: schema["description"].as_str().unwrap_or_default().to_owned(),
                shape: if optional { Shape::Option(Box::new(kind)) } else { kind },
            }
        })
        .collect()
}

fn shape(generator: &SchemaGenerator, schema: &Value, depth: usize) -> Shape {
    let Some(depth) = depth.checked_sub(1) else {
        return Shape::Json;
    };
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return declared(generator, kebab(name), &resolved(generator, schema), depth);
    }
    for several in ["anyOf", "oneOf"] {
        let all = schema[several].as_array().into_iter().flatten();
        let real: Vec<&Value> = all.filter(|one| one["type"] != "null").collect();
        if let [one] = real[..] {
            return Shape::Option(Box::new(shape(generator, one, depth)));
        }
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let kind = kinds.iter().find(|kind| **kind != "null").copied().unwrap_or_default();
    let inner = match kind {
        "string" => Shape::Text,
        "boolean" => Shape::Bool,
        "number" => Shape::Float,
        "integer" => match schema["format"].as_str() {
            Some("uint8") => Shape::Unsigned(8),
            Some("uint16") => Shape::Unsigned(16),
            Some("uint32") => Shape::Unsigned(32),
            _ => Shape::Unsigned(64),
        },
        "array" => Shape::List(Box::new(shape(generator, &schema["items"], depth))),
        "object" if schema["additionalProperties"].is_object() => {
            Shape::Pairs(Box::new(shape(generator, &schema["additionalProperties"], depth)))
        }
        _ => Shape::Json,
    };
    match kinds.contains(&"null") {
        true => Shape::Option(Box::new(inner)),
        false => inner,
    }
}

fn declared(generator: &SchemaGenerator, label: String, object: &Value, depth: usize) -> Shape {
    let texts = |list: &Value, of: fn(&Value) -> Option<&str>| -> Vec<(String, String)> {
        let all = list.as_array().into_iter().flatten();
        all.filter_map(of).map(|text| (text.to_owned(), kebab(text))).collect()
    };
    let mut cases = texts(&object["oneOf"], |one| one["const"].as_str());
    cases.extend(texts(&object["enum"], Value::as_str));
    if cases.is_empty() {
        return Shape::Record(Box::new(record(generator, label, object, depth)));
    }
    let doc = object["description"].as_str().unwrap_or_default().to_owned();
    Shape::Enum(Box::new(Enum { label, doc, cases }))
}

fn record(generator: &SchemaGenerator, label: String, object: &Value, depth: usize) -> Record {
    Record {
        label,
        doc: object["description"].as_str().unwrap_or_default().to_owned(),
        fields: fields(generator, object, depth),
    }
}

/// `SendUpdateParams`, `send_update` and `toApp` as `send-update-params`, `send-update`, `to-app`.
pub(super) fn kebab(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
        out.push(if c == '_' { '-' } else { c.to_ascii_lowercase() });
    }
    out
}
