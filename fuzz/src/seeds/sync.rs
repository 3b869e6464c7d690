//! Frames and claims of spaces.

use super::key;
use hedgerow_base::{EntryHash, LogId, NodeId, Pseudonym, SpaceId, WidgetId};
use hedgerow_wire::sync::*;

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

/// Who writes in a log.
pub fn claim() -> LogClaim {
    LogClaim {
        space: space(),
        log: log(),
        pseudonym: owner(),
        seal_key: [7; 32],
    }
}

/// The head of an entry.
pub fn header(seq: u64, body: &[u8]) -> Header {
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

/// What a member signs for an invite.
pub fn invite_claim() -> InviteClaim {
    InviteClaim {
        space: space(),
        epoch: 0,
        invite_key: key(11).public().0,
        issuer: key(12).public().into(),
    }
}

/// An invite through another member.
pub fn invite() -> Invite {
    let claim = invite_claim();
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

/// The head of a realtime message.
pub fn live() -> LiveHeader {
    LiveHeader {
        space: space(),
        log: log(),
        id: [21; 16],
        epoch: 1,
        body: b"sealed".to_vec(),
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

/// What is told inside of a space.
pub fn controls() -> Vec<Vec<u8>> {
    let open = |admission, name| {
        Control::Open(Open {
            cert: Signed::sign(&claim(), &key(1)),
            admission,
            name,
        })
    };
    let rekey = Rekey {
        epoch: 1,
        members: vec![owner()],
        cuts: vec![Cut { log: log(), next: 4 }],
        commitment: [17; 32],
        keys: vec![SealedKey {
            to: [18; 32],
            enc: [19; 32],
            sealed: [20; 48],
        }],
    };
    let all = [
        open(Admission::Plain, None),
        open(Admission::Joined(joined()), None),
        open(Admission::Sibling(log()), Some("Ada".into())),
        Control::Rename(Some("Zoe".into())),
        Control::Rekey(rekey),
        Control::Leave,
    ];
    all.iter().map(Control::to_bytes).collect()
}

/// An entry.
pub fn entry() -> Vec<u8> {
    Entry::seal(&header(1, b"sealed"), &key(2), b"sealed").0
}

/// Frames of the channels `sync` and `live`.
pub fn frames() -> Vec<Vec<u8>> {
    let (space, entry) = (space(), entry());
    let item = VectorItem {
        log: log(),
        next: 5,
        head: 6,
    };
    let hello = Hello {
        space,
        cert: Signed::sign(&claim(), &key(1)),
        admission: Admission::Joined(joined()),
        name: Some("Ada".into()),
        signature: Hello::sign(&key(2), &[14; 32], &space, &NodeId([15; 32]), &NodeId([16; 32])),
    };
    let proof = ForkProof {
        first: Signed::sign(&header(1, b"one"), &key(2)),
        second: Signed::sign(&header(1, b"two"), &key(2)),
    };
    let frames = [
        SyncFrame::Tags(vec![[1; 16].into(), [2; 16].into()]),
        SyncFrame::Hello(hello),
        SyncFrame::Refused(space),
        SyncFrame::Summary { space, digest: [3; 32] },
        SyncFrame::Vector {
            space,
            begin: true,
            end: false,
            items: vec![item],
        },
        SyncFrame::Entries {
            space,
            entries: vec![EntryBytes(&entry)],
        },
        SyncFrame::Live {
            ttl: 8,
            message: Signed::sign(&live(), &key(2)),
            cert: Some(Signed::sign(&claim(), &key(1))),
        },
        SyncFrame::Fork { space, proof },
    ];
    frames.iter().map(SyncFrame::to_bytes).collect()
}
