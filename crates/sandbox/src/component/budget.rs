//! What is left of a component's minute. Without a clock: time is passed in.

use std::time::{Duration, Instant};

/// Amounts that are used up within a minute and are back after it.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    minute: Duration,
    began: Option<Instant>,
    cpu: Duration,
    calls: u32,
    bytes: usize,
    log: usize,
}

impl Budget {
    pub(super) const fn new(minute: Duration) -> Self {
        Self {
            minute,
            began: None,
            cpu: Duration::ZERO,
            calls: 0,
            bytes: 0,
            log: 0,
        }
    }

    /// Begins a minute when the last one is over; answers when this one is.
    fn turn(&mut self, now: Instant) -> Instant {
        match self.began {
            Some(began) if now < began + self.minute => began + self.minute,
            _ => {
                let minute = self.minute;
                *self = Self::new(minute);
                self.began = Some(now);
                now + minute
            }
        }
    }

    /// Adds time of the processor. Answers when the minute is over, if it is used up.
    pub(super) fn cpu(&mut self, now: Instant, more: Duration, most: Duration) -> Option<Instant> {
        let end = self.turn(now);
        self.cpu += more;
        (self.cpu >= most).then_some(end)
    }

    /// Time of the processor of this minute.
    pub(super) const fn used(&self) -> Duration {
        self.cpu
    }

    /// Whether one more call of so many bytes is within the budget; if so, it is counted.
    pub(super) fn call(&mut self, now: Instant, bytes: usize, (calls, most): (u32, usize)) -> bool {
        self.turn(now);
        let good = self.calls < calls && self.bytes.saturating_add(bytes) <= most;
        if good {
            self.calls += 1;
            self.bytes += bytes;
        }
        good
    }

    /// Whether one more line of so many bytes may be written; if so, it is counted. The first that may not answers
    /// `None`, so that this can be said once.
    pub(super) fn line(&mut self, now: Instant, bytes: usize, most: usize) -> Option<bool> {
        self.turn(now);
        if self.log > most {
            return Some(false);
        }
        self.log += bytes.max(1);
        (self.log <= most).then_some(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn what_is_used_up_is_back_after_the_minute_and_not_before() {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let mut budget = Budget::new(MINUTE);
        assert_eq!(budget.cpu(now, second, 2 * second), None);
        assert_eq!(budget.cpu(now + second, second, 2 * second), Some(now + MINUTE));
        assert_eq!(
            budget.cpu(now + 59 * second, Duration::ZERO, 2 * second),
            Some(now + MINUTE)
        );
        assert_eq!(budget.cpu(now + MINUTE, Duration::ZERO, 2 * second), None);
    }

    #[test]
    fn calls_are_counted_by_number_and_by_bytes() {
        let now = Instant::now();
        let mut budget = Budget::new(MINUTE);
        let mut call = |bytes| budget.call(now, bytes, (3, 10));
        assert_eq!(
            [call(5), call(6), call(5), call(0), call(0)],
            [true, false, true, true, false]
        );
        assert!(budget.call(now + MINUTE, 10, (3, 10)));
    }

    #[test]
    fn the_first_line_too_many_is_told_apart() {
        let now = Instant::now();
        let mut budget = Budget::new(MINUTE);
        let mut line = |bytes| budget.line(now, bytes, 10);
        assert_eq!(
            [line(4), line(6), line(1), line(1)],
            [Some(true), Some(true), None, Some(false)]
        );
    }
}
