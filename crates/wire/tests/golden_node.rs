//! The frames of `/hedgerow/node/1` keep their bytes, and hostile bytes are refused. See `docs/wire/node.md`.
#![allow(clippy::unwrap_used)]

use hedgerow_base::{NodeId, SecretKey, UserId};
use hedgerow_wire::node::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn certificate() -> DeviceCertificate {
    DeviceCertificate::issue(&SecretKey::from_seed(&[1; 32]), NodeId([2; 32]), 1_750_000_000_000)
}

fn hello() -> Hello {
    Hello {
        version: 1,
        oldest: 1,
        protocols: vec!["sync/1".into()],
        certificate: certificate(),
        agent: "hedgerow/0.1".into(),
        salt: [3; 32],
        boot: [4; 16],
        name: Some("Ada".into()),
        addresses: vec!["192.168.1.2:4400".parse().unwrap(), "[::1]:5".parse().unwrap()],
    }
}

const CERTIFICATE: &str = concat!(
    "a2005851a30058208a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c01582002020202020202",
    "02020202020202020202020202020202020202020202020202021b000001977420dc000158406fc8c1d0594acc0b6926da93",
    "5724449c39e09f6f69b58afc21448cae9923e43248549901eb625e02da3e19c61702f3211b9cd0f88a3208cca7851c558c25",
    "ae03",
);
const HELLO_BYTES: &str = concat!(
    "a90001010102816673796e632f3103a2005851a30058208a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf37488",
    "01b40f6f5c0158200202020202020202020202020202020202020202020202020202020202020202021b000001977420dc00",
    "0158406fc8c1d0594acc0b6926da935724449c39e09f6f69b58afc21448cae9923e43248549901eb625e02da3e19c61702f3",
    "211b9cd0f88a3208cca7851c558c25ae03046c6865646765726f772f302e3105582003030303030303030303030303030303",
    "030303030303030303030303030303030650040404040404040404040404040404040763416461088246c0a8010211305200",
    "0000000000000000000000000000010005",
);

#[test]
fn a_stream_header_keeps_its_bytes() {
    assert_eq!(hex(&StreamHeader::new("sync").to_bytes()), "a2006473796e630101");
    let header = StreamHeader::new(REQUEST);
    assert_eq!(StreamHeader::from_bytes(&header.to_bytes()), Ok(header));
}

#[test]
fn a_device_certificate_keeps_its_bytes_and_holds() {
    assert_eq!(hex(&certificate().to_bytes()), CERTIFICATE);
    let claim = DeviceCertificate::from_bytes(&certificate().to_bytes())
        .unwrap()
        .verify()
        .unwrap();
    assert_eq!(claim.user, UserId::from(SecretKey::from_seed(&[1; 32]).public()));
    assert_eq!((claim.device, claim.issued_ms), (NodeId([2; 32]), 1_750_000_000_000));
}

#[test]
fn a_device_certificate_with_any_bit_changed_does_not_hold() {
    let good = certificate().to_bytes();
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let holds = DeviceCertificate::from_bytes(&bad).and_then(|certificate| certificate.verify());
        assert!(holds.is_err(), "bit {bit}");
    }
}

#[test]
fn a_hello_keeps_its_bytes() {
    assert_eq!(hex(&hello().to_bytes()), HELLO_BYTES);
    assert_eq!(Hello::from_bytes(&hello().to_bytes()), Ok(hello()));
}

#[test]
fn a_hello_from_a_later_version_with_more_fields_is_read() {
    let mut bytes = hello().to_bytes();
    assert_eq!(bytes[0], 0xa9, "a map of nine");
    bytes[0] = 0xaa;
    bytes.extend_from_slice(&[0x18, 99, 0x83, 1, 2, 3]);
    assert_eq!(Hello::from_bytes(&bytes), Ok(hello()));
}

#[test]
fn nodes_agree_on_the_newest_version_that_both_speak() {
    let with = |version, oldest| {
        Hello {
            version,
            oldest,
            ..hello()
        }
        .common_version()
    };
    assert_eq!(with(1, 1), Some(1));
    assert_eq!(with(7, 1), Some(1));
    assert_eq!(with(7, 2), None);
    assert_eq!(with(0, 0), None);
}

#[test]
fn over_long_and_endless_lists_and_texts_are_refused() {
    let many = Hello {
        protocols: vec!["x/1".into(); MAX_PROTOCOLS + 1],
        ..hello()
    };
    assert!(matches!(
        Hello::from_bytes(&many.to_bytes()),
        Err(NodeFrameError::Malformed { .. })
    ));
    let long = Hello {
        agent: "x".repeat(MAX_AGENT + 1),
        ..hello()
    };
    assert!(matches!(
        Hello::from_bytes(&long.to_bytes()),
        Err(NodeFrameError::Malformed { .. })
    ));
    let huge = vec![0; MAX_HELLO + 1];
    assert!(matches!(Hello::from_bytes(&huge), Err(NodeFrameError::TooLong { .. })));
    // A ticket whose address list claims 2^64 - 1 items.
    let mut ticket = vec![0xa2, 0x00, 0x58, 32];
    ticket.extend_from_slice(&[7; 32]);
    ticket.extend_from_slice(&[0x01, 0x9b, 255, 255, 255, 255, 255, 255, 255, 255]);
    assert!(matches!(
        TicketBody::from_bytes(&ticket),
        Err(NodeFrameError::Malformed { .. })
    ));
}

#[test]
fn a_ticket_body_keeps_its_bytes_with_and_without_a_name() {
    let mut ticket = TicketBody {
        node: NodeId([7; 32]),
        addresses: vec!["127.0.0.1:1".parse().unwrap()],
        name: None,
        relays: vec![],
        relay_nodes: vec![],
    };
    let node = "07".repeat(32);
    assert_eq!(hex(&ticket.to_bytes()), format!("a2005820{node}0181467f0000010001"));
    assert_eq!(TicketBody::from_bytes(&ticket.to_bytes()), Ok(ticket.clone()));
    ticket.name = Some("Ada".into());
    assert_eq!(TicketBody::from_bytes(&ticket.to_bytes()), Ok(ticket.clone()));
    ticket.relays = vec!["203.0.113.7:4401".parse().unwrap()];
    ticket.relay_nodes = vec![NodeId([9; 32])];
    let bytes = ticket.to_bytes();
    let relay = format!("038146cb00710711310481 5820{}", "09".repeat(32)).replace(' ', "");
    assert!(hex(&bytes).ends_with(&relay), "{}", hex(&bytes));
    assert_eq!(TicketBody::from_bytes(&bytes), Ok(ticket));
}

#[test]
fn close_codes_keep_their_numbers() {
    assert_eq!(CloseCode::Shutdown.code(), 0);
    assert_eq!(CloseCode::Disconnected.code(), 8);
    assert_eq!(CloseCode::Parked.code(), 9);
    for code in 0..10 {
        assert_eq!(
            CloseCode::from_code(code).map(|known| u64::from(known.code())),
            Some(code)
        );
    }
    assert_eq!(CloseCode::from_code(10), None);
}

#[test]
fn a_credit_keeps_its_bytes() {
    let credit = Credit {
        channel: Channel::Live.number(),
        total: CREDIT_WINDOW,
    };
    assert_eq!(hex(&credit.to_bytes()), "a20002011a00180000");
    assert_eq!(Credit::from_bytes(&credit.to_bytes()), Ok(credit));
}

#[test]
fn names_of_channels_lead_back_to_them() {
    for channel in Channel::ALL {
        assert_eq!(Channel::from_name(channel.name()), Some(channel));
        assert_eq!(Channel::from_number(channel.number()), Some(channel));
    }
    assert_eq!(Channel::from_name("telnet"), None);
}
