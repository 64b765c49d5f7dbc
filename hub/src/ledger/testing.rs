//! What tests of the ledger and of those above it share: choices from a seed, and a disk that can
//! fail and lose its power.

mod disk;

pub(crate) use disk::{Call, Failure, Fault, ModelDisk};

/// Numbers from a seed (splitmix64), so that a failure can be run again.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    /// The numbers of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From `HUB_TEST_SEED`, or fresh; printed, so that a failing test shows it.
    pub(crate) fn seeded() -> Self {
        let seed = std::env::var("HUB_TEST_SEED").map_or_else(
            |_| u64::from_le_bytes(hub_core::crypto::random().unwrap()),
            |text| text.parse().unwrap(),
        );
        println!("HUB_TEST_SEED={seed}");
        Self(seed)
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.bits() % bound
    }

    /// An index of something with so many elements, which must not be none.
    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(u64::try_from(length).unwrap())).unwrap()
    }

    /// True so many times in a hundred.
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of several.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.index(from.len())]
    }
}
