//! Judging: from all that is kept to how widgets and people stand here. Beside the engine, on a second connection.

use crate::engine::{Engine, store_error};
use crate::handle::blocking;
use hedgerow_api::ApiError;
use hedgerow_base::{PersonId, WidgetId};
use hedgerow_store::{
    Store, StoreError,
    said::{SaidRow, ScoreRow},
};
use hedgerow_trust::{
    Function,
    rounds::Rounds,
    skeleton,
    standing::{Certified, Evidence, Rated, Standing},
};
use hedgerow_wire::directory::{KIND_CERTIFICATE, KIND_RATING, Role, Subject};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

/// What changed is judged after this time, in milliseconds, so that several changes are judged together.
const SOON_MS: u64 = 300;
/// At most this share of the time is spent judging.
const SHARE: u64 = 10;
/// What happened within this time is lately, in milliseconds.
const LATELY_MS: u64 = 30 * 24 * 3600 * 1000;
const DAY_MS: f64 = 24.0 * 3600.0 * 1000.0;
/// What a stranger's statement counts for activity, and all of them together on one widget.
const STRANGER: f64 = 0.05;
const STRANGERS: f64 = 1.0;
/// Widgets whose popularity is estimated: the most used ones.
const MOST_ESTIMATED: usize = 2_000;

/// When to judge.
#[derive(Default)]
pub(crate) struct Judging {
    due_ms: Option<u64>,
    running: bool,
    not_before_ms: u64,
    /// What lists showed after the last one.
    shown: (BTreeMap<WidgetId, ScoreRow>, BTreeMap<WidgetId, u32>),
}

impl Judging {
    pub(crate) fn poll_timeout(&self) -> Option<u64> {
        self.due_ms.filter(|_| !self.running)
    }
}

/// A judgement.
#[derive(Default)]
pub(crate) struct View {
    pub(crate) standing: Standing,
    pub(crate) evidence: Evidence,
    /// Different people met who use it, oneself among them.
    pub(crate) users: BTreeMap<WidgetId, u32>,
    /// Share of people who use it.
    pub(crate) popularity: BTreeMap<WidgetId, f64>,
    /// Known people who use it, like it or vouch for it.
    pub(crate) known: BTreeMap<WidgetId, BTreeSet<PersonId>>,
    /// Widgets whose names look like that of another author's widget, which more people use.
    pub(crate) lookalikes: BTreeMap<WidgetId, WidgetId>,
    /// Different people met, oneself included.
    pub(crate) met: u32,
    /// Reports of others that counted.
    pub(crate) reports: usize,
}

impl View {
    /// On how many widgets two people judged alike, and otherwise.
    pub(crate) fn agreement(&self, one: &PersonId, other: &PersonId) -> (u32, u32) {
        let of = |person: &PersonId| -> BTreeMap<WidgetId, bool> {
            let ratings = self
                .evidence
                .ratings
                .iter()
                .filter(|rated| rated.by == *person && rated.stars != 3);
            ratings.map(|rated| (rated.widget, rated.stars > 3)).collect()
        };
        let theirs = of(other);
        let (mut same, mut otherwise) = (0, 0);
        for (widget, good) in of(one) {
            match theirs.get(&widget) {
                Some(theirs) if *theirs == good => same += 1,
                Some(_) => otherwise += 1,
                None => {}
            }
        }
        (same, otherwise)
    }
}

/// What the engine knows beside the store.
struct Given {
    me: PersonId,
    rounds: Rounds,
    evidence: Evidence,
    /// Widgets that come with the program: their author's key is no secret, so it earns nothing.
    pinned: BTreeSet<WidgetId>,
    now_ms: u64,
}

impl Engine {
    /// Something changed that may change how things stand.
    pub(crate) fn judge_soon(&mut self) {
        let soon = self.now_ms().saturating_add(SOON_MS);
        let judging = &mut self.opinions.judging;
        let at = soon.max(judging.not_before_ms);
        judging.due_ms = Some(judging.due_ms.map_or(at, |due| due.min(at)));
    }

    pub(crate) fn judge_time(&mut self, now: u64) {
        if self.opinions.judging.poll_timeout().is_none_or(|due| due > now) {
            return;
        }
        self.opinions.judging.due_ms = None;
        let given = match self.given(now) {
            Ok(given) => given,
            Err(error) => return self.fail(error),
        };
        self.opinions.judging.running = true;
        let shared = self.shared.clone();
        let node = self.handle();
        self.runtime.spawn(async move {
            let started = Instant::now();
            let judged = blocking(move || shared.search(|store| judge(store, given))).await;
            let took = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            let _ = node.with(move |engine| engine.judged(judged, took)).await;
        });
    }

    fn given(&self, now_ms: u64) -> Result<Given, ApiError> {
        let kept = &self.opinions.kept;
        let rounds = self.opinions.rounds.clone();
        let chosen: BTreeSet<_> = self
            .store
            .peers()
            .map_err(|e| store_error(&e))?
            .into_iter()
            .collect_chosen();
        let contacts = rounds
            .people()
            .filter(|(_, met)| chosen.contains(&met.node))
            .map(|(person, _)| *person);
        let pinned: BTreeSet<WidgetId> = self.pinned.iter().map(|(widget, _)| *widget).collect();
        let in_use = |widget: &&WidgetId| {
            let mut instances = self.instances.values();
            instances.any(|state| state.widget == **widget && state.removed_ms.is_none())
        };
        let proven = self
            .installed
            .keys()
            .filter(in_use)
            .filter(|w| !pinned.contains(*w))
            .copied();
        let evidence = Evidence {
            me: Some(self.me()),
            trusted: kept.trusted().collect(),
            contacts: contacts.collect(),
            proven: proven.collect(),
            blocked: kept.blocked().collect(),
            block_lists: kept.block_lists().collect(),
            ..Evidence::default()
        };
        let mut given = Given {
            me: self.me(),
            rounds,
            evidence,
            pinned,
            now_ms,
        };
        for widget in self.directory.two_faced() {
            given.evidence.two_faced.extend(self.author_of(&widget)?);
        }
        Ok(given)
    }

    /// Takes a judgement: what lists are ordered by is stored, the core hears whom to give room.
    fn judged(
        &mut self,
        judged: Result<(View, BTreeMap<WidgetId, ScoreRow>), ApiError>,
        took_ms: u64,
    ) -> Result<(), ApiError> {
        let now = self.now_ms();
        let judging = &mut self.opinions.judging;
        judging.running = false;
        judging.not_before_ms = now.saturating_add(took_ms.saturating_mul(SHARE));
        if let Some(due) = &mut judging.due_ms {
            *due = (*due).max(judging.not_before_ms);
        }
        let (view, scores) = judged?;
        self.stored(|store| store.put_scores(scores.iter()))?;
        let known = view.standing.known().map(|(person, _)| *person).collect();
        let unwanted = view.evidence.blocked.iter().filter_map(|subject| match subject {
            Subject::Person(person) => Some(*person),
            Subject::Widget(_) => None,
        });
        let trust = hedgerow_directory::Input::Trust {
            trusted: known,
            unwanted: unwanted.collect(),
        };
        let mut effects = Vec::new();
        self.directory.handle(now, trust, &mut effects);
        self.apply_directory(effects);
        let shown = (scores, view.users.clone());
        let changed = self.opinions.judging.shown != shown;
        self.opinions.judging.shown = shown;
        self.opinions.view = Arc::new(view);
        self.ahead_soon();
        // Nobody reads lists again that are the same.
        if changed { self.emit_directory_changed() } else { Ok(()) }
    }
}

/// Nodes to which the person connected on purpose.
trait Chosen {
    fn collect_chosen(self) -> BTreeSet<hedgerow_base::NodeId>;
}
impl<I: Iterator<Item = hedgerow_store::peers::PeerRow>> Chosen for I {
    fn collect_chosen(self) -> BTreeSet<hedgerow_base::NodeId> {
        self.filter(|row| {
            !row.blocked && crate::model::unpack::<crate::model::PeerData>(&row.data).is_some_and(|data| data.chosen)
        })
        .map(|row| row.node)
        .collect()
    }
}

const fn role_of(value: u8) -> Option<Role> {
    match value {
        0 => Some(Role::Vouch),
        1 => Some(Role::Moderator),
        2 => Some(Role::Block),
        3 => Some(Role::Report),
        _ => None,
    }
}

fn judge(store: &Store, given: Given) -> Result<(View, BTreeMap<WidgetId, ScoreRow>), StoreError> {
    let Given {
        me,
        rounds,
        mut evidence,
        pinned,
        now_ms,
    } = given;
    for kin in store.all_kin()? {
        if pinned.contains(&kin.widget) {
            // Whoever signs with the published key of the starters leads nowhere.
            evidence.two_faced.insert(kin.author);
        }
        evidence.authors.insert(kin.widget, kin.author);
    }
    let ratings = store.said_of_kind(KIND_RATING)?;
    evidence.ratings = ratings
        .iter()
        .filter(|row| (1..=5).contains(&row.value))
        .filter_map(|row| {
            Some(Rated {
                by: row.by,
                widget: row.widget?,
                stars: row.value,
            })
        })
        .collect();
    for row in store.said_of_kind(KIND_CERTIFICATE)? {
        let subject = row.widget.map(Subject::Widget).or(row.person.map(Subject::Person));
        if let (Some(role), Some(subject)) = (role_of(row.value), subject) {
            evidence.certificates.push(Certified {
                by: row.by,
                role,
                subject,
            });
        }
    }
    let bad = |widget: &WidgetId| {
        evidence
            .ratings
            .iter()
            .any(|r| r.by == me && r.widget == *widget && r.stars <= 2)
    };
    let proven: BTreeSet<WidgetId> = evidence.proven.iter().filter(|widget| !bad(widget)).copied().collect();
    evidence.proven = proven;
    let standing = Standing::of(&evidence);
    let mut view = View {
        standing,
        evidence,
        ..View::default()
    };
    count_users(&mut view, &rounds);
    view.lookalikes = lookalikes(&view, &store.head_names()?);
    let lately = store.said_since(now_ms.saturating_sub(LATELY_MS))?;
    let scores = score(store, &view, &rounds, &lately, now_ms)?;
    Ok((view, scores))
}

/// Of widgets of different authors whose names look the same, all but the best known one: used, liked or vouched for by most
/// known people, then used by most, then rated by most. Equals are not told apart.
fn lookalikes(view: &View, names: &[(WidgetId, String)]) -> BTreeMap<WidgetId, WidgetId> {
    let mut alike: BTreeMap<String, Vec<WidgetId>> = BTreeMap::new();
    for (widget, name) in names {
        alike.entry(skeleton(name)).or_default().push(*widget);
    }
    let weight = |widget: &WidgetId| {
        let known = view.known.get(widget).map_or(0, BTreeSet::len);
        let score = view.standing.widget(widget);
        (known, view.users.get(widget).copied().unwrap_or(0), score.ratings)
    };
    let mut found = BTreeMap::new();
    // A name in which nothing can be seen looks like no other.
    alike.remove("");
    for widgets in alike.into_values().filter(|widgets| widgets.len() > 1) {
        let Some(first) = widgets.iter().max_by_key(|widget| weight(widget)).copied() else {
            continue;
        };
        let author = |widget: &WidgetId| view.evidence.authors.get(widget).copied();
        let less = |widget: &&WidgetId| weight(widget) < weight(&first) && author(widget) != author(&first);
        found.extend(widgets.iter().filter(less).map(|widget| (*widget, first)));
    }
    found
}

fn count_users(view: &mut View, rounds: &Rounds) {
    let (met, users) = rounds.own();
    let mut widgets: Vec<WidgetId> = users.keys().copied().collect();
    let mut seen: BTreeSet<WidgetId> = widgets.iter().copied().collect();
    for (person, met) in rounds.people() {
        let counts = view.standing.knows(person).then_some(&met.counts);
        widgets.extend(
            counts
                .into_iter()
                .flat_map(|c| c.keys())
                .filter(|widget| seen.insert(**widget)),
        );
    }
    widgets.truncate(MOST_ESTIMATED);
    let trust = |person: &PersonId| view.standing.trust(person);
    let (own, reports) = rounds.reports(&widgets, trust);
    view.reports = reports.iter().filter(|report| report.trust > 0.0).count();
    let shares = Function::TrustMedian.estimate(&own, &reports, widgets.len());
    view.popularity = widgets
        .into_iter()
        .zip(shares)
        .filter(|(_, share)| *share > 0.0)
        .collect();
    view.met = met;
    view.users = users;
    for (person, met) in rounds.people() {
        if view.standing.knows(person) {
            for used in &met.used {
                view.known.entry(used.widget).or_default().insert(*person);
            }
        }
    }
    let me = view.evidence.me;
    let (standing, known) = (&view.standing, &mut view.known);
    for rated in &view.evidence.ratings {
        if rated.stars >= 4 && Some(rated.by) != me && standing.knows(&rated.by) {
            known.entry(rated.widget).or_default().insert(rated.by);
        }
    }
    for certificate in &view.evidence.certificates {
        if let (Role::Vouch, Subject::Widget(widget)) = (certificate.role, certificate.subject)
            && Some(certificate.by) != me
            && standing.knows(&certificate.by)
        {
            known.entry(widget).or_default().insert(certificate.by);
        }
    }
}

/// What happened to widgets lately: statements by known people, by strangers, and who began to use them.
#[derive(Default)]
struct Lately {
    said: BTreeMap<WidgetId, (f64, f64)>,
    used: BTreeMap<WidgetId, f64>,
}

impl Lately {
    fn of(view: &View, rounds: &Rounds, rows: &[SaidRow], now_ms: u64) -> Self {
        let mut lately = Self::default();
        for row in rows {
            let Some(widget) = row.widget else { continue };
            let fresh = 1.0 / (1.0 + days_since(now_ms, row.received_ms) / 7.0);
            let sums = lately.said.entry(widget).or_default();
            if view.standing.knows(&row.by) {
                sums.0 += fresh;
            } else {
                sums.1 += STRANGER * fresh;
            }
        }
        for (person, met) in rounds.people() {
            let weight = if view.standing.knows(person) { 1.0 } else { STRANGER };
            for used in &met.used {
                *lately.used.entry(used.widget).or_default() += weight / (1.0 + days_since(now_ms, met.at_ms));
            }
        }
        lately
    }
    fn said(&self, widget: &WidgetId) -> f64 {
        let (known, strangers) = self.said.get(widget).copied().unwrap_or_default();
        known + strangers.min(STRANGERS)
    }
}

fn days_since(now_ms: u64, at_ms: u64) -> f64 {
    now_ms.saturating_sub(at_ms) as f64 / DAY_MS
}

fn score(
    store: &Store,
    view: &View,
    rounds: &Rounds,
    rows: &[SaidRow],
    now_ms: u64,
) -> Result<BTreeMap<WidgetId, ScoreRow>, StoreError> {
    let standing = &view.standing;
    let lately = Lately::of(view, rounds, rows, now_ms);
    let mut scores: BTreeMap<WidgetId, ScoreRow> = BTreeMap::new();
    for (widget, received_ms) in store.heads_received()? {
        let judged = standing.widget(&widget);
        let said = lately.said(&widget);
        let used = lately.used.get(&widget).copied().unwrap_or(0.0);
        let author = view.evidence.authors.get(&widget);
        let is_hidden = |subject| standing.hidden(&subject).is_some();
        let days = days_since(now_ms, received_ms);
        let row = ScoreRow {
            rank: judged.rank,
            stars: judged.stars.unwrap_or(0.0),
            popularity: view.popularity.get(&widget).copied().unwrap_or(0.0),
            active: said,
            rising: (said * judged.stars.unwrap_or(3.0) / 5.0 + used) / (1.0 + days).sqrt(),
            known: view.known.get(&widget).map_or(0.0, |people| people.len() as f64),
            vouched: standing.is_vouched(&widget, author),
            hidden: is_hidden(Subject::Widget(widget)) || author.is_some_and(|a| is_hidden(Subject::Person(*a))),
        };
        if row != ScoreRow::default() {
            scores.insert(widget, row);
        }
    }
    Ok(scores)
}
