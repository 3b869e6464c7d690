//! Speed and figures of a release build: `cargo run --release -p hedgerow-sim --example gossip -- whitelist PEERS BLACKHOLES SEED`,
//! `… -- epidemic TABLE RUNS SEED`, `… -- speed PEERS ROUNDS THREADS`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::disallowed_types
)]
use hedgerow_sim::{
    crew::{Crew, Task},
    eclipse, epidemic, speed, trust, whitelist,
};
use std::{sync::Mutex, thread, time::Instant};

struct Threads(usize);

impl Crew for Threads {
    fn hands(&self) -> usize {
        self.0
    }
    fn work(&self, tasks: Vec<Task<'_>>) {
        let waiting = Mutex::new(tasks.into_iter());
        thread::scope(|scope| {
            for _ in 0..self.0 {
                scope.spawn(|| {
                    loop {
                        let next = waiting.lock().unwrap().next();
                        match next {
                            Some(task) => task(),
                            None => break,
                        }
                    }
                });
            }
        });
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let get = |at: usize, or: f64| arguments.get(at).map_or(or, |text| text.parse().unwrap());
    let begun = Instant::now();
    match arguments[0].as_str() {
        "whitelist" => {
            let plan = whitelist::Plan {
                peers: get(1, 1e6) as usize,
                blackholes: get(2, 0.0),
                seed: get(3, 1.0) as u64,
                ..whitelist::Plan::default()
            };
            println!("{}", whitelist::run(&plan, &Threads(2)).unwrap().text());
        }
        "eclipse" => {
            let plan = eclipse::Plan {
                hostile: get(1, 0.4),
                networks: get(2, 20.0) as usize,
                rounds: get(3, 120.0) as usize,
                seed: get(4, 1.0) as u64,
                ..eclipse::Plan::default()
            };
            println!("{}", eclipse::run(&plan).unwrap().text());
        }
        "trust" => {
            let plan = trust::Plan {
                bad: get(1, 0.5),
                seed: get(2, 1.0) as u64,
                ..trust::Plan::default()
            };
            println!("{}", trust::run(&plan, &Threads(2)).unwrap().text());
        }
        "epidemic" => {
            let table: epidemic::Table = arguments[1].parse().unwrap();
            let runs = get(2, table.runs() as f64) as usize;
            let report = epidemic::run(table, 1000, runs, get(3, 1.0) as u64, &Threads(2)).unwrap();
            println!("{}", report.text());
        }
        _ => {
            let crew = Threads(get(3, 2.0) as usize);
            let seconds = || begun.elapsed().as_secs_f64();
            let report = speed::run(get(1, 1e6) as usize, get(2, 20.0) as u32, 1, &crew, &seconds, &|| None);
            println!("{}", report.unwrap().text());
        }
    }
    println!("{:?}", begun.elapsed());
}
