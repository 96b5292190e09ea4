//! Replays: stored plans that deliver selected deliveries again, each once, at a limited rate.

use super::delivery::DeliveryState;
use super::ids::{CompanyId, ReplayId, SubscriptionId};
use super::time::Timestamp;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Delivery states that a replay can select.
pub const REPLAYABLE_STATES: [DeliveryState; 4] =
    [DeliveryState::Missed, DeliveryState::Exhausted, DeliveryState::OnHold, DeliveryState::Succeeded];
/// Valid replay rates in deliveries per second.
pub const REPLAY_RATE_RANGE: RangeInclusive<u32> = 1..=1_000;
/// Default replay rate in deliveries per second.
pub const DEFAULT_REPLAY_RATE: u32 = 20;
/// Number of due deliveries of a subscription above which a replay adds none, so that new events do not queue behind
/// old ones.
pub const MAX_DUE_BEFORE_REPLAY: u32 = 8;

/// Selection of a subscription's deliveries for a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplaySelection {
    /// Earliest creation time of the event, inclusive.
    pub since: Timestamp,
    /// Latest creation time of the event, exclusive.
    pub until: Timestamp,
    /// Delivery states to select, a subset of [`REPLAYABLE_STATES`].
    pub states: Vec<DeliveryState>,
}

/// State of a replay plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReplayState {
    /// Enqueues selected deliveries while the subscription is enabled.
    Running,
    /// Enqueues nothing until the replay is resumed.
    Paused,
    /// Ended by an operator; deliveries already enqueued are still sent.
    Cancelled,
    /// Every selected delivery was enqueued or skipped.
    Finished,
}

impl ReplayState {
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
    pub const fn transition(self, wanted: Self) -> Self {
        match self {
            Self::Running | Self::Paused => wanted,
            Self::Cancelled | Self::Finished => self,
        }
    }
}

/// Progress of a replay in deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReplayCounts {
    /// Number of deliveries selected when the replay was created.
    pub n_selected: u64,
    /// Number of deliveries enqueued again.
    pub n_enqueued: u64,
    /// Number of deliveries skipped because they no longer needed a replay.
    pub n_skipped: u64,
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
    pub state: ReplayState,
    /// Selection of deliveries to replay.
    pub selection: ReplaySelection,
    /// Replay rate in deliveries per second.
    pub per_second: u32,
    /// Counts of selected, enqueued and finished deliveries.
    pub progress: ReplayCounts,
    /// Name of the operator who requested the replay.
    pub requested_by: String,
    /// Time at which the replay was requested.
    pub created_at: Timestamp,
    /// Time at which the replay finished or was cancelled.
    pub ended_at: Option<Timestamp>,
}

/// Decision about one selected delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayDecision {
    /// Enqueue the delivery: due at once, with all its retries.
    Enqueue,
    /// Skip the delivery: it is pending, has succeeded meanwhile, or will never be sent.
    Skip,
    /// Decide later: the delivery is in flight.
    Wait,
}

/// Decides about a delivery by its state when selected and its state now; `None` means the delivery is no longer
/// stored.
#[must_use]
pub fn decide(selected: DeliveryState, now: Option<DeliveryState>) -> ReplayDecision {
    match now {
        Some(DeliveryState::InFlight) => ReplayDecision::Wait,
        Some(DeliveryState::Succeeded) if selected != DeliveryState::Succeeded => ReplayDecision::Skip,
        Some(DeliveryState::Pending | DeliveryState::Cancelled) | None => ReplayDecision::Skip,
        Some(DeliveryState::Missed | DeliveryState::Exhausted | DeliveryState::OnHold | DeliveryState::Succeeded) => {
            ReplayDecision::Enqueue
        }
    }
}

/// Token bucket that limits the rate of one replay; it holds at most one second's worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReplayTokenBucket {
    per_second: f64,
    tokens: f64,
}

impl ReplayTokenBucket {
    /// Creates a full bucket for a rate, clamped to [`REPLAY_RATE_RANGE`].
    #[must_use]
    pub fn full(per_second: u32) -> Self {
        let per_second = f64::from(per_second.clamp(*REPLAY_RATE_RANGE.start(), *REPLAY_RATE_RANGE.end()));
        Self { per_second, tokens: per_second }
    }

    /// Refills the bucket for the elapsed time.
    pub fn refill(&mut self, elapsed: Duration) {
        self.tokens = (self.tokens + elapsed.as_secs_f64() * self.per_second).min(self.per_second);
    }

    /// Number of deliveries that may be enqueued now.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1,000")]
    pub fn available(&self) -> u32 {
        self.tokens.max(0.0) as u32
    }

    /// Takes `n` tokens out of the bucket.
    pub fn take(&mut self, n: u32) {
        self.tokens -= f64::from(n);
    }

    /// Time until the next delivery may be enqueued.
    #[must_use]
    pub fn time_until_next(&self) -> Duration {
        Duration::from_secs_f64((1.0 - self.tokens).max(0.0) / self.per_second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_has_arrived_or_is_on_its_way_is_not_taken_again() {
        for selected in REPLAYABLE_STATES {
            for now in DeliveryState::ALL {
                let expected = match now {
                    DeliveryState::InFlight => ReplayDecision::Wait,
                    DeliveryState::Pending | DeliveryState::Cancelled => ReplayDecision::Skip,
                    DeliveryState::Succeeded if selected != DeliveryState::Succeeded => ReplayDecision::Skip,
                    _ => ReplayDecision::Enqueue,
                };
                assert_eq!(decide(selected, Some(now)), expected, "{selected:?} {now:?}");
            }
            assert_eq!(decide(selected, None), ReplayDecision::Skip);
        }
    }

    #[test]
    fn what_is_over_stays_over() {
        assert_eq!(ReplayState::Running.transition(ReplayState::Paused), ReplayState::Paused);
        assert_eq!(ReplayState::Paused.transition(ReplayState::Running), ReplayState::Running);
        for over in [ReplayState::Cancelled, ReplayState::Finished] {
            assert_eq!(over.transition(ReplayState::Running), over);
        }
    }

    proptest! {
        #[test]
        fn never_more_than_the_pace_and_a_second_more(per_second in 1_u32..=1_000, steps in proptest::collection::vec(0_u64..3_000, 1..60)) {
            let mut purse = ReplayTokenBucket::full(per_second);
            let (mut taken, mut passed) = (0.0, Duration::ZERO);
            for step in steps {
                let step = Duration::from_millis(step);
                purse.refill(step);
                passed += step;
                let n = purse.available();
                purse.take(n);
                taken += f64::from(n);
                prop_assert!(taken <= f64::from(per_second) * (passed.as_secs_f64() + 1.0) + 1e-6);
                let wait = purse.time_until_next() + Duration::from_micros(1);
                purse.refill(wait);
                passed += wait;
                prop_assert!(purse.available() >= 1, "a wait that is waited is enough");
            }
        }
    }
}
