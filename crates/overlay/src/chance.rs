//! Chance from a seed: unpredictable to others where it must be, cheap where that does not matter.

use hedgerow_base::hash::hash;

/// A stream of chance.
#[derive(Clone, Debug)]
pub(crate) struct Chance {
    secret: [u8; 32],
    drawn: u64,
    state: u64,
}

impl Chance {
    pub(crate) fn new(seed: &[u8; 32]) -> Self {
        let secret = hash("hedgerow 2026 overlay chance v1", &[seed]);
        let mut chance = Self {
            secret,
            drawn: 0,
            state: 0,
        };
        chance.state = chance.secret_pair().0;
        chance
    }

    /// 128 bits that nobody can foretell from others.
    pub(crate) fn secret_pair(&mut self) -> (u64, u64) {
        self.drawn += 1;
        let digest = hash(
            "hedgerow 2026 overlay secret v1",
            &[&self.secret, &self.drawn.to_le_bytes()],
        );
        let word = |from: usize| {
            let bytes = digest.iter().skip(from).take(8);
            bytes.fold(0u64, |word, byte| word << 8 | u64::from(*byte))
        };
        (word(0), word(8))
    }

    /// SplitMix64 (Steele, Lea, Flood 2014): for picking, never as a secret.
    pub(crate) fn any(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to just below `end`; 0 if `end` is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let scaled = u128::from(self.any()) * end as u128;
        usize::try_from(scaled >> 64).unwrap_or(0)
    }

    /// Puts a random choice of `count` first and drops the rest.
    pub(crate) fn draw<T>(&mut self, from: &mut alloc::vec::Vec<T>, count: usize) {
        for at in 0..count.min(from.len()) {
            let other = at + self.below(from.len() - at);
            from.swap(at, other);
        }
        from.truncate(count);
    }

    /// `ms`, give or take a quarter, so that not all do the same at once.
    pub(crate) fn about(&mut self, ms: u64) -> u64 {
        let quarter = usize::try_from(ms / 4).unwrap_or(0);
        ms - ms / 4 + self.below(2 * quarter + 1) as u64
    }
}
