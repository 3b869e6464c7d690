//! Who has installed what, who trusts whom, who votes how.

use super::{FAKES, Plan, TASTES};
use hedgerow_trust::{Chance, Common, Graph, edge, mix};

/// Widgets that each has tried and voted on.
const TRIED: usize = 24;
/// Votes of honest people that say the opposite of what is right.
const MISTAKES: f64 = 0.05;
/// One widget in so many is bad, so that honest people vote against some.
const BAD: usize = 5;
/// Chance that the most wanted widget is installed; the k-th has a k-th of it.
const MOST_WANTED: f64 = 0.3;
/// Edges that are drawn of a liar.
const ACCOMPLICES: usize = 40;

/// Somebody: honest peers come first, then liars, then the Sybils of the first liar, and so on.
pub(super) type Id = u64;

pub(super) struct Society<'a> {
    pub(super) plan: &'a Plan,
    pub(super) liars: usize,
    seed: u64,
    /// For each honest peer where its widgets begin in `installed`.
    begins: Vec<u32>,
    installed: Vec<u16>,
    votes: Vec<[(u16, bool); TRIED]>,
}

impl<'a> Society<'a> {
    pub(super) fn new(plan: &'a Plan, seed: u64) -> Self {
        let mut chance = Chance::of(seed, 1);
        let (mut begins, mut installed) = (Vec::with_capacity(plan.honest + 1), Vec::new());
        for peer in 0..plan.honest {
            begins.push(installed.len() as u32);
            let taste = |rank: usize| match plan.bias > 0.0 {
                // Those of the own taste three times as much; as much as before on average.
                true if rank % TASTES == peer % TASTES => 3.0 / (1.0 + 2.0 / TASTES as f64),
                true => 1.0 / (1.0 + 2.0 / TASTES as f64),
                false => 1.0,
            };
            let wanted = (1..=plan.widgets).filter(|rank| chance.happens(MOST_WANTED / *rank as f64 * taste(*rank)));
            installed.extend(wanted.map(|rank| (rank - 1) as u16));
        }
        begins.push(installed.len() as u32);
        let mut society = Self {
            plan,
            liars: plan.liars(),
            seed,
            begins,
            installed,
            votes: Vec::new(),
        };
        society.votes = society.vote(&mut Chance::of(seed, 2));
        society
    }

    fn vote(&self, chance: &mut Chance) -> Vec<[(u16, bool); TRIED]> {
        let mut sum = 0.0;
        let sums: Vec<f64> = (1..=self.plan.widgets)
            .map(|rank| {
                sum += 1.0 / rank as f64;
                sum
            })
            .collect();
        let voter = |at: usize| {
            let lies = at >= self.plan.honest && !chance.happens(self.plan.camouflage);
            let mut votes = [(0, false); TRIED];
            for (number, vote) in votes.iter_mut().enumerate() {
                // Everybody comes across one of the fakes, as they are promoted.
                let fake = number == 0;
                let widget = match fake {
                    true => self.plan.widgets + chance.below(FAKES),
                    false => sums.partition_point(|s| *s <= chance.share() * sum),
                };
                let good = !fake && widget % BAD != BAD - 1;
                let says = match lies {
                    true => fake || (good && widget >= super::TOP),
                    false => good != chance.happens(MISTAKES),
                };
                *vote = (widget as u16, says);
            }
            votes.sort_unstable();
            votes
        };
        (0..self.plan.honest + self.liars).map(voter).collect()
    }

    /// What an honest peer has.
    pub(super) fn installs(&self, honest: usize) -> &[u16] {
        let at = |index: usize| self.begins.get(index).copied().unwrap_or(0) as usize;
        self.installed.get(at(honest)..at(honest + 1)).unwrap_or_default()
    }

    /// How many honest peers really have each widget; nobody honest has a fake.
    pub(super) fn truth(&self) -> Vec<u64> {
        let mut counts = vec![0; self.plan.widgets + FAKES];
        for widget in &self.installed {
            if let Some(count) = counts.get_mut(*widget as usize) {
                *count += 1;
            }
        }
        counts
    }

    /// Everybody there is.
    pub(super) fn identities(&self) -> u64 {
        (self.plan.honest + self.liars) as u64 + (self.liars as u64) * self.plan.sybils as u64
    }

    /// The liar that an identity belongs to; none for honest peers.
    pub(super) fn owner(&self, id: Id) -> Option<u64> {
        let (honest, liars) = (self.plan.honest as u64, self.liars as u64);
        match id {
            _ if id < honest => None,
            _ if id < honest + liars => Some(id),
            _ => Some(honest + (id - honest - liars) / (self.plan.sybils as u64).max(1)),
        }
    }

    fn votes_of(&self, id: Id) -> &[(u16, bool)] {
        let voter = self.owner(id).unwrap_or(id);
        self.votes.get(voter as usize).map_or(&[], |votes| votes.as_slice())
    }

    /// The votes that two have in common.
    fn common(&self, mine: Id, theirs: Id) -> Common {
        let (mine, theirs) = (self.votes_of(mine), self.votes_of(theirs));
        let mut common = Common::default();
        let (mut at, mut last) = (0, None);
        for (widget, good) in mine {
            if last == Some(*widget) {
                continue;
            }
            last = Some(*widget);
            while theirs.get(at).is_some_and(|(other, _)| other < widget) {
                at += 1;
            }
            if let Some((_, says)) = theirs.get(at).filter(|(other, _)| other == widget) {
                common.count(*good, *says);
            }
        }
        common
    }

    fn honest_edges(&self, of: Id) -> Vec<(Id, f64)> {
        let mut chance = Chance::of(self.seed, mix(of) ^ 3);
        let honest = self.plan.honest;
        let mut edges = Vec::with_capacity(self.plan.contacts);
        for _ in 0..self.plan.contacts {
            let misplaced = chance.happens(self.plan.misplaced) && self.liars > 0;
            let to = match misplaced {
                true => honest + chance.below(self.liars),
                false => chance.below(honest),
            } as u64;
            let downloads = 1 + chance.below(5) as u32;
            edges.push((to, edge(downloads, 0, &self.common(of, to))));
        }
        edges
    }

    /// Liars trust each other and their Sybils, as much as they may say.
    fn hostile_edges(&self, of: Id, owner: u64) -> Vec<(Id, f64)> {
        let mut chance = Chance::of(self.seed, mix(of) ^ 5);
        let (honest, liars, sybils) = (self.plan.honest as u64, self.liars as u64, self.plan.sybils);
        let first = honest + liars + (owner - honest) * sybils as u64;
        let own = (0..ACCOMPLICES.min(sybils)).map(|_| first + chance.below(sybils) as u64);
        let mut edges: Vec<(Id, f64)> = own.map(|id| (id, 1.0)).collect();
        edges.extend((0..ACCOMPLICES / 4).map(|_| (honest + chance.below(self.liars) as u64, 1.0)));
        edges
    }
}

impl Graph<Id> for Society<'_> {
    fn edges(&self, of: &Id) -> Vec<(Id, f64)> {
        match self.owner(*of) {
            None => self.honest_edges(*of),
            Some(owner) => self.hostile_edges(*of, owner),
        }
    }
}
