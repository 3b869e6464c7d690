//! Peers and the owner's own name: connections as they come and go, remembered nodes, queues towards slow ones.

use crate::{
    engine::{After, Connected, Engine},
    model::{PeerData, pack, unpack},
    notices::clean,
};
use hedgerow_api::{
    ApiError, ErrorCode, Event,
    types::{Path, Peer, Profile},
};
use hedgerow_base::{NodeId, RecordId, SpaceId, UserId};
use hedgerow_net::{Channel, NetEvent, PathKind, SendError, Why};
use hedgerow_sync::EntryRange;
use hedgerow_wire::send::SendRequest;
use std::{collections::VecDeque, net::SocketAddr};

const NAME: &str = "name";
/// Frames that may wait for one slow peer; one that reads slower than that is disconnected and reconciles later.
const MAX_WAITING: usize = 16 << 20;
/// Size of the batches in which stored entries and records are read for a peer.
pub(crate) const BATCH_BYTES: usize = 256 << 10;

/// What is still to be sent to a peer on one channel.
pub(crate) enum Outgoing {
    Frame(Vec<u8>),
    /// Stored entries, read when there is room.
    Entries {
        space: SpaceId,
        ranges: VecDeque<EntryRange>,
    },
    /// Stored records, read when there is room.
    Records(Vec<RecordId>),
}

/// Queues towards one peer.
#[derive(Default)]
pub(crate) struct Backlog {
    directory: VecDeque<Outgoing>,
    sync: VecDeque<Outgoing>,
    overlay: VecDeque<Outgoing>,
    bytes: usize,
}

impl Backlog {
    fn queue(&mut self, channel: Channel) -> &mut VecDeque<Outgoing> {
        match channel {
            Channel::Directory => &mut self.directory,
            Channel::Sync | Channel::Live => &mut self.sync,
            Channel::Overlay => &mut self.overlay,
        }
    }
}

pub(crate) fn path_of(kind: PathKind) -> Path {
    match kind {
        PathKind::Lan => Path::Lan,
        PathKind::Direct => Path::Direct,
        PathKind::Relay => Path::Relay,
    }
}

impl Engine {
    pub(crate) fn connected_count(&self) -> u32 {
        u32::try_from(self.connected.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn on_net(&mut self, event: NetEvent) {
        match event {
            NetEvent::PeerConnected {
                node,
                user,
                session,
                name,
                protocols,
                boot,
                ..
            } => {
                self.on_connected(node, user, session, name);
                self.overlay_connected(node, &protocols, boot);
            }
            NetEvent::PeerDisconnected { node, why } => self.on_disconnected(node, &why),
            NetEvent::Message { node, channel, bytes } => {
                if self.connected.contains_key(&node) {
                    self.on_message(node, channel, bytes);
                }
            }
            NetEvent::Request {
                node,
                header,
                send,
                recv,
            } => match SendRequest::from_bytes(&header) {
                Ok(request) => self.on_file_request(node, request, send, recv),
                Err(_) => self.serve_request(node, header, send, recv),
            },
            NetEvent::Writable { node, channel } => self
                .after
                .push(After::Run(Box::new(move |engine| engine.pump(node, channel)))),
            NetEvent::PeerAddressLearned {
                node,
                addresses,
                relays,
            } => {
                let texts = |list: Vec<SocketAddr>| list.iter().map(ToString::to_string).collect();
                self.remember(&node, |data| {
                    data.addresses = texts(addresses);
                    data.relays = relays.iter().map(ToString::to_string).collect();
                });
            }
            NetEvent::LookupLearned { memory } => self.remember_lookup(&memory),
            NetEvent::PeerNamed { node, name } => self.on_named(node, name),
            NetEvent::PathChanged { .. } => self.emit(Event::PeersChanged {
                connected: self.connected_count(),
            }),
        }
    }

    fn on_disconnected(&mut self, node: NodeId, why: &Why) {
        tracing::debug!(peer = %node.short(), ?why, "disconnected");
        match why {
            Why::Parked => self.on_parked(node),
            // The newer connection follows at once.
            Why::Replaced => self.on_unparked(&node),
            _ => {
                self.on_unparked(&node);
                self.overlay_lost(node);
            }
        }
        self.connected.remove(&node);
        self.backlog.remove(&node);
        self.peer_disconnected_sync(node);
        self.peer_disconnected_directory(node);
        self.files_gone(node);
        self.remember(&node, |_| {});
        self.emit(Event::PeersChanged {
            connected: self.connected_count(),
        });
        self.emit(Event::InstancesChanged {});
    }

    fn on_connected(&mut self, node: NodeId, user: UserId, session: [u8; 32], name: Option<String>) {
        let name = name.map(|n| clean(&n, 64)).filter(|n| !n.is_empty());
        let connected = Connected {
            name: name.clone(),
            since_ms: self.now_ms(),
            session,
        };
        self.on_unparked(&node);
        self.connected.insert(node, connected);
        self.backlog.insert(node, Backlog::default());
        self.remember(&node, |data| {
            data.user = Some(user.to_string());
            data.name = name;
        });
        self.peer_connected_sync(node, session);
        self.peer_connected_directory(node);
        self.fetch_for_devices();
        self.files_connected(node);
        self.emit(Event::PeersChanged {
            connected: self.connected_count(),
        });
    }

    /// A connected peer calls itself otherwise.
    fn on_named(&mut self, node: NodeId, name: Option<String>) {
        let name = name.map(|n| clean(&n, 64)).filter(|n| !n.is_empty());
        if let Some(connected) = self.connected.get_mut(&node) {
            connected.name.clone_from(&name);
        }
        self.remember(&node, |data| data.name = name);
        self.emit(Event::PeersChanged {
            connected: self.connected_count(),
        });
    }

    fn on_message(&mut self, node: NodeId, channel: Channel, bytes: Vec<u8>) {
        match channel {
            Channel::Directory => self.directory_message(node, bytes),
            Channel::Sync | Channel::Live => self.sync_message(node, bytes),
            Channel::Overlay => self.overlay_message(node, bytes),
        }
    }

    /// Changes what is remembered of a peer, and that it was seen now.
    fn remember(&mut self, node: &NodeId, change: impl FnOnce(&mut PeerData)) {
        let now = self.now_ms();
        let stored = (|| {
            self.store.begin()?;
            let known = self.store.peer(node)?;
            let mut data = known.and_then(|row| unpack::<PeerData>(&row.data)).unwrap_or_default();
            change(&mut data);
            self.store.put_peer(node, &pack(&data), Some(now))
        })();
        if let Err(error) = stored {
            self.fail(crate::engine::store_error(&error));
        }
    }

    /// Notes that the person connected to a node on purpose.
    pub(crate) fn choose(&mut self, node: &NodeId) -> Result<(), ApiError> {
        self.remember(node, |data| data.chosen = true);
        self.judge_soon();
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// Charges a peer with something that no correct node does: the connection ends.
    pub(crate) fn charge(&mut self, node: NodeId, what: &str) {
        tracing::info!(peer = %node.short(), what, "a peer misbehaved");
        self.net.charge(&node, what);
    }

    /// Sends a frame, or queues it behind what waits already. Live frames are never queued.
    pub(crate) fn send_now(&mut self, node: NodeId, channel: Channel, bytes: Vec<u8>) {
        if channel == Channel::Live {
            let _ = self.net.send(&node, channel, bytes);
            return;
        }
        self.enqueue(node, channel, Outgoing::Frame(bytes));
    }

    /// Queues work towards a peer and sends as much as there is room for.
    pub(crate) fn enqueue(&mut self, node: NodeId, channel: Channel, work: Outgoing) {
        let Some(backlog) = self.backlog.get_mut(&node) else {
            return;
        };
        if let Outgoing::Frame(bytes) = &work {
            backlog.bytes = backlog.bytes.saturating_add(bytes.len());
            if backlog.bytes > MAX_WAITING {
                tracing::info!(peer = %node.short(), "too slow; disconnected, to continue when it is back");
                self.net.disconnect(&node);
                return;
            }
        }
        backlog.queue(channel).push_back(work);
        self.pump(node, channel);
    }

    /// Sends queued work until the network's queue is full; `Writable` continues.
    fn pump(&mut self, node: NodeId, channel: Channel) {
        loop {
            let Some(work) = self.backlog.get_mut(&node).and_then(|b| b.queue(channel).pop_front()) else {
                return;
            };
            let (frame, rest) = match work {
                Outgoing::Frame(bytes) => (Some(bytes), None),
                Outgoing::Entries { space, ranges } => self.entries_frame(&space, ranges),
                Outgoing::Records(ids) => self.records_frame(ids),
            };
            let Some(backlog) = self.backlog.get_mut(&node) else {
                return;
            };
            if let Some(rest) = rest {
                backlog.queue(channel).push_front(rest);
            }
            let Some(frame) = frame else { continue };
            let length = frame.len();
            match self.net.send(&node, channel, frame.clone()) {
                Ok(()) => backlog.bytes = backlog.bytes.saturating_sub(length),
                Err(SendError::Full) => {
                    backlog.queue(channel).push_front(Outgoing::Frame(frame));
                    return;
                }
                Err(error) => {
                    tracing::debug!(peer = %node.short(), %error, "not sent");
                    return;
                }
            }
        }
    }

    /// Connected peers first, then remembered ones by when they were last seen.
    pub(crate) fn peers(&self) -> Result<Vec<Peer>, ApiError> {
        let own = self.identity.user();
        let infos = self.net.peers();
        let mut list: Vec<Peer> = Vec::new();
        for info in infos.iter().filter(|i| self.connected.contains_key(&i.node)) {
            let connected = self.connected.get(&info.node);
            list.push(Peer {
                node: info.node.to_string(),
                user: Some(info.user.to_string()),
                name: connected.and_then(|c| c.name.clone()),
                path: path_of(info.path),
                rtt_ms: Some(info.rtt_ms),
                since_ms: connected.map(|c| c.since_ms),
                last_seen_ms: Some(self.now_ms()),
                bytes_in: info.bytes_in,
                bytes_out: info.bytes_out,
                own: info.user == own,
                blocked: false,
            });
        }
        let parked = self.net.parked();
        for row in self.store.peers().map_err(|e| crate::engine::store_error(&e))? {
            if self.connected.contains_key(&row.node) {
                continue;
            }
            let data = unpack::<PeerData>(&row.data).unwrap_or_default();
            list.push(Peer {
                node: row.node.to_string(),
                own: data.user.as_deref() == Some(own.to_string().as_str()),
                user: data.user,
                name: data.name,
                path: if parked.contains(&row.node) {
                    Path::Parked
                } else {
                    Path::None
                },
                rtt_ms: None,
                since_ms: None,
                last_seen_ms: row.last_seen_ms,
                bytes_in: 0,
                bytes_out: 0,
                blocked: row.blocked,
            });
        }
        Ok(list)
    }

    pub(crate) fn forget_peer(&mut self, node: &NodeId) -> Result<(), ApiError> {
        self.stored(|store| store.forget_peer(node))?;
        self.net.forget(node);
        self.emit(Event::PeersChanged {
            connected: self.connected_count(),
        });
        Ok(())
    }

    pub(crate) fn block_peer(&mut self, node: &NodeId, blocked: bool) -> Result<(), ApiError> {
        self.stored(|store| store.block_peer(node, blocked))?;
        if blocked {
            self.net.block(node)
        } else {
            self.net.unblock(node)
        }
        self.emit(Event::PeersChanged {
            connected: self.connected_count(),
        });
        Ok(())
    }

    pub(crate) fn load_name(&mut self) -> Result<(), ApiError> {
        let name = self.store.meta(NAME).map_err(|e| crate::engine::store_error(&e))?;
        self.name = name.and_then(|n| String::from_utf8(n).ok()).unwrap_or_default();
        Ok(())
    }

    pub(crate) fn set_profile(&mut self, profile: &Profile) -> Result<Profile, ApiError> {
        let name = clean(&profile.name, 64);
        if name.is_empty() {
            return Err(ApiError::new(ErrorCode::BadParams, "a name has at least one letter"));
        }
        self.take_name(&name)?;
        self.rename_in_spaces(&name);
        self.tell_name()?;
        Ok(Profile { name })
    }

    /// Keeps a name that this or another device of the user was given.
    pub(crate) fn take_name(&mut self, name: &str) -> Result<(), ApiError> {
        let name = clean(name, 64);
        self.stored(|store| store.set_meta(NAME, name.as_bytes()))?;
        self.net.set_name(Some(name.clone()));
        self.name = name;
        Ok(())
    }
}
