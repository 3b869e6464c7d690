//! Who is in a space, and how one leaves or is removed.

use crate::{
    engine::{Engine, store_error},
    handle::unknown_instance,
    model::{PeerData, unpack},
};
use hedgerow_api::{ApiError, types::Member};
use hedgerow_base::{InstanceId, Pseudonym, SpaceId};
use hedgerow_sync::Input;

/// What lists show of a space.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SpaceView {
    pub(crate) owner: bool,
    pub(crate) members: u32,
    pub(crate) online: u32,
    pub(crate) unsent: u64,
    pub(crate) closed: bool,
}

impl Engine {
    pub(crate) fn space_view(&self, space: &SpaceId) -> SpaceView {
        let Some(state) = self.spaces.get(space) else {
            return SpaceView::default();
        };
        let members = self.sync.members(space);
        let me = Pseudonym::from(self.identity.pseudonym_key(&state.widget).public());
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let present = self.present_in(space);
        SpaceView {
            owner: self.owns(space, &me),
            members: count(members.iter().filter(|m| !m.gone).count()).max(1),
            online: count(present.len()),
            unsent: state.unsent,
            closed: state.closed,
        }
    }

    fn owns(&self, space: &SpaceId, me: &Pseudonym) -> bool {
        self.sync.genesis(space).is_some_and(|g| g.creator == Some(*me))
    }

    pub(crate) fn members(&self, id: &InstanceId) -> Result<Vec<Member>, ApiError> {
        let state = self.live_instance(id)?;
        let me = Pseudonym::from(self.identity.pseudonym_key(&state.widget).public());
        let present = self.present_in(&state.space);
        let mut members: Vec<_> = self
            .sync
            .members(&state.space)
            .into_iter()
            .filter(|m| !m.gone)
            .collect();
        if !members.iter().any(|m| m.pseudonym == me) && self.spaces.get(&state.space).is_some_and(|s| !s.closed) {
            // In a private or public space nothing is written before the first change.
            let (name, owner) = (Some(self.shown_name()), self.owns(&state.space, &me));
            members.push(hedgerow_sync::Member {
                pseudonym: me,
                name,
                owner,
                gone: false,
                logs: Vec::new(),
            });
        }
        members
            .into_iter()
            .map(|m| {
                let name = m.name.map(|n| crate::notices::clean(&n, 64)).filter(|n| !n.is_empty());
                Ok(Member {
                    name: name.unwrap_or_else(|| "Somebody".into()),
                    me: m.pseudonym == me,
                    owner: m.owner,
                    online: m.pseudonym == me || present.contains(&m.pseudonym),
                    last_change_ms: self
                        .store
                        .last_change(&state.space, &m.pseudonym)
                        .map_err(|e| store_error(&e))?,
                    pseudonym: m.pseudonym.to_string(),
                })
            })
            .collect()
    }

    pub(crate) fn remove_member(&mut self, id: &InstanceId, who: Pseudonym) -> Result<Vec<Member>, ApiError> {
        let space = self.live_instance(id)?.space;
        let request = self.request_id();
        self.ask_sync(
            Input::Remove {
                space,
                request,
                members: vec![who],
            },
            request,
        )?;
        self.members(id)
    }

    pub(crate) fn leave(&mut self, id: &InstanceId) -> Result<(), ApiError> {
        let space = self.live_instance(id).map_err(|_| unknown_instance(id))?.space;
        let request = self.request_id();
        self.ask_sync(Input::Leave { space, request }, request)?;
        if let Some(state) = self.spaces.get_mut(&space) {
            state.closed = true;
        }
        self.remove_instance(id)
    }

    pub(crate) fn rename_in_spaces(&mut self, name: &str) {
        let spaces: Vec<SpaceId> = self.spaces.keys().copied().collect();
        for space in spaces {
            let request = self.request_id();
            let mut effects = Vec::new();
            self.sync.handle(
                self.now_ms(),
                Input::Rename {
                    space,
                    request,
                    name: Some(name.to_owned()),
                },
                &mut effects,
            );
            self.apply_sync(effects);
        }
    }

    /// Tickets of connected members, so that an invitation works while its author is away.
    pub(crate) fn member_tickets(&self, space: &SpaceId, most: usize) -> Vec<String> {
        let peers = self.sync.present(space).into_iter().take(most);
        peers
            .filter_map(|(node, _)| {
                let row = self.store.peer(&node).ok()??;
                let data = unpack::<PeerData>(&row.data)?;
                let addresses: Vec<_> = data.addresses.iter().filter_map(|a| a.parse().ok()).take(4).collect();
                (!addresses.is_empty()).then(|| {
                    hedgerow_net::Ticket {
                        node,
                        addresses,
                        relays: data.relays.iter().filter_map(|a| a.parse().ok()).collect(),
                        name: None,
                    }
                    .to_string()
                })
            })
            .collect()
    }
}
