//! The files of a new widget, for `widget new`: small, and it runs as it is (W5).

use crate::package::is_invisible;
use std::collections::BTreeMap;

/// Longest name of a widget that a release carries, in characters.
const LONGEST_NAME: usize = 64;
const FILES: [(&str, &str); 6] = [
    ("LICENSE", include_str!("../skeleton/LICENSE")),
    ("README.md", include_str!("../skeleton/README.md")),
    ("app.js", include_str!("../skeleton/app.js")),
    ("index.html", include_str!("../skeleton/index.html")),
    ("manifest.toml", include_str!("../skeleton/manifest.toml")),
    ("style.css", include_str!("../skeleton/style.css")),
];

/// Files of a new widget by path: a guest book, to be changed into something else. The name may be any text; it is
/// cleaned, and escaped for each kind of file.
pub fn skeleton(name: &str) -> BTreeMap<String, Vec<u8>> {
    let name = clean(name);
    let filled = FILES.into_iter().map(|(path, template)| {
        let name = match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
            "html" => html(&name),
            "toml" => toml::Value::String(name.clone()).to_string(),
            _ => name.clone(),
        };
        (path.to_owned(), template.replace("{{name}}", &name).into_bytes())
    });
    let icon = ("icon.png".to_owned(), include_bytes!("../skeleton/icon.png").to_vec());
    filled.chain([icon]).collect()
}

fn clean(name: &str) -> String {
    let name: String = name.chars().filter(|c| !is_invisible(*c)).take(LONGEST_NAME).collect();
    match name.trim() {
        "" => "New widget".to_owned(),
        name => name.to_owned(),
    }
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
