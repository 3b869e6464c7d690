//! Installing, updating, rolling back and publishing widgets.

use crate::{
    catalogue::{asks, data_url, not_installed, unknown_widget},
    dispatch::parsed,
    engine::{Engine, Installed, store_error},
    handle::{NodeHandle, blocking},
    model::{InstalledRelease, pack, unpack},
    notices::clean,
    packages::refused,
};
use data_encoding::BASE64;
use hedgerow_api::{
    ApiError, ErrorCode, Event,
    types::{
        FileContent, FileEntry, FileParams, FilesParams, InstallParams, Installed as InstalledAnswer, InstalledWidget,
        UpdateParams,
    },
};
use hedgerow_base::{ContentId, RecordId, WidgetId};
use hedgerow_bundle::{Asked, Manifest, Package, mime_for};
use hedgerow_directory::Permission;
use hedgerow_overlay::RulesText;

pub(crate) use crate::opinions::search;

/// Files larger than this are not shown in the source viewer.
const LARGEST_SHOWN: usize = 2 << 20;
/// Largest icon of an installed widget that is kept for lists.
const LARGEST_ICON: usize = 64 << 10;

pub(crate) fn permissions_of(asked: &[Asked]) -> Vec<Permission> {
    asked
        .iter()
        .map(|a| Permission {
            name: a.name.clone(),
            reason: a.reason.clone(),
            scope: Some(a.scope.clone()).filter(|scope| !scope.is_empty()),
        })
        .collect()
}

/// What a release asks for.
pub(crate) fn asked_in(permissions: &[Permission]) -> Vec<Asked> {
    let asked = permissions.iter().map(|p| Asked {
        name: p.name.clone(),
        reason: p.reason.clone(),
        scope: p.scope.clone().unwrap_or_default(),
    });
    asked.collect()
}

/// Which release a call means: the named one, the installed one, else the newest.
async fn content_meant(node: &NodeHandle, uuid: &str, release: Option<&str>) -> Result<ContentId, ApiError> {
    let widget: WidgetId = parsed(uuid)?;
    let named: Option<RecordId> = release.map(parsed).transpose()?;
    node.with(move |engine| {
        if let Some(id) = named {
            let release = engine.release(&id)?.filter(|r| r.genesis.widget() == widget);
            return release
                .map(|r| r.content)
                .ok_or_else(|| ApiError::new(ErrorCode::NotFound, "no such release of this widget"));
        }
        if let Some(content) = engine.installed.get(&widget).and_then(|i| i.current.content()) {
            return Ok(content);
        }
        engine
            .newest(&widget)?
            .map(|(_, r)| r.content)
            .ok_or_else(|| unknown_widget(&widget))
    })
    .await
}

pub(crate) async fn files(node: &NodeHandle, params: &FilesParams) -> Result<Vec<FileEntry>, ApiError> {
    let content = content_meant(node, &params.uuid, params.release.as_deref()).await?;
    node.fetch(content, &params.uuid).await?;
    let shared = node.shared.clone();
    blocking(move || {
        let files = shared.package(&content)?.files();
        Ok(files
            .into_iter()
            .map(|f| FileEntry {
                path: f.path,
                size: f.size,
            })
            .collect())
    })
    .await
}

pub(crate) async fn file(node: &NodeHandle, params: FileParams) -> Result<FileContent, ApiError> {
    let content = content_meant(node, &params.uuid, params.release.as_deref()).await?;
    node.fetch(content, &params.uuid).await?;
    let shared = node.shared.clone();
    blocking(move || {
        let path = params.path;
        let bytes = shared.package(&content)?.file(&path).map_err(|e| refused(&e))?;
        let bytes = bytes
            .ok_or_else(|| ApiError::new(ErrorCode::NotFound, format!("there is no file {path:?} in this widget")))?;
        if bytes.len() > LARGEST_SHOWN {
            return Err(ApiError::new(
                ErrorCode::Limit,
                "the file is larger than 2 MiB and is not shown",
            ));
        }
        let mime = mime_for(&path).to_owned();
        let (text, base64) = match String::from_utf8(bytes) {
            Ok(text) => (Some(text), None),
            Err(e) => (None, Some(BASE64.encode(e.as_bytes()))),
        };
        Ok(FileContent {
            path,
            mime,
            text,
            base64,
        })
    })
    .await
}

/// What an opened package brings to a list of installed widgets.
pub(crate) struct Opened {
    pub(crate) manifest: Manifest,
    /// What its messages are checked by.
    pub(crate) messages: Option<RulesText>,
    pub(crate) icon: Option<(&'static str, Vec<u8>)>,
    pub(crate) size: u64,
    /// Screenshots that are in the package.
    pub(crate) pictures: Vec<String>,
}

/// Screenshots that the manifest names and the package has.
fn pictures(package: &Package) -> Vec<String> {
    let files = package.files();
    let named = package.manifest().screenshots.iter();
    let there = named.filter(|path| files.iter().any(|file| file.path == **path));
    there.take(hedgerow_wire::directory::MAX_PICTURES).cloned().collect()
}

pub(crate) async fn opened(node: &NodeHandle, content: ContentId) -> Result<Opened, ApiError> {
    let shared = node.shared.clone();
    blocking(move || {
        let package = shared.package(&content)?;
        package.verify_all().map_err(|e| refused(&e))?;
        let package: &Package = &package;
        Ok(Opened {
            manifest: package.manifest().clone(),
            messages: crate::apps::rules_of(package)?,
            icon: package.icon(),
            size: package.size() as u64,
            pictures: pictures(package),
        })
    })
    .await
}

pub(crate) async fn install(node: &NodeHandle, params: InstallParams) -> Result<InstalledAnswer, ApiError> {
    match (params.uuid, params.package) {
        (Some(uuid), None) => {
            let widget: WidgetId = parsed(&uuid)?;
            let current = node
                .with(move |e| Ok(e.installed.get(&widget).map(|i| i.current.clone())))
                .await?;
            if let Some(current) = current {
                return Ok(answer(&widget, &current));
            }
            install_newest(node, widget).await
        }
        (None, Some(package)) => install_file(node, parsed(&package)?, params.file_name).await,
        _ => Err(ApiError::new(
            ErrorCode::BadParams,
            "say what to install: either uuid or package",
        )),
    }
}

fn answer(widget: &WidgetId, release: &InstalledRelease) -> InstalledAnswer {
    InstalledAnswer {
        uuid: widget.to_string(),
        version: release.version.clone(),
        name: release.name.clone(),
        release: release.release.clone(),
    }
}

async fn install_newest(node: &NodeHandle, widget: WidgetId) -> Result<InstalledAnswer, ApiError> {
    let (id, release) = node
        .with(move |e| e.newest(&widget)?.ok_or_else(|| unknown_widget(&widget)))
        .await?;
    node.fetch(release.content, &widget.to_string()).await?;
    let package = opened(node, release.content).await?;
    is_that_widget(&package.manifest, &widget)?;
    // What runs may not ask for more than what was signed and shown.
    let hidden = package
        .manifest
        .permissions
        .iter()
        .find(|p| !asked_in(&release.permissions).iter().any(|r| p.is_within(r)));
    if let Some(hidden) = hidden {
        return Err(ApiError::new(
            ErrorCode::Refused,
            format!(
                "the package asks for {:?}, which its release does not say; it was not installed",
                hidden.name
            ),
        ));
    }
    let icon = package
        .icon
        .filter(|(_, bytes)| bytes.len() <= LARGEST_ICON)
        .map(|(mime, bytes)| data_url(mime, &bytes));
    let current = InstalledRelease {
        name: clean(&release.name, 64),
        version: release.version.clone(),
        summary: clean(&release.summary, 200),
        content: release.content.to_string(),
        release: Some(id.to_string()),
        size: release.size,
        permissions: asks(&release.permissions),
        icon,
        zeronet: package.manifest.zeronet,
        component: package.manifest.component.clone(),
        messages: package.messages,
    };
    node.with(move |engine| engine.put_installed(&widget, current)).await
}

/// The package of another widget under this one's name is not installed (TUF: wrong software).
fn is_that_widget(manifest: &Manifest, widget: &WidgetId) -> Result<(), ApiError> {
    match &manifest.uuid {
        Some(uuid) if *uuid != widget.to_string() => Err(ApiError::new(
            ErrorCode::Refused,
            format!("the package belongs to the widget {uuid}, not to {widget}; it was not installed"),
        )),
        _ => Ok(()),
    }
}

/// Installs what another device of the user has installed.
pub(crate) async fn install_from_device(
    node: &NodeHandle,
    widget: WidgetId,
    mut release: InstalledRelease,
) -> Result<(), ApiError> {
    let content: ContentId = parsed(&release.content)?;
    node.fetch(content, &widget.to_string()).await?;
    let package = opened(node, content).await?;
    release.icon = package
        .icon
        .filter(|(_, bytes)| bytes.len() <= LARGEST_ICON)
        .map(|(mime, bytes)| data_url(mime, &bytes));
    node.with(move |engine| match engine.installed.contains_key(&widget) {
        true => Ok(()),
        false => engine.put_installed(&widget, release).map(|_| ()),
    })
    .await
}

pub(crate) async fn install_file(
    node: &NodeHandle,
    content: ContentId,
    file_name: Option<String>,
) -> Result<InstalledAnswer, ApiError> {
    let package = opened(node, content).await?;
    let name = named(None, &package.manifest, file_name.as_deref());
    let current = InstalledRelease {
        version: package.manifest.version.clone().unwrap_or_else(|| "0.0.0".into()),
        summary: package.manifest.summary.clone(),
        content: content.to_string(),
        release: None,
        size: package.size,
        permissions: asks(&permissions_of(&package.manifest.permissions)),
        icon: package
            .icon
            .filter(|(_, b)| b.len() <= LARGEST_ICON)
            .map(|(mime, bytes)| data_url(mime, &bytes)),
        name: name.clone(),
        zeronet: package.manifest.zeronet,
        component: package.manifest.component.clone(),
        messages: package.messages,
    };
    node.with(move |engine| {
        let widget = engine.own_widget(&name, None)?;
        engine.put_installed(&widget, current)
    })
    .await
}

/// The name of a widget: given, from the manifest, or from the file's name.
pub(crate) fn named(given: Option<&str>, manifest: &Manifest, file_name: Option<&str>) -> String {
    let stem = file_name.map(|f| {
        let base = f.rsplit(['/', '\\']).next().unwrap_or(f);
        base.strip_suffix(".xdc").unwrap_or(base)
    });
    let name = given.or(manifest.name.as_deref()).or(stem).unwrap_or("");
    Some(clean(name, 64))
        .filter(|n| !n.is_empty())
        .unwrap_or_else(|| "Widget".into())
}

pub(crate) async fn update(node: &NodeHandle, params: &UpdateParams) -> Result<InstalledAnswer, ApiError> {
    let widget: WidgetId = parsed(&params.uuid)?;
    let plan = node.with(move |e| e.update_plan(&widget)).await?;
    if plan.to.is_none() {
        let current = node
            .with(move |e| Ok(e.installed.get(&widget).map(|i| i.current.clone())))
            .await?;
        return current
            .map(|c| answer(&widget, &c))
            .ok_or_else(|| not_installed(&widget));
    }
    if !plan.added.is_empty() && !params.accept_permissions {
        let wants: Vec<_> = plan.added.iter().map(|p| p.sentence.clone()).collect();
        return Err(ApiError::new(
            ErrorCode::Refused,
            format!(
                "the new version asks for more: {}. Update with --accept-permissions if you agree",
                wants.join("; ")
            ),
        ));
    }
    install_newest(node, widget).await
}

impl Engine {
    pub(crate) fn load_widgets(&mut self) -> Result<(), ApiError> {
        self.installed.clear();
        for row in self.store.installed().map_err(|e| store_error(&e))? {
            let Some(current) = unpack(&row.data) else { continue };
            let previous = row.previous.and_then(|p| unpack(&p));
            self.installed.insert(row.widget, Installed { current, previous });
        }
        self.authored.clear();
        for (widget, _, data) in self.store.authored().map_err(|e| store_error(&e))? {
            if let Some(authored) = unpack(&data) {
                self.authored.insert(widget, authored);
            }
        }
        Ok(())
    }

    /// Makes a release the installed one; what was installed before can be gone back to.
    pub(crate) fn put_installed(
        &mut self,
        widget: &WidgetId,
        current: InstalledRelease,
    ) -> Result<InstalledAnswer, ApiError> {
        let before = self.installed.get(widget);
        let previous = before
            .map(|i| i.current.clone())
            .filter(|old| old.content != current.content);
        let previous = previous.or_else(|| before.and_then(|i| i.previous.clone()));
        let result = answer(widget, &current);
        if let Some(content) = current.content().filter(|_| current.release.is_some()) {
            self.shared.offer(content);
        }
        self.store_installed(widget, Installed { current, previous })?;
        Ok(result)
    }

    pub(crate) fn store_installed(&mut self, widget: &WidgetId, installed: Installed) -> Result<(), ApiError> {
        let previous = installed.previous.as_ref().map(pack);
        self.stored(|store| store.put_installed(widget, &pack(&installed.current), previous.as_deref()))?;
        let content = installed.current.content();
        self.installed.insert(*widget, installed);
        self.tell_installs();
        if let Some(content) = content {
            self.not_ahead_any_more(&content)?;
        }
        self.share_instances();
        self.emit(Event::WidgetsChanged {});
        self.emit(Event::InstancesChanged {});
        Ok(())
    }

    pub(crate) fn rollback(&mut self, widget: &WidgetId) -> Result<InstalledAnswer, ApiError> {
        let installed = self
            .installed
            .get(widget)
            .cloned()
            .ok_or_else(|| not_installed(widget))?;
        let previous = installed.previous.ok_or_else(|| {
            ApiError::new(
                ErrorCode::Refused,
                "there is no earlier version on this machine to go back to",
            )
        })?;
        let result = answer(widget, &previous);
        self.skip_release(widget, installed.current.release())?;
        self.store_installed(
            widget,
            Installed {
                current: previous,
                previous: Some(installed.current),
            },
        )?;
        Ok(result)
    }

    pub(crate) fn installed_list(&self) -> Result<Vec<InstalledWidget>, ApiError> {
        let rows = self.installed.iter().map(|(widget, installed)| {
            let current = &installed.current;
            let newest = self.newest(widget)?;
            let update = newest.filter(|(id, _)| Some(*id) != current.release() && current.release.is_some());
            let count = self
                .instances
                .values()
                .filter(|s| s.widget == *widget && s.removed_ms.is_none())
                .count();
            Ok(InstalledWidget {
                uuid: widget.to_string(),
                name: current.name.clone(),
                version: current.version.clone(),
                release: current.release.clone(),
                update: update.map(|(_, r)| r.version),
                previous: installed.previous.as_ref().map(|p| p.version.clone()),
                instances: u32::try_from(count).unwrap_or(u32::MAX),
                icon: current.icon.clone(),
                summary: current.summary.clone(),
                size: current.size,
                unpublished: current.release.is_none(),
            })
        });
        let mut list = rows.collect::<Result<Vec<_>, ApiError>>()?;
        list.sort_by_key(|w| w.name.to_lowercase());
        Ok(list)
    }

    pub(crate) fn uninstall(&mut self, widget: &WidgetId, with_instances: bool) -> Result<(), ApiError> {
        if !self.installed.contains_key(widget) {
            return Err(not_installed(widget));
        }
        let placed: Vec<_> = self
            .instances
            .iter()
            .filter(|(_, s)| s.widget == *widget && s.removed_ms.is_none())
            .map(|(id, _)| *id)
            .collect();
        if !placed.is_empty() && !with_instances {
            return Err(ApiError::new(
                ErrorCode::Refused,
                format!(
                    "it is on your boards {} times; remove it there first, or use --with-instances",
                    placed.len()
                ),
            ));
        }
        for id in placed {
            self.remove_instance(&id)?;
        }
        self.stored(|store| store.delete_installed(widget))?;
        self.installed.remove(widget);
        self.tell_installs();
        self.share_instances();
        self.emit(Event::WidgetsChanged {});
        Ok(())
    }
}
