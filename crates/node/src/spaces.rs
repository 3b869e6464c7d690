//! Spaces on this node: opening them from the store, carrying out what the sync core wants, members.

use crate::{
    engine::{After, Engine, store_error},
    identity::random,
    invites::Invitation,
    model::{SpaceData, pack, unpack},
    people::{BATCH_BYTES, Outgoing},
    updates::Delivered,
};
use data_encoding::BASE64;
use hedgerow_api::{ApiError, ErrorCode, Event, types::SpaceKind};
use hedgerow_base::{NodeId, Pseudonym, SpaceId, WidgetId, hash::hash};
use hedgerow_net::Channel;
use hedgerow_sync::{Effect, EntryRange, Identity, Input, Invite, SpaceConfig, Sync, entries_frame};
use std::collections::VecDeque;

/// Name under which the store remembers whose device's logs these are.
const DEVICE: &str = "device";

/// A space as this node keeps it.
#[derive(Clone, Debug)]
pub(crate) struct SpaceState {
    pub(crate) data: SpaceData,
    pub(crate) widget: WidgetId,
    pub(crate) max_serial: u64,
    /// Own changes since another member was last here.
    pub(crate) unsent: u64,
    pub(crate) closed: bool,
}

/// Points from which on a peer's fault ends the connection.
const FAULT: u32 = 7;

fn no_random(error: &crate::identity::IdentityError) -> ApiError {
    ApiError::new(ErrorCode::Local, error.to_string())
}

impl Engine {
    fn draw<const N: usize>(&self) -> Result<[u8; N], ApiError> {
        random().map_err(|e| no_random(&e))
    }

    /// Opens every space of the store in a new core. On a device that is new to the folder (a restored backup), each
    /// space goes on with a new log: the old one may still be written elsewhere.
    pub(crate) fn load_spaces(&mut self) -> Result<(), ApiError> {
        self.sync = Sync::new(self.identity.node(), self.draw()?);
        self.spaces.clear();
        let node = self.identity.node();
        let device = self.store.meta(DEVICE).map_err(|e| store_error(&e))?;
        let moved = device.as_ref().is_some_and(|d| d.as_slice() != node.0.as_slice());
        for row in self.store.spaces().map_err(|e| store_error(&e))? {
            let Some(mut data) = unpack::<SpaceData>(&row.config) else {
                continue;
            };
            let Some(mut config) = config(&data) else { continue };
            if moved {
                config = config.renew(self.draw()?);
                data.core = BASE64.encode(&config.to_bytes());
                self.stored(|store| store.put_space(&row.space, &pack(&data)))?;
            }
            let max_serial = self.store.max_serial(&row.space).map_err(|e| store_error(&e))?;
            let widget = config.genesis().widget;
            self.spaces.insert(
                row.space,
                SpaceState {
                    widget,
                    data,
                    max_serial,
                    unsent: 0,
                    closed: false,
                },
            );
            self.open_in_core(config, row.summary)?;
        }
        self.stored(|store| store.set_meta(DEVICE, &node.0))
    }

    fn open_in_core(&mut self, config: SpaceConfig, state: Option<Vec<u8>>) -> Result<(), ApiError> {
        let (space, widget) = (config.id(), config.genesis().widget);
        let identity = Identity {
            pseudonym: self.identity.pseudonym_key(&widget),
            seal: self.identity.seal_seed(&widget),
        };
        let now = self.now_ms();
        let mut effects = Vec::new();
        let name = Some(self.shown_name());
        let open = Input::OpenSpace {
            config: Box::new(config),
            identity: Box::new(identity),
            name,
            state,
        };
        self.sync.handle(now, open, &mut effects);
        let sync = &mut self.sync;
        let mut damaged = 0u64;
        let replayed = self.store.each_entry(&space, |bytes| {
            damaged += u64::from(sync.replay(&space, &bytes, &mut effects).is_err());
        });
        replayed.map_err(|e| store_error(&e))?;
        if damaged > 0 {
            tracing::error!(space = %space.short(), damaged, "stored entries did not fit and were passed over");
        }
        self.sync.handle(now, Input::Start { space }, &mut effects);
        self.apply_sync(effects);
        Ok(())
    }

    /// Makes a space for a widget, or opens the one public space of it.
    pub(crate) fn create_space(&mut self, kind: SpaceKind, widget: &WidgetId, name: &str) -> Result<SpaceId, ApiError> {
        let me = Pseudonym::from(self.identity.pseudonym_key(widget).public());
        let random: [u8; 32] = self.draw()?;
        let config = match kind {
            SpaceKind::Private => {
                let nonce = hash("hedgerow 2026 private space nonce v1", &[&random]);
                return self.open_private(widget, nonce, name);
            }
            SpaceKind::Invited => SpaceConfig::invited(*widget, me, random),
            SpaceKind::Public => SpaceConfig::public(*widget, random),
        };
        self.open_new(config, kind, name)
    }

    /// Opens the private space that all devices of the user derive from a nonce.
    pub(crate) fn open_private(&mut self, widget: &WidgetId, nonce: [u8; 32], name: &str) -> Result<SpaceId, ApiError> {
        let me = Pseudonym::from(self.identity.pseudonym_key(widget).public());
        let key = self.identity.private_space_key(&nonce);
        let config = SpaceConfig::private(*widget, me, nonce, *key, self.draw()?);
        self.open_new(config, SpaceKind::Private, name)
    }

    /// Opens a space as another device of the user described it, with a log of this device's own.
    pub(crate) fn open_renewed(&mut self, data: &SpaceData) -> Result<SpaceId, ApiError> {
        let theirs = config(data).ok_or_else(unreadable)?;
        let config = theirs.renew(self.draw()?);
        self.open_new(config, data.kind, &data.name)
    }

    fn open_new(&mut self, config: SpaceConfig, kind: SpaceKind, name: &str) -> Result<SpaceId, ApiError> {
        let space = config.id();
        if self.spaces.contains_key(&space) {
            return Ok(space);
        }
        let widget = config.genesis().widget;
        let data = SpaceData {
            kind,
            core: BASE64.encode(&config.to_bytes()),
            name: name.to_owned(),
        };
        self.stored(|store| store.put_space(&space, &pack(&data)))?;
        self.spaces.insert(
            space,
            SpaceState {
                data,
                widget,
                max_serial: 0,
                unsent: 0,
                closed: false,
            },
        );
        self.open_in_core(config, None)?;
        Ok(space)
    }

    /// Opens the space of an invitation; where one was removed or had left and is invited anew, with its new keys.
    pub(crate) fn open_joined(&mut self, invite: &Invitation) -> Result<SpaceId, ApiError> {
        if invite.kind() == SpaceKind::Public {
            return self.create_space(SpaceKind::Public, &invite.widget(), &invite.name());
        }
        let core = read_invite(invite.core())?;
        let space = core.genesis.id();
        let kind = match core.genesis.kind {
            hedgerow_sync::SpaceKind::Private => SpaceKind::Private,
            hedgerow_sync::SpaceKind::Invited => SpaceKind::Invited,
            hedgerow_sync::SpaceKind::Public => SpaceKind::Public,
        };
        if core.genesis.widget != invite.widget() || invite.kind() != kind {
            return Err(ApiError::new(
                ErrorCode::BadParams,
                "the invitation contradicts itself; ask for a new one",
            ));
        }
        let me = Pseudonym::from(self.identity.pseudonym_key(&core.genesis.widget).public());
        if self.spaces.get(&space).is_some_and(|s| !s.closed) {
            return Ok(space);
        }
        let config = SpaceConfig::join(&core, me, self.draw()?);
        if self.spaces.contains_key(&space) {
            return self.rejoin(&space, config);
        }
        self.open_new(config, kind, &invite.name())
    }

    /// Goes on in a space that one was out of, with the keys and the proof of a new invitation.
    fn rejoin(&mut self, space: &SpaceId, config: SpaceConfig) -> Result<SpaceId, ApiError> {
        let Some(state) = self.spaces.get_mut(space) else {
            return Ok(*space);
        };
        state.data.core = BASE64.encode(&config.to_bytes());
        state.closed = false;
        let data = pack(&state.data);
        self.stored(|store| store.put_space(space, &data))?;
        let mut effects = Vec::new();
        self.sync
            .handle(self.now_ms(), Input::CloseSpace { space: *space }, &mut effects);
        self.apply_sync(effects);
        self.open_in_core(config, None)?;
        Ok(*space)
    }

    pub(crate) fn core_invite(&mut self, space: &SpaceId) -> Result<Vec<u8>, ApiError> {
        let kind = self.spaces.get(space).map(|s| s.data.kind);
        if kind == Some(SpaceKind::Public) {
            return Ok(Vec::new());
        }
        let name = self.spaces.get(space).map(|s| s.data.name.clone());
        let invite = self
            .sync
            .invite(space, name)
            .map_err(|e| ApiError::new(ErrorCode::Refused, e.to_string()))?;
        Ok(invite.to_bytes())
    }
    pub(crate) fn core_invite_space(&self, invite: &Invitation) -> Result<SpaceId, ApiError> {
        if invite.kind() == SpaceKind::Public {
            return Ok(hedgerow_sync::SpaceGenesis::public(invite.widget()).id());
        }
        Ok(read_invite(invite.core())?.genesis.id())
    }

    pub(crate) fn close_space(&mut self, space: &SpaceId) -> Result<(), ApiError> {
        self.stored(|store| store.delete_space(space))?;
        self.spaces.remove(space);
        let mut effects = Vec::new();
        self.sync
            .handle(self.now_ms(), Input::CloseSpace { space: *space }, &mut effects);
        self.apply_sync(effects);
        Ok(())
    }

    /// Adds data to a space; it is delivered to the own widgets in the same step.
    pub(crate) fn append(&mut self, space: &SpaceId, body: Vec<u8>) -> Result<(), ApiError> {
        let request = self.request_id();
        self.ask_sync(
            Input::Append {
                space: *space,
                request,
                body,
            },
            request,
        )
    }

    /// Hands the core a request and answers whether it was carried out.
    pub(crate) fn ask_sync(&mut self, input: Input, request: u64) -> Result<(), ApiError> {
        let mut effects = Vec::new();
        self.sync.handle(self.now_ms(), input, &mut effects);
        let refused = effects.iter().find_map(|effect| match effect {
            Effect::Failed { request: r, error } if *r == request => Some(*error),
            _ => None,
        });
        self.apply_sync(effects);
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        refused.map_or(Ok(()), |why| Err(ApiError::new(ErrorCode::Refused, why.to_string())))
    }

    pub(crate) fn send_live(&mut self, space: &SpaceId, body: Vec<u8>) -> Result<(), ApiError> {
        let mut effects = Vec::new();
        self.sync
            .handle(self.now_ms(), Input::Live { space: *space, body }, &mut effects);
        self.apply_sync(effects);
        Ok(())
    }

    /// Carries out what the core wants, in order. A failing store ends the batch.
    pub(crate) fn apply_sync(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            self.notice(&effect);
            if let Err(error) = self.apply_sync_effect(effect) {
                self.fail(error);
                return;
            }
        }
    }

    fn apply_sync_effect(&mut self, effect: Effect) -> Result<(), ApiError> {
        match effect {
            Effect::Persist { space, log, seq, bytes } => self.stored(|s| s.put_entry(&space, &log, seq, &bytes)),
            Effect::PersistState { space, bytes } => self.stored(|s| s.put_space_summary(&space, &bytes)),
            Effect::Retract { space, log, from } => self.stored(|s| s.retract(&space, &log, from)),
            Effect::Deliver {
                space,
                author,
                log,
                seq,
                own,
                time_ms,
                body,
            } => {
                if own && self.sync.present(&space).is_empty() {
                    self.count_unsent(&space);
                }
                self.deliver(Delivered {
                    space,
                    author,
                    log,
                    seq,
                    time_ms,
                    body,
                })
            }
            Effect::LiveDeliver {
                space, author, body, ..
            } => {
                self.deliver_live(&space, &author, &body);
                Ok(())
            }
            Effect::Send { peer, bytes } => {
                self.send(peer, Channel::Sync, bytes);
                Ok(())
            }
            Effect::SendLive { peer, bytes } => {
                self.send(peer, Channel::Live, bytes);
                Ok(())
            }
            Effect::SendEntries { peer, space, ranges } => {
                let work = Outgoing::Entries {
                    space,
                    ranges: ranges.into(),
                };
                self.after.push(After::Run(Box::new(move |engine| {
                    engine.enqueue(peer, Channel::Sync, work)
                })));
                Ok(())
            }
            Effect::PeerInSpace { space, here, .. } => {
                if let Some(state) = self.spaces.get_mut(&space).filter(|_| here) {
                    state.unsent = 0;
                }
                self.emit(Event::InstancesChanged {});
                Ok(())
            }
            Effect::MembersChanged { .. } => {
                self.emit(Event::InstancesChanged {});
                Ok(())
            }
            Effect::Removed { space } => self.removed_from(&space),
            Effect::Forked { space, log, own } => {
                tracing::warn!(space = %space.short(), log = %log.short(), own, "a log has two histories; nothing more is taken from it");
                if own { self.renew_log(&space) } else { Ok(()) }
            }
            Effect::Misbehaved { peer, what, points } => {
                if points >= FAULT {
                    self.charge(peer, what);
                } else {
                    tracing::debug!(peer = %peer.short(), what, points, "a peer misbehaved");
                }
                Ok(())
            }
            Effect::PeerRefused { .. } | Effect::Appended { .. } | Effect::Failed { .. } => Ok(()),
        }
    }

    fn count_unsent(&mut self, space: &SpaceId) {
        if let Some(state) = self.spaces.get_mut(space) {
            state.unsent += 1;
        }
        self.emit(Event::InstancesChanged {});
    }

    fn removed_from(&mut self, space: &SpaceId) -> Result<(), ApiError> {
        let Some(state) = self.spaces.get_mut(space) else {
            return Ok(());
        };
        if std::mem::replace(&mut state.closed, true) {
            return Ok(());
        }
        let instance = self
            .instances
            .iter()
            .find(|(_, s)| s.space == *space)
            .map(|(id, s)| (*id, s.data.name.clone()));
        if let Some((id, name)) = instance {
            self.notify(
                Some(id),
                &name,
                "You were removed from this space. You can still read what is here.",
                None,
            )?;
        }
        self.emit(Event::InstancesChanged {});
        Ok(())
    }

    /// This device's log was continued elsewhere, say by an old copy of the folder: it goes on with a new one.
    fn renew_log(&mut self, space: &SpaceId) -> Result<(), ApiError> {
        let config = self.spaces.get(space).and_then(|s| config(&s.data));
        let Some(config) = config else { return Ok(()) };
        let random = self.draw()?;
        self.rejoin(space, config.renew(random)).map(|_| ())
    }

    pub(crate) fn peer_connected_sync(&mut self, peer: NodeId, session: [u8; 32]) {
        let mut effects = Vec::new();
        self.sync
            .handle(self.now_ms(), Input::PeerConnected { peer, session }, &mut effects);
        self.apply_sync(effects);
    }
    pub(crate) fn peer_disconnected_sync(&mut self, peer: NodeId) {
        let mut effects = Vec::new();
        self.sync
            .handle(self.now_ms(), Input::PeerDisconnected { peer }, &mut effects);
        self.apply_sync(effects);
    }
    pub(crate) fn sync_message(&mut self, peer: NodeId, bytes: Vec<u8>) {
        let mut effects = Vec::new();
        self.sync
            .handle(self.now_ms(), Input::Message { peer, bytes }, &mut effects);
        self.begin_message(&peer, &effects);
        self.apply_sync(effects);
        (self.parking.remote, self.parking.routine) = (false, false);
    }

    /// The next frame of stored entries, and what is left of the work.
    pub(crate) fn entries_frame(
        &self,
        space: &SpaceId,
        mut ranges: VecDeque<EntryRange>,
    ) -> (Option<Vec<u8>>, Option<Outgoing>) {
        let (mut entries, mut total) = (Vec::new(), 0usize);
        while let Some(range) = ranges.pop_front() {
            let room = BATCH_BYTES.saturating_sub(total);
            let read = match self.store.entries(space, &range.log, range.from, range.to, room) {
                Ok(read) => read,
                Err(error) => {
                    tracing::error!(%error, "entries could not be read");
                    return (None, None);
                }
            };
            let next = range.from.saturating_add(read.len() as u64);
            total += read.iter().map(Vec::len).sum::<usize>();
            let missing = read.is_empty();
            entries.extend(read);
            if next < range.to && !missing {
                ranges.push_front(EntryRange { from: next, ..range });
            }
            if total >= BATCH_BYTES || (next < range.to && !missing) {
                break;
            }
        }
        let rest = (!ranges.is_empty()).then_some(Outgoing::Entries { space: *space, ranges });
        let frame = (!entries.is_empty()).then(|| entries_frame(*space, entries.iter().map(Vec::as_slice)));
        (frame, rest)
    }

    /// Writes the updates of one space into another, as one's own.
    pub(crate) fn copy_updates(&mut self, from: &SpaceId, to: &SpaceId) -> Result<(), ApiError> {
        let mut serial = 0;
        loop {
            let rows = self
                .store
                .updates(from, serial, 500, 4 << 20)
                .map_err(|e| store_error(&e))?;
            let Some(last) = rows.last() else { return Ok(()) };
            serial = last.serial;
            for row in rows {
                self.append(to, row.body)?;
            }
        }
    }
}

fn config(data: &SpaceData) -> Option<SpaceConfig> {
    SpaceConfig::from_bytes(&BASE64.decode(data.core.as_bytes()).ok()?).ok()
}

fn unreadable() -> ApiError {
    ApiError::new(ErrorCode::Bug, "the description of a space cannot be read")
}

/// For which widget a space is.
pub(crate) fn widget_of(data: &SpaceData) -> Result<WidgetId, ApiError> {
    config(data).map(|c| c.genesis().widget).ok_or_else(unreadable)
}

fn read_invite(core: &[u8]) -> Result<Invite, ApiError> {
    let damaged =
        |e: &dyn std::fmt::Display| ApiError::new(ErrorCode::BadParams, format!("the invitation cannot be used: {e}"));
    Invite::from_bytes(core).map_err(|e| damaged(&e))
}
