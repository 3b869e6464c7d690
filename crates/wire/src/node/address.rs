//! Lists, and addresses in them, as several frames carry them.

use crate::node::MAX_ADDRESSES;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use minicbor::{Decoder, Encoder, decode, encode};

/// Reads a definite array of at most `max` items.
pub(crate) fn list<'b, T>(
    d: &mut Decoder<'b>,
    max: usize,
    mut item: impl FnMut(&mut Decoder<'b>) -> Result<T, decode::Error>,
) -> Result<Vec<T>, decode::Error> {
    let len = d
        .array()?
        .ok_or_else(|| decode::Error::message("list of unknown length"))?;
    let len = usize::try_from(len).ok().filter(|len| *len <= max);
    let len = len.ok_or_else(|| decode::Error::message("list over its bound"))?;
    (0..len).map(|_| item(d)).collect()
}

/// An address is 4 or 16 bytes of IP and 2 bytes of port, big endian.
pub(crate) fn decode_addresses<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Vec<SocketAddr>, decode::Error> {
    list(d, MAX_ADDRESSES, |d| {
        let bytes = d.bytes()?;
        let (ip, port) = bytes
            .split_last_chunk::<2>()
            .ok_or_else(|| decode::Error::message("address too short"))?;
        let ip = match ip.len() {
            4 => <[u8; 4]>::try_from(ip).map(IpAddr::from),
            _ => <[u8; 16]>::try_from(ip).map(IpAddr::from),
        };
        let ip = ip.map_err(|_| decode::Error::message("address of odd length"))?;
        Ok(SocketAddr::new(ip, u16::from_be_bytes(*port)))
    })
}

/// Writes at most [`MAX_ADDRESSES`], so that what we send is always readable.
pub(crate) fn encode_addresses<C, W: encode::Write>(
    addresses: &[SocketAddr],
    e: &mut Encoder<W>,
    _: &mut C,
) -> Result<(), encode::Error<W::Error>> {
    let count = addresses.len().min(MAX_ADDRESSES);
    e.array(count as u64)?;
    for address in addresses.iter().take(count) {
        let mut bytes = match address.ip() {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        bytes.extend_from_slice(&address.port().to_be_bytes());
        e.bytes(&bytes)?;
    }
    Ok(())
}
