//! How long validators take for a message: `cargo run --release -p hedgerow-sandbox --example validator`. Prints JSON for
//! `cargo xtask bench`. A path after it measures that module with messages of 100 bytes.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)] // it measures

use hedgerow_base::Pseudonym;
use hedgerow_overlay::{Facts, Validator};
use hedgerow_sandbox::validator::Program;
use std::time::Instant;

const ROUNDS: usize = 7;
const SIGNER: Pseudonym = Pseudonym([9; 32]);

/// Bodies with a digit at their end only.
const DIGIT: &str = include_str!("../../../examples/validator/digit.wat");

/// Modules that do as much as they can for the work that they are given: what else is in them, and what `valid` does.
fn greedy_ones() -> Vec<(&'static str, String, &'static str)> {
    let locals = "(local i64)".repeat(1500);
    // As many functions as there may be of that size, a full table, and a byte in each page.
    let sum = "i32.const 1000000 i32.add ".repeat(7);
    let crowd = format!("(func (result i32) i32.const 1000000 {sum})").repeat(5000);
    let pages: String = (0..1000)
        .map(|at| format!("(data (i32.const {}) \"x\")", at * 2096))
        .collect();
    let large = format!("{} (table funcref (elem {})) {pages}", crowd, "0 ".repeat(4096));
    vec![
        ("loop", String::new(), "(loop br 0)"),
        ("calls", format!("(func $f {locals})"), "(loop call $f br 0)"),
        (
            "fill",
            String::new(),
            "(loop i32.const 0 i32.const 1 i32.const 2000000 memory.fill br 0)",
        ),
        (
            "division",
            String::new(),
            "(loop (i64.store (i32.const 8) (i64.rem_u (i64.load (i32.const 8)) (i64.const 7))) br 0)",
        ),
        ("large", large, "unreachable"),
    ]
}

fn greedy(more: &str, what: &str) -> Program {
    let text = format!(
        r#"(module (memory (export "memory") 32) {more}
           (func (export "alloc") (param i32) (result i32) i32.const 8)
           (func (export "valid") (param i32 i32 i32 i32) (result i32) {what} i32.const 1))"#
    );
    Program::load(&wat::parse_str(text).unwrap()).unwrap()
}

/// Nanoseconds for a message: fewest, median and most of some rounds.
fn measured(program: &Program, body: &[u8], count: u32, expected: bool) -> [f64; 3] {
    let signer = Some(&SIGNER);
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begun = Instant::now();
            for _ in 0..count {
                assert_eq!(program.valid(Facts { body, signer }), expected);
            }
            begun.elapsed().as_secs_f64() * 1e9 / f64::from(count)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    [rounds[0], rounds[ROUNDS / 2], rounds[ROUNDS - 1]]
}

fn number(name: &str, [min, median, max]: [f64; 3], (unit, one): (&str, f64), target: f64) -> String {
    let [min, median, max] = [min, median, max].map(|ns| (ns / one * 100.0).round() / 100.0);
    let ok = median <= target;
    format!(
        r#""{name}": {{"median": {median}, "min": {min}, "max": {max}, "unit": "{unit}", "target": {target:.1}, "ok": {ok}}}"#
    )
}

fn main() {
    let (us, ms) = (("us", 1e3), ("ms", 1e6));
    let body = |len: usize| {
        let mut body = vec![b'x'; len];
        body[len - 1] = b'7';
        body
    };
    if let Some(path) = std::env::args().nth(1) {
        let program = Program::load(&std::fs::read(path).unwrap()).unwrap();
        let body = body(100);
        let expected = program.valid(Facts {
            body: &body,
            signer: Some(&SIGNER),
        });
        println!(
            "{{{}}}",
            number("validator_given", measured(&program, &body, 200, expected), us, 1000.0)
        );
        return;
    }
    let digit = Program::load(&wat::parse_str(DIGIT).unwrap()).unwrap();
    let mut numbers = vec![
        number(
            "validator_100_bytes",
            measured(&digit, &body(100), 2000, true),
            us,
            50.0,
        ),
        number(
            "validator_16_kib",
            measured(&digit, &body(16 << 10), 50, true),
            us,
            5000.0,
        ),
    ];
    for (name, more, what) in greedy_ones() {
        let took = measured(&greedy(&more, what), &body(100), 3, false);
        numbers.push(number(&format!("validator_greedy_{name}"), took, ms, 100.0));
    }
    println!("{{{}}}", numbers.join(", "));
}
