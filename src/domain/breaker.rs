//! Circuit breaker: [`FAILURE_THRESHOLD`] failed scheduled attempts in a row disable a subscription. See
//! `docs/internals/contract.md`.

use super::time::Timestamp;
use std::time::Duration;

/// Failures in a row that trip the breaker.
pub const FAILURE_THRESHOLD: u32 = 20;

/// Circuit breaker of one subscription: its failed scheduled attempts since the last success or enabling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CircuitBreaker {
    /// Failures in a row, 0 to [`FAILURE_THRESHOLD`].
    pub failures_in_a_row: u32,
}

/// Effect of one more counted attempt on a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerTransition {
    /// The subscription stays as it is.
    Unchanged,
    /// The attempt trips the breaker and disables the subscription.
    Trip,
}

impl CircuitBreaker {
    /// Records one more *scheduled* attempt, by order of completion, and returns whether that attempt trips the
    /// breaker. Tests, resends and replays never count. A tripped breaker stays tripped and does not trip twice.
    #[must_use]
    pub fn after_attempt(self, succeeded: bool) -> (Self, BreakerTransition) {
        // Already tripped: attempts that were in flight at the trip still complete.
        if self.failures_in_a_row >= FAILURE_THRESHOLD {
            return (self, BreakerTransition::Unchanged);
        }
        if succeeded {
            return (Self::default(), BreakerTransition::Unchanged);
        }
        let streak = self.failures_in_a_row + 1;
        (
            Self { failures_in_a_row: streak },
            if streak == FAILURE_THRESHOLD { BreakerTransition::Trip } else { BreakerTransition::Unchanged },
        )
    }
}

/// Estimates the time until the breaker trips if failures continue at the pace of the current streak.
///
/// `began_at` is the first failure of the streak, `latest_at` the last one. Returns `None` with fewer than three
/// failures, which give no pace, or once the breaker has tripped.
#[must_use]
pub fn forecast_trip(streak: u32, began_at: Timestamp, latest_at: Timestamp) -> Option<Duration> {
    if !(3..FAILURE_THRESHOLD).contains(&streak) {
        return None;
    }
    let pace = latest_at.since(began_at) / (streak - 1);
    Some(pace * (FAILURE_THRESHOLD - streak))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(start: u32, outcomes: &[bool]) -> (CircuitBreaker, usize) {
        outcomes.iter().fold((CircuitBreaker { failures_in_a_row: start }, 0), |(breaker, trips), ok| {
            let (next, effect) = breaker.after_attempt(*ok);
            (next, trips + usize::from(effect == BreakerTransition::Trip))
        })
    }

    #[test]
    fn trips_exactly_at_twenty_and_once() {
        assert_eq!(run(0, &[false; 19]), (CircuitBreaker { failures_in_a_row: 19 }, 0));
        assert_eq!(run(0, &[false; 20]), (CircuitBreaker { failures_in_a_row: 20 }, 1));
        assert_eq!(run(0, &[false; 84]), (CircuitBreaker { failures_in_a_row: 20 }, 1));
        assert_eq!(run(19, &[true, false]), (CircuitBreaker { failures_in_a_row: 1 }, 0));
    }

    #[test]
    fn nineteen_then_a_success_then_twenty_trips_once() {
        let mut outcomes = vec![false; 19];
        outcomes.push(true);
        outcomes.extend([false; 20]);
        assert_eq!(run(0, &outcomes), (CircuitBreaker { failures_in_a_row: 20 }, 1));
    }

    #[test]
    fn the_forecast_is_the_pace_of_the_streak() {
        let began = Timestamp::from_millis(0);
        let latest = began.plus(Duration::from_secs(120));
        assert_eq!(forecast_trip(13, began, latest), Some(Duration::from_secs(70)));
        assert_eq!(forecast_trip(2, began, latest), None);
        assert_eq!(forecast_trip(20, began, latest), None);
    }
}
