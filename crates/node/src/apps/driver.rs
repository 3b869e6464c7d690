//! The core of the overlay with the real network: connections, frames, time.
//!
//! A parked peer counts as connected: the core is not told, and what is to be said brings the connection back. What
//! members ask each other all the time does not; it is answered here from what the peer said last, so that an app at
//! rest costs nothing.

use super::waiting::Outcome;
use crate::engine::{After, Engine};
use hedgerow_api::{Event, types::PeerReply};
use hedgerow_base::{Alias, AppId, NodeId, Pseudonym};
use hedgerow_net::{Channel, PathKind, Ticket};
use hedgerow_overlay::{Answer, Effect, Input, Prefix, Received};
use hedgerow_wire::overlay::{Contact, MAX_CONTACT_ADDRESSES, OverlayFrame};
use serde_json::Value;
use std::{net::SocketAddr, time::Duration};

/// What a peer must speak.
const PROTOCOL: &str = "overlay/1";
/// Connections that are tried at once for the core; it asks again for the others.
const DIALS: usize = 16;
/// How long a direct dial may take before the peer is looked up.
const DIRECT: Duration = Duration::from_secs(5);
/// Frames that wait for a parked peer.
const PARKED_FRAMES: usize = 128;
/// Most members of which it is remembered as what they are there.
const REMEMBERED: usize = 4096;
/// Contacts that an app begins with.
const FIRST: usize = 32;

impl Engine {
    /// Gives the core something and carries out what it wants.
    pub(crate) fn overlay(&mut self, input: Input) {
        let mut effects = Vec::new();
        let now_ms = self.apps.now_ms();
        self.apps.overlay.handle(now_ms, input, &mut effects);
        self.apply_overlay(effects);
    }

    /// Lets the core do what is due.
    pub(crate) fn overlay_time(&mut self) {
        if self.apps.wait_ms() == Some(0) {
            let mut effects = Vec::new();
            let now_ms = self.apps.now_ms();
            self.apps.overlay.handle_timeout(now_ms, &mut effects);
            self.apply_overlay(effects);
        }
    }

    fn apply_overlay(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Connect { peer, addresses } => self.overlay_connect(peer, addresses),
                Effect::Send { peer, frame } => self.overlay_send(peer, &frame),
                Effect::Deliver { app, received } => self.deliver_message(app, *received),
                Effect::Sent { request, id, .. } => self.apps.waiting.tell(request, Outcome::Sent(id)),
                Effect::NotSent { request, why, .. } => self.apps.waiting.tell(request, Outcome::NotSent(why)),
                Effect::Answered {
                    request,
                    asked,
                    answers,
                    ..
                } => self.apps.waiting.tell(request, Outcome::Answered(asked, answers)),
                Effect::Speaks {
                    request,
                    apps,
                    protocols,
                    ..
                } => self.apps.waiting.tell(request, Outcome::Speaks(apps, protocols)),
                Effect::Presence { app, peer, who, there } => {
                    let peer = self.apps.alias(&app, &peer);
                    for listener in self.apps.listeners(&app) {
                        self.emit(Event::PeersPresence {
                            listener,
                            peer: peer.to_string(),
                            who: who.map(|who| who.to_string()),
                            there,
                        });
                    }
                }
                Effect::Charged {
                    payer, fault, points, ..
                } => tracing::debug!(?payer, ?fault, points, "a message was not as it should be"),
                Effect::Cut { peer, fault, .. } => self.charge(peer, &format!("messages: {fault:?}")),
            }
        }
    }

    /// Everybody who is connected may have an app. Chosen by chance: ids cost nothing, so a low one must not help.
    pub(super) fn contacts(&self) -> Vec<Contact> {
        let contact = |node: &NodeId| Contact {
            node: *node,
            addresses: self.known_addresses(node),
        };
        let mut nodes: Vec<NodeId> = self.apps.told.keys().copied().collect();
        let seed = crate::identity::random().map_or(self.started_ms, u64::from_le_bytes);
        hedgerow_trust::Chance::new(seed).draw(&mut nodes, FIRST);
        nodes.iter().map(contact).collect()
    }

    fn known_addresses(&self, node: &NodeId) -> Vec<SocketAddr> {
        let known = self.net.peer(node).map(|(_, addresses)| addresses);
        let mut addresses = known.unwrap_or_default();
        addresses.truncate(MAX_CONTACT_ADDRESSES);
        addresses
    }

    /// Where a peer comes from: its network, or the relay that it is behind.
    pub(crate) fn prefix(&self, node: &NodeId) -> Prefix {
        match self.net.peer(node) {
            Some((info, _)) => match info.address {
                Some(address) if info.path != PathKind::Relay => Prefix::of(&address),
                _ => Prefix::behind(&self.net.relay_of(node).unwrap_or(node.0)),
            },
            None => Prefix::behind(&node.0),
        }
    }

    /// A peer is connected, or again.
    pub(crate) fn overlay_connected(&mut self, peer: NodeId, protocols: &[String], boot: [u8; 16]) {
        self.apps.dialling.remove(&peer);
        let waiting = self.apps.parked.remove(&peer).unwrap_or_default();
        if self.apps.told.get(&peer) == Some(&boot) {
            for frame in waiting {
                self.send(peer, Channel::Overlay, frame);
            }
            return;
        }
        if !protocols.iter().any(|protocol| protocol == PROTOCOL) {
            return;
        }
        self.apps.told.insert(peer, boot);
        let (prefix, addresses) = (self.prefix(&peer), self.known_addresses(&peer));
        self.overlay(Input::Connected {
            peer,
            prefix,
            addresses: addresses.clone(),
        });
        let apps: Vec<AppId> = self.apps.swarms.keys().copied().collect();
        for app in apps {
            let contact = Contact {
                node: peer,
                addresses: addresses.clone(),
            };
            self.overlay(Input::Heard {
                app,
                contacts: vec![contact],
            });
        }
    }

    /// A connection is lost. One that is only parked is not.
    pub(crate) fn overlay_lost(&mut self, peer: NodeId) {
        self.apps.parked.remove(&peer);
        self.apps.here.retain(|(node, _), _| *node != peer);
        let known = self.apps.told.remove(&peer).is_some();
        if self.apps.dialling.remove(&peer) || known {
            self.overlay(Input::Disconnected { peer });
        }
    }

    /// A frame came.
    pub(crate) fn overlay_message(&mut self, peer: NodeId, bytes: Vec<u8>) {
        let input = match OverlayFrame::decode(&bytes) {
            Ok(Some(frame)) => {
                self.note_here(peer, &frame);
                if is_news(&frame) {
                    self.net.touch(&peer);
                }
                Input::Frame { peer, frame }
            }
            // The core charges for it, or knows that it is of a later version.
            Ok(None) | Err(_) => Input::Bytes { peer, bytes },
        };
        self.overlay(input);
    }

    /// Remembers as what a peer is there.
    fn note_here(&mut self, peer: NodeId, frame: &OverlayFrame) {
        let here = match frame {
            OverlayFrame::Link(here) | OverlayFrame::Linked(here) => std::slice::from_ref(here),
            OverlayFrame::Told { here, .. } => here,
            _ => return,
        };
        for here in here {
            let known = self.apps.swarms.contains_key(&here.app);
            if known && self.apps.here.len() < REMEMBERED {
                self.apps.here.insert((peer, here.app), here.clone());
            }
        }
    }

    fn overlay_send(&mut self, peer: NodeId, frame: &OverlayFrame) {
        if is_news(frame) {
            self.net.touch(&peer);
        }
        if self.connected.contains_key(&peer) {
            self.send(peer, Channel::Overlay, frame.to_bytes());
        } else if !self.net.parked().contains(&peer) {
            // It did not come back: the core hears of it once this step is done.
            self.after.push(After::Run(Box::new(move |engine| {
                if !engine.connected.contains_key(&peer) {
                    engine.overlay_lost(peer);
                }
            })));
        } else if let Some(answer) = self.answer_of_parked(peer, frame) {
            self.after.push(After::Run(Box::new(move |engine| {
                engine.overlay(Input::Frame { peer, frame: answer });
            })));
        } else {
            let waiting = self.apps.parked.entry(peer).or_default();
            if waiting.len() < PARKED_FRAMES {
                waiting.push_back(frame.to_bytes());
            }
            self.net.call(&peer);
        }
    }

    /// What a parked peer would answer to what members ask each other all the time.
    fn answer_of_parked(&self, peer: NodeId, frame: &OverlayFrame) -> Option<OverlayFrame> {
        match frame {
            OverlayFrame::Ask {
                question,
                apps,
                protocols,
            } if protocols.is_empty() => {
                let here = apps.iter().map(|app| self.apps.here.get(&(peer, *app)).cloned());
                Some(OverlayFrame::Told {
                    question: *question,
                    here: here.collect::<Option<Vec<_>>>()?,
                    protocols: Vec::new(),
                })
            }
            OverlayFrame::Pull(app) if self.apps.here.contains_key(&(peer, *app)) => Some(OverlayFrame::Contacts {
                app: *app,
                contacts: Vec::new(),
            }),
            _ => None,
        }
    }

    /// Connects for the core: straight, or however the peer is found.
    fn overlay_connect(&mut self, peer: NodeId, addresses: Vec<SocketAddr>) {
        if self.apps.told.contains_key(&peer) {
            // It forgot; there was no room for so many peers.
            let (prefix, addresses) = (self.prefix(&peer), self.known_addresses(&peer));
            self.after.push(After::Run(Box::new(move |engine| {
                engine.overlay(Input::Connected {
                    peer,
                    prefix,
                    addresses,
                });
            })));
            return;
        }
        if self.apps.dialling.len() >= DIALS {
            self.after.push(After::Run(Box::new(move |engine| {
                engine.overlay(Input::Disconnected { peer });
            })));
            return;
        }
        self.apps.dialling.insert(peer);
        let known = matches!(self.store.peer(&peer), Ok(Some(_)));
        let (net, node) = (self.net.clone(), self.handle());
        self.runtime.spawn(async move {
            let ticket = Ticket {
                node: peer,
                addresses,
                relays: Vec::new(),
                name: None,
            };
            let straight = !ticket.addresses.is_empty()
                && matches!(tokio::time::timeout(DIRECT, net.connect(&ticket)).await, Ok(Ok(())));
            if straight || net.connect_to(peer).await.is_ok() {
                return;
            }
            if !known {
                // Somebody's hearsay is not dialled for ever.
                net.forget(&peer);
            }
            let lost = node.with(move |engine| {
                if engine.apps.dialling.contains(&peer) {
                    engine.overlay_lost(peer);
                }
                Ok(())
            });
            let _ = lost.await;
        });
    }

    /// Gives a message to all who listen.
    fn deliver_message(&mut self, app: AppId, received: Received) {
        let signer = received.message.header.signer;
        let Some(read) = self.read_body(&app, signer, received.message.body()) else {
            let id = received.message.id;
            // Nothing that this program sends: its signer pays, whoever handed it on could not know.
            return self.overlay(Input::Verdict { app, id, valid: false });
        };
        let handed_by = self.apps.alias(&app, &received.from);
        let header = received.message.header;
        let from = match received.direct {
            true => handed_by,
            false => Alias(header.source),
        };
        let reply = received.reply.and_then(|owed| self.owe(&app, owed));
        for listener in self.apps.listeners(&app) {
            self.emit(Event::PeersMessage {
                listener,
                from: from.to_string(),
                id: received.message.id.to_string(),
                message: read.message.clone(),
                signed: header.signer.map(|who| who.to_string()),
                encrypted: read.encrypted.clone(),
                clear: read.clear.clone(),
                direct: received.direct,
                hops: received.hops,
                from_app: header.from_app.map(|app| app.to_string()),
                reply: reply.clone(),
                judge: received.judge,
            });
        }
    }

    /// Gives a broadcast of this node to the others here who have the app open.
    pub(super) fn deliver_here(&mut self, speaker: &super::Speaker, id: &str, message: &Value, signed: bool) {
        let app = speaker.app.id();
        let from = Alias::of(&app, &self.identity.node()).to_string();
        let who = Pseudonym::from(self.app_key(&speaker.app).public()).to_string();
        for listener in self.apps.listeners(&app) {
            if listener == speaker.listener {
                continue;
            }
            self.emit(Event::PeersMessage {
                listener,
                from: from.clone(),
                id: id.to_owned(),
                message: message.clone(),
                signed: signed.then(|| who.clone()),
                encrypted: None,
                clear: None,
                direct: false,
                hops: 0,
                from_app: None,
                reply: None,
                judge: false,
            });
        }
    }

    /// Keeps a reply that may be given, under a name for the app.
    fn owe(&mut self, app: &AppId, owed: hedgerow_overlay::Owed) -> Option<String> {
        self.apps.replies += 1;
        let (name, swarm) = (self.apps.replies, self.apps.swarms.get_mut(app)?);
        if swarm.owed.len() >= super::REPLIES {
            swarm.owed.pop_first();
        }
        swarm.owed.insert(name, owed);
        Some(name.to_string())
    }

    /// Replies, as callers see them.
    pub(super) fn peer_replies(&mut self, app: &AppId, answers: Vec<Answer>) -> Vec<PeerReply> {
        let shown = answers.into_iter().filter_map(|answer| {
            let signer = answer.message.header.signer;
            let read = self.read_body(app, signer, answer.message.body())?;
            Some(PeerReply {
                from: self.apps.alias(app, &answer.from).to_string(),
                id: answer.message.id.to_string(),
                message: read.message,
                signed: signer.map(|who| who.to_string()),
                encrypted: read.encrypted,
            })
        });
        shown.collect()
    }
}

/// Whether a frame is about a message, rather than what members tell each other all the time.
fn is_news(frame: &OverlayFrame) -> bool {
    matches!(
        frame,
        OverlayFrame::Push { .. }
            | OverlayFrame::Announce { .. }
            | OverlayFrame::Want { .. }
            | OverlayFrame::Direct { .. }
            | OverlayFrame::Reply { .. }
    )
}
