//! The starter widgets, packed by `cargo xtask up` before the build and carried in the program.

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../../widgets/dist"]
#[allow_missing = true]
struct Packages;

/// File name and bytes of each, in a fixed order. Empty when the program was built without them.
pub(super) fn all() -> Vec<(String, Vec<u8>)> {
    let mut names: Vec<_> = Packages::iter().filter(|name| name.ends_with(".xdc")).collect();
    names.sort();
    let bytes = |name: &str| Packages::get(name).map(|file| file.data.into_owned());
    names
        .into_iter()
        .filter_map(|name| Some((name.to_string(), bytes(&name)?)))
        .collect()
}
