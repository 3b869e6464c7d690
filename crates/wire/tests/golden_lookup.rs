//! Device and user records keep their bytes, hold only as they were signed, and stay small. See `docs/wire/lookup.md`.
#![allow(clippy::unwrap_used)]

use hedgerow_base::{NodeId, SecretKey, UserId};
use hedgerow_wire::{lookup::*, reach::ReachRequest};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn key(seed: u8) -> SecretKey {
    SecretKey::from_seed(&[seed; 32])
}

fn place() -> Place {
    Place {
        made_s: 1_750_000_000,
        keep_s: 7200,
        relays: vec!["198.51.100.7:4400".parse().unwrap()],
        addresses: vec!["203.0.113.9:4400".parse().unwrap(), "[2001:db8::1]:5".parse().unwrap()],
    }
}

fn device() -> SignedRecord {
    SignedRecord::of_device(&key(1), 7, place())
}

fn user() -> SignedRecord {
    let listed = Listed {
        node: NodeId([9; 32]),
        at: 2,
    };
    let devices = Devices {
        made_s: 1_750_000_000,
        keep_s: 7200,
        devices: vec![listed],
    };
    SignedRecord::of_user(&key(2), 3, devices)
}

const DEVICE: &str = concat!(
    "a40082008158208a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c0107025830a4001a684ee1",
    "8001191c20028146c63364071130038246cb00710911305220010db800000000000000000000000100050358406a72ffcfd0",
    "4ef9793fbe4e300ee6f99978d4d489f1de1bd63191da668c4e6c44f9a20a8aa64f7a149032c002c53c38f2ce821dd48f49eb",
    "f53a5e4d6a53ac020a",
);
const USER: &str = concat!(
    "a40082018158208139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b3940103025831a3001a684ee1",
    "8001191c20028182582009090909090909090909090909090909090909090909090909090909090909090203584096b1a29c",
    "4c50821c0207aa6baf1e478ed81aacd5062dc242a5d68fb59fcc18e84aa7a73db7c9ffee75a05c6f3a124221a107d3f321d4",
    "c18523f077688699df03",
);

#[test]
fn records_keep_their_bytes() {
    assert_eq!(hex(&device().to_bytes()), DEVICE);
    assert_eq!(hex(&user().to_bytes()), USER);
    assert_eq!(SignedRecord::from_bytes(&device().to_bytes()), Ok(device()));
    assert_eq!(SignedRecord::from_bytes(&user().to_bytes()), Ok(user()));
    assert_eq!(device().open(), Ok(Says::Place(place())));
    assert!(matches!(user().open(), Ok(Says::Devices(list)) if list.devices[0].at == 2));
}

#[test]
fn a_record_with_any_bit_changed_does_not_hold() {
    for good in [device().to_bytes(), user().to_bytes()] {
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let holds = SignedRecord::from_bytes(&bad).and_then(|record| record.open());
            assert!(holds.is_err(), "bit {bit}");
        }
    }
}

#[test]
fn a_record_of_one_kind_is_never_taken_for_the_other() {
    let mut record = device();
    record.subject = Subject::User(UserId::from(key(1).public()));
    assert_eq!(record.open(), Err(LookupError::Signature));
}

#[test]
fn the_largest_records_fit_into_the_dht() {
    let v6 = "[2001:db8:1:2:3:4:5:6]:65535".parse().unwrap();
    let place = Place {
        made_s: u64::MAX,
        keep_s: u32::MAX,
        relays: vec![v6; 20],
        addresses: vec![v6; 20],
    };
    let record = SignedRecord::of_device(&key(1), i64::MAX as u64, place);
    let Ok(Says::Place(read)) = record.open() else {
        panic!("it does not open")
    };
    assert_eq!((read.relays.len(), read.addresses.len()), (MAX_RELAYS, MAX_PLACES));
    assert!(record.value.len() <= MAX_VALUE && record.to_bytes().len() <= MAX_RECORD);

    let listed = Listed {
        node: NodeId([255; 32]),
        at: u64::MAX,
    };
    let devices = Devices {
        made_s: u64::MAX,
        keep_s: u32::MAX,
        devices: vec![listed; 20],
    };
    let record = SignedRecord::of_user(&key(1), i64::MAX as u64, devices);
    assert!(record.open().is_ok());
    assert!(record.value.len() <= MAX_VALUE && record.to_bytes().len() <= MAX_RECORD);
    let card = Card {
        device: Some(record.clone()),
        user: Some(record.clone()),
        dht_port: Some(u16::MAX),
    };
    assert!(LookupRequest::Tell { card: Box::new(card) }.to_bytes().len() <= MAX_REQUEST);
    let found = Found {
        record: Some(record.clone()),
        devices: vec![record; MAX_FOUND],
    };
    assert!(found.to_bytes().len() <= MAX_ANSWER);
    assert_eq!(Found::from_bytes(&found.to_bytes()), Ok(found));
}

#[test]
fn over_long_values_and_sequence_numbers_that_the_dht_cannot_carry_are_refused() {
    let mut long = device();
    long.value = vec![0; MAX_VALUE + 1].into();
    assert_eq!(long.open(), Err(LookupError::Malformed("record")));
    assert!(SignedRecord::from_bytes(&long.to_bytes()).is_ok());
    long.value = vec![0; MAX_RECORD + 1].into();
    assert!(SignedRecord::from_bytes(&long.to_bytes()).is_err());
    assert_eq!(
        SignedRecord::of_device(&key(1), u64::MAX, place()).open(),
        Err(LookupError::Malformed("record"))
    );
}

#[test]
fn a_clock_that_is_a_year_off_changes_nothing_about_a_record_but_what_it_says() {
    for made_s in [0, 1, 1_750_000_000 + 365 * 86_400, u64::MAX] {
        let record = SignedRecord::of_device(&key(1), 8, Place { made_s, ..place() });
        assert!(record.open().is_ok(), "{made_s}");
    }
}

#[test]
fn requests_keep_their_bytes_and_their_numbers() {
    let find = LookupRequest::Find {
        subject: Subject::Device(NodeId([3; 32])),
    };
    let bytes = format!("8218188182008158 20{}", "03".repeat(32)).replace(' ', "");
    assert_eq!(hex(&find.to_bytes()), bytes);
    assert_eq!(LookupRequest::from_bytes(&find.to_bytes()), Ok(find.clone()));
    let tell = LookupRequest::Tell {
        card: Box::new(Card {
            device: Some(device()),
            user: None,
            dht_port: Some(6881),
        }),
    };
    assert_eq!(hex(&tell.to_bytes()), format!("82181981a200{DEVICE}02191ae1"));
    assert_eq!(LookupRequest::from_bytes(&tell.to_bytes()), Ok(tell));
    assert!(ReachRequest::from_bytes(&find.to_bytes()).is_err());
    assert_eq!(hex(&Found::default().to_bytes()), "a10180");
    assert!(Found::from_bytes(&[0xff; 9]).is_err() && Card::from_bytes(&[]).is_err());
}
