//! Translated code on disk: made once, by a process of its own, and taken only as it was left.

use super::world::{Host, Noted, guest, settings};
use hedgerow_sandbox::component::{Components, Kept, Limits, LoadError, Progress, hash_of};
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

fn files(host: &Host) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(host.folder.path())
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    files.sort();
    files
}

/// How often it was translated.
async fn install(host: &Host, wasm: &[u8]) -> u32 {
    let mut begun = 0;
    let counted = |p: Progress| begun += u32::from(p == Progress::Begun);
    host.all.install(wasm, counted).await.unwrap();
    begun
}

#[tokio::test]
async fn a_component_is_translated_once_and_ready_after_a_restart() {
    let host = Host::new(Limits::default());
    let wasm = guest("", "", "");
    assert!(host.all.ready(hash_of(&wasm)).await.unwrap().is_none());
    assert_eq!([install(&host, &wasm).await, install(&host, &wasm).await], [1, 0]);
    let files = files(&host);
    assert_eq!(files.len(), 1);
    assert_eq!(fs::metadata(&files[0]).unwrap().permissions().mode() & 0o777, 0o600);
    let again = Components::open(settings(host.folder.path(), Limits::default())).unwrap();
    let program = again.ready(hash_of(&wasm)).await.unwrap().unwrap();
    program
        .start(Arc::new(Noted::default()), Kept::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn code_that_is_damaged_foreign_or_open_to_others_is_made_anew() {
    let host = Host::new(Limits::default());
    let wasm = guest("", "", "");
    install(&host, &wasm).await;
    let flip = |path: &PathBuf| {
        let mut code = fs::read(path).unwrap();
        let middle = code.len() / 2;
        code[middle] ^= 1;
        fs::write(path, code).unwrap();
    };
    let spoil: [&dyn Fn(&PathBuf); 4] = [
        &flip,
        &|path| fs::write(path, b"").unwrap(),
        &|path| fs::write(path, b"\x7fELF").unwrap(),
        &|path| fs::set_permissions(path, fs::Permissions::from_mode(0o666)).unwrap(),
    ];
    for spoil in spoil {
        spoil(&files(&host)[0]);
        assert_eq!(install(&host, &wasm).await, 1);
        assert_eq!(files(&host).len(), 1);
    }
}

#[tokio::test]
async fn code_under_another_components_name_is_not_taken() {
    let host = Host::new(Limits::default());
    let (one, other) = (guest("", "", ""), guest("", "", "unreachable"));
    install(&host, &one).await;
    let path = files(&host).remove(0);
    // The name's beginning is of the other, the content is of the one: whoever could do that has this user's rights,
    // but a mistake of ours would look the same.
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
    fs::write(
        host.folder.path().join(name.replace(".code", "0.code")),
        fs::read(&path).unwrap(),
    )
    .unwrap();
    assert_eq!(install(&host, &other).await, 1);
    assert_eq!(install(&host, &one).await, 0);
}

#[tokio::test]
async fn what_was_not_used_for_longest_goes_when_there_is_too_much() {
    let host = Host::new(Limits {
        cache: 60_000,
        ..Limits::default()
    });
    let wasm: Vec<_> = (0..6)
        .map(|n| guest("", "", &format!("(drop (i32.const {n}))")))
        .collect();
    for one in &wasm {
        install(&host, one).await;
        // The first is used again and again.
        host.all.ready(hash_of(&wasm[0])).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let sum: u64 = files(&host).iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    assert!(sum <= 60_000, "{sum}");
    assert!(host.all.ready(hash_of(&wasm[0])).await.unwrap().is_some());
    assert!(host.all.ready(hash_of(&wasm[5])).await.unwrap().is_some());
    assert!(host.all.ready(hash_of(&wasm[1])).await.unwrap().is_none());
}

#[tokio::test]
async fn what_a_sudden_end_left_behind_is_cleared_away() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a-b.part"), b"half").unwrap();
    Components::open(settings(folder.path(), Limits::default())).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// A component that takes long to translate, and much memory: one function with very much in it.
fn laborious() -> Vec<u8> {
    laborious_for(100_000)
}

fn laborious_for(lines: usize) -> Vec<u8> {
    let add = "(local.set $x (i32.add (local.get $x) (i32.load (i32.mul (local.get $x) (i32.const 3)))))".repeat(lines);
    let function = format!("(func (param $x i32) (result i32) {add} (local.get $x))");
    guest("", &function, "")
}

#[tokio::test]
async fn a_translation_that_takes_too_long_or_too_much_is_ended() {
    let quick = Limits {
        compile_wait: Duration::from_millis(100),
        ..Limits::default()
    };
    let small = Limits {
        compile_memory: 128 << 20,
        ..Limits::default()
    };
    let full = Limits {
        code: 1000,
        ..Limits::default()
    };
    let laborious = laborious();
    let plain = guest("", "", "");
    Host::new(small.clone()).program(&plain).await;
    for (limits, wasm) in [(quick, &laborious), (small, &laborious), (full, &plain)] {
        let host = Host::new(limits.clone());
        let refused = host.all.install(wasm, |_| {}).await;
        assert!(
            matches!(refused, Err(LoadError::Compiler(_))),
            "{refused:?} with {limits:?}"
        );
        assert!(files(&host).is_empty());
    }
}

#[tokio::test]
async fn a_component_that_takes_long_to_translate_keeps_nobody_waiting() {
    let host = Host::new(Limits {
        compile_soon: Duration::from_secs(2),
        ..Limits::default()
    });
    let (slow, plain) = (laborious_for(300_000), guest("", "", ""));
    let (begun, wait) = tokio::sync::oneshot::channel();
    let mut begun = Some(begun);
    let first = host.all.install(&slow, |_| {
        if let Some(begun) = begun.take() {
            begun.send(()).unwrap();
        }
    });
    let second = async {
        wait.await.unwrap();
        host.all.install(&plain, |_| {}).await.unwrap();
    };
    tokio::select! {
        biased;
        () = second => {}
        first = first => panic!("the one that came first was over first: {first:?}"),
    }
}

#[tokio::test]
async fn who_waits_for_the_same_component_does_not_translate_it_again() {
    let host = Host::new(Limits::default());
    let wasm = guest("", "", "");
    let (one, other) = tokio::join!(install(&host, &wasm), install(&host, &wasm));
    assert_eq!(one + other, 1);
    assert_eq!(files(&host).len(), 1);
}

#[tokio::test]
async fn whoever_cancels_an_installation_ends_its_process() {
    let host = Host::new(Limits::default());
    let wasm = laborious();
    let cancelled = tokio::time::timeout(Duration::from_millis(100), host.all.install(&wasm, |_| {})).await;
    assert!(cancelled.is_err());
    let begun = Instant::now();
    let here = std::process::id().to_string();
    let translators = || {
        let all = fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("stat")).ok());
        all.filter(|stat| stat.split_whitespace().nth(3) == Some(&here) && stat.split_whitespace().nth(2) != Some("Z"))
            .count()
    };
    while translators() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(5), "it is still there");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(files(&host).is_empty());
}
