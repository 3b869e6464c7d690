//! What instances may do (W2, W25): the book of grants, read at every call of a widget and of its component, and the
//! calls `grant.*` that change it. The decision itself is [`hedgerow_bundle::grants::decide`].

pub(crate) mod calls;
mod kept;
mod needs;

use crate::{
    dispatch::parsed,
    engine::{Engine, system_now_ms},
    handle::unknown_instance,
};
use hedgerow_api::{
    ApiError, ErrorCode, Event, Permission, Request,
    types::{How, Level, PermissionAsk, Tier},
};
use hedgerow_base::{InstanceId, WidgetId};
use hedgerow_bundle::{
    Asked,
    grants::{Answer, Holder, Need, Of, Policy, Verdict, decide},
};
pub(crate) use needs::{instance_of, is_for_instances};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

const DAY_MS: u64 = 24 * 3600 * 1000;
/// How often a component's wish is told to the dashboards.
const WISH_MS: u64 = 60_000;

/// An instance in the book.
#[derive(Clone, Debug)]
struct Entry {
    asked: Vec<Asked>,
    level: Level,
}

/// Bytes of web requests of an instance on a day (days since 1970).
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    day: u64,
    bytes: u64,
}

#[derive(Debug, Default)]
struct Book {
    entries: BTreeMap<InstanceId, Entry>,
    answers: BTreeMap<InstanceId, BTreeMap<Permission, Answer>>,
    policy: Policy,
    spent: BTreeMap<InstanceId, Spent>,
    /// When a wish of a component was told last.
    wishes: BTreeMap<(InstanceId, Permission), u64>,
}

/// The book, shared so that a call needs no turn of the engine to be decided.
#[derive(Debug, Default)]
pub(crate) struct Grants(Mutex<Book>);

/// Who wants something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanting {
    /// The page of a widget, in a browser that fences it so well.
    Page(Tier),
    /// Its background part, which is always fenced.
    Component,
}

impl Wanting {
    const fn tier(self) -> Tier {
        match self {
            Self::Page(tier) => tier,
            Self::Component => Tier::Strict,
        }
    }
}

impl Book {
    fn verdict(&self, id: &InstanceId, wanting: Wanting, need: &Need<'_>, now: u64) -> Result<Verdict, ApiError> {
        let entry = self.entries.get(id).ok_or_else(|| unknown_instance(id))?;
        let none = BTreeMap::new();
        let holder = Holder {
            asked: &entry.asked,
            level: entry.level,
            tier: wanting.tier(),
            answers: self.answers.get(id).unwrap_or(&none),
            policy: &self.policy,
        };
        Ok(decide(&holder, need, now))
    }
}

impl Grants {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The one check of a call that an instance makes: everything that the call needs must be granted. A grant for one
    /// call is used up.
    ///
    /// # Errors
    /// `Denied`, or `NeedsGrant` when the person has to be asked.
    pub(crate) fn check(&self, id: &InstanceId, wanting: Wanting, request: &Request) -> Result<(), ApiError> {
        let (mut book, now) = (self.book(), system_now_ms());
        let host = needs::host(request)?;
        let mut used = Vec::new();
        for need in needs::needs(request, wanting, host.as_deref()) {
            match book.verdict(id, wanting, &need, now)? {
                Verdict::Granted(true) => used.push(need.permission),
                Verdict::Granted(false) | Verdict::ByPolicy => {}
                Verdict::Ask => return Err(needs_grant(need.permission)),
                Verdict::No(why) => return Err(ApiError::new(ErrorCode::Denied, why)),
            }
        }
        for permission in used {
            if let Some(answers) = book.answers.get_mut(id) {
                answers.remove(&permission);
            }
        }
        Ok(())
    }

    /// Whether an instance has something that goes on, such as talking to others.
    pub(crate) fn has(&self, id: &InstanceId, permission: Permission) -> bool {
        let need = Need {
            permission,
            of: Of::Nothing,
        };
        let verdict = self.book().verdict(id, Wanting::Component, &need, system_now_ms());
        verdict.is_ok_and(|verdict| verdict.is_yes())
    }

    /// What of the browser an instance has at this moment. A browser that fences it in part gets the same: there the
    /// dashboard leaves the words out of the frame's `allow` unless the person said anyway, and both are needed.
    pub(crate) fn features(&self, id: &InstanceId) -> Vec<&'static str> {
        let with = Permission::ALL.iter().filter(|p| !p.features().is_empty());
        with.filter(|p| self.has(id, **p))
            .flat_map(|p| p.features())
            .copied()
            .collect()
    }

    /// Whether a web request of an instance may go to a host: asked again for each redirection.
    pub(crate) fn may_reach(&self, id: &InstanceId, host: &str) -> bool {
        let need = Need {
            permission: Permission::Web,
            of: Of::Host(host),
        };
        // A grant for one call was used up when the call began: then the manifest alone says where it may lead.
        let verdict = self.book().verdict(id, Wanting::Component, &need, system_now_ms());
        matches!(verdict, Ok(Verdict::Granted(_) | Verdict::ByPolicy | Verdict::Ask))
    }

    /// Bytes that an instance may still move for web requests today.
    pub(crate) fn web_left(&self, id: &InstanceId) -> u64 {
        let (book, today) = (self.book(), system_now_ms() / DAY_MS);
        let asked = book.entries.get(id).into_iter().flat_map(|entry| &entry.asked);
        let web = asked.into_iter().find(|asked| asked.name == Permission::Web.name());
        let scope = web.and_then(|asked| hedgerow_bundle::Scope::of(Permission::Web, &asked.scope).ok());
        let spent = book.spent.get(id).filter(|spent| spent.day == today);
        let budget = scope.map_or(0, |scope| scope.bytes);
        budget.saturating_sub(spent.map_or(0, |spent| spent.bytes))
    }

    /// Notes bytes of web requests, or sets them aside.
    pub(crate) fn spend_web(&self, id: &InstanceId, bytes: u64) {
        let (mut book, day) = (self.book(), system_now_ms() / DAY_MS);
        let spent = book.spent.entry(*id).or_default();
        if spent.day != day {
            *spent = Spent { day, bytes: 0 };
        }
        spent.bytes = spent.bytes.saturating_add(bytes);
    }

    /// Gives back what was set aside and not moved.
    pub(crate) fn give_back_web(&self, id: &InstanceId, bytes: u64) {
        if let Some(spent) = self.book().spent.get_mut(id) {
            spent.bytes = spent.bytes.saturating_sub(bytes);
        }
    }

    /// Whether the wish of a component is to be told now.
    fn wish(&self, id: &InstanceId, permission: Permission) -> bool {
        let (mut book, now) = (self.book(), system_now_ms());
        let last = book.wishes.get(&(*id, permission)).copied();
        let due = last.is_none_or(|last| now.saturating_sub(last) >= WISH_MS);
        if due {
            book.wishes.insert((*id, permission), now);
        }
        due
    }

    /// An instance is not open any more on any dashboard: what counted as long as it was ends.
    fn closed(&self, id: &InstanceId) -> bool {
        let mut book = self.book();
        let Some(answers) = book.answers.get_mut(id) else {
            return false;
        };
        let before = answers.len();
        answers.retain(|_, answer| match answer {
            Answer::Given(given) => given.how == How::Always,
            Answer::NotNow => false,
            Answer::Never => true,
        });
        before != answers.len()
    }
}

/// The person has to say yes first.
pub(crate) fn needs_grant(permission: Permission) -> ApiError {
    let mut error = ApiError::new(
        ErrorCode::NeedsGrant,
        format!(
            "this needs your yes first: {}; `hedgerow grant allow INSTANCE {permission}`, or answer on the dashboard",
            permission.for_widget().unwrap_or(permission.name())
        ),
    );
    error.permission = Some(permission);
    error
}

/// What a release asks for, as the decision wants it.
pub(crate) fn asked_of(ask: &PermissionAsk) -> Asked {
    Asked {
        name: ask.name.clone(),
        reason: ask.reason.clone(),
        scope: ask.scope.clone(),
    }
}

impl Engine {
    /// Where a widget comes from.
    fn level_of(&self, widget: &WidgetId) -> Level {
        let Some(installed) = self.installed.get(widget) else {
            return Level::Stranger;
        };
        let release = installed.current.release();
        let pinned =
            |(known, record): &(WidgetId, hedgerow_base::RecordId)| known == widget && Some(*record) == release;
        if self.pinned.iter().any(pinned) {
            return Level::Shipped;
        }
        // A file that was installed and never published may be anybody's, also if a key of one's own was made for it.
        let author = self.store.kin_of(widget).ok().flatten().map(|kin| kin.author);
        match author.filter(|_| release.is_some()) {
            Some(author) if author == self.me() => Level::Own,
            Some(author) if self.opinions.kept.trusts(&author) => Level::Trusted,
            Some(_) | None => Level::Stranger,
        }
    }

    /// Brings the book up to what is placed and installed now. What belonged to removed instances goes.
    pub(crate) fn share_grants(&mut self) {
        let placed = self.instances.iter().filter(|(_, state)| state.removed_ms.is_none());
        let mut levels: BTreeMap<WidgetId, Level> = BTreeMap::new();
        let entries: BTreeMap<InstanceId, Entry> = placed
            .map(|(id, state)| {
                let level = *levels
                    .entry(state.widget)
                    .or_insert_with(|| self.level_of(&state.widget));
                let installed = self.installed.get(&state.widget);
                let asked = installed
                    .into_iter()
                    .flat_map(|i| i.current.permissions.iter().map(asked_of))
                    .collect();
                (*id, Entry { asked, level })
            })
            .collect();
        let known = |id: &InstanceId| self.instances.contains_key(id);
        let mut book = self.shared.grants.book();
        book.answers.retain(|id, _| known(id));
        book.spent.retain(|id, _| known(id));
        book.wishes.retain(|(id, _), _| known(id));
        book.entries = entries;
    }

    /// An instance was closed on the last dashboard.
    pub(crate) fn grants_closed(&mut self, id: &InstanceId) {
        if self.shared.grants.closed(id) {
            self.grants_took_effect(&[*id]);
        }
    }

    /// What follows at once from a change of what instances may do.
    fn grants_took_effect(&mut self, ids: &[InstanceId]) {
        for id in ids {
            if !self.shared.grants.has(id, Permission::Peers) {
                self.silence(id);
            }
            self.emit(Event::GrantsChanged {
                instance: id.to_string(),
            });
        }
        self.apply_apps();
        self.apply_components();
    }

    /// Tells the dashboards that a component waits for a yes.
    pub(crate) fn tell_wish(&mut self, id: &InstanceId, permission: Permission) {
        if self.shared.grants.wish(id, permission) {
            self.emit(Event::GrantWanted {
                instance: id.to_string(),
                permission,
            });
        }
    }

    /// The instance that a call of `grant.*` names.
    fn granting(&self, text: &str) -> Result<InstanceId, ApiError> {
        let id: InstanceId = parsed(text)?;
        self.live_instance(&id).map(|_| id)
    }
}
