//! The files of a new widget, for `widget new`: small, and it runs as it is.

use std::collections::BTreeMap;

/// Files of a new widget called `name`: a page, a script, a style sheet, a manifest, an icon, a licence and a readme.
pub fn skeleton(name: &str) -> BTreeMap<String, Vec<u8>> {
    let html = name.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let quoted: String = name
        .chars()
        .filter(|c| !c.is_control() && *c != '"' && *c != '\\')
        .collect();
    let text = |template: &str| {
        template
            .replace("{{html}}", &html)
            .replace("{{name}}", &quoted)
            .into_bytes()
    };
    [
        ("index.html", text(include_str!("../skeleton/index.html"))),
        ("app.js", text(include_str!("../skeleton/app.js"))),
        ("style.css", text(include_str!("../skeleton/style.css"))),
        ("manifest.toml", text(include_str!("../skeleton/manifest.toml"))),
        ("README.md", text(include_str!("../skeleton/README.md"))),
        ("LICENSE", text(include_str!("../skeleton/LICENSE"))),
        ("icon.png", include_bytes!("../skeleton/icon.png").to_vec()),
    ]
    .into_iter()
    .map(|(path, content)| (path.to_owned(), content))
    .collect()
}
