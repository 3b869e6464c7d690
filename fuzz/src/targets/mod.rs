//! The targets, by what they are about.

pub mod cores;
pub mod doors;
pub mod kept;
pub mod packages;
pub mod programs;
pub mod texts;
pub mod wire;

use std::cell::Cell;

thread_local! {
    static HELD: Cell<bool> = const { Cell::new(false) };
}

/// Runs what catches panics of an engine by itself: one there is no finding here.
pub(crate) fn held<T>(run: impl FnOnce() -> T) -> T {
    HELD.set(true);
    let done = run();
    HELD.set(false);
    done
}

/// Whether a panic now would be caught by the program itself.
pub fn is_held() -> bool {
    HELD.get()
}
