//! Random numbers from a seed that is printed, so that a failure can be tried again.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

/// SplitMix64: even, fast, and the same everywhere for the same seed.
pub struct Chance(u64);

impl Chance {
    /// From `HEAVY_SEED`, or from a seed of the moment.
    pub fn of(test: &str) -> Self {
        let seed = std::env::var("HEAVY_SEED").ok();
        let seed = seed.map_or_else(
            || RandomState::new().hash_one(test) >> 32,
            |seed| seed.parse().expect("HEAVY_SEED is a number"),
        );
        println!("{test}: HEAVY_SEED={seed}");
        Self(seed)
    }

    /// Another, which goes its own way.
    pub fn branch(&mut self) -> Self {
        Self(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// A time from `least` up to `most` milliseconds, in steps of a microsecond.
    pub fn milliseconds(&mut self, least: u64, most: u64) -> Duration {
        let span = usize::try_from((most - least) * 1000).unwrap();
        Duration::from_micros(least * 1000 + self.below(span) as u64)
    }
}
