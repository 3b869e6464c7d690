//! The engine that all components of a node share, and the thread that counts time for it.

use super::limits::{STACK, TICK, WHOLE_STACK};
use std::{
    hash::{Hash as _, Hasher},
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use wasmtime::{Config, Engine, OptLevel};

/// Ticks without anybody running after which the thread rests.
const IDLE_TICKS: u32 = 20;

/// The engine's settings: the same where components are translated and where they run.
pub(super) fn config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .max_wasm_stack(STACK)
        .async_stack_size(WHOLE_STACK)
        .cranelift_opt_level(OptLevel::Speed)
        // Nothing of these is needed, so it is nothing that could be attacked.
        .wasm_memory64(false)
        .wasm_relaxed_simd(false)
        .concurrency_support(false)
        // Names of functions are told to the author of a widget; nobody needs addresses.
        .generate_address_map(false);
    config
}

/// An engine with a thread that ticks while somebody runs.
pub(super) struct Machine {
    engine: Engine,
    ticks: Arc<Ticks>,
}

#[derive(Default)]
struct Ticks {
    running: AtomicUsize,
    /// Whether the thread rests, and whether it is to end.
    state: Mutex<(bool, bool)>,
    wake: Condvar,
}

/// Somebody runs for as long as this lives.
pub(super) struct Awake(Arc<Ticks>);

impl Machine {
    /// # Errors
    /// When this machine cannot run components at all.
    pub(super) fn new() -> Result<Self, String> {
        let engine = Engine::new(&config()).map_err(|e| e.to_string())?;
        let ticks = Arc::new(Ticks::default());
        let (told, shared) = (engine.clone(), Arc::clone(&ticks));
        let thread = thread::Builder::new().name("components".into());
        thread.spawn(move || shared.count(&told)).map_err(|e| e.to_string())?;
        Ok(Self { engine, ticks })
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Says that somebody runs now.
    pub(super) fn awake(&self) -> Awake {
        self.ticks.running.fetch_add(1, Ordering::SeqCst);
        let mut state = self.ticks.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0 {
            state.0 = false;
            self.ticks.wake.notify_one();
        }
        Awake(Arc::clone(&self.ticks))
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.ticks.state.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
        self.ticks.wake.notify_one();
    }
}

impl Ticks {
    fn count(&self, engine: &Engine) {
        let mut idle = 0;
        loop {
            thread::sleep(TICK);
            engine.increment_epoch();
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            idle = match self.running.load(Ordering::SeqCst) {
                0 => idle + 1,
                _ => 0,
            };
            if idle > IDLE_TICKS && !state.1 {
                *state = (true, false);
                while state.0 && !state.1 {
                    state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                idle = 0;
            }
            if state.1 {
                return;
            }
        }
    }
}

/// Puts the thread that calls this behind all others: for threads on which components run.
pub fn step_back() {
    // Without the right to it, or without such a thing, they run like others.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(10);
}

/// What code depends on beside the component: version and settings of the engine, and the processor.
pub(super) fn kind(engine: &Engine) -> [u8; 32] {
    #[derive(Default)]
    struct Fed(Vec<u8>);
    impl Hasher for Fed {
        fn finish(&self) -> u64 {
            0
        }
        fn write(&mut self, bytes: &[u8]) {
            self.0.extend_from_slice(bytes);
        }
    }
    let mut fed = Fed::default();
    engine.precompile_compatibility_hash().hash(&mut fed);
    hedgerow_base::hash::hash("hedgerow 2026 component engine v1", &[&fed.0])
}
