//! Latency in bins, so that percentiles over any window are sums of counters instead of scans.

/// Upper bounds of the bins in milliseconds; the last bin is open.
pub const BOUNDS_MS: [u32; 20] =
    [1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 1_000, 2_000, 5_000, 10_000];

/// How many bins there are.
pub const BINS: usize = BOUNDS_MS.len() + 1;

/// The bin of a duration.
#[must_use]
pub fn bin(elapsed_ms: u64) -> usize {
    BOUNDS_MS.iter().position(|bound| elapsed_ms <= u64::from(*bound)).unwrap_or(BOUNDS_MS.len())
}

/// Counts per bin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Histogram(pub [u64; BINS]);

impl Histogram {
    /// Adds `n` to a bin; a bin that does not exist counts as the open one.
    pub fn add(&mut self, bin: usize, n: u64) {
        self.0[bin.min(BINS - 1)] += n;
    }

    /// How many were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The upper bound in milliseconds of the bin that holds the given share (0 to 1) of what was counted; `None` if nothing was. The open
    /// bin answers with the greatest bound.
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
                return Some(BOUNDS_MS[position.min(BOUNDS_MS.len() - 1)]);
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
            histogram.add(bin(elapsed), 1);
        }
        assert_eq!(histogram.percentile(0.5), Some(50));
        assert_eq!(histogram.percentile(0.95), Some(100));
        histogram.add(bin(60_000), 1_000);
        assert_eq!(histogram.percentile(0.99), Some(10_000));
    }
}
