//! How far two people judge alike: vote correlation, as in Credence (Walsh and Sirer 2006).

use libm::sqrt;

/// Widgets on which two people voted, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Common {
    /// Both say good.
    pub both_good: u32,
    /// Both say bad.
    pub both_bad: u32,
    /// The one who asks says good, the other bad.
    pub only_mine: u32,
    /// The other says good, the one who asks bad.
    pub only_theirs: u32,
}

/// Fewer common votes say nothing.
const ENOUGH: u32 = 3;
/// What is believed of somebody with whom there are too few common votes.
const UNKNOWN: f64 = 0.25;
/// Votes that all say the same are believed as far as so many more that disagree half the time would allow.
const PRIOR: f64 = 2.0;

impl Common {
    /// Counts one widget on which both voted.
    pub const fn count(&mut self, mine_good: bool, theirs_good: bool) {
        let place = match (mine_good, theirs_good) {
            (true, true) => &mut self.both_good,
            (false, false) => &mut self.both_bad,
            (true, false) => &mut self.only_mine,
            (false, true) => &mut self.only_theirs,
        };
        *place = place.saturating_add(1);
    }

    /// From -1 (the other always says the opposite) to 1 (always the same); none if there are too few common votes.
    /// The mean of the coefficient of correlation and the excess of agreement; the excess alone where one of them never
    /// said good or never said bad.
    pub fn correlation(&self) -> Option<f64> {
        let [both_good, both_bad, mine, theirs] =
            [self.both_good, self.both_bad, self.only_mine, self.only_theirs].map(f64::from);
        let all = both_good + both_bad + mine + theirs;
        if all < f64::from(ENOUGH) {
            return None;
        }
        let (my_good, their_good) = (both_good + mine, both_good + theirs);
        let spread = my_good * (all - my_good) * their_good * (all - their_good);
        let excess = (both_good + both_bad - mine - theirs) / (all + PRIOR);
        if spread <= 0.0 {
            return Some(excess);
        }
        // When nearly all votes are good the coefficient jumps about, so the excess has half of the say.
        let coefficient = (both_good * both_bad - mine * theirs) / sqrt(spread);
        Some(f64::midpoint(coefficient, excess))
    }

    /// What an edge of trust is multiplied with: the correlation, never negative; a little for a stranger.
    pub fn factor(&self) -> f64 {
        self.correlation().map_or(UNKNOWN, |value| value.max(0.0))
    }
}

/// The weight of an edge of trust: what came from the other and proved good, times how far the two judge alike.
/// Whoever gave more bad than good has none.
pub fn edge(good: u32, bad: u32, common: &Common) -> f64 {
    let proven = f64::from(good) - 4.0 * f64::from(bad);
    proven.max(0.0) * common.factor()
}
