//! Slow start: a subscription that was just enabled gets one attempt at a time, then two, then four, as attempts
//! succeed.

use super::delivery::MAX_IN_FLIGHT_PER_SUBSCRIPTION;

/// Slow start of a subscription: how many of its attempts may be in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlowStart(u32);

impl SlowStart {
    /// Initial limit of a subscription that was just enabled.
    pub const INITIAL: Self = Self(1);

    /// Restores a stored limit, clamped to the valid range.
    #[must_use]
    pub fn from_stored(n: u32) -> Self {
        Self(n.clamp(Self::INITIAL.0, Self::default().0))
    }

    /// Limit after one more scheduled or replayed attempt: doubled by a success, unchanged by a failure, which the
    /// breaker handles.
    #[must_use]
    pub fn after_attempt(self, succeeded: bool) -> Self {
        if succeeded { Self::from_stored(self.0 * 2) } else { self }
    }

    /// Maximum number of attempts in flight.
    #[must_use]
    pub const fn concurrency_limit(self) -> u32 {
        self.0
    }
}

impl Default for SlowStart {
    fn default() -> Self {
        Self(u32::try_from(MAX_IN_FLIGHT_PER_SUBSCRIPTION).unwrap_or(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_then_two_then_four_and_no_more() {
        let climb = |outcomes: &[bool]| {
            outcomes.iter().fold(SlowStart::INITIAL, |ramp, ok| ramp.after_attempt(*ok)).concurrency_limit()
        };
        assert_eq!(climb(&[]), 1);
        assert_eq!(climb(&[true]), 2);
        assert_eq!(climb(&[true, false]), 2);
        assert_eq!(climb(&[true, false, true]), 4);
        assert_eq!(climb(&[true; 9]), 4);
        assert_eq!((SlowStart::from_stored(0), SlowStart::from_stored(99)), (SlowStart::INITIAL, SlowStart::default()));
    }
}
