//! A peer that has the space open too.

use crate::{
    admit::Standing,
    api::{Effect, EntryRange},
    crypto,
    deliver::{BAD_SIGNATURE, FAULT},
    space::Space,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use hedgerow_base::{LogId, NodeId, Pseudonym};
use hedgerow_wire::sync::{Admission, Hello, LogClaim, SyncFrame, Tag};

/// Most hellos of a peer in one connection: it may open the space again.
const MAX_HELLOS: u32 = 64;

/// What is known of a peer in one space.
#[derive(Clone, Debug)]
pub(crate) struct Neighbour {
    pub(crate) session: [u8; 32],
    pub(crate) standing: Standing,
    /// What it proved to be.
    pub(crate) who: Option<(LogClaim, Admission)>,
    /// It has, or was sent, all entries of a log below this number.
    pub(crate) known: BTreeMap<LogId, u64>,
    /// Its vector was seen since it connected: new entries may be pushed to it.
    pub(crate) synced: bool,
    /// Within a vector of several frames.
    pub(crate) collecting: bool,
    /// Heads that it told, for logs of which both have the same number of entries.
    pub(crate) told: BTreeMap<LogId, (u64, u64)>,
    pub(crate) vector_sent_ms: Option<u64>,
    pub(crate) forks_sent: BTreeSet<LogId>,
    /// Something that it sent could not be kept and is to be fetched again.
    pub(crate) missed: bool,
    /// When to send the next digest.
    pub(crate) due_ms: u64,
    /// Hellos that it said in this connection.
    pub(crate) hellos: u32,
    /// Live messages taken in the running second.
    pub(crate) live: (u64, u32),
}

impl Neighbour {
    pub(crate) fn new(session: [u8; 32], due_ms: u64) -> Self {
        Self {
            session,
            standing: Standing::Silent,
            who: None,
            known: BTreeMap::new(),
            synced: false,
            collecting: false,
            told: BTreeMap::new(),
            vector_sent_ms: None,
            forks_sent: BTreeSet::new(),
            missed: false,
            due_ms,
            hellos: 0,
            live: (0, 0),
        }
    }
    /// What it has is unknown again.
    fn forget(&mut self) {
        self.known.clear();
        self.told.clear();
        self.forks_sent.clear();
        (self.synced, self.collecting, self.vector_sent_ms) = (false, false, None);
    }
    /// Notes that it has all entries of a log below `next`.
    pub(crate) fn has(&mut self, log: &LogId, next: u64) {
        if !self.synced && !self.known.contains_key(log) {
            return;
        }
        let known = self.known.entry(*log).or_insert(0);
        *known = next.max(*known);
    }
    /// Whether frames of the space go to and fro; entries only to members.
    pub(crate) fn speaks(&self) -> bool {
        matches!(self.standing, Standing::Proven | Standing::Unproven)
    }
    pub(crate) fn pseudonym(&self) -> Option<Pseudonym> {
        self.who.as_ref().map(|(claim, _)| claim.pseudonym)
    }
}

impl Space {
    /// Tags under which this node announces the space in a connection.
    pub(crate) fn tags(&self, session: &[u8; 32], node: &NodeId) -> Vec<Tag> {
        self.tag_keys()
            .map(|key| crypto::tag(&self.id, key, session, node))
            .collect()
    }

    /// Says hello to a peer that announced the space.
    pub(crate) fn meet(&mut self, peer: NodeId, session: [u8; 32], due_ms: u64, out: &mut Vec<Effect>) {
        if self.loading || self.neighbours.contains_key(&peer) {
            return;
        }
        self.neighbours.insert(peer, Neighbour::new(session, due_ms));
        self.send_hello(peer, &session, out);
    }

    fn send_hello(&self, peer: NodeId, session: &[u8; 32], out: &mut Vec<Effect>) {
        let signature = Hello::sign(&self.log_key, session, &self.id, &self.node, &peer);
        let (space, cert, admission) = (self.id, self.cert.clone(), self.admission.clone());
        let hello = Hello {
            space,
            cert,
            admission,
            name: self.name.clone(),
            signature,
        };
        out.push(Effect::Send {
            peer,
            bytes: SyncFrame::Hello(hello).to_bytes(),
        });
    }

    /// Judges a peer's hello.
    pub(crate) fn on_hello(&mut self, peer: NodeId, hello: &Hello, out: &mut Vec<Effect>) {
        let Some(neighbour) = self.neighbours.get(&peer) else {
            return;
        };
        let Ok(claim) = hello.verify(&neighbour.session, &peer, &self.node) else {
            return out.push(Effect::Misbehaved {
                peer,
                what: "a hello that does not hold",
                points: BAD_SIGNATURE,
            });
        };
        if neighbour.hellos >= MAX_HELLOS {
            return out.push(Effect::Misbehaved {
                peer,
                what: "too many hellos",
                points: FAULT,
            });
        }
        let standing = self.standing(&claim, &hello.admission);
        let Some(neighbour) = self.neighbours.get_mut(&peer) else {
            return;
        };
        neighbour.hellos = neighbour.hellos.saturating_add(1);
        neighbour.forget();
        neighbour.who = Some((claim, hello.admission.clone()));
        // One who opened the space again says hello again: what it had is as unknown as at first.
        if neighbour.standing == standing && neighbour.speaks() {
            return self.send_summary(peer, out);
        }
        self.set_standing(peer, standing, out);
    }

    fn set_standing(&mut self, peer: NodeId, standing: Standing, out: &mut Vec<Effect>) {
        let who = self.neighbours.get(&peer).and_then(Neighbour::pseudonym);
        let removal = who.and_then(|pseudonym| self.removal_of(&pseudonym));
        let Some(neighbour) = self.neighbours.get_mut(&peer) else {
            return;
        };
        let before = core::mem::replace(&mut neighbour.standing, standing);
        if before == standing {
            return;
        }
        let (space, pseudonym) = (self.id, neighbour.pseudonym());
        let presence = |here| {
            pseudonym.map(|pseudonym| Effect::PeerInSpace {
                space,
                peer,
                pseudonym,
                here,
            })
        };
        if standing == Standing::Refused {
            // Who was removed is told by the owner's own words; nothing else of the space goes there any more.
            if let Some((log, seq)) = removal {
                let range = EntryRange {
                    log,
                    from: seq,
                    to: seq.saturating_add(1),
                };
                out.push(Effect::SendEntries {
                    peer,
                    space,
                    ranges: Vec::from([range]),
                });
            }
            out.push(Effect::Send {
                peer,
                bytes: SyncFrame::Refused(space).to_bytes(),
            });
        }
        if before == Standing::Proven {
            out.extend(presence(false));
        } else if standing == Standing::Proven {
            out.extend(presence(true));
        }
        let session = neighbour.session;
        if matches!(standing, Standing::Proven | Standing::Unproven) {
            if before == Standing::Refused {
                // It parted when it was refused.
                self.send_hello(peer, &session, out);
            }
            self.send_summary(peer, out);
        }
    }

    /// Judges all peers again: members came or went.
    pub(crate) fn review(&mut self, out: &mut Vec<Effect>) {
        let judged = |(peer, neighbour): (&NodeId, &Neighbour)| {
            let (claim, admission) = neighbour.who.as_ref()?;
            let standing = self.standing(claim, admission);
            (standing != neighbour.standing).then_some((*peer, standing))
        };
        let changed: Vec<_> = self.neighbours.iter().filter_map(judged).collect();
        for (peer, standing) in changed {
            self.set_standing(peer, standing, out);
        }
    }

    /// A peer is gone, or says that it does not share the space with us.
    pub(crate) fn part(&mut self, peer: &NodeId, out: &mut Vec<Effect>) {
        self.pending.forget(peer);
        let Some(neighbour) = self.neighbours.remove(peer) else {
            return;
        };
        if let (Standing::Proven, Some(pseudonym)) = (neighbour.standing, neighbour.pseudonym()) {
            out.push(Effect::PeerInSpace {
                space: self.id,
                peer: *peer,
                pseudonym,
                here: false,
            });
        }
    }
}
