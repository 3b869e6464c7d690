//! The short run over all targets (issue 6, part 7).

use hedgerow_fuzz::{GROUPS, all, room, short};
use std::collections::BTreeSet;

#[global_allocator]
static ROOM: room::Watched = room::Watched;

fn group(name: &str) {
    let (_, targets) = GROUPS.iter().find(|(n, _)| *n == name).expect("a group");
    for target in *targets {
        println!("{}: {} rounds", target.name, short::run(target));
    }
}

/// A test for each group, so that they run side by side.
macro_rules! groups {
    ($($test:ident $name:literal)*) => {
        $(#[test] fn $test() { group($name); })*
        #[test]
        fn every_group_is_run() {
            let run = BTreeSet::from([$($name),*]);
            assert_eq!(GROUPS.iter().map(|(name, _)| *name).collect::<BTreeSet<_>>(), run);
        }
    };
}
groups! {
    hostile_frames_are_refused_or_read_as_something_sound "wire"
    hostile_texts_are_refused_or_read_as_something_sound "texts"
    hostile_packages_are_refused_or_read_as_something_sound "packages"
    hostile_programs_are_refused_or_held "programs"
    hostile_requests_get_in_nowhere "doors"
    damaged_data_is_refused_or_read_as_something_sound "kept"
    hostile_peers_bring_no_core_down "cores"
}

#[test]
fn names_are_used_once_and_every_folder_of_inputs_has_a_target() {
    let names: BTreeSet<String> = all().map(|target| target.name.to_owned()).collect();
    assert_eq!(names.len(), all().count());
    let folders = std::fs::read_dir(short::corpus_folder()).expect("the corpus").flatten();
    let folders: BTreeSet<String> = folders.map(|f| f.file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(folders, names);
}

#[test]
fn an_allocation_over_the_bound_is_noticed() {
    let asked = std::panic::catch_unwind(|| room::within(1 << 20, || Vec::<u8>::with_capacity(2 << 20).len()));
    assert!(asked.is_err());
}
