//! When a connection is given up: it is not used, both sides can be called, and both agree.

/// A connection without use for so long may go. Reading a text or a pause in a game takes longer than a conversation's
/// pauses, but shorter ones would make connections come and go within one visit; an unused minute costs 2 kB.
pub const QUIET_MS: u64 = 60_000;
/// The one who was called waits so much longer, so that not both ask.
const TURN_MS: u64 = 10_000;
/// After a no, or no answer, how long until the next question.
const PAUSES_MS: [u64; 4] = [60_000, 300_000, 1_800_000, 3_600_000];

/// What is known of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// How long nothing has been said on it but what connections say by themselves.
    pub unused_ms: u64,
    /// Something uses it though it may be silent: an open stream or request, a space that is open in a tab.
    pub held: bool,
    /// The other side can call this node when the connection is gone.
    pub callable: bool,
    /// This side began it.
    pub dialled: bool,
}

/// When to ask the other side.
#[derive(Clone, Debug)]
pub struct Idle {
    quiet_ms: u64,
    refusals: usize,
    not_before_ms: u64,
}

impl Idle {
    /// `quiet_ms` is usually [`QUIET_MS`].
    pub fn new(quiet_ms: u64) -> Self {
        Self {
            quiet_ms,
            refusals: 0,
            not_before_ms: 0,
        }
    }

    /// Whether to ask now.
    pub fn asks(&self, now_ms: u64, facts: &Facts) -> bool {
        let turn = if facts.dialled { 0 } else { TURN_MS.min(self.quiet_ms) };
        !facts.held
            && facts.callable
            && facts.unused_ms >= self.quiet_ms.saturating_add(turn)
            && now_ms >= self.not_before_ms
    }

    /// Whether to agree. The asker's clock may be ahead, so half the time is enough.
    pub fn agrees(&self, facts: &Facts) -> bool {
        !facts.held && facts.callable && facts.unused_ms >= self.quiet_ms / 2
    }

    /// The other side wants the connection to stay, or does not know the question.
    pub fn refused(&mut self, now_ms: u64) {
        let pause = PAUSES_MS.get(self.refusals).or(PAUSES_MS.last()).copied().unwrap_or(0);
        // For tests and the impatient, in proportion.
        let pause = pause.min(pause.saturating_mul(self.quiet_ms) / QUIET_MS);
        self.refusals = self.refusals.saturating_add(1);
        self.not_before_ms = now_ms.saturating_add(pause);
    }
}
