//! Prints what two nodes on loopback reach: `cargo run --release -p hedgerow-net --example bulk`.
//! One line of JSON: bulk over one request stream in MB/s, small messages per second, and the median round trip of a
//! message in microseconds.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

use bytes::Bytes;
use hedgerow_base::SecretKey;
use hedgerow_net::{Channel, DeviceCertificate, Net, NetConfig, NetEvent, NetEvents};
use std::time::Instant;

const SIZE: usize = 1 << 30;
const MESSAGES: usize = 200_000;
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

#[tokio::main]
async fn main() {
    let (server, server_events) = node(2).await;
    let ticket = server.ticket();
    tokio::spawn(serve(server, server_events));
    let (net, mut events) = node(1).await;
    net.connect(&ticket).await.unwrap();
    while !matches!(events.recv().await.unwrap(), NetEvent::PeerConnected { .. }) {}

    let begun = Instant::now();
    let (_send, mut recv) = net.open_request(&ticket.node, b"bulk".to_vec()).await.unwrap();
    let mut received = 0;
    while let Some(bytes) = recv.read_some(1 << 20).await.unwrap() {
        received += bytes.len();
    }
    let bulk = received as f64 / 1e6 / begun.elapsed().as_secs_f64();

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
    let per_second = MESSAGES as f64 / begun.elapsed().as_secs_f64();

    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        net.send(&ticket.node, Channel::Live, vec![1; 64]).unwrap();
        message(&mut events).await;
        rounds.push(begun.elapsed().as_micros());
    }
    rounds.sort_unstable();
    println!(
        "{{\"bulk_mb_s\":{bulk:.0},\"messages_s\":{per_second:.0},\"round_trip_us\":{}}}",
        rounds[ROUNDS / 2]
    );
}
