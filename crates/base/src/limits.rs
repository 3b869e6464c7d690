//! Every bound in one place: sizes in bytes, counts without a unit, times in milliseconds where said.

/// Largest CBOR frame on a control or message stream.
pub const MAX_FRAME: usize = 1 << 20;
/// Largest package (`.xdc`) that is published, fetched or installed.
pub const MAX_PACKAGE: u64 = 64 << 20;
/// Largest sum of the unpacked files of a package.
pub const MAX_UNPACKED: u64 = 256 << 20;
/// Most files in a package.
pub const MAX_PACKAGE_FILES: usize = 4096;
/// Unit in which a package is fetched and verified.
pub const CHUNK: usize = 256 << 10;
/// Largest update or realtime message of a widget, as JSON or bytes (webxdc `sendUpdateMaxSize`).
pub const MAX_UPDATE: usize = 128_000;
/// Largest sync entry on the wire: an update, its envelope and its seal.
pub const MAX_ENTRY: usize = MAX_UPDATE + 16_384;
/// Largest directory record on the wire.
pub const MAX_RECORD: usize = 20_480;
/// Largest `manifest.toml`.
pub const MAX_MANIFEST: usize = 64 << 10;
/// Longest person, widget or space name in bytes.
pub const MAX_NAME: usize = 128;
