//! Realtime messages: to all who have the space open now, kept by nobody.

use crate::{
    admit::Standing,
    api::{Effect, SyncError},
    bounds, crypto,
    deliver::BAD_SIGNATURE,
    space::Space,
};
use alloc::vec::Vec;
use hedgerow_base::{NodeId, hash, limits};
use hedgerow_wire::sync::{LiveHeader, LogClaim, MAX_TTL, Signed, SyncFrame};

/// Takes the place of an entry's number in what binds a live message to its place.
const LIVE: u64 = u64::MAX;

impl Space {
    /// Sends a message to all members that are connected.
    pub(crate) fn send_live(&mut self, body: &[u8], id: [u8; 16], out: &mut Vec<Effect>) -> Result<(), SyncError> {
        if body.len() > limits::MAX_UPDATE {
            return Err(SyncError::TooLarge {
                len: body.len(),
                max: limits::MAX_UPDATE,
            });
        }
        if self.loading {
            return Err(SyncError::NotOpen);
        }
        if self.removed {
            return Err(SyncError::Removed);
        }
        let epoch = self.writing_epoch();
        let key = self.sealing_key(epoch).ok_or(SyncError::NoKey)?;
        let mut place = crypto::place(&self.id, &self.own, LIVE, epoch).to_vec();
        place.extend_from_slice(&id);
        let body = crypto::seal(key, &self.log_key.seed(), &place, body).ok_or(SyncError::Bug("sealing failed"))?;
        let header = LiveHeader {
            space: self.id,
            log: self.own,
            id,
            epoch,
            body,
        };
        let message = Signed::sign(&header, &self.log_key);
        self.first_time(&message);
        let cert = (!self.logs.contains_key(&self.own)).then(|| self.cert.clone());
        self.flood(
            None,
            SyncFrame::Live {
                ttl: MAX_TTL,
                message,
                cert,
            },
            out,
        );
        Ok(())
    }

    /// Whether a message was not seen before; remembers it.
    fn first_time(&mut self, message: &Signed<LiveHeader>) -> bool {
        let id = hash::hash("hedgerow 2026 sync live id v1", &[message.bytes()]);
        if !self.live_seen.insert(id) {
            return false;
        }
        self.live_order.push_back(id);
        if self.live_order.len() > bounds::LIVE_SEEN
            && let Some(oldest) = self.live_order.pop_front()
        {
            self.live_seen.remove(&oldest);
        }
        true
    }

    fn flood(&self, from: Option<NodeId>, frame: SyncFrame<'_>, out: &mut Vec<Effect>) {
        let bytes = frame.to_bytes();
        for (peer, neighbour) in &self.neighbours {
            if neighbour.standing == Standing::Proven && Some(*peer) != from {
                out.push(Effect::SendLive {
                    peer: *peer,
                    bytes: bytes.clone(),
                });
            }
        }
    }

    /// A message from a peer: delivered and passed on once.
    pub(crate) fn on_live(
        &mut self,
        now_ms: u64,
        peer: NodeId,
        ttl: u8,
        message: Signed<LiveHeader>,
        cert: Option<Signed<LogClaim>>,
        out: &mut Vec<Effect>,
    ) {
        // The channel `live` is not ordered with `sync`: what comes before the hello is dropped without blame.
        let Some(neighbour) = self
            .neighbours
            .get_mut(&peer)
            .filter(|n| n.standing == Standing::Proven)
        else {
            return;
        };
        let second = now_ms / 1000;
        neighbour.live = if neighbour.live.0 == second {
            (second, neighbour.live.1.saturating_add(1))
        } else {
            (second, 1)
        };
        if neighbour.live.1 > bounds::LIVE_RATE || !self.first_time(&message) {
            return;
        }
        let bad = Effect::Misbehaved {
            peer,
            what: "a live message with a bad signature",
            points: BAD_SIGNATURE,
        };
        let Ok(header) = message.verify() else {
            return out.push(bad);
        };
        let author = match (self.logs.get(&header.log), &cert) {
            (Some(log), _) if log.cut.is_some() => return,
            (Some(log), _) => log.pseudonym,
            (None, Some(cert)) => match cert.verify() {
                Ok(claim) if claim.log == header.log && claim.space == self.id => claim.pseudonym,
                _ => return out.push(bad),
            },
            (None, None) => return,
        };
        let open = self.genesis.kind == hedgerow_wire::sync::SpaceKind::Public;
        if !open && !self.is_member(&author) && neighbour_is_not(self, &peer, &author) {
            return;
        }
        let mut place = crypto::place(&self.id, &header.log, LIVE, header.epoch).to_vec();
        place.extend_from_slice(&header.id);
        let mut keys = self.keys.get(&header.epoch).into_iter().flatten();
        let Some(body) = keys.find_map(|key| crypto::open(key, &place, &header.body)) else {
            return;
        };
        out.push(Effect::LiveDeliver {
            space: self.id,
            author,
            log: header.log,
            body,
        });
        let ttl = ttl.min(MAX_TTL);
        if let Some(ttl) = ttl.checked_sub(1) {
            self.flood(Some(peer), SyncFrame::Live { ttl, message, cert }, out);
        }
    }
}

/// A member whose first entry has not arrived is known by the hello.
fn neighbour_is_not(space: &Space, peer: &NodeId, author: &hedgerow_base::Pseudonym) -> bool {
    space.neighbours.get(peer).and_then(|n| n.pseudonym()).as_ref() != Some(author)
}
