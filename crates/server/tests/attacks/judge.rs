//! Whether two lots of times can be told apart, by somebody who may try as often as they were taken.
//!
//! How much two medians differ by chance is not assumed but measured, from the same times: each lot is split into two random
//! halves, again and again, and the largest difference of two halves of one lot (A/A) is what a difference of two lots (A/B) has
//! to exceed. Half as many times vary more than all of them, so that noise, however much of it there is, does not pass for a
//! difference. The road not taken is a fixed part of the median: on a busy machine it fails for nothing, on a calm one it overlooks.

use vestibule_core::random::{Random, RandomExt as _};

/// So often each lot is split.
const SPLITS: usize = 200;
/// What came of it, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compared {
    /// By how much the second lot takes longer.
    pub(crate) difference: f64,
    /// What it would take to be no chance.
    pub(crate) chance: f64,
}

impl Compared {
    /// Whether the two can be told apart, where so many milliseconds are not seen over a network.
    pub(crate) fn differ(&self, unseen: f64) -> bool {
        self.difference.abs() > self.chance + unseen
    }
}

/// Compares two lots of times, in milliseconds, that were taken in turn.
pub(crate) fn compare(one: &[f64], other: &[f64], random: &dyn Random) -> Compared {
    let chance = chance(one, random).max(chance(other, random));
    Compared { difference: median(other) - median(one), chance }
}

/// The largest difference between two halves of one lot.
fn chance(times: &[f64], random: &dyn Random) -> f64 {
    let mut mixed = times.to_vec();
    let differences = (0..SPLITS).map(|_| {
        shuffle(&mut mixed, random);
        let (one, other) = mixed.split_at(mixed.len() / 2);
        (median(one) - median(other)).abs()
    });
    differences.fold(0.0, f64::max)
}

/// Puts them into a random order.
pub(crate) fn shuffle<T>(things: &mut [T], random: &dyn Random) {
    for left in (1..things.len()).rev() {
        let dice = u32::from_be_bytes(random.bytes());
        things.swap(left, usize::try_from(dice).unwrap() % (left + 1));
    }
}

fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

#[cfg(test)]
mod tests {
    use vestibule_core::testing::SeededRandom;

    use super::*;

    const UNSEEN: f64 = 0.5;

    /// Times as a machine under tests takes them: five milliseconds, mostly up to two more, and now and then forty.
    fn times(random: &SeededRandom, count: usize, more: f64) -> Vec<f64> {
        let one = || f64::from(u16::from_be_bytes(random.bytes())) / f64::from(u16::MAX);
        (0..count).map(|_| 5.0 + more + 2.0 * one() * one() + if one() > 0.95 { 40.0 * one() } else { 0.0 }).collect()
    }

    #[test]
    fn noise_is_no_difference_and_one_millisecond_is() {
        for seed in 0..100 {
            let random = SeededRandom::new(seed);
            let (one, other, later) = (times(&random, 60, 0.0), times(&random, 60, 0.0), times(&random, 60, 1.5));
            assert!(!compare(&one, &other, &random).differ(UNSEEN), "{seed}: noise");
            assert!(compare(&one, &later, &random).differ(UNSEEN), "{seed}: {:?}", compare(&one, &later, &random));
            let (many, slower) = (times(&random, 900, 0.0), times(&random, 900, 1.0));
            assert!(compare(&many, &slower, &random).differ(UNSEEN), "{seed}: {:?}", compare(&many, &slower, &random));
        }
    }
}
