//! Golden vectors of `directory/1`: what is on the wire never changes by accident.
#![allow(clippy::unwrap_used, reason = "tests")]

use data_encoding::HEXLOWER;
use hedgerow_base::{ContentId, NodeId, PersonId, RecordId, SecretKey, WidgetId};
use hedgerow_wire::directory::{
    Authority, Body, Certificate, Comment, CommentRef, Count, DirectoryFrame, Genesis, Installs, KIND_AUTHORITY,
    KIND_RELEASE, MAX_KEYS, Permission, Range, Rating, Record, Release, Role, Round, Said, Say, State, Subject, Symbol,
    Used, What,
};

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
            scope: None,
        }],
        icon: Some(vec![9].into()),
        ancestor: None,
        created_ms: 5,
        author: "a".into(),
        epoch: 0,
        expires_ms: None,
        pictures: vec![],
    }
}

/// Each frame has its bytes, and is read back from them.
fn check(vectors: &[(DirectoryFrame, &str)]) {
    for (frame, golden) in vectors {
        assert_eq!(HEXLOWER.encode(&frame.to_bytes()), golden.trim(), "{frame:?}");
        let read = DirectoryFrame::from_bytes(&HEXLOWER.decode(golden.trim().as_bytes()).unwrap());
        assert_eq!(read.as_ref(), Ok(frame));
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
    check(&vectors);
}

#[test]
fn frames_of_the_exchange_and_of_comparing_have_these_bytes() {
    let vectors = [
        (
            DirectoryFrame::Round {
                round: Round {
                    installs: Some(vec![1, 2].into()),
                    met: 7,
                    counts: vec![Count {
                        widget: WidgetId([4; 16]),
                        people: 3,
                    }],
                    certificates: vec![vec![3].into()],
                    flags: vec![5],
                    pull: vec![6],
                    answer: true,
                },
            },
            include_str!("golden/directory_round.hex"),
        ),
        (
            DirectoryFrame::Open {
                print: [1; 16],
                count: 2,
            },
            include_str!("golden/directory_open.hex"),
        ),
        (
            DirectoryFrame::Ask {
                key: [1; 16],
                from: 2,
                count: 3,
            },
            include_str!("golden/directory_ask.hex"),
        ),
        (
            DirectoryFrame::Symbols {
                from: 1,
                symbols: vec![Symbol {
                    sum: 2,
                    check: 3,
                    count: -4,
                }],
            },
            include_str!("golden/directory_symbols.hex"),
        ),
        (
            DirectoryFrame::WantShort {
                key: [1; 16],
                ids: vec![2],
            },
            include_str!("golden/directory_want_short.hex"),
        ),
    ];
    check(&vectors);
}

#[test]
fn a_signed_release_has_these_bytes_and_this_uuid() {
    let record = Record::sign(release(), 0, &SecretKey::from_seed(&[1; 32])).unwrap();
    assert_eq!(
        HEXLOWER.encode(&record.to_bytes()),
        include_str!("golden/directory_release.hex").trim()
    );
    assert_eq!(
        record.release().unwrap().genesis.widget().to_string(),
        include_str!("golden/directory_uuid.txt").trim()
    );
    assert!(Record::from_bytes(&record.to_bytes()).unwrap().verify().is_ok());
}

/// What people say, one of each kind.
fn statements() -> Vec<(What, &'static str)> {
    let widget = WidgetId([4; 16]);
    let rating = What::Rating(Rating {
        widget,
        stars: 4,
        text: "t".into(),
    });
    let comment = What::Comment(Comment {
        widget,
        number: 9,
        parent: Some(CommentRef {
            by: PersonId([5; 32]),
            number: 8,
        }),
        title: String::new(),
        text: "t".into(),
        state: State::Closed,
    });
    let certificate = What::Certificate(Certificate {
        role: Role::Block,
        subject: Subject::Person(PersonId([6; 32])),
        reason: "r".into(),
        revoked: false,
    });
    let installs = What::Installs(Installs {
        node: NodeId([7; 32]),
        used: vec![Used { widget, sequence: 2 }],
    });
    vec![
        (rating, include_str!("golden/directory_rating.hex")),
        (comment, include_str!("golden/directory_comment.hex")),
        (certificate, include_str!("golden/directory_certificate.hex")),
        (installs, include_str!("golden/directory_installs.hex")),
    ]
}

#[test]
fn what_people_say_has_these_bytes() {
    let key = SecretKey::from_seed(&[1; 32]);
    for (what, golden) in statements() {
        let record = Record::say(Said::new(key.public().into(), 3, "n".into(), 5, what), &key).unwrap();
        assert_eq!(HEXLOWER.encode(&record.to_bytes()), golden.trim(), "{:?}", record.body);
        let read = Record::from_bytes(&record.to_bytes()).unwrap();
        assert!(read == record && read.verify().is_ok());
    }
}

#[test]
fn a_change_of_signers_has_these_bytes() {
    let (old, new) = (SecretKey::from_seed(&[1; 32]), SecretKey::from_seed(&[2; 32]));
    let authority = Authority {
        kind: KIND_AUTHORITY,
        genesis: release().genesis,
        epoch: 1,
        keys: new.public().0.to_vec().into(),
        threshold: 1,
        from: 2,
        revoked: vec![RecordId([3; 32])],
        created_ms: 5,
    };
    let keys = [(0, &old), (MAX_KEYS as u8, &new)];
    let record = Record::signed_by(Body::Authority(Box::new(authority)), &keys).unwrap();
    assert_eq!(
        HEXLOWER.encode(&record.to_bytes()),
        include_str!("golden/directory_authority.hex").trim()
    );
    let read = Record::from_bytes(&record.to_bytes()).unwrap();
    assert!(read == record && read.verify().is_ok());
}

#[test]
fn statements_over_their_bounds_are_refused() {
    let key = SecretKey::from_seed(&[1; 32]);
    let widget = WidgetId([4; 16]);
    let rating = |stars, text: &str| {
        What::Rating(Rating {
            widget,
            stars,
            text: text.into(),
        })
    };
    let refused =
        |revision, what| Record::say(Said::new(key.public().into(), revision, "n".into(), 5, what), &key).is_err();
    assert!(!refused(1, rating(0, "")));
    assert!(refused(0, rating(1, "")) && refused(1 << 41, rating(1, "")));
    assert!(refused(1, rating(6, "")) && refused(1, rating(1, "\u{7}")));
    assert!(refused(1, rating(1, &"x".repeat(4097))));
    let used = |widgets: &[u8]| {
        let used = widgets.iter().map(|n| Used {
            widget: WidgetId([*n; 16]),
            sequence: 1,
        });
        What::Installs(Installs {
            node: NodeId([7; 32]),
            used: used.collect(),
        })
    };
    assert!(!refused(1, used(&[1, 2])) && refused(1, used(&[2, 1])) && refused(1, used(&[1, 1])));
}
