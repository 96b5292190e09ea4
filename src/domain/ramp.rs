//! Slow start: a subscription that was just enabled gets one attempt at a time, then two, then four, as attempts
//! succeed.

use super::delivery::FLIGHTS_PER_SUBSCRIPTION;

/// Slow start of a subscription: how many of its attempts may be in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ramp(u32);

impl Ramp {
    /// Initial limit of a subscription that was just enabled.
    pub const FOOT: Self = Self(1);

    /// Restores a stored limit, clamped to the valid range.
    #[must_use]
    pub fn at(n: u32) -> Self {
        Self(n.clamp(Self::FOOT.0, Self::default().0))
    }

    /// Limit after one more scheduled or replayed attempt: doubled by a success, unchanged by a failure, which the
    /// breaker handles.
    #[must_use]
    pub fn after(self, succeeded: bool) -> Self {
        if succeeded { Self::at(self.0 * 2) } else { self }
    }

    /// Maximum number of attempts in flight.
    #[must_use]
    pub const fn room(self) -> u32 {
        self.0
    }
}

impl Default for Ramp {
    fn default() -> Self {
        Self(u32::try_from(FLIGHTS_PER_SUBSCRIPTION).unwrap_or(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_then_two_then_four_and_no_more() {
        let climb = |outcomes: &[bool]| outcomes.iter().fold(Ramp::FOOT, |ramp, ok| ramp.after(*ok)).room();
        assert_eq!(climb(&[]), 1);
        assert_eq!(climb(&[true]), 2);
        assert_eq!(climb(&[true, false]), 2);
        assert_eq!(climb(&[true, false, true]), 4);
        assert_eq!(climb(&[true; 9]), 4);
        assert_eq!((Ramp::at(0), Ramp::at(99)), (Ramp::FOOT, Ramp::default()));
    }
}
