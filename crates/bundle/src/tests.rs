use crate::{
    Language, Manifest, Package, PackageError, PermissionDiff, check_licence, mime_for, pack, skeleton,
    skeleton_with_background,
};
use std::{
    collections::BTreeMap,
    io::{Cursor, Write as _},
    sync::Arc,
};
use zip::{ZipWriter, write::SimpleFileOptions};

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, SimpleFileOptions::default()).expect("starts");
        writer.write_all(content).expect("writes");
    }
    writer.finish().expect("finishes").into_inner()
}
fn open(bytes: Vec<u8>) -> Result<Package, PackageError> {
    Package::open(Arc::from(bytes))
}
fn with(name: &str) -> Result<Package, PackageError> {
    open(zip(&[("index.html", b"hi"), (name, b"x")]))
}
/// Replaces every occurrence of `from` by the equally long `to`: names that the zip writer refuses to write.
fn patched(files: &[(&str, &[u8])], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = zip(files);
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
    }
    bytes
}

#[test]
fn a_plain_webxdc_app_opens() {
    let package = open(zip(&[
        ("index.html", b"<p>hi"),
        ("manifest.toml", b"name = \"Hi\"\ndescription = \"old\"\nfoo = 1"),
        ("a/b.js", b"1"),
    ]));
    let package = package.expect("opens");
    assert_eq!(package.manifest().name.as_deref(), Some("Hi"));
    assert_eq!(package.file("a/b.js").expect("reads"), Some(b"1".to_vec()));
    assert_eq!(package.file("c").expect("reads"), None);
    package.verify_all().expect("sound");
}

#[test]
fn the_packages_own_webxdc_js_never_wins() {
    let package = open(zip(&[
        ("index.html", b""),
        ("webxdc.js", b"evil"),
        ("x/webxdc.js", b"fine"),
    ]))
    .expect("opens");
    assert_eq!(package.file("webxdc.js").expect("reads"), None);
    assert!(package.files().iter().all(|f| f.path != "webxdc.js"));
}

#[test]
fn a_package_without_a_first_page_is_refused() {
    assert_eq!(
        open(zip(&[("main.html", b"")])).expect_err("refused"),
        PackageError::NoIndex
    );
    assert!(matches!(open(b"not a zip".to_vec()), Err(PackageError::NotAPackage(_))));
    assert!(matches!(open(Vec::new()), Err(PackageError::NotAPackage(_))));
}

#[test]
fn names_that_lead_out_of_the_package_are_refused() {
    for name in [
        "../x", "a/../x", "/x", "a//x", "C:x", "a\\x", "a/./x", "nul\0x", "dot.", "a /x", "x*",
    ] {
        assert!(
            matches!(with(name), Err(PackageError::BadName(_) | PackageError::Duplicate(_))),
            "{name:?} was taken"
        );
    }
    let outside = patched(&[("index.html", b"hi"), ("aa/aa/x", b"x")], b"aa/aa/x", b"../../x");
    assert!(matches!(open(outside), Err(PackageError::BadName(_))));
}

#[test]
fn two_files_with_one_name_or_names_that_differ_in_case_are_refused() {
    assert!(matches!(with("INDEX.html"), Err(PackageError::Duplicate(_))));
    assert!(matches!(with("index.html/x"), Err(PackageError::Duplicate(_))));
    let accents = zip(&[("index.html", b"hi"), ("caf\u{e9}.js", b"1"), ("cafe\u{301}.js", b"2")]);
    assert!(matches!(open(accents), Err(PackageError::Duplicate(_))));
    assert!(matches!(with("photo\u{202e}gnp.html"), Err(PackageError::BadName(_))));
    let twice = patched(
        &[("index.html", b"hi"), ("app1.js", b"1"), ("app2.js", b"2")],
        b"app2.js",
        b"app1.js",
    );
    assert!(matches!(open(twice), Err(PackageError::Duplicate(_))));
}

#[test]
fn links_are_refused() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer
        .start_file("index.html", SimpleFileOptions::default())
        .expect("starts");
    writer
        .add_symlink("link", "/etc/passwd", SimpleFileOptions::default())
        .expect("adds");
    let bytes = writer.finish().expect("finishes").into_inner();
    assert!(matches!(
        open(bytes),
        Err(PackageError::BadEntry(_, "a link or a device"))
    ));
}

#[test]
fn a_bomb_is_refused_by_what_it_declares_and_by_what_it_does() {
    let zeros = vec![0u8; 40 << 20];
    let files: Vec<(String, &[u8])> = (0..7).map(|n| (format!("{n}"), zeros.as_slice())).collect();
    let mut all: Vec<(&str, &[u8])> = files.iter().map(|(n, c)| (n.as_str(), *c)).collect();
    all.push(("index.html", b""));
    assert!(matches!(open(zip(&all)), Err(PackageError::Bomb(_))));
    // A file that declares 5 bytes and unpacks to 5000.
    let content = vec![b'a'; 5000];
    let lying = patched(
        &[("index.html", b""), ("big", &content)],
        &5000u32.to_le_bytes(),
        &5u32.to_le_bytes(),
    );
    let result = open(lying).and_then(|p| p.verify_all());
    assert!(
        matches!(result, Err(PackageError::Damaged(_) | PackageError::NotAPackage(_))),
        "{result:?}"
    );
}

#[test]
fn too_many_files_are_refused_before_they_are_read() {
    let mut bytes = zip(&[("index.html", b"")]);
    let end = bytes.len() - 22;
    bytes[end + 10..end + 12].copy_from_slice(&60_000u16.to_le_bytes());
    assert!(matches!(open(bytes), Err(PackageError::TooManyFiles(60_000))));
}

#[test]
fn damaged_content_is_found_before_installing() {
    let mut bytes = zip(&[("index.html", b""), ("app.js", &[b'x'; 3000])]);
    let at = bytes.windows(6).position(|w| w == b"app.js").expect("there") + 8;
    bytes[at] ^= 0xff;
    let result = open(bytes).and_then(|p| p.verify_all());
    assert!(result.is_err());
}

#[test]
fn our_table_is_read_and_its_unknown_keys_are_refused_by_name() {
    let manifest = Manifest::parse(
        "name = \"A\"\n[hedgerow]\nversion = \"1.2.3\"\nlicense = \"MIT\"\nsummary = \"s\"\ncategories = [\"Fun\"]\n\
         permissions = [\"peers\", { name = \"notifications\", reason = \"r\" }]",
    )
    .expect("reads");
    assert_eq!(manifest.version.as_deref(), Some("1.2.3"));
    assert_eq!(manifest.permissions.len(), 2);
    let error = |text: &str| Manifest::parse(text).expect_err("refused").to_string();
    assert_eq!(
        error("[hedgerow]\nlicence = \"MIT\""),
        "manifest.toml: [hedgerow] has the unknown key \"licence\"; did you mean \"license\"? Known are uuid, ancestor, version, license, \
         summary, description, categories, tags, screenshots, source, permissions, messages, component"
    );
    assert!(error("[hedgerow]\npermissions = [\"root\"]").contains("the permission \"root\" is unknown"));
    assert!(error("[hedgerow]\nversion = \"1\"").contains("1.2.3"));
    assert!(error("[hedgerow]\nsummary = 5").contains("put it in quotes"));
    assert!(error("hedgerow = 1").contains("[hedgerow]"));
    assert!(error("name = ").starts_with("manifest.toml: "));
}

#[test]
fn only_open_source_licences_pass() {
    for good in [
        "MIT",
        "GPL-3.0-or-later",
        "MIT OR Apache-2.0",
        "MPL-2.0",
        "Apache-2.0 WITH LLVM-exception",
        "MIT OR CC-BY-NC-4.0",
    ] {
        check_licence(good).unwrap_or_else(|e| panic!("{good}: {e}"));
    }
    for bad in [
        "",
        "CC-BY-NC-4.0",
        "BUSL-1.1",
        "MIT AND CC-BY-NC-4.0",
        "LicenseRef-mine",
        "Free for all",
    ] {
        assert!(check_licence(bad).is_err(), "{bad} passed");
    }
    let error = check_licence("Apache2.0").expect_err("refused").to_string();
    assert!(error.contains("did you mean Apache-2.0?"), "{error}");
}

#[test]
fn the_same_files_give_the_same_bytes_and_the_skeleton_packs() {
    let files = skeleton("My \"first\" <widget>");
    let bytes = pack(&files).expect("packs");
    assert_eq!(bytes, pack(&files).expect("packs"));
    let package = open(bytes).expect("opens");
    assert_eq!(package.manifest().name.as_deref(), Some("My \"first\" <widget>"));
    assert!(package.icon().is_some());
    for odd in ["", "\n\u{202e}", "'''\\\"\"", &"long".repeat(100)] {
        let packed = pack(&skeleton(odd)).expect("packs");
        assert!(open(packed).expect("opens").manifest().name.is_some(), "{odd:?}");
    }
    let page = String::from_utf8(package.file("index.html").expect("reads").expect("there")).expect("text");
    assert!(page.contains("&lt;widget&gt;"));
    assert!(check_licence(package.manifest().license.as_deref().expect("given")).is_ok());
    assert!(matches!(
        pack(&BTreeMap::new()),
        Err(PackageError::NoIndex | PackageError::NotAPackage(_))
    ));
}

#[test]
fn a_new_widget_with_a_background_part_packs_once_that_is_built() {
    for language in Language::ALL {
        let mut files = skeleton_with_background("Counter", language, "package a:b;");
        let refusal = pack(&files).expect_err("there is no component").to_string();
        assert!(refusal.contains("build it first"), "{refusal}");
        assert!(files.contains_key("src/BUILD.md"), "{language:?}");
        files.insert("background.wasm".into(), b"\0asm".to_vec());
        let package = open(pack(&files).expect("packs")).expect("opens");
        assert_eq!(package.manifest().component.as_deref(), Some("background.wasm"));
        assert_eq!(package.manifest().permissions.len(), 1);
        let page = String::from_utf8(package.file("index.html").expect("reads").expect("there")).expect("text");
        assert!(page.contains("src=\"app.js\"") && page.contains("src=\"background.js\""));
    }
}

#[test]
fn a_permission_diff_names_what_is_new() {
    let read = |list: &str| {
        Manifest::parse(&format!("[hedgerow]\npermissions = {list}"))
            .expect("reads")
            .permissions
    };
    let diff = PermissionDiff::between(&read("[\"peers\"]"), &read("[\"web\"]"));
    assert_eq!(
        (diff.added[0].name.as_str(), diff.removed[0].name.as_str()),
        ("web", "peers")
    );
}

#[test]
fn documents_that_browsers_run_elsewhere_are_plain_bytes() {
    assert_eq!(mime_for("a/doc.PDF"), "application/octet-stream");
    assert_eq!(mime_for("page.mht"), "application/octet-stream");
    assert_eq!(mime_for("a.b/noending"), "application/octet-stream");
    assert_eq!(mime_for("x.HTML"), "text/html; charset=utf-8");
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 300, ..Default::default() })]
    #[test]
    fn changed_packages_and_random_bytes_never_cause_a_panic(
        changes in proptest::collection::vec((0usize..1200, 0u8..=255), 0..12),
        cut in 0usize..1200,
        random in proptest::collection::vec(proptest::num::u8::ANY, 0..300),
    ) {
        let _ = open(random).map(|p| p.verify_all());
        let mut bytes = zip(&[("index.html", b"hello"), ("manifest.toml", b"name = \"x\""), ("a/b.txt", &[7; 500])]);
        let length = bytes.len();
        for (at, value) in changes {
            bytes[at % length] = value;
        }
        bytes.truncate(if cut % 3 == 0 { cut % length } else { length });
        let _ = open(bytes).map(|p| p.verify_all());
    }
}
