//! Finds out from inside what a NAT does, with two [`crate::echo`] servers outside; and measures a link.

use crate::{
    echo::{PORTS, roomy},
    figures::{milliseconds, percentile},
};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::{
    io::Read,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream, UdpSocket},
    thread,
    time::{Duration, Instant},
};

/// How long an answer may take here, where nothing is far.
pub(crate) const PATIENCE: Duration = Duration::from_millis(300);

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// The own address and port of the socket that asked.
    pub local: Option<SocketAddrV4>,
    /// How it looked to two ports of one server and two of the other.
    pub mapped: Vec<Option<SocketAddrV4>>,
    /// Whether an answer from a port that was not asked came in.
    pub other_port: bool,
    /// Whether an answer from a host that was not asked came in.
    pub other_address: bool,
    /// Whether the mapping to a host was another after that host had sent first.
    pub early_changes: bool,
    /// How many machines forward until the server, and the server itself.
    pub hops: Option<u32>,
    /// Whether TCP passes.
    pub tcp: bool,
}

impl Findings {
    /// For programs.
    pub fn json(&self) -> Value {
        let text = |address: &Option<SocketAddrV4>| address.map(|address| address.to_string());
        json!({
            "local": text(&self.local),
            "mapped": self.mapped.iter().map(text).collect::<Vec<_>>(),
            "other_port": self.other_port,
            "other_address": self.other_address,
            "early_changes": self.early_changes,
            "hops": self.hops,
            "tcp": self.tcp,
        })
    }
}

/// Asks the two servers.
pub fn nat(servers: [Ipv4Addr; 2]) -> Result<Findings> {
    let [one, two] = servers;
    let [port, port2] = PORTS;
    let socket = bind()?;
    let mut asked = Vec::new();
    for server in servers {
        asked.extend(PORTS.map(|port| SocketAddrV4::new(server, port)));
    }
    let mapped = asked.iter().map(|to| mapping(&socket, *to)).collect();

    // A fresh socket that has only met one port of one server.
    let fresh = bind()?;
    let first = SocketAddrV4::new(one, port);
    let before = mapping(&fresh, first);
    let other_port = before.is_some() && ask(&fresh, first, b"P", SocketAddrV4::new(one, port2)).is_some();
    let stranger = SocketAddrV4::new(two, port);
    let other_address = before.is_some() && ask(&fresh, first, b"I", stranger).is_some();
    // By now the stranger has sent to the mapping.
    let after = mapping(&fresh, stranger);
    let early_changes = before.is_some() && after != before;

    Ok(Findings {
        local: local(&socket, first),
        mapped,
        other_port,
        other_address,
        early_changes,
        hops: (1..=5).find(|ttl| reaches(first, *ttl)),
        tcp: over_tcp(first),
    })
}

/// How a socket looks to a server.
pub fn mapping(socket: &UdpSocket, server: SocketAddrV4) -> Option<SocketAddrV4> {
    let answer = ask(socket, server, b"Q", server).or_else(|| ask(socket, server, b"Q", server))?;
    std::str::from_utf8(&answer).ok()?.parse().ok()
}

/// A socket that waits as long as is worth it.
pub fn bind() -> Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).context("no UDP socket to be had")?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket)
}

/// Sends to one address and waits for a packet from a (perhaps different) one.
pub fn ask(socket: &UdpSocket, to: SocketAddrV4, message: &[u8], from: SocketAddrV4) -> Option<Vec<u8>> {
    socket.send_to(message, to).ok()?;
    hear(socket, Some(from)).map(|(bytes, _)| bytes)
}

/// Waits for a packet from anybody or somebody.
pub fn hear(socket: &UdpSocket, from: Option<SocketAddrV4>) -> Option<(Vec<u8>, SocketAddr)> {
    let begin = Instant::now();
    let mut buffer = [0; 2048];
    while begin.elapsed() < PATIENCE {
        let (size, sender) = socket.recv_from(&mut buffer).ok()?;
        if from.is_none_or(|from| sender == SocketAddr::V4(from)) {
            return Some((buffer.get(..size)?.to_vec(), sender));
        }
    }
    None
}

fn local(socket: &UdpSocket, server: SocketAddrV4) -> Option<SocketAddrV4> {
    let port = socket.local_addr().ok()?.port();
    let connected = bind().ok()?;
    connected.connect(server).ok()?;
    match connected.local_addr().ok()? {
        SocketAddr::V4(address) => Some(SocketAddrV4::new(*address.ip(), port)),
        SocketAddr::V6(_) => None,
    }
}

fn reaches(server: SocketAddrV4, ttl: u32) -> bool {
    let Ok(socket) = bind() else { return false };
    socket.set_ttl(ttl).is_ok() && ask(&socket, server, b"Q", server).is_some()
}

fn over_tcp(server: SocketAddrV4) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&server.into(), PATIENCE * 3) else {
        return false;
    };
    let mut answer = String::new();
    stream.set_read_timeout(Some(PATIENCE)).is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.parse::<SocketAddr>().is_ok()
}

/// What was measured on a path.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// The median of the round trips.
    pub rtt_ms: f64,
    /// Loss in one direction, 0 to 1, if it is the same in both.
    pub loss: f64,
}

/// Sends `count` packets at `rate` a second to an echo server and counts what comes back.
pub fn link(server: SocketAddrV4, count: u32, rate: f64) -> Result<Measured> {
    let socket = bind()?;
    roomy(&socket);
    // Neighbours are found before the clock runs.
    let _ = mapping(&socket, server);
    let listener = socket.try_clone()?;
    let quiet = Duration::from_secs(1);
    listener.set_read_timeout(Some(quiet))?;
    let begin = Instant::now();
    let times = thread::scope(|scope| {
        let heard = scope.spawn(move || {
            let mut times = Vec::new();
            let mut buffer = [0; 64];
            while let Ok(size) = listener.recv(&mut buffer) {
                let sent = buffer.get(1..9).and_then(|bytes| bytes.try_into().ok());
                if let (Some(sent), 9..) = (sent, size) {
                    let sent = Duration::from_nanos(u64::from_be_bytes(sent));
                    times.push(milliseconds_exactly(begin.elapsed().saturating_sub(sent)));
                }
            }
            times
        });
        for n in 0..count {
            let due = Duration::from_secs_f64(f64::from(n) / rate);
            if let Some(wait) = due.checked_sub(begin.elapsed()) {
                thread::sleep(wait.max(Duration::from_millis(1)));
            }
            let now = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
            let mut packet = [b'E'; 60];
            if let Some(place) = packet.get_mut(1..9) {
                place.copy_from_slice(&now.to_be_bytes());
            }
            let _ = socket.send_to(&packet, server);
        }
        heard.join().unwrap_or_default()
    });
    let back = times.len() as f64 / f64::from(count.max(1));
    Ok(Measured {
        rtt_ms: percentile(&times, 0.5).context("nothing came back over the link")?,
        loss: 1.0 - back.sqrt(),
    })
}

fn milliseconds_exactly(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

impl Measured {
    /// For programs.
    pub fn json(&self) -> Value {
        let rtt = milliseconds(Duration::from_secs_f64(self.rtt_ms / 1000.0));
        json!({ "rtt_ms": rtt, "loss": (self.loss * 100_000.0).round() / 1000.0 })
    }
}
