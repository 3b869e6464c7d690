//! What a node keeps: SQLite for everything small, plain files for packages.
//!
//! Invariants: SQLite runs in WAL mode with `synchronous=FULL`, so that a committed transaction survives a power cut.
//! Bytes of a package are fsynced and renamed into place, and its folder fsynced, before the database names it.
//! One process at a time uses a data folder ([`lock::DataLock`]). Rows hold bytes that the cores made; this crate
//! reads no protocol. It is the only crate that names SQLite.

pub mod directory;
pub mod error;
pub mod files;
pub mod inbox;
pub mod instances;
pub mod kept;
pub mod lock;
pub mod peers;
pub mod said;
pub mod schema;
pub mod spaces;

pub use error::StoreError;
pub use files::PackageFiles;
pub use lock::DataLock;
pub use schema::Store;

#[cfg(test)]
mod tests;
