//! Lists: the front page of the directory, search in an order, and what widgets on the dashboard show of it (W14).

use super::Engine;
use crate::{
    dispatch::parsed,
    handle::{NodeHandle, blocking},
};
use hedgerow_api::{
    ApiError, ErrorCode,
    types::{FrontPage, Order, SearchParams, Shelf, StatsParams, TopPerson, TopWidget, WidgetSummary},
};
use hedgerow_base::PersonId;
use hedgerow_store::{
    directory::HeadRow,
    said::{Filter, Sort},
};
use hedgerow_wire::directory::Role;
use std::collections::BTreeMap;

/// Widgets of a shelf.
const SHELF: u32 = 12;
const MOST_SHELF: u32 = 50;
/// Rows of a search and at most.
const ROWS: u32 = 30;
const MOST_ROWS: u32 = 100;
/// Hits that are looked through when words were found and another order or a filter is wanted.
const MOST_HITS: u32 = 500;
/// Lines of a list on the dashboard and at most.
const LINES: u32 = 10;
const MOST_LINES: u32 = 100;

const SHELVES: [(&str, Sort); 5] = [
    ("trusted", Sort::Known),
    ("top_rated", Sort::Rank),
    ("rising", Sort::Rising),
    ("active", Sort::Active),
    ("newest", Sort::Newest),
];

pub(crate) async fn front(node: &NodeHandle, limit: Option<u32>) -> Result<FrontPage, ApiError> {
    let limit = limit.unwrap_or(SHELF).clamp(1, MOST_SHELF);
    let shared = node.shared.clone();
    let rows = blocking(move || {
        shared.search(|store| {
            let shelf =
                |(name, sort): &(&'static str, Sort)| Ok((*name, store.heads_by(*sort, &Filter::default(), limit, 0)?));
            SHELVES.iter().map(shelf).collect::<Result<Vec<_>, _>>()
        })
    });
    let rows: Vec<(&'static str, Vec<HeadRow>)> = rows.await?;
    node.with(move |engine| {
        let shelves = rows.iter().map(|(name, rows)| Shelf {
            name: (*name).to_owned(),
            widgets: rows.iter().filter_map(|row| engine.shown(row)).collect(),
        });
        Ok(FrontPage {
            shelves: shelves.filter(|shelf| !shelf.widgets.is_empty()).collect(),
            widgets: engine.widget_count()?,
            compared: engine.compared_lately(),
            compared_ms: engine.opinions.compared.values().max().copied(),
        })
    })
    .await
}

const fn sort_of(order: Order) -> Sort {
    match order {
        Order::Rating => Sort::Rank,
        Order::Popular => Sort::Popularity,
        Order::Newest => Sort::Newest,
        Order::Active => Sort::Active,
    }
}

/// Searches on a second connection to the database, beside the engine.
pub(crate) async fn search(node: &NodeHandle, p: SearchParams) -> Result<Vec<WidgetSummary>, ApiError> {
    let shared = node.shared.clone();
    let limit = p.limit.unwrap_or(ROWS).clamp(1, MOST_ROWS);
    let offset = p.offset.unwrap_or(0);
    if p.query.len() > 1024 {
        return Err(ApiError::new(ErrorCode::Limit, "a search has at most 1024 characters"));
    }
    let author: Option<PersonId> = p.author.as_deref().map(parsed).transpose()?;
    let wanted = Wanted {
        order: p.order,
        tag: p.tag.as_deref().map(str::to_lowercase),
        author: p.author.clone().map(|key| key.to_lowercase()),
        vouched: p.vouched,
        stars: p.stars,
    };
    if p.query.trim().is_empty() {
        let filter = Filter {
            category: p.category.clone(),
            author,
            vouched: p.vouched,
            stars: p.stars,
        };
        let sort = p.order.map_or(Sort::Newest, sort_of);
        // Tags are looked at beside the index: few widgets have one.
        let (most, skip) = if wanted.tag.is_some() {
            (MOST_HITS, 0)
        } else {
            (limit, offset)
        };
        let rows = blocking(move || shared.search(|store| store.heads_by(sort, &filter, most, skip))).await?;
        let sorted = wanted.tag.is_some();
        return node
            .with(move |engine| {
                let shown = rows
                    .iter()
                    .filter_map(|row| engine.shown(row))
                    .filter(|s| wanted.has_tag(s));
                Ok(if sorted {
                    page(shown.collect(), limit, offset)
                } else {
                    shown.collect()
                })
            })
            .await;
    }
    let plain = wanted.is_plain();
    let (most, skip) = if plain { (limit, offset) } else { (MOST_HITS, 0) };
    let rows =
        blocking(move || shared.search(|store| store.search(&p.query, p.category.as_deref(), most, skip))).await?;
    node.with(move |engine| {
        let shown = rows.iter().filter_map(|row| engine.shown(row));
        // What is blocked is not found either.
        let shown: Vec<WidgetSummary> = shown
            .filter(|s| s.standing.blocked.is_none() && wanted.fits(s))
            .collect();
        Ok(if plain {
            shown
        } else {
            page(wanted.ordered(shown), limit, offset)
        })
    })
    .await
}

fn page(list: Vec<WidgetSummary>, limit: u32, offset: u32) -> Vec<WidgetSummary> {
    list.into_iter().skip(offset as usize).take(limit as usize).collect()
}

/// Order and filters beside the words.
struct Wanted {
    order: Option<Order>,
    tag: Option<String>,
    author: Option<String>,
    vouched: bool,
    stars: Option<f64>,
}

impl Wanted {
    fn is_plain(&self) -> bool {
        self.order.is_none() && self.tag.is_none() && self.author.is_none() && !self.vouched && self.stars.is_none()
    }
    fn has_tag(&self, s: &WidgetSummary) -> bool {
        let tags = || s.tags.iter().map(|tag| tag.to_lowercase());
        self.tag.as_ref().is_none_or(|tag| tags().any(|has| has == *tag))
    }
    fn fits(&self, s: &WidgetSummary) -> bool {
        self.has_tag(s)
            && self.author.as_ref().is_none_or(|author| s.author_key == *author)
            && (!self.vouched || s.standing.vouched)
            && self.stars.is_none_or(|stars| s.standing.stars.unwrap_or(0.0) >= stars)
    }
    fn ordered(&self, mut list: Vec<WidgetSummary>) -> Vec<WidgetSummary> {
        let by = |value: fn(&WidgetSummary) -> f64| {
            move |a: &WidgetSummary, b: &WidgetSummary| value(b).total_cmp(&value(a))
        };
        match self.order {
            None => {}
            // A mean of few is worth less than one of many.
            Some(Order::Rating) => list.sort_by(by(|s| {
                let ratings = f64::from(s.standing.ratings.min(10_000));
                s.standing.stars.unwrap_or(0.0) * ratings / (ratings + 2.0)
            })),
            Some(Order::Popular) => list.sort_by(by(|s| s.standing.popularity)),
            Some(Order::Newest) => list.sort_by(by(|s| s.created_ms as f64)),
            Some(Order::Active) => list.sort_by(by(|s| f64::from(s.standing.ratings))),
        }
        list
    }
}

impl Engine {
    fn top_people(
        &self,
        mut people: Vec<(PersonId, f64, u32)>,
        limit: Option<u32>,
    ) -> Result<Vec<TopPerson>, ApiError> {
        people.retain(|(_, score, _)| *score > 0.0);
        people.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.2.cmp(&a.2)).then(a.0.cmp(&b.0)));
        people.truncate(limit.unwrap_or(LINES).clamp(1, MOST_LINES) as usize);
        let shown = people.into_iter().map(|(person, score, count)| {
            Ok(TopPerson {
                name: self.person_name(&person)?,
                mark: person.to_string().chars().take(8).collect(),
                score,
                count,
            })
        });
        shown.collect()
    }

    pub(crate) fn top_authors(&self, p: &StatsParams) -> Result<Vec<TopPerson>, ApiError> {
        let view = &self.opinions.view;
        let mut of: BTreeMap<PersonId, u32> = BTreeMap::new();
        for author in view.evidence.authors.values() {
            *of.entry(*author).or_default() += 1;
        }
        // Only authors of widgets that somebody rated have a reputation.
        let rated: std::collections::BTreeSet<PersonId> = view
            .evidence
            .ratings
            .iter()
            .filter_map(|rated| view.evidence.authors.get(&rated.widget).copied())
            .collect();
        let people = rated.into_iter().map(|person| {
            let reputation = view.standing.reputation(&view.evidence, &person);
            (person, reputation, of.get(&person).copied().unwrap_or(0))
        });
        self.top_people(people.collect(), p.limit)
    }

    pub(crate) fn top_moderators(&self, p: &StatsParams) -> Result<Vec<TopPerson>, ApiError> {
        let view = &self.opinions.view;
        let mut given: BTreeMap<PersonId, u32> = BTreeMap::new();
        let mut followed: BTreeMap<PersonId, f64> = BTreeMap::new();
        for certificate in &view.evidence.certificates {
            *given.entry(certificate.by).or_default() += 1;
            if let (Role::Moderator, hedgerow_wire::directory::Subject::Person(person)) =
                (certificate.role, certificate.subject)
            {
                *followed.entry(person).or_default() += view.standing.trust(&certificate.by);
            }
        }
        let me = self.me();
        let all = given.keys().chain(followed.keys()).filter(|person| **person != me);
        let people: std::collections::BTreeSet<PersonId> = all.copied().collect();
        let scored = people.into_iter().map(|person| {
            let followed = followed.get(&person).copied().unwrap_or(0.0);
            let score = view.standing.trust(&person) * 0.5 + (followed / (1.0 + followed)) * 0.5;
            (person, score, given.get(&person).copied().unwrap_or(0))
        });
        self.top_people(scored.collect(), p.limit)
    }

    pub(crate) fn similar_peers(&self, p: &StatsParams) -> Result<Vec<TopPerson>, ApiError> {
        let similar = self.opinions.rounds.similar().into_iter();
        let people =
            similar.map(|(person, likeness, common)| (person, likeness, u32::try_from(common).unwrap_or(u32::MAX)));
        self.top_people(people.collect(), p.limit)
    }
}

/// The first widgets of an order, for a widget on the dashboard.
pub(crate) async fn top_widgets(node: &NodeHandle, p: StatsParams, newest: bool) -> Result<Vec<TopWidget>, ApiError> {
    let limit = p.limit.unwrap_or(LINES).clamp(1, MOST_LINES);
    let shared = node.shared.clone();
    let sort = if newest { Sort::Newest } else { Sort::Popularity };
    let rows = blocking(move || shared.search(|store| store.heads_by(sort, &Filter::default(), limit, 0))).await?;
    node.with(move |engine| {
        let top = |s: WidgetSummary| TopWidget {
            uuid: s.uuid,
            name: s.name,
            author: s.author,
            icon: s.icon,
            stars: s.standing.stars,
            users: s.standing.users,
            popularity: s.standing.popularity,
            created_ms: s.created_ms,
            installed: s.installed.is_some(),
        };
        Ok(rows.iter().filter_map(|row| engine.shown(row)).map(top).collect())
    })
    .await
}
