//! What the dispatcher knows of the deliveries of one subscription.

use super::claim::{DeliveryJob, ReturnedLease};
use crate::domain::flight_limits::FlightSubject;
use crate::domain::ids::{CompanyId, SubscriptionId};
use crate::domain::slots::AttemptSlot;
use crate::domain::time::Timestamp;
use crate::store::deliveries::QueuePosition;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Claimed delivery that waits in memory for its attempt.
#[derive(Debug)]
pub(super) struct WaitingJob {
    pub(super) job: DeliveryJob,
    pub(super) token: Arc<str>,
    /// Time of the claim, by the clock of the flight board.
    pub(super) claimed_at: Duration,
}

impl WaitingJob {
    /// Lease that is given back if the delivery is not sent.
    pub(super) fn lease(&self) -> ReturnedLease {
        ReturnedLease { token: Arc::clone(&self.token), delivery: self.job.claimed.id }
    }
}

/// What is known of the deliveries of one subscription.
#[derive(Debug)]
pub(super) struct SubscriptionQueue {
    /// Company, host and subscription; one slot.
    pub(super) slot: AttemptSlot,
    pub(super) changed_at: Timestamp,
    /// Place up to which everything is claimed or has ended.
    pub(super) position: QueuePosition,
    /// Number of unclaimed deliveries that are due; [`UNKNOWN`] where there may be any number.
    pub(super) n_due: usize,
    /// Number of deliveries that became due since the claim under way was planned.
    pub(super) n_new: usize,
    /// Time from which on more may be due.
    pub(super) next_due_at: Option<Timestamp>,
    /// Whether resends may be claimed, and whether some wait for the end of another attempt.
    pub(super) has_resends: bool,
    pub(super) has_leased_resends: bool,
    /// Claimed deliveries that wait for their attempt, in order.
    pub(super) waiting: VecDeque<WaitingJob>,
    /// Slots of attempts in flight.
    pub(super) n_in_flight: usize,
    /// Attempts that succeeded since the last claim, and the number of deliveries that may be claimed ahead therefore.
    pub(super) n_succeeded: usize,
    pub(super) n_ahead: usize,
    /// Whether nothing waited and nothing was in flight when all queues were last read.
    pub(super) was_idle: bool,
}

/// Number of due deliveries where it is not known.
pub(super) const UNKNOWN: usize = usize::MAX;

impl SubscriptionQueue {
    pub(super) fn new(slot: AttemptSlot, changed_at: Timestamp) -> Self {
        Self {
            slot,
            changed_at,
            position: QueuePosition::START,
            n_due: 0,
            n_new: 0,
            next_due_at: None,
            has_resends: false,
            has_leased_resends: false,
            waiting: VecDeque::new(),
            n_in_flight: 0,
            n_succeeded: 0,
            n_ahead: 0,
            was_idle: false,
        }
    }

    /// Whether nothing waits and nothing is in flight.
    pub(super) fn is_idle(&self) -> bool {
        let is_empty = self.n_due == 0 && self.next_due_at.is_none() && !self.has_resends && !self.has_leased_resends;
        is_empty && self.waiting.is_empty() && self.n_in_flight == 0
    }

    /// The subscription, as it is configured.
    pub(super) const fn subject(&self) -> FlightSubject {
        FlightSubject { subscription: self.slot.subscription, changed_at: self.changed_at }
    }
}

/// Slot that an attempt for a subscription occupies. Stored targets are valid URLs.
pub(super) fn attempt_slot(company: CompanyId, target_url: &str, subscription: SubscriptionId) -> AttemptSlot {
    let url = Url::parse(target_url).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or(target_url);
    AttemptSlot { company, host: Arc::from(host), subscription, n_slots: 1 }
}
