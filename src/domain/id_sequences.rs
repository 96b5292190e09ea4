//! Id sequences of events and deliveries after a restore from a backup: how many ids to skip so that none is assigned
//! twice.

use super::time::Timestamp;

/// Minimum number of ids to skip after a restore.
pub const MIN_ID_GAP: i64 = 1_000_000;
/// Maximum number of ids to skip, so that ids stay exact in JSON after thousands of restores.
pub const MAX_ID_GAP: i64 = 1_000_000_000_000;

/// Last assigned ids of events and deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LastIds {
    /// Last assigned id of an event.
    pub event: i64,
    /// Last assigned id of a delivery.
    pub delivery: i64,
}

impl LastIds {
    /// Combines two states, keeping the higher id of each sequence.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { event: self.event.max(other.event), delivery: self.delivery.max(other.delivery) }
    }

    /// Ids after which a restored database can safely continue when the ids assigned since the backup are unknown:
    /// skips as many as the allocation rate predicts for that time, between [`MIN_ID_GAP`] and [`MAX_ID_GAP`].
    #[must_use]
    pub fn after_gap(self, pace: &IdRates, now: Timestamp) -> Self {
        let age = now.since(pace.last_write_at);
        let gap = |lane: IdRate| lane.expected_within(age.as_millis()).clamp(MIN_ID_GAP, MAX_ID_GAP);
        Self { event: self.event + gap(pace.events), delivery: self.delivery + gap(pace.deliveries) }
    }
}

/// Rate at which a database assigned ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IdRates {
    /// Time of the last write to the database.
    pub last_write_at: Timestamp,
    /// Allocation rate of event ids.
    pub events: IdRate,
    /// Allocation rate of delivery ids.
    pub deliveries: IdRate,
}

/// Number of ids assigned within a duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IdRate {
    /// Number of ids that were assigned.
    pub n_assigned: i64,
    /// Duration in milliseconds in which they were assigned.
    pub within_ms: i64,
}

impl IdRate {
    /// Number of ids expected within `ms` milliseconds at this rate, rounded up.
    fn expected_within(self, ms: u128) -> i64 {
        // A burst gives no rate: assume at least one second.
        let span = u128::try_from(self.within_ms).unwrap_or(0).max(1_000);
        let n = u128::try_from(self.n_assigned).unwrap_or(0).saturating_mul(ms).div_ceil(span);
        i64::try_from(n).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d2_a_gap_is_a_million_or_what_was_given_at_that_pace_since() {
        let pace = |newest_at, n, ms| IdRates {
            last_write_at: Timestamp::from_millis(newest_at),
            events: IdRate { n_assigned: n, within_ms: ms },
            deliveries: IdRate { n_assigned: 3 * n, within_ms: ms },
        };
        let day = 86_400_000;
        let last = LastIds { event: 50, delivery: 70 };
        let cases = [
            (pace(day, 40, day), day, (MIN_ID_GAP, MIN_ID_GAP)),
            (pace(day, 0, 0), 900 * day, (MIN_ID_GAP, MIN_ID_GAP)),
            (pace(day, 5_000_000, day), 3 * day, (10_000_000, 30_000_000)),
            (pace(day, 500, 10), day + 10_000_000, (5_000_000, 15_000_000)),
            (pace(2 * day, 5_000_000, day), day, (MIN_ID_GAP, MIN_ID_GAP)),
            (pace(0, i64::MAX / 4, 1), 900 * day, (MAX_ID_GAP, MAX_ID_GAP)),
        ];
        for (pace, now, (event, delivery)) in cases {
            let found = last.after_gap(&pace, Timestamp::from_millis(now));
            assert_eq!(found, LastIds { event: 50 + event, delivery: 70 + delivery }, "{pace:?}");
        }
    }
}
