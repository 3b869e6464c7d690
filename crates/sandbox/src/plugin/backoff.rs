//! When a plugin that ended is started anew, and when that is given up.

use super::manifest::Restart;
use std::time::Duration;

/// First wait; each further failure doubles it.
const FIRST: Duration = Duration::from_millis(250);
/// Longest wait.
const LONGEST: Duration = Duration::from_secs(60);
/// One that ran for so long was well: its failures are forgotten.
const WELL: Duration = Duration::from_secs(30);
/// So many failures in a row are a loop.
const MOST: u32 = 6;

/// What follows an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing: it is done.
    Rest,
    /// Start it anew after this.
    After(Duration),
    /// It would go on like this: the owner has to look.
    Hold,
}

/// The failures of one plugin since the owner started it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// It ended by itself after running for `ran`.
    pub(super) fn ended(&mut self, policy: Restart, good: bool, ran: Duration) -> Next {
        match (policy, good) {
            (Restart::Never, _) | (Restart::OnFailure, true) => return Next::Rest,
            (Restart::OnFailure, false) | (Restart::Always, _) => {}
        }
        if ran >= WELL {
            self.failures = 0;
        }
        self.failures += 1;
        if self.failures >= MOST {
            return Next::Hold;
        }
        Next::After(FIRST.saturating_mul(1 << (self.failures - 1)).min(LONGEST))
    }

    /// How many failures in a row there were.
    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_loop_waits_longer_each_time_and_is_held() {
        let mut backoff = Backoff::default();
        let mut waits = Vec::new();
        let last = loop {
            match backoff.ended(Restart::OnFailure, false, Duration::from_millis(10)) {
                Next::After(wait) => waits.push(wait.as_millis()),
                next => break next,
            }
        };
        assert_eq!(last, Next::Hold);
        assert_eq!(waits, [250, 500, 1000, 2000, 4000]);
    }

    #[test]
    fn one_that_ran_well_begins_anew() {
        let mut backoff = Backoff::default();
        for _ in 0..100 {
            assert_eq!(backoff.ended(Restart::Always, false, WELL), Next::After(FIRST));
        }
    }

    #[test]
    fn the_policy_decides_who_is_started_anew() {
        let ended = |policy, good| Backoff::default().ended(policy, good, Duration::ZERO);
        assert_eq!(ended(Restart::Never, false), Next::Rest);
        assert_eq!(ended(Restart::OnFailure, true), Next::Rest);
        assert_eq!(ended(Restart::OnFailure, false), Next::After(FIRST));
        assert_eq!(ended(Restart::Always, true), Next::After(FIRST));
    }
}
