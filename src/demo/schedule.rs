//! Schedule of the simulated company: pure functions of time, past actions and random numbers.

use crate::domain::delivery::UnitRandom;
use crate::domain::event::EventType;
use crate::domain::time::{MINUTE_MS, Timestamp};
use std::time::Duration;

/// Interpolates between two durations by a random number.
#[must_use]
pub fn interpolate(low: Duration, high: Duration, roll: UnitRandom) -> Duration {
    low + high.saturating_sub(low).mul_f64(roll.0.clamp(0.0, 1.0))
}

/// Speed factor of the traffic: 1 is calm, 2 twice as fast.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpeedFactor(f64);

impl Default for SpeedFactor {
    fn default() -> Self {
        Self(1.0)
    }
}

impl SpeedFactor {
    /// Creates a speed factor, limited to 0.1 to 100; 1 if not finite.
    #[must_use]
    pub fn from_factor(factor: f64) -> Self {
        Self(if factor.is_finite() { factor.clamp(0.1, 100.0) } else { 1.0 })
    }

    /// Scales a wait by the speed factor.
    #[must_use]
    pub fn scale(self, wait: Duration) -> Duration {
        wait.div_f64(self.0)
    }
}

/// Rate of one event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventRate {
    /// Type of the emitted event.
    pub kind: EventType,
    /// Delay of the first event after the start.
    pub first: Duration,
    /// Interval between two events, ± 20 %.
    pub every: Duration,
}

/// Schedule of the CRM's events.
#[derive(Debug, Clone)]
pub struct EventSchedule {
    pace: SpeedFactor,
    due: Vec<(Timestamp, EventRate)>,
}

impl EventSchedule {
    /// Creates the schedule of traffic that starts at `start`.
    #[must_use]
    pub fn new(rhythms: &[EventRate], start: Timestamp, pace: SpeedFactor) -> Self {
        let due = rhythms.iter().map(|rhythm| (start.plus(pace.scale(rhythm.first)), *rhythm)).collect();
        Self { pace, due }
    }

    /// Time of the next event; `None` if nothing is scheduled.
    #[must_use]
    pub fn next_at(&self) -> Option<Timestamp> {
        self.due.iter().map(|(at, _)| *at).min()
    }

    /// Takes an event that is due at `now`. The next one is scheduled from `now`, so that a pause causes no burst.
    pub fn take(&mut self, now: Timestamp, roll: UnitRandom) -> Option<EventType> {
        let (at, rhythm) = self.due.iter_mut().min_by_key(|(at, _)| *at).filter(|(at, _)| *at <= now)?;
        let wait = interpolate(rhythm.every.mul_f64(0.8), rhythm.every.mul_f64(1.2), roll);
        *at = now.plus(self.pace.scale(wait));
        Some(rhythm.kind)
    }
}

/// Decision of a poller that respects its rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollDecision {
    /// Makes the next call now.
    Call,
    /// Waits for the next rate window.
    WaitUntil(Timestamp),
}

/// Rate window as counted by its caller: fixed and aligned to the clock minute.
#[derive(Debug, Clone, Copy)]
pub struct ClientRateWindow {
    limit: u32,
    window: Timestamp,
    used: u32,
}

impl ClientRateWindow {
    /// Creates an unused window of `limit` calls per minute.
    #[must_use]
    pub const fn new(limit: u32) -> Self {
        Self { limit, window: Timestamp::from_millis(0), used: 0 }
    }

    /// Takes one call, or waits until shortly after the next window begins if only `reserve` calls would be left.
    pub fn next_call(&mut self, now: Timestamp, reserve: u32) -> PollDecision {
        let window = now.floor_to(MINUTE_MS);
        if window != self.window {
            *self = Self { window, used: 0, ..*self };
        }
        if self.used + reserve >= self.limit {
            return PollDecision::WaitUntil(Timestamp::from_millis(window.millis() + MINUTE_MS + 50));
        }
        self.used += 1;
        PollDecision::Call
    }
}

/// Time off after which a tripped endpoint is repaired.
pub const REPAIR_DELAY: Duration = Duration::from_secs(20);

/// Repairs an endpoint once its subscription has been tripped for [`REPAIR_DELAY`] without interruption.
#[derive(Debug, Clone, Copy, Default)]
pub struct AutoRepair {
    off_since: Option<Timestamp>,
}

/// Observed state of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObservedState {
    /// Subscription is enabled, or disabled manually.
    On,
    /// Subscription was disabled by the breaker.
    Tripped,
}

/// Decision of the automatic repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepairDecision {
    /// Keep watching the subscription for now.
    Wait,
    /// Repair the endpoint of the subscription now.
    Repair,
}

impl AutoRepair {
    /// Records an observation at `now` and decides whether to repair.
    pub fn observe(&mut self, seen: ObservedState, now: Timestamp) -> RepairDecision {
        match seen {
            ObservedState::On => self.off_since = None,
            ObservedState::Tripped => {
                if now.since(*self.off_since.get_or_insert(now)) >= REPAIR_DELAY {
                    return RepairDecision::Repair;
                }
            }
        }
        RepairDecision::Wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(600_000).plus(Duration::from_secs(seconds))
    }

    fn rhythm(kind: EventType, first: u64, every: u64) -> EventRate {
        EventRate { kind, first: Duration::from_secs(first), every: Duration::from_secs(every) }
    }

    #[test]
    fn an_agenda_takes_what_is_due_in_order_and_makes_up_for_nothing() {
        let rhythms = [rhythm(EventType::LeadCreated, 5, 10), rhythm(EventType::PaymentFailed, 2, 100)];
        let mut agenda = EventSchedule::new(&rhythms, at(0), SpeedFactor::default());
        let even = UnitRandom(0.5);
        assert_eq!(agenda.next_at(), Some(at(2)));
        assert_eq!(agenda.take(at(1), even), None);
        assert_eq!(agenda.take(at(2), even), Some(EventType::PaymentFailed));
        assert_eq!(agenda.take(at(70), even), Some(EventType::LeadCreated));
        assert_eq!(agenda.take(at(70), even), None);
        assert_eq!(agenda.next_at(), Some(at(80)));
    }

    #[test]
    fn a_faster_pace_shortens_waits() {
        let agenda =
            EventSchedule::new(&[rhythm(EventType::LeadCreated, 10, 10)], at(0), SpeedFactor::from_factor(5.0));
        assert_eq!(agenda.next_at(), Some(at(2)));
        assert_eq!(SpeedFactor::from_factor(f64::NAN), SpeedFactor::default());
        assert_eq!(EventSchedule::new(&[], at(0), SpeedFactor::default()).next_at(), None);
    }

    #[test]
    fn a_poller_uses_its_window_up_to_the_reserve_and_begins_again_with_the_next_minute() {
        let mut allowance = ClientRateWindow::new(60);
        let n_calls = (0..1_000).take_while(|_| allowance.next_call(at(7), 4) == PollDecision::Call).count();
        assert_eq!(n_calls, 56);
        let PollDecision::WaitUntil(next) = allowance.next_call(at(8), 4) else { panic!("the window is used") };
        assert_eq!(next, at(60).plus(Duration::from_millis(50)));
        assert_eq!(allowance.next_call(next, 4), PollDecision::Call);
    }

    #[test]
    fn the_caretaker_repairs_what_was_off_for_a_while_in_one_go() {
        let mut caretaker = AutoRepair::default();
        assert_eq!(caretaker.observe(ObservedState::On, at(0)), RepairDecision::Wait);
        assert_eq!(caretaker.observe(ObservedState::Tripped, at(10)), RepairDecision::Wait);
        assert_eq!(caretaker.observe(ObservedState::On, at(20)), RepairDecision::Wait);
        assert_eq!(caretaker.observe(ObservedState::Tripped, at(31)), RepairDecision::Wait);
        assert_eq!(caretaker.observe(ObservedState::Tripped, at(50)), RepairDecision::Wait);
        assert_eq!(caretaker.observe(ObservedState::Tripped, at(51)), RepairDecision::Repair);
    }
}
