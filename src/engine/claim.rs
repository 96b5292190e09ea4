//! Claims: reads queues that changed, and leases due deliveries of queues that were chosen, in one transaction. What a
//! claim costs depends on the queues read and chosen, not on how many wait.

use crate::domain::delivery::{ATTEMPT_TIMEOUT, DeliveryState};
use crate::domain::event::Event;
use crate::domain::ids::{DeliveryId, SubscriptionId};
use crate::domain::slots::{AttemptSlot, SlotQueue, slots_of_body};
use crate::domain::time::Timestamp;
use crate::store;
use crate::store::claims::{ClaimedDelivery, WaitingSubscription};
use crate::store::deliveries::{Lease, LeasedDelivery, QueuePosition};
use crate::store::delivery_counts::CountChanges;
use crate::store::subscriptions::DeliveryTarget;
use rusqlite::Connection;
use std::sync::Arc;
use std::time::Duration;

/// Duration of a lease: the deadline of an attempt, 10 s to wait for the attempt and 10 s to commit its outcome.
pub(super) const LEASE_DURATION: Duration = Duration::from_secs(ATTEMPT_TIMEOUT.as_secs() + 20);
/// Maximum number of queues that one transaction reads in passing over all of them.
const SWEEP_SIZE: u32 = 256;

/// Lease of a claimed delivery that is given up without an attempt.
#[derive(Debug, Clone)]
pub(super) struct ReturnedLease {
    pub(super) token: Arc<str>,
    pub(super) delivery: DeliveryId,
}

/// Due deliveries or resends of a subscription to claim.
#[derive(Debug, Clone)]
pub(super) struct QueueClaim {
    pub(super) slot: AttemptSlot,
    pub(super) queue: SlotQueue,
    /// Place in the queue up to which everything is claimed.
    pub(super) after: QueuePosition,
    /// Number of slots for which deliveries are claimed.
    pub(super) n_slots: usize,
}

/// What a transaction of the dispatcher reads and claims, in this order.
#[derive(Debug, Clone)]
pub(super) struct ClaimRequest {
    pub(super) lease: Lease,
    pub(super) now: Timestamp,
    pub(super) returned: Vec<ReturnedLease>,
    /// Subscriptions whose queues are read.
    pub(super) unread: Vec<SubscriptionId>,
    /// Subscription after which queues are read in passing over all of them.
    pub(super) sweep_after: Option<SubscriptionId>,
    pub(super) claims: Vec<QueueClaim>,
}

impl ClaimRequest {
    /// Request that only returns leases.
    pub(super) fn returning(returned: Vec<ReturnedLease>, now: Timestamp) -> Self {
        let lease = Lease { token: Arc::from(""), until: now };
        Self { lease, now, returned, unread: Vec::new(), sweep_after: None, claims: Vec::new() }
    }

    /// Whether there is nothing to read, claim or return.
    pub(super) fn is_empty(&self) -> bool {
        let is_idle = self.returned.is_empty() && self.unread.is_empty() && self.sweep_after.is_none();
        is_idle && self.claims.is_empty()
    }
}

/// Everything needed to attempt one delivery.
#[derive(Debug)]
pub(super) struct DeliveryJob {
    pub(super) claimed: LeasedDelivery,
    pub(super) slot: AttemptSlot,
    pub(super) event: Event,
    /// Target, shared by the deliveries of a claim.
    pub(super) target: Arc<DeliveryTarget>,
}

/// What is left of a queue after a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum QueueRest {
    /// More may be due.
    More,
    /// Nothing more is due until this time, or at all.
    NextDueAt(Option<Timestamp>),
    /// No resend is left, or the others wait for the end of attempts of the same deliveries.
    Resends {
        /// Whether resends wait for leased deliveries.
        is_any_leased: bool,
    },
}

/// Result of one [`QueueClaim`].
#[derive(Debug)]
pub(super) struct ClaimedQueue {
    pub(super) claim: QueueClaim,
    pub(super) jobs: Vec<DeliveryJob>,
    /// Number of deliveries that were taken from the queue, with those that were given up.
    pub(super) n_taken: usize,
    /// Place in the queue up to which everything is claimed now.
    pub(super) position: QueuePosition,
    pub(super) rest: QueueRest,
}

/// Result of a [`ClaimRequest`].
#[derive(Debug, Default)]
pub(super) struct ClaimedBatch {
    /// Queues that were read.
    pub(super) read: Vec<WaitingSubscription>,
    /// Subscription after which the passing over all queues goes on; `None` once all were read.
    pub(super) sweep_after: Option<SubscriptionId>,
    pub(super) queues: Vec<ClaimedQueue>,
}

/// Returns leases, reads queues and claims deliveries.
pub(super) fn claim(connection: &Connection, ask: ClaimRequest) -> Result<ClaimedBatch, store::Error> {
    for ReturnedLease { token, delivery } in &ask.returned {
        store::deliveries::release(connection, token, &[*delivery])?;
    }
    let mut batch = ClaimedBatch::default();
    for id in ask.unread {
        batch.read.extend(store::claims::waiting(connection, id)?);
    }
    if let Some(after) = ask.sweep_after {
        let read = store::claims::list_waiting(connection, after, SWEEP_SIZE)?;
        batch.sweep_after = read.last().map(|last| last.subscription).filter(|_| read.len() == SWEEP_SIZE as usize);
        batch.read.extend(read);
    }
    // A delivery that is to be resent may be due as well: resends are leased before due deliveries are looked for.
    let (resends, due): (Vec<_>, Vec<_>) = ask.claims.into_iter().partition(|claim| claim.queue == SlotQueue::Resends);
    for claims in [resends, due] {
        let mut leased = Vec::new();
        for claim in claims {
            batch.queues.push(claim_queue(connection, claim, ask.now, &mut leased)?);
        }
        store::claims::lease(connection, &leased, &ask.lease)?;
    }
    Ok(batch)
}

fn claim_queue(
    connection: &Connection,
    claim: QueueClaim,
    now: Timestamp,
    leased: &mut Vec<(DeliveryId, SubscriptionId)>,
) -> Result<ClaimedQueue, store::Error> {
    let of = claim.slot.subscription;
    let found = match claim.queue {
        SlotQueue::Due => store::claims::claim(connection, of, (claim.after, claim.n_slots), now)?,
        SlotQueue::Resends => store::claims::claim_resends(connection, of, claim.n_slots)?,
    };
    let n_found: usize = found.iter().map(ClaimedDelivery::n_slots).sum();
    let position = match claim.queue {
        SlotQueue::Due => found.last().map_or(claim.after, |last| last.position),
        SlotQueue::Resends => claim.after,
    };
    let rest = match claim.queue {
        _ if n_found >= claim.n_slots => QueueRest::More,
        SlotQueue::Due => QueueRest::NextDueAt(store::deliveries::next_due_at(connection, of, position)?),
        SlotQueue::Resends => QueueRest::Resends { is_any_leased: store::resends::is_any_leased(connection, of)? },
    };
    let n_taken = found.len();
    let mut jobs = Vec::with_capacity(n_taken);
    if !found.is_empty() {
        let target = store::subscriptions::target(connection, of)?.map(Arc::new);
        for ClaimedDelivery { delivery, event, .. } in found {
            let Some((event, target)) = readable(event)?.zip(target.clone()) else {
                give_up(connection, delivery.id)?;
                continue;
            };
            leased.push((delivery.id, of));
            let slot = AttemptSlot { n_slots: slots_of_body(event.body.len()), ..claim.slot.clone() };
            jobs.push(DeliveryJob { claimed: delivery, slot, event, target });
        }
    }
    Ok(ClaimedQueue { claim, jobs, n_taken, position, rest })
}

/// Event of a claimed delivery; `None` if it cannot be read.
fn readable(event: Result<Event, store::Error>) -> Result<Option<Event>, store::Error> {
    match event {
        Ok(event) => Ok(Some(event)),
        Err(store::Error::Unreadable(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Gives up a delivery that cannot be read, so that it does not block the others.
fn give_up(connection: &Connection, id: DeliveryId) -> Result<(), store::Error> {
    tracing::error!(%id, "a delivery's event or subscription cannot be read; the delivery was given up");
    store::resends::remove(connection, id)?;
    let mut counts = CountChanges::default();
    if let Some(change) = store::deliveries::complete(connection, id, (DeliveryState::Exhausted, None), 0)? {
        counts.record(&change);
    }
    counts.commit(connection)
}
