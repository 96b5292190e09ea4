//! Replays: stored plans that deliver again what was selected, each delivery once, at a pace (contract: replay).

use super::delivery::State;
use super::ids::{CompanyId, ReplayId, SubscriptionId};
use super::time::Timestamp;
use std::ops::RangeInclusive;
use std::time::Duration;

/// States that can be selected.
pub const SELECTABLE: [State; 4] = [State::Skipped, State::Exhausted, State::Parked, State::Succeeded];
/// Deliveries a second that can be asked for.
pub const PACES: RangeInclusive<u32> = 1..=1_000;
/// Deliveries a second unless asked otherwise.
pub const PACE: u32 = 20;
/// Due deliveries of a subscription beyond which a replay adds none: events of today do not wait behind those of yesterday.
pub const CROWD: u32 = 8;

/// Which deliveries of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Of events at or after.
    pub since: Timestamp,
    /// Of events before.
    pub until: Timestamp,
    /// That stood so; some of [`SELECTABLE`].
    pub states: Vec<State>,
}

/// How a replay stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Takes what was selected, one after the other, while its subscription is on.
    Running,
    /// Takes nothing until it is resumed.
    Paused,
    /// Was given up; what it had taken is delivered.
    Cancelled,
    /// Has taken all.
    Finished,
}

impl Phase {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Running, Self::Paused, Self::Cancelled, Self::Finished];

    /// The name on the wire and in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Cancelled => "cancelled",
            Self::Finished => "finished",
        }
    }

    /// The phase of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.name() == name)
    }

    /// The phase after somebody asked for another one: what is over stays over.
    #[must_use]
    pub const fn turned(self, wanted: Self) -> Self {
        match self {
            Self::Running | Self::Paused => wanted,
            Self::Cancelled | Self::Finished => self,
        }
    }
}

/// How far a replay has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Deliveries selected when it was made.
    pub n_selected: u64,
    /// Those that it took.
    pub n_taken: u64,
    /// Those that needed it no longer when their turn came.
    pub n_passed: u64,
    /// Taken ones that have arrived.
    pub n_succeeded: u64,
    /// Taken ones that were given up after all their attempts.
    pub n_exhausted: u64,
}

/// A replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// Its number.
    pub id: ReplayId,
    /// Of which subscription.
    pub subscription: SubscriptionId,
    /// Whose.
    pub company: CompanyId,
    /// How it stands.
    pub phase: Phase,
    /// What was asked for.
    pub choice: Choice,
    /// Deliveries a second.
    pub per_second: u32,
    /// How far it has come.
    pub progress: Progress,
    /// Who asked for it.
    pub asked_by: String,
    /// When.
    pub created_at: Timestamp,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
}

/// What happens to a selected delivery when its turn comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It begins anew: due at once, with all its retries.
    Taken,
    /// It needs no replay any more: it is on its way, has arrived since, or will never be sent.
    Passed,
    /// Somebody has it just now; its turn comes later.
    Waits,
}

/// Decides about a delivery that was selected when it stood so, and stands so now; `None` if it is no longer kept.
#[must_use]
pub fn turn(selected: State, now: Option<State>) -> Turn {
    match now {
        Some(State::InFlight) => Turn::Waits,
        Some(State::Succeeded) if selected != State::Succeeded => Turn::Passed,
        Some(State::Pending | State::Cancelled) | None => Turn::Passed,
        Some(State::Skipped | State::Exhausted | State::Parked | State::Succeeded) => Turn::Taken,
    }
}

/// What a replay may take: it fills with time, at most to a second's worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Purse {
    per_second: f64,
    saved: f64,
}

impl Purse {
    /// A full one.
    #[must_use]
    pub fn full(per_second: u32) -> Self {
        let per_second = f64::from(per_second.clamp(*PACES.start(), *PACES.end()));
        Self { per_second, saved: per_second }
    }

    /// Fills it with what `elapsed` is worth.
    pub fn fill(&mut self, elapsed: Duration) {
        self.saved = (self.saved + elapsed.as_secs_f64() * self.per_second).min(self.per_second);
    }

    /// How many may be taken now.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1,000")]
    pub fn whole(&self) -> u32 {
        self.saved.max(0.0) as u32
    }

    /// Takes `n` out.
    pub fn spend(&mut self, n: u32) {
        self.saved -= f64::from(n);
    }

    /// How long until one more may be taken.
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
