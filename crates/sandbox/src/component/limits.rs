//! What a component may cost.

use std::time::Duration;

/// Elements of a table: an interpreter such as CPython has some 20,000 functions.
pub(super) const TABLE: usize = 1 << 17;
/// Tables, for all of a component's modules.
pub(super) const TABLES: usize = 64;
/// Memories: a component of several modules has one for each at most.
pub(super) const MEMORIES: usize = 16;
/// Modules that are put to work within one component; components for Python are linked of some 20.
pub(super) const INSTANCES: usize = 128;
/// Stack for WebAssembly: enough for the interpreters that JavaScript and Python bring along.
pub(super) const STACK: usize = 1 << 20;
/// Stack of a call in all; what is beyond [`STACK`] is for the host's own functions.
pub(super) const WHOLE_STACK: usize = 2 << 20;
/// How often it is looked whether somebody runs for too long.
pub(super) const TICK: Duration = Duration::from_millis(10);
/// Bytes of one line of the log.
pub(super) const LOG_LINE: usize = 1 << 10;
/// Bytes of one `random`.
pub(super) const RANDOM: u32 = 4096;
/// Shortest time that `wake-in` may ask for: who wants to be woken more often wears batteries out.
pub(super) const SHORTEST_WAKE: Duration = Duration::from_secs(1);
/// Keys that a component keeps.
pub(super) const KEPT_KEYS: usize = 64;
/// Bytes of all keys and values that a component keeps.
pub(super) const KEPT_BYTES: usize = 1 << 20;

/// What can be set. [`Limits::default`] is what people get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a component: a JavaScript engine is 12 MB, Python 18.
    pub component: usize,
    /// Bytes of all its memories together: 50 of them beside the node fit a small machine.
    pub memory: usize,
    /// Time of the processor for one event.
    pub event_cpu: Duration,
    /// Time of the processor for each [`Limits::minute`]: a tenth of one core.
    pub minute_cpu: Duration,
    /// What budgets are counted over. Shorter in tests.
    pub minute: Duration,
    /// Longest wait for the answer of one call.
    pub call: Duration,
    /// Calls for each minute. Ten million copies of a widget that all misbehave are still no weapon.
    pub calls: u32,
    /// Bytes of parameters for each minute.
    pub bytes_out: usize,
    /// Bytes of one event, one call, one answer.
    pub value: usize,
    /// Bytes of lines of the log for each minute.
    pub log: usize,
    /// Seconds of the processor that translating one may take: 10 on a fast machine for the largest ones.
    pub compile_cpu: u64,
    /// Wait for that.
    pub compile_wait: Duration,
    /// After this long nobody else waits for one that is still translated.
    pub compile_soon: Duration,
    /// Bytes of address space for that.
    pub compile_memory: u64,
    /// Bytes of the translated code of one component.
    pub code: u64,
    /// Bytes of the translated code of all components on disk.
    pub cache: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            component: 32 << 20,
            memory: 64 << 20,
            event_cpu: Duration::from_secs(2),
            minute_cpu: Duration::from_secs(6),
            minute: Duration::from_secs(60),
            call: Duration::from_secs(120),
            calls: 600,
            bytes_out: 4 << 20,
            value: 1 << 20,
            log: 64 << 10,
            compile_cpu: 300,
            compile_wait: Duration::from_secs(600),
            compile_soon: Duration::from_secs(30),
            compile_memory: 4 << 30,
            code: 512 << 20,
            cache: 1 << 30,
        }
    }
}
