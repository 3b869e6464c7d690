//! How two nodes find the spaces that both have open, and tell nobody else of them.

use crate::{api::Effect, bounds, core::Sync, deliver::FAULT};
use alloc::{collections::BTreeSet, vec::Vec};
use hedgerow_base::{NodeId, SpaceId};
use hedgerow_wire::sync::{MAX_TAGS, SyncFrame, Tag};

impl Sync {
    /// Tells all peers the tags of a space, and meets those who told a fitting one.
    pub(crate) fn announce(&mut self, now_ms: u64, id: &SpaceId, out: &mut Vec<Effect>) {
        let due = self.due(now_ms, bounds::ANTI_ENTROPY_MS);
        let Some(space) = self.spaces.get_mut(id) else { return };
        for (peer, state) in &self.peers {
            let tags = space.tags(&state.session, &self.node);
            out.push(Effect::Send {
                peer: *peer,
                bytes: SyncFrame::Tags(tags).to_bytes(),
            });
            let theirs = space.tags(&state.session, peer);
            if theirs.iter().any(|tag| state.tags.contains(&**tag)) {
                space.meet(*peer, state.session, due, out);
            }
        }
    }

    pub(crate) fn on_tags(&mut self, now_ms: u64, peer: NodeId, tags: &[Tag], out: &mut Vec<Effect>) {
        let due = self.due(now_ms, bounds::ANTI_ENTROPY_MS);
        let Some(state) = self.peers.get_mut(&peer) else { return };
        state.tags.extend(tags.iter().map(|tag| **tag));
        if state.tags.len() > MAX_TAGS * 2 {
            state.tags.clear();
            return out.push(Effect::Misbehaved {
                peer,
                what: "too many tags",
                points: FAULT,
            });
        }
        let told: BTreeSet<[u8; 16]> = tags.iter().map(|tag| **tag).collect();
        for space in self
            .spaces
            .values_mut()
            .filter(|space| !space.neighbours.contains_key(&peer))
        {
            if space
                .tags(&state.session, &peer)
                .iter()
                .any(|tag| told.contains(&**tag))
            {
                space.meet(peer, state.session, due, out);
            }
        }
    }

    /// One whom we parted from says hello again: it must have announced the space before.
    pub(crate) fn meet_again(&mut self, now_ms: u64, id: &SpaceId, peer: NodeId, out: &mut Vec<Effect>) {
        let due = self.due(now_ms, bounds::ANTI_ENTROPY_MS);
        let Some((space, state)) = self.spaces.get_mut(id).zip(self.peers.get(&peer)) else {
            return;
        };
        if space
            .tags(&state.session, &peer)
            .iter()
            .any(|tag| state.tags.contains(&**tag))
        {
            space.meet(peer, state.session, due, out);
        }
    }

    pub(crate) fn on_refused(&mut self, id: &SpaceId, peer: &NodeId, out: &mut Vec<Effect>) {
        let Some(space) = self.spaces.get_mut(id).filter(|s| s.neighbours.contains_key(peer)) else {
            return;
        };
        space.part(peer, out);
        out.push(Effect::PeerRefused {
            space: *id,
            peer: *peer,
        });
    }
}
