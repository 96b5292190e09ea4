//! Replays: stored plans that deliver selected deliveries again, each once, at a limited rate.

use super::delivery::State;
use super::ids::{CompanyId, ReplayId, SubscriptionId};
use super::time::Timestamp;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Delivery states that a replay can select.
pub const SELECTABLE: [State; 4] = [State::Skipped, State::Exhausted, State::Parked, State::Succeeded];
/// Valid replay rates in deliveries per second.
pub const PACES: RangeInclusive<u32> = 1..=1_000;
/// Default replay rate in deliveries per second.
pub const PACE: u32 = 20;
/// Number of due deliveries of a subscription above which a replay adds none, so that new events do not queue behind
/// old ones.
pub const CROWD: u32 = 8;

/// Selection of a subscription's deliveries for a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Earliest creation time of the event, inclusive.
    pub since: Timestamp,
    /// Latest creation time of the event, exclusive.
    pub until: Timestamp,
    /// Delivery states to select, a subset of [`SELECTABLE`].
    pub states: Vec<State>,
}

/// State of a replay plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Enqueues selected deliveries while the subscription is enabled.
    Running,
    /// Enqueues nothing until the replay is resumed.
    Paused,
    /// Ended by an operator; deliveries already enqueued are still sent.
    Cancelled,
    /// Every selected delivery was enqueued or skipped.
    Finished,
}

impl Phase {
    /// All four states of a replay.
    pub const ALL: [Self; 4] = [Self::Running, Self::Paused, Self::Cancelled, Self::Finished];

    /// Name of the state on the wire and in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Cancelled => "cancelled",
            Self::Finished => "finished",
        }
    }

    /// Looks up a replay state by its name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.name() == name)
    }

    /// State after an operator requested `wanted`; a cancelled or finished replay keeps its state.
    #[must_use]
    pub const fn turned(self, wanted: Self) -> Self {
        match self {
            Self::Running | Self::Paused => wanted,
            Self::Cancelled | Self::Finished => self,
        }
    }
}

/// Progress of a replay in deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Number of deliveries selected when the replay was created.
    pub n_selected: u64,
    /// Number of deliveries enqueued again.
    pub n_taken: u64,
    /// Number of deliveries skipped because they no longer needed a replay.
    pub n_passed: u64,
    /// Number of enqueued deliveries that succeeded.
    pub n_succeeded: u64,
    /// Number of enqueued deliveries whose attempts all failed.
    pub n_exhausted: u64,
}

/// A replay of past deliveries of one subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// Number of the replay, unique on the platform.
    pub id: ReplayId,
    /// Subscription whose deliveries are replayed.
    pub subscription: SubscriptionId,
    /// Company that owns the subscription.
    pub company: CompanyId,
    /// Current state of the replay.
    pub phase: Phase,
    /// Selection of deliveries to replay.
    pub choice: Choice,
    /// Replay rate in deliveries per second.
    pub per_second: u32,
    /// Counts of selected, enqueued and finished deliveries.
    pub progress: Progress,
    /// Name of the operator who requested the replay.
    pub asked_by: String,
    /// Time at which the replay was requested.
    pub created_at: Timestamp,
    /// Time at which the replay finished or was cancelled.
    pub ended_at: Option<Timestamp>,
}

/// Decision about one selected delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Enqueue the delivery: due at once, with all its retries.
    Taken,
    /// Skip the delivery: it is pending, has succeeded meanwhile, or will never be sent.
    Passed,
    /// Decide later: the delivery is in flight.
    Waits,
}

/// Decides about a delivery by its state when selected and its state now; `None` means the delivery is no longer
/// stored.
#[must_use]
pub fn turn(selected: State, now: Option<State>) -> Turn {
    match now {
        Some(State::InFlight) => Turn::Waits,
        Some(State::Succeeded) if selected != State::Succeeded => Turn::Passed,
        Some(State::Pending | State::Cancelled) | None => Turn::Passed,
        Some(State::Skipped | State::Exhausted | State::Parked | State::Succeeded) => Turn::Taken,
    }
}

/// Token bucket that limits the rate of one replay; it holds at most one second's worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Purse {
    per_second: f64,
    saved: f64,
}

impl Purse {
    /// Creates a full bucket for a rate, clamped to [`PACES`].
    #[must_use]
    pub fn full(per_second: u32) -> Self {
        let per_second = f64::from(per_second.clamp(*PACES.start(), *PACES.end()));
        Self { per_second, saved: per_second }
    }

    /// Refills the bucket for the elapsed time.
    pub fn fill(&mut self, elapsed: Duration) {
        self.saved = (self.saved + elapsed.as_secs_f64() * self.per_second).min(self.per_second);
    }

    /// Number of deliveries that may be enqueued now.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1,000")]
    pub fn whole(&self) -> u32 {
        self.saved.max(0.0) as u32
    }

    /// Takes `n` tokens out of the bucket.
    pub fn spend(&mut self, n: u32) {
        self.saved -= f64::from(n);
    }

    /// Time until the next delivery may be enqueued.
    #[must_use]
    pub fn wait(&self) -> Duration {
        Duration::from_secs_f64((1.0 - self.saved).max(0.0) / self.per_second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_has_arrived_or_is_on_its_way_is_not_taken_again() {
        for selected in SELECTABLE {
            for now in State::ALL {
                let expected = match now {
                    State::InFlight => Turn::Waits,
                    State::Pending | State::Cancelled => Turn::Passed,
                    State::Succeeded if selected != State::Succeeded => Turn::Passed,
                    _ => Turn::Taken,
                };
                assert_eq!(turn(selected, Some(now)), expected, "{selected:?} {now:?}");
            }
            assert_eq!(turn(selected, None), Turn::Passed);
        }
    }

    #[test]
    fn what_is_over_stays_over() {
        assert_eq!(Phase::Running.turned(Phase::Paused), Phase::Paused);
        assert_eq!(Phase::Paused.turned(Phase::Running), Phase::Running);
        for over in [Phase::Cancelled, Phase::Finished] {
            assert_eq!(over.turned(Phase::Running), over);
        }
    }

    proptest! {
        #[test]
        fn never_more_than_the_pace_and_a_second_more(per_second in 1_u32..=1_000, steps in proptest::collection::vec(0_u64..3_000, 1..60)) {
            let mut purse = Purse::full(per_second);
            let (mut taken, mut passed) = (0.0, Duration::ZERO);
            for step in steps {
                let step = Duration::from_millis(step);
                purse.fill(step);
                passed += step;
                let n = purse.whole();
                purse.spend(n);
                taken += f64::from(n);
                prop_assert!(taken <= f64::from(per_second) * (passed.as_secs_f64() + 1.0) + 1e-6);
                let wait = purse.wait() + Duration::from_micros(1);
                purse.fill(wait);
                passed += wait;
                prop_assert!(purse.whole() >= 1, "a wait that is waited is enough");
            }
        }
    }
}
