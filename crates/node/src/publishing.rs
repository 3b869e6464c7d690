//! Publishing: a package becomes a signed release in the chain of a widget of one's own.

use crate::{
    catalogue::{asks, unknown_widget},
    dispatch::parsed,
    engine::Engine,
    handle::NodeHandle,
    identity::random,
    model::{Authored, pack},
    packages::refused,
    widgets::{named, opened, permissions_of},
};
use data_encoding::BASE64;
use hedgerow_api::{
    ApiError, ErrorCode,
    types::{PublishParams, Published},
};
use hedgerow_base::{ContentId, RecordId, WidgetId};
use hedgerow_bundle::check_licence;
use hedgerow_directory::{Genesis, Permission, Record, Release};

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
    /// A widget of one's own by name or UUID; a new one when there is none of that name.
    pub(crate) fn own_widget(&mut self, name: &str, uuid: Option<WidgetId>) -> Result<WidgetId, ApiError> {
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

    pub(crate) fn put_authored(&mut self, widget: &WidgetId, authored: Authored) -> Result<(), ApiError> {
        self.stored(|store| store.put_authored(widget, &authored.name, &pack(&authored)))?;
        self.authored.insert(*widget, authored);
        self.tell_authored(widget)
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
