//! Plan of a claim: which queues get how many slots.

use super::claim::QueueClaim;
use super::subscription_queue::SubscriptionQueue;
use crate::domain::ids::SubscriptionId;
use crate::domain::slots::SlotQueue;
use std::collections::HashMap;

/// Claims of a plan, one for each queue.
#[derive(Debug, Default)]
pub(super) struct ClaimPlan {
    pub(super) claims: Vec<QueueClaim>,
    places: HashMap<(SubscriptionId, SlotQueue), usize>,
}

impl ClaimPlan {
    /// Adds one slot of a queue.
    pub(super) fn add(&mut self, of: &SubscriptionQueue, queue: SlotQueue) {
        let place = *self.places.entry((of.slot.subscription, queue)).or_insert_with(|| {
            self.claims.push(QueueClaim { slot: of.slot.clone(), queue, after: of.position, n_slots: 0 });
            self.claims.len() - 1
        });
        if let Some(claim) = self.claims.get_mut(place) {
            claim.n_slots += 1;
        }
    }
}
