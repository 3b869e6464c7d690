//! What a running component has used, and how it is held back.

use super::{budget::Budget, limits::Limits};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// How a component is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits for events.
    Idle,
    /// It handles one.
    Busy,
    /// It used its minute of the processor up and goes on then.
    Paused {
        /// When.
        until: Instant,
    },
    /// It is over; the last outcome says why.
    Ended,
}

/// What a component used so far. Anybody may read it.
#[derive(Debug, Default)]
pub struct Usage {
    cpu_us: AtomicU64,
    minute_us: AtomicU64,
    memory: AtomicU64,
    events: AtomicU64,
    calls: AtomicU64,
    refused: AtomicU64,
    bytes_out: AtomicU64,
    bytes_in: AtomicU64,
    pauses: AtomicU32,
}

/// The figures of [`Usage`] at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Time of the processor, microseconds.
    pub cpu_us: u64,
    /// Of the minute in which it ran last.
    pub minute_us: u64,
    /// Bytes of all memories now.
    pub memory: u64,
    /// Events that were handled.
    pub events: u64,
    /// Calls that were made.
    pub calls: u64,
    /// Calls that were refused because too many or too much was asked for.
    pub refused: u64,
    /// Bytes of their parameters.
    pub bytes_out: u64,
    /// Bytes of their answers.
    pub bytes_in: u64,
    /// How often it was paused.
    pub pauses: u32,
}

impl Usage {
    /// The figures now.
    pub fn figures(&self) -> Figures {
        let of = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        Figures {
            cpu_us: of(&self.cpu_us),
            minute_us: of(&self.minute_us),
            memory: of(&self.memory),
            events: of(&self.events),
            calls: of(&self.calls),
            refused: of(&self.refused),
            bytes_out: of(&self.bytes_out),
            bytes_in: of(&self.bytes_in),
            pauses: self.pauses.load(Ordering::Relaxed),
        }
    }

    pub(super) fn memory(&self, bytes: usize) {
        self.memory.store(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn event(&self) {
        self.events.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn call(&self, out: usize) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.bytes_out.fetch_add(out as u64, Ordering::Relaxed);
    }

    pub(super) fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn answer(&self, bytes: usize) {
        self.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// Counts the time of the processor, and everything else that a minute bounds.
pub(super) struct Meter {
    pub(super) limits: Arc<Limits>,
    pub(super) usage: Arc<Usage>,
    pub(super) state: watch::Sender<State>,
    count: Mutex<Count>,
}

struct Count {
    budget: Budget,
    /// Time of this thread when the component was last put on it.
    since: Option<Duration>,
    /// Of the present event.
    event: Duration,
}

/// What the clock says about a component that runs.
pub(super) enum Verdict {
    GoOn,
    /// The minute's time is used up.
    Pause(Instant),
    /// The event's time is.
    End,
}

impl Meter {
    pub(super) fn new(limits: Arc<Limits>) -> Self {
        let budget = Budget::new(limits.minute);
        Self {
            limits,
            usage: Arc::default(),
            state: watch::Sender::new(State::Idle),
            count: Mutex::new(Count {
                budget,
                since: None,
                event: Duration::ZERO,
            }),
        }
    }

    fn count(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An event begins. Answers until when it has to wait.
    pub(super) fn event(&self) -> Option<Instant> {
        let mut count = self.count();
        count.event = Duration::ZERO;
        count.budget.cpu(Instant::now(), Duration::ZERO, self.limits.minute_cpu)
    }

    /// The component is put on this thread.
    pub(super) fn on(&self) {
        self.count().since = Some(cpu_time());
    }

    /// The component leaves this thread.
    pub(super) fn off(&self) {
        let mut count = self.count();
        self.add(&mut count);
        count.since = None;
    }

    /// It is still on.
    pub(super) fn look(&self) -> Verdict {
        let mut count = self.count();
        let used_up = self.add(&mut count);
        if count.event > self.limits.event_cpu {
            return Verdict::End;
        }
        used_up.map_or(Verdict::GoOn, Verdict::Pause)
    }

    fn add(&self, count: &mut Count) -> Option<Instant> {
        let now = cpu_time();
        let more = count.since.map_or(Duration::ZERO, |since| now.saturating_sub(since));
        count.since = Some(now);
        count.event += more;
        let micros = u64::try_from(more.as_micros()).unwrap_or(u64::MAX);
        self.usage.cpu_us.fetch_add(micros, Ordering::Relaxed);
        let used_up = count.budget.cpu(Instant::now(), more, self.limits.minute_cpu);
        let minute = u64::try_from(count.budget.used().as_micros()).unwrap_or(u64::MAX);
        self.usage.minute_us.store(minute, Ordering::Relaxed);
        used_up
    }

    /// Whether one more call of so many bytes may be made.
    pub(super) fn may_call(&self, bytes: usize) -> bool {
        let most = (self.limits.calls, self.limits.bytes_out);
        self.count().budget.call(Instant::now(), bytes, most)
    }

    /// Whether one more line may be written; `None` for the first that may not.
    pub(super) fn may_log(&self, bytes: usize) -> Option<bool> {
        self.count().budget.line(Instant::now(), bytes, self.limits.log)
    }

    pub(super) fn say(&self, state: State) {
        if let State::Paused { .. } = state {
            self.usage.pauses.fetch_add(1, Ordering::Relaxed);
        }
        self.state.send_replace(state);
    }
}

/// Time of the processor that this thread used: others that are busy at the same time cost a component nothing.
#[cfg(unix)]
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Without such a clock all time counts that it is on.
#[cfg(not(unix))]
fn cpu_time() -> Duration {
    static BEGAN: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    BEGAN.elapsed()
}
