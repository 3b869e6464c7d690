//! How long it takes to connect to a node of which only the id is known, over a DHT of 200 nodes:
//! `cargo run --release -p hedgerow-net --example lookup`, everything on this machine without any delay. With distance
//! between the DHT and those who ask it: `cargo xtask lab lookup`, which runs `lookup serve ADDRESS` and
//! `lookup ask BOOTSTRAP` in namespaces of their own. Prints JSON as `cargo xtask bench` wants it, times in ms.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

use hedgerow_base::SecretKey;
use hedgerow_net::{DeviceCertificate, LookupConfig, Net, NetConfig};
use hedgerow_wire::lookup::{Place, SignedRecord};
use n0_mainline::{Dht, Id, MutableItem};
use std::{
    net::Ipv4Addr,
    time::{Duration, Instant},
};

const NODES: usize = 200;
/// Nodes that are looked for.
const TARGETS: u8 = 40;
/// Nodes that look for all of them, one after the other.
const ASKERS: u8 = 5;

/// A DHT whose nodes are all at one address. It has to be a private one: of those at one public address nodes of the
/// DHT accept only a few (BEP 42).
async fn dht(at: Ipv4Addr) -> (Vec<Dht>, String) {
    let (mut nodes, mut first) = (Vec::new(), Vec::new());
    for _ in 0..NODES {
        let mut builder = Dht::builder();
        builder.server_mode().bootstrap(&first).port(0);
        let node = builder.build().unwrap();
        if first.is_empty() {
            first.push(format!("{at}:{}", node.info().await.unwrap().local_addr().port()));
        }
        nodes.push(node);
    }
    for node in &nodes {
        assert!(node.bootstrapped().await.unwrap());
    }
    (nodes, first.remove(0))
}

fn key(group: u8, number: u8) -> SecretKey {
    let mut seed = [group; 32];
    seed[0] = number;
    SecretKey::from_seed(&seed)
}

async fn node(group: u8, number: u8, bootstrap: Option<&str>) -> Net {
    let device = key(group, number);
    let certificate = DeviceCertificate::issue(&SecretKey::from_seed(&[9; 32]), device.public().into(), 0);
    let config = NetConfig {
        listen: vec!["0.0.0.0:0".parse().unwrap()],
        lan: false,
        serve: false,
        lookup: LookupConfig {
            dht: bootstrap.is_some(),
            bootstrap: bootstrap.map(str::to_owned).into_iter().collect(),
            ..LookupConfig::default()
        },
        ..NetConfig::new(device, certificate)
    };
    let (net, mut events) = Net::bind(config).await.unwrap();
    tokio::spawn(async move { while events.recv().await.is_some() {} });
    net
}

/// Puts the records of all targets to the 20 nodes nearest to each. A node that publishes its own begins without a
/// picture of how large the DHT is, and then puts it to every node that answers, which makes it easier to find: this
/// is the harder case.
async fn publish(targets: &[Net], bootstrap: &str) {
    let client = Dht::builder().bootstrap(&[bootstrap]).port(0).build().unwrap();
    for _ in 0..20 {
        client.get_closest_nodes(Id::random()).await.unwrap();
    }
    for (number, target) in (0u8..).zip(targets) {
        let place = Place {
            addresses: target.addresses().into_iter().filter(|addr| addr.is_ipv4()).collect(),
            ..Place::default()
        };
        let record = SignedRecord::of_device(&key(1, number), 1, place);
        let (key, salt) = (record.subject.key().0, record.subject.salt());
        let near = client
            .get_closest_nodes(MutableItem::target_from_key(&key, Some(salt)))
            .await;
        let near = near.unwrap().len();
        assert!(
            (10..=40).contains(&near),
            "the client knows how large the DHT is: {near}"
        );
        let item = MutableItem::new_signed_unchecked(key, record.signature.0, &record.value, 1, Some(salt));
        client.put_mutable(item, None).await.unwrap();
    }
}

async fn find(asker: &Net, target: &Net) -> f64 {
    let begun = Instant::now();
    asker.connect_to(target.node()).await.unwrap();
    begun.elapsed().as_secs_f64() * 1000.0
}

fn percentile(sorted: &[f64], share: f64) -> f64 {
    let place = (sorted.len() as f64 * share).ceil() as usize;
    sorted[place.clamp(1, sorted.len()) - 1]
}

fn shown(name: &str, mut times: Vec<f64>) -> String {
    times.sort_by(f64::total_cmp);
    let (min, max) = (times[0], times[times.len() - 1]);
    let one = |what: &str, share: f64, target: f64| {
        let value = percentile(&times, share);
        format!(
            "\"{name}_{what}\": {{\"median\": {value:.1}, \"min\": {min:.1}, \"max\": {max:.1}, \"unit\": \"ms\", \
             \"runs\": {}, \"target\": {target}, \"ok\": {}}}",
            times.len(),
            value <= target
        )
    };
    format!("{}, {}", one("p50", 0.5, 250.0), one("p95", 0.95, 1000.0))
}

async fn ask(bootstrap: &str) {
    let mut targets = Vec::new();
    for number in 0..TARGETS {
        targets.push(node(1, number, None).await);
    }
    publish(&targets, bootstrap).await;
    // A node that has just started and has never asked anything.
    let mut first = Vec::new();
    for (number, target) in (0u8..).zip(&targets) {
        let asker = node(2, number, Some(bootstrap)).await;
        first.push(find(&asker, target).await);
        asker.shutdown().await;
    }
    let (mut next, mut lookups, mut known) = (Vec::new(), 0, 0);
    for number in 0..ASKERS {
        let asker = node(3, number, Some(bootstrap)).await;
        for (place, target) in targets.iter().enumerate() {
            let time = find(&asker, target).await;
            if place > 0 {
                next.push(time);
            }
        }
        lookups += asker.lookup().lookups;
        for target in &targets {
            asker.disconnect(&target.node());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        for target in &targets {
            find(&asker, target).await;
        }
        known += asker.lookup().lookups;
        asker.shutdown().await;
    }
    let known = known - lookups;
    println!(
        "{{{}, {}, \"lookup_known\": {{\"median\": {known}, \"min\": {known}, \"max\": {known}, \"unit\": \
         \"lookups\", \"runs\": {}, \"target\": 0, \"ok\": {}}}}}",
        shown("lookup", next),
        shown("lookup_first", first),
        usize::from(ASKERS) * usize::from(TARGETS),
        known == 0
    );
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["serve", at] => {
            let (_nodes, bootstrap) = dht(at.parse().unwrap()).await;
            println!("{bootstrap}");
            std::future::pending::<()>().await;
        }
        ["ask", bootstrap] => ask(bootstrap).await,
        _ => {
            let (_nodes, bootstrap) = dht(Ipv4Addr::LOCALHOST).await;
            ask(&bootstrap).await;
        }
    }
}
