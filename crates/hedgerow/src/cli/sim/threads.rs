//! Threads for the simulations, which start none themselves.

use clap::Args;
use hedgerow_sim::crew::{Crew, Task};
use std::{sync::Mutex, thread};

/// How many threads may work.
#[derive(Debug, Args)]
pub(crate) struct Threads {
    /// Threads that work at once; the result is the same with any number. As many as there are cores, unless said.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    threads: Option<u8>,
}

impl Crew for Threads {
    fn hands(&self) -> usize {
        let cores = || thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or_else(cores, usize::from)
    }

    fn work(&self, tasks: Vec<Task<'_>>) {
        let hands = self.hands().min(tasks.len());
        if hands <= 1 {
            return tasks.into_iter().for_each(|task| task());
        }
        let waiting = Mutex::new(tasks.into_iter());
        let next = || match waiting.lock() {
            Ok(mut waiting) => waiting.next(),
            // Another thread panicked, and so does the scope.
            Err(_) => None,
        };
        thread::scope(|scope| {
            for _ in 0..hands {
                scope.spawn(|| {
                    while let Some(task) = next() {
                        task();
                    }
                });
            }
        });
    }
}
