//! The frames of the channel `overlay` keep their bytes, and hostile bytes are refused. See `docs/wire/overlay.md`.
#![allow(clippy::unwrap_used)] // tests

use data_encoding::HEXLOWER;
use hedgerow_base::{AppId, NodeId, SecretKey};
use hedgerow_wire::overlay::*;

const APP: AppId = AppId([7; 32]);

fn key() -> SecretKey {
    SecretKey::from_seed(&[1; 32])
}

fn header() -> Header {
    Header {
        app: APP,
        from_app: None,
        to: None,
        signer: None,
        source: 3,
        seq: 500,
        ttl_ms: 60_000,
        immediate: true,
    }
}

fn here(who: bool) -> Here {
    Here {
        app: APP,
        handle: 2,
        rules: [9; 32],
        credit: 16,
        who: who.then(|| Who::sign(&key(), &APP, &NodeId([4; 32]))),
    }
}

fn hex_of(id: u8) -> String {
    format!("5820{}", HEXLOWER.encode(&[id; 32]))
}

/// Frames about members.
fn member_frames() -> Vec<(OverlayFrame, String)> {
    let app = hex_of(7);
    let plain = format!("84{app}02{}10", hex_of(9));
    vec![
        (
            OverlayFrame::Ask {
                question: 1,
                apps: vec![APP],
                protocols: vec!["sync/1".into()],
            },
            format!("8200830181{app}816673796e632f31"),
        ),
        (
            OverlayFrame::Told {
                question: 1,
                here: vec![here(false)],
                protocols: vec![],
            },
            format!("8201830181{plain}80"),
        ),
        (OverlayFrame::Link(here(false)), format!("820281{plain}")),
        (OverlayFrame::Linked(here(false)), format!("820381{plain}")),
        (
            OverlayFrame::Unlink {
                app: APP,
                why: Unlink::Replaced,
            },
            format!("820482{app}02"),
        ),
        (OverlayFrame::Pull(APP), format!("820581{app}")),
        (
            OverlayFrame::Contacts {
                app: APP,
                contacts: vec![Contact {
                    node: NodeId([4; 32]),
                    addresses: vec!["203.0.113.7:4401".parse().unwrap()],
                }],
            },
            format!("820682{app}81825820{}8146cb0071071131", "04".repeat(32)),
        ),
    ]
}

/// Frames about messages.
fn message_frames() -> Vec<(OverlayFrame, String)> {
    let (app, rules) = (hex_of(7), hex_of(9));
    let tag = Tag([5; 16]);
    let tag_hex = format!("50{}", "05".repeat(16));
    let envelope = Envelope::seal(header(), b"hi", None);
    let sealed = format!("5835{}", HEXLOWER.encode(envelope.as_bytes()));
    vec![
        (
            OverlayFrame::Push {
                handle: 2,
                wanted: true,
                hops: 3,
                age_ms: 100,
                envelope: envelope.clone(),
            },
            format!("82078502f5031864{sealed}"),
        ),
        (
            OverlayFrame::Announce {
                handle: 2,
                items: vec![Item {
                    tag,
                    size: 300,
                    hops: 1,
                }],
            },
            format!("820882028183{tag_hex}19012c01"),
        ),
        (
            OverlayFrame::Want {
                handle: 2,
                tags: vec![tag],
            },
            format!("8209820281{tag_hex}"),
        ),
        (OverlayFrame::Credit { handle: 2, total: 40 }, "820a82021828".into()),
        (
            OverlayFrame::Direct {
                app: APP,
                request: Some(6),
                envelope: envelope.clone(),
            },
            format!("820b83{app}06{sealed}"),
        ),
        (
            OverlayFrame::Reply { request: 6, envelope },
            format!("820c8206{sealed}"),
        ),
        (
            OverlayFrame::Rules {
                handle: 2,
                rules: [9; 32],
            },
            format!("820d8202{rules}"),
        ),
    ]
}

#[test]
fn frames_have_these_bytes() {
    for (frame, hex) in member_frames().into_iter().chain(message_frames()) {
        let bytes = frame.to_bytes();
        assert_eq!(HEXLOWER.encode(&bytes), hex, "{frame:?}");
        assert_eq!(OverlayFrame::decode(&bytes), Ok(Some(frame.clone())));
        for end in 0..bytes.len() {
            assert!(OverlayFrame::decode(&bytes[..end]).is_err(), "{frame:?} cut at {end}");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert!(OverlayFrame::decode(&longer).is_err(), "{frame:?} and more");
    }
}

#[test]
fn a_signed_message_has_these_bytes_and_this_id() {
    let envelope = Envelope::seal(
        Header {
            from_app: Some(AppId([8; 32])),
            to: Some(NodeId([4; 32])),
            immediate: false,
            ..header()
        },
        b"hi",
        Some(&key()),
    );
    let unsealed = envelope.unseal().unwrap();
    let (signer, signed, signature) = unsealed.signed().unwrap();
    let expected = format!(
        "895820{}5820{}5820{}5820{}031901f419ea6000426869",
        "07".repeat(32),
        "08".repeat(32),
        "04".repeat(32),
        HEXLOWER.encode(&signer.0)
    );
    assert_eq!(HEXLOWER.encode(signed), expected);
    assert_eq!(HEXLOWER.encode(&signature.0[..16]), "05205ebd4362d0ac67ed16ef44216d32");
    assert_eq!(
        unsealed.id.to_string(),
        "b8d96753529a165486eabad638e88d749329fa189631467ece30eaecb0ff9246"
    );
    assert_eq!(unsealed.body(), b"hi");
    assert!(unsealed.holds());
    let of_another = Envelope::join(signed, Some(&here(true).who.unwrap().signature));
    assert!(!of_another.unseal().unwrap().holds());
    assert_eq!(
        of_another.unseal().unwrap().id,
        unsealed.id,
        "the id is that of the signed bytes"
    );
}

#[test]
fn a_member_proves_its_pseudonym_for_one_node_and_app() {
    let who = here(true).who.unwrap();
    assert!(who.holds(&APP, &NodeId([4; 32])));
    assert!(!who.holds(&APP, &NodeId([5; 32])));
    assert!(!who.holds(&AppId([8; 32]), &NodeId([4; 32])));
    let bytes = OverlayFrame::Link(here(true)).to_bytes();
    assert_eq!(OverlayFrame::decode(&bytes), Ok(Some(OverlayFrame::Link(here(true)))));
}

#[test]
fn frames_and_fields_of_later_versions_are_skipped() {
    assert_eq!(OverlayFrame::decode(&[0x82, 14, 0x80]), Ok(None));
    assert_eq!(OverlayFrame::decode(&[0x82, 0x18, 200, 0x81, 1]), Ok(None));
    // A credit with a third field.
    let newer = [0x82, 10, 0x83, 2, 0x18, 40, 0x18, 99];
    let credit = OverlayFrame::Credit { handle: 2, total: 40 };
    assert_eq!(OverlayFrame::decode(&newer), Ok(Some(credit)));
    let unknown_reason = OverlayFrame::decode(&[&[0x82, 4, 0x82, 0x58, 32][..], &[7; 32], &[0x18, 77]].concat());
    let why = Unlink::Other;
    assert_eq!(unknown_reason, Ok(Some(OverlayFrame::Unlink { app: APP, why })));
}

#[test]
fn what_is_over_its_bound_is_refused_before_it_is_kept() {
    let long = OverlayFrame::Want {
        handle: 1,
        tags: vec![Tag([0; 16]); MAX_ITEMS + 1],
    };
    let apps = OverlayFrame::Ask {
        question: 1,
        apps: vec![APP; MAX_ASKED + 1],
        protocols: vec![],
    };
    let contact = |addresses: usize| Contact {
        node: NodeId([4; 32]),
        addresses: vec!["203.0.113.7:4401".parse().unwrap(); addresses],
    };
    let contacts = |count: usize, addresses: usize| OverlayFrame::Contacts {
        app: APP,
        contacts: vec![contact(addresses); count],
    };
    let text = OverlayFrame::Ask {
        question: 1,
        apps: vec![],
        protocols: vec!["x".repeat(33)],
    };
    for frame in [
        long,
        apps,
        contacts(MAX_CONTACTS + 1, 1),
        contacts(1, MAX_CONTACT_ADDRESSES + 1),
        text,
    ] {
        assert!(OverlayFrame::decode(&frame.to_bytes()).is_err());
    }
    let most = contacts(MAX_CONTACTS, MAX_CONTACT_ADDRESSES);
    assert!(OverlayFrame::decode(&most.to_bytes()).is_ok());
    // A list that says it has 2^60 items.
    let huge = [0x82, 9, 0x82, 1, 0x9b, 0x10, 0, 0, 0, 0, 0, 0, 0];
    assert!(OverlayFrame::decode(&huge).is_err());
    assert!(OverlayFrame::decode(&vec![0; MAX_OVERLAY_FRAME + 1]).is_err());
}

#[test]
fn messages_that_contradict_themselves_are_refused() {
    let good = Envelope::seal(header(), b"hi", Some(&key())).unseal().unwrap();
    let (_, signed, _) = good.signed().unwrap();
    assert!(
        Envelope::join(signed, None).unseal().is_err(),
        "a signer without a signature"
    );
    let plain = Envelope::seal(header(), b"hi", None);
    let bytes = plain.as_bytes();
    let signature = here(true).who.unwrap().signature;
    let inner = &bytes[3..bytes.len() - 1];
    assert!(Envelope::join(inner, None).unseal().is_ok());
    assert!(
        Envelope::join(inner, Some(&signature)).unseal().is_err(),
        "a signature without a signer"
    );
    let for_ever = Envelope::seal(
        Header {
            ttl_ms: MAX_TTL_MS + 1,
            ..header()
        },
        b"hi",
        None,
    );
    assert!(for_ever.unseal().is_err());
    assert!(Envelope::seal(header(), &vec![0; MAX_BODY + 1], None).unseal().is_err());
    let largest = Envelope::seal(
        Header {
            from_app: Some(APP),
            to: Some(NodeId([4; 32])),
            source: u64::MAX,
            seq: u64::MAX,
            ttl_ms: MAX_TTL_MS,
            ..header()
        },
        &vec![0; MAX_BODY],
        Some(&key()),
    );
    assert!(largest.as_bytes().len() <= MAX_ENVELOPE, "{}", largest.as_bytes().len());
    let frame = OverlayFrame::Direct {
        app: APP,
        request: Some(u64::MAX),
        envelope: largest,
    };
    assert!(OverlayFrame::decode(&frame.to_bytes()).is_ok());
    for len in 0..bytes.len() {
        assert!(Envelope::from_bytes(&bytes[..len]).unwrap().unseal().is_err());
    }
}
