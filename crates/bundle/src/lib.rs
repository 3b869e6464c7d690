//! Widget packages: `.xdc` zips of webxdc 1.3 with our `[hedgerow]` table (W5 W8, research: sandbox §1).
//!
//! Pure: works on bytes in memory; no files, sockets or clocks. Whatever is in a package is hostile until
//! [`Package::open`] has looked at every entry's name, kind and size; contents are inflated one file at a time under
//! a hard limit. A package's own `webxdc.js` is never handed out.

mod error;
mod fork;
pub mod grants;
mod licence;
mod manifest;
mod mime;
mod package;
mod scope;
mod skeleton;
mod zeronet;

pub use error::PackageError;
pub use fork::fork;
pub use licence::check_licence;
pub use manifest::{Asked, Manifest, PermissionDiff, check_version, sentence};
pub use mime::mime_for;
pub use package::{FileInfo, Package, pack};
pub use scope::{Scope, ScopeError};
pub use skeleton::{Language, skeleton, skeleton_with_background};
pub use zeronet::{P2pJsonError, p2p_rules};

#[cfg(test)]
mod tests;
