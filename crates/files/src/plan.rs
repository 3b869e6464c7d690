//! How a file is cut into pieces, and how they are verified.

use alloc::{vec, vec::Vec};
use hedgerow_base::{
    hash::Digest,
    tree::{piece_value, whole},
};

/// Smallest piece in bytes.
pub const MIN_PIECE: u64 = 256 << 10;
/// Most pieces of a file: the list of their values stays below 1 MiB.
pub const MAX_PIECES: u64 = 32_768;

/// A file as it is offered: how long it is and what it hashes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Bytes in all.
    pub size: u64,
    /// BLAKE3 of the whole file.
    pub hash: Digest,
}

/// Bytes of a piece in a file of this size: a power of two.
fn piece_size(size: u64) -> u64 {
    size.div_ceil(MAX_PIECES).next_power_of_two().max(MIN_PIECE)
}

fn pieces(size: u64) -> u64 {
    size.div_ceil(piece_size(size)).max(1)
}

impl Plan {
    /// Bytes of every piece but the last.
    pub fn piece_size(&self) -> u64 {
        piece_size(self.size)
    }
    /// How many pieces there are; an empty file has one.
    pub fn pieces(&self) -> u64 {
        pieces(self.size)
    }
    /// Where a piece begins, and its length.
    pub fn place(&self, index: u64) -> (u64, usize) {
        let start = index.saturating_mul(self.piece_size()).min(self.size);
        let length = self.size.saturating_sub(start).min(self.piece_size());
        (start, usize::try_from(length).unwrap_or(0))
    }
    /// Whether these are the values of the pieces of this file.
    pub fn proves(&self, values: &[Digest]) -> bool {
        values.len() as u64 == self.pieces() && whole(values) == Some(self.hash)
    }
    /// Whether `bytes` are the piece `index`, by a list that [`Plan::proves`].
    pub fn fits(&self, values: &[Digest], index: u64, bytes: &[u8]) -> bool {
        let (start, length) = self.place(index);
        let value = usize::try_from(index).ok().and_then(|i| values.get(i));
        bytes.len() == length && value.is_some_and(|v| *v == piece_value(start, self.pieces(), bytes))
    }
}

/// Reads a file piece by piece and makes its [`Plan`] and the values of its pieces.
#[derive(Clone, Debug)]
pub struct Builder {
    size: u64,
    values: Vec<Digest>,
}

impl Builder {
    /// For a file of `size` bytes.
    pub fn new(size: u64) -> Self {
        Self {
            size,
            values: Vec::new(),
        }
    }
    /// How many bytes the next piece has; none when all are in.
    pub fn next_length(&self) -> Option<usize> {
        let done = self.values.len() as u64;
        let start = done.saturating_mul(piece_size(self.size));
        let length = self.size.saturating_sub(start).min(piece_size(self.size));
        (done < pieces(self.size)).then(|| usize::try_from(length).unwrap_or(0))
    }
    /// Takes the next piece, of exactly [`Builder::next_length`] bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        let start = (self.values.len() as u64).saturating_mul(piece_size(self.size));
        self.values.push(piece_value(start, pieces(self.size), bytes));
    }
    /// The plan and the values, once all pieces are in.
    pub fn finish(self) -> Option<(Plan, Vec<Digest>)> {
        let complete = self.values.len() as u64 == pieces(self.size);
        let hash = whole(&self.values).filter(|_| complete)?;
        let plan = Plan { size: self.size, hash };
        Some((plan, self.values))
    }
}

impl Plan {
    /// A buffer for one piece.
    pub fn buffer(&self) -> Vec<u8> {
        vec![0; self.place(0).1]
    }
}
