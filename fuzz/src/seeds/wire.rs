//! Frames of all protocols but `sync`.

use super::key;
use data_encoding::HEXLOWER_PERMISSIVE;
use hedgerow_base::{AppId, NodeId, PersonId, SecretKey, WidgetId};
use hedgerow_wire::{
    directory::{
        Comment, DirectoryFrame, Genesis, KIND_RELEASE, Permission, Range, Rating, Record, Release, Said, Say, State,
        What,
    },
    lookup::{Card, Devices, Found, Listed, LookupRequest, Place, SignedRecord, Subject},
    node::{Credit, DeviceCertificate, Hello, StreamHeader, TicketBody},
    overlay::{Envelope, Header, Here, OverlayFrame, Tag, Who},
    reach::{Door, Helpers, Met, Ports, Reach, ReachRequest, Rest, Slept, Spot, Tried},
};

/// All of them.
pub fn all() -> Vec<Vec<u8>> {
    [directory(), requests(), records(), nodes(), ways(), messages()].concat()
}

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).unwrap()
}

/// A release of a widget.
pub fn release(author: u8, widget: u8, sequence: u64) -> Release {
    Release {
        kind: KIND_RELEASE,
        genesis: Genesis::of(key(author).public(), [widget; 32]),
        sequence,
        prev: (sequence > 1).then_some(hedgerow_base::RecordId([3; 32])),
        version: format!("{sequence}.0.0"),
        content: hedgerow_base::ContentId([widget; 32]),
        size: 1000,
        name: format!("Widget {widget}"),
        summary: "A widget".into(),
        description: "For all.\nTwo lines.".into(),
        license: "MIT".into(),
        categories: vec!["Fun".into()],
        tags: vec!["game".into()],
        permissions: vec![Permission {
            name: "web".into(),
            reason: "The weather".into(),
            scope: Some(vec!["*.example.org".into(), "bytes:5000".into()]),
        }],
        icon: None,
        ancestor: None,
        created_ms: 5,
        author: "somebody".into(),
        epoch: 0,
        expires_ms: None,
        pictures: vec!["a.png".into()],
    }
}

/// What a person says.
pub fn said(by: &SecretKey, what: What) -> Record {
    let person: PersonId = by.public().into();
    Record::say(Said::new(person, 1, "Ada".into(), 5, what), by).unwrap()
}

/// Records of several kinds.
pub fn signed() -> Vec<Vec<u8>> {
    let widget = WidgetId([4; 16]);
    let rating = Rating {
        widget,
        stars: 4,
        text: "Good.".into(),
    };
    let comment = Comment {
        widget,
        number: 7,
        parent: None,
        title: "An issue".into(),
        text: "It is slow.".into(),
        state: State::Stands,
    };
    vec![
        Record::sign(release(1, 1, 1), 0, &key(1)).unwrap().to_bytes(),
        Record::sign(release(1, 1, 2), 0, &key(1)).unwrap().to_bytes(),
        said(&key(1), What::Rating(rating)).to_bytes(),
        said(&key(1), What::Comment(comment)).to_bytes(),
    ]
}

/// Frames of two directories.
pub fn directory() -> Vec<Vec<u8>> {
    let golden = [
        include_str!("../../../crates/wire/tests/golden/directory_ask.hex"),
        include_str!("../../../crates/wire/tests/golden/directory_authority.hex"),
        include_str!("../../../crates/wire/tests/golden/directory_certificate.hex"),
        include_str!("../../../crates/wire/tests/golden/directory_comment.hex"),
        include_str!("../../../crates/wire/tests/golden/directory_installs.hex"),
        include_str!("../../../crates/wire/tests/golden/directory_offer.hex"),
        include_str!("../../../crates/wire/tests/golden/directory_open.hex"),
        include_str!("../../../crates/wire/tests/golden/directory_rating.hex"),
        include_str!("../../../crates/wire/tests/golden/directory_reconcile.hex"),
        include_str!("../../../crates/wire/tests/golden/directory_records.hex"),
        include_str!("../../../crates/wire/tests/golden/directory_release.hex"),
        include_str!("../../../crates/wire/tests/golden/directory_round.hex"),
        include_str!("../../../crates/wire/tests/golden/directory_symbols.hex"),
        include_str!("../../../crates/wire/tests/golden/directory_want.hex"),
        include_str!("../../../crates/wire/tests/golden/directory_want_short.hex"),
    ];
    let genesis = Genesis::of(key(1).public(), [2; 32]).to_bytes();
    let whole = DirectoryFrame::Reconcile {
        ranges: vec![Range {
            end: None,
            say: Say::Same,
        }],
    };
    let made = [genesis, whole.to_bytes()].into_iter().chain(signed());
    golden.iter().map(|text| hex(text)).chain(made).collect()
}

/// Requests and their answers.
pub fn requests() -> Vec<Vec<u8>> {
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
    let device = SignedRecord::of_device(&key(1), 7, place);
    let user = SignedRecord::of_user(&key(1), 3, devices);
    let card = Card {
        device: Some(device.clone()),
        user: Some(user.clone()),
        dht_port: Some(6881),
    };
    let found = Found {
        record: Some(device.clone()),
        devices: vec![user.clone()],
    };
    let find = LookupRequest::Find {
        subject: Subject::Device(NodeId([3; 32])),
    };
    let tell = LookupRequest::Tell {
        card: Box::new(card.clone()),
    };
    vec![
        device.to_bytes(),
        user.to_bytes(),
        card.to_bytes(),
        found.to_bytes(),
        find.to_bytes(),
        tell.to_bytes(),
    ]
}

fn nodes() -> Vec<Vec<u8>> {
    let certificate = DeviceCertificate::issue(&key(1), NodeId([2; 32]), 1_750_000_000_000);
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
    let credit = Credit {
        channel: 1,
        total: 1 << 40,
    };
    vec![
        StreamHeader::new("sync").to_bytes(),
        certificate.to_bytes(),
        hello.to_bytes(),
        ticket().to_bytes(),
        credit.to_bytes(),
    ]
}

/// What a ticket says.
pub fn ticket() -> TicketBody {
    TicketBody {
        node: NodeId([7; 32]),
        addresses: vec!["127.0.0.1:1".parse().unwrap()],
        name: Some("Ada".into()),
        relays: vec!["203.0.113.7:4401".parse().unwrap()],
        relay_nodes: vec![NodeId([9; 32])],
    }
}

/// Datagrams beside the connections, and those of parked nodes.
pub fn datagrams() -> Vec<Vec<u8>> {
    let (t, c, n) = ("09".repeat(8), "0a".repeat(8), "01020304050607");
    let texts = [
        format!("10{n}00{}", "08".repeat(6)),
        format!("14{n}"),
        format!("15{}{t}{c}{}{}", "07".repeat(32), "0b".repeat(16), "00".repeat(7)),
        format!("16{t}{c}00cb0071071131"),
        format!("0168656467726f7701{t}010258{c}{}", "00".repeat(20)),
        format!("0168656467726f7702{t}00000000000000000000ffffcb00710711310009{c}"),
        format!("0168656467726f7705{}0102", "09".repeat(16)),
    ];
    texts.iter().map(|text| hex(text)).collect()
}

fn ways() -> Vec<Vec<u8>> {
    let at = "203.0.113.7:4401".parse().unwrap();
    let reach = Reach {
        serves: vec![at],
        homes: vec![at],
        observed: vec!["[2001:db8::1]:9".parse().unwrap()],
        name: Some("Ada".into()),
        ports: Some(Ports::Block { low: 1024, high: 2047 }),
        home_nodes: vec![NodeId([8; 32])],
        ..Reach::default()
    };
    let spot = Spot::new(at, Ports::Sequential { step: -1 });
    let meet = ReachRequest::Meet {
        meeting: [9; 16],
        spot: spot.clone(),
    };
    let door = Door {
        homes: vec![at],
        pass: [5; 16],
        home_nodes: vec![NodeId([8; 32])],
    };
    let made = [
        reach.to_bytes(),
        ReachRequest::Tell { reach }.to_bytes(),
        ReachRequest::Try { port: 80 }.to_bytes(),
        ReachRequest::Park { door: door.clone() }.to_bytes(),
        ReachRequest::Sleep { pass_key: [6; 32] }.to_bytes(),
        meet.to_bytes(),
        Met { spot: Some(spot) }.to_bytes(),
        Tried { reached: true }.to_bytes(),
        Rest { door: Some(door) }.to_bytes(),
        Slept { session: Some(1 << 20) }.to_bytes(),
        Helpers { sides: vec![at] }.to_bytes(),
    ];
    datagrams().into_iter().chain(made).collect()
}

/// The app of the messages below.
pub const APP: AppId = AppId([7; 32]);

/// A message.
pub fn envelope(seq: u64, body: &[u8], by: Option<u8>) -> Envelope {
    let header = Header {
        app: APP,
        from_app: None,
        to: None,
        signer: None,
        source: 3,
        seq,
        ttl_ms: 60_000,
        immediate: true,
    };
    Envelope::seal(header, body, by.map(key).as_ref())
}

/// Frames of the channel `overlay`.
pub fn frames() -> Vec<OverlayFrame> {
    let here = Here {
        app: APP,
        handle: 2,
        rules: [9; 32],
        credit: 16,
        who: Some(Who::sign(&key(1), &APP, &NodeId([4; 32]))),
    };
    let push = |seq, by| OverlayFrame::Push {
        handle: 2,
        wanted: true,
        hops: 3,
        age_ms: 100,
        envelope: envelope(seq, b"{\"text\":\"hi\"}", by),
    };
    vec![
        OverlayFrame::Ask {
            question: 1,
            apps: vec![APP],
            protocols: vec!["sync/1".into()],
        },
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
        push(500, None),
        push(501, Some(3)),
    ]
}

fn messages() -> Vec<Vec<u8>> {
    let mut all: Vec<_> = frames().iter().map(OverlayFrame::to_bytes).collect();
    all.push(envelope(500, b"hi", None).as_bytes().to_vec());
    all.push(envelope(501, b"hi", Some(2)).as_bytes().to_vec());
    all
}
