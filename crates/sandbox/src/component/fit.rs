//! Whether a component fits what there is here: its imports and its export are compared with the shapes of the API.
//!
//! A component that was built for an older version may know fewer fields, cases and functions than there are now: it goes
//! on to run. What it names and is not here is refused when it is loaded.

use super::error::LoadError;
use hedgerow_api::{
    ErrorCode,
    doc::{
        PACKAGE, VERSION,
        shape::{self, Enum, Field, Function, Record, Shape},
    },
};
use std::sync::LazyLock;
use wasmtime::{
    Engine,
    component::{
        Component,
        types::{ComponentFunc, ComponentInstance, ComponentItem, Type},
    },
};

/// What authors can do who build for WASI.
const NO_WASI: &str = "build it without WASI; for JavaScript with all features of componentize-js disabled, for Python \
                       with `componentize-py --stub-wasi`";
const NOT_OURS: &str = "there is only what hedgerow.wit has";
const NEWER: &str = "this version of Hedgerow does not have it; a newer one may";

/// What the API has, computed once.
static FUNCTIONS: LazyLock<Vec<Function>> = LazyLock::new(shape::functions);
/// What a call answers when it fails.
static ERROR: LazyLock<Shape> = LazyLock::new(|| {
    let cases = ErrorCode::ALL.iter().map(|code| code.name());
    let code = Enum {
        label: "error-code".into(),
        doc: String::new(),
        cases: cases.map(|name| (name.to_owned(), name.replace('_', "-"))).collect(),
    };
    let field = |name: &str, shape| Field {
        name: name.into(),
        label: name.into(),
        doc: String::new(),
        shape,
    };
    Shape::Record(Box::new(Record {
        label: "error".into(),
        doc: String::new(),
        fields: vec![
            field("code", Shape::Enum(Box::new(code))),
            field("message", Shape::Text),
        ],
    }))
});

/// What a component uses of what there is.
pub(super) struct Fit {
    /// Interfaces by the names under which it imports them, with functions.
    pub(super) imports: Vec<(String, Vec<Bound>)>,
    /// The name under which it imports `host`.
    pub(super) host: Option<String>,
    /// The name of the interface with its `handle`.
    pub(super) guest: String,
    /// The events that it knows, by their names in JSON and in WIT, and what they hold.
    pub(super) events: Vec<(String, String, Option<Shape>)>,
}

/// A method as a component knows it.
#[derive(Clone)]
pub(super) struct Bound {
    pub(super) label: String,
    pub(super) method: &'static str,
    pub(super) params: Vec<Field>,
    pub(super) answer: Option<Shape>,
    pub(super) error: Shape,
}

/// What a component calls an interface of ours; nothing if it is not ours.
pub(super) fn ours(name: &str) -> Option<&str> {
    let (path, version) = name.strip_prefix(PACKAGE)?.strip_prefix('/')?.split_once('@')?;
    let line = |version: &'_ str| version.rsplit_once('.').map(|(line, _)| line.to_owned());
    (line(version) == line(VERSION)).then_some(path)
}

/// Why an interface of this name is not there.
pub(super) fn refusal(name: &str) -> Option<LoadError> {
    let known = |noun: &str| noun == "types" || noun == "host" || FUNCTIONS.iter().any(|f| f.noun == noun);
    let advice = match ours(name) {
        Some(noun) if known(noun) => return None,
        _ if name.starts_with("wasi:") => NO_WASI,
        _ if name.starts_with(PACKAGE) => NEWER,
        _ => NOT_OURS,
    };
    let name = name.chars().take(120).collect();
    Some(LoadError::Import { name, advice })
}

/// Compares a component with what there is.
pub(super) fn fit(engine: &Engine, component: &Component) -> Result<Fit, LoadError> {
    let all = component.component_type();
    let (mut imports, mut host) = (Vec::new(), None);
    for (name, import) in all.imports(engine) {
        if let Some(refusal) = refusal(name) {
            return Err(refusal);
        }
        let noun = ours(name).unwrap_or_default();
        let ComponentItem::ComponentInstance(instance) = import.ty else {
            return Err(LoadError::Form(format!("{name} is imported, but not as an interface")));
        };
        let functions = functions(engine, name, &instance)?;
        if noun == "host" {
            host = Some(name.to_owned());
            continue;
        }
        let bound = functions.iter().map(|(label, kind)| bound(noun, label, kind));
        imports.push((name.to_owned(), bound.collect::<Result<_, _>>()?));
    }
    let mut exports = all.exports(engine);
    let guest = exports.find(|(name, _)| ours(name) == Some("guest"));
    let Some((name, ComponentItem::ComponentInstance(guest))) = guest.map(|(name, item)| (name, item.ty)) else {
        return Err(LoadError::Form(format!(
            "the component does not export {PACKAGE}/guest@{VERSION}"
        )));
    };
    let handle = guest.get_export(engine, "handle").map(|item| item.ty);
    let Some(ComponentItem::ComponentFunc(handle)) = handle else {
        return Err(LoadError::Form(
            "the component exports no function `handle` in `guest`".into(),
        ));
    };
    Ok(Fit {
        imports,
        host,
        guest: name.to_owned(),
        events: events(&handle)?,
    })
}

/// The functions of an imported interface. Types are no matter here; resources and more are not ours.
fn functions(
    engine: &Engine,
    interface: &str,
    instance: &ComponentInstance,
) -> Result<Vec<(String, ComponentFunc)>, LoadError> {
    let mut functions = Vec::new();
    for (label, item) in instance.exports(engine) {
        match item.ty {
            ComponentItem::ComponentFunc(kind) => functions.push((label.to_owned(), kind)),
            ComponentItem::Type(_) => {}
            _ => {
                return Err(LoadError::Form(format!(
                    "{label} of {interface} is neither a function nor a type"
                )));
            }
        }
    }
    Ok(functions)
}

fn bound(noun: &str, label: &str, kind: &ComponentFunc) -> Result<Bound, LoadError> {
    let here = FUNCTIONS.iter().find(|f| f.noun == noun && f.label == label);
    let Some(here) = here else {
        let name = format!("{PACKAGE}/{noun}#{label}").chars().take(120).collect();
        return Err(LoadError::Import { name, advice: NEWER });
    };
    let wrong = |what: String| LoadError::Form(format!("{noun}.{label}: {what}"));
    let params: Vec<(String, Type)> = kind.params().map(|(name, kind)| (name.to_owned(), kind)).collect();
    let params = fields(&here.params, &params, true).map_err(wrong)?;
    let mut results = kind.results();
    let (Some(Type::Result(result)), None) = (results.next(), results.next()) else {
        return Err(wrong("it answers no result".into()));
    };
    let answer = match (&here.answer, result.ok()) {
        (_, None) => None,
        (Some(answer), Some(kind)) => Some(narrowed(answer, &kind, false).map_err(wrong)?),
        (None, Some(_)) => return Err(wrong("it answers nothing".into())),
    };
    let error = result.err().ok_or_else(|| wrong("it can fail".into()))?;
    Ok(Bound {
        label: label.to_owned(),
        method: here.method.name,
        params,
        answer,
        error: narrowed(&ERROR, &error, false).map_err(wrong)?,
    })
}

fn events(handle: &ComponentFunc) -> Result<Vec<(String, String, Option<Shape>)>, LoadError> {
    let wrong = |what: &str| LoadError::Form(format!("guest.handle: {what}"));
    let mut params = handle.params().map(|(_, kind)| kind);
    let (Some(Type::Variant(event)), None, 0) = (params.next(), params.next(), handle.results().len()) else {
        return Err(wrong("it takes one event and answers nothing"));
    };
    let told = shape::events();
    let mut known = Vec::new();
    for case in event.cases() {
        let here = match case.name {
            "start" | "wake" => Some((case.name.to_owned(), None)),
            "page-message" => Some(("page_message".to_owned(), Some(Shape::Json))),
            label => {
                let here = told.iter().find(|told| told.label == label);
                here.map(|t| (t.event.clone(), Some(Shape::Record(Box::new(t.record.clone())))))
            }
        };
        let Some((event, shape)) = here else {
            return Err(wrong(&format!("there is no event {:?}", case.name)));
        };
        let shape = match (shape, case.ty) {
            (None, None) => None,
            (Some(shape), Some(kind)) => Some(narrowed(&shape, &kind, false).map_err(|e| wrong(&e))?),
            _ => return Err(wrong(&format!("{} holds something else", case.name))),
        };
        known.push((event, case.name.to_owned(), shape));
    }
    Ok(known)
}

/// The part of a shape that a component's own type has. `given`: the component gives it, so nothing that is needed may be
/// missing; otherwise it gets it and may know less.
fn narrowed(shape: &Shape, kind: &Type, given: bool) -> Result<Shape, String> {
    let inner = |inner: &Shape, kind: &Type| narrowed(inner, kind, given).map(Box::new);
    Ok(match (shape, kind) {
        (Shape::Bool, Type::Bool)
        | (Shape::Unsigned(8), Type::U8)
        | (Shape::Unsigned(16), Type::U16)
        | (Shape::Unsigned(32), Type::U32)
        | (Shape::Unsigned(64), Type::U64)
        | (Shape::Float, Type::Float64)
        | (Shape::Text | Shape::Json, Type::String) => shape.clone(),
        (Shape::List(of), Type::List(list)) => Shape::List(inner(of, &list.ty())?),
        (Shape::Option(of), Type::Option(option)) => Shape::Option(inner(of, &option.ty())?),
        (Shape::Pairs(of), Type::List(list)) => {
            let Type::Tuple(pair) = list.ty() else {
                return Err("it holds pairs".into());
            };
            let types: Vec<Type> = pair.types().collect();
            let [Type::String, value] = &types[..] else {
                return Err("it holds pairs of a text and something".into());
            };
            Shape::Pairs(inner(of, value)?)
        }
        (Shape::Record(here), Type::Record(record)) => {
            let theirs: Vec<(String, Type)> = record.fields().map(|f| (f.name.to_owned(), f.ty)).collect();
            Shape::Record(Box::new(Record {
                label: here.label.clone(),
                doc: String::new(),
                fields: fields(&here.fields, &theirs, given)?,
            }))
        }
        (Shape::Enum(here), Type::Enum(theirs)) => {
            let cases = theirs.names().map(|name| {
                let case = here.cases.iter().find(|(_, label)| label == name);
                case.cloned()
                    .ok_or_else(|| format!("there is no {name:?} in {}", here.label))
            });
            Shape::Enum(Box::new(Enum {
                label: here.label.clone(),
                doc: String::new(),
                cases: cases.collect::<Result<_, _>>()?,
            }))
        }
        _ => return Err("it has another type".into()),
    })
}

/// The fields that a component knows, in its order.
fn fields(here: &[Field], theirs: &[(String, Type)], given: bool) -> Result<Vec<Field>, String> {
    let missing = here.iter().find(|field| {
        let optional = matches!(field.shape, Shape::Option(_));
        given && !optional && theirs.iter().all(|(label, _)| *label != field.label)
    });
    if let Some(field) = missing {
        return Err(format!("{} is missing", field.label));
    }
    let fields = theirs.iter().map(|(label, kind)| {
        let field = here.iter().find(|field| field.label == *label);
        let field = field.ok_or_else(|| format!("there is no {label}"))?;
        let shape = narrowed(&field.shape, kind, given).map_err(|e| format!("{label}: {e}"))?;
        Ok(Field {
            name: field.name.clone(),
            label: label.clone(),
            doc: String::new(),
            shape,
        })
    });
    fields.collect()
}
