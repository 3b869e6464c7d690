//! Real encodings of the project's own types, to begin with.

pub mod sync;
pub mod wire;

use hedgerow_base::SecretKey;

/// A key of nobody.
pub fn key(n: u8) -> SecretKey {
    SecretKey::from_seed(&[n; 32])
}
