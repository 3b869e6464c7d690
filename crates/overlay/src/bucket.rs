//! Token buckets: so much at once, and so much in the long run.

/// A rate in messages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// In the long run, for each second.
    pub per_s: f64,
    /// At once.
    pub burst: f64,
}

impl Rate {
    pub(crate) fn quarter(self) -> Self {
        Self {
            per_s: self.per_s / 4.0,
            ..self
        }
    }
}

/// What is left of a [`Rate`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    tokens: f64,
    at_ms: u64,
}

impl Bucket {
    pub(crate) fn full(rate: &Rate, now_ms: u64) -> Self {
        Self {
            tokens: rate.burst,
            at_ms: now_ms,
        }
    }

    pub(crate) fn empty(now_ms: u64) -> Self {
        Self {
            tokens: 0.0,
            at_ms: now_ms,
        }
    }

    fn fill(&mut self, rate: &Rate, now_ms: u64) {
        let passed = now_ms.saturating_sub(self.at_ms) as f64 / 1000.0;
        self.tokens = (self.tokens + passed * rate.per_s).min(rate.burst);
        self.at_ms = self.at_ms.max(now_ms);
    }

    /// Takes one, if there is one.
    pub(crate) fn take(&mut self, rate: &Rate, now_ms: u64) -> bool {
        self.take_up_to(1, rate, now_ms) == 1
    }

    /// Takes as many of `wanted` as there are.
    pub(crate) fn take_up_to(&mut self, wanted: u64, rate: &Rate, now_ms: u64) -> u64 {
        self.fill(rate, now_ms);
        // The cast of a positive float stops at the largest number.
        let taken = wanted.min(self.tokens.max(0.0) as u64);
        self.tokens -= taken as f64;
        taken
    }

    /// Takes one, if there is one. One that is too many is owed: whoever goes on too fast gets nothing until it
    /// pauses, at most for as long as a full bucket takes.
    pub(crate) fn take_or_owe(&mut self, rate: &Rate, now_ms: u64) -> bool {
        let taken = self.take(rate, now_ms);
        if !taken {
            self.tokens = (self.tokens - 1.0).max(-rate.burst);
        }
        taken
    }

    /// What came in the meantime is lost.
    pub(crate) fn hold(&mut self, now_ms: u64) {
        self.at_ms = self.at_ms.max(now_ms);
    }

    /// How long until there are `wanted`, at least a millisecond.
    pub(crate) fn wait_ms(&self, wanted: f64, rate: &Rate) -> u64 {
        let missing = (wanted.min(rate.burst) - self.tokens).max(0.0);
        ((missing / rate.per_s.max(1e-6) * 1000.0) as u64).clamp(1, 3_600_000)
    }
}
