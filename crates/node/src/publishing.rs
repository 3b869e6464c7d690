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
    types::{Installed, PublishParams, Published},
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
    if hedgerow_trust::hides_something(&name) {
        return Err(refuse(
            "the name has letters that nobody sees, or that turn the others around; write it without them",
        ));
    }
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
        pictures: package.pictures.clone(),
        ancestor: manifest.ancestor.as_deref().map(parsed::<WidgetId>).transpose()?,
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
    pub(crate) pictures: Vec<String>,
    pub(crate) ancestor: Option<WidgetId>,
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
            ancestor: self.ancestor,
            created_ms,
            author,
            epoch: 0,
            expires_ms: None,
            pictures: self.pictures,
        }
    }
}

/// Copies a widget, its source and all, as a new one of one's own that is installed here and published by nobody yet.
pub(crate) async fn fork(node: &NodeHandle, widget: WidgetId) -> Result<Installed, ApiError> {
    let (content, old) = node
        .with(move |engine| {
            let newest = engine.newest(&widget)?;
            let installed = engine.installed.get(&widget).map(|i| &i.current);
            let content = newest.as_ref().map(|(_, r)| r.content).or_else(|| installed?.content());
            let name = newest.map(|(_, r)| r.name).or_else(|| Some(installed?.name.clone()));
            content.zip(name).ok_or_else(|| unknown_widget(&widget))
        })
        .await?;
    node.fetch(content, &widget.to_string()).await?;
    let name = node.with(move |engine| Ok(engine.free_name(&old))).await?;
    let shared = node.shared.clone();
    let forked = crate::handle::blocking(move || {
        let package = shared.package(&content)?;
        let mut files = std::collections::BTreeMap::new();
        for file in package.files() {
            let bytes = package.file(&file.path).map_err(|e| refused(&e))?;
            files.extend(bytes.map(|bytes| (file.path, bytes)));
        }
        hedgerow_bundle::fork(&mut files, &name, &widget.to_string()).map_err(|e| refused(&e))?;
        let bytes = hedgerow_bundle::pack(&files).map_err(|e| refused(&e))?;
        let content = hedgerow_directory::fetch::ContentManifest::of(&bytes).id();
        shared
            .files
            .put(&content, &bytes)
            .map_err(|e| crate::engine::store_error(&e))?;
        Ok(content)
    });
    crate::widgets::install_file(node, forked.await?, None).await
}

impl Engine {
    /// A name that no own widget has yet: "Garden fork", "Garden fork 2" …
    fn free_name(&self, old: &str) -> String {
        let base: String = old.chars().take(48).collect();
        let names = (1..).map(|n| {
            if n == 1 {
                format!("{base} fork")
            } else {
                format!("{base} fork {n}")
            }
        });
        let taken = |name: &String| self.authored.values().any(|authored| authored.name == *name);
        names.take(1_000).find(|name| !taken(name)).unwrap_or(base)
    }

    /// A widget of one's own by name or UUID; a new one when there is none of that name.
    pub(crate) fn own_widget(&mut self, name: &str, uuid: Option<WidgetId>) -> Result<WidgetId, ApiError> {
        if let Some(widget) = uuid {
            return if self.authored.contains_key(&widget) || self.became_author(&widget)? {
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

    /// Others made this user an author of their widget: from now on it is one's own, too.
    fn became_author(&mut self, widget: &WidgetId) -> Result<bool, ApiError> {
        let Some((_, release)) = self.newest(widget)? else {
            return Ok(false);
        };
        let (_, keys, ..) = self.directory.next_signers(&release.genesis);
        if !keys.contains(&self.identity.author_key().public()) {
            return Ok(false);
        }
        let authored = Authored {
            name: release.name.clone(),
            genesis: BASE64.encode(&release.genesis.to_bytes()),
            head: None,
        };
        self.put_authored(widget, authored)?;
        Ok(true)
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
        let (epoch, keys, threshold, from) = self.directory.next_signers(&genesis);
        let mut release = draft.release(genesis, sequence.max(from), prev, self.now_ms(), author);
        release.epoch = epoch;
        let sequence = release.sequence;
        let key = self.identity.author_key();
        let number = keys.iter().position(|known| *known == key.public());
        let number = number
            .and_then(|number| u8::try_from(number).ok())
            .ok_or_else(|| ApiError::new(ErrorCode::Refused, "your key signs no releases of this widget any more"))?;
        let record =
            Record::sign(release, number, &key).map_err(|e| ApiError::new(ErrorCode::Refused, e.to_string()))?;
        if threshold > 1 {
            return awaiting(&widget, &record);
        }
        let id = record.id;
        let Some(release) = record.release().cloned() else {
            return Err(ApiError::new(ErrorCode::Bug, "what was signed is no release"));
        };
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

/// A release that the other authors have to sign, too: nobody has it yet.
fn awaiting(widget: &WidgetId, record: &Record) -> Result<Published, ApiError> {
    let release = record.release().ok_or_else(|| unknown_widget(widget))?;
    Ok(Published {
        awaits: Some(crate::cosigning::text_of(record)),
        ..published(widget, &record.id, release)
    })
}

fn published(widget: &WidgetId, id: &RecordId, release: &Release) -> Published {
    Published {
        uuid: widget.to_string(),
        version: release.version.clone(),
        release: id.to_string(),
        name: release.name.clone(),
        awaits: None,
    }
}
