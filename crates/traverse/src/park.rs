//! Doing without connections that nobody uses, and waking up when somebody calls.
//!
//! A connection without use is given up by both sides ([`idle`]). A node that has none left, and that nobody reaches by
//! itself, keeps one small mapping of its router open towards a home ([`watch`]). The home remembers where that mapping
//! leads, and wakes the node for those who call ([`home`]). Times are milliseconds of any clock that does not go back.

pub mod home;
pub mod idle;
pub mod watch;

use alloc::vec::Vec;
use hedgerow_base::{NodeId, hash};
use hedgerow_wire::park::{Mac, Park, Pass};

/// What a datagram's bytes cost beside them: headers of IPv4 and UDP.
pub const HEADERS: u64 = 28;

/// The secret of a registration: only the two ends of the connection on which it was agreed know it.
pub type Key = [u8; 32];

/// The secret of a registration.
pub fn key(link: &[u8; 32], session: u32) -> Key {
    *hash::derive_secret("hedgerow 2026 park key v1", link, &[&session.to_be_bytes()])
}

/// The code of a datagram.
fn mac(key: &Key, datagram: &[u8]) -> Mac {
    first(&hash::hash(
        "hedgerow 2026 park code v1",
        &[key, Park::covered(datagram)],
    ))
}

/// A datagram with its code in place.
fn sealed(key: &Key, datagram: Park) -> Vec<u8> {
    let mut bytes = datagram.to_bytes();
    let code = mac(key, &bytes);
    let begin = Park::covered(&bytes).len();
    if let Some(place) = bytes.get_mut(begin..) {
        place.copy_from_slice(&code);
    }
    bytes
}

fn first<const N: usize>(bytes: &[u8; 32]) -> [u8; N] {
    let mut out = [0; N];
    for (out, byte) in out.iter_mut().zip(bytes) {
        *out = *byte;
    }
    out
}

/// What a node gives to a peer, so that strangers cannot use up the calls that are meant for its peers.
pub fn pass(pass_key: &Key, peer: &NodeId) -> Pass {
    let id: [u8; 8] = first(&hash::hash("hedgerow 2026 park peer v1", &[pass_key, peer.as_bytes()]));
    pass_of(pass_key, id)
}

fn pass_of(pass_key: &Key, id: [u8; 8]) -> Pass {
    let code: [u8; 8] = first(&hash::hash("hedgerow 2026 park pass v1", &[pass_key, &id]));
    let mut pass = [0; 16];
    for (out, byte) in pass.iter_mut().zip(id.into_iter().chain(code)) {
        *out = byte;
    }
    pass
}

/// Who shows a pass, if it is one.
fn bearer(pass_key: &Key, pass: &Pass) -> Option<[u8; 8]> {
    let id = *pass.first_chunk::<8>()?;
    (pass_of(pass_key, id) == *pass).then_some(id)
}

#[cfg(test)]
mod tests;
