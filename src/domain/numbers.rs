//! Numbers of events and deliveries, and how many are left out where it is not known how many were given.

use super::time::Timestamp;

/// Numbers that are left out at least.
pub const MIN_GAP: i64 = 1_000_000;
/// Numbers that are left out at most: numbers stay exact in JSON for thousands of restores.
pub const MAX_GAP: i64 = 1_000_000_000_000;

/// The last number of an event and of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Numbers {
    /// Of an event.
    pub event: i64,
    /// Of a delivery.
    pub delivery: i64,
}

impl Numbers {
    /// The higher ones of two.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { event: self.event.max(other.event), delivery: self.delivery.max(other.delivery) }
    }

    /// The numbers after which it is safe to go on where nobody knows what was given since a database was copied: as many are left out as
    /// were given at its pace since then, [`MIN_GAP`] at least.
    #[must_use]
    pub fn after_gap(self, pace: &Pace, now: Timestamp) -> Self {
        let age = now.since(pace.newest_at);
        let gap = |lane: Lane| lane.given_in(age.as_millis()).clamp(MIN_GAP, MAX_GAP);
        Self { event: self.event + gap(pace.events), delivery: self.delivery + gap(pace.deliveries) }
    }
}

/// How fast numbers were given in a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pace {
    /// When something was written into it last.
    pub newest_at: Timestamp,
    /// Of events.
    pub events: Lane,
    /// Of deliveries.
    pub deliveries: Lane,
}

/// How many numbers were given in how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lane {
    /// How many.
    pub n: i64,
    /// In how many milliseconds.
    pub ms: i64,
}

impl Lane {
    /// How many are given in so many milliseconds.
    fn given_in(self, ms: u128) -> i64 {
        // What came at once says nothing of a pace: a second is the least.
        let span = u128::try_from(self.ms).unwrap_or(0).max(1_000);
        let n = u128::try_from(self.n).unwrap_or(0).saturating_mul(ms).div_ceil(span);
        i64::try_from(n).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d2_a_gap_is_a_million_or_what_was_given_at_that_pace_since() {
        let pace = |newest_at, n, ms| Pace {
            newest_at: Timestamp::from_millis(newest_at),
            events: Lane { n, ms },
            deliveries: Lane { n: 3 * n, ms },
        };
        let day = 86_400_000;
        let last = Numbers { event: 50, delivery: 70 };
        let cases = [
            (pace(day, 40, day), day, (MIN_GAP, MIN_GAP)),
            (pace(day, 0, 0), 900 * day, (MIN_GAP, MIN_GAP)),
            (pace(day, 5_000_000, day), 3 * day, (10_000_000, 30_000_000)),
            (pace(day, 500, 10), day + 10_000_000, (5_000_000, 15_000_000)),
            (pace(2 * day, 5_000_000, day), day, (MIN_GAP, MIN_GAP)),
            (pace(0, i64::MAX / 4, 1), 900 * day, (MAX_GAP, MAX_GAP)),
        ];
        for (pace, now, (event, delivery)) in cases {
            let found = last.after_gap(&pace, Timestamp::from_millis(now));
            assert_eq!(found, Numbers { event: 50 + event, delivery: 70 + delivery }, "{pace:?}");
        }
    }
}
