//! The only source of chance: splitmix64, so that a seed is a whole run.

use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Dice(seed)
    }

    /// 64 evenly spread bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in `0..below`; `below` is at least 1.
    pub fn below(&mut self, below: usize) -> usize {
        (self.bits() % below.max(1) as u64) as usize
    }

    /// True in `percent` of 100 cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// From `low` up to and without `high`, in milliseconds, with odd microseconds.
    pub fn millis(&mut self, low: usize, high: usize) -> Duration {
        let micros = low * 1_000 + self.below((high - low).max(1) * 1_000);
        Duration::from_micros(micros as u64)
    }

    /// How long something takes on its way: mostly little, now and then long.
    pub fn delay(&mut self) -> Duration {
        match self.below(20) {
            0 => self.millis(20, 400),
            1..=4 => self.millis(2, 20),
            _ => self.millis(0, 2),
        }
    }

    pub fn fill(&mut self, out: &mut [u8]) {
        out.iter_mut().for_each(|byte| *byte = self.bits() as u8);
    }
}
