//! A widget's folder: begun, read safely, packed. The only place where the command line reads files of a person.

use super::{Client, Context, Result, local, output::field, output::size, refused};
use data_encoding::BASE64;
use hedgerow_base::limits::{MAX_PACKAGE, MAX_PACKAGE_FILES, MAX_UNPACKED};
use serde_json::json;
use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read},
    path::{Component, Path, PathBuf},
};

/// Folders that are never part of a widget.
const SKIPPED: [&str; 3] = ["node_modules", "target", "__pycache__"];
/// Deepest nesting of folders.
const MAX_DEPTH: usize = 32;

/// Writes a skeleton that runs into a new or empty folder.
pub(super) fn create(dir: &Path, name: Option<String>, context: &Context) -> Result {
    if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(refused(format!("{} is not empty; name a new folder", dir.display())));
    }
    let name = match name.or_else(|| Some(dir.file_name()?.to_str()?.to_owned())) {
        Some(name) => name,
        None => return Err(refused("give the widget a name with --name")),
    };
    let failed = |e: io::Error| local(format!("cannot write {}: {e}", dir.display()));
    let mut written = Vec::new();
    for (path, bytes) in hedgerow_bundle::skeleton(&name) {
        let target = dir.join(&path);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        fs::write(&target, bytes).map_err(failed)?;
        written.push(path);
    }
    let result = json!({"dir": dir, "name": name, "files": written});
    context.output.result(&result, |_| {
        let dir = dir.display();
        format!(
            "{name} is begun in {dir}: open {dir}/index.html in an editor.\nTry it:   hedgerow widget install {dir}\nShare it: hedgerow widget publish {dir}"
        )
    });
    Ok(())
}

/// Writes the files of a widget on this node into a new folder.
pub(super) fn download(client: &Client, uuid: &str, dir: &Path) -> Result {
    let failed = |e: io::Error| local(format!("cannot write {}: {e}", dir.display()));
    let files = client.call("widget.files", json!({"uuid": uuid}))?;
    for file in files.as_array().into_iter().flatten() {
        let path = field(file, "path");
        // The node has checked it; this machine checks again.
        if !Path::new(&path)
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
        {
            return Err(local(format!(
                "the widget has a file with the name {path:?}; it was not written"
            )));
        }
        let content = client.call("widget.file", json!({"uuid": uuid, "path": path}))?;
        let bytes = match (content["text"].as_str(), content["base64"].as_str()) {
            (Some(text), _) => text.as_bytes().to_vec(),
            (None, Some(base64)) => BASE64
                .decode(base64.as_bytes())
                .map_err(|e| local(format!("the node answered what is no file: {e}")))?,
            (None, None) => Vec::new(),
        };
        let target = dir.join(&path);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        fs::write(&target, bytes).map_err(failed)?;
    }
    Ok(())
}

/// Packs a folder into a file, whole or not at all.
pub(super) fn pack_to_file(dir: &Path, output: Option<PathBuf>, context: &Context) -> Result {
    let bytes = pack(dir)?;
    let output = match output {
        Some(output) => output,
        None => {
            let absolute = fs::canonicalize(dir).map_err(|e| local(format!("cannot read {}: {e}", dir.display())))?;
            let name = absolute.file_name().and_then(|n| n.to_str()).unwrap_or("widget");
            PathBuf::from(format!("{name}.xdc"))
        }
    };
    let temporary = output.with_extension("xdc.part");
    fs::write(&temporary, &bytes)
        .and_then(|()| fs::rename(&temporary, &output))
        .map_err(|e| {
            let _ = fs::remove_file(&temporary);
            local(format!("cannot write {}: {e}", output.display()))
        })?;
    let result = json!({"file": output, "bytes": bytes.len()});
    context.output.result(&result, |r| {
        format!("Packed {} ({}).", field(r, "file"), size(bytes.len() as u64))
    });
    Ok(())
}

/// The bytes of a package file, or of a folder packed in memory.
pub(super) fn package_bytes(path: &Path) -> Result<Vec<u8>> {
    if path.is_dir() {
        return pack(path);
    }
    let failed = |e: io::Error| local(format!("cannot read {}: {e}", path.display()));
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(failed)?;
    file.take(MAX_PACKAGE + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_PACKAGE {
        return Err(refused(format!(
            "{} is larger than a package may be ({})",
            path.display(),
            size(MAX_PACKAGE)
        )));
    }
    Ok(bytes)
}

fn pack(dir: &Path) -> Result<Vec<u8>> {
    let files = read(dir)?;
    if !files.contains_key("index.html") {
        return Err(refused(format!(
            "{} has no index.html; begin a widget with `hedgerow widget new`",
            dir.display()
        )));
    }
    hedgerow_bundle::pack(&files).map_err(|e| refused(format!("cannot pack {}: {e}", dir.display())))
}

/// Reads a folder: plain files only, nothing hidden, bounded in number, size and depth. Links are refused, because
/// what they lead to may be no part of the widget.
pub(super) fn read(dir: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut room = MAX_UNPACKED;
    let mut open = vec![(dir.to_owned(), String::new(), 0usize)];
    while let Some((folder, prefix, depth)) = open.pop() {
        let failed = |e: io::Error| local(format!("cannot read {}: {e}", folder.display()));
        if depth > MAX_DEPTH {
            return Err(refused(format!("{} is nested too deeply", folder.display())));
        }
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                return Err(refused(format!("the name of {} is not Unicode text", path.display())));
            };
            if name.starts_with('.') || SKIPPED.contains(&name) || name.ends_with(".xdc") {
                continue;
            }
            let kind = entry.file_type().map_err(failed)?;
            let inner = format!("{prefix}{name}");
            if kind.is_dir() {
                open.push((path, format!("{inner}/"), depth + 1));
            } else if kind.is_file() {
                let bytes = read_file(&path, room)?;
                room = room.saturating_sub(bytes.len() as u64);
                files.insert(inner, bytes);
            } else {
                return Err(refused(format!(
                    "{} is a link or device; packages hold plain files",
                    path.display()
                )));
            }
            if files.len() > MAX_PACKAGE_FILES {
                return Err(refused(format!(
                    "more than {MAX_PACKAGE_FILES} files in {}",
                    dir.display()
                )));
            }
        }
    }
    Ok(files)
}

fn read_file(path: &Path, room: u64) -> Result<Vec<u8>> {
    let failed = |e: io::Error| local(format!("cannot read {}: {e}", path.display()));
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(failed)?;
    file.take(room.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > room {
        return Err(refused(format!(
            "with {} the folder is larger than a widget may be ({} unpacked)",
            path.display(),
            size(MAX_UNPACKED)
        )));
    }
    Ok(bytes)
}

/// The skeleton of `widget new`, packed.
pub(super) fn packed_skeleton(name: &str) -> Result<Vec<u8>> {
    hedgerow_bundle::pack(&hedgerow_bundle::skeleton(name)).map_err(|e| refused(format!("cannot pack: {e}")))
}
