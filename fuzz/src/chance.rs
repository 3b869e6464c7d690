//! Changes of inputs, the same for a seed.

/// SplitMix64.
#[derive(Clone, Debug)]
pub struct Chance(u64);

/// Numbers that bring out mistakes with lengths.
const EXTREME: [u64; 12] = [
    0,
    1,
    0x17,
    0x18,
    0x7f,
    0x80,
    0xff,
    0x100,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    u64::MAX,
];

impl Chance {
    /// The same for the same numbers.
    pub fn new(seed: u64, round: u64) -> Self {
        Self(seed ^ round.wrapping_mul(0xd134_2543_de82_ef95))
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`; 0 if that is 0.
    pub fn below(&mut self, n: usize) -> usize {
        (self.number() % n.max(1) as u64) as usize
    }

    /// An input made of those of a corpus.
    pub fn input(&mut self, corpus: &[Vec<u8>], max_len: usize) -> Vec<u8> {
        let mut bytes = corpus.get(self.below(corpus.len())).cloned().unwrap_or_default();
        for _ in 0..=self.below(4) {
            self.change(&mut bytes, corpus);
        }
        bytes.truncate(max_len);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let at = self.below(bytes.len());
        match self.below(12) {
            0..=2 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << self.below(8);
                }
            }
            3 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = self.number() as u8;
                }
            }
            4 => bytes.truncate(at),
            5 => {
                let end = (at + 1 + self.below(16)).min(bytes.len());
                bytes.drain(at.min(end)..end);
            }
            6 => {
                let new: Vec<u8> = (0..=self.below(8)).map(|_| self.number() as u8).collect();
                bytes.splice(at..at, new);
            }
            // A part of the same again: repeated keys, longer lists.
            7 => {
                let end = (at + 1 + self.below(40)).min(bytes.len());
                let part = bytes.get(at..end).unwrap_or_default().to_vec();
                let to = self.below(bytes.len());
                bytes.splice(to..to, part);
            }
            // The end of another one.
            8 | 9 => {
                if let Some(other) = corpus.get(self.below(corpus.len())) {
                    bytes.truncate(at);
                    bytes.extend_from_slice(other.get(self.below(other.len())..).unwrap_or_default());
                }
            }
            _ => self.extreme(bytes, at),
        }
    }

    /// A length or a number as large or small as it goes, in any width and order.
    fn extreme(&mut self, bytes: &mut [u8], at: usize) {
        let value = EXTREME[self.below(EXTREME.len())];
        let width = 1 << self.below(4);
        let little = value.to_le_bytes();
        let mut new = little.get(..width).unwrap_or(&little).to_vec();
        if self.below(2) == 0 {
            new.reverse();
        }
        bytes.iter_mut().skip(at).zip(new).for_each(|(to, from)| *to = from);
    }
}
