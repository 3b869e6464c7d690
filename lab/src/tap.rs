//! TAP devices: network interfaces whose other end is this process.

use crate::space::Space;
use anyhow::{Context, Result};
use nix::libc::{IFF_NO_PI, IFF_TAP, O_NONBLOCK, c_int, c_short};
use std::{
    fs::{File, OpenOptions},
    os::{fd::AsRawFd, unix::fs::OpenOptionsExt},
};

/// The part of the kernel's `struct ifreq` that matters here, and at least its size.
#[repr(C)]
struct Request {
    name: [u8; 16],
    flags: c_short,
    rest: [u8; 22],
}

#[allow(unsafe_code)]
mod call {
    nix::ioctl_readwrite_bad!(
        /// TUNSETIFF: gives an open `/dev/net/tun` its interface.
        set_interface,
        nix::request_code_write!(b'T', 202, size_of::<nix::libc::c_int>()),
        super::Request
    );
}

/// Makes a TAP device in a namespace. It is there as long as the file, whose reads and writes are Ethernet frames and
/// do not wait.
pub(crate) fn open(space: &Space, name: &str) -> Result<File> {
    let mut request = Request {
        name: [0; 16],
        flags: c_short::try_from(IFF_TAP | IFF_NO_PI)?,
        rest: [0; 22],
    };
    // The last byte stays zero.
    for (to, from) in request.name.iter_mut().take(15).zip(name.bytes()) {
        *to = from;
    }
    space.enter(|| {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(O_NONBLOCK as c_int)
            .open("/dev/net/tun")
            .context("/dev/net/tun cannot be opened; links with delay or loss need it (load the module tun)")?;
        // SAFETY: the descriptor is open, and the kernel reads and writes a `struct ifreq` (40 bytes or fewer) at the
        // pointer, which is valid and not otherwise used for that many bytes until the call returns.
        #[allow(unsafe_code)]
        unsafe { call::set_interface(file.as_raw_fd(), &raw mut request) }.context("the kernel makes no TAP device")?;
        Ok(file)
    })?
}
