//! Who does the work. The simulations start no threads; whoever calls them may.

use alloc::boxed::Box;

/// A piece of work that needs no other.
pub type Task<'a> = Box<dyn FnOnce() + Send + 'a>;

/// Does pieces of work, in any order, at once or one after the other: the result is the same.
pub trait Crew: Sync {
    /// Hands that work at once.
    fn hands(&self) -> usize;
    /// Does all of them and comes back when they are done.
    fn work(&self, tasks: Vec<Task<'_>>);
}

/// Does one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Alone;

impl Crew for Alone {
    fn hands(&self) -> usize {
        1
    }

    fn work(&self, tasks: Vec<Task<'_>>) {
        tasks.into_iter().for_each(|task| task());
    }
}

/// Does `one` for each number below `count`, and gives the results in order.
pub(crate) fn each<T: Send>(crew: &dyn Crew, count: usize, one: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let mut results: Vec<Option<T>> = (0..count).map(|_| None).collect();
    // Small pieces, so that hands that are done early take more.
    let piece = count.div_ceil(crew.hands().max(1) * 16).max(1);
    let one = &one;
    let tasks = results.chunks_mut(piece).enumerate().map(|(at, places)| {
        let task: Task<'_> = Box::new(move || {
            for (offset, place) in places.iter_mut().enumerate() {
                *place = Some(one(at * piece + offset));
            }
        });
        task
    });
    crew.work(tasks.collect());
    results.into_iter().flatten().collect()
}
