//! Numbers that look random and follow from a seed (SplitMix64).

/// A stream of chance.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The stream of a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
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

    /// How long until the next of events that come by themselves, `rate` of them in a unit of time.
    pub fn wait(&mut self, rate: f64) -> f64 {
        -(1.0 - self.share()).ln() / rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_and_another_seed_others() {
        let many = |seed| {
            let mut chance = Chance::new(seed);
            [(); 8].map(|()| chance.any())
        };
        assert_eq!(many(7), many(7));
        assert_ne!(many(7), many(8));
    }

    #[test]
    fn all_numbers_below_a_bound_come_equally_often() {
        let mut chance = Chance::new(1);
        let mut counts = [0u32; 10];
        for _ in 0..100_000 {
            counts[chance.below(10)] += 1;
        }
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
        assert_eq!(chance.below(0), 0);
    }

    #[test]
    fn waits_have_the_mean_that_their_rate_says() {
        let mut chance = Chance::new(2);
        let mean = (0..100_000).map(|_| chance.wait(4.0)).sum::<f64>() / 100_000.0;
        assert!((mean - 0.25).abs() < 0.005, "{mean}");
    }
}
