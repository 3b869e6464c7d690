use super::{BackupError, PIECE, read, write};
use std::fs;

const PASSPHRASE: &str = "correct horse";

fn sample() -> (tempfile::TempDir, std::path::PathBuf, Vec<u8>) {
    let folder = tempfile::tempdir().expect("folder");
    let big: Vec<u8> = (0..2 * PIECE + 17).map(|i| i as u8).collect();
    fs::write(folder.path().join("big"), &big).expect("writes");
    fs::write(folder.path().join("empty"), b"").expect("writes");
    let backup = folder.path().join("backup");
    let files = [
        ("packages/big".into(), folder.path().join("big")),
        ("empty".into(), folder.path().join("empty")),
    ];
    write(&backup, PASSPHRASE, &files).expect("writes");
    (folder, backup, big)
}

#[test]
fn what_was_backed_up_comes_back_whole() {
    let (folder, backup, big) = sample();
    let to = folder.path().join("restored");
    read(&backup, PASSPHRASE, &to).expect("reads");
    assert_eq!(fs::read(to.join("packages/big")).expect("reads"), big);
    assert_eq!(fs::read(to.join("empty")).expect("reads"), b"");
    assert!(matches!(read(&backup, PASSPHRASE, &to), Err(BackupError::NotEmpty(_))));
}

#[test]
fn a_wrong_passphrase_a_cut_or_a_changed_backup_is_refused() {
    let (folder, backup, _) = sample();
    assert!(matches!(
        read(&backup, "wrong horse", &folder.path().join("a")),
        Err(BackupError::Unreadable)
    ));
    let mut bytes = fs::read(&backup).expect("reads");
    let whole = bytes.clone();
    // The file without its last piece, which holds what exceeds two pieces.
    bytes.truncate(9 + 16 + 2 * (4 + PIECE + 16));
    fs::write(&backup, &bytes).expect("writes");
    assert!(matches!(
        read(&backup, PASSPHRASE, &folder.path().join("b")),
        Err(BackupError::Unreadable)
    ));
    bytes = whole;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&backup, &bytes).expect("writes");
    assert!(matches!(
        read(&backup, PASSPHRASE, &folder.path().join("c")),
        Err(BackupError::Unreadable)
    ));
}

#[test]
fn an_existing_file_is_never_overwritten() {
    let (folder, backup, _) = sample();
    let before = fs::read(&backup).expect("reads");
    assert!(write(&backup, PASSPHRASE, &[]).is_err());
    assert_eq!(fs::read(&backup).expect("reads"), before);
    drop(folder);
}
