//! What the core costs without disk and network: `cargo run --release -p hedgerow-sync --example speed`. Prints JSON
//! for `cargo xtask bench`.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::print_stdout,
    missing_docs
)] // it measures

use hedgerow_base::{NodeId, SecretKey, WidgetId};
use hedgerow_sync::{Effect, Identity, Input, SpaceConfig, Sync, entries_frame};
use std::time::Instant;

fn core(node: u8, config: &SpaceConfig) -> Sync {
    let mut sync = Sync::new(NodeId([node; 32]), [node; 32]);
    let identity = Identity {
        pseudonym: SecretKey::from_seed(&[7; 32]),
        seal: [8; 32].into(),
    }
    .into();
    let open = Input::OpenSpace {
        config: config.clone().into(),
        identity,
        name: None,
        state: None,
    };
    sync.handle(0, open, &mut Vec::new());
    sync
}

const COUNT: usize = 10_000;
const ROUNDS: usize = 5;

fn config(random: u8) -> SpaceConfig {
    let who = SecretKey::from_seed(&[7; 32]).public().into();
    SpaceConfig::private(WidgetId([9; 16]), who, [1; 32], [2; 32], [random; 32])
}

/// Writes [`COUNT`] updates of 200 bytes; answers the entries.
fn append(a: &mut Sync) -> Vec<Vec<u8>> {
    let space = config(1).id();
    let mut out = Vec::new();
    for request in 0..COUNT as u64 {
        let body = vec![request as u8; 200];
        let input = Input::Append { space, request, body };
        a.handle(1, input, &mut out);
    }
    let stored = out.into_iter().filter_map(|effect| match effect {
        Effect::Persist { bytes, .. } => Some(bytes),
        _ => None,
    });
    stored.collect()
}

/// Carries frames between the two until both know what the other has.
fn introduce(a: &mut Sync, b: &mut Sync) {
    let (ida, idb, session) = (NodeId([1; 32]), NodeId([2; 32]), [3; 32]);
    let (mut to_a, mut to_b) = (Vec::new(), Vec::new());
    a.handle(2, Input::PeerConnected { peer: idb, session }, &mut to_b);
    b.handle(2, Input::PeerConnected { peer: ida, session }, &mut to_a);
    let frames = |effects: &mut Vec<Effect>| -> Vec<Vec<u8>> {
        let sent = effects.drain(..).filter_map(|effect| match effect {
            Effect::Send { bytes, .. } => Some(bytes),
            _ => None,
        });
        sent.collect()
    };
    for _ in 0..3 {
        let (fa, fb) = (frames(&mut to_a), frames(&mut to_b));
        fa.into_iter()
            .for_each(|bytes| a.handle(2, Input::Message { peer: idb, bytes }, &mut to_b));
        fb.into_iter()
            .for_each(|bytes| b.handle(2, Input::Message { peer: ida, bytes }, &mut to_a));
    }
}

fn main() {
    let space = config(1).id();
    let (mut appended, mut received, mut replayed) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (mut a, mut b) = (core(1, &config(1)), core(2, &config(2)));
        let mut out = Vec::new();
        a.handle(0, Input::Start { space }, &mut out);
        b.handle(0, Input::Start { space }, &mut out);
        let begun = Instant::now();
        let stored = append(&mut a);
        appended.push(begun.elapsed().as_secs_f64() * 1e6 / COUNT as f64);
        introduce(&mut a, &mut b);
        let begun = Instant::now();
        for batch in stored.chunks(400) {
            let bytes = entries_frame(space, batch.iter().map(Vec::as_slice));
            let peer = NodeId([1; 32]);
            b.handle(3, Input::Message { peer, bytes }, &mut out);
        }
        received.push(begun.elapsed().as_secs_f64() * 1e6 / COUNT as f64);
        assert_eq!(b.digest(&space), a.digest(&space));
        let mut c = core(1, &config(1));
        let begun = Instant::now();
        for bytes in &stored {
            c.replay(&space, bytes, &mut out).unwrap();
        }
        replayed.push(begun.elapsed().as_secs_f64() * 1e6 / COUNT as f64);
    }
    let shown = |name: &str, mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        let (median, min, max) = (values[ROUNDS / 2], values[0], values[ROUNDS - 1]);
        format!("\"{name}\": {{\"median\": {median:.2}, \"min\": {min:.2}, \"max\": {max:.2}, \"unit\": \"us\"}}")
    };
    let numbers = [
        shown("sync_append_each", appended),
        shown("sync_receive_each", received),
        shown("sync_replay_each", replayed),
    ];
    println!("{{{}}}", numbers.join(", "));
}
