//! The frames of the channels `sync` and `live` keep their bytes, and hostile bytes are refused. See
//! `docs/wire/sync.md`.
#![allow(clippy::unwrap_used)] // tests

use hedgerow_base::{EntryHash, LogId, NodeId, Pseudonym, SecretKey, SpaceId, WidgetId, hash::content_digest};
use hedgerow_wire::sync::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
/// Long vectors are compared by their length and hash.
fn brief(bytes: &[u8]) -> String {
    format!("{}:{}", bytes.len(), hex(&content_digest(bytes)[..16]))
}

fn key(n: u8) -> SecretKey {
    SecretKey::from_seed(&[n; 32])
}
fn log() -> LogId {
    key(2).public().into()
}
fn owner() -> Pseudonym {
    key(1).public().into()
}
fn genesis() -> SpaceGenesis {
    SpaceGenesis {
        kind: SpaceKind::Invited,
        widget: WidgetId([4; 16]),
        creator: Some(owner()),
        nonce: [5; 32],
        key_commitment: SpaceGenesis::commit(&[6; 32]),
    }
}
fn space() -> SpaceId {
    genesis().id()
}
fn cert() -> Signed<LogClaim> {
    Signed::sign(
        &LogClaim {
            space: space(),
            log: log(),
            pseudonym: owner(),
            seal_key: [7; 32],
        },
        &key(1),
    )
}
fn header(seq: u64, body: &[u8]) -> Header {
    Header {
        space: space(),
        log: log(),
        seq,
        prev: (seq > 0).then_some(EntryHash([8; 32])),
        deps: vec![Dep {
            log: LogId([9; 32]),
            seq: 3,
            hash: EntryHash([10; 32]),
        }],
        time_ms: 1_750_000_000_000,
        epoch: 1,
        kind: KIND_UPDATE,
        body: Entry::digest(body),
    }
}
fn invite() -> Invite {
    let claim = InviteClaim {
        space: space(),
        epoch: 0,
        invite_key: key(11).public().0,
        issuer: key(12).public().into(),
    };
    let by = InviteClaim {
        issuer: owner(),
        invite_key: key(13).public().0,
        ..claim.clone()
    };
    let member = key(12).public().into();
    let proof = InviteClaim::prove(&key(13), &space(), &log(), &member);
    Invite {
        genesis: genesis(),
        space_name: Some("Plans".into()),
        issuer_name: Some("Ada".into()),
        invite: Signed::sign(&claim, &key(12)),
        secret: [11; 32],
        chain: vec![Link {
            invite: Signed::sign(&by, &key(1)),
            log: log(),
            pseudonym: member,
            proof,
        }],
        keys: vec![EpochKey { epoch: 0, key: [6; 32] }],
    }
}
fn joined() -> Joined {
    let invite = invite();
    let proof = InviteClaim::prove(&key(11), &space(), &log(), &owner());
    Joined {
        invite: invite.invite,
        proof,
        chain: invite.chain,
    }
}
fn hello() -> Hello {
    let signature = Hello::sign(&key(2), &[14; 32], &space(), &NodeId([15; 32]), &NodeId([16; 32]));
    Hello {
        space: space(),
        cert: cert(),
        admission: Admission::Joined(joined()),
        name: Some("Ada".into()),
        signature,
    }
}
fn rekey() -> Rekey {
    Rekey {
        epoch: 1,
        members: vec![owner()],
        cuts: vec![Cut { log: log(), next: 4 }],
        commitment: [17; 32],
        keys: vec![SealedKey {
            to: [18; 32],
            enc: [19; 32],
            sealed: [20; 48],
        }],
    }
}
fn live() -> Signed<LiveHeader> {
    Signed::sign(
        &LiveHeader {
            space: space(),
            log: log(),
            id: [21; 16],
            epoch: 1,
            body: b"sealed".to_vec(),
        },
        &key(2),
    )
}
fn fork() -> ForkProof {
    ForkProof {
        first: Signed::sign(&header(1, b"one"), &key(2)),
        second: Signed::sign(&header(1, b"two"), &key(2)),
    }
}

#[test]
fn ids_and_hashes_keep_their_values() {
    assert_eq!(
        hex(&space().0),
        "bc4b520a7d0dff6b5ebce37919e321765b6770448ad873f78e9b0f8b597c366a"
    );
    assert_eq!(
        hex(&SpaceGenesis::public(WidgetId([4; 16])).id().0),
        "fc136a53d6c7df6cc3f8de50cbba177a86dd2bf7334b0de9f1a2c6a9427927dd"
    );
    assert_eq!(
        hex(&Entry::digest(b"body")),
        "f90c546a4f7d52db48cd5813f8a8aa105ca549a7fa3c275bf10c5c90530f1000"
    );
    assert_eq!(
        hex(&Entry::hash_of(b"signed").0),
        "33a292737938d782c013a5d079435114e2acacbfcfd5b7b8f146cea562e8c7a6"
    );
}

#[test]
fn an_entry_keeps_its_bytes_and_verifies() {
    let (bytes, hash) = Entry::seal(&header(1, b"sealed"), &key(2), b"sealed");
    assert_eq!(
        hex(&bytes),
        "8358dc895820bc4b520a7d0dff6b5ebce37919e321765b6770448ad873f78e9b0f8b597c366a58208139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b39401582008080808080808080808080808080808080808080808080808080808080808088183582009090909090909090909090909090909090909090909090909090909090909090358200a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a1b000001977420dc0001005820cece53bf711a835ffa4c540c19df7d970375171dadfcb71ea0fe257de3d9ae005840ea2b9c46085b3ec075f079191c3172d3bf365eb6ac51750e09ec495f7f7c3a604a2138bf4e1787dfef1ab8295054630443f93839b34ab12fc503ed56dfd04d02467365616c6564"
    );
    let entry = Entry::from_bytes(&bytes).unwrap();
    assert_eq!((entry.header().unwrap(), entry.hash()), (header(1, b"sealed"), hash));
    entry.verify(&entry.header().unwrap()).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let holds = Entry::from_bytes(&bad).and_then(|entry| entry.verify(&entry.header()?));
        assert!(holds.is_err(), "bit {bit}");
    }
}

#[test]
fn control_entries_keep_their_bytes() {
    let open = Open {
        cert: cert(),
        admission: Admission::Joined(joined()),
        name: None,
    };
    let sibling = Open {
        cert: cert(),
        admission: Admission::Sibling(log()),
        name: Some("Ada".into()),
    };
    let all = [
        (Control::Open(open), "762:ecc5644a2c3bd010910fc2d9d4ff2216"),
        (Control::Open(sibling), "251:eb4dc14214c5b98a9a1306b5bf8f9b33"),
        (
            Control::Rename(Some("Zoe".into())),
            "7:2f9e34f5f1fe35c04a434cff4c757232",
        ),
        (Control::Rekey(rekey()), "231:23e8e0ab00b08f2b7e97ce27c9836b17"),
        (Control::Leave, "3:c3fee723c17462e3c42f779023bc36cf"),
    ];
    for (control, golden) in all {
        assert_eq!(brief(&control.to_bytes()), golden);
        assert_eq!(Control::from_bytes(&control.to_bytes()), Ok(control));
    }
}

#[test]
fn an_invite_keeps_its_bytes_and_holds_together() {
    let bytes = invite().to_bytes();
    assert_eq!(brief(&bytes), "685:a8f36350160f8f2eeda8db764e1582c5");
    assert_eq!(Invite::from_bytes(&bytes), Ok(invite()));
    assert!(
        Invite::from_bytes(
            &Invite {
                secret: [1; 32],
                ..invite()
            }
            .to_bytes()
        )
        .is_err()
    );
    let other = vec![EpochKey { epoch: 0, key: [1; 32] }];
    assert!(
        Invite::from_bytes(
            &Invite {
                keys: other,
                ..invite()
            }
            .to_bytes()
        )
        .is_err()
    );
}

#[test]
fn every_frame_keeps_its_bytes() {
    let (bytes, _) = Entry::seal(&header(1, b"sealed"), &key(2), b"sealed");
    let item = VectorItem {
        log: log(),
        next: 5,
        head: 6,
    };
    let frames = [
        (
            SyncFrame::Tags(vec![[1; 16].into(), [2; 16].into()]),
            "38:38556b90bca4496d4bdc56c0f53aa23d",
        ),
        (SyncFrame::Hello(hello()), "866:3b9f19854bbe964306e22dd215867cea"),
        (SyncFrame::Refused(space()), "37:053747d415011e45fd7ad6027a0e1f6f"),
        (
            SyncFrame::Summary {
                space: space(),
                digest: [3; 32],
            },
            "71:9c8ed86011346d3f7e6a4d73185183ef",
        ),
        (
            SyncFrame::Vector {
                space: space(),
                begin: true,
                end: false,
                items: vec![item],
            },
            "77:2ece2206c94bb431f85877018ccf29ef",
        ),
        (
            SyncFrame::Entries {
                space: space(),
                entries: vec![EntryBytes(&bytes)],
            },
            "337:8bfe0cd91f669d211a272085011606d1",
        ),
        (
            SyncFrame::Live {
                ttl: 8,
                message: live(),
                cert: Some(cert()),
            },
            "373:9a89fd8bf809aee5a11888fb7781cce0",
        ),
        (
            SyncFrame::Live {
                ttl: 0,
                message: live(),
                cert: None,
            },
            "167:47765f451c812c58a1e5c8aac0748b88",
        ),
        (
            SyncFrame::Fork {
                space: space(),
                proof: fork(),
            },
            "616:98b619b26a376b19c688584e5eec2f84",
        ),
    ];
    for (frame, golden) in frames {
        let bytes = frame.to_bytes();
        assert_eq!(brief(&bytes), golden);
        assert_eq!(SyncFrame::decode(&bytes), Ok(frame));
    }
    assert_eq!(
        hex(&SyncFrame::Tags(vec![[1; 16].into()]).to_bytes()),
        "820081815001010101010101010101010101010101"
    );
}

#[test]
fn a_hello_holds_only_between_its_two_nodes_in_its_session() {
    let (a, b) = (NodeId([15; 32]), NodeId([16; 32]));
    assert_eq!(hello().verify(&[14; 32], &a, &b).unwrap().pseudonym, owner());
    assert!(hello().verify(&[15; 32], &a, &b).is_err());
    assert!(hello().verify(&[14; 32], &b, &a).is_err());
}

#[test]
fn a_fork_is_proven_by_two_entries_that_exclude_each_other() {
    assert_eq!(fork().verify(&space()), Ok((log(), 1)));
    let same = ForkProof {
        second: fork().first,
        ..fork()
    };
    assert!(same.verify(&space()).is_err());
    let follows = Header {
        prev: Some(Entry::hash_of(fork().first.bytes())),
        ..header(2, b"x")
    };
    let honest = ForkProof {
        second: Signed::sign(&follows, &key(2)),
        ..fork()
    };
    assert!(honest.verify(&space()).is_err());
    let broken = ForkProof {
        second: Signed::sign(&header(2, b"x"), &key(2)),
        ..fork()
    };
    assert_eq!(broken.verify(&space()), Ok((log(), 1)));
    assert!(fork().verify(&SpaceId([0; 32])).is_err());
}

#[test]
fn a_header_from_a_later_version_with_more_fields_is_read() {
    let mut bytes = SyncFrame::Summary {
        space: space(),
        digest: [3; 32],
    }
    .to_bytes();
    // [3, [space, digest]] becomes [3, [space, digest, [1, 2]]].
    assert_eq!(bytes[..3], [0x82, 0x03, 0x82]);
    bytes[2] = 0x83;
    bytes.extend_from_slice(&[0x82, 1, 2]);
    assert_eq!(
        SyncFrame::decode(&bytes),
        Ok(SyncFrame::Summary {
            space: space(),
            digest: [3; 32]
        })
    );
}

#[test]
fn lists_over_their_bound_are_refused_before_they_are_read() {
    for head in [
        &[0x82u8, 0x00, 0x81, 0x9a, 0xff, 0xff, 0xff, 0xff][..],
        &[0x82, 0x00, 0x81, 0x9f],
    ] {
        assert!(SyncFrame::decode(head).is_err());
    }
    let tags = vec![[0; 16].into(); MAX_TAGS + 1];
    assert!(SyncFrame::decode(&SyncFrame::Tags(tags).to_bytes()).is_err());
    let deps = vec![
        Dep {
            log: log(),
            seq: 0,
            hash: EntryHash([0; 32])
        };
        MAX_DEPS + 1
    ];
    let (bytes, _) = Entry::seal(&Header { deps, ..header(0, b"") }, &key(2), b"");
    assert!(Entry::from_bytes(&bytes).and_then(|entry| entry.header()).is_err());
    let big = vec![0; hedgerow_base::limits::MAX_FRAME + 1];
    assert!(matches!(SyncFrame::decode(&big), Err(SyncFrameError::TooLong { .. })));
}
