//! Apps that talk to their equals on other nodes (Z1–Z9, O1): which are open here and why, and who listens to them.
//! What travels is decided by the core in `crates/overlay`; this drives it.

pub(crate) mod calls;
mod driver;
mod rules;
mod secrets;
mod silence;
pub(crate) mod streams;
mod waiting;

use crate::{caller::Caller, dispatch::parsed, engine::Engine, handle::unknown_instance};
use hedgerow_api::{ApiError, ErrorCode, Permission};
use hedgerow_base::{Alias, AppId, AppName, InstanceId, NodeId, SecretKey, WidgetId};
use hedgerow_overlay::{AppConfig, Input, Overlay, Owed, Rules, RulesText, Running, Strict, Validator};
use hedgerow_store::{Store, StoreError};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Instant,
};

pub(crate) use rules::{Checks, rules_of};
pub(crate) use silence::component_listener;
use waiting::Waiting;

/// Key in the store: no message of an earlier run had a number as high as this.
const NUMBERS: &str = "message_numbers";
/// Numbers that are set aside for one run: more than it can send.
const NUMBERS_A_RUN: u64 = 1 << 40;
/// Of those, what one opening of an app may use up.
const NUMBERS_AN_OPENING: u64 = 1 << 26;
/// Links that a node opens for an app (Z1: `peerCount`).
const FANOUT: usize = 5;
/// Members of an app whose alias is remembered.
const ALIASES: usize = 4096;
/// Replies that an app may still give.
const REPLIES: usize = 256;
/// What a widget asks for in its manifest to talk to others.
const PERMISSION: Permission = Permission::Peers;

/// Who speaks, found out by the door and never taken from what they say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Speaker {
    pub(crate) app: AppName,
    /// Who is told of what comes: `listener` of events.
    pub(crate) listener: String,
    /// The owner may open any app.
    pub(crate) owner: bool,
}

/// Because of what an app is open.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Holder {
    /// A widget that was granted the permission is on a board.
    Widget(WidgetId),
    /// A plugin with the permission is allowed.
    Plugin(String),
    /// A program of the owner opened it.
    Program,
}

/// An app of a plugin that the owner allowed to talk to others.
#[derive(Clone, Debug)]
pub(crate) struct PluginApp {
    pub(crate) app: AppName,
    /// What its messages are checked by.
    pub(crate) checks: Checks,
}

/// An app that is open here.
struct Swarm {
    name: AppName,
    holders: BTreeSet<Holder>,
    /// Who listens, and whether they judge.
    listeners: BTreeMap<String, bool>,
    rules: Arc<Rules>,
    /// Which member goes by which alias.
    aliases: BTreeMap<Alias, NodeId>,
    /// Replies that may still be given, by what the app calls them.
    owed: BTreeMap<u64, Owed>,
}

/// All of them.
pub(crate) struct Apps {
    overlay: Overlay,
    begun: Instant,
    swarms: BTreeMap<AppId, Swarm>,
    plugins: BTreeMap<String, PluginApp>,
    /// What is checked by programs of widgets, with the content of the package that they come from.
    programs: BTreeMap<WidgetId, (String, Checks)>,
    waiting: Waiting,
    /// Above all numbers of messages so far.
    first_number: u64,
    /// Secrets of apps that used some.
    keyrings: BTreeMap<AppId, hedgerow_secrets::Keyring>,
    replies: u64,
    /// Peers that the core takes for connected, with the start of their program.
    told: BTreeMap<NodeId, [u8; 16]>,
    /// Frames for parked peers, until they are back.
    parked: BTreeMap<NodeId, VecDeque<Vec<u8>>>,
    /// As what peers were last there, to answer for them while they are parked.
    here: BTreeMap<(NodeId, AppId), hedgerow_wire::overlay::Here>,
    /// Connections that the core asked for.
    dialling: BTreeSet<NodeId>,
}

impl Apps {
    /// Nothing is open yet. Numbers for the messages of this run are set aside for good.
    ///
    /// # Errors
    /// When the store refuses.
    pub(crate) fn new(me: NodeId, seed: &[u8; 32], store: &Store, now_ms: u64) -> Result<Self, StoreError> {
        let stored = store.meta(NUMBERS)?.and_then(|bytes| bytes.try_into().ok());
        // The clock alone would do, were it never set back; what is stored alone, were no old backup ever used.
        let first_number = stored.map_or(0, u64::from_le_bytes).max(now_ms << 10);
        store.set_meta(NUMBERS, &first_number.saturating_add(NUMBERS_A_RUN).to_le_bytes())?;
        let protocols = hedgerow_net::PROTOCOLS.map(String::from).to_vec();
        Ok(Self {
            overlay: Overlay::new(me, seed, protocols, Arc::new(Strict)),
            begun: Instant::now(),
            swarms: BTreeMap::new(),
            plugins: BTreeMap::new(),
            programs: BTreeMap::new(),
            waiting: Waiting::default(),
            first_number,
            keyrings: BTreeMap::new(),
            replies: 0,
            told: BTreeMap::new(),
            parked: BTreeMap::new(),
            here: BTreeMap::new(),
            dialling: BTreeSet::new(),
        })
    }

    /// Milliseconds of a clock that never goes back.
    fn now_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// In how many milliseconds the core wants to be woken.
    pub(crate) fn wait_ms(&self) -> Option<u64> {
        let due = self.overlay.poll_timeout()?;
        Some(due.saturating_sub(self.now_ms()))
    }

    fn listeners(&self, app: &AppId) -> Vec<String> {
        let swarm = self.swarms.get(app);
        swarm.into_iter().flat_map(|s| s.listeners.keys().cloned()).collect()
    }

    /// Remembers how a member is called, and answers that.
    fn alias(&mut self, app: &AppId, node: &NodeId) -> Alias {
        let alias = Alias::of(app, node);
        if let Some(swarm) = self.swarms.get_mut(app) {
            if swarm.aliases.len() >= ALIASES && !swarm.aliases.contains_key(&alias) {
                // Who is still a member is found again.
                swarm.aliases.clear();
            }
            swarm.aliases.insert(alias, *node);
        }
        alias
    }
}

impl Swarm {
    fn running(&self) -> Running {
        match (self.listeners.is_empty(), self.listeners.values().any(|judges| *judges)) {
            (true, _) => Running::No,
            (false, true) => Running::Judges,
            (false, false) => Running::Yes,
        }
    }
}

fn refused(why: &str) -> ApiError {
    ApiError::new(ErrorCode::Refused, why)
}

impl Engine {
    /// Who speaks. What a caller says of itself counts only for the owner.
    pub(crate) fn speaker(
        &self,
        caller: &Caller,
        instance: Option<&str>,
        app: Option<&str>,
    ) -> Result<Speaker, ApiError> {
        match (caller, instance, app) {
            (Caller::Plugin(session), None, None) => Ok(Speaker {
                app: session.app.clone(),
                listener: format!("plugin:{}", session.name),
                owner: false,
            }),
            (Caller::Plugin(_), ..) => Err(ApiError::new(
                ErrorCode::Denied,
                "a plugin speaks for itself: leave `instance` and `app` out",
            )),
            // Whoever runs the component says for which instance; what it says itself does not count.
            (Caller::Component(id), ..) => {
                let widget = self.live_instance(id)?.widget;
                self.may_talk(&widget)?;
                Ok(Speaker {
                    app: AppName::Widget(widget),
                    listener: component_listener(id),
                    owner: false,
                })
            }
            (_, Some(instance), None) => {
                let id: InstanceId = parsed(instance)?;
                let widget = self.instances.get(&id).filter(|state| state.removed_ms.is_none());
                let widget = widget.ok_or_else(|| unknown_instance(&id))?.widget;
                self.may_talk(&widget)?;
                if !self.shared.grants.has(&id, PERMISSION) {
                    return Err(crate::grants::needs_grant(PERMISSION));
                }
                Ok(Speaker {
                    app: AppName::Widget(widget),
                    listener: id.to_string(),
                    owner: false,
                })
            }
            (_, None, Some(app)) => {
                let app: AppName = parsed(app)?;
                Ok(Speaker {
                    listener: format!("app:{}", app.id()),
                    app,
                    owner: true,
                })
            }
            (_, None, None) => Err(ApiError::new(
                ErrorCode::BadParams,
                "say who speaks: `app`, the UUID of a widget or the name of a plugin, or `instance`",
            )),
            (_, Some(_), Some(_)) => Err(ApiError::new(ErrorCode::BadParams, "say either `app` or `instance`")),
        }
    }

    /// Whether a widget asked to talk to others.
    fn may_talk(&self, widget: &WidgetId) -> Result<(), ApiError> {
        let installed = self.installed.get(widget);
        let installed = installed.ok_or_else(|| {
            ApiError::new(
                ErrorCode::NotFound,
                format!("the widget {widget} is not installed any more"),
            )
        })?;
        match installed
            .current
            .permissions
            .iter()
            .any(|p| p.name == PERMISSION.name())
        {
            true => Ok(()),
            false => Err(ApiError::new(
                ErrorCode::Denied,
                "the widget did not ask to talk to other people; its author adds \
                 permissions = [{ name = \"peers\", reason = \"…\" }] to its manifest",
            )),
        }
    }

    /// Who signs in an app: the user's pseudonym there, the same on all own devices.
    pub(crate) fn app_key(&self, app: &AppName) -> SecretKey {
        match app {
            AppName::Widget(widget) => self.identity.pseudonym_key(widget),
            other => self.identity.app_key(&other.id()),
        }
    }

    /// Plugins that may talk to others, as the owner allows now.
    pub(crate) fn set_plugin_app(&mut self, name: &str, app: Option<PluginApp>) {
        match app {
            Some(app) => self.apps.plugins.insert(name.to_owned(), app),
            None => self.apps.plugins.remove(name),
        };
        self.apply_apps();
    }

    /// Opens and closes apps, after what is installed or allowed changed.
    pub(crate) fn apply_apps(&mut self) {
        let mut wanted: BTreeMap<AppId, (AppName, BTreeSet<Holder>, Checks)> = BTreeMap::new();
        let placed: BTreeSet<WidgetId> = self
            .instances
            .iter()
            .filter(|(id, state)| state.removed_ms.is_none() && self.shared.grants.has(id, Permission::Peers))
            .map(|(_, state)| state.widget)
            .collect();
        self.apps.programs.retain(|widget, _| placed.contains(widget));
        for widget in placed {
            let name = AppName::Widget(widget);
            let checks = self.checks_of(&widget);
            let holders = BTreeSet::from([Holder::Widget(widget)]);
            wanted.insert(name.id(), (name, holders, checks));
        }
        for (name, plugin) in &self.apps.plugins {
            let entry = wanted.entry(plugin.app.id());
            // A widget's own rules count for its app.
            let (_, holders, _) = entry.or_insert_with(|| (plugin.app.clone(), BTreeSet::new(), plugin.checks.clone()));
            holders.insert(Holder::Plugin(name.clone()));
        }
        let open: Vec<AppId> = self.apps.swarms.keys().copied().collect();
        for app in open {
            let by_program = self
                .apps
                .swarms
                .get(&app)
                .is_some_and(|s| s.holders.contains(&Holder::Program));
            match wanted.get_mut(&app) {
                Some((_, holders, _)) if by_program => {
                    holders.insert(Holder::Program);
                }
                Some(_) => {}
                None if by_program => {
                    if let Some(swarm) = self.apps.swarms.get_mut(&app) {
                        swarm.holders = BTreeSet::from([Holder::Program]);
                    }
                }
                None => self.close_app(&app),
            }
        }
        let live = |listener: &str| match listener
            .strip_prefix("component:")
            .unwrap_or(listener)
            .parse::<InstanceId>()
        {
            Ok(id) => self.instances.get(&id).is_some_and(|state| state.removed_ms.is_none()),
            Err(_) => true,
        };
        for swarm in self.apps.swarms.values_mut() {
            swarm.listeners.retain(|listener, _| live(listener));
        }
        for (name, holders, checks) in wanted.into_values() {
            self.open_app(&name, holders, checks);
        }
    }

    /// Opens an app, or changes by what its messages are checked.
    fn open_app(&mut self, name: &AppName, holders: BTreeSet<Holder>, checks: Checks) {
        let app = name.id();
        let rules = Arc::new(checks.rules);
        let fresh = match self.apps.swarms.get_mut(&app) {
            Some(swarm) => {
                swarm.holders = holders;
                let same = swarm.rules.digest() == rules.digest();
                swarm.rules = rules.clone();
                if same {
                    return;
                }
                false
            }
            None => {
                let swarm = Swarm {
                    name: name.clone(),
                    holders,
                    listeners: BTreeMap::new(),
                    rules: rules.clone(),
                    aliases: BTreeMap::new(),
                    owed: BTreeMap::new(),
                };
                self.apps.swarms.insert(app, swarm);
                true
            }
        };
        // A number is never used twice, also when an app is closed and opened.
        self.apps.first_number = self.apps.first_number.saturating_add(NUMBERS_AN_OPENING);
        let config = AppConfig {
            rules,
            validator: checks.program.map(|program| program as Arc<dyn Validator>),
            key: Some(self.app_key(name)),
            known: true,
            source: Alias::of(&app, &self.identity.node()).0,
            first_seq: self.apps.first_number,
            fanout: FANOUT,
        };
        let config = Box::new(config);
        self.overlay(Input::Open { app, config });
        if fresh {
            let contacts = self.contacts();
            self.overlay(Input::Heard { app, contacts });
        }
    }

    fn close_app(&mut self, app: &AppId) {
        self.apps.swarms.remove(app);
        self.overlay(Input::Close { app: *app });
        self.shared.app_streams.close_app(app);
    }

    /// Somebody listens from now on.
    fn listen(&mut self, speaker: &Speaker, judge: bool, rules: Option<RulesText>) -> Result<(), ApiError> {
        let app = speaker.app.id();
        match (speaker.owner, self.apps.swarms.contains_key(&app)) {
            (true, false) => {
                let wrong = |why: String| ApiError::new(ErrorCode::BadParams, format!("rules: {why}"));
                let rules = rules.unwrap_or_default();
                if rules.validator.is_some() {
                    return Err(wrong(
                        "validator names a file of a widget or a plugin, and there is none here; use filter or accept"
                            .into(),
                    ));
                }
                let checks = Checks::new(&rules, None).map_err(wrong)?;
                self.open_app(&speaker.app, BTreeSet::from([Holder::Program]), checks);
            }
            (true, true) if rules.is_some() => return Err(refused("the app is open here already, with its own rules")),
            (true, true) => {
                if let Some(swarm) = self.apps.swarms.get_mut(&app) {
                    swarm.holders.insert(Holder::Program);
                }
            }
            (false, _) if rules.is_some() => {
                return Err(ApiError::new(
                    ErrorCode::Denied,
                    "the rules of an app are in its manifest",
                ));
            }
            (false, false) => return Err(not_open()),
            (false, true) => {}
        }
        if let Some(swarm) = self.apps.swarms.get_mut(&app) {
            let judges = swarm.listeners.entry(speaker.listener.clone()).or_default();
            *judges |= judge;
        }
        self.tell_running(&app);
        Ok(())
    }

    /// It does not any more.
    fn unlisten(&mut self, speaker: &Speaker) {
        let app = speaker.app.id();
        let Some(swarm) = self.apps.swarms.get_mut(&app) else {
            return;
        };
        swarm.listeners.remove(&speaker.listener);
        self.shared.app_streams.close_all(&speaker.listener);
        if speaker.owner {
            swarm.holders.remove(&Holder::Program);
        }
        match swarm.holders.is_empty() {
            true => self.close_app(&app),
            false => self.tell_running(&app),
        }
    }

    fn tell_running(&mut self, app: &AppId) {
        if let Some(running) = self.apps.swarms.get(app).map(Swarm::running) {
            self.overlay(Input::Running { app: *app, running });
        }
    }

    /// The member of an app that a caller names: by alias, or by pseudonym.
    fn member(&mut self, app: &AppId, text: &str) -> Result<NodeId, ApiError> {
        let unknown = || {
            ApiError::new(
                ErrorCode::NotFound,
                format!("{text:?} is no member of the app that this node knows; `peers.members` lists them"),
            )
        };
        for node in self.apps.overlay.members(app) {
            self.apps.alias(app, &node);
        }
        if let Ok(alias) = text.parse::<Alias>() {
            let swarm = self.apps.swarms.get(app);
            let known = swarm.and_then(|s| s.aliases.get(&alias)).copied();
            // Of an app that is not open here, every peer may be a member.
            let peer = || {
                self.connected
                    .keys()
                    .copied()
                    .find(|node| Alias::of(app, node) == alias)
            };
            return known.or_else(peer).ok_or_else(unknown);
        }
        let who: hedgerow_base::Pseudonym = parsed(text)?;
        let known = self.apps.overlay.known(app);
        let found = known.into_iter().find(|(_, is)| *is == Some(who));
        found.map(|(node, _)| node).ok_or_else(unknown)
    }
}

fn not_open() -> ApiError {
    ApiError::new(
        ErrorCode::NotFound,
        "the app is not open on this node: place the widget, allow the plugin, or call peers.open first",
    )
}
