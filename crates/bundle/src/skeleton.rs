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

/// What the background part of a new widget is written in (W25).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// JavaScript, with a JavaScript engine in the component.
    JavaScript,
    /// Python, with Python in the component.
    Python,
    /// C.
    C,
    /// Rust.
    Rust,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::JavaScript, Self::Python, Self::C, Self::Rust];

    /// Its files by path in the widget.
    const fn files(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::JavaScript => &[
                ("package.json", include_str!("../skeleton/component/js/package.json")),
                ("src/BUILD.md", include_str!("../skeleton/component/js/BUILD.md")),
                (
                    "src/background.mjs",
                    include_str!("../skeleton/component/js/background.mjs"),
                ),
                ("src/build.mjs", include_str!("../skeleton/component/js/build.mjs")),
            ],
            Self::Python => &[
                ("src/BUILD.md", include_str!("../skeleton/component/python/BUILD.md")),
                (
                    "src/background.py",
                    include_str!("../skeleton/component/python/background.py"),
                ),
            ],
            Self::C => &[
                ("src/BUILD.md", include_str!("../skeleton/component/c/BUILD.md")),
                ("src/background.c", include_str!("../skeleton/component/c/background.c")),
            ],
            Self::Rust => &[
                ("src/BUILD.md", include_str!("../skeleton/component/rust/BUILD.md")),
                (
                    "src/Cargo.toml",
                    include_str!("../skeleton/component/rust/Cargo.toml.txt"),
                ),
                (
                    "src/background.rs",
                    include_str!("../skeleton/component/rust/background.rs"),
                ),
            ],
        }
    }
}

/// Files of a new widget with a background part: the guest book of [`skeleton`], and a component that counts its
/// entries. `wit` is the text of `hedgerow.wit`. The component has to be built before the widget is packed; `src/BUILD.md`
/// says how.
pub fn skeleton_with_background(name: &str, language: Language, wit: &str) -> BTreeMap<String, Vec<u8>> {
    let mut files = skeleton(name);
    let mut change = |path: &str, old: &str, new: &str| {
        if let Some(Ok(text)) = files.get(path).map(|bytes| std::str::from_utf8(bytes)) {
            let text = text.replace(old, new);
            files.insert(path.to_owned(), text.into_bytes());
        }
    };
    change(
        "manifest.toml",
        "permissions = []",
        "permissions = [{ name = \"background\", reason = \"To count entries while this page is closed\" }]\n\
         # What the node runs in the background: src/BUILD.md says how it is made.\n\
         component = \"background.wasm\"\n\
         source = \"src\"",
    );
    let script = "<script type=\"module\" src=\"app.js\"></script>\n";
    let both = format!("{script}<script type=\"module\" src=\"background.js\"></script>\n");
    change("index.html", script, &both);
    change(
        "README.md",
        "| `icon.png`",
        "| `background.js` | the page's side of the background part |\n\
         | `src` | the background part and how to build it: `src/BUILD.md`; do that first |\n\
         | `icon.png`",
    );
    let more = [
        ("background.js", include_str!("../skeleton/component/background.js")),
        ("src/hedgerow.wit", wit),
    ];
    for (path, text) in language.files().iter().copied().chain(more) {
        files.insert(path.to_owned(), text.as_bytes().to_vec());
    }
    files
}

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
