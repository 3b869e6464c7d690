//! `cargo run --release -p hedgerow-sim --example broadcast -- PEERS HOSTILE MESSAGES SEED [BYTES] [CHURN] [NETWORKS] [CONSPIRACY]`
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::disallowed_types
)]
use hedgerow_sim::broadcast::{Plan, run};
fn main() {
    let arguments: Vec<f64> = std::env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    let get = |at: usize, or: f64| arguments.get(at).copied().unwrap_or(or);
    let plan = Plan {
        peers: get(0, 1000.0) as usize,
        hostile: get(1, 0.0),
        messages: get(2, 20.0) as usize,
        seed: get(3, 1.0) as u64,
        bytes: get(4, 1024.0) as usize,
        churn: get(5, 0.0),
        hostile_networks: get(6, 0.0) as usize,
        conspiracy: get(7, 0.0) > 0.0,
        ..Plan::default()
    };
    let begun = std::time::Instant::now();
    let report = run(plan).unwrap();
    println!("{}", report.text());
    println!("{:?}", begun.elapsed());
}
