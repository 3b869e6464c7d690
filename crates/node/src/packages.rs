//! Packages on this machine: checked uploads, opened packages for the widgets' origins, and what peers may have.

use crate::{engine::store_error, streams::Listeners};
use hedgerow_api::{ApiError, ErrorCode};
use hedgerow_base::{ContentId, InstanceId, limits};
use hedgerow_bundle::Package;
use hedgerow_directory::fetch::ContentManifest;
use hedgerow_store::{PackageFiles, Store, StoreError};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, RwLock},
};

/// Opened packages that are kept in memory; each holds its bytes once.
const OPEN_PACKAGES: usize = 24;
/// Bytes of packages kept open beside the newest one.
const OPEN_BYTES: usize = 64 << 20;

/// What the HTTP server and peers may read without asking the engine.
pub(crate) struct Shared {
    pub(crate) files: PackageFiles,
    instances: RwLock<BTreeMap<InstanceId, ContentId>>,
    /// Packages that peers may fetch: those that a directory record names.
    offered: RwLock<BTreeSet<ContentId>>,
    open: Mutex<VecDeque<(ContentId, Arc<Package>)>>,
    /// Chunk digests of packages that were asked for lately.
    manifests: Mutex<VecDeque<(ContentId, Arc<ContentManifest>)>>,
    pub(crate) listeners: Listeners,
    pub(crate) app_streams: crate::apps::streams::AppStreams,
    /// What instances may do.
    pub(crate) grants: crate::grants::Grants,
    /// A second connection to the database, for searching beside the engine.
    reader: Mutex<Store>,
}

impl Shared {
    pub(crate) fn new(files: PackageFiles, reader: Store) -> Self {
        Self {
            files,
            instances: RwLock::default(),
            offered: RwLock::default(),
            open: Mutex::default(),
            manifests: Mutex::default(),
            listeners: Listeners::default(),
            app_streams: crate::apps::streams::AppStreams::default(),
            grants: crate::grants::Grants::default(),
            reader: Mutex::new(reader),
        }
    }
    /// Reads the database beside the engine. Blocks.
    pub(crate) fn search<T>(&self, read: impl FnOnce(&Store) -> Result<T, StoreError>) -> Result<T, ApiError> {
        let reader = self.reader.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        read(&reader).map_err(|e| store_error(&e))
    }
    /// Chunk digests of a finished package. Blocks on the disk the first time.
    pub(crate) fn manifest(&self, content: &ContentId) -> Result<Arc<ContentManifest>, ApiError> {
        let lock = || self.manifests.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((_, manifest)) = lock().iter().find(|(c, _)| c == content) {
            return Ok(manifest.clone());
        }
        let bytes = self.files.read(content).map_err(|e| store_error(&e))?;
        let manifest = Arc::new(ContentManifest::of(&bytes));
        self.keep_manifest(*content, manifest.clone());
        Ok(manifest)
    }
    /// Remembers chunk digests for the peers that will ask.
    pub(crate) fn keep_manifest(&self, content: ContentId, manifest: Arc<ContentManifest>) {
        let mut cache = self.manifests.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        cache.retain(|(known, _)| *known != content);
        cache.push_front((content, manifest));
        cache.truncate(OPEN_PACKAGES);
    }
    pub(crate) fn content_of(&self, instance: &InstanceId) -> Option<ContentId> {
        self.instances.read().ok()?.get(instance).copied()
    }
    pub(crate) fn set_instances(&self, map: BTreeMap<InstanceId, ContentId>) {
        if let Ok(mut instances) = self.instances.write() {
            *instances = map;
        }
    }
    /// Whether peers may have this package, and it is here.
    pub(crate) fn offers(&self, content: &ContentId) -> bool {
        self.offered.read().is_ok_and(|set| set.contains(content)) && self.files.has(content)
    }
    pub(crate) fn offer(&self, content: ContentId) {
        if let Ok(mut set) = self.offered.write() {
            set.insert(content);
        }
    }

    fn cache(&self) -> MutexGuard<'_, VecDeque<(ContentId, Arc<Package>)>> {
        self.open.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The opened package, from memory or disk. Blocks on the disk.
    pub(crate) fn package(&self, content: &ContentId) -> Result<Arc<Package>, ApiError> {
        if let Some((_, package)) = self.cache().iter().find(|(c, _)| c == content) {
            return Ok(package.clone());
        }
        let bytes = self.files.read(content).map_err(|e| match e {
            hedgerow_store::StoreError::Io { .. } => ApiError::new(
                ErrorCode::NotFound,
                "the widget's package is not on this machine yet; it comes as soon as a peer that has it is connected",
            ),
            other => store_error(&other),
        })?;
        let package = Package::open(bytes.into()).map_err(|e| refused(&e))?;
        let package = Arc::new(package);
        let mut cache = self.cache();
        cache.push_front((*content, package.clone()));
        let mut held = 0usize;
        let mut kept = 0usize;
        cache.retain(|(_, p)| {
            held = held.saturating_add(p.size());
            kept += 1;
            kept == 1 || (kept <= OPEN_PACKAGES && held <= OPEN_BYTES)
        });
        Ok(package)
    }

    /// Checks uploaded bytes as a package and stores them durably. Blocks.
    pub(crate) fn keep_upload(&self, bytes: Vec<u8>) -> Result<ContentId, ApiError> {
        if bytes.len() as u64 > limits::MAX_PACKAGE {
            return Err(ApiError::new(ErrorCode::Limit, "the package is larger than 64 MiB"));
        }
        let manifest = ContentManifest::of(&bytes);
        let content = manifest.id();
        let bytes: Arc<[u8]> = bytes.into();
        let package = Package::open(bytes.clone()).map_err(|e| refused(&e))?;
        package.verify_all().map_err(|e| refused(&e))?;
        self.files.put(&content, &bytes).map_err(|e| store_error(&e))?;
        self.keep_manifest(content, Arc::new(manifest));
        Ok(content)
    }
}

pub(crate) fn refused(error: &hedgerow_bundle::PackageError) -> ApiError {
    ApiError::new(ErrorCode::Refused, error.to_string())
}
