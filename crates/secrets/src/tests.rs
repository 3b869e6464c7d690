//! What a seal promises.
#![allow(clippy::unwrap_used)] // tests

use crate::{chance::Given, pseudonym::x25519_public, *};
use alloc::{format, string::ToString as _, vec, vec::Vec};
use data_encoding::HEXLOWER;
use hedgerow_base::{AppId, Pseudonym, SecretKey};
use hpke::rand_core::Rng as _;
use proptest::prelude::*;

const APP: AppId = AppId([7; 32]);
const OTHER_APP: AppId = AppId([8; 32]);
const CLEAR: &[u8] = br#"{"kind":"move"}"#;

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}
fn who(seed: u8) -> Pseudonym {
    key(seed).public().into()
}
fn group_key(seed: u8) -> GroupKey {
    GroupKey::from_random([seed; 32])
}
/// The keyring of person `seed`, who is in the group `club`.
fn keyring(seed: u8) -> Keyring {
    let mut keyring = Keyring::new(APP).with_own(&key(seed));
    keyring.add("club", &group_key(100)).unwrap();
    keyring
}
/// From 1 to 2, in both ways.
fn both(clear: &[u8], body: &[u8]) -> [Envelope; 2] {
    let to = who(2);
    [To::Pseudonym(&to), To::Group("club")].map(|to| keyring(1).seal(Some(who(1)), to, clear, body, &[3; 32]).unwrap())
}

#[test]
fn whoever_is_named_reads_it_and_nobody_else() {
    let [personal, to_group] = both(CLEAR, b"e2e4");
    let opened = keyring(2).open(Some(who(1)), &personal).unwrap();
    assert_eq!(
        (opened.how, &*opened.clear, &*opened.body),
        (How::Pseudonym, CLEAR, &b"e2e4"[..])
    );
    let opened = keyring(2).open(Some(who(1)), &to_group).unwrap();
    let how = How::Group {
        name: "club".into(),
        newest: true,
    };
    assert_eq!((opened.how, &*opened.clear, &*opened.body), (how, CLEAR, &b"e2e4"[..]));

    let stranger = Keyring::new(APP).with_own(&key(3));
    assert_eq!(
        stranger.open(Some(who(1)), &personal),
        Err(SecretsError::NotForYou(who(2)))
    );
    let id = group_key(100).id(&APP).to_string();
    assert_eq!(
        stranger.open(Some(who(1)), &to_group),
        Err(SecretsError::UnknownKey(id))
    );
    assert_eq!(
        keyring(1).open(Some(who(1)), &personal),
        Err(SecretsError::NotForYou(who(2))),
        "not even who wrote it"
    );
}

#[test]
fn a_seal_holds_for_its_app_and_its_sender_only() {
    let mut elsewhere = Keyring::new(OTHER_APP).with_own(&key(2));
    elsewhere.add("club", &group_key(100)).unwrap();
    for envelope in both(CLEAR, b"secret") {
        assert_eq!(keyring(2).open(Some(who(9)), &envelope), Err(SecretsError::Changed));
        assert_eq!(keyring(2).open(None, &envelope), Err(SecretsError::Changed));
        assert!(elsewhere.open(Some(who(1)), &envelope).is_err());
    }
    let [personal, to_group] = both(CLEAR, b"secret");
    assert_eq!(elsewhere.open(Some(who(1)), &personal), Err(SecretsError::Changed));
    // The key has another id there, so nobody sees that two apps share it.
    assert!(matches!(
        elsewhere.open(Some(who(1)), &to_group),
        Err(SecretsError::UnknownKey(_))
    ));
    let unsigned = keyring(1).seal(None, To::Group("club"), b"", b"x", &[1; 32]).unwrap();
    assert_eq!(keyring(2).open(None, &unsigned).unwrap().body, b"x");
    assert_eq!(keyring(2).open(Some(who(1)), &unsigned), Err(SecretsError::Changed));
}

#[test]
fn a_new_group_key_seals_and_the_old_ones_still_open() {
    let (mut writer, mut reader) = (keyring(1), keyring(2));
    let old = writer.seal(None, To::Group("club"), b"", b"old", &[1; 32]).unwrap();
    for ring in [&mut writer, &mut reader] {
        ring.add("club", &group_key(101)).unwrap();
    }
    let new = writer.seal(None, To::Group("club"), b"", b"new", &[2; 32]).unwrap();
    let how = |envelope| reader.open(None, envelope).unwrap().how;
    let club = |newest| How::Group {
        name: "club".into(),
        newest,
    };
    assert_eq!((how(&old), how(&new)), (club(false), club(true)));
    assert!(
        matches!(keyring(3).open(None, &new), Err(SecretsError::UnknownKey(_))),
        "who has the old key only"
    );

    for seed in 102..102 + MAX_KEYS as u8 {
        reader.add("club", &group_key(seed)).unwrap();
    }
    assert!(reader.open(None, &new).is_err(), "the oldest keys are forgotten");
    assert_eq!(reader.groups().next().unwrap().1.len(), MAX_KEYS);
    assert!(reader.forget("club") && !reader.forget("club"));
    assert_eq!(reader.groups().count(), 0);
    // A key that was known becomes the newest again.
    writer.add("club", &group_key(100)).unwrap();
    assert_eq!(
        writer.groups().next().unwrap().1,
        vec![group_key(101).id(&APP), group_key(100).id(&APP)]
    );
}

#[test]
fn a_keyring_is_bounded_and_names_are_unambiguous() {
    let mut ring = keyring(1);
    assert_eq!(ring.add("", &group_key(1)), Err(SecretsError::BadName { max: 128 }));
    assert_eq!(
        ring.add(&"n".repeat(129), &group_key(1)),
        Err(SecretsError::BadName { max: 128 })
    );
    assert_eq!(
        ring.add("pub", &group_key(100)),
        Err(SecretsError::KeyTaken("club".into()))
    );
    for number in 1..MAX_GROUPS {
        let mut bytes = [1; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        ring.add(&format!("group {number}"), &GroupKey::from_random(bytes))
            .unwrap();
    }
    assert_eq!(
        ring.add("one more", &group_key(1)),
        Err(SecretsError::Full { max: MAX_GROUPS })
    );
    ring.add("club", &group_key(1)).unwrap();
    assert_eq!(
        ring.seal(None, To::Group("pub"), b"", b"", &[0; 32]),
        Err(SecretsError::NoGroup("pub".into()))
    );
}

#[test]
fn chance_that_repeats_repeats_no_nonce_and_no_one_time_key() {
    let names = |envelopes: [Envelope; 2]| envelopes.map(|envelope| *envelope.named());
    let first = names(both(CLEAR, b"one"));
    for other in [names(both(CLEAR, b"two")), names(both(b"", b"one"))] {
        assert!(first[0] != other[0] && first[1] != other[1]);
    }
    assert_eq!(
        first,
        names(both(CLEAR, b"one")),
        "the very same message may have the same"
    );
}

#[test]
fn what_is_too_long_is_refused_before_it_is_sealed_or_read() {
    let too_long = |what, len, max| Err(SecretsError::TooLong { what, len, max });
    let ring = keyring(1);
    let to = who(2);
    for to in [To::Pseudonym(&to), To::Group("club")] {
        let seal = |clear: usize, body: usize| ring.seal(None, to, &vec![0; clear], &vec![0; body], &[1; 32]);
        assert_eq!(
            seal(MAX_CLEAR + 1, 0),
            too_long("the readable part", MAX_CLEAR + 1, MAX_CLEAR)
        );
        assert_eq!(
            seal(0, MAX_SEALED + 1),
            too_long("the body", MAX_SEALED + 1, MAX_SEALED)
        );
        let overhead = seal(0, 0).unwrap().as_bytes().len();
        let largest = seal(MAX_CLEAR, MAX_SEALED - MAX_CLEAR - overhead).unwrap();
        assert_eq!(largest.as_bytes().len(), MAX_SEALED);
        assert!(seal(MAX_CLEAR, MAX_SEALED - MAX_CLEAR - overhead + 1).is_err());
        assert_eq!(Envelope::from_bytes(largest.as_bytes()).unwrap(), largest);
        let longer = [largest.as_bytes(), b"x"].concat();
        assert_eq!(
            Envelope::from_bytes(&longer),
            too_long("the envelope", MAX_SEALED + 1, MAX_SEALED)
        );
        assert!(largest.to_json().is_err());
    }
}

#[test]
fn what_is_no_envelope_is_told_from_a_broken_one() {
    let of = |bytes: &[u8]| Envelope::in_message(bytes).unwrap_err();
    for ordinary in [
        &b""[..],
        b"HG",
        b"hello",
        br#"{"sealed":true}"#,
        br#"{"sealed":"yes"}"#,
        b"{}",
        b"\"}",
    ] {
        assert_eq!(of(ordinary), SecretsError::NotSealed);
        assert!(!is_sealed(ordinary));
    }
    assert_eq!(of(b"HGS\x02"), SecretsError::Version(2));
    assert!(matches!(of(b"HGS"), SecretsError::Malformed { .. }));
    assert!(matches!(of(b"HGS\x01\x03"), SecretsError::Malformed { .. }));
    let [personal, _] = both(b"", b"");
    let bytes = personal.as_bytes();
    for len in 3..bytes.len() {
        let cut = &bytes[..len];
        assert!(
            matches!(of(cut), SecretsError::Malformed { .. }) && is_sealed(cut),
            "{len}"
        );
    }
    let mut huge = bytes.to_vec();
    huge[69..73].copy_from_slice(&u32::MAX.to_be_bytes());
    assert!(
        matches!(of(&huge), SecretsError::TooLong { .. }),
        "before anything is allocated"
    );
}

#[test]
fn nothing_is_sealed_to_a_key_that_nobody_holds() {
    let neutral = {
        let mut bytes = [0; 32];
        bytes[0] = 1;
        Pseudonym(bytes)
    };
    for bad in [neutral, Pseudonym([0; 32]), Pseudonym([2; 32])] {
        let sealed = keyring(1).seal(None, To::Pseudonym(&bad), b"", b"x", &[1; 32]);
        assert_eq!(sealed, Err(SecretsError::BadPseudonym(bad)));
    }
    // An encapsulated key of low order gives everybody the same secret: refused when opening, too.
    let mut forged = both(b"", b"x")[0].as_bytes().to_vec();
    forged[37..69].fill(0);
    let forged = Envelope::from_bytes(&forged).unwrap();
    assert_eq!(keyring(2).open(Some(who(1)), &forged), Err(SecretsError::Changed));
}

/// The vector of libsodium's tests (`ed25519_convert`).
#[test]
fn an_ed25519_key_becomes_the_x25519_key_that_others_compute() {
    let seed = HEXLOWER.decode(b"421151a459faeade3d247115f94aedae42318124095afabe4d1451a559faedee");
    let key = SecretKey::from_seed(&seed.unwrap().try_into().unwrap());
    let public = x25519_public(&key.public().into()).unwrap();
    let expected = "f1814f0e8ff1043d8a44d25babff3cedcae6c22c3edaa48f857ae70de2baae50";
    assert_eq!(HEXLOWER.encode(&public), expected);
}

#[test]
fn rules_over_json_see_the_readable_part() {
    for clear in [&b"{}"[..], CLEAR, br#"{"a":[1,{"sealed":"SEdT"}] }"#] {
        for envelope in both(clear, b"hidden") {
            let json = envelope.to_json().unwrap();
            let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
            assert!(value["sealed"].as_str().unwrap().starts_with("SEdT"));
            assert_eq!(
                value.get("kind"),
                serde_json::from_slice::<serde_json::Value>(clear).unwrap().get("kind")
            );
            let back = Envelope::in_message(&json).unwrap();
            assert_eq!(back, envelope);
            assert!(is_sealed(&json));
            assert_eq!(keyring(2).open(Some(who(1)), &back).unwrap().body, b"hidden");
        }
    }
    for bad in [
        &b""[..],
        b"text",
        b"[]",
        b"{ }",
        b" {}",
        b"{} ",
        br#"{"sealed":1}"#,
        br#"{"a":1"#,
    ] {
        let refused = both(bad, b"x")[0].to_json();
        assert!(matches!(refused, Err(SecretsError::ClearNotJson { .. })), "{bad:?}");
    }
}

#[test]
fn a_group_key_survives_being_typed_and_a_slip_is_noticed() {
    let key = group_key(5);
    let text = key.to_text();
    assert_eq!(text.len(), 60);
    assert_eq!(text.parse::<GroupKey>().unwrap(), key);
    let typed = format!(" {}-{}\n{} ", &text[..10], &text[10..30], text[30..].to_uppercase());
    assert_eq!(typed.parse::<GroupKey>().unwrap(), key);
    let bad = [
        "",
        "hgk1",
        "hgk2",
        &text[4..],
        &text[..59],
        &format!("{}a", &*text),
        &"hgk1".repeat(100),
    ];
    for bad in bad {
        assert!(
            matches!(bad.parse::<GroupKey>(), Err(SecretsError::BadKeyText { .. })),
            "{bad}"
        );
    }
    for at in 4..text.len() {
        let slip = if text.as_bytes()[at] == b'a' { "b" } else { "a" };
        let mut slipped = text.to_string();
        slipped.replace_range(at..=at, slip);
        assert!(slipped.parse::<GroupKey>().is_err(), "{at}");
    }
}

#[test]
fn secrets_are_never_printed() {
    let shown = format!("{:?} {:?} {:?}", group_key(5), keyring(1), both(b"", b"x")[0]);
    assert!(shown.contains("GroupKey(..)") && shown.len() < 400, "{shown}");
    assert!(!shown.contains("5, 5"));
}

#[test]
fn stretched_chance_does_not_repeat() {
    let mut chance = Given::new([1; 32].into());
    let drawn: Vec<u64> = (0..100).map(|_| chance.next_u64()).collect();
    let different: alloc::collections::BTreeSet<_> = drawn.iter().collect();
    assert_eq!(different.len(), 100);
    let mut bytes = [0; 80];
    chance.fill_bytes(&mut bytes);
    assert!(bytes.chunks(32).all(|piece| piece.iter().any(|byte| *byte != 0)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_was_sealed_comes_out_as_it_went_in(clear: Vec<u8>, body: Vec<u8>, random: [u8; 32], group: bool) {
        let to = who(2);
        let to = if group { To::Group("club") } else { To::Pseudonym(&to) };
        let sealed = keyring(1).seal(Some(who(1)), to, &clear, &body, &random).unwrap();
        let came = Envelope::in_message(sealed.as_bytes()).unwrap();
        let opened = keyring(2).open(Some(who(1)), &came).unwrap();
        prop_assert_eq!((opened.clear, opened.body), (clear, body));
    }

    #[test]
    fn every_changed_byte_is_noticed(at: prop::sample::Index, change in 1..=255u8, json: bool, group: bool) {
        let envelope = &both(CLEAR, b"the body")[usize::from(group)];
        let mut bytes = if json { envelope.to_json().unwrap() } else { envelope.as_bytes().to_vec() };
        let at = at.index(bytes.len());
        bytes[at] ^= change;
        let opened = Envelope::in_message(&bytes).and_then(|changed| keyring(2).open(Some(who(1)), &changed));
        prop_assert!(opened.is_err(), "byte {}", at);
    }

    #[test]
    fn hostile_bytes_are_refused_without_a_panic(bytes: Vec<u8>, kind in 0..4u8) {
        let begin: &[u8] = match kind {
            0 => b"HGS\x01\x01",
            1 => b"HGS\x01\x02",
            2 => b"{\"sealed\":\"SEdT",
            _ => b"",
        };
        let end: &[u8] = if kind == 2 { b"\"}" } else { b"" };
        let message = [begin, &bytes, end].concat();
        let opened = Envelope::in_message(&message).and_then(|envelope| keyring(2).open(None, &envelope));
        prop_assert!(opened.is_err());
        let text = alloc::string::String::from_utf8_lossy(&bytes);
        prop_assert!(text.parse::<GroupKey>().is_err());
        let begun = format!("hgk1{text}");
        prop_assert!(begun.parse::<GroupKey>().is_err());
    }
}

/// Not one byte is left out, in either form.
#[test]
fn each_single_byte_of_an_envelope_counts() {
    let ring = keyring(2);
    for envelope in both(b"{}", b"b") {
        for bytes in [envelope.as_bytes().to_vec(), envelope.to_json().unwrap()] {
            for at in 0..bytes.len() {
                for change in [1, 0x20, 0x80] {
                    let mut changed = bytes.clone();
                    changed[at] ^= change;
                    let opened = Envelope::in_message(&changed).and_then(|e| ring.open(Some(who(1)), &e));
                    assert!(opened.is_err(), "byte {at} ^ {change}");
                }
            }
        }
    }
}
