//! Peers that offer and download.

use super::{Plan, Ranking, Threat, eigentrust};
use hedgerow_trust::{Chance, Common, Graph, History, MeritRank, mix};

/// Cycles; trust is counted anew after each.
pub(super) const CYCLES: usize = 30;
/// Downloads of each good peer in a cycle.
const DOWNLOADS: usize = 50;
/// Peers that offer what somebody wants.
const OFFERS: usize = 8;
/// A peer of which nothing is known is tried now and then, or nobody new would ever be found.
const CURIOUS: f64 = 0.1;
/// Good peers that all trust from the beginning; EigenTrust only.
const PRETRUSTED: usize = 3;
/// Downloads by good peers that went bad though the source is good: mistakes.
const MISTAKES: f64 = 0.02;

/// Walks of each peer in a cycle.
const WALKS: MeritRank = MeritRank {
    walks: 500,
    ..MeritRank::SEARCH
};

/// What a peer knows of another: everything, as EigenTrust counts it, and lately.
#[derive(Clone, Copy, Debug, Default)]
struct Ledger {
    good: u32,
    bad: u32,
    late: History,
}

/// Good peers come first, then hostile ones, of whom the last are spies.
pub(super) struct Market {
    plan: Plan,
    threat: Threat,
    good: usize,
    spies_from: usize,
    peers: usize,
    ledgers: Vec<Vec<Ledger>>,
    /// What each says of the others in this cycle.
    said: Vec<Vec<f64>>,
    cycle: usize,
    chance: Chance,
}

/// Downloads of good peers.
#[derive(Clone, Debug, Default)]
pub(super) struct Count {
    pub(super) all: u64,
    pub(super) bad: u64,
    /// In the last third.
    pub(super) late_all: u64,
    pub(super) late_bad: u64,
    /// Bad ones in each cycle.
    pub(super) by_cycle: Vec<u64>,
}

impl Market {
    pub(super) fn new(plan: Plan, threat: Threat, seed: u64) -> Self {
        let (hostile, spies) = plan.hostile(threat);
        let peers = plan.good + hostile;
        Self {
            plan,
            threat,
            good: plan.good,
            spies_from: peers - spies,
            peers,
            ledgers: vec![vec![Ledger::default(); peers]; peers],
            said: Vec::new(),
            cycle: 0,
            chance: Chance::new(mix(seed)),
        }
    }

    pub(super) fn run(mut self, ranking: Ranking) -> Count {
        let mut count = Count::default();
        for cycle in 0..CYCLES {
            self.cycle = cycle;
            let trust = self.trust(ranking);
            let mut bad = 0;
            for peer in 0..self.good {
                let scores = trust.get(if ranking == Ranking::Ours { peer } else { 0 });
                for _ in 0..DOWNLOADS {
                    bad += u64::from(self.download(peer, scores.map(Vec::as_slice)));
                }
            }
            let all = (self.good * DOWNLOADS) as u64;
            count.by_cycle.push(bad);
            (count.all, count.bad) = (count.all + all, count.bad + bad);
            if cycle >= CYCLES - CYCLES / 3 {
                (count.late_all, count.late_bad) = (count.late_all + all, count.late_bad + bad);
            }
            self.turn_over();
        }
        count
    }

    /// What hostile peers do between cycles.
    fn turn_over(&mut self) {
        if self.threat != Threat::Whitewash {
            return;
        }
        for row in &mut self.ledgers {
            row.iter_mut()
                .skip(self.good)
                .for_each(|ledger| *ledger = Ledger::default());
        }
    }

    fn gives_bad(&mut self, source: usize) -> bool {
        if source < self.good || source >= self.spies_from {
            return source < self.good && self.chance.happens(MISTAKES);
        }
        match self.threat {
            Threat::C => self.chance.happens(self.plan.bad),
            Threat::Sleeper => self.cycle >= CYCLES / 2,
            _ => true,
        }
    }

    /// One download; says whether it was bad. Without scores any of those who offer is taken.
    fn download(&mut self, peer: usize, scores: Option<&[f64]>) -> bool {
        let mut offers = [0usize; OFFERS];
        for offer in &mut offers {
            *offer = self.other(peer);
        }
        let source = match scores {
            None => self.chance.pick(&offers).copied().unwrap_or(0),
            Some(scores) => self.choose(peer, &offers, scores),
        };
        let bad = self.gives_bad(source);
        if let Some(ledger) = self.ledgers.get_mut(peer).and_then(|row| row.get_mut(source)) {
            if bad {
                ledger.bad += 1
            } else {
                ledger.good += 1
            }
            ledger.late.add(!bad);
        }
        bad
    }

    fn choose(&mut self, peer: usize, offers: &[usize; OFFERS], scores: &[f64]) -> usize {
        let score = |at: &usize| scores.get(*at).copied().unwrap_or(0.0);
        let sum: f64 = offers.iter().map(score).sum();
        if sum <= 0.0 || self.chance.happens(CURIOUS) {
            return self.stranger(peer, offers);
        }
        let mut drawn = self.chance.share() * sum;
        let chosen = offers.iter().find(|at| {
            drawn -= score(at);
            drawn < 0.0
        });
        chosen.copied().unwrap_or(0)
    }

    /// Any of them, but none of which bad is known, if there is another.
    fn stranger(&mut self, peer: usize, offers: &[usize; OFFERS]) -> usize {
        let row = self.ledger(peer);
        let proven_bad = |at: &&usize| {
            let ledger = row.get(**at).copied().unwrap_or_default();
            ledger.late.is_bad()
        };
        let open: Vec<usize> = offers.iter().filter(|at| !proven_bad(at)).copied().collect();
        let from = if open.is_empty() { &offers[..] } else { &open };
        self.chance.pick(from).copied().unwrap_or(0)
    }

    fn other(&mut self, peer: usize) -> usize {
        let drawn = self.chance.below(self.peers - 1);
        drawn + usize::from(drawn >= peer)
    }

    fn trust(&mut self, ranking: Ranking) -> Vec<Vec<f64>> {
        self.said = (0..self.peers).map(|of| self.says(of, ranking)).collect();
        match ranking {
            Ranking::None => Vec::new(),
            Ranking::EigenTrust => vec![eigentrust::scores(&self.said, PRETRUSTED.min(self.good))],
            Ranking::Ours => (0..self.good).map(|ego| self.walks(ego)).collect(),
        }
    }

    /// What a peer says that others are worth to it: the truth, or what suits it.
    fn says(&self, of: usize, ranking: Ranking) -> Vec<f64> {
        let row = self.ledger(of);
        if of < self.good {
            let worth = |ledger: &Ledger| match ranking {
                Ranking::Ours if ledger.late.is_bad() => 0.0,
                Ranking::Ours => f64::from(ledger.late.good()),
                _ => (f64::from(ledger.good) - f64::from(ledger.bad)).max(0.0),
            };
            return row.iter().map(worth).collect();
        }
        let to_the_bad = |to: usize| f64::from(u8::from(to >= self.good && to < self.spies_from && to != of)) * 100.0;
        match self.threat {
            // Inverted: they praise what is bad, which they do not even download.
            Threat::A | Threat::Whitewash => vec![0.0; self.peers],
            Threat::B | Threat::C | Threat::D | Threat::Sleeper => (0..self.peers).map(to_the_bad).collect(),
        }
    }

    fn walks(&mut self, ego: usize) -> Vec<f64> {
        let seed = self.chance.any();
        let found = WALKS.rank(&ego, &Seen { market: self, ego }, &mut Chance::new(seed));
        let mut scores = vec![0.0; self.peers];
        for (peer, score) in found {
            // What one knows by oneself comes before what others say.
            let own = self.ledger(ego).get(peer).copied().unwrap_or_default();
            if let Some(place) = scores.get_mut(peer)
                && !own.late.is_bad()
            {
                *place = score;
            }
        }
        scores
    }

    /// How far two judge alike about those that both know.
    fn common(&self, mine: usize, theirs: usize) -> Common {
        let mut common = Common::default();
        for (own, said) in self.ledger(mine).iter().zip(self.said_by(theirs)) {
            // Saying nothing of somebody is no judgement.
            if own.late.good() + own.late.bad() > 0 && *said > 0.0 {
                common.count(!own.late.is_bad(), true);
            }
        }
        common
    }

    fn ledger(&self, of: usize) -> &[Ledger] {
        self.ledgers.get(of).map_or(&[], Vec::as_slice)
    }

    fn said_by(&self, peer: usize) -> &[f64] {
        self.said.get(peer).map_or(&[], Vec::as_slice)
    }
}

/// Whom everybody trusts, as one peer sees it: an edge of somebody else counts as far as that one judges as oneself does.
struct Seen<'a> {
    market: &'a Market,
    ego: usize,
}

impl Graph<usize> for Seen<'_> {
    fn edges(&self, of: &usize) -> Vec<(usize, f64)> {
        let market = self.market;
        if *of == self.ego {
            let edge_to = |(to, ledger): (usize, &Ledger)| {
                let mut common = market.common(*of, to);
                // What came from there is judged by oneself, too.
                common.both_good += 1 + u32::from(ledger.late.good() > 0);
                (to, ledger.late.edge(&common))
            };
            return market.ledger(*of).iter().enumerate().map(edge_to).collect();
        }
        let trusted = market.common(self.ego, *of).factor();
        let said = market.said_by(*of).iter().enumerate();
        said.map(|(to, said)| (to, said * trusted)).collect()
    }
}
