//! How widgets and people stand on one node: what is made of ratings, certificates, installs and one's own experience
//! (W3, W4, W24). Nothing of it is shared; two nodes see different things, each as far as it trusts.
//!
//! - Trust in people comes from walks (MeritRank) over edges that people made: whom one put on the list oneself, who was
//!   met in a space, whose widgets proved good here, who rated as one did oneself; and for everybody else whom they vouch
//!   for and whose widgets they rate well.
//! - Ratings count by the trust in who gave them. All strangers together count as much as one trusted person at most, and
//!   a quarter of what known people count where there are any, so a thousand made-up people move a widget no further than
//!   one.
//! - Order is by the lower end of what can be said, so one rating of five stars is not better than ninety of 4.8.

use crate::{
    chance::Chance,
    interval::reputation,
    merit::{Graph, MeritRank},
    votes::Common,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use hedgerow_base::{PersonId, WidgetId};
use hedgerow_wire::directory::{Role, Subject};

/// What one stranger's rating counts.
const STRANGER: f64 = 0.05;
/// What all strangers' ratings of a widget count together, at most.
const STRANGERS: f64 = 1.0;
/// The same beside known people, as a share of what those count.
const BESIDE: f64 = 0.25;
/// What one's own rating counts for the order of lists, at least.
const OWN: f64 = 4.0;
/// Trust from which on a person counts as known, and their certificates as a whitelist.
pub const KNOWN: f64 = 0.1;
/// Weight of an edge to who vouches or is vouched for; to the author of a widget that is rated well; and of one's own
/// good experience with an author's widget.
const VOUCHED: f64 = 1.0;
const RATED: f64 = 0.25;
const PROVEN: f64 = 0.5;

/// A rating, with when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rated {
    /// Who.
    pub by: PersonId,
    /// What.
    pub widget: WidgetId,
    /// 1 to 5.
    pub stars: u8,
}

/// A certificate that stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certified {
    /// Who.
    pub by: PersonId,
    /// What it says.
    pub role: Role,
    /// Of what.
    pub subject: Subject,
}

/// All that a node knows.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Oneself.
    pub me: Option<PersonId>,
    /// On one's own list.
    pub trusted: BTreeSet<PersonId>,
    /// Met in spaces or by invitation: worth half.
    pub contacts: BTreeSet<PersonId>,
    /// Authors of widgets.
    pub authors: BTreeMap<WidgetId, PersonId>,
    /// Widgets that are installed here and proved good so far.
    pub proven: BTreeSet<WidgetId>,
    /// Ratings, one's own among them.
    pub ratings: Vec<Rated>,
    /// Certificates, one's own among them.
    pub certificates: Vec<Certified>,
    /// Signed two releases that exclude each other.
    pub two_faced: BTreeSet<PersonId>,
    /// Blocked by oneself.
    pub blocked: BTreeSet<Subject>,
    /// Whose block lists are used.
    pub block_lists: BTreeSet<PersonId>,
}

/// How a widget stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Score {
    /// Weighted mean of the stars.
    pub stars: Option<f64>,
    /// Lower bound of the share of good verdicts: what lists are ordered by.
    pub rank: f64,
    /// Ratings.
    pub ratings: u32,
    /// Known people who rate it 4 or 5.
    pub liked: u32,
    /// Known people who vouch for it or for its author.
    pub vouched: u32,
    /// Weight of known people who report or block it, or its author.
    pub against: f64,
}

/// Why something is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// One blocked it oneself.
    Own,
    /// Somebody whose list is used blocks it.
    List(PersonId),
}

/// What follows.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    trust: BTreeMap<PersonId, f64>,
    scores: BTreeMap<WidgetId, Score>,
    hidden: BTreeMap<Subject, Hidden>,
    /// Own list and oneself.
    own: BTreeSet<PersonId>,
}

/// Weighted ratings.
#[derive(Clone, Copy, Default)]
struct Sum {
    weight: f64,
    stars: f64,
}

impl Sum {
    fn add(&mut self, weight: f64, stars: u8) {
        self.weight += weight;
        self.stars += weight * f64::from(stars);
    }
    /// Adds another one, weighing at most so much.
    fn join(&mut self, other: Self, most: f64) {
        let less = if other.weight > most { most / other.weight } else { 1.0 };
        self.weight += other.weight * less;
        self.stars += other.stars * less;
    }
    fn mean(self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.stars / self.weight)
    }
}

/// The ratings of one widget.
#[derive(Default)]
struct Sums {
    own: Option<u8>,
    known: Sum,
    strangers: Sum,
}

impl Sums {
    /// Mean of the stars, and what lists are ordered by.
    fn judge(self) -> (Option<f64>, f64) {
        let mut known = self.known;
        if let Some(stars) = self.own {
            known.add(1.0, stars);
        }
        let room = if known.weight > 0.0 {
            BESIDE * known.weight
        } else {
            STRANGERS
        };
        let mut all = known;
        all.join(self.strangers, room.min(STRANGERS));
        let stars = all.mean();
        // What one tried oneself one knows: that weighs twice as much as all others.
        if let Some(own) = self.own {
            let others = all.weight - 1.0;
            all.add((2.0 * others).max(OWN) - 1.0, own);
        }
        let rank = all.mean().map_or(0.0, |mean| {
            let good = (mean - 1.0) / 4.0 * all.weight;
            reputation(good, all.weight - good)
        });
        (stars, rank)
    }
}

struct Edges {
    of: BTreeMap<PersonId, BTreeMap<PersonId, f64>>,
}

impl Graph<PersonId> for Edges {
    fn edges(&self, of: &PersonId) -> Vec<(PersonId, f64)> {
        let edges = self.of.get(of).into_iter().flatten();
        edges.map(|(to, weight)| (*to, *weight)).collect()
    }
}

impl Edges {
    fn add(&mut self, from: PersonId, to: PersonId, weight: f64) {
        if from != to && weight > 0.0 {
            *self.of.entry(from).or_default().entry(to).or_default() += weight;
        }
    }
}

/// Good is 4 or 5, bad 1 or 2; 3 says nothing.
const fn verdict(stars: u8) -> Option<bool> {
    match stars {
        4.. => Some(true),
        1 | 2 => Some(false),
        _ => None,
    }
}

fn edges(evidence: &Evidence, me: PersonId) -> Edges {
    let mut edges = Edges { of: BTreeMap::new() };
    for person in &evidence.trusted {
        edges.add(me, *person, 2.0 * VOUCHED);
    }
    for person in &evidence.contacts {
        edges.add(me, *person, VOUCHED);
    }
    for author in evidence.proven.iter().filter_map(|widget| evidence.authors.get(widget)) {
        edges.add(me, *author, PROVEN);
    }
    for certificate in &evidence.certificates {
        if let (Role::Vouch | Role::Moderator, Subject::Person(person)) = (certificate.role, certificate.subject) {
            edges.add(certificate.by, person, VOUCHED);
        }
    }
    let mine: BTreeMap<WidgetId, bool> = {
        let mine = evidence.ratings.iter().filter(|rated| rated.by == me);
        mine.filter_map(|rated| Some((rated.widget, verdict(rated.stars)?)))
            .collect()
    };
    let mut common: BTreeMap<PersonId, Common> = BTreeMap::new();
    for rated in &evidence.ratings {
        let Some(good) = verdict(rated.stars) else { continue };
        if good && let Some(author) = evidence.authors.get(&rated.widget) {
            edges.add(rated.by, *author, RATED);
        }
        if rated.by != me
            && let Some(own) = mine.get(&rated.widget)
        {
            common.entry(rated.by).or_default().count(*own, good);
        }
    }
    for (person, common) in common {
        // Too few common votes make no edge: whoever copies one rating of mine is still a stranger.
        edges.add(me, person, common.correlation().unwrap_or(0.0).max(0.0));
    }
    // Two-faced and blocked people lead nowhere, and nobody gets to them.
    let out =
        |person: &PersonId| evidence.two_faced.contains(person) || evidence.blocked.contains(&Subject::Person(*person));
    edges.of.retain(|person, _| !out(person));
    for to in edges.of.values_mut() {
        to.retain(|person, _| !out(person));
    }
    edges
}

fn hidden(evidence: &Evidence) -> BTreeMap<Subject, Hidden> {
    let mut hidden: BTreeMap<Subject, Hidden> = BTreeMap::new();
    for certificate in &evidence.certificates {
        if certificate.role == Role::Block && evidence.block_lists.contains(&certificate.by) {
            hidden.insert(certificate.subject, Hidden::List(certificate.by));
        }
    }
    for subject in &evidence.blocked {
        hidden.insert(*subject, Hidden::Own);
    }
    if let Some(me) = evidence.me {
        hidden.remove(&Subject::Person(me));
    }
    hidden
}

impl Standing {
    /// Judges. The same evidence gives the same, bit by bit.
    pub fn of(evidence: &Evidence) -> Self {
        let Some(me) = evidence.me else {
            return Self::default();
        };
        let hidden = hidden(evidence);
        let edges = edges(evidence, me);
        let seed = u64::from_le_bytes([me.0[0], me.0[1], me.0[2], me.0[3], me.0[4], me.0[5], me.0[6], me.0[7]]);
        let merit = if edges.of.contains_key(&me) {
            MeritRank::SEARCH.rank(&me, &edges, &mut Chance::new(seed))
        } else {
            BTreeMap::new()
        };
        let most = merit.values().copied().fold(0.0, f64::max);
        let mut trust: BTreeMap<PersonId, f64> = merit
            .into_iter()
            .map(|(person, merit)| (person, if most > 0.0 { merit / most } else { 0.0 }))
            .collect();
        for person in &evidence.contacts {
            trust
                .entry(*person)
                .and_modify(|trust| *trust = trust.max(0.5))
                .or_insert(0.5);
        }
        for person in evidence.trusted.iter().chain([&me]) {
            trust.insert(*person, 1.0);
        }
        for subject in hidden.keys() {
            if let Subject::Person(person) = subject {
                trust.insert(*person, 0.0);
            }
        }
        for person in &evidence.two_faced {
            trust.insert(*person, 0.0);
        }
        let mut own = evidence.trusted.clone();
        own.insert(me);
        let mut standing = Self {
            trust,
            scores: BTreeMap::new(),
            hidden,
            own,
        };
        standing.score(evidence, me);
        standing
    }

    fn score(&mut self, evidence: &Evidence, me: PersonId) {
        let mut sums: BTreeMap<WidgetId, Sums> = BTreeMap::new();
        for rated in &evidence.ratings {
            let score = self.scores.entry(rated.widget).or_default();
            if self.hidden.contains_key(&Subject::Person(rated.by)) {
                continue;
            }
            score.ratings += 1;
            // Nobody rates their own.
            if evidence.authors.get(&rated.widget) == Some(&rated.by) {
                continue;
            }
            let sums = sums.entry(rated.widget).or_default();
            let trust = self.trust.get(&rated.by).copied().unwrap_or(0.0);
            if rated.by == me {
                sums.own = Some(rated.stars);
            } else if trust >= KNOWN {
                sums.known.add(trust, rated.stars);
                score.liked += u32::from(rated.stars >= 4);
            } else {
                sums.strangers.add(STRANGER, rated.stars);
            }
        }
        for (widget, sums) in sums {
            let score = self.scores.entry(widget).or_default();
            (score.stars, score.rank) = sums.judge();
        }
        self.score_certificates(evidence);
    }

    fn score_certificates(&mut self, evidence: &Evidence) {
        let mut of_author: BTreeMap<PersonId, Vec<WidgetId>> = BTreeMap::new();
        for (widget, author) in &evidence.authors {
            of_author.entry(*author).or_default().push(*widget);
        }
        for certificate in &evidence.certificates {
            let trust = self.trust.get(&certificate.by).copied().unwrap_or(0.0);
            if trust < KNOWN {
                continue;
            }
            let about: &[WidgetId] = match &certificate.subject {
                Subject::Widget(widget) => core::slice::from_ref(widget),
                Subject::Person(person) => of_author.get(person).map_or(&[], Vec::as_slice),
            };
            for widget in about {
                let score = self.scores.entry(*widget).or_default();
                match certificate.role {
                    Role::Vouch => score.vouched += 1,
                    Role::Moderator => {}
                    Role::Block | Role::Report => score.against += trust,
                }
            }
        }
    }

    /// What this node makes of somebody, 0 to 1.
    pub fn trust(&self, person: &PersonId) -> f64 {
        self.trust.get(person).copied().unwrap_or(0.0)
    }
    /// Whether somebody counts as known.
    pub fn knows(&self, person: &PersonId) -> bool {
        self.trust(person) >= KNOWN
    }
    /// Everybody who counts as known.
    pub fn known(&self) -> impl Iterator<Item = (&PersonId, f64)> {
        let known = self.trust.iter().filter(|(_, trust)| **trust >= KNOWN);
        known.map(|(person, trust)| (person, *trust))
    }
    /// How a widget stands.
    pub fn widget(&self, widget: &WidgetId) -> Score {
        self.scores.get(widget).copied().unwrap_or_default()
    }
    /// Why a widget or a person is not shown; none: it is.
    pub fn hidden(&self, subject: &Subject) -> Option<Hidden> {
        self.hidden.get(subject).copied()
    }
    /// Whether somebody known vouches for a widget or its author, or the author is on one's list or oneself.
    pub fn is_vouched(&self, widget: &WidgetId, author: Option<&PersonId>) -> bool {
        self.widget(widget).vouched > 0 || author.is_some_and(|author| self.own.contains(author))
    }
    /// The reputation of an author: the lower bound of the share of good verdicts of known people on what they published.
    pub fn reputation(&self, evidence: &Evidence, author: &PersonId) -> f64 {
        if evidence.two_faced.contains(author) {
            return 0.0;
        }
        // One verdict of each person, whatever the number of widgets.
        let mut by: BTreeMap<PersonId, (f64, f64)> = BTreeMap::new();
        let of = |rated: &&Rated| evidence.authors.get(&rated.widget) == Some(author) && rated.by != *author;
        for rated in evidence.ratings.iter().filter(of) {
            let sum = by.entry(rated.by).or_default();
            sum.0 += (f64::from(rated.stars) - 1.0) / 4.0;
            sum.1 += 1.0;
        }
        let (mut good, mut bad) = (0.0, 0.0);
        for (person, (sum, count)) in by {
            let trust = self.trust(&person);
            let weight = if trust >= KNOWN { trust } else { 0.0 };
            good += weight * sum / count;
            bad += weight * (1.0 - sum / count);
        }
        reputation(good, bad)
    }
}
