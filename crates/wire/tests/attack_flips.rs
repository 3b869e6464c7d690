//! Attack 37: changed bytes of every message but those of `sync`, which are beside their golden vectors.
#![allow(clippy::unwrap_used, reason = "tests")]

mod flips;

use data_encoding::HEXLOWER_PERMISSIVE;
use flips::Reader;
use hedgerow_base::{AppId, NodeId, SecretKey};
use hedgerow_wire::{
    directory::{DirectoryFrame, Genesis, Record},
    fetch::{FetchRequest, ManifestBody},
    lookup::{Card, Devices, Found, Listed, LookupRequest, Place, SignedRecord, Subject},
    node::{Credit, DeviceCertificate, Hello, StreamHeader, TicketBody},
    overlay::{Envelope, Header, Here, OverlayFrame, Tag, Who},
    park::Park,
    reach::{Door, Helpers, Met, Ports, Reach, ReachRequest, Rest, Slept, Spot, Tried},
    send::{SendRequest, Verdict},
    side::Side,
    stream::{StreamAnswer, StreamRequest},
};

/// A reader of one type.
macro_rules! reader {
    ($type:ident) => {
        (stringify!($type), |bytes: &[u8]| {
            $type::from_bytes(bytes).ok().map(|read| read.to_bytes())
        })
    };
}

fn readers() -> Vec<Reader> {
    vec![
        reader!(DirectoryFrame),
        reader!(Genesis),
        reader!(Record),
        reader!(FetchRequest),
        reader!(ManifestBody),
        reader!(Card),
        reader!(Found),
        reader!(LookupRequest),
        reader!(SignedRecord),
        reader!(Credit),
        reader!(DeviceCertificate),
        reader!(Hello),
        reader!(StreamHeader),
        reader!(TicketBody),
        reader!(Park),
        reader!(Helpers),
        reader!(Met),
        reader!(Reach),
        reader!(ReachRequest),
        reader!(Rest),
        reader!(Slept),
        reader!(Tried),
        reader!(SendRequest),
        reader!(Verdict),
        reader!(Side),
        reader!(StreamAnswer),
        reader!(StreamRequest),
        ("Envelope", |bytes| {
            Envelope::from_bytes(bytes).ok().map(|read| read.as_bytes().to_vec())
        }),
        ("OverlayFrame", |bytes| {
            OverlayFrame::decode(bytes).ok().flatten().map(|read| read.to_bytes())
        }),
    ]
}

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).unwrap()
}

fn key() -> SecretKey {
    SecretKey::from_seed(&[1; 32])
}

fn directory() -> Vec<Vec<u8>> {
    let frames = [
        include_str!("golden/directory_reconcile.hex"),
        include_str!("golden/directory_offer.hex"),
        include_str!("golden/directory_want.hex"),
        include_str!("golden/directory_records.hex"),
        include_str!("golden/directory_release.hex"),
    ];
    let genesis = Genesis::of(key().public(), [2; 32]).to_bytes();
    frames.iter().map(|text| hex(text)).chain([genesis]).collect()
}

fn requests() -> Vec<Vec<u8>> {
    let (id, hash) = ("50abababababababababababababababab", "cd".repeat(32));
    let texts = [
        format!("8200815820{hash}"),
        format!("8201835820{hash}0102"),
        format!("82035820{hash}"),
        "8208816463686174".into(),
        "820981191f90".into(),
        "820a80".into(),
        "8201816462757379".into(),
        "820080".into(),
        format!("82181c84{id}65612e7478741903e85820{hash}"),
        format!("82181d81{id}"),
        format!("82181e82{id}1a00010000"),
        format!("82181f83{id}f5820280"),
        "8203816466756c6c".into(),
    ];
    texts.iter().map(|text| hex(text)).collect()
}

fn records() -> Vec<Vec<u8>> {
    let place = Place {
        made_s: 1_750_000_000,
        keep_s: 7200,
        relays: vec!["198.51.100.7:4400".parse().unwrap()],
        addresses: vec!["203.0.113.9:4400".parse().unwrap(), "[2001:db8::1]:5".parse().unwrap()],
    };
    let devices = Devices {
        made_s: 1_750_000_000,
        keep_s: 7200,
        devices: vec![Listed {
            node: NodeId([9; 32]),
            at: 2,
        }],
    };
    let (device, user) = (
        SignedRecord::of_device(&key(), 7, place),
        SignedRecord::of_user(&key(), 3, devices),
    );
    let card = Card {
        device: Some(device.clone()),
        user: None,
        dht_port: Some(6881),
    };
    let found = Found {
        record: Some(device.clone()),
        devices: vec![user.clone()],
    };
    let find = LookupRequest::Find {
        subject: Subject::Device(NodeId([3; 32])),
    };
    vec![
        device.to_bytes(),
        user.to_bytes(),
        card.to_bytes(),
        found.to_bytes(),
        find.to_bytes(),
    ]
}

fn nodes() -> Vec<Vec<u8>> {
    let certificate = DeviceCertificate::issue(&key(), NodeId([2; 32]), 1_750_000_000_000);
    let hello = Hello {
        version: 1,
        oldest: 1,
        protocols: vec!["sync/1".into()],
        certificate: certificate.clone(),
        agent: "hedgerow/0.1".into(),
        salt: [3; 32],
        boot: [4; 16],
        name: Some("Ada".into()),
        addresses: vec!["192.168.1.2:4400".parse().unwrap(), "[::1]:5".parse().unwrap()],
    };
    let ticket = TicketBody {
        node: NodeId([7; 32]),
        addresses: vec!["127.0.0.1:1".parse().unwrap()],
        name: Some("Ada".into()),
        relays: vec!["203.0.113.7:4401".parse().unwrap()],
        relay_nodes: vec![NodeId([9; 32])],
    };
    vec![
        StreamHeader::new("sync").to_bytes(),
        certificate.to_bytes(),
        hello.to_bytes(),
        ticket.to_bytes(),
        Credit {
            channel: 1,
            total: 1 << 40,
        }
        .to_bytes(),
    ]
}

fn ways() -> Vec<Vec<u8>> {
    let reach = Reach {
        serves: vec!["203.0.113.7:4401".parse().unwrap()],
        observed: vec!["[2001:db8::1]:9".parse().unwrap()],
        name: Some("Ada".into()),
        ports: Some(Ports::Block { low: 1024, high: 2047 }),
        ..Reach::default()
    };
    let spot = Spot::new("203.0.113.7:4401".parse().unwrap(), Ports::Sequential { step: -1 });
    let meet = ReachRequest::Meet {
        meeting: [9; 16],
        spot: spot.clone(),
    };
    let (t, c, n) = ("09".repeat(8), "0a".repeat(8), "01020304050607");
    let datagrams = [
        format!("10{n}00{}", "08".repeat(6)),
        format!("14{n}"),
        format!("15{}{t}{c}{}{}", "07".repeat(32), "0b".repeat(16), "00".repeat(7)),
        format!("16{t}{c}00cb0071071131"),
        format!("0168656467726f7701{t}010258{c}{}", "00".repeat(20)),
        format!("0168656467726f7702{t}00000000000000000000ffffcb00710711310009{c}"),
        format!("0168656467726f7705{}0102", "09".repeat(16)),
    ];
    let door = Door {
        homes: vec!["203.0.113.7:4401".parse().unwrap()],
        pass: [5; 16],
        home_nodes: vec![],
    };
    let known = [
        reach.to_bytes(),
        ReachRequest::Tell { reach }.to_bytes(),
        meet.to_bytes(),
        Met { spot: Some(spot) }.to_bytes(),
        Tried { reached: true }.to_bytes(),
        Rest { door: Some(door) }.to_bytes(),
        Slept { session: Some(1 << 20) }.to_bytes(),
        Helpers {
            sides: vec!["203.0.113.7:4401".parse().unwrap()],
        }
        .to_bytes(),
    ];
    datagrams.iter().map(|text| hex(text)).chain(known).collect()
}

fn messages() -> Vec<Vec<u8>> {
    let app = AppId([7; 32]);
    let header = Header {
        app,
        from_app: None,
        to: None,
        signer: None,
        source: 3,
        seq: 500,
        ttl_ms: 60_000,
        immediate: true,
    };
    let envelope = Envelope::seal(header, b"hi", None);
    let here = Here {
        app,
        handle: 2,
        rules: [9; 32],
        credit: 16,
        who: Some(Who::sign(&key(), &app, &NodeId([4; 32]))),
    };
    let frames = [
        OverlayFrame::Told {
            question: 1,
            here: vec![here.clone()],
            protocols: vec!["sync/1".into()],
        },
        OverlayFrame::Link(here),
        OverlayFrame::Want {
            handle: 2,
            tags: vec![Tag([5; 16])],
        },
        OverlayFrame::Push {
            handle: 2,
            wanted: true,
            hops: 3,
            age_ms: 100,
            envelope: envelope.clone(),
        },
    ];
    let mut all: Vec<_> = frames.iter().map(OverlayFrame::to_bytes).collect();
    all.push(envelope.as_bytes().to_vec());
    all
}

#[test]
fn attack_37_changed_bytes_of_any_message_are_refused_or_read_as_something_sound_by_every_reader() {
    let all = [directory(), requests(), records(), nodes(), ways(), messages()].concat();
    flips::read_by_all(&all, &readers());
}
