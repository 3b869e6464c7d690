//! Whom this node trusts, what it hides and shares, and what may be spent on widgets that are fetched ahead.

use crate::{
    dispatch::parsed,
    engine::{Engine, store_error},
    model::{pack, unpack},
    notices::clean,
};
use hedgerow_api::{
    ApiError, ErrorCode,
    types::{BlockParams, Blocked, DirectorySettings, Person, Role, SetDirectoryParams, UpdatePolicy},
};
use hedgerow_base::{ContentId, PersonId, WidgetId};
use hedgerow_wire::directory::Subject;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const KEY: &str = "directory";
/// Most people on a list, and most things that are blocked.
const MOST: usize = 1_000;
/// Disk and daily traffic for widgets that are fetched ahead, unless told otherwise.
const DISK: u64 = 256 << 20;
const DAILY: u64 = 64 << 20;

/// Something that one blocked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptBlock {
    pub(crate) reason: String,
    pub(crate) shared: bool,
}

/// What is kept, as JSON. People and widgets are written as their texts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Kept {
    trusted: Vec<String>,
    block_lists: Vec<String>,
    blocked: BTreeMap<String, KeptBlock>,
    pub(crate) share_installs: bool,
    pub(crate) collect: bool,
    pub(crate) collect_unknown: bool,
    pub(crate) collect_disk: u64,
    pub(crate) collect_daily: u64,
    pub(crate) updates: UpdatePolicy,
    pub(crate) update_hold_hours: u32,
    /// Packages that were fetched ahead, with their sizes.
    pub(crate) collected: BTreeMap<String, u64>,
    /// Bytes fetched ahead on a day (days since 1970).
    pub(crate) spent: (u64, u64),
    /// Releases that the person went back from: not installed by themselves again.
    pub(crate) skipped: BTreeMap<String, String>,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            trusted: Vec::new(),
            block_lists: Vec::new(),
            blocked: BTreeMap::new(),
            share_installs: true,
            collect: true,
            collect_unknown: false,
            collect_disk: DISK,
            collect_daily: DAILY,
            updates: UpdatePolicy::default(),
            update_hold_hours: 0,
            collected: BTreeMap::new(),
            spent: (0, 0),
            skipped: BTreeMap::new(),
        }
    }
}

impl Kept {
    pub(crate) fn trusted(&self) -> impl Iterator<Item = PersonId> + '_ {
        self.trusted.iter().filter_map(|key| key.parse().ok())
    }
    pub(crate) fn block_lists(&self) -> impl Iterator<Item = PersonId> + '_ {
        self.block_lists.iter().filter_map(|key| key.parse().ok())
    }
    pub(crate) fn blocked(&self) -> impl Iterator<Item = Subject> + '_ {
        self.blocked.keys().filter_map(|text| subject(text).ok())
    }
    pub(crate) fn trusts(&self, person: &PersonId) -> bool {
        self.trusted.contains(&person.to_string())
    }
    /// A block that was taken back from the shared list goes on for oneself.
    pub(crate) fn unshare(&mut self, subject: &str) {
        if let Some(block) = self.blocked.get_mut(subject) {
            block.shared = false;
        }
    }
    pub(crate) fn has_collected(&self, content: &ContentId) -> bool {
        self.collected.contains_key(&content.to_string())
    }
}

/// A widget by its UUID or a person by their key.
pub(crate) fn subject(text: &str) -> Result<Subject, ApiError> {
    let text = text.trim();
    if let Ok(widget) = text.parse::<WidgetId>() {
        return Ok(Subject::Widget(widget));
    }
    text.parse().map(Subject::Person).map_err(|_| {
        let why = format!("{text:?} is neither the UUID of a widget nor the key of a person (64 hex digits)");
        ApiError::new(ErrorCode::BadParams, why)
    })
}

pub(crate) fn subject_text(subject: &Subject) -> String {
    match subject {
        Subject::Widget(widget) => widget.to_string(),
        Subject::Person(person) => person.to_string(),
    }
}

impl Engine {
    pub(crate) fn load_directory_settings(&mut self) -> Result<(), ApiError> {
        let kept = self.store.meta(KEY).map_err(|e| store_error(&e))?;
        self.opinions.kept = kept.and_then(|bytes| unpack(&bytes)).unwrap_or_default();
        Ok(())
    }
    /// Changes what is kept; what follows from it is judged anew.
    pub(crate) fn keep(&mut self, change: impl FnOnce(&mut Kept)) -> Result<(), ApiError> {
        let mut kept = self.opinions.kept.clone();
        change(&mut kept);
        self.stored(|store| store.set_meta(KEY, &pack(&kept)))?;
        self.opinions.kept = kept;
        self.judge_soon();
        Ok(())
    }

    pub(crate) fn directory_settings(&self) -> Result<DirectorySettings, ApiError> {
        let kept = &self.opinions.kept;
        let people = |list: Vec<PersonId>| -> Result<Vec<Person>, ApiError> {
            list.iter().map(|person| self.person(person)).collect()
        };
        let blocked = kept.blocked.iter().map(|(text, block)| {
            Ok(Blocked {
                subject: text.clone(),
                name: self.subject_name(&subject(text)?)?,
                reason: block.reason.clone(),
                shared: block.shared,
            })
        });
        Ok(DirectorySettings {
            trusted: people(kept.trusted().collect())?,
            block_lists: people(kept.block_lists().collect())?,
            blocked: blocked.collect::<Result<_, ApiError>>()?,
            share_installs: kept.share_installs,
            collect: kept.collect,
            collect_unknown: kept.collect_unknown,
            collect_disk: kept.collect_disk,
            collect_daily: kept.collect_daily,
            collected: kept.collected.values().sum(),
            updates: kept.updates,
            update_hold_hours: kept.update_hold_hours,
        })
    }

    pub(crate) fn set_directory(&mut self, p: &SetDirectoryParams) -> Result<DirectorySettings, ApiError> {
        self.keep(|kept| {
            kept.share_installs = p.share_installs.unwrap_or(kept.share_installs);
            kept.collect = p.collect.unwrap_or(kept.collect);
            kept.collect_unknown = p.collect_unknown.unwrap_or(kept.collect_unknown);
            kept.collect_disk = p.collect_disk.unwrap_or(kept.collect_disk);
            kept.collect_daily = p.collect_daily.unwrap_or(kept.collect_daily);
            kept.updates = p.updates.unwrap_or(kept.updates);
            kept.update_hold_hours = p.update_hold_hours.unwrap_or(kept.update_hold_hours).min(24 * 365);
        })?;
        self.tell_installs();
        self.ahead_soon();
        self.directory_settings()
    }

    /// Adds somebody to a list or takes them off.
    fn list(
        &mut self,
        key: &str,
        on: bool,
        list: impl FnOnce(&mut Kept) -> &mut Vec<String>,
    ) -> Result<DirectorySettings, ApiError> {
        let person: PersonId = parsed(key)?;
        if on && person == self.me() {
            return Err(ApiError::new(ErrorCode::Refused, "that is your own key"));
        }
        let mut full = false;
        self.keep(|kept| {
            let list = list(kept);
            let text = person.to_string();
            list.retain(|key| *key != text);
            full = list.len() >= MOST;
            if on && !full {
                list.push(text);
            }
        })?;
        if on && full {
            return Err(ApiError::new(
                ErrorCode::Limit,
                format!("a list has at most {MOST} people"),
            ));
        }
        self.directory_settings()
    }
    pub(crate) fn trust(&mut self, key: &str, on: bool) -> Result<DirectorySettings, ApiError> {
        let settings = self.list(key, on, |kept| &mut kept.trusted)?;
        // What their widgets may do unasked follows from it.
        self.share_instances();
        Ok(settings)
    }
    pub(crate) fn subscribe(&mut self, key: &str, on: bool) -> Result<DirectorySettings, ApiError> {
        self.list(key, on, |kept| &mut kept.block_lists)
    }

    pub(crate) fn block(&mut self, p: &BlockParams) -> Result<DirectorySettings, ApiError> {
        let what = subject(&p.subject)?;
        if what == Subject::Person(self.me()) {
            return Err(ApiError::new(ErrorCode::Refused, "that is your own key"));
        }
        let text = subject_text(&what);
        if self.opinions.kept.blocked.len() >= MOST && !self.opinions.kept.blocked.contains_key(&text) {
            let why = format!("at most {MOST} things are blocked; take some back first");
            return Err(ApiError::new(ErrorCode::Limit, why));
        }
        let reason = clean(&p.reason, 300);
        if p.share {
            self.certify(Role::Block, what, &reason, false)?;
        }
        let block = KeptBlock {
            reason,
            shared: p.share,
        };
        self.keep(|kept| {
            kept.blocked.insert(text, block);
        })?;
        self.directory_settings()
    }
    pub(crate) fn unblock(&mut self, text: &str) -> Result<DirectorySettings, ApiError> {
        let what = subject(text)?;
        let text = subject_text(&what);
        if self.opinions.kept.blocked.get(&text).is_some_and(|block| block.shared) {
            self.certify(Role::Block, what, "", true)?;
        }
        self.keep(|kept| {
            kept.blocked.remove(&text);
        })?;
        self.directory_settings()
    }
}
