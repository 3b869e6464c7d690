use crate::{Door, ErrorCode, METHODS, Permission, Plugins, Request, doc};
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
    // Comments and texts out; what begins with a capital letter then is the name of a type.
    let code: String = text
        .split("/**")
        .map(|part| part.split_once("*/").map_or(part, |(_, code)| code))
        .collect();
    let code: String = code.split('"').step_by(2).collect();
    let words = code
        .lines()
        .filter(|line| !line.starts_with("//"))
        .flat_map(|l| l.split(|c: char| !c.is_alphanumeric()));
    let types = words.filter(|w| w.starts_with(char::is_uppercase) && w.contains(char::is_lowercase));
    for name in types.filter(|name| !matches!(*name, "Array" | "Record" | "Methods")) {
        assert!(
            code.contains(&format!("export type {name} =")),
            "{name} is not declared"
        );
    }
}

#[test]
fn the_example_of_every_method_is_a_good_call() {
    for method in METHODS {
        let call = doc::method(method).example;
        let request = Request::parse(method.name, call["params"].clone());
        assert!(request.is_ok_and(|r| r.name() == method.name), "{call}");
    }
}

#[test]
fn openrpc_lists_every_method_and_all_its_references_lead_somewhere() {
    let text = doc::openrpc();
    let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(document["methods"].as_array().map(Vec::len), Some(METHODS.len()));
    for part in text.split("\"#/components/schemas/").skip(1) {
        let name = part.split('"').next().expect("a name");
        assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
    }
}

#[test]
fn plugins_are_kept_out_unless_a_method_says_otherwise() {
    let open: Vec<_> = METHODS
        .iter()
        .filter(|m| m.plugins != Plugins::Never)
        .map(|m| m.name)
        .collect();
    let expected = [
        "api.methods",
        "node.status",
        "peers.list",
        "peers.ping",
        "files.list",
        "files.get",
        "widget.search",
        "widget.categories",
        "widget.show",
        "widget.statistics",
        "directory.front",
        "directory.lineage",
        "stats.top_widgets",
        "stats.newest_widgets",
        "stats.top_authors",
        "stats.top_moderators",
        "stats.similar_peers",
        "notices.add",
        "web.fetch",
        "contacts.list",
        "background.status",
        "background.tell",
        "peers.open",
        "peers.close",
        "peers.broadcast",
        "peers.send",
        "peers.reply",
        "peers.members",
        "peers.verdict",
        "secrets.groups",
        "secrets.add_group",
        "secrets.forget_group",
        "secrets.seal",
        "secrets.open",
        "streams.open",
        "streams.accept",
        "streams.write",
        "streams.read",
        "streams.close",
    ];
    assert_eq!(open, expected, "a method was opened to plugins: is that meant?");
    assert!(!Plugins::Never.may(Permission::ALL));
    assert!(Plugins::With(Permission::Node).may(&[Permission::Node]));
    assert!(!Plugins::With(Permission::Node).may(&[Permission::Contacts, Permission::Files]));
}

#[test]
fn a_widget_may_do_without_a_grant_only_what_concerns_its_own_space() {
    let free: Vec<_> = METHODS
        .iter()
        .filter(|m| m.door == Door::Widget && !matches!(m.plugins, Plugins::With(_)))
        .map(|m| m.name)
        .collect();
    let own = [
        "app.open",
        "app.close",
        "app.send_update",
        "app.updates",
        "app.realtime_send",
        "app.realtime_join",
    ];
    assert_eq!(free, own, "a method was opened to widgets: is that meant?");
    for method in METHODS.iter().filter(|m| m.door == Door::Widget) {
        if let Plugins::With(permission) = method.plugins {
            let asked = permission.of_widget();
            assert!(
                asked.for_widget().is_some(),
                "{}: no widget can ask for {asked}",
                method.name
            );
        }
    }
}

#[test]
fn codes_have_a_name_that_is_also_in_json_and_a_number_of_their_own() {
    let mut numbers: Vec<_> = ErrorCode::ALL.iter().map(|c| c.number()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), ErrorCode::ALL.len());
    assert!(ErrorCode::ALL.iter().all(|c| json!(c) == json!(c.name())));
    assert!(
        Permission::ALL
            .iter()
            .all(|p| json!(p) == json!(p.name()) && Permission::named(p.name()) == Some(*p))
    );
}

#[test]
fn the_wit_of_components_is_sound_and_has_every_method_of_widgets() {
    let text = doc::wit();
    let mut resolve = wit_parser::Resolve::default();
    let package = resolve.push_source("hedgerow.wit", &text);
    let package = package.unwrap_or_else(|e| panic!("{e:#}\n{text}"));
    let functions: usize = resolve.packages[package]
        .interfaces
        .values()
        .map(|id| resolve.interfaces[*id].functions.len())
        .sum();
    let methods = METHODS.iter().filter(|m| m.door == Door::Widget).count();
    assert_eq!(
        functions,
        methods + 8,
        "and those of the host, and the one that handles events"
    );
    assert!(
        !text.contains("instance:"),
        "the host knows for whom a component speaks"
    );
}
