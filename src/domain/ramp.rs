//! The ramp: a subscription that comes back gets one attempt at a time, then two, then four, as attempts succeed.

use super::delivery::FLIGHTS_PER_SUBSCRIPTION;

/// Attempts that a subscription may have under way at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ramp(u32);

impl Ramp {
    /// Where a subscription begins that was off.
    pub const FOOT: Self = Self(1);

    /// A ramp as it was stored; nonsense is brought into range.
    #[must_use]
    pub fn at(n: u32) -> Self {
        Self(n.clamp(Self::FOOT.0, Self::default().0))
    }

    /// The ramp after one more attempt by the schedule or of a replay. Failures keep it: the breaker deals with those.
    #[must_use]
    pub fn after(self, succeeded: bool) -> Self {
        if succeeded { Self::at(self.0 * 2) } else { self }
    }

    /// Attempts that may be under way at once.
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
