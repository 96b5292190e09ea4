//! What a transaction read and claimed, taken into the queues.

use super::DispatchQueue;
use crate::domain::slots::SlotQueue;
use crate::domain::time::Timestamp;
use crate::engine::claim::{ClaimedQueue, QueueRest};
use crate::engine::subscription_queue::{SubscriptionQueue, UNKNOWN, WaitingJob, attempt_slot};
use crate::store::claims::WaitingSubscription;
use crate::store::deliveries::QueuePosition;
use std::sync::Arc;
use std::time::Duration;

impl DispatchQueue {
    /// Takes a queue as it was read, before anything was claimed in the same transaction.
    pub(super) fn apply_read(&mut self, read: &WaitingSubscription, now: Timestamp) {
        let id = read.subscription;
        let slot = attempt_slot(read.company, &read.target_url, id);
        let queue = self.queues.entry(id).or_insert_with(|| SubscriptionQueue::new(slot.clone(), read.changed_at));
        (queue.slot, queue.changed_at, queue.has_resends) = (slot, read.changed_at, read.has_resends);
        match read.next_due_at {
            Some(due_at) if due_at <= now => {
                (queue.n_due, queue.position) = (UNKNOWN, QueuePosition::before(due_at));
            }
            Some(due_at) => {
                queue.n_due = queue.n_new;
                queue.position = queue.position.min(QueuePosition::before(due_at));
                self.set_next_due(id, due_at);
            }
            None => queue.n_due = queue.n_new,
        }
        self.offer(id);
    }

    /// Takes claimed deliveries of a queue.
    pub(super) fn apply_claimed(&mut self, claimed: ClaimedQueue, token: &Arc<str>, at: Duration) {
        let ClaimedQueue { claim, jobs, n_taken, position, rest } = claimed;
        let id = claim.slot.subscription;
        for job in jobs {
            let waiting = WaitingJob { job, token: Arc::clone(token), claimed_at: at };
            self.slots.take(&waiting.job.slot);
            match (self.queues.get_mut(&id), claim.queue) {
                (Some(queue), SlotQueue::Due) => {
                    self.n_ahead += waiting.job.slot.n_slots;
                    queue.waiting.push_back(waiting);
                    self.ahead.insert(id);
                }
                (Some(queue), SlotQueue::Resends) => {
                    queue.n_in_flight += waiting.job.slot.n_slots;
                    self.ready.push_back(waiting);
                }
                (None, _) => self.ready.push_back(waiting),
            }
        }
        let Some(queue) = self.queues.get_mut(&id) else { return };
        // Something before the claim may have turned out to wait, and is claimed next.
        let is_current = queue.position >= claim.after;
        match rest {
            QueueRest::More if claim.queue == SlotQueue::Due => {
                // Large bodies occupy several slots, for which fewer deliveries were taken than counted.
                queue.n_due = queue.n_due.saturating_add(claim.n_slots.saturating_sub(n_taken));
            }
            QueueRest::NextDueAt(next_due_at) => {
                queue.n_due = queue.n_new;
                if let Some(due_at) = next_due_at {
                    self.set_next_due(id, due_at);
                }
            }
            QueueRest::Resends { is_any_leased } => {
                (queue.has_resends, queue.has_leased_resends) = (false, is_any_leased);
            }
            QueueRest::More => {}
        }
        if let Some(queue) = self.queues.get_mut(&id).filter(|_| claim.queue == SlotQueue::Due) {
            if is_current {
                queue.position = position;
            } else {
                queue.n_due = UNKNOWN;
            }
        }
        self.begin_waiting(id);
        self.offer(id);
    }
}
