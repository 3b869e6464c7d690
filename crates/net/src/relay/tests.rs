use super::*;
use iroh::{
    Endpoint, EndpointAddr, RelayConfig, RelayMap, RelayMode, SecretKey as EngineKey, TransportAddr, Watcher as _,
    endpoint::{Connection, presets},
};
use std::{net::Ipv4Addr, time::Duration};
use tokio::time::timeout;

const ALPN: &[u8] = b"test";

pub(super) fn key(n: u8) -> SecretKey {
    SecretKey::from_seed(&[n; 32])
}

pub(super) fn node(n: u8) -> NodeId {
    NodeId::from(key(n).public())
}

/// A relay of node `n`, which serves all but node 66.
async fn relay(n: u8, limits: RelayLimits) -> (Relay, RelayAt, Arc<Mutex<Quota>>) {
    let at = {
        let free = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        free.local_addr().unwrap()
    };
    let quota = Arc::new(Mutex::new(Quota::new(limits, MonthUse::default(), 0)));
    let barred = Arc::new(|id: &NodeId| *id == node(66));
    let relay = Relay::start(at, &key(n), quota.clone(), Instant::now(), barred)
        .await
        .unwrap();
    (relay, RelayAt::of(node(n), at), quota)
}

/// An endpoint that has nothing but relays.
pub(super) async fn client(n: u8) -> Endpoint {
    Endpoint::builder(presets::Minimal)
        .secret_key(EngineKey::from_bytes(&key(n).seed()))
        .alpns(vec![ALPN.to_vec()])
        .relay_mode(RelayMode::Custom(RelayMap::empty()))
        .ca_tls_config(tls::client())
        .dns_resolver(tls::names())
        .clear_ip_transports()
        .bind()
        .await
        .unwrap()
}

pub(super) async fn home(endpoint: &Endpoint, relay: RelayAt) -> bool {
    let url = relay.url().unwrap();
    let config = RelayConfig::new(url.clone(), None);
    endpoint.insert_relay(url, Arc::new(config)).await;
    let mut status = endpoint.home_relay_status();
    let connected = async {
        while !status.get().iter().any(|home| home.is_connected()) {
            let _ = status.updated().await;
        }
    };
    timeout(Duration::from_secs(3), connected).await.is_ok()
}

pub(super) async fn dial(from: &Endpoint, to: u8, relay: RelayAt) -> Option<Connection> {
    let id = EngineKey::from_bytes(&key(to).seed()).public();
    let addr = EndpointAddr::from_parts(id, relay.url().map(TransportAddr::Relay));
    timeout(Duration::from_secs(2), from.connect(addr, ALPN))
        .await
        .ok()?
        .ok()
}

/// Everything that is sent comes back.
pub(super) fn echo(endpoint: Endpoint) {
    tokio::spawn(async move {
        while let Some(incoming) = endpoint.accept().await {
            let Ok(conn) = incoming.await else { continue };
            tokio::spawn(async move {
                while let Ok((mut send, mut recv)) = conn.accept_bi().await {
                    let bytes = recv.read_to_end(1 << 24).await.unwrap_or_default();
                    let _ = send.write_all(&bytes).await;
                    let _ = send.finish();
                }
            });
        }
    });
}

pub(super) async fn exchange(conn: &Connection, bytes: &[u8]) -> Vec<u8> {
    let (mut send, mut recv) = conn.open_bi().await.unwrap();
    send.write_all(bytes).await.unwrap();
    send.finish().unwrap();
    recv.read_to_end(1 << 24).await.unwrap()
}

#[tokio::test]
async fn two_nodes_meet_over_a_third_and_every_byte_is_counted() {
    let (relay, at, quota) = relay(1, RelayLimits::default()).await;
    let (a, b) = (client(2).await, client(3).await);
    assert!(home(&b, at).await);
    echo(b.clone());
    let conn = dial(&a, 3, at).await.expect("a connection over the relay");
    let bytes = vec![7; 500_000];
    assert_eq!(exchange(&conn, &bytes).await, bytes);
    let used = used(&quota, Instant::now());
    assert_eq!(used.clients, 2);
    // There and back, and each way into the relay and out of it.
    assert!(used.bytes > 4 * 500_000, "{}", used.bytes);
    assert_eq!(used.bytes, used.month.bytes);
    a.close().await;
    b.close().await;
    relay.stop().await;
    assert_eq!(lock(&quota).nodes(), 0, "places are given back");
}

#[tokio::test]
async fn a_relay_with_another_key_than_the_pinned_one_is_not_used() {
    let (relay, at, quota) = relay(1, RelayLimits::default()).await;
    let claimed = RelayAt {
        node: Some(node(9)),
        ..at
    };
    let (a, b) = (client(2).await, client(3).await);
    assert!(home(&b, at).await);
    assert!(
        dial(&a, 3, claimed).await.is_none(),
        "somebody plays the relay of node 9"
    );
    assert!(!home(&a, claimed).await);
    assert_eq!(lock(&quota).nodes(), 1, "only the one with the right key");
    let unknown = RelayAt { node: None, ..at };
    echo(b.clone());
    assert!(dial(&a, 3, unknown).await.is_some(), "nobody said whose relay it is");
    relay.stop().await;
}

#[tokio::test]
async fn a_blocked_node_is_not_served_and_is_sent_away() {
    let (relay, at, quota) = relay(1, RelayLimits::default()).await;
    let blocked = client(66).await;
    assert!(!home(&blocked, at).await);
    let other = client(2).await;
    assert!(home(&other, at).await);
    relay.expel(&node(2));
    let gone = async {
        while lock(&quota).nodes() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(timeout(Duration::from_secs(2), gone).await.is_ok());
    relay.stop().await;
}

#[tokio::test]
async fn no_client_is_let_in_when_the_places_are_taken_and_those_inside_go_on() {
    let limits = RelayLimits {
        clients: 2,
        ..RelayLimits::default()
    };
    let (relay, at, quota) = relay(1, limits).await;
    let (a, b, late) = (client(2).await, client(3).await, client(4).await);
    assert!(home(&a, at).await && home(&b, at).await);
    echo(b.clone());
    assert!(!home(&late, at).await);
    assert!(used(&quota, Instant::now()).refused > 0);
    let conn = dial(&a, 3, at).await.expect("a connection over the relay");
    assert_eq!(exchange(&conn, b"still").await, b"still");
    relay.stop().await;
}

#[tokio::test]
async fn a_slow_rate_slows_and_loses_nothing() {
    let limits = RelayLimits {
        rate: Some(200_000),
        ..RelayLimits::default()
    };
    let (relay, at, _) = relay(1, limits).await;
    let (a, b) = (client(2).await, client(3).await);
    assert!(home(&b, at).await);
    echo(b.clone());
    let conn = dial(&a, 3, at).await.expect("a connection over the relay");
    let begin = Instant::now();
    let bytes = vec![9; 1_000_000];
    assert_eq!(exchange(&conn, &bytes).await, bytes);
    // Four seconds of the rate pass at once.
    assert!(begin.elapsed() > Duration::from_millis(900), "{:?}", begin.elapsed());
    relay.stop().await;
}

#[tokio::test]
async fn connections_that_are_no_clients_are_let_go_and_cost_no_place() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (relay, at, quota) = relay(1, RelayLimits::default()).await;
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0; 3000], &[0x16, 3, 1, 0xff, 0xff]] {
        let mut stream = tokio::net::TcpStream::connect(at.at).await.unwrap();
        stream.write_all(garbage).await.unwrap();
        let _ = stream.shutdown().await;
        let _ = timeout(Duration::from_secs(2), stream.read_to_end(&mut Vec::new())).await;
    }
    let empty = async {
        while !lock(&quota).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(timeout(Duration::from_secs(2), empty).await.is_ok());
    assert!(home(&client(2).await, at).await, "others are served");
    relay.stop().await;
}
