//! What is wrong with a package, in words that say what to do.

use hedgerow_base::{Blame, Blamed};

/// A package that is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// Over `limits::MAX_PACKAGE`.
    #[error("the package has {0} bytes; at most 64 MiB are taken")]
    TooLarge(u64),
    /// Not a zip, or a damaged one.
    #[error("this is no sound .xdc package: {0}")]
    NotAPackage(String),
    /// Too many entries.
    #[error("the package has {0} files; at most 4096 are taken")]
    TooManyFiles(usize),
    /// A name that points outside, or that some system cannot keep.
    #[error("the package has a file with the forbidden name {0:?}")]
    BadName(String),
    /// Two entries with one name, or with names that differ in case only.
    #[error("the package has two files called {0:?} (names that differ only in case count as one)")]
    Duplicate(String),
    /// Link, device, or encrypted entry.
    #[error("the package has {0:?}, which is {1}; pack it again as a plain zip")]
    BadEntry(String, &'static str),
    /// Unpacks to too much.
    #[error("the package unpacks to more than {0} MiB; it looks like a zip bomb")]
    Bomb(u64),
    /// A file's content is damaged.
    #[error("the file {0:?} in the package is damaged")]
    Damaged(String),
    /// No `index.html`.
    #[error("the package has no index.html at its top; pack the files themselves, not the folder around them")]
    NoIndex,
    /// `manifest.toml` is wrong.
    #[error("manifest.toml: {0}")]
    Manifest(String),
    /// The licence is missing, unknown or not open.
    #[error("{0}")]
    Licence(String),
}

impl Blamed for PackageError {
    fn blame(&self) -> Blame {
        Blame::Peer
    }
}
