use super::{
    layers::forbidden, links::targets, measure::functions, names::places, purity::banned, ratchet::longer,
    readers::readers,
};
use std::collections::BTreeMap;

#[test]
fn the_project_is_tidy() {
    super::check().expect("see the list above");
}

#[test]
fn dependencies_point_down_a_layer() {
    assert!(forbidden("hedgerow-sync", "hedgerow-wire", false).is_none());
    assert!(forbidden("hedgerow-wire", "hedgerow-base", false).is_none());
    assert!(forbidden("hedgerow", "hedgerow-base", false).is_none());
    assert!(forbidden("hedgerow-base", "hedgerow-wire", false).is_some());
    assert!(forbidden("hedgerow-sync", "hedgerow-directory", true).is_some());
    assert!(forbidden("hedgerow-store", "hedgerow-net", false).is_some());
    assert!(forbidden("hedgerow-new", "hedgerow-base", false).is_some());
    assert!(forbidden("hedgerow", "lab", true).is_some());
}

#[test]
fn an_engine_is_named_by_one_crate() {
    assert!(forbidden("hedgerow-net", "iroh-relay", false).is_none());
    assert!(forbidden("hedgerow-node", "iroh", true).is_some());
    assert!(forbidden("hedgerow-node", "irohsomething", false).is_none());
    assert!(forbidden("hedgerow-node", "rusqlite", false).is_some());
}

#[test]
fn chance_and_clocks_stay_out_of_the_cores_but_not_out_of_their_tests() {
    assert!(forbidden("hedgerow-sync", "getrandom", false).is_some());
    assert!(forbidden("hedgerow-sync", "tokio", true).is_none());
    assert!(forbidden("hedgerow-net", "tokio", false).is_none());
}

#[test]
fn banned_names_count_in_code_only() {
    let source = "// std::time\nlet a = \"std::fs\";\nuse std::net::TcpStream;\nmod tests {\nuse std::fs;\n}\n";
    assert_eq!(banned("x.rs", source), ["x.rs:3: std::net in a pure crate"]);
}

#[test]
fn functions_are_measured_past_braces_in_texts_and_characters() {
    let source = r##"
trait T { fn declared(&self) -> [u8; 3]; }
fn one() { let a = '{'; let b = "{{"; /* { */ }
fn two<'a>(x: &'a str) -> &'a str {
    let r = r#"}"#;
    let c = b'}';
    x // }
}
"##;
    let found = functions(source);
    assert_eq!(found, [("one".to_owned(), 3, 1), ("two".to_owned(), 4, 5)]);
}

#[test]
fn what_is_listed_may_shrink_but_not_grow() {
    let lengths = |n| BTreeMap::from([("a".to_owned(), n)]);
    assert!(longer(&lengths(80), &BTreeMap::new(), 70).len() == 1);
    assert!(longer(&lengths(80), &lengths(80), 70).is_empty());
    assert!(longer(&lengths(81), &lengths(80), 70).len() == 1);
}

#[test]
fn paths_of_one_machine_are_found_and_parts_of_others_are_not() {
    let home = ["/ho", "me/"].concat();
    assert_eq!(places("x", &format!("see `{home}mia/x`")).len(), 1);
    assert!(places("x", &format!("https://a.example{home}x")).is_empty());
}

#[test]
fn links_are_read_outside_code_and_pictures_are_not_links() {
    let page = "[a](b.md) ![p](q.png)\n```\n[c](d)\n```\n[e](f#g)";
    assert_eq!(targets(page), ["b.md", "f#g"]);
}

#[test]
fn every_public_reader_is_seen_with_its_type() {
    let source = "impl<'a> Frame<'a> {\n    pub fn decode(bytes: &'a [u8]) -> X {\n    fn parse(text: &str) {\n}\nimpl FromStr for Ticket {\n    fn from_str(text: &str) {\n}\nimpl A {\n    pub fn from_bytes(random: [u8; 32]) {\n}\n#[cfg(test)]\nimpl B {\n    pub fn parse(text: &str) {\n";
    assert_eq!(readers(source), [("Frame", "decode"), ("Ticket", "from_str")]);
}
