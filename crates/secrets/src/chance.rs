//! Chance that was handed in, made safe against chance that repeats.

use core::convert::Infallible;
use hkdf::{Hkdf, HkdfExtract};
use hpke::rand_core::{TryCryptoRng, TryRng};
use sha2::Sha256;
use zeroize::Zeroizing;

/// 32 bytes that depend on the random ones and on all that they are used for. If a broken generator gives the same
/// twice, they are the same only for the very same message.
pub(crate) fn hedged(random: &[u8; 32], parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut extract = HkdfExtract::<Sha256>::new(Some(random));
    for part in parts {
        extract.input_ikm(&(part.len() as u64).to_be_bytes());
        extract.input_ikm(part);
    }
    let (bytes, _) = extract.finalize();
    Zeroizing::new(bytes.into())
}

/// What HPKE draws its one-time key from: the given bytes, stretched by HKDF.
pub(crate) struct Given {
    bytes: Zeroizing<[u8; 32]>,
    drawn: u64,
}

impl Given {
    pub(crate) fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self { bytes, drawn: 0 }
    }

    fn draw<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        match self.try_fill_bytes(&mut bytes) {
            Ok(()) => bytes,
        }
    }
}

impl TryRng for Given {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.draw()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.draw()))
    }

    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Infallible> {
        let stretch = Hkdf::<Sha256>::new(None, &*self.bytes);
        for piece in into.chunks_mut(32) {
            // HKDF gives up to 8,160 bytes for one number; 32 are asked for.
            let _ = stretch.expand(&self.drawn.to_be_bytes(), piece);
            self.drawn = self.drawn.wrapping_add(1);
        }
        Ok(())
    }
}

impl TryCryptoRng for Given {}
