//! Real encodings of the project's own types, to begin with.

pub mod sync;
pub mod wire;

use hedgerow_base::SecretKey;

/// A key of nobody.
pub fn key(n: u8) -> SecretKey {
    SecretKey::from_seed(&[n; 32])
}

/// Every message between nodes.
pub fn messages() -> Vec<Vec<u8>> {
    let one = [sync::entry(), sync::invite().to_bytes()];
    [wire::all(), sync::frames(), sync::controls(), one.to_vec()].concat()
}
