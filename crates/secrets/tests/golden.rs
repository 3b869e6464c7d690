//! Sealed messages keep their bytes: what was sealed yesterday opens tomorrow. See `docs/wire/secrets.md`.
#![allow(clippy::unwrap_used)] // tests

use data_encoding::HEXLOWER;
use hedgerow_base::{AppId, SecretKey};
use hedgerow_secrets::{Envelope, GroupKey, Keyring, To};

const APP: AppId = AppId([7; 32]);
const CLEAR: &[u8] = br#"{"kind":"chat"}"#;
const BODY: &[u8] = b"meet me at the hedge";

fn keyring(seed: u8) -> Keyring {
    let mut keyring = Keyring::new(APP).with_own(&SecretKey::from_seed(&[seed; 32]));
    keyring.add("club", &GroupKey::from_random([9; 32])).unwrap();
    keyring
}

fn check(to: To<'_>, file: &str) {
    let sender = SecretKey::from_seed(&[1; 32]).public().into();
    let sealed = keyring(1).seal(Some(sender), to, CLEAR, BODY, &[3; 32]).unwrap();
    let hex = HEXLOWER.encode(sealed.as_bytes());
    assert_eq!(hex, file.trim());
    let came = Envelope::from_bytes(&HEXLOWER.decode(file.trim().as_bytes()).unwrap()).unwrap();
    assert_eq!(keyring(2).open(Some(sender), &came).unwrap().body, BODY);
}

#[test]
fn an_envelope_to_a_pseudonym_keeps_its_bytes() {
    let to = SecretKey::from_seed(&[2; 32]).public().into();
    check(To::Pseudonym(&to), include_str!("golden/pseudonym.hex"));
}

#[test]
fn an_envelope_to_a_group_keeps_its_bytes() {
    check(To::Group("club"), include_str!("golden/group.hex"));
}

#[test]
fn an_envelope_in_json_keeps_its_bytes() {
    let sender = SecretKey::from_seed(&[1; 32]).public().into();
    let sealed = keyring(1)
        .seal(Some(sender), To::Group("club"), CLEAR, BODY, &[3; 32])
        .unwrap();
    let json = sealed.to_json().unwrap();
    assert_eq!(json.as_slice(), include_str!("golden/group.json").trim().as_bytes());
}

#[test]
fn a_group_key_and_its_id_keep_their_texts() {
    let key = GroupKey::from_random([9; 32]);
    let texts = format!("{}\n{}\n", *key.to_text(), key.id(&APP));
    assert_eq!(texts, include_str!("golden/key.txt"));
}
