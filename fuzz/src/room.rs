//! What is announced is not believed: a single allocation over the bound of the target that runs is a finding.
#![allow(unsafe_code, reason = "an allocator has no safe form; this one hands everything on")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

thread_local! {
    /// The bound, and the most that was asked for over it.
    static MOST: Cell<usize> = const { Cell::new(usize::MAX) };
    static OVER: Cell<usize> = const { Cell::new(0) };
}

/// The system's allocator, with an eye on sizes. For programs that run targets: `#[global_allocator]`.
#[derive(Debug)]
pub struct Watched;

/// Notes what is over the bound. An allocator must not panic, so it is told when the target is through.
fn look(size: usize) {
    // Nothing is known while a thread ends.
    if size > MOST.try_with(Cell::get).unwrap_or(usize::MAX) {
        let _ = OVER.try_with(|over| over.set(over.get().max(size)));
    }
}

// SAFETY: everything is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        look(layout.size());
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        look(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        look(size);
        unsafe { System.realloc(old, layout, size) }
    }
    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        unsafe { System.dealloc(old, layout) }
    }
}

/// Runs with a bound for single allocations of this thread.
///
/// # Panics
/// When more was asked for at once.
pub fn within<T>(most: usize, run: impl FnOnce() -> T) -> T {
    struct Reset;
    impl Drop for Reset {
        fn drop(&mut self) {
            MOST.set(usize::MAX);
        }
    }
    OVER.set(0);
    let done = {
        let _reset = Reset;
        MOST.set(most);
        run()
    };
    let over = OVER.get();
    assert!(
        over == 0,
        "{over} bytes were asked for at once, where {most} are enough"
    );
    done
}
