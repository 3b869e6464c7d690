//! Hostile peers: whole conversations with the cores. An input is a list of parts; the first byte of each says what is done
//! with the rest. No core panics, and what leaves it is what other nodes read.

mod paths;
mod sets;
mod spaces;

use crate::{
    Target,
    promise::{joined, parts},
    seeds::{self, key, wire::APP},
};
use hedgerow_base::NodeId;
use hedgerow_directory::{self as directory, Directory, Record};
use hedgerow_overlay::{self as overlay, AppConfig, Outgoing, Overlay, Prefix, Rules, Running, Strict};
use hedgerow_wire::{
    directory::DirectoryFrame,
    overlay::{Envelope, Header, OverlayFrame},
};
use std::{net::SocketAddr, sync::Arc};

const ME: NodeId = NodeId([1; 32]);
/// Parts of an input that are looked at.
const STEPS: usize = 64;

fn peer(of: u8) -> NodeId {
    NodeId([2 + of % 3; 32])
}

/// What to do with a part: the choice, the peer, and the rest of it.
fn steps(bytes: &[u8]) -> Vec<(u8, NodeId, &[u8])> {
    let step = |part: &'_ &[u8]| -> Option<(u8, NodeId)> { part.first().map(|first| (first >> 4, peer(*first))) };
    let all = parts(bytes).into_iter().take(STEPS);
    all.filter_map(|part| step(&part).map(|(what, who)| (what, who, part.get(1..).unwrap_or_default())))
        .collect()
}

/// Frames of somebody, each as a part.
fn conversation(choice: u8, frames: &[Vec<u8>]) -> Vec<u8> {
    let parts: Vec<Vec<u8>> = frames
        .iter()
        .map(|frame| [&[choice << 4], &frame[..]].concat())
        .collect();
    joined(parts.iter().map(Vec::as_slice))
}

/// A record of whatever bytes, with a good signature.
fn signed(bytes: &[u8]) -> Vec<u8> {
    let signature = key(1).sign("hedgerow 2026 directory record v1", bytes);
    let mut record = Vec::new();
    let mut e = minicbor::Encoder::new(&mut record);
    let whole = e.array(2).and_then(|e| {
        e.bytes(bytes)?.array(1)?.array(2)?.u8(0)?.bytes(&signature.0)?;
        Ok(())
    });
    whole.expect("writing to memory has no error");
    record
}

fn directory_core(bytes: &[u8]) {
    use directory::{Effect, Input};
    let mut core = Directory::seeded([7; 16]);
    let (mut now, mut effects) = (1_000_000, Vec::new());
    for bytes in seeds::wire::signed() {
        core.handle(now, Input::Restore { bytes }, &mut effects);
    }
    for of in 0..2 {
        core.handle(now, Input::PeerConnected { peer: peer(of) }, &mut effects);
    }
    for (what, peer, rest) in steps(bytes) {
        let message = |bytes| Input::Message { peer, bytes };
        let input = match what {
            0..=9 => message(rest.to_vec()),
            10..=12 => message(Directory::records_frame(vec![signed(rest)])),
            13 => Input::PeerDisconnected { peer },
            14 => Input::PeerConnected { peer },
            _ => {
                now += 60_000;
                core.handle_timeout(now, &mut effects);
                continue;
            }
        };
        core.handle(now, input, &mut effects);
    }
    for effect in effects {
        match effect {
            Effect::Persist { id, bytes, .. } => {
                let record = Record::from_bytes(&bytes).expect("what is kept can be read back");
                assert_eq!(record.id, id);
            }
            Effect::Said { said, .. } => said.check().expect("what is told is sound"),
            Effect::Head { release, .. } => release.check().expect("what is shown is sound"),
            Effect::Send { bytes, .. } => drop(DirectoryFrame::from_bytes(&bytes).expect("our own frames are sound")),
            _ => {}
        }
    }
}

fn directory_seeds() -> Vec<Vec<u8>> {
    let frames: Vec<Vec<u8>> = seeds::wire::directory();
    let mut all: Vec<Vec<u8>> = frames
        .iter()
        .map(|frame| conversation(0, std::slice::from_ref(frame)))
        .collect();
    all.push(conversation(0, &frames));
    let records = seeds::wire::signed();
    let said = records.iter().filter_map(|record| minicbor_signed(record));
    all.extend(said.map(|said| conversation(10, &[said])));
    all
}

/// The signed part of a record.
fn minicbor_signed(record: &[u8]) -> Option<Vec<u8>> {
    let mut d = minicbor::Decoder::new(record);
    d.array().ok()?;
    d.bytes().ok().map(<[u8]>::to_vec)
}

/// A member that runs the app and judges its messages, with two peers.
fn member(now: u64, out: &mut Vec<overlay::Effect>) -> Overlay {
    use overlay::Input;
    let mut core = Overlay::new(ME, &[7; 32], vec!["sync/1".into()], Arc::new(Strict));
    let config = AppConfig {
        rules: Arc::new(Rules::default()),
        validator: None,
        key: Some(key(9)),
        known: true,
        source: 1,
        first_seq: 1,
        fanout: 5,
    };
    let config = Box::new(config);
    core.handle(now, Input::Open { app: APP, config }, out);
    let running = Running::Judges;
    core.handle(now, Input::Running { app: APP, running }, out);
    for of in 0..2 {
        let connected = Input::Connected {
            peer: peer(of),
            prefix: Prefix::of(&SocketAddr::from(([20, 0, of, 1], 4400))),
            addresses: Vec::new(),
        };
        core.handle(now, connected, out);
    }
    core
}

fn overlay_core(bytes: &[u8]) {
    use overlay::{Effect, Input};
    let (mut now, mut out) = (1_000_000, Vec::new());
    let mut core = member(now, &mut out);
    let rules = *Rules::default().digest();
    for (number, (what, peer, rest)) in steps(bytes).into_iter().enumerate() {
        let frame = |frame| Input::Frame { peer, frame };
        let input = match what {
            0..=7 => Input::Bytes {
                peer,
                bytes: rest.to_vec(),
            },
            // A member that keeps to the rules, and says anything.
            8 => frame(OverlayFrame::Link(hedgerow_wire::overlay::Here {
                app: APP,
                handle: 2,
                rules,
                credit: 100,
                who: None,
            })),
            9..=11 => frame(OverlayFrame::Push {
                handle: 2,
                wanted: true,
                hops: 1,
                age_ms: 10,
                envelope: message(number as u64 + 1, rest),
            }),
            12 => Input::Broadcast {
                app: APP,
                request: number as u64,
                message: Outgoing {
                    body: rest.to_vec(),
                    signed: true,
                    ttl_ms: 60_000,
                    immediate: true,
                },
            },
            13 => Input::Disconnected { peer },
            14 => Input::Running {
                app: APP,
                running: Running::No,
            },
            _ => {
                now += u64::from(rest.first().copied().unwrap_or(1)) * 100;
                core.handle_timeout(now, &mut out);
                continue;
            }
        };
        core.handle(now, input, &mut out);
    }
    for effect in out {
        match effect {
            Effect::Send { frame, .. } => {
                let read = OverlayFrame::decode(&frame.to_bytes()).expect("our own frames are sound");
                assert_eq!(read, Some(frame));
            }
            Effect::Deliver { received, .. } => {
                assert!(received.message.holds(), "a signature that does not hold was delivered");
                assert!(received.message.body().len() <= Rules::default().max_bytes());
            }
            _ => {}
        }
    }
}

fn message(seq: u64, body: &[u8]) -> Envelope {
    let header = Header {
        app: APP,
        from_app: None,
        to: None,
        signer: None,
        source: 5,
        seq,
        ttl_ms: 60_000,
        immediate: true,
    };
    Envelope::seal(header, body, Some(&key(3)))
}

fn overlay_seeds() -> Vec<Vec<u8>> {
    let frames: Vec<Vec<u8>> = seeds::wire::frames().iter().map(OverlayFrame::to_bytes).collect();
    let link = conversation(8, &[vec![]]);
    let says = conversation(9, &[b"{\"a\":1}".to_vec(), b"two".to_vec()]);
    let time = conversation(15, &[vec![50], vec![255]]);
    let mut all: Vec<Vec<u8>> = frames
        .iter()
        .map(|frame| conversation(0, std::slice::from_ref(frame)))
        .collect();
    all.push([link.clone(), says.clone(), time.clone()].concat());
    all.push(
        [
            link,
            conversation(12, &[b"ours".to_vec()]),
            conversation(0, &frames),
            time,
        ]
        .concat(),
    );
    all
}

/// The targets.
pub const TARGETS: &[Target] = &[
    Target::new(
        "core_directory",
        "Directory: what is kept and sent is sound",
        directory_core,
        directory_seeds,
    )
    .up_to(16 << 10)
    .with_room(4 << 20),
    Target::new(
        "core_reconcile",
        "IdSet::answer, riblt::Decoder: sets that lie",
        sets::reconcile,
        sets::reconcile_seeds,
    )
    .with_room(8 << 20),
    Target::new(
        "core_overlay",
        "Overlay: what is delivered was signed",
        overlay_core,
        overlay_seeds,
    )
    .up_to(8192)
    .with_room(4 << 20),
    Target::new("core_sync", "Sync: only members are heard", spaces::core, spaces::seeds)
        .up_to(16 << 10)
        .with_room(4 << 20),
    Target::new(
        "core_sync_state",
        "Sync: a damaged store is no crash",
        spaces::state,
        spaces::state_seeds,
    )
    .with_room(4 << 20),
    Target::new(
        "core_fetch",
        "Fetch: only what was asked for, verified",
        sets::fetch,
        sets::fetch_seeds,
    )
    .with_room(4 << 20),
    Target::new(
        "core_rounds",
        "Rounds: who was met, and what they say",
        sets::rounds,
        sets::rounds_seeds,
    )
    .up_to(8192)
    .with_room(8 << 20),
    Target::new(
        "core_park",
        "Home, Watch: no more goes out than came in",
        paths::park,
        paths::park_seeds,
    ),
    Target::new(
        "core_punch",
        "Punch: no probe without end",
        paths::punch,
        paths::punch_seeds,
    ),
];
