//! What the node does by itself: popular widgets are fetched ahead within a budget (W20), and releases of installed ones
//! are installed by policy.

use super::Engine;
use hedgerow_api::{
    ApiError, Event,
    types::{UpdateParams, UpdatePolicy},
};
use hedgerow_base::{ContentId, RecordId, WidgetId};
use hedgerow_store::said::{Filter, Sort};
use hedgerow_trust::{Budget, Candidate, standing::KNOWN};
use std::collections::BTreeMap;

/// After something changed, in milliseconds.
const SOON_MS: u64 = 200;
/// Without a change, in milliseconds: holds end.
const AGAIN_MS: u64 = 600_000;
/// Most popular widgets that are looked at.
const LOOK: u32 = 60;
/// Largest widget that is fetched ahead.
const LARGEST: u64 = 16 << 20;
const DAY_MS: u64 = 24 * 3600 * 1000;
const HOUR_MS: u64 = 3600 * 1000;
/// Releases that are remembered to be tried later.
const MOST_LATER: usize = 1024;
/// Packages that are fetched at once while a peer waits for one.
const MOST_AT_ONCE: usize = 16;

/// What is under way.
#[derive(Default)]
pub(crate) struct Ahead {
    due_ms: Option<u64>,
    fetching: bool,
    updating: Option<WidgetId>,
    /// Bytes fetched for peers on a day (days since 1970).
    for_others: (u64, u64),
    /// Releases that were not to be had, or were not in order, and when they are tried again.
    later_ms: BTreeMap<RecordId, u64>,
}

impl Ahead {
    /// Not before then.
    fn put_off(&mut self, release: RecordId, until_ms: u64) {
        if self.later_ms.len() >= MOST_LATER {
            self.later_ms.clear();
        }
        self.later_ms.insert(release, until_ms);
    }
    fn is_put_off(&self, release: &RecordId, now_ms: u64) -> bool {
        self.later_ms.get(release).is_some_and(|until| *until > now_ms)
    }
    pub(crate) const fn poll_timeout(&self) -> Option<u64> {
        self.due_ms
    }
}

impl Engine {
    pub(crate) fn ahead_soon(&mut self) {
        let soon = self.now_ms().saturating_add(SOON_MS);
        let due = &mut self.opinions.ahead.due_ms;
        *due = Some(due.map_or(soon, |due| due.min(soon)));
    }

    pub(crate) fn ahead_time(&mut self, now: u64) {
        if self.opinions.ahead.due_ms.is_none_or(|due| due > now) {
            return;
        }
        self.opinions.ahead.due_ms = Some(now.saturating_add(AGAIN_MS));
        if let Err(error) = self.update_next().and_then(|()| self.collect_next(now)) {
            tracing::warn!(%error, "looking for widgets to fetch failed");
        }
    }

    /// Installs the next release that may be installed without asking.
    fn update_next(&mut self) -> Result<(), ApiError> {
        if self.opinions.ahead.updating.is_some() {
            return Ok(());
        }
        let widgets: Vec<WidgetId> = self.installed.keys().copied().collect();
        for widget in widgets {
            let Some(record) = self.update_by_itself(&widget)? else {
                continue;
            };
            self.opinions.ahead.updating = Some(widget);
            let node = self.handle();
            self.runtime.spawn(async move {
                let params = UpdateParams {
                    uuid: widget.to_string(),
                    accept_permissions: false,
                };
                let outcome = crate::widgets::update(&node, &params).await;
                let done =
                    move |engine: &mut Self| engine.updated(widget, record, outcome.map(|i| (i.name, i.version)));
                let _ = node.with(done).await;
            });
            return Ok(());
        }
        Ok(())
    }

    /// The release that is installed by itself now, if there is one.
    fn update_by_itself(&self, widget: &WidgetId) -> Result<Option<RecordId>, ApiError> {
        let kept = &self.opinions.kept;
        let Some(installed) = self.installed.get(widget) else {
            return Ok(None);
        };
        let Some((id, release)) = self.newest(widget)? else {
            return Ok(None);
        };
        let author = self.author_of(widget)?;
        let allowed = match kept.updates {
            UpdatePolicy::Off => false,
            UpdatePolicy::All => true,
            UpdatePolicy::Trusted => {
                author.is_some_and(|author| author == self.me() || self.opinions.view.standing.trust(&author) >= KNOWN)
            }
        };
        let Some(current) = installed.current.release().filter(|current| *current != id) else {
            return Ok(None);
        };
        let held = u64::from(kept.update_hold_hours).saturating_mul(HOUR_MS);
        let known_since = self
            .store
            .received_of(widget)
            .map_err(|e| crate::engine::store_error(&e))?
            .unwrap_or(0);
        let skipped = kept
            .skipped
            .get(&widget.to_string())
            .is_some_and(|skipped| *skipped == id.to_string());
        let older = self
            .release(&current)?
            .is_some_and(|old| (old.epoch, old.sequence) >= (release.epoch, release.sequence));
        let expired = release.expires_ms.is_some_and(|at| at < self.now_ms());
        let refused = skipped
            || expired
            || older && self.directory.stands(widget, &current)
            || self.directory.is_two_faced(widget)
            || self.opinions.ahead.is_put_off(&id, self.now_ms())
            || known_since.saturating_add(held) > self.now_ms();
        if !allowed || refused || !self.update_plan(widget)?.added.is_empty() {
            return Ok(None);
        }
        Ok(Some(id))
    }

    fn updated(
        &mut self,
        widget: WidgetId,
        record: RecordId,
        outcome: Result<(String, String), ApiError>,
    ) -> Result<(), ApiError> {
        self.opinions.ahead.updating = None;
        match outcome {
            Ok((name, version)) => {
                let text = format!(
                    "Version {version} was installed by itself; it asks for nothing new. Its menu goes back to the one before."
                );
                self.notify(None, &name, &text, None)?;
                self.ahead_soon();
            }
            Err(error) => {
                tracing::info!(%widget, %error, "a release was not installed by itself");
                // Whoever has it may come later; what is wrong stays wrong. Others are not kept waiting by it.
                let gone = error.code == hedgerow_api::ErrorCode::Unreachable;
                let until = if gone {
                    self.now_ms().saturating_add(AGAIN_MS)
                } else {
                    u64::MAX
                };
                self.opinions.ahead.put_off(record, until);
                self.ahead_soon();
            }
        }
        Ok(())
    }

    /// Fetches the most popular widget that is not here, is vouched for, and fits the budget.
    fn collect_next(&mut self, now: u64) -> Result<(), ApiError> {
        let kept = &self.opinions.kept;
        if !kept.collect || self.opinions.ahead.fetching || self.relaying.is_metered() || self.connected.is_empty() {
            return Ok(());
        }
        let today = now / DAY_MS;
        let spent = if kept.spent.0 == today { kept.spent.1 } else { 0 };
        let budget = Budget {
            disk: kept.collect_disk.saturating_sub(kept.collected.values().sum()),
            traffic: kept.collect_daily.saturating_sub(spent),
            largest: LARGEST,
            unknown_too: kept.collect_unknown,
        };
        let rows = self.store.heads_by(Sort::Popularity, &Filter::default(), LOOK, 0);
        let mut candidates = Vec::new();
        for row in rows.map_err(|e| crate::engine::store_error(&e))? {
            let Some((id, release)) = self.newest(&row.widget)? else {
                continue;
            };
            candidates.push(Candidate {
                widget: row.widget,
                popularity: self.opinions.view.popularity.get(&row.widget).copied().unwrap_or(0.0),
                bytes: release.size,
                whitelisted: self.standing(&row.widget)?.vouched,
                installed: self.installed.contains_key(&row.widget) || self.files.has(&release.content),
                blocked: self.directory.is_two_faced(&row.widget) || self.opinions.ahead.is_put_off(&id, now),
            });
        }
        let Some(next) = budget.next(&candidates).map(|candidate| candidate.widget) else {
            return Ok(());
        };
        let Some((id, release)) = self.newest(&next)? else {
            return Ok(());
        };
        self.opinions.ahead.fetching = true;
        let node = self.handle();
        let (content, size) = (release.content, release.size);
        self.runtime.spawn(async move {
            let outcome = node.fetch(content, &next.to_string()).await;
            let _ = node
                .with(move |engine| engine.collected(content, size, id, today, outcome.is_ok()))
                .await;
        });
        Ok(())
    }

    fn collected(
        &mut self,
        content: ContentId,
        size: u64,
        id: RecordId,
        today: u64,
        here: bool,
    ) -> Result<(), ApiError> {
        self.opinions.ahead.fetching = false;
        if !here {
            let until = self.now_ms().saturating_add(HOUR_MS);
            self.opinions.ahead.put_off(id, until);
            return Ok(());
        }
        self.keep(|kept| {
            kept.collected.insert(content.to_string(), size);
            let spent = if kept.spent.0 == today { kept.spent.1 } else { 0 };
            kept.spent = (today, spent.saturating_add(size));
        })?;
        self.emit(Event::WidgetsChanged {});
        Ok(())
    }

    /// The widget of a package that a peer wants and that may be fetched for it: the newest release of a widget that is
    /// shown here, within the same bounds as what is fetched ahead.
    pub(crate) fn may_fetch_for_peer(&mut self, content: &ContentId) -> Option<String> {
        let (widget, size) = *self.opinions.contents.get(content)?;
        if self.is_fetching(content) {
            return Some(widget.to_string());
        }
        let kept = &self.opinions.kept;
        let today = self.now_ms() / DAY_MS;
        let ahead = &mut self.opinions.ahead;
        if ahead.for_others.0 != today {
            ahead.for_others = (today, 0);
        }
        let disk = kept.collect_disk.saturating_sub(kept.collected.values().sum());
        let left = kept.collect_daily.saturating_sub(ahead.for_others.1);
        let busy = self.fetches_under_way() >= MOST_AT_ONCE;
        if busy || !kept.collect || self.relaying.is_metered() || size > LARGEST.min(disk).min(left) {
            return None;
        }
        if self.directory.is_two_faced(&widget) || self.standing(&widget).ok()?.blocked.is_some() {
            return None;
        }
        self.opinions.ahead.for_others.1 += size;
        Some(widget.to_string())
    }
    /// It came.
    pub(crate) fn fetched_for_peer(&mut self, content: ContentId) -> Result<(), ApiError> {
        let Some((widget, size)) = self.opinions.contents.get(&content).copied() else {
            return Ok(());
        };
        let own = self.installed.get(&widget).and_then(|i| i.current.content()) == Some(content);
        if own || self.opinions.kept.has_collected(&content) {
            return Ok(());
        }
        self.keep(|kept| {
            kept.collected.insert(content.to_string(), size);
        })
    }

    /// A widget that was fetched ahead is a widget of the person's own now: it is outside of the budget.
    pub(crate) fn not_ahead_any_more(&mut self, content: &ContentId) -> Result<(), ApiError> {
        if self.opinions.kept.has_collected(content) {
            self.keep(|kept| {
                kept.collected.remove(&content.to_string());
            })?;
        }
        Ok(())
    }

    /// The person went back from a release: it does not come by itself again.
    pub(crate) fn skip_release(&mut self, widget: &WidgetId, release: Option<RecordId>) -> Result<(), ApiError> {
        let Some(release) = release else { return Ok(()) };
        self.keep(|kept| {
            kept.skipped.insert(widget.to_string(), release.to_string());
        })
    }
}
