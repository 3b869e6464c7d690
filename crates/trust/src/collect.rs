//! What to fetch ahead (W20): the most popular widget that is not here yet, is allowed, and fits the budget.

/// A widget that could be fetched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate<W> {
    /// Which.
    pub widget: W,
    /// How popular it is ([`crate::Function`]).
    pub popularity: f64,
    /// Bytes of its newest release.
    pub bytes: u64,
    /// Whether somebody vouches for it whom the person trusts.
    pub whitelisted: bool,
    /// Whether it is here.
    pub installed: bool,
    /// Whether a block list that the person uses names it, or the person does.
    pub blocked: bool,
}

/// What may be spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Bytes left on the disk for widgets that were fetched ahead.
    pub disk: u64,
    /// Bytes left to fetch in this period.
    pub traffic: u64,
    /// Most bytes of one widget.
    pub largest: u64,
    /// Also those that nobody vouches for. Off unless the person says otherwise.
    pub unknown_too: bool,
}

impl Budget {
    /// Whether a candidate may be fetched ahead.
    pub fn allows<W>(&self, candidate: &Candidate<W>) -> bool {
        let wanted = !candidate.installed && !candidate.blocked && candidate.popularity > 0.0;
        let fits = candidate.bytes <= self.largest.min(self.disk).min(self.traffic);
        wanted && fits && (candidate.whitelisted || self.unknown_too)
    }

    /// The next one to fetch; of equally popular ones the first in order. None if there is nothing to fetch.
    pub fn next<'a, W: Ord>(&self, candidates: &'a [Candidate<W>]) -> Option<&'a Candidate<W>> {
        let allowed = candidates.iter().filter(|candidate| self.allows(candidate));
        allowed.max_by(|a, b| {
            let by_popularity = a.popularity.total_cmp(&b.popularity);
            by_popularity.then_with(|| b.widget.cmp(&a.widget))
        })
    }

    /// What is left after fetching so much.
    pub const fn after(self, bytes: u64) -> Self {
        Self {
            disk: self.disk.saturating_sub(bytes),
            traffic: self.traffic.saturating_sub(bytes),
            ..self
        }
    }
}
