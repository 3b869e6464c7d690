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
fn attack_36_a_package_is_whole_or_not_there_whenever_the_machine_stops() {
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

#[test]
fn attack_36_a_stop_at_any_step_of_an_install_leaves_nothing_that_looks_finished() {
    let folder = tempfile::tempdir().expect("folder");
    for seed in 0..300u64 {
        let mut state = seed;
        let mut below = |end: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % end
        };
        let content = ContentId([seed as u8, (seed >> 8) as u8].repeat(16).try_into().expect("32 bytes"));
        let bytes: Vec<u8> = (0..100 + below(4000)).map(|at| (at ^ seed) as u8).collect();
        let part = |at: u64| (at as usize * bytes.len() / 10)..((at as usize + 1) * bytes.len() / 10);
        // Some starts that all end in the middle: of a fetch, of writing a whole package, after its end.
        for _ in 0..below(4) {
            let files = PackageFiles::open(folder.path()).expect("opens");
            match below(3) {
                0 => {
                    let partial = files.open_partial(&content, bytes.len() as u64).expect("opens");
                    for _ in 0..below(9) {
                        let at = part(below(10));
                        partial.write(at.start as u64, &bytes[at]).expect("writes");
                    }
                }
                1 => {
                    let cut = &bytes[..below(bytes.len() as u64) as usize];
                    std::fs::write(folder.path().join(format!("partial/{content}.put")), cut).expect("writes");
                }
                _ => files.put(&content, &bytes).expect("stores"),
            }
            let after = PackageFiles::open(folder.path()).expect("opens");
            assert!(
                !after.has(&content) || after.read(&content).expect("reads") == bytes,
                "seed {seed}"
            );
        }
        // And one that goes through.
        let files = PackageFiles::open(folder.path()).expect("opens");
        let partial = files.open_partial(&content, bytes.len() as u64).expect("opens");
        (0..10).for_each(|at| partial.write(part(at).start as u64, &bytes[part(at)]).expect("writes"));
        files.finish(&content, &partial).expect("finishes");
        assert_eq!(files.read(&content).expect("reads"), bytes, "seed {seed}");
    }
}

mod inbox {
    use crate::inbox::{Arriving, discard, room};
    use std::fs;

    fn names(number: u32) -> String {
        match number {
            0 => "a.txt".into(),
            n => format!("a ({n}).txt"),
        }
    }

    #[test]
    fn a_file_that_arrived_takes_a_free_name_and_overwrites_nothing() {
        let folder = tempfile::tempdir().expect("folder");
        fs::write(folder.path().join("a.txt"), "mine").expect("written");
        std::os::unix::fs::symlink("/nowhere", folder.path().join("a (1).txt")).expect("linked");
        let part = Arriving::open(folder.path(), "k").expect("opened");
        part.write(0, b"theirs").expect("written");
        let path = part.keep(names).expect("kept");
        assert_eq!(path, folder.path().join("a (2).txt"));
        assert_eq!(fs::read(path).expect("there"), b"theirs");
        assert_eq!(fs::read(folder.path().join("a.txt")).expect("there"), b"mine");
        assert_eq!(
            fs::read_dir(folder.path()).expect("listed").count(),
            3,
            "no part is left"
        );
    }

    #[test]
    fn what_was_cut_short_goes_on_and_a_kill_before_the_end_gives_no_second_copy() {
        let folder = tempfile::tempdir().expect("folder");
        let part = Arriving::open(folder.path(), "k").expect("opened");
        part.write(0, b"half").expect("written");
        drop(part);
        let part = Arriving::open(folder.path(), "k").expect("opened again");
        assert_eq!(part.length().expect("known"), 4);
        part.cut(2).expect("cut");
        part.write(2, b"lf-").expect("written");
        // As if killed after the name was given and before the part went.
        fs::hard_link(folder.path().join(".hedgerow-k.part"), folder.path().join("a.txt")).expect("linked");
        assert_eq!(part.keep(names).expect("kept"), folder.path().join("a.txt"));
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1);
        assert_eq!(fs::read(folder.path().join("a.txt")).expect("there"), b"half-");
    }

    #[test]
    fn a_link_in_the_place_of_a_part_is_not_followed() {
        let folder = tempfile::tempdir().expect("folder");
        let victim = folder.path().join("victim");
        fs::write(&victim, "mine").expect("written");
        std::os::unix::fs::symlink(&victim, folder.path().join(".hedgerow-k.part")).expect("linked");
        assert!(Arriving::open(folder.path(), "k").is_err());
        discard(folder.path(), "k");
        assert_eq!(fs::read(victim).expect("there"), b"mine");
        assert!(room(&folder.path().join("not/made/yet")).is_some());
    }
}
