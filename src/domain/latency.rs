//! Latency histograms with fixed bins, so that percentiles over any window are sums of counters.

/// Upper bounds of the bins in milliseconds; one more bin beyond them is unbounded.
pub const BIN_BOUNDS_MS: [u32; 20] =
    [1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 1_000, 2_000, 5_000, 10_000];

/// Number of bins of a histogram.
pub const BIN_COUNT: usize = BIN_BOUNDS_MS.len() + 1;

/// Index of the bin for a latency in milliseconds.
#[must_use]
pub fn bin_index(elapsed_ms: u64) -> usize {
    BIN_BOUNDS_MS.iter().position(|bound| elapsed_ms <= u64::from(*bound)).unwrap_or(BIN_BOUNDS_MS.len())
}

/// Number of measurements in each bin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Histogram(pub [u64; BIN_COUNT]);

impl Histogram {
    /// Adds `n` measurements to a bin; an index out of range counts as the unbounded bin.
    pub fn add(&mut self, bin: usize, n: u64) {
        self.0[bin.min(BIN_COUNT - 1)] += n;
    }

    /// Total number of measurements in all bins.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Upper bound in milliseconds of the bin that contains the given percentile (0 to 1); `None` without measurements.
    /// The unbounded bin returns the greatest bound.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a rank within a count"
    )]
    pub fn percentile(&self, share: f64) -> Option<u32> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = ((count as f64 * share).ceil() as u64).clamp(1, count);
        let mut seen = 0;
        for (position, n) in self.0.iter().enumerate() {
            seen += n;
            if seen >= rank {
                return Some(BIN_BOUNDS_MS[position.min(BIN_BOUNDS_MS.len() - 1)]);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_the_bounds_of_their_bins() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(0.95), None);
        for elapsed in 1..=100 {
            histogram.add(bin_index(elapsed), 1);
        }
        assert_eq!(histogram.percentile(0.5), Some(50));
        assert_eq!(histogram.percentile(0.95), Some(100));
        histogram.add(bin_index(60_000), 1_000);
        assert_eq!(histogram.percentile(0.99), Some(10_000));
    }
}
