//! `cargo run --release -p hedgerow-sim --example popularity -- HONEST LIARS SYBILS MISPLACED RUNS SEED [CAMOUFLAGE] [LIE] [SOURCES]`
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::disallowed_types
)]
use hedgerow_sim::{
    crew::Alone,
    popularity::{Plan, run},
};
fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let get = |at: usize, or: f64| arguments.get(at).map_or(or, |text| text.parse().unwrap());
    let plan = Plan {
        honest: get(0, 6000.0) as usize,
        liars: get(1, 0.4),
        sybils: get(2, 10.0) as usize,
        misplaced: get(3, 0.2),
        runs: get(4, 20.0) as usize,
        seed: get(5, 1.0) as u64,
        camouflage: get(6, 0.0),
        lie: arguments.get(7).map_or("blatant", String::as_str).parse().unwrap(),
        sources: get(8, 0.0),
        contacts: get(9, 100.0) as usize,
        seen: get(10, 1000.0) as usize,
        bias: get(11, 0.0),
        widgets: get(12, 200.0) as usize,
    };
    let begun = std::time::Instant::now();
    let report = run(&plan, &Alone).unwrap();
    println!("{}", report.text());
    println!("{:?}", begun.elapsed());
}
