//! Percentiles, medians and spreads. Pure, so that tests can hold them against figures made by hand.

use std::time::Duration;

/// How long calls took, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Latencies(Vec<u64>);

impl Latencies {
    /// Of nanoseconds in any order.
    pub(crate) fn of(mut nanoseconds: Vec<u64>) -> Self {
        nanoseconds.sort_unstable();
        Self(nanoseconds)
    }

    /// The smallest value that so many thousandths of all values do not exceed (nearest rank); zero when
    /// there are none.
    pub(crate) fn per_mille(&self, thousandths: usize) -> Duration {
        let rank = self.0.len().saturating_mul(thousandths).div_ceil(1_000);
        let value = self.0.get(rank.saturating_sub(1));
        Duration::from_nanos(value.copied().unwrap_or_default())
    }

    /// Half of the calls took no longer.
    pub(crate) fn p50(&self) -> Duration {
        self.per_mille(500)
    }

    /// 99 of 100 calls took no longer.
    pub(crate) fn p99(&self) -> Duration {
        self.per_mille(990)
    }

    /// The longest.
    pub(crate) fn max(&self) -> Duration {
        Duration::from_nanos(self.0.last().copied().unwrap_or_default())
    }
}

/// The middle value, or the mean of the two in the middle; zero when there are none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
    if sorted.len().is_multiple_of(2) {
        f64::midpoint(at(half.saturating_sub(1)), at(half))
    } else {
        at(half)
    }
}

/// The median of durations.
pub(crate) fn median_of(durations: impl IntoIterator<Item = Duration>) -> Duration {
    let seconds: Vec<f64> = durations.into_iter().map(|it| it.as_secs_f64()).collect();
    Duration::from_secs_f64(median(&seconds))
}

/// A ratio over several rounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Ratio {
    /// The median of the rounds' ratios: what is reported.
    pub(crate) median: f64,
    /// The smallest of a round.
    pub(crate) least: f64,
    /// The largest of a round.
    pub(crate) most: f64,
}

impl Ratio {
    /// Of pairs, one a round. Both values of a pair were measured one right after the other, so what the
    /// machine did meanwhile hit both; a median over ratios keeps that, a ratio of medians would not.
    pub(crate) fn of(pairs: &[(f64, f64)]) -> Self {
        let ratios: Vec<f64> = pairs.iter().map(|(one, other)| one / other).collect();
        Self {
            median: median(&ratios),
            least: ratios.iter().copied().fold(f64::INFINITY, f64::min),
            most: ratios.iter().copied().fold(0.0, f64::max),
        }
    }
}

/// `a / b`, and zero of nothing.
pub(crate) fn per(amount: f64, count: u64) -> f64 {
    if count == 0 {
        return 0.0;
    }
    amount / as_f64(count)
}

/// A count for arithmetic with measures. Exact up to 2^53, which no count here comes near.
pub(crate) fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ns(value: u64) -> Duration {
        Duration::from_nanos(value)
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let hundred = Latencies::of((1..=100).rev().collect());
        assert_eq!(hundred.p50(), ns(50));
        assert_eq!(hundred.p99(), ns(99));
        assert_eq!(hundred.per_mille(991), ns(100));
        assert_eq!(hundred.max(), ns(100));
        let few = Latencies::of(vec![30, 10, 20]);
        assert_eq!(
            (few.p50(), few.p99(), few.per_mille(0)),
            (ns(20), ns(30), ns(10))
        );
    }

    #[test]
    fn nothing_measured_is_zero() {
        let none = Latencies::of(vec![]);
        assert_eq!((none.p50(), none.p99(), none.max()), (ns(0), ns(0), ns(0)));
        assert!(median(&[]).abs() < f64::EPSILON);
        assert!(per(5.0, 0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_median_is_in_the_middle() {
        assert!((median(&[9.0, 1.0, 5.0]) - 5.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0, 2.0, 100.0]) - 3.0).abs() < f64::EPSILON);
        assert_eq!(median_of([ns(3), ns(1), ns(2)]), ns(2));
    }

    #[test]
    fn a_ratio_is_a_median_over_rounds() {
        // The second round met a machine at half its speed, which both felt; in the third only the peer
        // was disturbed.
        let ratio = Ratio::of(&[(90.0, 100.0), (45.0, 50.0), (90.0, 30.0)]);
        assert!((ratio.median - 0.9).abs() < 1e-9);
        assert!((ratio.least - 0.9).abs() < 1e-9);
        assert!((ratio.most - 3.0).abs() < 1e-9);
    }
}
