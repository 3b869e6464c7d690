//! Which file of a package a request path names.

use hedgerow_base::{Blame, Blamed};

/// A request path that names no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// `%` without two hex digits, or bytes that are no UTF-8.
    #[error("the address is not written correctly")]
    Encoding,
    /// `..`, `.`, an empty part, a backslash, NUL or another control character.
    #[error("the address leads outside of the package")]
    Outside,
    /// Longer than [`MAX_PATH`].
    #[error("the address is too long")]
    Long,
}

impl Blamed for PathError {
    fn blame(&self) -> Blame {
        Blame::Peer
    }
}

/// Longest path, bytes, before decoding.
pub const MAX_PATH: usize = 4096;
/// The path of the script that this program supplies; a package's own file of that name never wins.
pub const SCRIPT: &str = "webxdc.js";

/// The file name inside the package for the path part of an address. Decodes once; `/` and folders name their
/// `index.html`; a query is not part of it.
///
/// # Errors
/// When the path is not well written or leads anywhere but down.
pub fn file_name(path: &str) -> Result<String, PathError> {
    if path.len() > MAX_PATH {
        return Err(PathError::Long);
    }
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    let decoded = decode(path.strip_prefix('/').ok_or(PathError::Outside)?)?;
    if decoded.contains('\\') || decoded.chars().any(char::is_control) {
        return Err(PathError::Outside);
    }
    let name = match decoded.is_empty() || decoded.ends_with('/') {
        true => format!("{decoded}index.html"),
        false => decoded,
    };
    if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(PathError::Outside);
    }
    Ok(name)
}

fn decode(text: &str) -> Result<String, PathError> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let mut digit = || {
                    bytes
                        .next()
                        .and_then(|b| char::from(b).to_digit(16))
                        .ok_or(PathError::Encoding)
                };
                let value = digit()? * 16 + digit()?;
                u8::try_from(value).map_err(|_| PathError::Encoding)?
            }
            plain => plain,
        });
    }
    String::from_utf8(out).map_err(|_| PathError::Encoding)
}

#[cfg(test)]
mod tests;
