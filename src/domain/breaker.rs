//! Circuit breaker: [`FUSE`] failed scheduled attempts in a row disable a subscription. See
//! `docs/internals/contract.md`.

use super::time::Timestamp;
use std::time::Duration;

/// Failures in a row that trip the breaker.
pub const FUSE: u32 = 20;

/// Circuit breaker of one subscription: its failed scheduled attempts since the last success or enabling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Breaker {
    /// Failures in a row, 0 to [`FUSE`].
    pub streak: u32,
}

/// Effect of one more counted attempt on a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The subscription stays as it is.
    Holds,
    /// The attempt trips the breaker and disables the subscription.
    Trips,
}

impl Breaker {
    /// Records one more *scheduled* attempt, by order of completion, and returns whether that attempt trips the
    /// breaker. Tests, resends and replays never count. A tripped breaker stays tripped and does not trip twice.
    #[must_use]
    pub fn after(self, succeeded: bool) -> (Self, Effect) {
        // Already tripped: attempts that were in flight at the trip still complete.
        if self.streak >= FUSE {
            return (self, Effect::Holds);
        }
        if succeeded {
            return (Self::default(), Effect::Holds);
        }
        let streak = self.streak + 1;
        let trips_at = if cfg!(feature = "sabotage-b1") { FUSE - 1 } else { FUSE };
        (Self { streak }, if streak == trips_at { Effect::Trips } else { Effect::Holds })
    }
}

/// Estimates the time until the breaker trips if failures continue at the pace of the current streak.
///
/// `began_at` is the first failure of the streak, `latest_at` the last one. Returns `None` with fewer than three
/// failures, which give no pace, or once the breaker has tripped.
#[must_use]
pub fn forecast(streak: u32, began_at: Timestamp, latest_at: Timestamp) -> Option<Duration> {
    if !(3..FUSE).contains(&streak) {
        return None;
    }
    let pace = latest_at.since(began_at) / (streak - 1);
    Some(pace * (FUSE - streak))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(start: u32, outcomes: &[bool]) -> (Breaker, usize) {
        outcomes.iter().fold((Breaker { streak: start }, 0), |(breaker, trips), ok| {
            let (next, effect) = breaker.after(*ok);
            (next, trips + usize::from(effect == Effect::Trips))
        })
    }

    #[test]
    fn trips_exactly_at_twenty_and_once() {
        assert_eq!(run(0, &[false; 19]), (Breaker { streak: 19 }, 0));
        assert_eq!(run(0, &[false; 20]), (Breaker { streak: 20 }, 1));
        assert_eq!(run(0, &[false; 84]), (Breaker { streak: 20 }, 1));
        assert_eq!(run(19, &[true, false]), (Breaker { streak: 1 }, 0));
    }

    #[test]
    fn nineteen_then_a_success_then_twenty_trips_once() {
        let mut outcomes = vec![false; 19];
        outcomes.push(true);
        outcomes.extend([false; 20]);
        assert_eq!(run(0, &outcomes), (Breaker { streak: 20 }, 1));
    }

    #[test]
    fn the_forecast_is_the_pace_of_the_streak() {
        let began = Timestamp::from_millis(0);
        let latest = began.plus(Duration::from_secs(120));
        assert_eq!(forecast(13, began, latest), Some(Duration::from_secs(70)));
        assert_eq!(forecast(2, began, latest), None);
        assert_eq!(forecast(20, began, latest), None);
    }
}
