use crate::{ErrorCode, METHODS, Request, doc};
use serde_json::json;

#[test]
fn an_unknown_method_or_parameter_is_refused_by_name() {
    let error = Request::parse("node.explode", json!({})).expect_err("refused");
    assert_eq!(error.code, ErrorCode::UnknownMethod);
    let error = Request::parse("widget.show", json!({"uuid": "x", "colour": 1})).expect_err("refused");
    assert_eq!(error.code, ErrorCode::BadParams);
    assert!(error.message.contains("colour"), "{}", error.message);
}

#[test]
fn every_method_has_a_unique_name_and_a_sentence() {
    let mut names: Vec<_> = METHODS.iter().map(|m| m.name).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
    assert!(METHODS.iter().all(|m| m.doc.trim().ends_with('.')));
}

#[test]
fn parameters_may_be_left_out_when_all_have_defaults() {
    assert!(Request::parse("widget.search", serde_json::Value::Null).is_ok());
}

#[test]
fn the_generated_typescript_names_every_method() {
    let text = doc::typescript();
    assert!(METHODS.iter().all(|m| text.contains(&format!("{:?}", m.name))));
}
