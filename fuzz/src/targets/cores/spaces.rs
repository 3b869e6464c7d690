//! Spaces: an owner who invited somebody, and everybody else.

use super::{ME, STEPS, conversation, peer, steps};
use crate::{
    promise::{joined, parts},
    seeds::{key, sync as samples},
};
use hedgerow_base::WidgetId;
use hedgerow_sync::{self as sync, SpaceConfig, Sync};
use hedgerow_wire::sync::SyncFrame;

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
        open(
            &mut guest,
            SpaceConfig::join(&invite, key(8).public().into(), [9; 32]),
            8,
        );
        Self { owner, guest, space }
    }

    /// What the guest says to the owner in an honest conversation.
    fn said(mut self) -> Vec<Vec<u8>> {
        use sync::{Effect, Input};
        let (mut said, mut out, mut stored) = (Vec::new(), Vec::new(), Vec::new());
        let (session, space) = (SESSION, self.space);
        self.owner
            .handle(2000, Input::PeerConnected { peer: peer(0), session }, &mut out);
        let mut to_guest: Vec<Vec<u8>> = frames(&mut out, &mut Vec::new(), space);
        self.guest
            .handle(2000, Input::PeerConnected { peer: ME, session }, &mut out);
        for round in 0..8 {
            let to_owner = frames(&mut out, &mut stored, space);
            for bytes in to_guest.drain(..) {
                self.guest
                    .handle(2000 + round, Input::Message { peer: ME, bytes }, &mut out);
            }
            let answers = frames(&mut out, &mut stored, space);
            for bytes in to_owner.into_iter().chain(answers) {
                said.push(bytes.clone());
                self.owner
                    .handle(2000 + round, Input::Message { peer: peer(0), bytes }, &mut out);
            }
            to_guest = frames(&mut out, &mut Vec::new(), space);
            if round == 3 {
                let body = b"an update".to_vec();
                let request = 1;
                self.guest
                    .handle(2100, Input::Append { space, request, body }, &mut out);
                self.guest.handle(
                    2100,
                    Input::Live {
                        space,
                        body: b"live".to_vec(),
                    },
                    &mut out,
                );
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

pub(super) fn core(bytes: &[u8]) {
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

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let said = Space::new().said();
    let mut all = vec![conversation(0, &said), conversation(0, &samples::frames())];
    let early = said.get(..said.len() / 2).unwrap_or_default();
    all.push(
        [
            conversation(0, early),
            conversation(12, &[vec![]]),
            conversation(0, &said),
        ]
        .concat(),
    );
    all.push(
        [
            conversation(0, &said),
            conversation(15, &[vec![]]),
            conversation(11, &[b"ours".to_vec()]),
        ]
        .concat(),
    );
    all
}

/// What was stored of a space beside its entries, damaged.
pub(super) fn state(bytes: &[u8]) {
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

pub(super) fn state_seeds() -> Vec<Vec<u8>> {
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
