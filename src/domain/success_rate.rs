//! Success rates of attempts, and the minimum sample below which no rate is given.

/// Numbers of successful and failed attempts in a time window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SuccessCounts {
    /// Number of counted attempts that succeeded.
    pub n_ok: u64,
    /// Number of counted attempts that failed.
    pub n_failed: u64,
}

/// Minimum number of attempts for a meaningful success rate.
pub const MIN_RATE_SAMPLES: u64 = 20;

impl SuccessCounts {
    /// Number of successful and failed attempts together.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.n_ok + self.n_failed
    }

    /// Success rate in percent, rounded down so that 100 means no failure; `None` without attempts.
    #[must_use]
    pub const fn percent(self) -> Option<u64> {
        if self.total() == 0 { None } else { Some(self.n_ok * 100 / self.total()) }
    }

    /// Success rate in percent; `None` with fewer than [`MIN_RATE_SAMPLES`] attempts.
    #[must_use]
    pub const fn percent_if_significant(self) -> Option<u64> {
        if self.total() < MIN_RATE_SAMPLES { None } else { self.percent() }
    }
}
