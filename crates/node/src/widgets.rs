//! Installing, updating, rolling back and publishing widgets.

use crate::{
    catalogue::{asks, data_url, not_installed, unknown_widget},
    dispatch::parsed,
    engine::{Engine, Installed, store_error},
    handle::{NodeHandle, blocking},
    identity::random,
    model::{Authored, InstalledRelease, pack, unpack},
    notices::clean,
    packages::refused,
};
use data_encoding::BASE64;
use hedgerow_api::{
    ApiError, ErrorCode, Event,
    types::{
        FileContent, FileEntry, FileParams, FilesParams, InstallParams, Installed as InstalledAnswer, InstalledWidget,
        PublishParams, Published, UpdateParams,
    },
};
use hedgerow_base::{ContentId, RecordId, WidgetId};
use hedgerow_bundle::{Asked, Manifest, Package, check_licence, mime_for};
use hedgerow_directory::{Genesis, Permission, Record, Release};

pub(crate) use crate::catalogue::search;

/// Files larger than this are not shown in the source viewer.
const LARGEST_SHOWN: usize = 2 << 20;
/// Largest icon of an installed widget that is kept for lists.
const LARGEST_ICON: usize = 64 << 10;

fn permissions_of(asked: &[Asked]) -> Vec<Permission> {
    asked
        .iter()
        .map(|a| Permission {
            name: a.name.clone(),
            reason: a.reason.clone(),
        })
        .collect()
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
struct Opened {
    manifest: Manifest,
    icon: Option<(&'static str, Vec<u8>)>,
    size: u64,
}

async fn opened(node: &NodeHandle, content: ContentId) -> Result<Opened, ApiError> {
    let shared = node.shared.clone();
    blocking(move || {
        let package = shared.package(&content)?;
        package.verify_all().map_err(|e| refused(&e))?;
        let package: &Package = &package;
        Ok(Opened {
            manifest: package.manifest().clone(),
            icon: package.icon(),
            size: package.size() as u64,
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
    // What runs may not ask for more than what was signed and shown.
    let hidden = package
        .manifest
        .permissions
        .iter()
        .find(|p| !release.permissions.iter().any(|r| r.name == p.name));
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
    };
    node.with(move |engine| engine.put_installed(&widget, current)).await
}

async fn install_file(
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
    };
    node.with(move |engine| {
        let widget = engine.own_widget(&name, None)?;
        engine.put_installed(&widget, current)
    })
    .await
}

/// The name of a widget: given, from the manifest, or from the file's name.
fn named(given: Option<&str>, manifest: &Manifest, file_name: Option<&str>) -> String {
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

pub(crate) async fn publish(node: &NodeHandle, params: PublishParams) -> Result<Published, ApiError> {
    let content: ContentId = parsed(&params.package)?;
    let package = opened(node, content).await?;
    let manifest = &package.manifest;
    let refuse = |why: &str| ApiError::new(ErrorCode::Refused, why.to_owned());
    let license = params.license.as_deref().or(manifest.license.as_deref()).unwrap_or("");
    let license = check_licence(license).map_err(|e| refused(&e))?;
    let version = params.version.as_deref().or(manifest.version.as_deref());
    let version = version
        .ok_or_else(|| {
            refuse("a version is needed to publish: give one such as 1.0.0 in manifest.toml or with --version")
        })?
        .to_owned();
    hedgerow_bundle::check_version(&version).map_err(|e| refused(&e))?;
    let name = named(params.name.as_deref(), manifest, params.file_name.as_deref());
    let uuid = params
        .uuid
        .as_deref()
        .or(manifest.uuid.as_deref())
        .map(parsed::<WidgetId>)
        .transpose()?;
    let icon = package
        .icon
        .as_ref()
        .map(|(_, bytes)| bytes.clone())
        .filter(|b| b.len() <= hedgerow_wire::directory::MAX_ICON);
    let draft = Draft {
        content,
        size: package.size,
        name,
        version,
        license,
        icon,
        summary: manifest.summary.clone(),
        description: manifest.description.clone(),
        categories: manifest.categories.clone(),
        tags: manifest.tags.clone(),
        permissions: permissions_of(&manifest.permissions),
    };
    node.with(move |engine| engine.publish(uuid, draft)).await
}

/// A release before it has a place in its widget's chain.
pub(crate) struct Draft {
    pub(crate) content: ContentId,
    pub(crate) size: u64,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: String,
    pub(crate) icon: Option<Vec<u8>>,
    pub(crate) summary: String,
    pub(crate) description: String,
    pub(crate) categories: Vec<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) permissions: Vec<Permission>,
}

impl Draft {
    pub(crate) fn release(
        self,
        genesis: Genesis,
        sequence: u64,
        prev: Option<RecordId>,
        created_ms: u64,
        author: String,
    ) -> Release {
        Release {
            kind: hedgerow_wire::directory::KIND_RELEASE,
            genesis,
            sequence,
            prev,
            version: self.version,
            content: self.content,
            size: self.size,
            name: self.name,
            summary: self.summary,
            description: self.description,
            license: self.license,
            categories: self.categories,
            tags: self.tags,
            permissions: self.permissions,
            icon: self.icon.map(Into::into),
            ancestor: None,
            created_ms,
            author,
        }
    }
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

    fn store_installed(&mut self, widget: &WidgetId, installed: Installed) -> Result<(), ApiError> {
        let previous = installed.previous.as_ref().map(pack);
        self.stored(|store| store.put_installed(widget, &pack(&installed.current), previous.as_deref()))?;
        self.installed.insert(*widget, installed);
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
        self.share_instances();
        self.emit(Event::WidgetsChanged {});
        Ok(())
    }

    /// A widget of one's own by name or UUID; a new one when there is none of that name.
    fn own_widget(&mut self, name: &str, uuid: Option<WidgetId>) -> Result<WidgetId, ApiError> {
        if let Some(widget) = uuid {
            return if self.authored.contains_key(&widget) {
                Ok(widget)
            } else {
                Err(ApiError::new(
                    ErrorCode::Refused,
                    format!("the widget {widget} is not yours; only its author publishes new versions of it"),
                ))
            };
        }
        if let Some((widget, _)) = self.authored.iter().find(|(_, a)| a.name == name) {
            return Ok(*widget);
        }
        let nonce = random().map_err(|e| ApiError::new(ErrorCode::Local, e.to_string()))?;
        let genesis = Genesis::of(self.identity.author_key().public(), nonce);
        let widget = genesis.widget();
        let authored = Authored {
            name: name.to_owned(),
            genesis: BASE64.encode(&genesis.to_bytes()),
            head: None,
        };
        self.put_authored(&widget, authored)?;
        Ok(widget)
    }

    fn put_authored(&mut self, widget: &WidgetId, authored: Authored) -> Result<(), ApiError> {
        self.stored(|store| store.put_authored(widget, &authored.name, &pack(&authored)))?;
        self.authored.insert(*widget, authored);
        Ok(())
    }

    fn publish(&mut self, uuid: Option<WidgetId>, draft: Draft) -> Result<Published, ApiError> {
        let widget = self.own_widget(&draft.name, uuid)?;
        let newest = self.newest(&widget)?;
        if let Some((id, old)) = &newest {
            let older = |version: &str| semver::Version::parse(version).ok();
            if old.content == draft.content && old.version == draft.version {
                return Ok(published(&widget, id, old));
            }
            if older(&draft.version) <= older(&old.version) {
                return Err(ApiError::new(
                    ErrorCode::Refused,
                    format!(
                        "version {} is published already; raise the version above it (now {})",
                        old.version, draft.version
                    ),
                ));
            }
        }
        let mut authored = self
            .authored
            .get(&widget)
            .cloned()
            .ok_or_else(|| unknown_widget(&widget))?;
        let genesis = BASE64
            .decode(authored.genesis.as_bytes())
            .ok()
            .and_then(|g| Genesis::from_bytes(&g).ok());
        let genesis =
            genesis.ok_or_else(|| ApiError::new(ErrorCode::Bug, "the widget's genesis record cannot be read"))?;
        let (sequence, prev) = newest.map_or((1, None), |(id, old)| (old.sequence + 1, Some(id)));
        let author = self.shown_name();
        let release = draft.release(genesis, sequence, prev, self.now_ms(), author);
        let key = self.identity.author_key();
        let record = Record::sign(release, 0, &key).map_err(|e| ApiError::new(ErrorCode::Refused, e.to_string()))?;
        let (id, release) = (record.id, record.release.clone());
        self.publish_record(record)?;
        authored.name.clone_from(&release.name);
        authored.head = Some((sequence, id.to_string()));
        self.put_authored(&widget, authored)?;
        self.shared.offer(release.content);
        self.adopt_published(&widget, &id, &release)?;
        Ok(published(&widget, &id, &release))
    }

    /// A widget that was installed from the very file that is now published is a published one from here on.
    fn adopt_published(&mut self, widget: &WidgetId, id: &RecordId, release: &Release) -> Result<(), ApiError> {
        let Some(mut installed) = self.installed.get(widget).cloned() else {
            return Ok(());
        };
        if installed.current.content() != Some(release.content) || installed.current.release.is_some() {
            return Ok(());
        }
        installed.current.release = Some(id.to_string());
        installed.current.version.clone_from(&release.version);
        installed.current.permissions = asks(&release.permissions);
        self.store_installed(widget, installed)
    }
}

fn published(widget: &WidgetId, id: &RecordId, release: &Release) -> Published {
    Published {
        uuid: widget.to_string(),
        version: release.version.clone(),
        release: id.to_string(),
        name: release.name.clone(),
    }
}
