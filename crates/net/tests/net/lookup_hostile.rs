//! A DHT whose nodes send old records, or withhold them.

use crate::support::*;
use hedgerow_net::{LookupConfig, NetConfig};
use hedgerow_wire::lookup::{Place, SignedRecord};
use n0_mainline::{Dht, MutableItem, RequestFilter, RequestSpecific, ServerSettings};
use std::{
    net::SocketAddrV4,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// What a bad node does from the moment on at which it turns bad.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bad {
    /// It takes no newer record, and goes on sending the old one.
    Old,
    /// It answers as if it were there, but not when asked for a record.
    Withholds,
}

#[derive(Clone, Debug)]
struct Turncoat {
    how: Bad,
    turned: Arc<AtomicBool>,
}

impl RequestFilter for Turncoat {
    fn allow_request(&self, request: &RequestSpecific, _: SocketAddrV4) -> bool {
        let text = format!("{request:?}");
        let refused = match self.how {
            Bad::Old => text.contains("PutMutable"),
            Bad::Withholds => text.contains("GetValue"),
        };
        !(refused && self.turned.load(Ordering::Relaxed))
    }
}

/// Nodes of a DHT on this machine, of which the first `bad.len()` will turn bad.
async fn network(good: usize, bad: &[Bad], turned: &Arc<AtomicBool>) -> (Vec<Dht>, Vec<String>) {
    let (mut nodes, mut bootstrap) = (Vec::new(), Vec::new());
    for place in 0..good + bad.len() {
        let mut builder = Dht::builder();
        builder.server_mode().bootstrap(&bootstrap).port(0);
        if let Some(how) = bad.get(place) {
            let turned = turned.clone();
            builder.server_settings(ServerSettings {
                filter: Box::new(Turncoat { how: *how, turned }),
                ..ServerSettings::default()
            });
        }
        let node = builder.build().unwrap();
        let port = node.info().await.unwrap().local_addr().port();
        if bootstrap.len() < 4 {
            bootstrap.push(format!("127.0.0.1:{port}"));
        }
        nodes.push(node);
    }
    for node in &nodes {
        node.bootstrapped().await.unwrap();
    }
    (nodes, bootstrap)
}

fn item(seq: u64) -> MutableItem {
    let place = Place {
        made_s: seq,
        keep_s: 7200,
        relays: Vec::new(),
        addresses: vec!["127.0.0.1:9".parse().unwrap()],
    };
    let record = SignedRecord::of_device(&device(9), seq, place);
    let (key, salt) = (record.subject.key().0, record.subject.salt());
    MutableItem::new_signed_unchecked(key, record.signature.0, &record.value, seq as i64, Some(salt))
}

/// Puts number 1 everywhere, lets nodes turn bad, puts number 2 where it is taken.
async fn spoilt(good: usize, bad: &[Bad]) -> (Vec<Dht>, Vec<String>) {
    let turned = Arc::new(AtomicBool::new(false));
    let (nodes, bootstrap) = network(good, bad, &turned).await;
    let publisher = Dht::builder().bootstrap(&bootstrap).port(0).build().unwrap();
    publisher.put_mutable(item(1), None).await.unwrap();
    turned.store(true, Ordering::Relaxed);
    // Bad nodes do not answer it.
    let _ = publisher.put_mutable(item(2), None).await;
    (nodes, bootstrap)
}

async fn asker(seed: u8, bootstrap: &[String]) -> Node {
    let lookup = LookupConfig {
        bootstrap: bootstrap.to_vec(),
        ..LookupConfig::default()
    };
    start(NetConfig { lookup, ..config(seed) }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_record_is_found_though_most_nodes_send_an_old_one() {
    let (_nodes, bootstrap) = spoilt(3, &[Bad::Old; 12]).await;
    for seed in 1..6 {
        let found = asker(seed, &bootstrap).await.net.find(id(9).0).await;
        assert_eq!(found.devices[0].seq, Some(2), "{found:?}");
    }
    // Why the library's own choice is not used: of items with different numbers it keeps the one that came first.
    let (key, salt) = (*item(1).key(), item(1).salt().unwrap().to_vec());
    let mut wrong = 0;
    for _ in 0..20 {
        let client = Dht::builder().bootstrap(&bootstrap).port(0).build().unwrap();
        let chosen = client
            .get_mutable_most_recent(&key, Some(&salt))
            .await
            .unwrap()
            .unwrap();
        wrong += usize::from(chosen.seq() == 1);
    }
    println!("get_mutable_most_recent chose the old record {wrong} times of 20");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_found_though_most_nodes_withhold_it() {
    let (_nodes, bootstrap) = spoilt(4, &[Bad::Withholds; 11]).await;
    let found = asker(1, &bootstrap).await.net.find(id(9).0).await;
    assert_eq!(found.devices[0].seq, Some(2), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_record_from_the_dht_does_not_replace_the_newer_one_that_a_device_told() {
    let (_nodes, bootstrap) = spoilt(0, &[Bad::Old; 5]).await;
    let lookup = || LookupConfig {
        bootstrap: bootstrap.clone(),
        ..LookupConfig::default()
    };
    let mut device = start(NetConfig {
        lookup: lookup(),
        ..config(9)
    })
    .await;
    let mut a = asker(1, &bootstrap).await;
    join(&mut a, &mut device).await;
    let begun = std::time::Instant::now();
    loop {
        let found = a.net.find(id(9).0).await;
        // The device's own number begins at the clock, far above those in the DHT.
        if found.devices[0].seq.is_some_and(|seq| seq > 2) {
            break;
        }
        assert!(begun.elapsed() < LONG, "{found:?}");
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    let found = a.net.find(id(9).0).await;
    assert!(found.devices[0].seq > Some(2), "{found:?}");
}
