//! The user's own devices. What is on the dashboard of one is on all: a private space, which only a device with the
//! user's root key can open, holds one register for each instance, own widget and the user's name; the last write
//! wins. Where things lie on the dashboard is each device's own.

use crate::{
    engine::{Engine, InstanceState, store_error},
    model::{Authored, InstalledRelease, SpaceData},
    updates::Delivered,
    widgets,
};
use hedgerow_api::{ApiError, types::SpaceKind};
use hedgerow_base::{InstanceId, SpaceId, WidgetId, hash::hash, limits};
use hedgerow_store::spaces::UpdateRow;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Most registers that are taken in; far above what a person has.
const MOST_ITEMS: usize = 10_000;

/// One thing that all devices of the user have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Item {
    Name {
        name: String,
    },
    Widget {
        widget: String,
        authored: Authored,
    },
    Instance {
        instance: String,
        widget: String,
        name: String,
        removed: bool,
        space: SpaceData,
        package: Option<Box<InstalledRelease>>,
    },
}

impl Item {
    fn key(&self) -> String {
        match self {
            Self::Name { .. } => "name".into(),
            Self::Widget { widget, .. } => format!("widget {widget}"),
            Self::Instance { instance, .. } => format!("instance {instance}"),
        }
    }
}

/// A write to a register. Later `at` wins; the same `at` on two devices is decided by the bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Write {
    at: u64,
    item: Item,
}

/// What the own devices agree on, as known here.
#[derive(Default)]
pub(crate) struct Account {
    space: Option<SpaceId>,
    items: BTreeMap<String, (Write, Vec<u8>)>,
    /// Widgets whose package is being fetched from another device.
    fetching: BTreeSet<WidgetId>,
    /// What is done now was told by another device, or is being read back.
    quiet: bool,
}

impl Account {
    /// Takes a write in; answers whether it is the newest of its register.
    fn take(&mut self, body: &[u8]) -> Option<Item> {
        // A kind that a later version adds is none of ours.
        let write: Write = serde_json::from_slice(body).ok()?;
        let key = write.item.key();
        let known = self.items.get(&key);
        if known.is_none() && self.items.len() >= MOST_ITEMS {
            return None;
        }
        if known.is_some_and(|(old, bytes)| (old.at, bytes.as_slice()) >= (write.at, body)) {
            return None;
        }
        let item = write.item.clone();
        self.items.insert(key, (write, body.to_vec()));
        Some(item)
    }
}

/// Takes writes in, in the given order and the other way round, and compares.
pub(crate) fn settle(writes: &[&[u8]]) {
    let after = |order: &mut dyn Iterator<Item = &&[u8]>| {
        let mut account = Account::default();
        order.for_each(|body| drop(account.take(body)));
        let items = account.items.into_iter();
        items.map(|(key, (_, bytes))| (key, bytes)).collect::<Vec<_>>()
    };
    let (one, other) = (after(&mut writes.iter()), after(&mut writes.iter().rev()));
    assert!(one == other, "what own devices agree on depends on the order");
}

impl Engine {
    /// Opens the space of the user's devices, reads it back, and writes what it lacks.
    pub(crate) fn load_account(&mut self) -> Result<(), ApiError> {
        let nonce = hash("hedgerow 2026 account space nonce v1", &[&self.identity.user().0]);
        let widget = WidgetId::from_genesis_digest(&hash("hedgerow 2026 account widget v1", &[]));
        self.account = Account {
            quiet: true,
            ..Account::default()
        };
        let space = self.open_private(&widget, nonce, "My devices")?;
        self.account.space = Some(space);
        let mut serial = 0;
        loop {
            let rows = self.store.updates(&space, serial, 500, 4 << 20);
            let rows = rows.map_err(|e| store_error(&e))?;
            let Some(last) = rows.last() else { break };
            serial = last.serial;
            for row in rows {
                let _ = self.account.take(&row.body);
            }
        }
        self.account.quiet = false;
        let ids: Vec<InstanceId> = self.instances.keys().copied().collect();
        for id in ids {
            self.tell_instance(&id)?;
        }
        let own: Vec<WidgetId> = self.authored.keys().copied().collect();
        for widget in own {
            self.tell_authored(&widget)?;
        }
        self.tell_name()
    }

    pub(crate) fn is_account(&self, space: &SpaceId) -> bool {
        self.account.space == Some(*space)
    }

    /// A write of one of the devices, this one too: kept, and carried out here if it is news.
    pub(crate) fn account_write(&mut self, delivered: Delivered) -> Result<(), ApiError> {
        let Some(state) = self.spaces.get_mut(&delivered.space) else {
            return Ok(());
        };
        state.max_serial += 1;
        let row = UpdateRow {
            serial: state.max_serial,
            author: delivered.author,
            time_ms: delivered.time_ms,
            body: delivered.body,
        };
        self.stored(|store| store.put_update(&delivered.space, &delivered.log, delivered.seq, &row))?;
        let Some(item) = self.account.take(&row.body) else {
            return Ok(());
        };
        if self.account.quiet {
            return Ok(());
        }
        self.account.quiet = true;
        let done = self.follow(item);
        self.account.quiet = false;
        // What another device wrote and cannot be done here, say over a limit, must not stop this one.
        if let Err(error) = done {
            tracing::warn!(%error, "a change of another device of yours could not be made here");
        }
        Ok(())
    }

    fn follow(&mut self, item: Item) -> Result<(), ApiError> {
        match item {
            Item::Name { name } if name != self.name => self.take_name(&name),
            Item::Name { .. } => Ok(()),
            Item::Widget { widget, authored } => {
                let Ok(widget) = widget.parse() else { return Ok(()) };
                let sequence = |a: &Authored| a.head.as_ref().map_or(0, |(sequence, _)| *sequence);
                let known = self.authored.get(&widget);
                if known.is_none_or(|old| sequence(old) < sequence(&authored)) {
                    self.put_authored(&widget, authored)?;
                }
                Ok(())
            }
            Item::Instance {
                instance,
                widget,
                name,
                removed,
                space,
                package: _,
            } => {
                let (Ok(id), Ok(widget)) = (instance.parse(), widget.parse()) else {
                    return Ok(());
                };
                self.follow_instance(id, &widget, &name, removed, &space)?;
                self.fetch_for_devices();
                Ok(())
            }
        }
    }

    fn follow_instance(
        &mut self,
        id: InstanceId,
        widget: &WidgetId,
        name: &str,
        removed: bool,
        space: &SpaceData,
    ) -> Result<(), ApiError> {
        let known = self
            .instances
            .get(&id)
            .map(|s| (s.removed_ms.is_some(), s.data.name.clone()));
        match known {
            None if removed => Ok(()),
            None => {
                let space = self.open_of_device(space)?;
                if self
                    .instances
                    .values()
                    .any(|s| s.space == space && s.removed_ms.is_none())
                {
                    // Both devices joined by themselves: one place is enough.
                    return Ok(());
                }
                self.place_instance(space, widget, name.to_owned(), None, Some(id))
                    .map(|_| ())
            }
            Some((was_removed, old_name)) => {
                if was_removed && !removed {
                    self.undo_remove(&id)?;
                } else if !was_removed && removed {
                    return self.remove_instance(&id);
                }
                if !removed && old_name != name {
                    self.rename_instance(&id, name)?;
                }
                Ok(())
            }
        }
    }

    /// Fetches packages of instances that another device brought here. What is installed there was agreed to there.
    pub(crate) fn fetch_for_devices(&mut self) {
        if self.connected.is_empty() {
            return;
        }
        let lacking = self.account.items.values().filter_map(|(write, _)| match &write.item {
            Item::Instance {
                widget,
                removed: false,
                package: Some(package),
                ..
            } => Some((widget.parse::<WidgetId>().ok()?, package.clone())),
            _ => None,
        });
        let lacking: Vec<_> = lacking
            .filter(|(widget, _)| !self.installed.contains_key(widget))
            .collect();
        for (widget, package) in lacking {
            if !self.account.fetching.insert(widget) {
                continue;
            }
            let node = self.handle();
            self.runtime.spawn(async move {
                if let Err(error) = widgets::install_from_device(&node, widget, *package).await {
                    tracing::info!(%error, "a widget of another device of yours is not here yet");
                }
                let ended = node.with(move |engine| {
                    engine.account.fetching.remove(&widget);
                    Ok(())
                });
                let _ = ended.await;
            });
        }
    }

    /// Tells the other devices of an instance that came, went or was renamed.
    pub(crate) fn tell_instance(&mut self, id: &InstanceId) -> Result<(), ApiError> {
        let Some(state) = self.instances.get(id) else {
            return Ok(());
        };
        let told = self
            .account
            .items
            .get(&format!("instance {id}"))
            .map(|(write, _)| &write.item);
        let same = matches!(told, Some(Item::Instance { name, removed, .. })
            if *name == state.data.name && *removed == state.removed_ms.is_some());
        if same || (told.is_none() && state.removed_ms.is_some()) {
            return Ok(());
        }
        let Some(item) = self.instance_item(id, state) else {
            return Ok(());
        };
        self.tell(item)
    }

    fn instance_item(&self, id: &InstanceId, state: &InstanceState) -> Option<Item> {
        let space = self.spaces.get(&state.space)?.data.clone();
        let mut package = self.installed.get(&state.widget).map(|i| Box::new(i.current.clone()));
        if let Some(package) = &mut package {
            // Made anew from the package; an entry has little room.
            package.icon = None;
            // Own devices fetch also what was never published; who knows its hash has it already.
            if let Some(content) = package.content() {
                self.shared.offer(content);
            }
        }
        Some(Item::Instance {
            instance: id.to_string(),
            widget: state.widget.to_string(),
            name: state.data.name.clone(),
            removed: state.removed_ms.is_some(),
            space,
            package,
        })
    }

    /// Tells the other devices of a widget of one's own, so that each can publish its next version.
    pub(crate) fn tell_authored(&mut self, widget: &WidgetId) -> Result<(), ApiError> {
        let Some(authored) = self.authored.get(widget).cloned() else {
            return Ok(());
        };
        let item = Item::Widget {
            widget: widget.to_string(),
            authored,
        };
        self.tell(item)
    }

    /// Tells the other devices what one calls oneself.
    pub(crate) fn tell_name(&mut self) -> Result<(), ApiError> {
        if self.name.is_empty() {
            return Ok(());
        }
        let name = self.name.clone();
        self.tell(Item::Name { name })
    }

    fn tell(&mut self, item: Item) -> Result<(), ApiError> {
        let Some(space) = self.account.space.filter(|_| !self.account.quiet) else {
            return Ok(());
        };
        let known = self.account.items.get(&item.key());
        if known.is_some_and(|(write, _)| write.item == item) {
            return Ok(());
        }
        let after = known.map_or(0, |(write, _)| write.at.saturating_add(1));
        let write = Write {
            at: self.now_ms().max(after),
            item,
        };
        let body = serde_json::to_vec(&write).unwrap_or_default();
        if body.is_empty() || body.len() > limits::MAX_UPDATE {
            return Ok(());
        }
        // What this device writes is done here already.
        self.account.quiet = true;
        let done = self.append(&space, body);
        self.account.quiet = false;
        done
    }

    /// Opens the space of an instance of another device, with a log of this device's own.
    fn open_of_device(&mut self, data: &SpaceData) -> Result<SpaceId, ApiError> {
        match data.kind {
            SpaceKind::Private | SpaceKind::Invited => self.open_renewed(data),
            SpaceKind::Public => {
                let widget = crate::spaces::widget_of(data)?;
                self.create_space(SpaceKind::Public, &widget, &data.name)
            }
        }
    }
}
