//! A network that lets nobody out before they have clicked somewhere: every name is the portal's, every TCP connection
//! leads to its page, and UDP goes nowhere.

use super::{advice, wait};
use crate::{
    description::Description,
    figures::milliseconds,
    nat::{self, NatKind},
    node::Node,
    space::Space,
    topology::Lab,
};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, UdpSocket},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

/// How long the person does not click.
const WAITING: Duration = Duration::from_secs(15);
/// Until when it must be noticed that it closed again: connections are given up first.
const NOTICING: Duration = Duration::from_secs(60);
/// Until when everything must work once the portal lets out.
const AFTER: Duration = Duration::from_secs(60);
const HTTP: u16 = 8080;
const DNS: u16 = 5353;

/// The page and the names. It ends with this value.
struct Portal {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
}

impl Portal {
    fn open(router: &Space) -> Result<Self> {
        let (http, dns) = router.enter(|| {
            let http = TcpListener::bind((Ipv4Addr::UNSPECIFIED, HTTP));
            (http, UdpSocket::bind((Ipv4Addr::UNSPECIFIED, DNS)))
        })?;
        let (http, dns) = (
            http.context("the portal has no port")?,
            dns.context("the portal has no port")?,
        );
        http.set_nonblocking(true)?;
        dns.set_nonblocking(true)?;
        let portal = Self {
            stop: Arc::default(),
            asked: Arc::default(),
        };
        let (stop, asked) = (portal.stop.clone(), portal.asked.clone());
        thread::spawn(move || {
            while !stop.load(Ordering::SeqCst) {
                let mut buffer = [0; 2048];
                if let Ok((mut stream, _)) = http.accept() {
                    asked.fetch_add(1, Ordering::SeqCst);
                    let _ = stream.set_read_timeout(Some(Duration::from_millis(100)));
                    let _ = stream.read(&mut buffer);
                    let page = "HTTP/1.1 302 Found\r\nLocation: http://portal.invalid/\r\nContent-Length: 0\r\n\r\n";
                    let _ = stream.write_all(page.as_bytes());
                }
                if let Ok((len, from)) = dns.recv_from(&mut buffer) {
                    asked.fetch_add(1, Ordering::SeqCst);
                    let _ = dns.send_to(&answer(buffer.get(..len).unwrap_or_default()), from);
                }
                thread::sleep(Duration::from_millis(5));
            }
        });
        Ok(portal)
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

/// Every name is at the portal (RFC 1035: the question again, and one address for it).
fn answer(question: &[u8]) -> Vec<u8> {
    let mut bytes = question.to_vec();
    for (at, value) in [(2, 0x81), (3, 0x80), (7, 1)] {
        if let Some(byte) = bytes.get_mut(at) {
            *byte = value;
        }
    }
    bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 9, 9, 9]);
    bytes
}

/// In front of an ordinary router's rules.
fn rules() -> String {
    format!(
        "table ip portal {{
 chain catch {{
  type nat hook prerouting priority -110;
  iif \"lan\" meta l4proto tcp redirect to :{HTTP}
  iif \"lan\" udp dport 53 redirect to :{DNS}
 }}
 chain stop {{
  type filter hook forward priority -10;
  drop
 }}
}}
"
    )
}

pub(super) fn run(program: &Path) -> Result<Value> {
    let mut lab = Lab::new(10)?;
    lab.add(
        &"host P1 at 203.0.113.101
          host P2 at 203.0.113.102
          router A at 203.0.113.11 nat port-restricted
          host a behind A"
            .parse::<Description>()?,
    )?;
    let start = |name: &str, peers: &[&str]| Node::start(lab.space(name)?, program, name, peers);
    let p1 = start("P1", &[])?;
    let p2 = start("P2", &[p1.first_ticket()])?;
    let tickets = [p1.first_ticket(), p2.first_ticket()];
    let router = lab.space("A")?;
    let open = nat::rules(NatKind::PortRestricted, lab.address("A")?).context("a router without rules")?;
    let closed = open.clone() + &rules();
    let portal = Portal::open(&router)?;

    router.nft(&closed)?;
    let mut a = start("a", &tickets)?;
    thread::sleep(WAITING);
    let said = advice(&a)?;
    let caught = portal.asked.load(Ordering::SeqCst);
    let nobody = a.peers()?.is_empty();
    let connected = || Ok(a.path_to(&p1)?.is_some() && a.path_to(&p2)?.is_some());
    router.nft(&open)?;
    let first = wait(AFTER, connected)?;
    // The next day it asks again.
    router.nft(&closed)?;
    wait(NOTICING, || Ok(advice(&a)?.contains("log in")))?;
    let away = advice(&a)?;
    router.nft(&open)?;
    let again = wait(AFTER, || Ok(a.reaches(&p1) && a.reaches(&p2)))?;
    let told = said.contains("log in") && away.contains("log in");
    let ok = nobody && told && caught > 0 && first.is_some() && again.is_some();
    Ok(json!({
        "ok": ok, "survived": a.runs(), "said": said, "connections_kept": again.is_some(),
        "said_when_it_closed_again": away, "caught_by_the_portal": caught,
        "connected_after_ms": first.map(milliseconds), "connected_again_after_ms": again.map(milliseconds),
    }))
}
