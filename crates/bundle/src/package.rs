//! Opening and making packages.

use crate::{error::PackageError, manifest::Manifest, mime::mime_for};
use hedgerow_base::limits::{MAX_MANIFEST, MAX_PACKAGE, MAX_PACKAGE_FILES, MAX_UNPACKED};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Cursor, Read, Write},
    sync::Arc,
};
use unicode_normalization::UnicodeNormalization;
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

/// Longest path in a package, in bytes.
const LONGEST_PATH: usize = 512;
/// Icons beyond this are not shown.
const MAX_ICON: u64 = 256 << 10;

/// A file of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileInfo {
    /// Path inside the package.
    pub path: String,
    /// Unpacked size in bytes, as declared and enforced.
    pub size: u64,
}

/// A package whose directory was checked; files are unpacked when they are asked for.
pub struct Package {
    bytes: Arc<[u8]>,
    archive: ZipArchive<Cursor<Arc<[u8]>>>,
    files: BTreeMap<String, (usize, u64)>,
    manifest: Manifest,
}

impl std::fmt::Debug for Package {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Package")
            .field("files", &self.files.len())
            .finish_non_exhaustive()
    }
}

impl Package {
    /// Opens a package and checks names, kinds and sizes of all its entries, and its manifest.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn open(bytes: Arc<[u8]>) -> Result<Self, PackageError> {
        if bytes.len() as u64 > MAX_PACKAGE {
            return Err(PackageError::TooLarge(bytes.len() as u64));
        }
        let sound = |e: zip::result::ZipError| PackageError::NotAPackage(e.to_string());
        let announced = announced_entries(&bytes)?;
        let mut archive = ZipArchive::new(Cursor::new(bytes.clone())).map_err(sound)?;
        if archive.len() > MAX_PACKAGE_FILES {
            return Err(PackageError::TooManyFiles(archive.len()));
        }
        if archive.len() != announced {
            // The reader keeps the last of several entries with one name.
            return Err(PackageError::Duplicate("one of them".into()));
        }
        let mut names = Names::default();
        let (mut files, mut total) = (BTreeMap::new(), 0u64);
        for index in 0..archive.len() {
            let entry = archive.by_index_raw(index).map_err(sound)?;
            let raw = std::str::from_utf8(entry.name_raw());
            let name = raw.map_err(|_| PackageError::BadName("(not UTF-8)".into()))?.to_owned();
            if entry.encrypted() {
                return Err(PackageError::BadEntry(name, "encrypted"));
            }
            if !matches!(
                entry.compression(),
                CompressionMethod::Stored | CompressionMethod::Deflated
            ) {
                return Err(PackageError::BadEntry(
                    name,
                    "compressed in a way that webxdc does not allow",
                ));
            }
            // The kind of file in Unix's mode: nothing, a plain file or a folder; never a link or a device.
            let kind = entry.unix_mode().unwrap_or(0) & 0o170_000;
            if !matches!(kind, 0 | 0o100_000 | 0o040_000) {
                return Err(PackageError::BadEntry(name, "a link or a device"));
            }
            let folder = name.ends_with('/');
            names.add(name.trim_end_matches('/'), folder)?;
            total = total.saturating_add(entry.size());
            if total > MAX_UNPACKED {
                return Err(PackageError::Bomb(MAX_UNPACKED >> 20));
            }
            if !folder {
                files.insert(name, (index, entry.size()));
            }
        }
        if !files.contains_key("index.html") {
            return Err(PackageError::NoIndex);
        }
        let mut package = Self {
            bytes,
            archive,
            files,
            manifest: Manifest::default(),
        };
        package.read_manifest()?;
        Ok(package)
    }

    /// Reads what the package says of itself, in its manifest and perhaps in a `p2p.json`.
    fn read_manifest(&mut self) -> Result<(), PackageError> {
        if let Some(text) = self.short_text("manifest.toml", "it")? {
            self.manifest = Manifest::parse(&text)?;
        }
        if let Some(text) = self.short_text("p2p.json", "p2p.json")? {
            self.manifest.take_p2p(&text)?;
        }
        match &self.manifest.component {
            Some(path) if !self.files.contains_key(path) => Err(PackageError::Manifest(format!(
                "component names {path}, which is not in the package; build it first (src/BUILD.md of a new widget says how)"
            ))),
            _ => Ok(()),
        }
    }

    /// A text that is no longer than a manifest may be.
    fn short_text(&self, path: &str, what: &str) -> Result<Option<String>, PackageError> {
        let wrong = |why: &str| PackageError::Manifest(format!("{what} {why}"));
        match self.files.get(path) {
            Some((_, size)) if *size > MAX_MANIFEST as u64 => return Err(wrong("is longer than 64 KiB")),
            _ => {}
        }
        let text = self.file(path)?.map(String::from_utf8).transpose();
        text.map_err(|_| wrong("is not UTF-8 text"))
    }

    /// Unpacks every file once, to find damage and false sizes before anything is installed.
    ///
    /// # Errors
    /// Names the first file that is damaged.
    pub fn verify_all(&self) -> Result<(), PackageError> {
        for (path, (index, size)) in &self.files {
            self.unpack(path, *index, *size)?;
        }
        Ok(())
    }

    /// A file's content; `None` when there is none, and always for `webxdc.js`, which belongs to the host.
    ///
    /// # Errors
    /// When it is damaged or larger than declared.
    pub fn file(&self, path: &str) -> Result<Option<Vec<u8>>, PackageError> {
        if path.eq_ignore_ascii_case("webxdc.js") {
            return Ok(None);
        }
        self.files
            .get(path)
            .map(|(index, size)| self.unpack(path, *index, *size))
            .transpose()
    }

    fn unpack(&self, path: &str, index: usize, size: u64) -> Result<Vec<u8>, PackageError> {
        let damaged = || PackageError::Damaged(path.to_owned());
        let mut archive = self.archive.clone();
        let entry = archive.by_index(index).map_err(|_| damaged())?;
        let mut content = Vec::new();
        // One byte more than declared tells a lie from the truth; memory grows with what is really there.
        entry
            .take(size.saturating_add(1))
            .read_to_end(&mut content)
            .map_err(|_| damaged())?;
        if content.len() as u64 == size {
            Ok(content)
        } else {
            Err(damaged())
        }
    }

    /// What the package says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }
    /// Its files, sorted by path, without `webxdc.js`.
    pub fn files(&self) -> Vec<FileInfo> {
        let shown = self
            .files
            .iter()
            .filter(|(path, _)| !path.eq_ignore_ascii_case("webxdc.js"));
        shown
            .map(|(path, (_, size))| FileInfo {
                path: path.clone(),
                size: *size,
            })
            .collect()
    }
    /// Its icon: content type and bytes, if there is one of a sane size that is what its name says.
    pub fn icon(&self) -> Option<(&'static str, Vec<u8>)> {
        ["icon.png", "icon.jpg"].into_iter().find_map(|path| {
            let (_, size) = self.files.get(path)?;
            let bytes = (*size <= MAX_ICON).then(|| self.file(path).ok().flatten()).flatten()?;
            let genuine = bytes.starts_with(b"\x89PNG\r\n\x1a\n") || bytes.starts_with(&[0xff, 0xd8, 0xff]);
            let mime = if bytes.starts_with(&[0xff]) {
                "image/jpeg"
            } else {
                "image/png"
            };
            genuine.then_some((mime, bytes))
        })
    }
    /// Size of the package in bytes.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }
}

/// Refuses a directory that announces more entries than are allowed, before room is made for them.
fn announced_entries(bytes: &[u8]) -> Result<usize, PackageError> {
    let missing = || PackageError::NotAPackage("it has no zip directory".into());
    let tail = bytes
        .get(bytes.len().saturating_sub(22 + 65_535)..)
        .ok_or_else(missing)?;
    let at = tail.windows(4).rposition(|w| w == b"PK\x05\x06").ok_or_else(missing)?;
    let count = tail.get(at + 10..at + 12).ok_or_else(missing)?;
    let count = usize::from(u16::from_le_bytes([count[0], count[1]]));
    if count > MAX_PACKAGE_FILES {
        Err(PackageError::TooManyFiles(count))
    } else {
        Ok(count)
    }
}

/// Characters that change how the text around them is read without being seen.
pub(crate) fn is_invisible(c: char) -> bool {
    let marks = matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{feff}');
    c.is_control() || marks || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Names seen so far, to refuse twins.
#[derive(Default)]
struct Names {
    /// Lower-case full names, and whether each is a folder.
    seen: BTreeMap<String, bool>,
    folders: BTreeSet<String>,
}

impl Names {
    fn add(&mut self, name: &str, folder: bool) -> Result<(), PackageError> {
        let bad = || PackageError::BadName(name.chars().take(80).collect());
        let part_is_plain = |part: &str| {
            !part.is_empty() && part != "." && part != ".." && !part.ends_with(['.', ' ']) && !part.starts_with(' ')
        };
        let forbidden = |c: char| is_invisible(c) || matches!(c, '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|');
        if name.len() > LONGEST_PATH || name.chars().any(forbidden) || !name.split('/').all(part_is_plain) {
            return Err(bad());
        }
        // Many systems ignore case, and how an accented letter is put together.
        let key: String = name.nfc().flat_map(char::to_lowercase).nfc().collect();
        let mut parent = key.as_str();
        while let Some((above, _)) = parent.rsplit_once('/') {
            if self.seen.get(above) == Some(&false) {
                return Err(PackageError::Duplicate(name.to_owned()));
            }
            self.folders.insert(above.to_owned());
            parent = above;
        }
        let twin = self.seen.contains_key(&key) || (!folder && self.folders.contains(&key));
        if twin {
            return Err(PackageError::Duplicate(name.to_owned()));
        }
        self.seen.insert(key, folder);
        Ok(())
    }
}

/// Packs files into an `.xdc`: sorted, with fixed times, so that the same files give the same bytes. Checked like a
/// foreign package.
///
/// # Errors
/// Whatever [`Package::open`] would refuse.
pub fn pack(files: &BTreeMap<String, Vec<u8>>) -> Result<Vec<u8>, PackageError> {
    let unpacked: u64 = files.values().map(|f| f.len() as u64).sum();
    if unpacked > MAX_UNPACKED {
        return Err(PackageError::Bomb(MAX_UNPACKED >> 20));
    }
    let failed = |e: zip::result::ZipError| PackageError::NotAPackage(e.to_string());
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in files {
        let packed = [
            "image/png",
            "image/jpeg",
            "image/webp",
            "image/avif",
            "image/gif",
            "font/woff",
            "font/woff2",
        ];
        let mime = mime_for(path);
        let stored = packed.contains(&mime) || mime.starts_with("audio/") || mime.starts_with("video/");
        let method = if stored {
            CompressionMethod::Stored
        } else {
            CompressionMethod::Deflated
        };
        let options = SimpleFileOptions::default()
            .compression_method(method)
            .last_modified_time(zip::DateTime::default())
            .unix_permissions(0o644);
        writer.start_file(path.as_str(), options).map_err(failed)?;
        writer
            .write_all(content)
            .map_err(|e| PackageError::NotAPackage(e.to_string()))?;
    }
    let bytes = writer.finish().map_err(failed)?.into_inner();
    Package::open(bytes.clone().into())?;
    Ok(bytes)
}
