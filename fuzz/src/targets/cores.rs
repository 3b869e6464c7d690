//! Hostile peers: whole conversations with the cores. An input is a list of parts; the first byte of each says what is done
//! with the rest. No core panics, and what leaves it is what other nodes read.

use crate::{
    Target,
    promise::{joined, parts},
    seeds::{self, key, wire::APP},
};
use hedgerow_base::{NodeId, RecordId, WidgetId};
use hedgerow_directory::{self as directory, Directory, Record, recon::IdSet, riblt};
use hedgerow_overlay::{self as overlay, AppConfig, Outgoing, Overlay, Prefix, Rules, Running, Strict};
use hedgerow_sync::{self as sync, SpaceConfig, Sync};
use hedgerow_traverse::{
    park::{home::Home, key as session_key, watch::Watch},
    punch::{Punch, What},
};
use hedgerow_wire::{
    directory::DirectoryFrame,
    overlay::{Envelope, Header, OverlayFrame},
    park::Park,
    reach::ReachRequest,
    sync::SyncFrame,
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
    all.filter_map(|part| step(&part).map(|(what, who)| (what, who, part.get(1..).unwrap_or_default()))).collect()
}

/// Frames of somebody, each as a part.
fn conversation(choice: u8, frames: &[Vec<u8>]) -> Vec<u8> {
    let parts: Vec<Vec<u8>> = frames.iter().map(|frame| [&[choice << 4], &frame[..]].concat()).collect();
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
    let mut all: Vec<Vec<u8>> = frames.iter().map(|frame| conversation(0, std::slice::from_ref(frame))).collect();
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

fn overlay_core(bytes: &[u8]) {
    use overlay::{Effect, Input};
    let (mut now, mut out) = (1_000_000, Vec::new());
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
    core.handle(now, Input::Open { app: APP, config }, &mut out);
    let running = Running::Judges;
    core.handle(now, Input::Running { app: APP, running }, &mut out);
    for of in 0..2 {
        let connected = Input::Connected {
            peer: peer(of),
            prefix: Prefix::of(&SocketAddr::from(([20, 0, of, 1], 4400))),
            addresses: Vec::new(),
        };
        core.handle(now, connected, &mut out);
    }
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
    let mut all: Vec<Vec<u8>> = frames.iter().map(|frame| conversation(0, std::slice::from_ref(frame))).collect();
    all.push([link.clone(), says.clone(), time.clone()].concat());
    all.push([link, conversation(12, &[b"ours".to_vec()]), conversation(0, &frames), time].concat());
    all
}

/// An invited space, its owner, and one who was invited: so that there is something to be attacked.
struct Space {
    owner: Sync,
    guest: Sync,
    space: hedgerow_base::SpaceId,
}

const SESSION: [u8; 32] = [14; 32];

fn identity(of: u8) -> Box<sync::Identity> {
    Box::new(sync::Identity {
        pseudonym: key(of),
        seal: zeroize::Zeroizing::new([of; 32]),
    })
}

impl Space {
    fn new() -> Self {
        use sync::Input;
        let mut out = Vec::new();
        let mut open = |core: &mut Sync, config: SpaceConfig, of| {
            let space = config.id();
            let input = Input::OpenSpace {
                config: Box::new(config),
                identity: identity(of),
                name: Some("Ada".into()),
                state: None,
            };
            core.handle(1000, input, &mut out);
            core.handle(1000, Input::Start { space }, &mut out);
            space
        };
        let (mut owner, mut guest) = (Sync::new(ME, [1; 32]), Sync::new(peer(0), [2; 32]));
        let config = SpaceConfig::invited(WidgetId([4; 16]), key(5).public().into(), [6; 32]);
        let space = open(&mut owner, config, 5);
        let invite = owner.invite(&space, Some("Plans".into())).expect("an invite");
        open(&mut guest, SpaceConfig::join(&invite, key(8).public().into(), [9; 32]), 8);
        Self { owner, guest, space }
    }

    /// What the guest says to the owner in an honest conversation.
    fn said(mut self) -> Vec<Vec<u8>> {
        use sync::{Effect, Input};
        let (mut said, mut out, mut stored) = (Vec::new(), Vec::new(), Vec::new());
        let (session, space) = (SESSION, self.space);
        self.owner.handle(2000, Input::PeerConnected { peer: peer(0), session }, &mut out);
        let mut to_guest: Vec<Vec<u8>> = frames(&mut out, &mut Vec::new(), space);
        self.guest.handle(2000, Input::PeerConnected { peer: ME, session }, &mut out);
        for round in 0..8 {
            let to_owner = frames(&mut out, &mut stored, space);
            for bytes in to_guest.drain(..) {
                self.guest.handle(2000 + round, Input::Message { peer: ME, bytes }, &mut out);
            }
            let answers = frames(&mut out, &mut stored, space);
            for bytes in to_owner.into_iter().chain(answers) {
                said.push(bytes.clone());
                self.owner.handle(2000 + round, Input::Message { peer: peer(0), bytes }, &mut out);
            }
            to_guest = frames(&mut out, &mut Vec::new(), space);
            if round == 3 {
                let body = b"an update".to_vec();
                let request = 1;
                self.guest.handle(2100, Input::Append { space, request, body }, &mut out);
                self.guest.handle(2100, Input::Live { space, body: b"live".to_vec() }, &mut out);
            }
        }
        return said;

        /// Frames among effects; entries that are to be sent are taken from those stored.
        fn frames(
            out: &mut Vec<Effect>,
            stored: &mut Vec<(hedgerow_base::LogId, u64, Vec<u8>)>,
            space: hedgerow_base::SpaceId,
        ) -> Vec<Vec<u8>> {
            let mut frames = Vec::new();
            for effect in out.drain(..) {
                match effect {
                    Effect::Persist { log, seq, bytes, .. } => stored.push((log, seq, bytes)),
                    Effect::Send { bytes, .. } | Effect::SendLive { bytes, .. } => frames.push(bytes),
                    Effect::SendEntries { ranges, .. } => {
                        let wanted = stored.iter().filter(|(log, seq, _)| {
                            ranges.iter().any(|r| r.log == *log && (r.from..r.to).contains(seq))
                        });
                        frames.push(sync::entries_frame(space, wanted.map(|(_, _, bytes)| bytes.as_slice())));
                    }
                    _ => {}
                }
            }
            frames
        }
    }
}

fn sync_core(bytes: &[u8]) {
    use sync::{Effect, Input};
    let Space { mut owner, space, .. } = Space::new();
    let (mut now, mut out) = (2000, Vec::new());
    for of in 0..2 {
        let (peer, session) = (peer(of), SESSION);
        owner.handle(now, Input::PeerConnected { peer, session }, &mut out);
    }
    for (number, (what, peer, rest)) in steps(bytes).into_iter().enumerate() {
        let request = number as u64;
        let input = match what {
            0..=10 => Input::Message {
                peer,
                bytes: rest.to_vec(),
            },
            11 => Input::Append {
                space,
                request,
                body: rest.to_vec(),
            },
            12 => Input::Remove {
                space,
                request,
                members: vec![key(8).public().into()],
            },
            13 => Input::PeerDisconnected { peer },
            14 => Input::PeerConnected { peer, session: SESSION },
            _ => {
                now += 31_000;
                owner.handle_timeout(now, &mut out);
                continue;
            }
        };
        owner.handle(now, input, &mut out);
    }
    let members = [5, 8].map(|of| key(of).public().into());
    for effect in out {
        match effect {
            Effect::Send { bytes, .. } | Effect::SendLive { bytes, .. } => {
                drop(SyncFrame::decode(&bytes).expect("our own frames are sound"));
            }
            Effect::Deliver { author, .. } | Effect::LiveDeliver { author, .. } => {
                assert!(members.contains(&author), "somebody else was let in");
            }
            _ => {}
        }
    }
}

fn sync_seeds() -> Vec<Vec<u8>> {
    let said = Space::new().said();
    let mut all = vec![conversation(0, &said), conversation(0, &seeds::sync::frames())];
    let early = said.get(..said.len() / 2).unwrap_or_default();
    all.push([conversation(0, early), conversation(12, &[vec![]]), conversation(0, &said)].concat());
    all.push([conversation(0, &said), conversation(15, &[vec![]]), conversation(11, &[b"ours".to_vec()])].concat());
    all
}

/// What was stored of a space beside its entries, damaged.
fn sync_state(bytes: &[u8]) {
    use sync::{Effect, Input};
    let parts = parts(bytes);
    let mut core = Sync::new(ME, [1; 32]);
    let config = SpaceConfig::invited(WidgetId([4; 16]), key(5).public().into(), [6; 32]);
    let (space, mut out) = (config.id(), Vec::new());
    let open = Input::OpenSpace {
        config: Box::new(config),
        identity: identity(5),
        name: None,
        state: parts.first().map(|state| state.to_vec()),
    };
    core.handle(1000, open, &mut out);
    for entry in parts.iter().skip(1).take(STEPS) {
        let _ = core.replay(&space, entry, &mut out);
    }
    core.handle(1000, Input::Start { space }, &mut out);
    let _ = (core.members(&space), core.digest(&space), core.epoch(&space));
    out.retain(|effect| matches!(effect, Effect::Misbehaved { .. }));
    assert!(out.is_empty(), "what is stored is nobody's fault");
}

fn state_seeds() -> Vec<Vec<u8>> {
    use sync::{Effect, Input};
    let Space { mut owner, space, .. } = Space::new();
    let mut out = Vec::new();
    for request in 0..3 {
        let body = vec![request as u8; 20];
        owner.handle(2000, Input::Append { space, request, body }, &mut out);
    }
    let (mut entries, mut state) = (Vec::new(), Vec::new());
    for effect in out {
        match effect {
            Effect::Persist { bytes, .. } => entries.push(bytes),
            Effect::PersistState { bytes, .. } => state = bytes,
            _ => {}
        }
    }
    let all = std::iter::once(&state).chain(&entries);
    vec![joined(all.map(Vec::as_slice)), joined([&[0x80_u8][..]])]
}

/// Symbols of a set that is none, and ranges that lie.
fn reconcile(bytes: &[u8]) {
    let ids = || (0..20_u8).map(|n| RecordId([n.wrapping_mul(13); 32]));
    if let Ok(DirectoryFrame::Reconcile { ranges }) = DirectoryFrame::from_bytes(bytes) {
        let mut set = IdSet::default();
        ids().for_each(|id| {
            set.insert(id);
        });
        let _ = set.answer(&ranges);
    }
    let mut decoder = riblt::Decoder::new(riblt::Key([7; 16]), ids());
    let symbols: Vec<riblt::Symbol> = bytes.as_chunks::<20>().0.iter().map(symbol).collect();
    for some in symbols.chunks(7) {
        match decoder.add(some) {
            riblt::Progress::More => {}
            riblt::Progress::TooDifferent => break,
            riblt::Progress::Done { ours, .. } => {
                assert!(ours.iter().all(|id| ids().any(|known| known == *id)), "we have what we have not");
                break;
            }
        }
    }
}

fn symbol(bytes: &[u8; 20]) -> riblt::Symbol {
    let [a @ .., b, c, d, e, f, g, h, i, j, k, l, m] = *bytes;
    riblt::Symbol {
        sum: u64::from_le_bytes(a),
        check: u32::from_le_bytes([b, c, d, e]),
        count: i64::from_le_bytes([f, g, h, i, j, k, l, m]),
    }
}

fn reconcile_seeds() -> Vec<Vec<u8>> {
    let theirs = (0..22_u8).map(|n| RecordId([n.wrapping_mul(13); 32])).skip(1);
    let symbols = riblt::Encoder::new(riblt::Key([7; 16]), theirs).next(40);
    let bytes = symbols.iter().flat_map(|symbol| {
        let (sum, check, count) = (symbol.sum.to_le_bytes(), symbol.check.to_le_bytes(), symbol.count.to_le_bytes());
        [&sum[..], &check, &count].concat()
    });
    let golden = seeds::wire::directory();
    let ranges = golden.into_iter().filter(|bytes| {
        matches!(DirectoryFrame::from_bytes(bytes), Ok(DirectoryFrame::Reconcile { .. }))
    });
    ranges.chain([bytes.collect()]).collect()
}

/// Datagrams of strangers at a home, and at a node that sleeps there.
fn park(bytes: &[u8]) {
    let mut home = Home::new([3; 32]);
    let link = [4; 32];
    let ip = "203.0.113.7".parse().expect("an address");
    home.register(0, 77, peer(0), ip, &link, [5; 32]).expect("there is room");
    let mut watch = Watch::new(77, session_key(&link, 77), None, 0);
    let mut now = 0;
    for (what, peer, rest) in steps(bytes) {
        let from = SocketAddr::from(([203, 0, 113, what], 4400));
        now += 1 + u64::from(what) * 500;
        match what {
            0..=8 => {
                let answers = home.heard(now, rest, from, |_| false, |_| None);
                let most = rest.len().max(64);
                for (_, answer) in answers {
                    assert!(Park::from_bytes(&answer).is_ok() && answer.len() <= most, "no more goes out than came in");
                }
            }
            9..=12 => drop(watch.heard(now, rest)),
            // An honest beat, on its way.
            13 | 14 => {
                if let Some(beat) = watch.tick(now) {
                    for (_, answer) in home.heard(now, &beat, from, |_| false, |_| None) {
                        let _ = watch.heard(now, &answer);
                    }
                }
            }
            _ => drop(home.call(now, &peer, None, |_| false)),
        }
        drop(home.tick(now));
    }
    assert!(home.len() <= 1);
}

fn park_seeds() -> Vec<Vec<u8>> {
    let sent = seeds::wire::datagrams();
    let honest = conversation(13, &[vec![], vec![], vec![]]);
    vec![
        conversation(0, &sent),
        conversation(9, &sent),
        [honest.clone(), conversation(15, &[vec![]]), honest].concat(),
    ]
}

/// Where the other side says that it will be, and what comes while both try.
fn punch(bytes: &[u8]) {
    let parts = parts(bytes);
    let spot = |at: usize| match ReachRequest::from_bytes(parts.get(at)?) {
        Ok(ReachRequest::Meet { spot, .. }) => Some(spot),
        _ => None,
    };
    let (Some(mine), Some(theirs)) = (spot(0), spot(1)) else {
        return;
    };
    let events = parts.get(2).copied().unwrap_or_default();
    let leads = events.first().is_some_and(|first| first & 1 == 1);
    let Some(mut punch) = Punch::new(&mine, &theirs, leads, 7) else {
        return;
    };
    let (sockets, mut now, mut sent) = (punch.sockets(), 0, 0);
    for event in events.as_chunks::<4>().0.iter().take(200) {
        now += u64::from(event[0]);
        for probe in punch.due(now) {
            assert!(probe.socket < sockets, "a socket that there is not");
            sent += 1;
        }
        let what = [What::Open, What::Pick, What::Picked][usize::from(event[1]) % 3];
        let from = SocketAddr::from(([203, 0, 113, 7], u16::from_le_bytes([event[2], event[3]])));
        let _ = punch.heard(usize::from(event[1]) % sockets.max(1), from, what);
    }
    assert!(sent < 100_000 && punch.found().is_none_or(|found| found.socket < sockets));
    let _ = punch.is_over(now);
}

fn punch_seeds() -> Vec<Vec<u8>> {
    use hedgerow_wire::reach::{Ports, Spot};
    let meet = |ports| {
        let spot = Spot::new("203.0.113.7:4401".parse().unwrap(), ports);
        ReachRequest::Meet { meeting: [9; 16], spot }.to_bytes()
    };
    let all = [
        Ports::Same { early: true },
        Ports::Sequential { step: 1 },
        Ports::Block { low: 1024, high: 2047 },
        Ports::Random,
    ];
    let events: Vec<u8> = (0..80).collect();
    let pairs = all.iter().flat_map(|mine| all.iter().map(move |theirs| (*mine, *theirs)));
    pairs.map(|(mine, theirs)| joined([&meet(mine)[..], &meet(theirs), &events])).collect()
}

/// The targets.
pub const TARGETS: &[Target] = &[
    Target::new("core_directory", "Directory: what is kept and sent is sound", directory_core, directory_seeds)
        .up_to(16 << 10)
        .with_room(4 << 20),
    Target::new("core_reconcile", "IdSet::answer, riblt::Decoder: sets that lie", reconcile, reconcile_seeds)
        .with_room(8 << 20),
    Target::new("core_overlay", "Overlay: what is delivered was signed", overlay_core, overlay_seeds)
        .up_to(8192)
        .with_room(4 << 20),
    Target::new("core_sync", "Sync: only members are heard", sync_core, sync_seeds)
        .up_to(16 << 10)
        .with_room(4 << 20),
    Target::new("core_sync_state", "Sync: a damaged store is no crash", sync_state, state_seeds).with_room(4 << 20),
    Target::new("core_park", "Home, Watch: no more goes out than came in", park, park_seeds),
    Target::new("core_punch", "Punch: no probe without end", punch, punch_seeds),
];
