#![allow(clippy::unwrap_used, clippy::print_stdout)]

use super::{
    FUEL, FUEL_A_BYTE, MAX_DEPTH, MAX_PAGES, MAX_PROGRAM, MAX_STACK, MAX_TABLE, Program, ProgramError, VERSION, resolve,
};
use data_encoding::HEXLOWER;
use hedgerow_base::Pseudonym;
use hedgerow_overlay::{Facts, Rules, RulesText, Validator};

/// The example of `docs/validators.md`: bodies that contain a digit are valid.
const DIGIT: &str = include_str!("../../../../examples/validator/digit.wat");
/// Memory, and an `alloc` that always gives the same place.
const FRAME: &str = r#"(memory (export "memory") 4) (func (export "alloc") (param i32) (result i32) i32.const 1024)"#;

fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// A module whose `valid` does something.
fn does(what: &str) -> Vec<u8> {
    with("", what)
}

fn with(more: &str, what: &str) -> Vec<u8> {
    wasm(&format!(
        r#"(module {FRAME} {more} (func (export "valid") (param $body i32) (param $len i32) (param $who i32) (param $wholen i32) (result i32) {what}))"#
    ))
}

fn body(body: &[u8]) -> Facts<'_> {
    Facts { body, signer: None }
}

fn says(bytes: &[u8], facts: Facts<'_>) -> bool {
    Program::load(bytes).unwrap().valid(facts)
}

fn refused(bytes: &[u8]) -> String {
    Program::load(bytes).unwrap_err().to_string()
}

#[test]
fn an_honest_program_gives_the_same_answer_again_and_on_another_node() {
    let bytes = wasm(DIGIT);
    let (here, there) = (Program::load(&bytes).unwrap(), Program::load(&bytes).unwrap());
    assert_eq!(here.digest(), there.digest());
    let long = [b'x'; 128_000];
    let mut late = long;
    late[127_999] = b'7';
    let cases: [(&[u8], bool); 6] = [
        (b"", false),
        (b"no", false),
        (b"0", true),
        (b"a 9 b", true),
        (&long, false),
        (&late, true),
    ];
    for (text, expected) in cases {
        for program in [&here, &there, &here] {
            assert_eq!(program.valid(body(text)), expected, "{} bytes", text.len());
        }
        assert_eq!(here.judge(body(text)).unwrap(), there.judge(body(text)).unwrap());
    }
}

#[test]
fn a_program_knows_the_signer_and_the_lengths() {
    let program = does(
        "local.get $wholen i32.const 32 i32.eq local.get $who i32.load8_u offset=31 i32.const 9 i32.eq i32.and
         local.get $len i32.const 3 i32.eq i32.and",
    );
    let who = Pseudonym([9; 32]);
    let signer = Some(&who);
    assert!(says(&program, Facts { body: b"abc", signer }));
    assert!(!says(&program, Facts { body: b"abcd", signer }));
    assert!(!says(&program, body(b"abc")));
    let unsigned = does("local.get $who local.get $wholen i32.or i32.eqz");
    assert!(says(&unsigned, body(b"abc")));
    assert!(!says(&unsigned, Facts { body: b"abc", signer }));
}

#[test]
fn nothing_is_remembered_from_one_message_to_the_next() {
    let counts = "(global $n (mut i32) (i32.const 0))";
    let first_only = with(
        counts,
        "global.get $n i32.const 1 i32.add global.set $n i32.const 0 i32.const 0 i32.load i32.const 1 i32.add i32.store
         global.get $n i32.const 1 i32.eq i32.const 0 i32.load i32.const 1 i32.eq i32.and",
    );
    let program = Program::load(&first_only).unwrap();
    for _ in 0..3 {
        assert!(program.valid(body(b"")));
    }
}

#[test]
fn only_one_means_valid() {
    for (answer, expected) in [("0", false), ("1", true), ("2", false), ("-1", false)] {
        assert_eq!(
            says(&does(&format!("i32.const {answer}")), body(b"x")),
            expected,
            "{answer}"
        );
    }
}

#[test]
fn attack_38_a_program_that_fails_or_never_ends_says_no() {
    let cases = [
        ("endless loop", does("(loop br 0) i32.const 1")),
        ("trap", does("unreachable")),
        ("division by zero", does("i32.const 1 i32.const 0 i32.div_u")),
        ("beside its memory", does("i32.const -4 i32.load")),
        ("endless calls", with("(func $f (call $f))", "call $f i32.const 1")),
        (
            "calls with many values",
            with(
                "(func $f (param i32) (result i64) (local i64 i64 i64 i64 i64 i64 i64 i64)
                   local.get 0 call $f local.get 1 i64.add)",
                "i32.const 1 call $f i32.wrap_i64",
            ),
        ),
        (
            "copying for ever",
            does("(loop i32.const 0 i32.const 0 i32.const 262144 memory.fill br 0) i32.const 1"),
        ),
        (
            "an empty place in a table",
            with("(table 1 funcref)", "i32.const 0 call_indirect (result i32)"),
        ),
    ];
    for (what, bytes) in cases {
        assert!(!says(&bytes, body(b"x")), "{what}");
    }
}

#[test]
fn attack_38_memory_beyond_the_bound_is_not_to_be_had() {
    let growing = |pages: u64| does(&format!("i32.const {pages} memory.grow i32.const 4 i32.eq"));
    assert!(says(&growing(MAX_PAGES - 4), body(b"")));
    assert!(!says(&growing(MAX_PAGES - 3), body(b"")));
    assert!(!says(&growing(65_535), body(b"")));
    let table = |entries: usize| with(&format!("(table {entries} funcref)"), "i32.const 1");
    assert!(says(&table(MAX_TABLE), body(b"")));
    assert!(refused(&table(MAX_TABLE + 1)).contains("may be run"));
    let large = wasm(&DIGIT.replace("memory\") 4", &format!("memory\") {}", MAX_PAGES + 1)));
    assert_ne!(large, wasm(DIGIT), "the example has four pages");
    assert!(refused(&large).contains("may be run"), "{}", refused(&large));
}

#[test]
fn bad_pointers_from_alloc_say_no() {
    for at in ["-1", "0x7fffffff", "262141", "262144"] {
        let bytes = wasm(&format!(
            r#"(module (memory (export "memory") 4) (func (export "alloc") (param i32) (result i32) i32.const {at})
               (func (export "valid") (param i32 i32 i32 i32) (result i32) i32.const 1))"#
        ));
        assert!(!says(&bytes, body(b"four")), "{at}");
    }
}

#[test]
fn what_may_not_be_run_is_refused_with_the_reason() {
    let valid = r#"(func (export "valid") (param i32 i32 i32 i32) (result i32) i32.const 1)"#;
    let module = |parts: &str| wasm(&format!("(module {parts})"));
    let cases = [
        (
            module(&format!(r#"(import "env" "now" (func)) {FRAME} {valid}"#)),
            "imports \"env.now\"",
        ),
        (
            module(&format!(r#"(import "env" "memory" (memory 1)) {valid}"#)),
            "imports \"env.memory\"",
        ),
        (module(&format!("{FRAME} {valid} (func $s) (start $s)")), "start"),
        (does("f32.const 1 drop i32.const 1"), "floating"),
        (with("(func (param f64))", "i32.const 1"), "floating"),
        (does("v128.const i64x2 0 0 drop i32.const 1"), "SIMD"),
        (with("(memory 1)", "i32.const 1"), "memor"),
        (with("(func return_call 0)", "i32.const 1"), "tail call"),
        (
            module(&format!(r#"(memory (export "memory") 1 2 shared) {valid}"#)),
            "may be run",
        ),
        (
            module(&format!(r#"(memory (export "memory") i64 1) {valid}"#)),
            "may be run",
        ),
        (module(valid), "a memory called"),
        (
            module(&format!(r#"(memory (export "memory") 1) {valid}"#)),
            "a function alloc",
        ),
        (module(FRAME), "a function valid"),
        (
            module(&format!(
                r#"{FRAME} (func (export "valid") (param i32 i32) (result i32) i32.const 1)"#
            )),
            "a function valid",
        ),
        (with(r#"(data (i32.const 262143) "ab")"#, "i32.const 1"), "may be run"),
        (b"\0asm\x02\0\0\0".to_vec(), "may be run"),
        (b"(module)".to_vec(), "may be run"),
        (Vec::new(), "may be run"),
        (vec![0; MAX_PROGRAM + 1], "too large"),
        (
            with(&format!("(data \"{}\")", "x".repeat(MAX_PROGRAM)), "i32.const 1"),
            "too large",
        ),
        (with(&"(func)".repeat(11_000), "i32.const 1"), "functions"),
    ];
    for (at, (bytes, why)) in cases.iter().enumerate() {
        let said = refused(bytes);
        assert!(said.contains(why), "case {at}: {said:?} does not say {why:?}");
        assert!(
            said.len() < 400 && !said.contains(char::is_control),
            "case {at}: {said:?}"
        );
    }
}

#[test]
fn random_changes_of_a_program_never_bring_the_host_down() {
    let good = wasm(DIGIT);
    // A generator of its own, so that a failure can be repeated.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut ran = 0;
    for _ in 0..3000 {
        let mut bytes = good.clone();
        for _ in 0..=next() % 3 {
            let at = usize::try_from(next()).unwrap() % bytes.len();
            bytes[at] = next().to_le_bytes()[0];
        }
        // Not by `load` and `valid`, which would hide a panic.
        if let Ok(program) = Program::translated(&bytes) {
            let _ = program.judge(body(b"some text with 1 digit"));
            ran += 1;
        }
    }
    assert!(ran > 100, "only {ran} could be run");
}

#[test]
fn another_program_and_another_version_have_another_hash() {
    let bytes = wasm(DIGIT);
    let digest = Program::load(&bytes).unwrap().digest();
    assert_ne!(digest, Program::load(&does("i32.const 1")).unwrap().digest());
    let of = |version| hedgerow_base::hash::hash("hedgerow 2026 overlay validator v1", &[&[version], &bytes]);
    assert_eq!(digest, of(VERSION));
    assert_ne!(digest, of(VERSION + 1));
}

#[test]
fn a_file_takes_the_place_of_its_name_in_the_rules() {
    let text = |name: &str| RulesText {
        validator: Some(name.into()),
        ..RulesText::default()
    };
    let bytes = wasm(DIGIT);
    let (rules, program) = resolve(&text("filters/digit.wasm"), |name| {
        assert_eq!(name, "filters/digit.wasm");
        Ok(Some(bytes.clone()))
    })
    .unwrap();
    let digest = program.unwrap().digest();
    assert_eq!(rules.validator.as_deref(), Some(HEXLOWER.encode(&digest).as_str()));
    assert_eq!(Rules::try_from(&rules).unwrap().validator(), Some(&digest));
    assert_eq!(
        resolve(&RulesText::default(), |_| unreachable!()).unwrap(),
        (RulesText::default(), None)
    );
    for name in [
        "",
        "a.txt",
        "../a.wasm",
        "/a.wasm",
        "a/../b.wasm",
        "a\\b.wasm",
        "c:a.wasm",
        "a//b.wasm",
        "a\n.wasm",
    ] {
        let error = resolve(&text(name), |_| unreachable!()).unwrap_err();
        assert!(matches!(error, ProgramError::Name(_)), "{name:?}: {error}");
    }
    let missing = resolve(&text("a.wasm"), |_| Ok(None)).unwrap_err();
    assert_eq!(missing.to_string(), "the validator \"a.wasm\" is not among the files");
    let unreadable = resolve(&text("a.wasm"), |_| Err("no rights".into())).unwrap_err();
    assert_eq!(unreadable, ProgramError::Unreadable("no rights".into()));
}

/// The work that programs take, and where the bounds are. If this fails after an update of the engine, nodes with the
/// old one would come to other answers: raise `VERSION`, and then change the numbers here.
#[test]
fn work_is_counted_as_it_was_when_the_version_was_given() {
    let work = |bytes: &[u8], text: &[u8]| Program::load(bytes).unwrap().judge(body(text)).unwrap().1;
    let digit = wasm(DIGIT);
    let calls = with("(func $f (result i32) i32.const 1)", "call $f");
    let fill = does("i32.const 0 i32.const 0 i32.const 64000 memory.fill i32.const 1");
    let grow = does("i32.const 1 memory.grow drop i32.const 1");
    let got = [
        work(&digit, b""),
        work(&digit, b"xxxxxxxxxx"),
        work(&calls, b""),
        work(&fill, b""),
        work(&grow, b""),
    ];
    println!("work: {got:?}");
    assert_eq!(got, [29, 199, 21, 1008, 1030]);
    // A loop of 2 * n units ends just so, or not any more.
    let turns = |n: u64| {
        does(&format!(
            "(local $i i64) (local.set $i (i64.const {n}))
             (loop (br_if 0 (i64.ne (i64.const 0) (local.tee $i (i64.sub (local.get $i) (i64.const 1))))))
             i32.const 1"
        ))
    };
    let a_turn = work(&turns(2), b"") - work(&turns(1), b"");
    let most = |len: u64| (FUEL + FUEL_A_BYTE * len - work(&turns(0x7f), b"")) / a_turn + 0x7f;
    for len in [0_u64, 1000] {
        let text = vec![b'x'; usize::try_from(len).unwrap()];
        assert!(says(&turns(most(len)), body(&text)), "{len}");
        assert!(!says(&turns(most(len) + 1), body(&text)), "{len}");
    }
    // Calls as deep as are allowed, and values of them.
    let deep = |calls: usize, locals: usize| {
        let locals = "(local i64)".repeat(locals);
        let f = format!(
            "(func $f (param i32) (result i32) {locals} local.get 0 i32.eqz if (result i32) i32.const 1 else
               local.get 0 i32.const 1 i32.sub call $f end)"
        );
        with(&f, &format!("i32.const {calls} call $f"))
    };
    let deepest = |locals| (0..=MAX_DEPTH + 1).rev().find(|n| says(&deep(*n, locals), body(b"")));
    let (few, many) = (deepest(0), deepest(MAX_STACK / 8 / 16));
    println!("depth: {few:?} {many:?}");
    assert_eq!((few, many), (Some(254), Some(13)));
}
