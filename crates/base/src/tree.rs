//! BLAKE3 of a long file, piece by piece (BLAKE3 paper, section 2.1): the values of pieces of equal size, a power of
//! two of at least 1024 bytes, combine to the plain BLAKE3 hash of the whole. So whoever knows that hash can check a
//! list of values, and then each piece by itself.

use crate::hash::Digest;
use blake3::hazmat::{HasherExt as _, Mode, merge_subtrees_non_root, merge_subtrees_root};

/// The value of the piece that begins at `offset`, of a file of `pieces` pieces. `offset` is a multiple of the size
/// of the pieces.
pub fn piece_value(offset: u64, pieces: u64, bytes: &[u8]) -> Digest {
    if pieces <= 1 {
        return *blake3::hash(bytes).as_bytes();
    }
    let mut hasher = blake3::Hasher::new();
    hasher.set_input_offset(offset);
    hasher.update(bytes);
    hasher.finalize_non_root()
}

/// The hash of the whole file; none of no values.
pub fn whole(values: &[Digest]) -> Option<Digest> {
    match values {
        [] => None,
        [one] => Some(*one),
        _ => {
            let (left, right) = halves(values);
            Some(*merge_subtrees_root(&subtree(left)?, &subtree(right)?, Mode::Hash).as_bytes())
        }
    }
}

/// Depth is the logarithm of the length.
fn subtree(values: &[Digest]) -> Option<Digest> {
    match values {
        [] => None,
        [one] => Some(*one),
        _ => {
            let (left, right) = halves(values);
            Some(merge_subtrees_non_root(&subtree(left)?, &subtree(right)?, Mode::Hash))
        }
    }
}

/// The left subtree holds the largest power of two that leaves something for the right one.
fn halves(values: &[Digest]) -> (&[Digest], &[Digest]) {
    let largest = values.len().div_ceil(2).next_power_of_two();
    values.split_at_checked(largest).unwrap_or((values, &[]))
}
