use super::{Room, params, to_json, to_val};
use hedgerow_api::{
    METHODS, Request,
    doc::shape::{self, Field, Shape},
};
use proptest::{collection::vec, prelude::*, sample, strategy::ValueTree, test_runner::TestRunner};
use serde_json::{Value, json};
use wasmtime::component::Val;

/// Values of a shape, as a component gives them.
fn values(shape: &Shape) -> BoxedStrategy<Val> {
    match shape {
        Shape::Bool => any::<bool>().prop_map(Val::Bool).boxed(),
        Shape::Unsigned(8) => any::<u8>().prop_map(Val::U8).boxed(),
        Shape::Unsigned(16) => any::<u16>().prop_map(Val::U16).boxed(),
        Shape::Unsigned(32) => any::<u32>().prop_map(Val::U32).boxed(),
        Shape::Unsigned(_) => any::<u64>().prop_map(Val::U64).boxed(),
        Shape::Float => (-1e300..1e300).prop_map(Val::Float64).boxed(),
        Shape::Text => any::<String>().prop_map(Val::String).boxed(),
        // As the host writes it; `null` within an option is the same as none.
        Shape::Json => sample::select(vec![
            "1",
            "\"a\"",
            "[{\"b\":[null,true,-0.5]}]",
            "{}",
            "18446744073709551615",
        ])
        .prop_map(|text| Val::String(text.to_owned()))
        .boxed(),
        Shape::List(of) => vec(values(of), 0..4).prop_map(Val::List).boxed(),
        Shape::Pairs(of) => {
            let pairs = proptest::collection::btree_map("[a-z]{0,5}", values(of), 0..4);
            let pair = |(key, value)| Val::Tuple(vec![Val::String(key), value]);
            pairs
                .prop_map(move |pairs| Val::List(pairs.into_iter().map(pair).collect()))
                .boxed()
        }
        Shape::Option(of) => prop::option::of(values(of).prop_map(Box::new))
            .prop_map(Val::Option)
            .boxed(),
        Shape::Record(record) => {
            let labels: Vec<String> = record.fields.iter().map(|field| field.label.clone()).collect();
            let fields: Vec<_> = record.fields.iter().map(|field| values(&field.shape)).collect();
            fields
                .prop_map(move |values| Val::Record(labels.iter().cloned().zip(values).collect()))
                .boxed()
        }
        Shape::Enum(one) => {
            let labels: Vec<String> = one.cases.iter().map(|(_, label)| label.clone()).collect();
            sample::select(labels).prop_map(Val::Enum).boxed()
        }
    }
}

fn given(fields: &[Field]) -> Vec<BoxedStrategy<Val>> {
    fields.iter().map(|field| values(&field.shape)).collect()
}

fn room() -> Room {
    Room::new(1 << 20)
}

#[test]
fn every_answer_and_event_survives_the_way_to_json_and_back() {
    let mut runner = TestRunner::deterministic();
    for shape in shapes() {
        for _ in 0..100 {
            let val = values(&shape).new_tree(&mut runner).unwrap().current();
            let json = to_json(&shape, &val, &mut room()).unwrap();
            assert_eq!(to_val(&shape, &json, &mut room()), Ok(val), "{json}");
        }
    }
}

/// All that is answered or told.
fn shapes() -> Vec<Shape> {
    let answers = shape::functions().into_iter().filter_map(|function| function.answer);
    let events = shape::events()
        .into_iter()
        .map(|told| Shape::Record(told.record.into()));
    answers.chain(events).collect()
}

#[test]
fn whatever_a_component_gives_to_a_method_is_a_call_of_it() {
    let mut runner = TestRunner::deterministic();
    for function in shape::functions() {
        for _ in 0..50 {
            let vals = given(&function.params).new_tree(&mut runner).unwrap().current();
            let Value::Object(mut json) = params(&function.params, &vals, &mut room()).unwrap() else {
                panic!("no object");
            };
            // What the node adds; a method that does not know it refuses it.
            let example = hedgerow_api::doc::method(function.method).example;
            for known in ["instance", "app", "listener"] {
                if let Some(value) = example["params"].get(known) {
                    json.insert(known.into(), value.clone());
                }
            }
            let request = Request::parse(function.method.name, Value::Object(json.clone()));
            assert!(request.is_ok(), "{json:?}: {request:?}");
        }
    }
}

#[test]
fn every_method_of_widgets_has_a_shape_for_its_example() {
    let count = METHODS.iter().filter(|m| m.door == hedgerow_api::Door::Widget).count();
    assert_eq!(shape::functions().len(), count);
}

#[test]
fn what_is_too_large_or_too_deep_is_refused_before_it_is_built() {
    let texts = Shape::List(Box::new(Shape::Text));
    let many = Val::List(vec![Val::String("x".repeat(100)); 10]);
    assert!(to_json(&texts, &many, &mut Room::new(1000)).is_err());
    assert!(to_json(&texts, &many, &mut Room::new(2000)).is_ok());
    let empty = Val::List(vec![Val::String(String::new()); 1000]);
    assert!(
        to_json(&texts, &empty, &mut Room::new(1000)).is_err(),
        "what is empty counts, too"
    );
    let deep = Val::String("[".repeat(100_000));
    assert!(to_json(&Shape::Json, &deep, &mut room()).is_err());
    assert!(to_val(&texts, &json!(vec!["x".repeat(100); 10]), &mut Room::new(1000)).is_err());
}

#[test]
fn numbers_that_json_or_the_component_do_not_have_are_refused() {
    assert!(to_json(&Shape::Float, &Val::Float64(f64::NAN), &mut room()).is_err());
    assert!(to_val(&Shape::Unsigned(8), &json!(256), &mut room()).is_err());
    assert!(to_val(&Shape::Unsigned(64), &json!(-1), &mut room()).is_err());
    assert_eq!(to_val(&Shape::Unsigned(8), &json!(255), &mut room()), Ok(Val::U8(255)));
}

#[test]
fn options_that_are_empty_are_left_out() {
    let field = Field {
        name: "peer_count".into(),
        label: "peer-count".into(),
        doc: String::new(),
        shape: Shape::Option(Box::new(Shape::Unsigned(32))),
    };
    let of = |val| params(std::slice::from_ref(&field), &[val], &mut room());
    assert_eq!(of(Val::Option(None)), Ok(json!({})));
    assert_eq!(
        of(Val::Option(Some(Box::new(Val::U32(3))))),
        Ok(json!({"peer_count": 3}))
    );
}
