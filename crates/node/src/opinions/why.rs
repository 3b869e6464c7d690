//! Where a widget stands, where it comes from, and why it stands there: in sentences.

use super::View;
use crate::engine::{Engine, store_error};
use hedgerow_api::{
    ApiError,
    types::{Descent, Lineage, Reason, Standing, Why},
};
use hedgerow_base::{PersonId, WidgetId};
use hedgerow_trust::standing::KNOWN;
use hedgerow_wire::directory::{Role, Subject};
use std::collections::BTreeSet;

/// Most widgets in a lineage, and most steps back.
const MOST_KIN: usize = 300;
/// Report or block of so much weight by known people is a warning.
const WARNING: f64 = 0.5;
/// Most reasons.
const MOST_REASONS: usize = 20;

fn people(count: usize) -> String {
    if count == 1 {
        "1 person".to_owned()
    } else {
        format!("{count} people")
    }
}

fn reason(text: impl Into<String>, weight: f64) -> Reason {
    Reason {
        text: text.into(),
        weight,
    }
}

impl Engine {
    pub(crate) fn lineage(&self, widget: &WidgetId) -> Result<Lineage, ApiError> {
        let kin = |widget: &WidgetId| self.store.kin_of(widget).map_err(|e| store_error(&e));
        let (mut oldest, mut seen) = (*widget, BTreeSet::from([*widget]));
        while let Some(ancestor) = kin(&oldest)?.and_then(|kin| kin.ancestor) {
            // Anybody may claim any ancestor: a circle ends where it began.
            if !seen.insert(ancestor) || seen.len() > MOST_KIN {
                break;
            }
            oldest = ancestor;
        }
        let mut list = Vec::new();
        let mut listed = BTreeSet::new();
        let mut waiting = vec![(oldest, None, 0)];
        while let Some((widget, ancestor, depth)) = waiting.pop() {
            if list.len() >= MOST_KIN || !listed.insert(widget) {
                continue;
            }
            let summary = self.widget_summary(&widget)?;
            let forks = self.store.forks_of(&widget).map_err(|e| store_error(&e))?;
            list.push(Descent {
                uuid: widget.to_string(),
                known: summary.is_some(),
                name: summary.as_ref().map(|s| s.name.clone()).unwrap_or_default(),
                author: summary.as_ref().map(|s| s.author.clone()).unwrap_or_default(),
                stars: summary.as_ref().and_then(|s| s.standing.stars),
                users: summary.as_ref().map_or(0, |s| s.standing.users),
                ancestor: ancestor.map(|a: WidgetId| a.to_string()),
                depth,
            });
            waiting.extend(forks.iter().rev().map(|fork| (fork.widget, Some(widget), depth + 1)));
        }
        Ok(Lineage {
            uuid: widget.to_string(),
            widgets: list,
        })
    }

    /// How a widget stands, from the last judgement.
    pub(crate) fn standing(&self, widget: &WidgetId) -> Result<Standing, ApiError> {
        let view = &self.opinions.view;
        let score = view.standing.widget(widget);
        let kin = self.store.kin_of(widget).map_err(|e| store_error(&e))?;
        let author = kin.as_ref().map(|kin| kin.author);
        let blocked = match self.hidden(&Subject::Widget(*widget))? {
            Some(why) => Some(why),
            None => match author {
                Some(author) => self
                    .hidden(&Subject::Person(author))?
                    .map(|why| format!("Its author: {why}")),
                None => None,
            },
        };
        let warning = if self.directory.is_forked(widget) {
            Some(
                "Its author signed two different releases under one number: do not update until they explain it."
                    .to_owned(),
            )
        } else if self.directory.is_two_faced(widget) {
            Some("Its author once signed two different releases under one number.".to_owned())
        } else if score.against >= WARNING {
            Some("People you trust report it: see who, and why, below.".to_owned())
        } else if let Some(first) = view.lookalikes.get(widget) {
            let other = self.head_summary(first)?;
            other.map(|s| {
                format!(
                    "Its name looks like that of {} by {}, which is better known here.",
                    s.name, s.author
                )
            })
        } else {
            None
        };
        Ok(Standing {
            stars: score.stars,
            ratings: score.ratings,
            users: view.users.get(widget).copied().unwrap_or(0),
            popularity: view.popularity.get(widget).copied().unwrap_or(0.0),
            known: u32::try_from(view.known.get(widget).map_or(0, BTreeSet::len)).unwrap_or(u32::MAX),
            vouched: view.standing.is_vouched(widget, author.as_ref()),
            blocked,
            warning,
            ancestor: kin.and_then(|kin| kin.ancestor).map(|ancestor| ancestor.to_string()),
        })
    }

    pub(crate) fn why(&self, widget: &WidgetId) -> Result<Why, ApiError> {
        let view = self.opinions.view.clone();
        let standing = self.standing(widget)?;
        let mut reasons: Vec<Reason> = Vec::new();
        reasons.extend(standing.blocked.as_ref().map(|why| reason(why, -1.0)));
        let warning = standing
            .warning
            .as_ref()
            .filter(|_| self.directory.is_two_faced(widget));
        reasons.extend(warning.map(|why| reason(why, -1.0)));
        let author = self.author_of(widget)?;
        self.because_of_people(widget, author, &view, &mut reasons)?;
        self.because_of_ratings(widget, &view, &mut reasons);
        because_of_use(&standing, &view, &mut reasons);
        if reasons.is_empty() {
            let text = "It is new here: nobody this node knows said anything of it yet. It is listed by its age and found by its words.";
            reasons.push(reason(text, 0.0));
        }
        reasons.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
        reasons.truncate(MOST_REASONS);
        Ok(Why {
            uuid: widget.to_string(),
            reasons,
        })
    }

    /// Its author, and who says something of either.
    fn because_of_people(
        &self,
        widget: &WidgetId,
        author: Option<PersonId>,
        view: &View,
        reasons: &mut Vec<Reason>,
    ) -> Result<(), ApiError> {
        if let Some(author) = author {
            let trust = view.standing.trust(&author);
            if author == self.me() {
                reasons.push(reason("You published it.", 1.0));
            } else if trust >= KNOWN {
                let text = format!("You have reason to trust its author, {}.", self.called(&author)?);
                reasons.push(reason(text, trust));
            }
        }
        let about = |subject| subject == Subject::Widget(*widget) || author.map(Subject::Person) == Some(subject);
        for certificate in view.evidence.certificates.iter().filter(|c| about(c.subject)) {
            let trust = view.standing.trust(&certificate.by);
            if trust < KNOWN {
                continue;
            }
            let mine = certificate.by == self.me();
            let who = if mine {
                "You".to_owned()
            } else {
                self.called(&certificate.by)?
            };
            let of = if certificate.subject == Subject::Widget(*widget) {
                "it"
            } else {
                "its author"
            };
            reasons.extend(match certificate.role {
                Role::Vouch => Some(reason(format!("{who} vouched for {of}."), trust)),
                Role::Block => Some(reason(format!("{who} blocked {of}."), -trust)),
                Role::Report => Some(reason(format!("{who} reported {of}."), -trust)),
                Role::Moderator => None,
            });
        }
        Ok(())
    }

    fn because_of_ratings(&self, widget: &WidgetId, view: &View, reasons: &mut Vec<Reason>) {
        let (mut liked, mut disliked, mut strangers) = (0usize, 0usize, 0usize);
        for rated in view.evidence.ratings.iter().filter(|rated| rated.widget == *widget) {
            if rated.by == self.me() {
                let stars = if rated.stars == 1 {
                    "1 star".to_owned()
                } else {
                    format!("{} stars", rated.stars)
                };
                reasons.push(reason(
                    format!("You gave it {stars}."),
                    (f64::from(rated.stars) - 3.0) / 2.0,
                ));
                continue;
            }
            match (view.standing.knows(&rated.by), rated.stars) {
                (true, 4..) => liked += 1,
                (true, 1 | 2) => disliked += 1,
                (true, _) => {}
                (false, _) => strangers += 1,
            }
        }
        let weight = |count: usize| (0.3 * count as f64).min(1.0);
        if liked > 0 {
            reasons.push(reason(
                format!("{} you trust rated it well.", people(liked)),
                weight(liked),
            ));
        }
        if disliked > 0 {
            reasons.push(reason(
                format!("{} you trust rated it badly.", people(disliked)),
                -weight(disliked),
            ));
        }
        if strangers > 0 {
            let text = format!(
                "{} this node does not know rated it; together they count as one you trust at most.",
                people(strangers)
            );
            let stars = view.standing.widget(widget).stars.unwrap_or(3.0);
            reasons.push(reason(text, (stars - 3.0) / 20.0));
        }
    }
}

/// Who uses it.
fn because_of_use(standing: &Standing, view: &View, reasons: &mut Vec<Reason>) {
    let weight = standing.popularity.min(1.0) * 0.5;
    if standing.users > 0 {
        let text = format!(
            "{} of the {} this node met use it.",
            standing.users,
            people(view.met as usize)
        );
        reasons.push(reason(text, weight));
    }
    if standing.popularity > 0.0 && view.reports > 0 {
        let share = (standing.popularity * 100.0).round();
        let text = format!(
            "About {share} % of all use it, as far as the reports of {} you trust agree.",
            people(view.reports)
        );
        reasons.push(reason(text, weight));
    }
}
