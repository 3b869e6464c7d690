//! Plugins that come into the folder, leave it, and come back.

use super::{find, forbid, refused};
use crate::handle::{NodeHandle, blocking};
use hedgerow_api::{ApiError, ErrorCode};
use hedgerow_sandbox::plugin::{Manifest, is_name};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Most files and folders of a plugin, and bytes in all of them.
const MAX_ENTRIES: usize = 10_000;
const MAX_BYTES: u64 = 512 << 20;
/// Where what was removed last waits. No plugin can be called so.
const REMOVED: &str = ".removed";

fn local(doing: &str) -> impl Fn(io::Error) -> ApiError {
    move |e| ApiError::new(ErrorCode::Local, format!("{doing}: {e}"))
}

/// Copies a folder; answers the name of the plugin in it.
pub(super) async fn add(node: &NodeHandle, from: String) -> Result<String, ApiError> {
    let from = PathBuf::from(from);
    if !from.is_absolute() {
        return Err(ApiError::new(
            ErrorCode::BadParams,
            "give the path of the folder from the root",
        ));
    }
    let plugins = node.plugins.supervisor.settings().plugins.clone();
    let name = blocking(move || {
        let manifest = Manifest::read(&from).map_err(|e| refused(e.to_string()))?;
        let to = plugins.join(&manifest.name);
        if fs::symlink_metadata(&to).is_ok() {
            return Err(refused(format!(
                "there is a plugin {0} already; remove it with `hedgerow plugin remove {0}` first",
                manifest.name
            )));
        }
        let half = plugins.join(format!(".new-{}", manifest.name));
        let _ = fs::remove_dir_all(&half);
        fs::create_dir_all(&plugins).map_err(local("the folder of plugins cannot be written"))?;
        let copied = Copying::default().folder(&from, &half);
        if let Err(error) = copied {
            let _ = fs::remove_dir_all(&half);
            return Err(error);
        }
        fs::rename(&half, &to).map_err(local("the plugin cannot be put into its place"))?;
        Ok(manifest.name)
    })
    .await?;
    // A yes to one that had this name before is no yes to this one.
    forbid(node, &name).await?;
    Ok(name)
}

/// Ends a plugin and puts its folder aside.
pub(super) async fn remove(node: &NodeHandle, name: String) -> Result<(), ApiError> {
    find(node, &name).await?;
    forbid(node, &name).await?;
    node.plugins.supervisor.forget(&name);
    let settings = node.plugins.supervisor.settings().clone();
    blocking(move || {
        let aside = settings.plugins.join(REMOVED);
        match fs::remove_dir_all(&aside) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(local("the one removed before cannot be deleted")(e));
            }
            _ => {}
        }
        fs::create_dir_all(&aside)
            .and_then(|()| fs::rename(settings.folder(&name), aside.join(&name)))
            .map_err(local("the plugin cannot be removed"))
    })
    .await
}

/// Brings back what was removed last.
pub(super) async fn undo_remove(node: &NodeHandle, name: String) -> Result<(), ApiError> {
    let settings = node.plugins.supervisor.settings().clone();
    blocking(move || {
        let aside = settings.plugins.join(REMOVED).join(&name);
        if !is_name(&name) || !aside.is_dir() {
            let why =
                format!("{name:?} was not the last plugin that was removed; add it again with `hedgerow plugin add`");
            return Err(ApiError::new(ErrorCode::NotFound, why));
        }
        if fs::symlink_metadata(settings.folder(&name)).is_ok() {
            return Err(refused(format!(
                "there is another plugin {name} by now; remove that first"
            )));
        }
        fs::rename(aside, settings.folder(&name)).map_err(local("the plugin cannot be brought back"))
    })
    .await
}

/// How much was copied so far.
#[derive(Default)]
struct Copying {
    entries: usize,
    bytes: u64,
}

impl Copying {
    /// Copies files and folders, and nothing else: a link could lead out of the folder later.
    fn folder(&mut self, from: &Path, to: &Path) -> Result<(), ApiError> {
        let unreadable = |e: io::Error| refused(format!("{}: {e}", from.display()));
        fs::create_dir(to).map_err(local("the plugin cannot be copied"))?;
        for entry in fs::read_dir(from).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let (source, target) = (entry.path(), to.join(entry.file_name()));
            let data = fs::symlink_metadata(&source).map_err(unreadable)?;
            self.entries += 1;
            self.bytes = self.bytes.saturating_add(data.len());
            if self.entries > MAX_ENTRIES || self.bytes > MAX_BYTES {
                return Err(refused(format!(
                    "the folder is too large for a plugin: at most {MAX_ENTRIES} files and {} MiB",
                    MAX_BYTES >> 20
                )));
            }
            if data.is_dir() {
                self.folder(&source, &target)?;
            } else if data.is_file() {
                fs::copy(&source, &target).map_err(local("the plugin cannot be copied"))?;
            } else {
                return Err(refused(format!("{} is neither a file nor a folder", source.display())));
            }
        }
        Ok(())
    }
}
