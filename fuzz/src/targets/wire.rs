//! Every frame and object that crosses machines. What is read is written as bytes that read the same.

use crate::{Target, promise::reads_back, seeds};
use hedgerow_base::NodeId;
use hedgerow_wire::{
    directory::{DirectoryFrame, Genesis, Record},
    fetch::{FetchRequest, ManifestBody},
    lookup::{Card, Found, LookupRequest, SignedRecord},
    node::{Credit, DeviceCertificate, Hello, StreamHeader, TicketBody},
    overlay::{Envelope, OverlayFrame},
    park::Park,
    reach::{Helpers, Met, Reach, ReachRequest, Rest, Slept, Tried},
    send::{SendRequest, Verdict},
    side::Side,
    stream::{StreamAnswer, StreamRequest},
    sync::{Claim, Control, Entry, Header, Invite, InviteClaim, LiveHeader, LogClaim, Signed, SyncFrame},
};

/// A target for one reader; its first inputs are all samples that it takes.
macro_rules! reader {
    ($name:literal, $read:path, $write:path) => {
        reader!($name, $read, $write, |_| {})
    };
    ($name:literal, $read:path, $write:path, $further:expr) => {
        Target::new(
            $name,
            concat!(stringify!($read), ": reads the same again"),
            |bytes| {
                let further: fn(&_) = $further;
                let read = reads_back(bytes, |bytes| $read(bytes).ok(), $write);
                read.iter().for_each(further);
            },
            || taken(|bytes| $read(bytes).is_ok()),
        )
    };
}

/// The same for what a key signs: its bytes travel beside the signature.
macro_rules! claim {
    ($name:literal, $type:ident, $seeds:expr) => {
        Target::new(
            $name,
            concat!(
                "Signed::<",
                stringify!($type),
                ">::read: without a good signature it is refused"
            ),
            signed::<$type>,
            || $seeds.into_iter().map(minicbor_bytes).collect(),
        )
    };
}

fn minicbor_bytes<T: minicbor::Encode<()>>(value: T) -> Vec<u8> {
    minicbor::to_vec(value).unwrap()
}

fn signed<T: Claim + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    let read = |bytes: &[u8]| {
        let signed = Signed::<T>::from_parts(bytes.to_vec(), hedgerow_base::Signature([0; 64]));
        assert!(signed.verify().is_err(), "nobody signed this");
        signed.read().ok()
    };
    let _ = reads_back(bytes, read, |claim| minicbor::to_vec(claim).unwrap());
}

fn taken(reads: impl Fn(&[u8]) -> bool) -> Vec<Vec<u8>> {
    seeds::messages().into_iter().filter(|bytes| reads(bytes)).collect()
}

/// Frames of other versions are not an error, and nothing to write.
fn overlay_frame(bytes: &[u8]) {
    let read = |bytes: &[u8]| OverlayFrame::decode(bytes).ok().flatten();
    let _ = reads_back(bytes, read, OverlayFrame::to_bytes);
}

fn envelope(bytes: &[u8]) {
    if let Ok(envelope) = Envelope::from_bytes(bytes) {
        let again = Envelope::from_bytes(envelope.as_bytes()).expect("its own bytes");
        assert_eq!(again.as_bytes(), envelope.as_bytes());
        if let Ok(message) = envelope.unseal() {
            assert_eq!(
                message.header.signer.is_some(),
                message.signed().is_some(),
                "a signer without a signature"
            );
            let _ = (message.body(), message.holds());
            let other = again.unseal().expect("the same once more");
            assert_eq!(message.id, other.id);
        }
    }
}

fn sync_frame(bytes: &[u8]) {
    if let Ok(frame) = SyncFrame::decode(bytes) {
        let written = frame.to_bytes();
        assert_eq!(SyncFrame::decode(&written).as_ref(), Ok(&frame));
        if let SyncFrame::Hello(hello) = &frame {
            assert!(hello.verify(&[99; 32], &NodeId([1; 32]), &NodeId([2; 32])).is_err());
        }
        if let SyncFrame::Fork { space, proof } = &frame {
            let _ = proof.verify(space);
        }
    }
}

fn entry(bytes: &[u8]) {
    if let Ok(entry) = Entry::from_bytes(bytes)
        && let Ok(header) = entry.header()
    {
        let held = entry.verify(&header).is_ok();
        assert!(!held || Entry::digest(entry.body) == header.body);
    }
}

fn found(found: &Found) {
    let all = found.record.iter().chain(&found.devices);
    all.for_each(|record| drop(record.open()));
}

/// The targets.
pub const TARGETS: &[Target] = &[
    reader!(
        "wire_directory_frame",
        DirectoryFrame::from_bytes,
        DirectoryFrame::to_bytes
    ),
    reader!("wire_genesis", Genesis::from_bytes, Genesis::to_bytes),
    reader!(
        "wire_record",
        Record::from_bytes,
        Record::to_bytes,
        |record: &Record| {
            drop(record.verify());
        }
    )
    .up_to(8192),
    reader!("wire_fetch_request", FetchRequest::from_bytes, FetchRequest::to_bytes),
    reader!("wire_manifest_body", ManifestBody::from_bytes, ManifestBody::to_bytes),
    reader!("wire_card", Card::from_bytes, Card::to_bytes),
    reader!("wire_found", Found::from_bytes, Found::to_bytes, found),
    reader!(
        "wire_lookup_request",
        LookupRequest::from_bytes,
        LookupRequest::to_bytes
    ),
    reader!(
        "wire_signed_record",
        SignedRecord::from_bytes,
        SignedRecord::to_bytes,
        |record: &SignedRecord| {
            drop(record.open());
        }
    ),
    reader!("wire_credit", Credit::from_bytes, Credit::to_bytes),
    reader!(
        "wire_device_certificate",
        DeviceCertificate::from_bytes,
        DeviceCertificate::to_bytes,
        |certificate: &DeviceCertificate| drop(certificate.verify())
    ),
    reader!("wire_hello", Hello::from_bytes, Hello::to_bytes, |hello: &Hello| {
        let _ = hello.common_version();
        drop(hello.certificate.verify());
    }),
    reader!("wire_stream_header", StreamHeader::from_bytes, StreamHeader::to_bytes),
    reader!("wire_ticket_body", TicketBody::from_bytes, TicketBody::to_bytes),
    reader!("wire_park", Park::from_bytes, Park::to_bytes),
    reader!("wire_helpers", Helpers::from_bytes, Helpers::to_bytes),
    reader!("wire_met", Met::from_bytes, Met::to_bytes),
    reader!("wire_reach", Reach::from_bytes, Reach::to_bytes),
    reader!("wire_reach_request", ReachRequest::from_bytes, ReachRequest::to_bytes),
    reader!("wire_rest", Rest::from_bytes, Rest::to_bytes),
    reader!("wire_slept", Slept::from_bytes, Slept::to_bytes),
    reader!("wire_tried", Tried::from_bytes, Tried::to_bytes),
    reader!("wire_send_request", SendRequest::from_bytes, SendRequest::to_bytes),
    reader!("wire_verdict", Verdict::from_bytes, Verdict::to_bytes),
    reader!("wire_side", Side::from_bytes, Side::to_bytes),
    reader!("wire_stream_answer", StreamAnswer::from_bytes, StreamAnswer::to_bytes),
    reader!(
        "wire_stream_request",
        StreamRequest::from_bytes,
        StreamRequest::to_bytes
    ),
    reader!("wire_control", Control::from_bytes, Control::to_bytes),
    reader!("wire_invite", Invite::from_bytes, Invite::to_bytes),
    Target::new(
        "wire_envelope",
        "Envelope::from_bytes: one encoding only",
        envelope,
        || taken(|bytes| Envelope::from_bytes(bytes).is_ok_and(|envelope| envelope.unseal().is_ok())),
    ),
    Target::new(
        "wire_overlay_frame",
        "OverlayFrame::decode: reads the same again",
        overlay_frame,
        || taken(|bytes| matches!(OverlayFrame::decode(bytes), Ok(Some(_)))),
    ),
    Target::new(
        "wire_sync_frame",
        "SyncFrame::decode: reads the same again",
        sync_frame,
        seeds::sync::frames,
    ),
    Target::new(
        "wire_entry",
        "Entry::from_bytes: what holds has the body that was signed for",
        entry,
        || vec![seeds::sync::entry()],
    ),
    claim!(
        "claim_entry_header",
        Header,
        [seeds::sync::header(1, b"a"), seeds::sync::header(0, b"")]
    ),
    claim!("claim_log", LogClaim, [seeds::sync::claim()]),
    claim!("claim_invite", InviteClaim, [seeds::sync::invite_claim()]),
    claim!("claim_live", LiveHeader, [seeds::sync::live()]),
];
