use crate::{
    DataLock, PackageFiles, Store, StoreError,
    directory::{HeadRow, SearchDocument},
    spaces::UpdateRow,
};
use hedgerow_base::{ContentId, LogId, Pseudonym, RecordId, SpaceId, WidgetId};

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("folder");
    let store = Store::open(folder.path()).expect("opens");
    (folder, store)
}

fn update(serial: u64) -> UpdateRow {
    UpdateRow {
        serial,
        author: Pseudonym([3; 32]),
        time_ms: 9,
        body: b"{}".to_vec(),
    }
}

#[test]
fn a_second_user_of_the_folder_is_refused_and_the_first_end_frees_it() {
    let folder = tempfile::tempdir().expect("folder");
    let first = DataLock::acquire(folder.path()).expect("first");
    assert!(matches!(DataLock::acquire(folder.path()), Err(StoreError::InUse(_))));
    drop(first);
    assert!(DataLock::acquire(folder.path()).is_ok());
}

#[test]
fn committed_rows_are_there_after_reopening_and_rolled_back_ones_are_not() {
    let (folder, store) = store();
    store.begin().expect("begin");
    store.set_meta("a", b"1").expect("set");
    store.commit().expect("commit");
    store.begin().expect("begin");
    store.set_meta("b", b"2").expect("set");
    store.rollback();
    drop(store);
    let store = Store::open(folder.path()).expect("reopens");
    assert_eq!(store.meta("a").expect("reads"), Some(b"1".to_vec()));
    assert_eq!(store.meta("b").expect("reads"), None);
}

#[test]
fn a_damaged_database_is_named_and_left_untouched() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("hedgerow.db");
    std::fs::write(&path, vec![0x5a; 8192]).expect("writes");
    let error = Store::open(folder.path()).err().expect("refused");
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    assert_eq!(std::fs::read(&path).expect("reads"), vec![0x5a; 8192]);
}

#[test]
fn a_page_overwritten_in_the_middle_is_found_at_the_start() {
    let (folder, store) = store();
    for number in 0..400u64 {
        store
            .put_entry(&SpaceId([1; 32]), &LogId([2; 32]), number, &[7; 300])
            .expect("puts");
    }
    drop(store);
    let path = folder.path().join("hedgerow.db");
    let mut bytes = std::fs::read(&path).expect("reads");
    let middle = bytes.len() / 8192 * 4096;
    bytes[middle..middle + 4096].fill(0xa5);
    std::fs::write(&path, bytes).expect("writes");
    assert!(matches!(Store::open(folder.path()), Err(StoreError::Damaged { .. })));
}

#[test]
fn a_newer_database_is_refused_with_both_versions() {
    let (folder, store) = store();
    store.db.pragma_update(None, "user_version", 99).expect("sets");
    drop(store);
    assert!(matches!(
        Store::open(folder.path()),
        Err(StoreError::TooNew { found: 99, .. })
    ));
}

#[test]
fn entries_come_back_in_order_and_within_the_byte_budget() {
    let (_folder, store) = store();
    let (space, log) = (SpaceId([1; 32]), LogId([2; 32]));
    for seq in 0..10 {
        store.put_entry(&space, &log, seq, &[seq as u8; 100]).expect("puts");
    }
    let some = store.entries(&space, &log, 3, 10, 250).expect("reads");
    assert_eq!(some.iter().map(|b| b[0]).collect::<Vec<_>>(), [3, 4]);
    assert_eq!(store.entries(&space, &log, 3, 4, 1).expect("reads").len(), 1);
    store.put_update(&space, &log, 7, &update(1)).expect("puts");
    store.retract(&space, &log, 5).expect("deletes");
    assert_eq!(store.entries(&space, &log, 0, 10, 1 << 20).expect("reads").len(), 5);
    assert_eq!(store.max_serial(&space).expect("reads"), 0);
}

#[test]
fn updates_are_numbered_and_read_after_a_serial() {
    let (_folder, store) = store();
    let space = SpaceId([1; 32]);
    for serial in 1..=5 {
        store
            .put_update(&space, &LogId([2; 32]), serial, &update(serial))
            .expect("puts");
    }
    assert_eq!(store.max_serial(&space).expect("max"), 5);
    let rows = store.updates(&space, 3, 10, 1 << 20).expect("reads");
    assert_eq!(rows.iter().map(|r| r.serial).collect::<Vec<_>>(), [4, 5]);
    assert_eq!(store.last_change(&space, &Pseudonym([3; 32])).expect("reads"), Some(9));
}

fn head(store: &Store, number: u8, name: &str, summary: &str, categories: &[&str]) {
    let categories: Vec<String> = categories.iter().map(|c| (*c).to_owned()).collect();
    let row = HeadRow {
        widget: WidgetId([number; 16]),
        release: RecordId([number; 32]),
        summary: vec![number],
    };
    let document = SearchDocument {
        name,
        summary,
        categories: &categories,
        ..Default::default()
    };
    store.put_head(&row, 1, u64::from(number), &document).expect("puts");
}

fn found(store: &Store, query: &str, category: Option<&str>) -> Vec<u8> {
    store
        .search(query, category, 30, 0)
        .expect("searches")
        .iter()
        .map(|h| h.summary[0])
        .collect()
}

#[test]
fn search_finds_words_and_beginnings_in_any_field_and_ranks_the_name_first() {
    let (_folder, store) = store();
    head(&store, 1, "Tide table", "Harbours of the coast", &["Outdoors"]);
    head(&store, 2, "Recipe box", "Cook at every tide and time", &["Food"]);
    head(&store, 3, "Go board", "Play slowly", &["Games"]);
    assert_eq!(found(&store, "tide", None), [1, 2]);
    assert_eq!(found(&store, "ti", None), [1, 2]);
    assert_eq!(found(&store, "harb coast", None), [1]);
    assert_eq!(found(&store, "tide", Some("food")), [2]);
    assert_eq!(found(&store, "", None), [3, 2, 1]);
    assert_eq!(found(&store, "", Some("Games")), [3]);
    assert_eq!(found(&store, "ü", None), Vec::<u8>::new());
    assert_eq!(found(&store, "\" OR name:* NEAR(", None), Vec::<u8>::new());
    assert_eq!(found(&store, "!!!", None), Vec::<u8>::new());
}

#[test]
fn a_newer_release_replaces_what_search_finds() {
    let (_folder, store) = store();
    head(&store, 1, "Tide table", "", &["Outdoors"]);
    head(&store, 1, "Moon table", "", &["Sky"]);
    assert_eq!(found(&store, "tide", None), Vec::<u8>::new());
    assert_eq!(found(&store, "moon", None), [1]);
    assert_eq!(store.categories().expect("reads"), [("sky".to_owned(), 1)]);
    assert_eq!(store.widget_count().expect("reads"), 1);
}

#[test]
fn a_package_is_whole_or_not_there() {
    let folder = tempfile::tempdir().expect("folder");
    let files = PackageFiles::open(folder.path()).expect("opens");
    let content = ContentId([9; 32]);
    assert!(!files.has(&content));
    let partial = files.open_partial(&content, 6).expect("opens");
    partial.write(3, b"def").expect("writes");
    drop(partial);
    let partial = files.open_partial(&content, 6).expect("opens again");
    assert_eq!(partial.read(3, 3).expect("reads"), b"def");
    assert!(!files.has(&content));
    partial.write(0, b"abc").expect("writes");
    files.finish(&content, &partial).expect("finishes");
    assert_eq!(files.read(&content).expect("reads"), b"abcdef");
}
