//! The directory on this node: keeping records, showing them in lists and search, exchanging them with peers.

use crate::grants::asked_of;
use crate::{
    engine::{After, Engine, store_error},
    model::{pack, unpack},
    notices::clean,
    people::{BATCH_BYTES, Outgoing},
};
use data_encoding::BASE64;
use hedgerow_api::{
    ApiError, ErrorCode, Event,
    types::{CategoryCount, PermissionAsk, Standing, UpdatePlan, WidgetSummary},
};
use hedgerow_base::{NodeId, PersonId, RecordId, WidgetId};
use hedgerow_directory::{Directory, Effect, Input, Permission, Record, Release};
use hedgerow_net::Channel;
use hedgerow_store::{
    directory::{HeadRow, SearchDocument},
    said::KinRow,
};
use std::collections::BTreeMap;

/// Set once authors and ancestors of all widgets are noted.
const NOTED: &str = "kin";

/// Permissions of a release as people read them.
pub(crate) fn asks(permissions: &[Permission]) -> Vec<PermissionAsk> {
    let ask = |p: &Permission| PermissionAsk {
        sentence: hedgerow_bundle::sentence(&p.name, p.scope.as_deref().unwrap_or_default()),
        name: p.name.clone(),
        reason: clean(&p.reason, 300),
        scope: p.scope.clone().unwrap_or_default(),
    };
    permissions.iter().map(ask).collect()
}

/// `data:` address of a small picture.
pub(crate) fn data_url(mime: &str, bytes: &[u8]) -> String {
    format!("data:{mime};base64,{}", BASE64.encode(bytes))
}

fn summary_of(id: &RecordId, release: &Release) -> WidgetSummary {
    let icon = release.icon.as_ref().and_then(|bytes| {
        let mime = if bytes.starts_with(b"\x89PNG") {
            "image/png"
        } else {
            "image/jpeg"
        };
        (bytes.starts_with(b"\x89PNG") || bytes.starts_with(&[0xff, 0xd8, 0xff])).then(|| data_url(mime, bytes))
    });
    let key = release
        .genesis
        .author_keys()
        .next()
        .map(|k| hedgerow_base::UserId(k.0).to_string());
    WidgetSummary {
        uuid: release.genesis.widget().to_string(),
        name: clean(&release.name, 64),
        version: release.version.clone(),
        author: clean(&release.author, 64),
        author_key: key.unwrap_or_default(),
        release: id.to_string(),
        license: release.license.clone(),
        summary: clean(&release.summary, 200),
        categories: release.categories.iter().map(|c| clean(c, 32)).collect(),
        tags: release.tags.iter().map(|t| clean(t, 32)).collect(),
        size: release.size,
        created_ms: release.created_ms,
        icon,
        installed: None,
        forked: false,
        standing: Standing::default(),
    }
}

impl Engine {
    /// Reads the records of the store into a new core. What an earlier version did not note of them is noted now.
    pub(crate) fn load_directory(&mut self) -> Result<(), ApiError> {
        if self.store.meta(NOTED).map_err(|e| store_error(&e))?.is_none() {
            self.note_kin()?;
        }
        let seed = crate::identity::random().map_err(|e| ApiError::new(ErrorCode::Local, e.to_string()))?;
        let mut directory = Directory::seeded(seed);
        for (widget, record) in &self.pinned {
            directory.pin(*widget, *record);
        }
        let mut effects = Vec::new();
        let read = self
            .store
            .each_record(|bytes| directory.handle(0, Input::Restore { bytes }, &mut effects));
        read.map_err(|e| store_error(&e))?;
        self.directory = directory;
        Ok(())
    }

    fn note_kin(&mut self) -> Result<(), ApiError> {
        let mut kin: BTreeMap<WidgetId, KinRow> = BTreeMap::new();
        let read = self.store.each_record(|bytes| {
            let Some(release) = Record::from_bytes(&bytes).ok().and_then(Record::into_release) else {
                return;
            };
            let (widget, ancestor) = (release.genesis.widget(), release.ancestor);
            let author = release.genesis.author_keys().next().map(PersonId::from);
            if let Some(author) = author {
                kin.insert(
                    widget,
                    KinRow {
                        widget,
                        author,
                        ancestor,
                    },
                );
            }
        });
        read.map_err(|e| store_error(&e))?;
        self.stored(|store| {
            kin.values().try_for_each(|kin| store.put_kin(kin))?;
            store.set_meta(NOTED, b"1")
        })
    }

    /// Carries out what the core wants, in order. A failing store ends the batch.
    pub(crate) fn apply_directory(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            if let Err(error) = self.apply_directory_effect(effect) {
                self.fail(error);
                return;
            }
        }
    }

    fn apply_directory_effect(&mut self, effect: Effect) -> Result<(), ApiError> {
        match effect {
            Effect::Persist {
                id,
                widget,
                sequence,
                bytes,
            } => {
                self.news_of_widgets();
                self.stored(|store| store.put_record(&id, widget.as_ref(), sequence, &bytes))
            }
            Effect::Drop { id } => self.drop_said(&id),
            Effect::Said { id, said } => self.heard_said(id, &said),
            Effect::Changed { widget } => self.show_newest(&widget),
            Effect::Round { peer, round } => {
                self.rounds_message(peer, round);
                Ok(())
            }
            Effect::Compared { peer } => {
                self.compared(peer);
                Ok(())
            }
            Effect::Head { id, release } => self.show_head(&id, &release),
            Effect::Forked { widget } => {
                let name = self.widget_summary(&widget)?.map(|s| s.name).unwrap_or_default();
                if self.installed.contains_key(&widget) {
                    self.notify(None, &name, "Its author's key signed two different releases under one number. Do not update it until the author explains.", None)?;
                }
                self.judge_soon();
                self.emit_directory_changed()
            }
            Effect::Send { peer, bytes } => {
                self.send(peer, Channel::Directory, bytes);
                Ok(())
            }
            Effect::SendRecords { peer, ids } => {
                self.net.touch(&peer);
                let work = Outgoing::Records(ids);
                self.after.push(After::Run(Box::new(move |engine| {
                    engine.enqueue(peer, Channel::Directory, work)
                })));
                Ok(())
            }
            Effect::Misbehaved { peer, what } => {
                self.charge(peer, what);
                Ok(())
            }
        }
    }

    /// Makes a release the one that lists and search show, and fetches it ahead if it updates what is installed.
    fn show_head(&mut self, id: &RecordId, release: &Release) -> Result<(), ApiError> {
        let summary = summary_of(id, release);
        let widget = release.genesis.widget();
        let now = self.now_ms();
        let head = HeadRow {
            widget,
            release: *id,
            summary: pack(&summary),
        };
        let document = SearchDocument {
            name: &summary.name,
            author: &summary.author,
            tags: &summary.tags.join(" "),
            categories: &summary.categories,
            summary: &summary.summary,
            description: &release.description,
        };
        let (_, keys, ..) = self.directory.next_signers(&release.genesis);
        let author = keys.first().map(|key| PersonId::from(*key));
        self.stored(|store| {
            store.put_head(&head, release.created_ms, now, &document)?;
            if let Some(author) = author {
                store.put_person(&author, &summary.author)?;
                store.put_kin(&KinRow {
                    widget,
                    author,
                    ancestor: release.ancestor,
                })?;
            }
            Ok(())
        })?;
        self.opinions.contents.insert(release.content, (widget, release.size));
        self.judge_soon();
        self.ahead_soon();
        if self.files.has(&release.content) {
            self.shared.offer(release.content);
        }
        if self.installed.contains_key(&widget) {
            self.emit(Event::WidgetsChanged {});
        }
        self.emit_directory_changed()
    }

    /// The author changed who signs or took releases back: another release is the newest now, or none.
    fn show_newest(&mut self, widget: &WidgetId) -> Result<(), ApiError> {
        match self.newest(widget)? {
            Some((id, release)) => self.show_head(&id, &release)?,
            None => self.stored(|store| store.delete_head(widget))?,
        }
        let installed = self.installed.get(widget);
        let taken_back = installed
            .and_then(|i| i.current.release())
            .filter(|id| !self.directory.stands(widget, id));
        if let (Some(_), Some(installed)) = (taken_back, installed) {
            let (name, version) = (installed.current.name.clone(), installed.current.version.clone());
            let text =
                format!("Its author took version {version} back, which is installed here. Update it, or uninstall it.");
            self.notify(None, &name, &text, None)?;
        }
        self.emit_directory_changed()
    }

    pub(crate) fn widget_count(&self) -> Result<u64, ApiError> {
        self.store.widget_count().map_err(|e| store_error(&e))
    }
    pub(crate) fn knows_widget(&self, widget: &WidgetId) -> Result<bool, ApiError> {
        Ok(self.directory.knows(widget))
    }

    pub(crate) fn peer_connected_directory(&mut self, peer: NodeId) {
        let mut effects = Vec::new();
        self.directory
            .handle(self.now_ms(), Input::PeerConnected { peer }, &mut effects);
        self.apply_directory(effects);
        self.rounds_connected(peer);
        self.offer_peer_to_fetches(peer);
    }
    pub(crate) fn peer_disconnected_directory(&mut self, peer: NodeId) {
        let mut effects = Vec::new();
        self.directory
            .handle(self.now_ms(), Input::PeerDisconnected { peer }, &mut effects);
        self.apply_directory(effects);
        self.rounds_disconnected(peer);
        self.peer_gone_from_fetches(peer);
    }
    pub(crate) fn directory_message(&mut self, peer: NodeId, bytes: Vec<u8>) {
        let mut effects = Vec::new();
        self.directory
            .handle(self.now_ms(), Input::Message { peer, bytes }, &mut effects);
        if effects.iter().any(|effect| matches!(effect, Effect::Persist { .. })) {
            self.net.touch(&peer);
        }
        self.parking.remote = true;
        self.apply_directory(effects);
        self.parking.remote = false;
    }

    /// The next frame of stored records, and what is left of the work.
    pub(crate) fn records_frame(&self, mut ids: Vec<RecordId>) -> (Option<Vec<u8>>, Option<Outgoing>) {
        let (mut records, mut total) = (Vec::new(), 0usize);
        while let Some(id) = ids.pop() {
            if let Ok(Some(bytes)) = self.store.record(&id) {
                total = total.saturating_add(bytes.len());
                records.push(bytes);
            }
            if total > BATCH_BYTES {
                break;
            }
        }
        let rest = (!ids.is_empty()).then_some(Outgoing::Records(ids));
        ((!records.is_empty()).then(|| Directory::records_frame(records)), rest)
    }

    /// Publishes an own record.
    pub(crate) fn publish_record(&mut self, record: Record) -> Result<(), ApiError> {
        self.directory
            .may_publish(&record)
            .map_err(|e| ApiError::new(ErrorCode::Refused, e.to_string()))?;
        let mut effects = Vec::new();
        self.directory.handle(
            self.now_ms(),
            Input::Publish {
                record: Box::new(record),
            },
            &mut effects,
        );
        self.apply_directory(effects);
        self.failed.clone().map_or(Ok(()), Err)
    }

    pub(crate) fn shown(&self, row: &HeadRow) -> Option<WidgetSummary> {
        let mut summary = unpack::<WidgetSummary>(&row.summary)?;
        summary.standing = self.standing(&row.widget).ok()?;
        summary.installed = self.installed.get(&row.widget).map(|i| i.current.version.clone());
        summary.forked = self.directory.is_forked(&row.widget);
        Some(summary)
    }
    /// What lists show of a widget, without how it stands.
    pub(crate) fn head_summary(&self, widget: &WidgetId) -> Result<Option<WidgetSummary>, ApiError> {
        let row = self.store.head(widget).map_err(|e| store_error(&e))?;
        Ok(row.and_then(|row| unpack(&row.summary)))
    }
    pub(crate) fn widget_summary(&self, widget: &WidgetId) -> Result<Option<WidgetSummary>, ApiError> {
        let row = self.store.head(widget).map_err(|e| store_error(&e))?;
        Ok(row.and_then(|row| self.shown(&row)))
    }
    pub(crate) fn categories(&self) -> Result<Vec<CategoryCount>, ApiError> {
        let rows = self.store.categories().map_err(|e| store_error(&e))?;
        Ok(rows
            .into_iter()
            .map(|(category, widgets)| CategoryCount { category, widgets })
            .collect())
    }

    /// A release by its record.
    pub(crate) fn release(&self, id: &RecordId) -> Result<Option<Release>, ApiError> {
        let bytes = self.store.record(id).map_err(|e| store_error(&e))?;
        Ok(bytes
            .and_then(|b| Record::from_bytes(&b).ok())
            .and_then(Record::into_release))
    }
    /// The newest release of a widget.
    pub(crate) fn newest(&self, widget: &WidgetId) -> Result<Option<(RecordId, Release)>, ApiError> {
        let Some((_, id)) = self.directory.newest(widget) else {
            return Ok(None);
        };
        Ok(self.release(&id)?.map(|release| (id, release)))
    }

    pub(crate) fn update_plan(&self, widget: &WidgetId) -> Result<UpdatePlan, ApiError> {
        let installed = self.installed.get(widget).ok_or_else(|| not_installed(widget))?;
        let mut plan = UpdatePlan {
            uuid: widget.to_string(),
            from: installed.current.version.clone(),
            to: None,
            added: Vec::new(),
            removed: Vec::new(),
        };
        let Some((id, release)) = self.newest(widget)? else {
            return Ok(plan);
        };
        if Some(id) == installed.current.release() {
            return Ok(plan);
        }
        let (old, new) = (&installed.current.permissions, asks(&release.permissions));
        let has = |list: &[PermissionAsk], ask: &PermissionAsk| {
            let ask = asked_of(ask);
            list.iter().any(|other| ask.is_within(&asked_of(other)))
        };
        plan.added = new.iter().filter(|n| !has(old, n)).cloned().collect();
        plan.removed = old.iter().filter(|o| !has(&new, o)).cloned().collect();
        plan.to = Some(release.version);
        Ok(plan)
    }
}

pub(crate) fn unknown_widget(widget: &WidgetId) -> ApiError {
    ApiError::new(
        ErrorCode::NotFound,
        format!(
            "no widget {widget} is known here; connect to a peer that has it, or search with `hedgerow widget search`"
        ),
    )
}
pub(crate) fn not_installed(widget: &WidgetId) -> ApiError {
    ApiError::new(
        ErrorCode::NotFound,
        format!("the widget {widget} is not installed; `hedgerow widget install {widget}`"),
    )
}
