//! A small server on a public host that says what it sees. Two of them, on two hosts, tell kinds of NAT apart.
//!
//! On the UDP ports 3478 and 3479 a packet `Q` is answered with the address that it came from, `P` is answered from
//! the other port, `I` by the other host, and `E…` with itself. TCP port 3478 answers with the address.

use anyhow::{Context, Result};
use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{setsockopt, sockopt},
};
use std::{
    io::Write,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, UdpSocket},
    os::fd::AsFd,
    sync::atomic::{AtomicBool, Ordering},
};

/// The ports that are asked.
pub const PORTS: [u16; 2] = [3478, 3479];
/// Where the two servers tell each other whom to answer.
const CONTROL: u16 = 4000;
/// Room for what arrives while a busy machine does something else.
const BUFFER: usize = 16 << 20;

/// The sockets of a server.
#[derive(Debug)]
pub struct Server {
    udp: [UdpSocket; 2],
    control: UdpSocket,
    tcp: TcpListener,
    other: SocketAddrV4,
}

impl Server {
    /// Binds the ports at the address of this host; `other` is that of the other.
    pub fn open(own: Ipv4Addr, other: Ipv4Addr) -> Result<Self> {
        let bind = |port| -> Result<UdpSocket> {
            let socket = UdpSocket::bind((own, port)).with_context(|| format!("UDP {own}:{port} cannot be bound"))?;
            socket.set_nonblocking(true)?;
            roomy(&socket);
            Ok(socket)
        };
        let [first, second] = PORTS;
        let tcp = TcpListener::bind((own, first)).with_context(|| format!("TCP {own}:{first} cannot be bound"))?;
        tcp.set_nonblocking(true)?;
        Ok(Self {
            udp: [bind(first)?, bind(second)?],
            control: bind(CONTROL)?,
            tcp,
            other: SocketAddrV4::new(other, CONTROL),
        })
    }

    /// Answers until told to stop.
    pub fn serve(&self, stop: &AtomicBool) {
        let [first, second] = &self.udp;
        while !stop.load(Ordering::SeqCst) {
            let mut ready = [first.as_fd(), second.as_fd(), self.control.as_fd(), self.tcp.as_fd()]
                .map(|fd| PollFd::new(fd, PollFlags::POLLIN));
            // A signal only makes the round earlier.
            let _ = poll(&mut ready, PollTimeout::from(50u8));
            self.answer(first, second);
            self.answer(second, first);
            let mut buffer = [0; 64];
            while let Ok(size) = self.control.recv(&mut buffer) {
                let told = buffer.get(..size).and_then(|bytes| std::str::from_utf8(bytes).ok());
                if let Some(to) = told.and_then(|text| text.parse::<SocketAddr>().ok()) {
                    let _ = first.send_to(b"other address", to);
                }
            }
            while let Ok((mut stream, from)) = self.tcp.accept() {
                let _ = stream.write_all(from.to_string().as_bytes());
            }
        }
    }

    fn answer(&self, socket: &UdpSocket, sibling: &UdpSocket) {
        let mut buffer = [0; 2048];
        while let Ok((size, from)) = socket.recv_from(&mut buffer) {
            let bytes = buffer.get(..size).unwrap_or_default();
            let seen = from.to_string();
            // What cannot be sent is lost, as UDP may be.
            let _ = match bytes.first() {
                Some(b'Q') => socket.send_to(seen.as_bytes(), from),
                Some(b'P') => sibling.send_to(b"other port", from),
                Some(b'I') => self.control.send_to(seen.as_bytes(), self.other),
                Some(b'E') => socket.send_to(bytes, from),
                _ => Ok(0),
            };
        }
    }
}

/// Makes a socket's buffer large if the kernel lets us.
pub(crate) fn roomy(socket: &UdpSocket) {
    if setsockopt(socket, sockopt::RcvBufForce, &BUFFER).is_err() {
        let _ = setsockopt(socket, sockopt::RcvBuf, &BUFFER);
    }
}
