//! Instances: widgets placed on the dashboard, each with a space of its own (a public space is shared by all).

use crate::{
    dispatch::parsed,
    engine::{Engine, InstanceState, store_error},
    handle::{AppIdentity, NodeHandle, unknown_instance},
    identity::random,
    model::{InstanceData, pack},
    notices::clean,
    widgets,
};
use hedgerow_api::{
    ApiError, ErrorCode, Event,
    types::{AddInstanceParams, InstallParams, Instance, InviteParams, SpaceKind},
};
use hedgerow_base::{InstanceId, SpaceId, WidgetId};
use hedgerow_store::instances::InstanceRow;

/// Columns and rows of a newly placed widget.
const FIRST_SIZE: (u16, u16) = (4, 4);
/// How long a removed instance can be brought back.
const UNDO_MS: u64 = 30 * 24 * 3600 * 1000;
const MOST_INSTANCES: usize = 500;

/// Places a widget, installing it first when it is not yet.
pub(crate) async fn add(node: &NodeHandle, params: AddInstanceParams) -> Result<Instance, ApiError> {
    let widget: WidgetId = parsed(&params.uuid)?;
    let here = node.with(move |e| Ok(e.installed.contains_key(&widget))).await?;
    if !here {
        let install = InstallParams {
            uuid: Some(params.uuid.clone()),
            package: None,
            file_name: None,
        };
        widgets::install(node, install).await?;
    }
    node.with(move |e| e.add_instance(&widget, params.space, params.name.as_deref(), params.board.as_deref()))
        .await
}

/// Accepts an invitation: the space first, so that its data flows at once; the package as soon as a peer has it.
pub(crate) async fn join(node: &NodeHandle, params: InviteParams) -> Result<Instance, ApiError> {
    let invite = crate::invites::Invitation::parse(&params.invite)?;
    let widget = invite.widget();
    let dial = {
        let tickets = invite.tickets();
        node.with(move |e| Ok(tickets.into_iter().map(|t| e.net.connect(&t)).collect::<Vec<_>>()))
            .await?
    };
    let known = node.with(move |e| Ok(e.installed.contains_key(&widget))).await?;
    if known {
        dial.into_iter().for_each(|d| drop(tokio::spawn(d)));
    } else {
        crate::invites::wait_for_any(dial).await;
        let install = InstallParams {
            uuid: Some(widget.to_string()),
            package: None,
            file_name: None,
        };
        crate::invites::install_when_known(node, widget, install).await?;
    }
    node.with(move |e| e.join_space(&invite)).await
}

impl Engine {
    pub(crate) fn load_instances(&mut self) -> Result<(), ApiError> {
        self.instances.clear();
        for row in self.store.instances().map_err(|e| store_error(&e))? {
            let Some(data) = crate::model::unpack::<InstanceData>(&row.data) else {
                continue;
            };
            let state = InstanceState {
                space: row.space,
                widget: row.widget,
                data,
                removed_ms: row.removed_ms,
            };
            self.instances.insert(row.instance, state);
        }
        self.share_instances();
        Ok(())
    }

    pub(crate) fn add_instance(
        &mut self,
        widget: &WidgetId,
        kind: SpaceKind,
        name: Option<&str>,
        board: Option<&str>,
    ) -> Result<Instance, ApiError> {
        let installed = self.installed.get(widget).ok_or_else(|| {
            ApiError::new(
                ErrorCode::NotFound,
                format!("the widget {widget} is not installed; `hedgerow widget install {widget}`"),
            )
        })?;
        let name = name
            .map(|n| clean(n, 64))
            .filter(|n| !n.is_empty())
            .unwrap_or_else(|| installed.current.name.clone());
        let space = self.create_space(kind, widget, &name)?;
        self.place_instance(space, widget, name, board, None)
    }

    /// Makes the row, the place and the answer of an instance on an open space.
    pub(crate) fn place_instance(
        &mut self,
        space: SpaceId,
        widget: &WidgetId,
        name: String,
        board: Option<&str>,
        id: Option<InstanceId>,
    ) -> Result<Instance, ApiError> {
        if self.instances.len() >= MOST_INSTANCES {
            return Err(ApiError::new(
                ErrorCode::Limit,
                "there are 500 widgets on the boards; remove some first",
            ));
        }
        let id = match id {
            Some(id) => id,
            None => InstanceId(random().map_err(|e| ApiError::new(ErrorCode::Local, e.to_string()))?),
        };
        let content = self.installed.get(widget).map(|i| i.current.content.clone());
        let data = InstanceData {
            name,
            created_ms: self.now_ms(),
            summary: None,
            document: None,
            place: None,
            content,
        };
        let state = InstanceState {
            space,
            widget: *widget,
            data,
            removed_ms: None,
        };
        self.put_instance(&id, state)?;
        self.place(id, board, FIRST_SIZE)?;
        self.emit(Event::InstancesChanged {});
        self.instance(&id)
    }

    fn put_instance(&mut self, id: &InstanceId, state: InstanceState) -> Result<(), ApiError> {
        let row = InstanceRow {
            instance: *id,
            space: state.space,
            widget: state.widget,
            data: pack(&state.data),
            removed_ms: state.removed_ms,
        };
        self.stored(|store| store.put_instance(&row))?;
        self.instances.insert(*id, state);
        self.share_instances();
        self.tell_instance(id)
    }

    /// An instance as the API shows it.
    pub(crate) fn instance(&self, id: &InstanceId) -> Result<Instance, ApiError> {
        let state = self.instances.get(id).ok_or_else(|| unknown_instance(id))?;
        let installed = self.installed.get(&state.widget);
        let space = self.spaces.get(&state.space);
        let view = self.space_view(&state.space);
        Ok(Instance {
            instance: id.to_string(),
            uuid: state.widget.to_string(),
            name: state.data.name.clone(),
            origin: format!("http://{id}.hub.localhost:{}", self.hub_port),
            space: space.map_or(SpaceKind::Private, |s| s.data.kind),
            space_id: state.space.to_string(),
            widget_name: installed.map_or_else(|| state.data.name.clone(), |i| i.current.name.clone()),
            summary: state.data.summary.clone(),
            document: state.data.document.clone(),
            icon: installed.and_then(|i| i.current.icon.clone()),
            owner: view.owner,
            members: view.members,
            online: view.online,
            unsent: view.unsent,
            version: installed.map_or_else(String::new, |i| i.current.version.clone()),
            closed: view.closed,
            missing: self.shared.content_of(id).is_none_or(|c| !self.files.has(&c)),
        })
    }

    pub(crate) fn instance_list(&self, removed: bool) -> Vec<Instance> {
        let wanted = self.instances.iter().filter(|(_, s)| s.removed_ms.is_some() == removed);
        let mut ids: Vec<_> = wanted.map(|(id, s)| (s.data.created_ms, *id)).collect();
        ids.sort_unstable();
        ids.iter().filter_map(|(_, id)| self.instance(id).ok()).collect()
    }

    /// An instance that is on the dashboard.
    pub(crate) fn live_instance(&self, id: &InstanceId) -> Result<&InstanceState, ApiError> {
        self.instances
            .get(id)
            .filter(|s| s.removed_ms.is_none())
            .ok_or_else(|| unknown_instance(id))
    }

    pub(crate) fn rename_instance(&mut self, id: &InstanceId, name: &str) -> Result<Instance, ApiError> {
        let name = clean(name, 64);
        if name.is_empty() {
            return Err(ApiError::new(ErrorCode::BadParams, "a name has at least one letter"));
        }
        let mut state = self.live_instance(id)?.clone();
        state.data.name = name;
        self.put_instance(id, state)?;
        self.emit(Event::InstancesChanged {});
        self.instance(id)
    }

    /// Keeps what the widget says of itself, for title bars and lists.
    pub(crate) fn describe_instances(&mut self, space: &SpaceId, summary: Option<&str>, document: Option<&str>) {
        let ids: Vec<_> = self
            .instances
            .iter()
            .filter(|(_, s)| s.space == *space)
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            let Some(mut state) = self.instances.get(&id).cloned() else {
                continue;
            };
            if let Some(summary) = summary {
                state.data.summary = Some(clean(summary, 64)).filter(|s| !s.is_empty());
            }
            if let Some(document) = document {
                state.data.document = Some(clean(document, 64)).filter(|s| !s.is_empty());
            }
            if self.instances.get(&id).is_some_and(|old| old.data == state.data) {
                continue;
            }
            if self.put_instance(&id, state).is_ok() {
                self.emit(Event::InstancesChanged {});
            }
        }
    }

    pub(crate) fn duplicate_instance(&mut self, id: &InstanceId) -> Result<Instance, ApiError> {
        let state = self.live_instance(id)?.clone();
        let name = clean(&format!("{} (copy)", state.data.name), 64);
        let space = self.create_space(SpaceKind::Private, &state.widget, &name)?;
        self.copy_updates(&state.space, &space)?;
        let board = self
            .layout
            .boards
            .iter()
            .find(|b| b.tiles.iter().any(|t| t.instance == id.to_string()))
            .map(|b| b.id.clone());
        self.place_instance(space, &state.widget, name, board.as_deref(), None)
    }

    pub(crate) fn remove_instance(&mut self, id: &InstanceId) -> Result<(), ApiError> {
        let mut state = self.live_instance(id)?.clone();
        state.data.place = self.unplace(id)?;
        state.removed_ms = Some(self.now_ms());
        self.put_instance(id, state)?;
        self.emit(Event::InstancesChanged {});
        Ok(())
    }

    pub(crate) fn undo_remove(&mut self, id: &InstanceId) -> Result<Instance, ApiError> {
        let mut state = self.instances.get(id).cloned().ok_or_else(|| unknown_instance(id))?;
        if state.removed_ms.take().is_none() {
            return self.instance(id);
        }
        let place = state.data.place.take();
        self.put_instance(id, state)?;
        match place {
            Some((board, tile)) => self.place_back(&board, tile)?,
            None => self.place(*id, None, FIRST_SIZE)?,
        }
        self.emit(Event::InstancesChanged {});
        self.instance(id)
    }

    /// Deletes what was removed more than 30 days ago, with the data of spaces that nothing uses any more.
    pub(crate) fn purge_removed(&mut self) -> Result<(), ApiError> {
        let limit = self.now_ms().saturating_sub(UNDO_MS);
        let old: Vec<_> = self
            .instances
            .iter()
            .filter(|(_, s)| s.removed_ms.is_some_and(|at| at < limit))
            .map(|(id, s)| (*id, s.space))
            .collect();
        for (id, space) in old {
            self.stored(|store| store.delete_instance(&id).and_then(|()| store.delete_kept(&id)))?;
            self.instances.remove(&id);
            if !self.store.space_in_use(&space).map_err(|e| store_error(&e))? {
                self.close_space(&space)?;
            }
        }
        self.share_instances();
        Ok(())
    }

    /// Tells the file server which package each instance runs.
    pub(crate) fn share_instances(&mut self) {
        let map = self
            .instances
            .iter()
            .filter(|(_, s)| s.removed_ms.is_none())
            .filter_map(|(id, s)| {
                let content = match self.installed.get(&s.widget) {
                    Some(installed) => installed.current.content(),
                    None => s.data.content.as_ref().and_then(|c| c.parse().ok()),
                };
                Some((*id, content?))
            })
            .collect();
        self.shared.set_instances(map);
        self.share_grants();
        self.apply_apps();
        self.apply_components();
    }

    pub(crate) fn app_identity(&self, id: &InstanceId) -> Result<AppIdentity, ApiError> {
        let state = self.live_instance(id)?;
        let pseudonym = self.identity.pseudonym_key(&state.widget).public();
        Ok(AppIdentity {
            self_addr: hedgerow_base::Pseudonym::from(pseudonym).to_string(),
            self_name: self.shown_name(),
        })
    }

    /// The owner's name, or a neutral one until it is set.
    pub(crate) fn shown_name(&self) -> String {
        if self.name.is_empty() {
            "Somebody".into()
        } else {
            self.name.clone()
        }
    }
}
