use super::*;
use crate::{Facts, RulesError};
use std::{format, string::ToString};

fn accepts(expression: &str, message: &str) -> Result<(), String> {
    let text = RulesText {
        accept: Some(expression.into()),
        ..RulesText::default()
    };
    let rules = Rules::try_from(&text).unwrap_or_else(|error| panic!("{expression}: {error}"));
    let signer = who(1);
    rules.passes(Facts {
        body: message.as_bytes(),
        signer: Some(&signer),
    })
}

const MESSAGE: &str =
    r#"{"kind": "move", "x": 3, "y": -2.5, "tags": ["a", "b"], "who": {"name": "Ann"}, "none": null}"#;

#[test]
fn an_expression_sees_the_message_the_signer_and_the_size() {
    for expression in [
        "msg.kind == 'move' && msg.x in [1, 2, 3]",
        "msg.x >= 3 && msg.x < 3.5 && msg.y == -2.5",
        "has(msg.who.name) && !has(msg.who.age) && size(msg.who.name) <= 10",
        "msg.tags.all(t, size(t) == 1) && msg.tags.exists(t, t == 'b')",
        "msg.kind.startsWith('mo') && msg.kind.endsWith(\"ve\") && msg.kind.contains('ov')",
        "msg['who']['name'].matches('^[A-Z][a-z]+$')",
        "msg.tags[1] == 'b' && 'kind' in msg && type(msg.none) == 'null'",
        "(msg.x * 2 + 1) % 7 == 0 && msg.x / 2 == 1 && 7 / 2.0 == 3.5",
        "msg.x > 5 ? false : bytes < 1000",
        "signer != null && size(signer) == 64",
        "msg.x < 0 || msg.kind == 'move' || msg.missing == 1",
        "!(msg.x == 4) && true != false && msg.who.all(k, k == 'name')",
    ] {
        assert_eq!(accepts(expression, MESSAGE), Ok(()), "{expression}");
    }
    for expression in ["msg.x == 4", "msg.kind == 3", "msg.tags.exists(t, t == 'c')", "false"] {
        assert!(accepts(expression, MESSAGE).is_err(), "{expression}");
    }
}

#[test]
fn what_makes_no_sense_for_a_message_refuses_it() {
    for (expression, says) in [
        ("msg.missing == 1", "missing"),
        ("msg.x", "neither true nor false"),
        ("msg.x.y == 1", "only maps"),
        ("msg.kind < 3", "ordered"),
        ("msg.x + 9223372036854775807 > 0", "range"),
        ("msg.x / 0 == 1", "range"),
        ("size(msg.x) == 1", "size()"),
        ("msg.tags == msg.tags", "as a whole"),
        ("-msg.kind == 1", "sign"),
    ] {
        let why = accepts(expression, MESSAGE).unwrap_err();
        assert!(why.contains(says), "{expression}: {why}");
    }
    for message in ["", "{", "nan", "{\"a\": 1, \"a\": 2}", "1 2"] {
        let why = accepts("true", message).unwrap_err();
        assert!(why.contains("JSON"), "{message}: {why}");
    }
}

#[test]
fn bombs_of_depth_and_size_cost_little() {
    let deep = "[".repeat(100_000);
    assert!(accepts("true", &deep).is_err());
    let deep = format!("{}1{}", "[".repeat(30), "]".repeat(30));
    assert!(accepts("true", &deep).is_err());
    let wide = format!("[{}1]", "1,".repeat(10_000));
    assert!(accepts("true", &wide).is_err());
    let many = format!("[{}1]", "1,".repeat(3_000));
    assert_eq!(accepts("msg.all(x, x == 1)", &many), Ok(()));
    let why = accepts("msg.all(x, msg.all(y, x == y))", &many).unwrap_err();
    assert!(why.contains("too many steps"), "{why}");
}

#[test]
fn an_expression_that_cannot_be_used_says_where_and_why() {
    let long = "1 == 1 && ".repeat(1_000);
    let chain = format!("true{}", " && true".repeat(100));
    let nested = format!("{}true{}", "(".repeat(100), ")".repeat(100));
    let bangs = format!("{}true", "!".repeat(1_000));
    for (expression, says) in [
        ("", "too early"),
        ("msg.", "name is missing"),
        ("message == 1", "there is no message"),
        ("msg.x = 1", "means nothing"),
        ("msg.x == 'a", "no end"),
        ("msg.f()", "there is no .f()"),
        ("f(msg)", "there is no f()"),
        ("msg.x == 99999999999999999999", "too large"),
        ("true true", "should end"),
        ("msg.a.matches(msg.b)", "pattern in quotes"),
        ("has(msg)", "takes a field"),
        ("(true", "missing"),
        (long.as_str(), "too long"),
        (chain.as_str(), "brackets"),
        (nested.as_str(), "nested"),
        (bangs.as_str(), "nested"),
    ] {
        let text = RulesText {
            accept: Some(expression.into()),
            ..RulesText::default()
        };
        let error = Rules::try_from(&text).unwrap_err();
        assert!(matches!(error, RulesError::Expression { .. }));
        assert!(error.to_string().contains(says), "{expression:.40}: {error}");
    }
}

#[test]
fn patterns_that_would_take_for_ever_elsewhere_are_fast_or_refused() {
    let text = |pattern: &str| RulesText {
        filter: Some(pattern.into()),
        ..RulesText::default()
    };
    let rules = Rules::try_from(&text("^(a+)+$")).unwrap();
    let mut body = vec![b'a'; 100_000];
    body.push(b'!');
    let facts = Facts {
        body: &body,
        signer: None,
    };
    assert!(rules.passes(facts).is_err());
    let long = "a".repeat(2_000);
    let deep = format!("{}a{}", "(".repeat(100), ")".repeat(100));
    for pattern in [
        "a{1000}{1000}",
        "(",
        "(?=a)",
        r"\p{Greek}",
        long.as_str(),
        deep.as_str(),
    ] {
        let error = Rules::try_from(&text(pattern)).unwrap_err();
        assert!(matches!(error, RulesError::Pattern { .. }), "{error}");
    }
}

#[test]
fn rules_out_of_range_and_unknown_keys_are_refused() {
    for (text, says) in [
        ("max_bytes = 0", "max_bytes"),
        ("max_bytes = 1000000", "max_bytes"),
        ("rate_per_signer = 0.0", "rate_per_signer"),
        ("rate_per_signer = nan", "rate_per_signer"),
        ("rate_per_forwarder = 1e9", "rate_per_forwarder"),
        ("burst_per_signer = 0", "burst_per_signer"),
        ("signers = ['abc']", "signers"),
        ("validator = 'abc'", "validator"),
    ] {
        let text: RulesText = toml::from_str(text).unwrap();
        let error = Rules::try_from(&text).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    assert!(toml::from_str::<RulesText>("max_byte = 1").is_err());
}

#[test]
fn equal_rules_have_equal_hashes_and_others_do_not() {
    let given = rules("max_bytes = 16384\nrate_per_signer = 1.0");
    assert_eq!(
        given.digest(),
        Rules::default().digest(),
        "a default may be written out"
    );
    let texts = [
        "max_bytes = 1",
        "rate_per_signer = 2",
        "burst_per_signer = 3",
        "rate_per_forwarder = 2",
        "burst_per_forwarder = 99",
        "signed_only = true",
        "filter = 'a'",
        "accept = 'true'",
        "filter = 'true'",
    ];
    let mut digests: Vec<_> = texts.iter().map(|text| *rules(text).digest()).collect();
    digests.push(*Rules::default().digest());
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), texts.len() + 1);
}
