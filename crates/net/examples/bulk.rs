//! Prints what two nodes on loopback reach: `cargo run --release -p hedgerow-net --example bulk`.
//! JSON for `cargo xtask bench`: bulk over one request stream, messages of 300 bytes, and the round trip of a message.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

use bytes::Bytes;
use hedgerow_base::SecretKey;
use hedgerow_net::{Channel, DeviceCertificate, Net, NetConfig, NetEvent, NetEvents};
use std::time::Instant;

const SIZE: usize = 512 << 20;
const MESSAGES: usize = 100_000;
const REPEATS: usize = 3;
const ROUNDS: usize = 2000;

async fn node(seed: u8) -> (Net, NetEvents) {
    let device = SecretKey::from_seed(&[seed; 32]);
    let certificate = DeviceCertificate::issue(&SecretKey::from_seed(&[9; 32]), device.public().into(), 0);
    let config = NetConfig {
        listen: vec!["127.0.0.1:0".parse().unwrap()],
        lan: false,
        ..NetConfig::new(device, certificate)
    };
    Net::bind(config).await.unwrap()
}

/// Answers requests with `SIZE` bytes, echoes live messages, and takes the rest.
async fn serve(net: Net, mut events: NetEvents) {
    while let Some(event) = events.recv().await {
        match event {
            NetEvent::Request { mut send, .. } => {
                let block = Bytes::from(vec![7; 256 << 10]);
                for _ in 0..SIZE / block.len() {
                    send.write(block.clone()).await.unwrap();
                }
                send.finish();
            }
            NetEvent::Message {
                node,
                channel: Channel::Live,
                bytes,
            } => {
                let _ = net.send(&node, Channel::Live, bytes);
            }
            NetEvent::Message {
                node,
                channel: Channel::Sync,
                bytes,
            } if bytes == b"last" => {
                let _ = net.send(&node, Channel::Sync, bytes);
            }
            _ => {}
        }
    }
}

async fn message(events: &mut NetEvents) {
    while !matches!(events.recv().await.unwrap(), NetEvent::Message { .. }) {}
}

/// Calls, as often as there are rounds; answers median, smallest and largest as JSON.
fn shown(name: &str, unit: &str, mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let (median, min, max) = (values[values.len() / 2], values[0], values[values.len() - 1]);
    format!("\"{name}\": {{\"median\": {median:.1}, \"min\": {min:.1}, \"max\": {max:.1}, \"unit\": \"{unit}\"}}")
}

#[tokio::main]
async fn main() {
    let (server, server_events) = node(2).await;
    let ticket = server.ticket();
    tokio::spawn(serve(server, server_events));
    let (net, mut events) = node(1).await;
    net.connect(&ticket).await.unwrap();
    while !matches!(events.recv().await.unwrap(), NetEvent::PeerConnected { .. }) {}

    let mut bulk = Vec::new();
    for _ in 0..REPEATS {
        let begun = Instant::now();
        let (_send, mut recv) = net.open_request(&ticket.node, b"bulk".to_vec()).await.unwrap();
        let mut received = 0;
        while let Some(bytes) = recv.read_some(1 << 20).await.unwrap() {
            received += bytes.len();
        }
        bulk.push(received as f64 / 1e6 / begun.elapsed().as_secs_f64());
    }

    let mut per_second = Vec::new();
    for _ in 0..REPEATS {
        let begun = Instant::now();
        for _ in 0..MESSAGES {
            while net.send(&ticket.node, Channel::Sync, vec![1; 300]).is_err() {
                while !matches!(events.recv().await.unwrap(), NetEvent::Writable { .. }) {}
            }
        }
        while net.send(&ticket.node, Channel::Sync, b"last".to_vec()).is_err() {
            while !matches!(events.recv().await.unwrap(), NetEvent::Writable { .. }) {}
        }
        message(&mut events).await;
        per_second.push(MESSAGES as f64 / begun.elapsed().as_secs_f64());
    }

    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        net.send(&ticket.node, Channel::Live, vec![1; 64]).unwrap();
        message(&mut events).await;
        rounds.push(begun.elapsed().as_micros() as f64);
    }
    let numbers = [
        shown("net_bulk", "MB/s", bulk),
        shown("net_messages", "1/s", per_second),
        shown("net_round_trip", "us", rounds),
    ];
    println!("{{{}}}", numbers.join(", "));
}
