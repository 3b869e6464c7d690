//! Golden vectors of `directory/1`: what is on the wire never changes by accident.
#![allow(clippy::unwrap_used, reason = "tests")]

use data_encoding::HEXLOWER;
use hedgerow_base::{ContentId, RecordId, SecretKey};
use hedgerow_wire::directory::{DirectoryFrame, Genesis, KIND_RELEASE, Permission, Range, Record, Release, Say};

fn release() -> Release {
    Release {
        kind: KIND_RELEASE,
        genesis: Genesis::of(SecretKey::from_seed(&[1; 32]).public(), [2; 32]),
        sequence: 1,
        prev: None,
        version: "1.0.0".into(),
        content: ContentId([3; 32]),
        size: 4,
        name: "n".into(),
        summary: "s".into(),
        description: "d".into(),
        license: "MIT".into(),
        categories: vec!["c".into()],
        tags: vec!["t".into()],
        permissions: vec![Permission {
            name: "peers".into(),
            reason: "r".into(),
        }],
        icon: Some(vec![9].into()),
        ancestor: None,
        created_ms: 5,
        author: "a".into(),
    }
}

#[test]
fn frames_have_these_bytes() {
    let range = Range {
        end: Some(RecordId([1; 32])),
        say: Say::Print { print: [2; 16] },
    };
    let rest = Range {
        end: None,
        say: Say::Ids {
            ids: vec![RecordId([3; 32])],
        },
    };
    let vectors = [
        (
            DirectoryFrame::Reconcile {
                ranges: vec![range, rest],
            },
            include_str!("golden/directory_reconcile.hex"),
        ),
        (
            DirectoryFrame::Offer {
                ids: vec![RecordId([1; 32])],
            },
            include_str!("golden/directory_offer.hex"),
        ),
        (
            DirectoryFrame::Want {
                ids: vec![RecordId([1; 32])],
            },
            include_str!("golden/directory_want.hex"),
        ),
        (
            DirectoryFrame::Records {
                records: vec![vec![1, 2].into()],
            },
            include_str!("golden/directory_records.hex"),
        ),
    ];
    for (frame, golden) in vectors {
        assert_eq!(HEXLOWER.encode(&frame.to_bytes()), golden.trim(), "{frame:?}");
        assert_eq!(
            DirectoryFrame::from_bytes(&HEXLOWER.decode(golden.trim().as_bytes()).unwrap()),
            Ok(frame)
        );
    }
}

#[test]
fn a_signed_release_has_these_bytes_and_this_uuid() {
    let record = Record::sign(release(), 0, &SecretKey::from_seed(&[1; 32])).unwrap();
    assert_eq!(
        HEXLOWER.encode(&record.to_bytes()),
        include_str!("golden/directory_release.hex").trim()
    );
    assert_eq!(
        record.release.genesis.widget().to_string(),
        include_str!("golden/directory_uuid.txt").trim()
    );
    assert!(Record::from_bytes(&record.to_bytes()).unwrap().verify().is_ok());
}
