//! A widget's folder: begun, read safely, packed. The only place where the command line reads files of a person.

use super::{
    Client, Context, Result,
    args::Language,
    local,
    output::{field, size},
    refused,
};
use data_encoding::BASE64;
use hedgerow_base::limits::{MAX_PACKAGE, MAX_PACKAGE_FILES, MAX_UNPACKED};
use hedgerow_bundle::{skeleton, skeleton_with_background};
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
pub(super) fn create(dir: &Path, name: Option<String>, component: Option<Language>, context: &Context) -> Result {
    if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(refused(format!("{} is not empty; name a new folder", dir.display())));
    }
    let name = match name.or_else(|| Some(dir.file_name()?.to_str()?.to_owned())) {
        Some(name) => name,
        None => return Err(refused("give the widget a name with --name")),
    };
    let failed = |e: io::Error| local(format!("cannot write {}: {e}", dir.display()));
    let mut written = Vec::new();
    let files = match component.map(written_in) {
        None => skeleton(&name),
        Some(language) => skeleton_with_background(&name, language, &hedgerow_api::doc::wit()),
    };
    for (path, bytes) in files {
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
        let first = match component {
            Some(_) => format!("\nFirst build its background part: {dir}/src/BUILD.md says how."),
            None => String::new(),
        };
        format!(
            "{name} is begun in {dir}: open {dir}/index.html in an editor.{first}\nTry it:   hedgerow widget install {dir}\nShare it: hedgerow widget publish {dir}"
        )
    });
    Ok(())
}

const fn written_in(language: Language) -> hedgerow_bundle::Language {
    match language {
        Language::Js => hedgerow_bundle::Language::JavaScript,
        Language::Python => hedgerow_bundle::Language::Python,
        Language::C => hedgerow_bundle::Language::C,
        Language::Rust => hedgerow_bundle::Language::Rust,
    }
}

/// Makes a background part of a WebAssembly module.
pub(super) fn component(module: &Path, output: &Path, context: &Context) -> Result {
    let Some(core) = read_most(module, MAX_PACKAGE)? else {
        return Err(refused(format!("{} is larger than a package may be", module.display())));
    };
    let bytes = hedgerow_sandbox::component::encode(&core).map_err(|e| refused(e.to_string()))?;
    write_whole(output, &bytes)?;
    let result = json!({"file": output, "bytes": bytes.len()});
    context.output.result(&result, |r| {
        format!("Made {} ({}).", field(r, "file"), size(bytes.len() as u64))
    });
    Ok(())
}

/// Writes a file, whole or not at all.
fn write_whole(output: &Path, bytes: &[u8]) -> Result {
    let mut name = output.as_os_str().to_owned();
    name.push(".part");
    let temporary = PathBuf::from(name);
    fs::write(&temporary, bytes)
        .and_then(|()| fs::rename(&temporary, output))
        .map_err(|e| {
            let _ = fs::remove_file(&temporary);
            local(format!("cannot write {}: {e}", output.display()))
        })
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
    write_whole(&output, &bytes)?;
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
    read_most(path, MAX_PACKAGE)?.ok_or_else(|| {
        refused(format!(
            "{} is larger than a package may be ({})",
            path.display(),
            size(MAX_PACKAGE)
        ))
    })
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

/// A file of a folder, into the room that is left.
fn read_file(path: &Path, room: u64) -> Result<Vec<u8>> {
    read_most(path, room)?.ok_or_else(|| {
        refused(format!(
            "with {} the folder is larger than a widget may be ({} unpacked)",
            path.display(),
            size(MAX_UNPACKED)
        ))
    })
}

/// A file, or nothing if it is larger than `most` bytes.
fn read_most(path: &Path, most: u64) -> Result<Option<Vec<u8>>> {
    let failed = |e: io::Error| local(format!("cannot read {}: {e}", path.display()));
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(failed)?;
    file.take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    Ok((bytes.len() as u64 <= most).then_some(bytes))
}

/// The skeleton of `widget new`, packed.
pub(super) fn packed_skeleton(name: &str) -> Result<Vec<u8>> {
    hedgerow_bundle::pack(&skeleton(name)).map_err(|e| refused(format!("cannot pack: {e}")))
}
