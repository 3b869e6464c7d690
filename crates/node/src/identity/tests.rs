use super::{Identity, IdentityError, KEY_FILE};
use hedgerow_base::WidgetId;
use std::{collections::BTreeMap, os::unix::fs::PermissionsExt as _};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("folder")
}

#[test]
fn the_recovery_words_bring_back_the_user_on_another_device() {
    let (first, second) = (folder(), folder());
    let (identity, new) = Identity::load_or_create(first.path(), None).expect("makes");
    assert!(new);
    let words = identity.words().expect("shown once").join("  ").to_uppercase();
    let restored = Identity::restore(second.path(), &words, None).expect("restores");
    assert_eq!(restored.user(), identity.user());
    assert_ne!(restored.node(), identity.node());
    let widget = WidgetId([1; 16]);
    assert_eq!(
        restored.pseudonym_key(&widget).public(),
        identity.pseudonym_key(&widget).public()
    );
    assert!(matches!(
        Identity::restore(second.path(), &words, None),
        Err(IdentityError::Exists(_))
    ));
}

#[test]
fn words_that_are_no_phrase_are_refused() {
    let error = Identity::restore(folder().path(), "one two three", None).expect_err("refused");
    assert!(matches!(error, IdentityError::BadWords(_)));
}

#[test]
fn words_are_shown_until_three_are_typed_back_and_never_again() {
    let folder = folder();
    let (mut identity, _) = Identity::load_or_create(folder.path(), None).expect("makes");
    let words = identity.words().expect("shown");
    let wrong: BTreeMap<u8, String> = [(0, "zebra zebra".into()), (1, words[1].clone()), (2, words[2].clone())].into();
    assert!(!identity.confirm_words(&wrong).expect("checks"));
    assert!(identity.words().is_some());
    let right: BTreeMap<u8, String> = [0u8, 5, 11].map(|i| (i, words[usize::from(i)].clone())).into();
    assert!(identity.confirm_words(&right).expect("checks"));
    let (again, new) = Identity::load_or_create(folder.path(), None).expect("loads");
    assert!(!new && again.words().is_none());
    assert_eq!(again.node(), identity.node());
}

#[test]
fn a_protected_key_file_opens_only_with_its_passphrase_and_is_private() {
    let folder = folder();
    let (mut identity, _) = Identity::load_or_create(folder.path(), None).expect("makes");
    assert!(matches!(
        identity.set_passphrase(Some("short")),
        Err(IdentityError::ShortPassphrase)
    ));
    identity.set_passphrase(Some("a long passphrase")).expect("sets");
    let path = folder.path().join(KEY_FILE);
    assert_eq!(
        std::fs::metadata(&path).expect("meta").permissions().mode() & 0o777,
        0o600
    );
    assert!(matches!(
        Identity::load_or_create(folder.path(), None),
        Err(IdentityError::PassphraseNeeded)
    ));
    assert!(matches!(
        Identity::load_or_create(folder.path(), Some("another one")),
        Err(IdentityError::WrongPassphrase)
    ));
    let (again, _) = Identity::load_or_create(folder.path(), Some("a long passphrase")).expect("opens");
    assert_eq!(again.user(), identity.user());
    let text = std::fs::read_to_string(&path).expect("reads");
    assert!(!text.contains(&data_encoding::BASE64.encode(identity.device_key().seed().as_ref())));
}

#[test]
fn a_damaged_key_file_is_an_error_and_is_kept() {
    let folder = folder();
    let path = folder.path().join(KEY_FILE);
    std::fs::write(&path, b"{\"version\":1,\"data\":\"!!\"}").expect("writes");
    assert!(matches!(
        Identity::load_or_create(folder.path(), None),
        Err(IdentityError::Damaged(_))
    ));
    assert!(path.exists());
}
