//! Chance from a seed that the driver draws (SplitMix64; Steele, Lea, Flood 2014).

/// A stream of chance. A node seeds it with secret random bits; a simulation with a number.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The stream of a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The stream of a seed for one of many purposes, independent of the others.
    pub const fn of(seed: u64, purpose: u64) -> Self {
        Self(mix(seed ^ mix(purpose.wrapping_add(0x632b_e59b_d9b4_e019))))
    }

    /// Any number.
    pub const fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// From 0 to just below 1.
    pub fn share(&mut self) -> f64 {
        // 53 bits fill the number exactly.
        (self.any() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// From 0 to just below `end`; 0 if `end` is 0.
    pub fn below(&mut self, end: usize) -> usize {
        let scaled = u128::from(self.any()) * end as u128;
        usize::try_from(scaled >> 64).unwrap_or(0)
    }

    /// True in `share` of all cases.
    pub fn happens(&mut self, share: f64) -> bool {
        self.share() < share
    }

    /// One of a list.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }

    /// Puts a random choice of `count` first and drops the rest.
    pub fn draw<T>(&mut self, from: &mut alloc::vec::Vec<T>, count: usize) {
        for at in 0..count.min(from.len()) {
            let other = at + self.below(from.len() - at);
            from.swap(at, other);
        }
        from.truncate(count);
    }
}

/// The finalizer of SplitMix64: a number that looks random and follows from another.
pub const fn mix(number: u64) -> u64 {
    let mut z = number;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
