//! Flight controllers of all subscriptions. A subscription starts anew whenever it is changed: enabled, or given another
//! target.

use super::flight_control::{FlightController, FlightReason, FlightSample, INITIAL_FLIGHT_LIMIT};
use super::ids::SubscriptionId;
use super::time::Timestamp;
use std::collections::HashMap;
use std::time::Duration;

/// Time without an attempt after which a controller is dropped.
const FORGET_AFTER: Duration = Duration::from_secs(600);
/// Number of controllers from which idle ones are looked for, at each doubling.
const MIN_SWEEP_SIZE: usize = 1_024;

/// Subscription as of its last change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FlightSubject {
    /// Subscription to which attempts are sent.
    pub subscription: SubscriptionId,
    /// Time of the last change of the subscription.
    pub changed_at: Timestamp,
}

/// Flight controllers by subscription.
#[derive(Debug, Default)]
pub struct FlightLimits {
    controllers: HashMap<SubscriptionId, (Timestamp, FlightController)>,
    sweep_size: usize,
}

impl FlightLimits {
    /// Records the end of an attempt. Attempts that began before the subscription was last changed are ignored.
    pub fn record(&mut self, of: FlightSubject, sample: FlightSample, at: Duration) {
        let fresh = || (of.changed_at, FlightController::new(at));
        let (changed_at, controller) = self.controllers.entry(of.subscription).or_insert_with(fresh);
        if *changed_at < of.changed_at {
            (*changed_at, *controller) = fresh();
        }
        if *changed_at == of.changed_at {
            controller.record(sample, at);
        }
        self.drop_idle(at);
    }

    /// Maximum number of attempts in flight of a subscription at the given time.
    #[must_use]
    pub fn limit(&self, of: FlightSubject, at: Duration) -> usize {
        match self.controllers.get(&of.subscription) {
            Some((changed_at, controller)) if *changed_at == of.changed_at => controller.limit(at),
            _ => INITIAL_FLIGHT_LIMIT as usize,
        }
    }

    /// Number of subscriptions by the reason for their limit, and the sum of their limits.
    #[must_use]
    pub fn totals(&self, at: Duration) -> ([(FlightReason, u64); FlightReason::ALL.len()], u64) {
        let mut reasons = FlightReason::ALL.map(|reason| (reason, 0));
        let mut sum = 0;
        for (_, controller) in self.controllers.values() {
            sum += controller.limit(at) as u64;
            if let Some((_, n)) = reasons.iter_mut().find(|(reason, _)| *reason == controller.reason()) {
                *n += 1;
            }
        }
        (reasons, sum)
    }

    fn drop_idle(&mut self, at: Duration) {
        if self.controllers.len() >= self.sweep_size.max(MIN_SWEEP_SIZE) {
            self.controllers.retain(|_, (_, controller)| at.saturating_sub(controller.last_at()) < FORGET_AFTER);
            self.sweep_size = self.controllers.len() * 2;
        }
    }
}
