//! Programs of others, before they run: WebAssembly that judges messages, background parts of widgets, and the values that
//! go in and out.

use crate::{
    Target,
    promise::{joined, parts},
};
use hedgerow_api::doc::shape::{self, Shape};
use hedgerow_overlay::{Facts, Validator as _};
use hedgerow_sandbox::{
    component::{check, there_and_back},
    validator::Program,
};
use serde_json::Value;
use std::sync::LazyLock;

const JUDGE: &str = r#"(module
  (memory (export "memory") 1)
  (global $next (mut i32) (i32.const 1024))
  (func (export "alloc") (param $len i32) (result i32)
    global.get $next
    global.get $next local.get $len i32.add global.set $next)
  (func (export "valid") (param i32 i32 i32 i32) (result i32)
    local.get 1 i32.const 5 i32.gt_u))"#;

const LOOPS: &str = r#"(module
  (memory (export "memory") 1 2)
  (func (export "alloc") (param i32) (result i32) i32.const 0)
  (func (export "valid") (param i32 i32 i32 i32) (result i32)
    (loop $again (br $again)) i32.const 1))"#;

const COMPONENT: &str = r#"(component
  (import "hedgerow:widget/host" (instance (export "log" (func (param "text" string)))))
  (core module $m (func (export "f")))
  (core instance $i (instantiate $m)))"#;

/// Loads a program and lets it judge. What it does ends, and ends the same for everybody.
fn validator(bytes: &[u8]) {
    let bodies: [&[u8]; 2] = [b"{\"text\": \"hello\"}", b""];
    let judged = || {
        let program = Program::load(bytes).ok()?;
        Some(bodies.map(|body| program.valid(Facts { body, signer: None })))
    };
    // A panic of the engine is caught where it is called, and means no.
    super::held(|| assert!(judged() == judged(), "two nodes come to different answers"));
}

/// What is said of a component before it is translated.
fn component(bytes: &[u8]) {
    let _ = check(bytes, 64 << 10);
    assert!(check(bytes, bytes.len().saturating_sub(1)).is_err() || bytes.is_empty());
}

/// A module inside of a component's frame, too, so that more than the first bytes is looked at.
fn component_seeds() -> Vec<Vec<u8>> {
    vec![wat(COMPONENT), wat("(component)"), wat(JUDGE)]
}

fn wat(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// Everything that components are told.
static SHAPES: LazyLock<Vec<Shape>> = LazyLock::new(|| {
    let answers = shape::functions().into_iter().filter_map(|function| function.answer);
    let events = shape::events()
        .into_iter()
        .map(|told| Shape::Record(told.record.into()));
    answers.chain(events).collect()
});

/// JSON to each component type and back: within its room, and the second time nothing changes any more.
fn values(bytes: &[u8]) {
    const ROOM: usize = 64 << 10;
    let Some((which, text)) = bytes.split_first() else {
        return;
    };
    let Some(shape) = SHAPES.get(usize::from(*which) % SHAPES.len()) else {
        return;
    };
    let Ok(value) = serde_json::from_slice::<Value>(text) else {
        return;
    };
    if let Ok(back) = there_and_back(shape, &value, ROOM) {
        assert_eq!(there_and_back(shape, &back, ROOM), Ok(back), "{value}");
    }
}

fn value_seeds() -> Vec<Vec<u8>> {
    let example = |number: usize, shape: &Shape| {
        let text = serde_json::to_vec(&of(shape)).unwrap();
        [&[number as u8][..], &text].concat()
    };
    SHAPES
        .iter()
        .enumerate()
        .map(|(number, shape)| example(number, shape))
        .collect()
}

/// Some value of a shape.
fn of(shape: &Shape) -> Value {
    match shape {
        Shape::Bool => true.into(),
        Shape::Unsigned(_) => 7.into(),
        Shape::Float => 0.5.into(),
        Shape::Text => "text".into(),
        Shape::Json => serde_json::json!({"any": [1, null]}),
        Shape::List(one) => vec![of(one)].into(),
        Shape::Pairs(one) => serde_json::json!({"key": of(one)}),
        Shape::Option(one) => of(one),
        Shape::Record(record) => {
            let fields = record.fields.iter().map(|field| (field.name.clone(), of(&field.shape)));
            Value::Object(fields.collect())
        }
        Shape::Enum(one) => one.cases.first().map(|(name, _)| name.clone()).into(),
    }
}

/// A sealed message, as bytes or inside of JSON, opened by one who has the keys.
fn sealed(bytes: &[u8]) {
    use hedgerow_secrets::{Envelope, Keyring};
    let parts = parts(bytes);
    let (message, mode) = (parts.first().copied().unwrap_or(bytes), parts.get(1).is_some());
    if let Ok(envelope) = Envelope::from_bytes(message) {
        assert_eq!(envelope.as_bytes(), message, "one encoding only");
    }
    let Ok(envelope) = Envelope::in_message(message) else {
        return;
    };
    if let Ok(json) = envelope.to_json() {
        let again = Envelope::in_message(&json).expect("what is written");
        assert_eq!(again.as_bytes(), envelope.as_bytes());
    }
    let ring = Keyring::new(crate::seeds::wire::APP).with_own(&crate::seeds::key(1));
    let sender = mode.then(|| crate::seeds::key(2).public().into());
    if let Ok(opened) = ring.open(sender, &envelope) {
        assert_eq!(opened.clear, envelope.clear());
    }
}

fn sealed_seeds() -> Vec<Vec<u8>> {
    use hedgerow_secrets::{GroupKey, Keyring, To};
    let mut ring = Keyring::new(crate::seeds::wire::APP).with_own(&crate::seeds::key(1));
    ring.add("friends", &GroupKey::from_random([7; 32])).unwrap();
    let own = crate::seeds::key(1).public().into();
    let sender = Some(crate::seeds::key(2).public().into());
    let one = ring
        .seal(sender, To::Pseudonym(&own), b"{\"a\":1}", b"body", &[1; 32])
        .unwrap();
    let other = ring.seal(None, To::Group("friends"), b"", b"body", &[2; 32]).unwrap();
    vec![
        joined([one.as_bytes(), b"x"]),
        joined([&one.to_json().unwrap()[..], b"x"]),
        joined([other.as_bytes()]),
    ]
}

/// The targets.
pub const TARGETS: &[Target] = &[
    Target::new(
        "validator",
        "Program::load, valid: it ends, with the same answer for all",
        validator,
        || vec![wat(JUDGE), wat(LOOPS)],
    )
    .with_room(64 << 20),
    Target::new(
        "component_check",
        "component::check: before it is translated",
        component,
        component_seeds,
    )
    .up_to(64 << 10),
    Target::new(
        "component_values",
        "there_and_back: JSON to components and back settles",
        values,
        value_seeds,
    )
    .with_room(4 << 20),
    Target::new(
        "sealed",
        "Envelope::from_bytes, in_message: one encoding, opens or not",
        sealed,
        sealed_seeds,
    ),
];
