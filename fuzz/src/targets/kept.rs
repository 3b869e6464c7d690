//! What the node wrote itself and reads back, perhaps damaged or from somebody else's backup; and what the user's own
//! devices and members of a space tell each other.

use crate::{
    Target,
    promise::{joined, parts, reads_back},
    seeds,
};
use hedgerow_base::WidgetId;
use hedgerow_node::{
    hostile,
    identity::{Identity, KEY_FILE},
};
use hedgerow_sync::SpaceConfig;
use std::{cell::RefCell, fs, path::PathBuf};

fn space(bytes: &[u8]) {
    let read = |bytes: &[u8]| SpaceConfig::from_bytes(bytes).ok();
    if let Some(config) = reads_back(bytes, read, SpaceConfig::to_bytes) {
        let _ = (config.id(), config.log(), config.renew([1; 32]));
    }
}

fn space_seeds() -> Vec<Vec<u8>> {
    let widget = WidgetId([4; 16]);
    let who = seeds::key(1).public().into();
    let all = [
        SpaceConfig::private(widget, who, [1; 32], [2; 32], [3; 32]),
        SpaceConfig::invited(widget, who, [3; 32]),
        SpaceConfig::public(widget, [3; 32]),
        SpaceConfig::join(&seeds::sync::invite(), seeds::key(9).public().into(), [3; 32]),
    ];
    all.iter().map(SpaceConfig::to_bytes).collect()
}

fn json(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

fn row_seeds() -> Vec<Vec<u8>> {
    json(&[
        r#"{"name":"Checklist","version":"1.0.0","summary":"","content":"ab","release":null,"size":10,"permissions":[],"icon":null,"messages":{"max_bytes":100},"zeronet":false,"component":"c.wasm"}"#,
        r#"{"name":"x","genesis":"AA==","head":[3,"ab"]}"#,
        r#"{"name":"x","created_ms":5,"summary":null,"document":"d","place":["b",{"instance":"abcdefghijklmnop","x":0,"y":0,"w":4,"h":4}],"content":null}"#,
        r#"{"kind":"invited","core":"AA==","name":"Plans"}"#,
        r#"{"addresses":["127.0.0.1:1"],"relays":["203.0.113.7:1"],"user":null,"name":"Ada","chosen":true}"#,
        r#"{"title":"t","text":"x","href":"a.html","time_ms":5}"#,
    ])
}

fn layout(bytes: &[u8]) {
    if let Some(layout) = hostile::layout(bytes) {
        let written = serde_json::to_vec(&layout).expect("a layout is JSON");
        assert_eq!(hostile::layout(&written), Some(layout), "what is taken is taken again");
    }
}

fn registers(bytes: &[u8]) {
    hostile::registers(&parts(bytes));
}

fn register_seeds() -> Vec<Vec<u8>> {
    let writes = [
        r#"{"at":1,"item":{"kind":"name","name":"Ada"}}"#,
        r#"{"at":2,"item":{"kind":"name","name":"Bea"}}"#,
        r#"{"at":2,"item":{"kind":"name","name":"Cleo"}}"#,
        r#"{"at":3,"item":{"kind":"widget","widget":"w","authored":{"name":"x","genesis":"AA==","head":null}}}"#,
        r#"{"at":4,"item":{"kind":"instance","instance":"i","widget":"w","name":"n","removed":false,"space":{"kind":"private","core":"","name":""},"package":null}}"#,
    ];
    vec![
        joined(writes[..3].iter().map(|text| text.as_bytes())),
        joined(writes[2..].iter().map(|text| text.as_bytes())),
    ]
}

fn update(bytes: &[u8]) {
    let Some(update) = hostile::update(bytes) else { return };
    let written = serde_json::to_vec(&update).expect("an update is JSON");
    let again = hostile::update(&written).expect("what is written");
    assert_eq!(
        serde_json::to_vec(&again).expect("JSON"),
        written,
        "it changes when it is cleaned again"
    );
    let link = update.href.unwrap_or_default();
    assert!(
        !link.contains('\\') && !link.starts_with("//") && !link.starts_with("javascript:"),
        "{link:?}"
    );
}

thread_local! {
    /// A folder for the files of this thread.
    static FOLDER: RefCell<Option<tempfile::TempDir>> = const { RefCell::new(None) };
}

fn folder() -> PathBuf {
    FOLDER.with_borrow_mut(|folder| {
        let made = folder.get_or_insert_with(|| {
            // In memory, where there is such a place: each input is a file.
            let memory = std::path::Path::new("/dev/shm");
            let made = tempfile::Builder::new()
                .tempdir_in(memory)
                .or_else(|_| tempfile::tempdir());
            made.expect("a folder for files")
        });
        made.path().to_owned()
    })
}

/// A key file without a passphrase, which is as far as one gets without the key.
fn key_file(bytes: &[u8]) {
    let folder = folder();
    fs::write(folder.join(KEY_FILE), bytes).expect("a file");
    if let Ok((identity, new)) = Identity::load_or_create(&folder, None) {
        assert!(!new);
        let _ = identity.user();
    }
}

fn key_file_seeds() -> Vec<Vec<u8>> {
    use data_encoding::BASE64;
    let key = BASE64.encode(&[7; 32]);
    let secrets = format!(r#"{{"root":"{key}","device":"{key}","words":null}}"#);
    let file = format!(
        r#"{{"version":1,"salt":"","nonce":"","data":"{}"}}"#,
        BASE64.encode(secrets.as_bytes())
    );
    let other = r#"{"version":1,"salt":"AAAA","nonce":"AAAA","data":"AAAA"}"#;
    json(&[&file, other])
}

/// What is in a backup of somebody else stays in the folder that it is restored to.
fn backup(bytes: &[u8]) {
    let around = folder().join("around");
    let inside = around.join("inside");
    let _ = fs::remove_dir_all(&around);
    fs::create_dir_all(&around).expect("a folder");
    let _ = hostile::backup(bytes, &inside);
    let there = fs::read_dir(&around).expect("the folder").flatten();
    assert!(
        there.into_iter().all(|entry| entry.file_name() == "inside"),
        "it got out"
    );
}

fn backup_seeds() -> Vec<Vec<u8>> {
    let file = |name: &str, bytes: &[u8]| {
        let length = (name.len() as u16).to_le_bytes();
        let size = (bytes.len() as u64).to_le_bytes();
        [&length[..], name.as_bytes(), &size, bytes].concat()
    };
    vec![
        [file("identity.key", b"{}"), file("packages/ab.xdc", b"PK")].concat(),
        file("../out", b"1"),
        file("a/../../out", b"1"),
    ]
}

/// The targets.
pub const TARGETS: &[Target] = &[
    Target::new(
        "kept_space",
        "SpaceConfig::from_bytes: reads the same",
        space,
        space_seeds,
    ),
    Target::new(
        "kept_rows",
        "every row that the store keeps as JSON reads the same",
        hostile::rows,
        row_seeds,
    ),
    Target::new("kept_layout", "layout: what is taken is taken again", layout, || {
        json(&[
            r#"{"revision":1,"boards":[{"id":"b1","name":"Home","tiles":[{"instance":"abcdefghijklmnop","x":0,"y":0,"w":4,"h":4}]}]}"#,
        ])
    }),
    Target::new(
        "kept_registers",
        "own devices end with the same, in whatever order",
        registers,
        register_seeds,
    ),
    Target::new(
        "kept_update",
        "an update of a member is cleaned once and for all",
        update,
        || {
            json(&[
                r#"{"payload":{"a":1},"info":"x","href":"index.html#a","document":"d","summary":"s","notify":{"*":"n"}}"#,
                r#"{"payload":null,"href":"javascript:1"}"#,
            ])
        },
    ),
    Target::new(
        "kept_key_file",
        "Identity::load: damaged is refused",
        key_file,
        key_file_seeds,
    ),
    Target::new(
        "kept_backup",
        "backup::read: nothing gets out of the folder",
        backup,
        backup_seeds,
    ),
];
