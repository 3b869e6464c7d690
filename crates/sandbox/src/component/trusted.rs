//! The one place without the compiler's guarantees: machine code is taken from a file and will be run as it is.

use std::path::Path;
use wasmtime::{Engine, component::Component};

/// Takes translated code from a file.
///
/// INVARIANT: the file was written by this program itself, into its own folder, from what its own translator answered
/// ([`super::cache::Cache`] is the only caller, and looks that nobody else may write there and that the content is what
/// it wrote). Nothing of a package, a peer, a backup or a plugin ever comes here: those bring WebAssembly, which is
/// checked and translated.
#[expect(
    unsafe_code,
    reason = "the engine cannot prove that code in a file is its own; the cache does, see the invariant"
)]
pub(super) fn component(engine: &Engine, own_file: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the invariant above. The engine itself refuses what another version or other settings made.
    unsafe { Component::deserialize_file(engine, own_file) }
}
