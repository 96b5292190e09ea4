//! Number of rows that are deleted at once, so that no other write waits long.

use std::time::Duration;

/// Time for which a slice may hold the writer.
const SLICE_TIME: Duration = Duration::from_millis(8);

/// Number of rows examined in one slice. The oldest rows of a large database are on pages that no cache has, and cost
/// many times as much as those of a small one, so the number follows from the time that the slice before took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SliceSize(u32);

impl SliceSize {
    /// Size while nothing is known.
    pub(crate) const FIRST: Self = Self(25);
    const MIN: u32 = 5;
    const MAX: u32 = 500;

    /// Size of the next slice: as many rows as would have taken [`SLICE_TIME`], at most twice as many.
    #[must_use]
    pub(crate) fn after(self, took: Duration) -> Self {
        let fitting = u128::from(self.0) * SLICE_TIME.as_micros() / took.as_micros().max(1);
        Self(u32::try_from(fitting).unwrap_or(Self::MAX).min(self.0 * 2).clamp(Self::MIN, Self::MAX))
    }

    /// Number of rows, as a parameter of a statement.
    pub(crate) const fn n_rows(self) -> u32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_slice_follows_the_time_that_a_row_takes() {
        for row_us in [1_u64, 20, 400, 5_000] {
            let mut size = SliceSize::FIRST;
            for _ in 0..10 {
                size = size.after(Duration::from_micros(row_us * u64::from(size.n_rows())));
            }
            let took = Duration::from_micros(row_us * u64::from(size.n_rows()));
            let is_within = took <= SLICE_TIME || size.n_rows() == SliceSize::MIN;
            let is_used = took * 2 >= SLICE_TIME || size.n_rows() == SliceSize::MAX;
            assert!(is_within && is_used, "{row_us} us a row: {size:?} in {took:?}");
        }
        assert_eq!(SliceSize::FIRST.after(Duration::ZERO), SliceSize(SliceSize::FIRST.0 * 2));
    }
}
