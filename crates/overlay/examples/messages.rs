//! Messages that one core checks and passes on in a second, signatures and rules included:
//! `cargo run --release -p hedgerow-overlay --example messages`. Prints JSON for `cargo xtask bench`.
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::print_stdout,
    missing_docs
)] // it measures

use hedgerow_base::{AppId, NodeId, SecretKey};
use hedgerow_overlay::{AppConfig, Effect, Input, Overlay, Prefix, Rules, RulesText, Running, Strict};
use hedgerow_wire::overlay::{Envelope, Header, Here, OverlayFrame};
use std::{net::SocketAddr, sync::Arc, time::Instant};

const APP: AppId = AppId([7; 32]);
const COUNT: usize = 20_000;
const ROUNDS: usize = 5;
const LINKS: u8 = 10;

fn rules() -> Rules {
    let text = RulesText {
        rate_per_signer: Some(10_000.0),
        rate_per_forwarder: Some(10_000.0),
        burst_per_signer: Some(100_000),
        burst_per_forwarder: Some(100_000),
        filter: Some(r#"^\{"kind":"[a-z]+""#.into()),
        accept: Some("msg.kind in ['chat', 'move'] && size(msg.text) <= 500".into()),
        ..RulesText::default()
    };
    Rules::try_from(&text).unwrap()
}

/// A core whose app runs, with ten links.
fn core() -> Overlay {
    let mut core = Overlay::new(NodeId([1; 32]), &[1; 32], Vec::new(), Arc::new(Strict));
    let rules = Arc::new(rules());
    let digest = *rules.digest();
    let config = Box::new(AppConfig {
        rules,
        validator: None,
        key: None,
        known: false,
        source: 1,
        first_seq: 1,
        fanout: 5,
    });
    let mut out = Vec::new();
    core.handle(0, Input::Open { app: APP, config }, &mut out);
    let running = Running::Yes;
    core.handle(0, Input::Running { app: APP, running }, &mut out);
    for at in 0..LINKS {
        let peer = NodeId([at + 2; 32]);
        let prefix = Prefix::of(&SocketAddr::from(([20, 0, at, 1], 1)));
        let addresses = Vec::new();
        core.handle(
            0,
            Input::Connected {
                peer,
                prefix,
                addresses,
            },
            &mut out,
        );
        let frame = OverlayFrame::Link(Here {
            app: APP,
            handle: 1,
            rules: digest,
            credit: 1 << 30,
            who: None,
        });
        core.handle(0, Input::Frame { peer, frame }, &mut out);
    }
    core
}

fn messages() -> Vec<Vec<u8>> {
    let key = SecretKey::from_seed(&[9; 32]);
    let message = |seq: usize| {
        let body = format!(r#"{{"kind":"chat","text":"message {seq} {}"}}"#, "x".repeat(150));
        let header = Header {
            app: APP,
            from_app: None,
            to: None,
            signer: None,
            source: 1,
            seq: seq as u64,
            ttl_ms: 60_000,
            immediate: false,
        };
        let frame = OverlayFrame::Push {
            handle: 1,
            wanted: false,
            hops: 2,
            age_ms: 40,
            envelope: Envelope::seal(header, body.as_bytes(), Some(&key)),
        };
        frame.to_bytes()
    };
    (0..COUNT).map(message).collect()
}

fn main() {
    let frames = messages();
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        let (mut core, mut out) = (core(), Vec::new());
        let (mut delivered, mut sent) = (0, 0);
        let begun = Instant::now();
        for (at, bytes) in frames.iter().enumerate() {
            let peer = NodeId([at as u8 % LINKS + 2; 32]);
            // A thousand messages a second, as its clock goes.
            let (now_ms, bytes) = (1_000 + at as u64, bytes.clone());
            core.handle(now_ms, Input::Bytes { peer, bytes }, &mut out);
            core.handle_timeout(now_ms, &mut out);
            for effect in out.drain(..) {
                match effect {
                    Effect::Deliver { .. } => delivered += 1,
                    Effect::Send { frame, .. } => sent += frame.to_bytes().len(),
                    _ => {}
                }
            }
        }
        let seconds = begun.elapsed().as_secs_f64();
        assert!(delivered == COUNT && sent > 0, "{delivered} delivered");
        rates.push(COUNT as f64 / seconds);
    }
    rates.sort_by(f64::total_cmp);
    let (median, min, max) = (rates[ROUNDS / 2], rates[0], rates[ROUNDS - 1]);
    println!(
        "{{\"overlay_messages_validated\": {{\"median\": {median:.0}, \"min\": {min:.0}, \"max\": {max:.0}, \"unit\": \"1/s\"}}}}"
    );
}
