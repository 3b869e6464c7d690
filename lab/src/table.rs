//! A router's table of connections in the kernel: what a reboot empties, and what an absolute lifetime cuts short.

use crate::space::Space;
use anyhow::{Context, Result, bail};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, setsockopt, socket, sockopt,
};
use std::{
    collections::BTreeMap,
    os::fd::{AsRawFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Messages of the kernel's interface (nfnetlink, ctnetlink).
const GET: u16 = 0x0101;
const DELETE: u16 = 0x0102;
const REQUEST: u16 = 0x0001;
const ACKNOWLEDGE: u16 = 0x0004;
const DUMP: u16 = 0x0300;
const KIND_ERROR: u16 = 2;
const KIND_DONE: u16 = 3;
/// Attributes of a connection: its addresses and ports, its protocol among them, and a number that is never reused.
const TUPLE: u16 = 1;
const ID: u16 = 12;
/// Attributes inside: of the addresses and ports the protocol, and of that its number.
const PROTOCOL: u16 = 2;
const NUMBER: u16 = 1;
const UDP: u8 = 17;
/// Families.
const ANY: u8 = 0;
const IPV4: u8 = 2;
/// Both headers of a message.
const HEADERS: usize = 20;
/// How exactly lifetimes are kept.
const ROUND: Duration = Duration::from_millis(100);

/// The table of one namespace.
#[derive(Debug)]
pub struct Table(OwnedFd);

/// A connection: its attributes as the kernel wants them back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Connection(Vec<u8>);

impl Table {
    /// Opens the table of a namespace.
    pub fn open(space: &Space) -> Result<Self> {
        let open = || {
            socket(
                AddressFamily::Netlink,
                SockType::Raw,
                SockFlag::SOCK_CLOEXEC,
                SockProtocol::NetlinkNetFilter,
            )
        };
        let socket = space
            .enter(open)?
            .context("the kernel's table of connections cannot be opened")?;
        // What comes while nobody reads may be much; what does not fit is told as an error.
        let _ = setsockopt(&socket, sockopt::RcvBufForce, &(8 << 20));
        Ok(Self(socket))
    }

    /// Empties it.
    pub fn forget_all(&self) -> Result<()> {
        self.ask(DELETE, REQUEST | ACKNOWLEDGE, ANY, &[]).map(|_| ())
    }

    /// Those of UDP over IPv4.
    fn all(&self) -> Result<Vec<Connection>> {
        self.ask(GET, REQUEST | DUMP, IPV4, &[])
    }

    /// One that has ended by itself is no error.
    fn forget(&self, connection: &Connection) {
        let _ = self.ask(DELETE, REQUEST | ACKNOWLEDGE, IPV4, &connection.0);
    }

    /// Sends a request and reads until its end.
    fn ask(&self, kind: u16, flags: u16, family: u8, attributes: &[u8]) -> Result<Vec<Connection>> {
        let mut message = Vec::with_capacity(HEADERS + attributes.len());
        let length = u32::try_from(HEADERS + attributes.len())?;
        message.extend(length.to_ne_bytes());
        message.extend(kind.to_ne_bytes());
        message.extend(flags.to_ne_bytes());
        // A number and a sender, then the family with a version and a resource.
        message.extend([0, 0, 0, 0, 0, 0, 0, 0, family, 0, 0, 0]);
        message.extend(attributes);
        send(self.0.as_raw_fd(), &message, MsgFlags::empty()).context("the kernel takes no request")?;
        let (mut found, mut buffer) = (Vec::new(), vec![0; 256 << 10]);
        loop {
            let size =
                recv(self.0.as_raw_fd(), &mut buffer, MsgFlags::empty()).context("the kernel does not answer")?;
            let mut rest = buffer.get(..size).unwrap_or_default();
            while let Some((kind, body, after)) = message_of(rest) {
                match kind {
                    KIND_DONE => return Ok(found),
                    KIND_ERROR => match body.get(..4).and_then(|b| b.try_into().ok()).map(i32::from_ne_bytes) {
                        Some(0) => return Ok(found),
                        code => bail!("the kernel refuses a change of its connections ({code:?})"),
                    },
                    _ => found.extend(connection(body.get(4..).unwrap_or_default())),
                }
                rest = after;
            }
        }
    }
}

/// The kind and the body of the first message, and what comes after it.
fn message_of(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let length = usize::try_from(u32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?)).ok()?;
    let kind = u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?);
    let body = bytes.get(16..length)?;
    Some((kind, body, bytes.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

/// The attributes that name a connection, if it is one of UDP.
fn connection(all: &[u8]) -> Option<Connection> {
    let named = |bytes: &[u8], wanted: u16| {
        attributes(bytes)
            .find(|(kind, ..)| *kind == wanted)
            .map(|(_, v, _)| v.to_vec())
    };
    let number = named(&named(&named(all, TUPLE)?, PROTOCOL)?, NUMBER)?;
    if number != [UDP] {
        return None;
    }
    let names = attributes(all).filter(|(kind, ..)| matches!(*kind, TUPLE | ID));
    Some(Connection(names.flat_map(|(_, _, whole)| whole.to_vec()).collect()))
}

/// The kind of each attribute, its value, and all of it with its header and padding.
fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8], &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?));
        let kind = u16::from_ne_bytes(bytes.get(2..4)?.try_into().ok()?) & 0x3fff;
        let value = bytes.get(4..length)?;
        let end = length.next_multiple_of(4).min(bytes.len());
        let (whole, rest) = bytes.split_at_checked(end)?;
        bytes = rest;
        Some((kind, value, whole))
    })
}

/// Forgets connections a fixed time after they began, until it is dropped.
#[derive(Debug)]
pub(crate) struct Ageing {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Ageing {
    pub(crate) fn start(table: Table, lifetime: Duration) -> Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("ageing".into())
            .spawn(move || age(&table, lifetime, &told))
            .context("no thread for a router's table")?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Ageing {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn age(table: &Table, lifetime: Duration, stop: &AtomicBool) {
    let mut since: BTreeMap<Connection, Instant> = BTreeMap::new();
    while !stop.load(Ordering::SeqCst) {
        let all = table.all().unwrap_or_default();
        let now = Instant::now();
        since = all
            .into_iter()
            .map(|connection| {
                let begin = since.get(&connection).copied().unwrap_or(now);
                (connection, begin)
            })
            .collect();
        let old = since
            .iter()
            .filter(|(_, begin)| now.duration_since(**begin) >= lifetime);
        for (connection, _) in old {
            table.forget(connection);
        }
        thread::sleep(ROUND);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_taken_apart_and_what_is_cut_short_is_left() {
        let attribute = |kind: u16, value: &[u8]| {
            let mut bytes = u16::try_from(4 + value.len()).unwrap().to_ne_bytes().to_vec();
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(value);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes
        };
        let of = |number| {
            attribute(
                TUPLE | 0x8000,
                &attribute(PROTOCOL | 0x8000, &attribute(NUMBER, &[number])),
            )
        };
        let id = attribute(ID, &[4; 4]);
        let all = [of(UDP), attribute(9, &[9; 8]), id.clone()].concat();
        assert_eq!(connection(&all), Some(Connection([of(UDP), id.clone()].concat())));
        assert_eq!(connection(&[of(6), id].concat()), None);
        assert_eq!(connection(&attribute(9, &[9; 8])), None);
        assert_eq!(connection(&all[..7]), None);

        let mut message = 24u32.to_ne_bytes().to_vec();
        message.extend(KIND_DONE.to_ne_bytes());
        message.extend([0; 18]);
        assert_eq!(message_of(&message), Some((KIND_DONE, &[0u8; 8][..], &[][..])));
        assert_eq!(message_of(&message[..20]), None);
    }
}
