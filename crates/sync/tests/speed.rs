//! Numbers by hand: `cargo test --release -p hedgerow-sync --test speed -- --ignored --nocapture`.
#![allow(clippy::unwrap_used, clippy::disallowed_types)] // it measures

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

#[test]
#[ignore = "a measurement"]
fn speed() {
    let who = SecretKey::from_seed(&[7; 32]).public().into();
    let config = |random| SpaceConfig::private(WidgetId([9; 16]), who, [1; 32], [2; 32], [random; 32]);
    let space = config(1).id();
    let (mut a, mut b) = (core(1, &config(1)), core(2, &config(2)));
    let mut out = Vec::new();
    a.handle(0, Input::Start { space }, &mut out);
    b.handle(0, Input::Start { space }, &mut Vec::new());
    const COUNT: usize = 10_000;
    let started = Instant::now();
    for request in 0..COUNT as u64 {
        a.handle(
            1,
            Input::Append {
                space,
                request,
                body: vec![request as u8; 200],
            },
            &mut out,
        );
    }
    println!("append: {:?} each", started.elapsed() / COUNT as u32);
    let stored = out.drain(..).filter_map(|e| {
        if let Effect::Persist { bytes, .. } = e {
            Some(bytes)
        } else {
            None
        }
    });
    let stored: Vec<Vec<u8>> = stored.collect();
    println!("entry of 200 bytes takes {} bytes", stored[COUNT / 2].len());

    let session = [3; 32];
    let (ida, idb) = (NodeId([1; 32]), NodeId([2; 32]));
    let (mut to_a, mut to_b) = (Vec::new(), Vec::new());
    a.handle(2, Input::PeerConnected { peer: idb, session }, &mut to_b);
    b.handle(2, Input::PeerConnected { peer: ida, session }, &mut to_a);
    for _ in 0..3 {
        let frames = |effects: &mut Vec<Effect>| -> Vec<Vec<u8>> {
            effects
                .drain(..)
                .filter_map(|e| {
                    if let Effect::Send { bytes, .. } = e {
                        Some(bytes)
                    } else {
                        None
                    }
                })
                .collect()
        };
        let (fa, fb) = (frames(&mut to_a), frames(&mut to_b));
        fa.into_iter()
            .for_each(|bytes| a.handle(2, Input::Message { peer: idb, bytes }, &mut to_b));
        fb.into_iter()
            .for_each(|bytes| b.handle(2, Input::Message { peer: ida, bytes }, &mut to_a));
    }
    let started = Instant::now();
    for batch in stored.chunks(400) {
        let bytes = entries_frame(space, batch.iter().map(Vec::as_slice));
        b.handle(3, Input::Message { peer: ida, bytes }, &mut out);
    }
    println!("receive: {:?} for {COUNT}", started.elapsed());
    assert_eq!(b.digest(&space), a.digest(&space));

    let key = SecretKey::from_seed(&[1; 32]);
    let signature = key.sign("x", &[0; 250]);
    let started = Instant::now();
    for _ in 0..1000 {
        key.public().verify("x", &[0; 250], &signature).unwrap();
    }
    println!(
        "of which Ed25519: {:?} for {COUNT}",
        started.elapsed() * (COUNT / 1000) as u32
    );

    let mut c = core(1, &config(1));
    let started = Instant::now();
    for bytes in &stored {
        c.replay(&space, bytes, &mut out).unwrap();
    }
    println!("replay: {:?} for {COUNT}", started.elapsed());
    c.handle(4, Input::Start { space }, &mut out);
    assert_eq!(c.digest(&space), a.digest(&space));
}
