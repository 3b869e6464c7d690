//! BLAKE3 with a context for each use, so that a hash made for one purpose never stands for another.

/// 32 bytes of BLAKE3 output.
pub type Digest = [u8; 32];

/// Hashes `parts` under `context`. Each part is preceded by its length (u64, little endian), so that
/// `["ab", "c"]` and `["a", "bc"]` differ. Contexts are written once, e.g. `"hedgerow 2026 entry v1"`.
pub fn hash(context: &str, parts: &[&[u8]]) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}

/// Derives a 32-byte secret from `secret` for one purpose: [`hash`] with the secret as first part.
pub fn derive_secret(context: &str, secret: &[u8; 32], parts: &[&[u8]]) -> zeroize::Zeroizing<[u8; 32]> {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    hasher.update(secret);
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    zeroize::Zeroizing::new(*hasher.finalize().as_bytes())
}

/// Plain BLAKE3 of a byte string: what a file's content is named by.
pub fn content_digest(bytes: &[u8]) -> Digest {
    *blake3::hash(bytes).as_bytes()
}
