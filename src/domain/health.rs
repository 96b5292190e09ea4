//! Success rates: counts with the honesty to say when there are too few of them.

/// Successes and failures over some window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Counted attempts that succeeded.
    pub n_ok: u64,
    /// Counted attempts that failed.
    pub n_failed: u64,
}

/// Attempts below which a success rate proves nothing.
pub const ENOUGH: u64 = 20;

impl Tally {
    /// Both together.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.n_ok + self.n_failed
    }

    /// Successes in percent, rounded down so that 100 means all; `None` when nothing was attempted.
    #[must_use]
    pub const fn percent(self) -> Option<u64> {
        if self.total() == 0 { None } else { Some(self.n_ok * 100 / self.total()) }
    }

    /// The rate in percent if there are enough attempts to judge by.
    #[must_use]
    pub const fn judged_percent(self) -> Option<u64> {
        if self.total() < ENOUGH { None } else { self.percent() }
    }
}
