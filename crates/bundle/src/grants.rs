//! Whether an instance may do something: the one decision behind every call of a widget and of its component (W2, W25).
//!
//! Pure, and deny by default: what the manifest does not ask for is refused, what nobody answered is asked.

use crate::{manifest::Asked, scope::Scope};
use hedgerow_api::{
    Permission,
    types::{How, Level, Tier},
};
use std::collections::BTreeMap;

/// How long a grant for one call waits for that call.
pub const ONCE_MS: u64 = 60_000;

/// What a call needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need<'a> {
    /// The permission.
    pub permission: Permission,
    /// What exactly, where the permission is limited to something.
    pub of: Of<'a>,
}

/// What exactly a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of<'a> {
    /// Nothing in particular.
    Nothing,
    /// A web site.
    Host(&'a str),
    /// Another app.
    App(&'a str),
}

/// What the person said to a permission of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Yes.
    Given(Given),
    /// Not while the widget is open.
    NotNow,
    /// Never.
    Never,
}

/// A grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// For how long.
    pub how: How,
    /// Also where the browser fences widgets only in part.
    pub anyway: bool,
    /// When it was given, milliseconds since 1970.
    pub since_ms: u64,
    /// The limits that the person saw.
    pub scope: Vec<String>,
}

/// What widgets may do without being asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy(pub BTreeMap<Level, Vec<Permission>>);

impl Default for Policy {
    /// Strangers are asked about everything; people on the list of trusted ones and oneself are not asked about what
    /// shows nothing about the person.
    fn default() -> Self {
        use Permission::{Background, Notifications, Peers, Storage, Widgets};
        Self(BTreeMap::from([
            (Level::Own, vec![Peers, Notifications, Widgets, Background, Storage]),
            (Level::Trusted, vec![Peers, Notifications]),
            (Level::Stranger, Vec::new()),
        ]))
    }
}

impl Policy {
    /// What comes with the program was read by whoever makes it: it may do what it asks for. Of others nothing that is
    /// private is ever allowed unasked.
    pub fn allows(&self, level: Level, permission: Permission) -> bool {
        match level {
            Level::Shipped => true,
            Level::Own | Level::Trusted | Level::Stranger => {
                !permission.is_private() && self.0.get(&level).is_some_and(|list| list.contains(&permission))
            }
        }
    }
}

/// An instance, as far as it matters here.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'a> {
    /// What its widget asks for.
    pub asked: &'a [Asked],
    /// Where the widget comes from.
    pub level: Level,
    /// How well the browser fences it; a component is always fenced.
    pub tier: Tier,
    /// What the person said.
    pub answers: &'a BTreeMap<Permission, Answer>,
    /// What may be done unasked.
    pub policy: &'a Policy,
}

/// The decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may, because the person said so; `true`: this call uses the grant up.
    Granted(bool),
    /// It may, because of where the widget comes from.
    ByPolicy,
    /// The person has to be asked.
    Ask,
    /// It may not, for this reason.
    No(String),
}

impl Verdict {
    /// Whether it may.
    pub const fn is_yes(&self) -> bool {
        matches!(self, Self::Granted(_) | Self::ByPolicy)
    }
}

/// Decides. `now_ms` is the time of the call.
pub fn decide(holder: &Holder<'_>, need: &Need<'_>, now_ms: u64) -> Verdict {
    let permission = need.permission;
    let Some(asked) = holder.asked.iter().find(|a| a.name == permission.name()) else {
        return Verdict::No(format!(
            "the widget does not ask for {permission:?}; its author adds {{ name = {permission:?}, reason = \"…\" }} to permissions in its manifest.toml",
            permission = permission.name()
        ));
    };
    let scope = match Scope::of(permission, &asked.scope) {
        Ok(scope) => scope,
        Err(why) => return Verdict::No(why.to_string()),
    };
    let covered = match need.of {
        Of::Nothing => true,
        Of::Host(host) => scope.allows_host(host),
        Of::App(app) => scope.allows_app(app),
    };
    if !covered {
        let (Of::Host(what) | Of::App(what)) = need.of else {
            return Verdict::No(String::new());
        };
        return Verdict::No(format!(
            "the widget does not ask for {what:?}; its author names it with the permission {:?} in its manifest.toml",
            permission.name()
        ));
    }
    match holder.answers.get(&permission) {
        Some(Answer::Never) => Verdict::No(format!("you said that it never may: {}", permission.name())),
        Some(Answer::NotNow) => Verdict::No(format!("you said not now: {}", permission.name())),
        Some(Answer::Given(given)) if counts(given, &scope, holder, permission, now_ms) => {
            Verdict::Granted(given.how == How::Once)
        }
        Some(Answer::Given(_)) | None if holder.policy.allows(holder.level, permission) => Verdict::ByPolicy,
        Some(Answer::Given(_)) | None => Verdict::Ask,
    }
}

/// Whether a grant is still one: in time, for no more than the person saw, and where the browser fences well enough.
fn counts(given: &Given, scope: &Scope, holder: &Holder<'_>, permission: Permission, now_ms: u64) -> bool {
    let in_time = given.how != How::Once || now_ms.saturating_sub(given.since_ms) < ONCE_MS;
    let seen = Scope::of(permission, &given.scope).is_ok_and(|seen| scope.is_within(&seen));
    let fenced = holder.tier == Tier::Strict || !permission.is_private() || given.anyway;
    in_time && seen && fenced
}

#[cfg(test)]
mod tests;
