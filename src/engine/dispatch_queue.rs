//! Queues of the dispatcher: what waits by subscription, as far as it is known in memory, and what was claimed. Choosing
//! what to claim next reads nothing from the database and costs the same however many subscriptions wait.
//!
//! A subscription's deliveries are claimed in the order of their due times, and its queue knows up to where. More are
//! claimed than may be in flight: about as many as succeeded during the last transaction wait in memory, under leases,
//! so that attempts go on while the next transaction is written. A lease is checked before its attempt begins: if too
//! little of it is left, or if the subscription was changed, the delivery returns to the queue unsent.

use super::claim::{ClaimRequest, ClaimedBatch, LEASE_DURATION, QueueClaim, ReturnedLease};
use super::claim_plan::ClaimPlan;
use super::dispatch_notices::NoticeInbox;
use super::egress_gate::EgressGate;
use super::flight_board::FlightBoard;
use super::settle::{CompletedAttempt, SettledOutcome};
use super::subscription_queue::{SubscriptionQueue, UNKNOWN, WaitingJob};
use crate::domain::delivery::AttemptKind;
use crate::domain::egress_health::EgressAdmission;
use crate::domain::flight_control::INITIAL_FLIGHT_LIMIT;
use crate::domain::ids::{CompanyId, SubscriptionId};
use crate::domain::slots::{AttemptSlot, SlotCapacity, SlotLedger, SlotQueue};
use crate::domain::time::Timestamp;
use crate::store::deliveries::{Lease, QueuePosition};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

mod claim_results;

/// Maximum number of slots for which one transaction claims deliveries, so that none delays others for long.
const MAX_CLAIMED: usize = 256;
/// Maximum number of queues that one transaction reads because they changed.
const MAX_READ: usize = 256;
/// Longest wait of a claimed delivery for its attempt; the rest of its lease is for the attempt and its outcome.
const MAX_CLAIM_AGE: Duration = Duration::from_secs(10);
/// Interval between two checks of the age of claims that wait.
const AGE_CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Interval between two passes over all queues; limits the cost of a lost notice.
const SWEEP_INTERVAL: Duration = Duration::from_secs(3);

/// Queues of all subscriptions, as far as anything waits or is claimed.
#[derive(Debug)]
pub(super) struct DispatchQueue {
    board: Arc<FlightBoard>,
    backoff: EgressGate,
    slots: SlotLedger,
    /// Maximum and present number of slots of deliveries that wait in memory.
    max_ahead: usize,
    n_ahead: usize,
    queues: HashMap<SubscriptionId, SubscriptionQueue>,
    /// Times at which more deliveries become due.
    timers: BTreeSet<(Timestamp, SubscriptionId)>,
    /// Subscriptions whose queues are to be read.
    unread: BTreeSet<SubscriptionId>,
    /// Subscription after which queues are read in passing over all of them; `None` while that is not under way.
    sweep_after: Option<SubscriptionId>,
    next_sweep_at: Duration,
    /// Subscriptions with deliveries that wait in memory, and when their age was last checked.
    ahead: BTreeSet<SubscriptionId>,
    ages_checked_at: Duration,
    /// Subscriptions with attempts that succeeded since the last claim.
    moving: BTreeSet<SubscriptionId>,
    returned: Vec<ReturnedLease>,
    /// Claim that the current transaction makes.
    claiming: Option<ClaimRequest>,
    /// Claimed deliveries whose attempts begin now.
    ready: VecDeque<WaitingJob>,
}

impl DispatchQueue {
    pub(super) fn new(board: Arc<FlightBoard>, capacity: SlotCapacity) -> Self {
        Self {
            board,
            backoff: EgressGate::default(),
            slots: SlotLedger::new(capacity),
            max_ahead: capacity.n_slots / 8,
            n_ahead: 0,
            queues: HashMap::new(),
            timers: BTreeSet::new(),
            unread: BTreeSet::new(),
            sweep_after: Some(SubscriptionId(0)),
            next_sweep_at: Duration::ZERO,
            ahead: BTreeSet::new(),
            ages_checked_at: Duration::ZERO,
            moving: BTreeSet::new(),
            returned: Vec::new(),
            claiming: None,
            ready: VecDeque::new(),
        }
    }

    /// Whether the sender itself cannot reach the network.
    pub(super) const fn is_paused(&self) -> bool {
        self.backoff.is_general()
    }

    /// Takes notices of other operations into account.
    pub(super) fn read_notices(&mut self, inbox: NoticeInbox) {
        if inbox.is_all {
            self.sweep_after = Some(SubscriptionId(0));
        }
        for (id, new) in inbox.due {
            match self.queues.get_mut(&id) {
                Some(queue) => {
                    // After the clock was set back, new deliveries are due before those that are claimed.
                    queue.position = queue.position.min(QueuePosition::before(new.due_at));
                    queue.n_due = queue.n_due.saturating_add(new.n);
                    queue.n_new += new.n;
                    self.offer(id);
                }
                None => self.unread.extend([id]),
            }
        }
        inbox.unread.into_iter().for_each(|id| self.read_again(id));
        inbox.changed.into_iter().for_each(|id| self.forget_claims(id));
    }

    /// Takes a finished attempt into account: its slot is free, and the limit of its subscription may have changed.
    pub(super) fn record_end(&mut self, attempt: &CompletedAttempt) {
        let id = attempt.claimed.subscription;
        let at = self.board.elapsed();
        let n_in_flight = self.queues.get(&id).map_or(0, |queue| queue.n_in_flight);
        self.board.record(attempt, n_in_flight);
        self.release_flight(&attempt.slot);
        if attempt.result.outcome.is_success()
            && let Some(queue) = self.queues.get_mut(&id)
        {
            queue.n_succeeded += 1;
            self.moving.insert(id);
        }
        if self.backoff.record(&attempt.slot, attempt.fault_domain(), at) {
            self.backoff.affected_subscriptions().into_iter().for_each(|id| self.offer(id));
            // While the failure is general, only probing attempts begin.
            std::mem::take(&mut self.ahead).into_iter().for_each(|id| self.return_waiting(id, |_| true));
        }
        self.begin_waiting(id);
        self.offer(id);
    }

    /// Frees the slot of an attempt that ended without an outcome.
    pub(super) fn release_flight(&mut self, slot: &AttemptSlot) {
        self.slots.release(slot);
        if let Some(queue) = self.queues.get_mut(&slot.subscription) {
            queue.n_in_flight = queue.n_in_flight.saturating_sub(slot.n_slots);
        }
    }

    /// Takes into account what became of a committed outcome.
    pub(super) fn record_settled(&mut self, attempt: &CompletedAttempt, outcome: SettledOutcome) {
        let id = attempt.claimed.subscription;
        match outcome {
            SettledOutcome::Stored { has_tripped: true, .. } => self.forget_claims(id),
            // A delivery that was resent may be due, and was passed over while it was leased.
            SettledOutcome::Stored { .. } if attempt.claimed.kind == AttemptKind::Resend => self.read_again(id),
            SettledOutcome::Stored { retry_at: Some(at), .. } => self.set_next_due(id, at),
            SettledOutcome::Stored { retry_at: None, .. } => {}
            SettledOutcome::Requeued | SettledOutcome::Discarded => self.read_again(id),
        }
        if let Some(queue) = self.queues.get_mut(&id)
            && std::mem::take(&mut queue.has_leased_resends)
        {
            queue.has_resends = true;
            self.offer(id);
        }
    }

    /// Next claimed delivery whose attempt begins now.
    pub(super) fn next_ready(&mut self) -> Option<WaitingJob> {
        self.ready.pop_front()
    }

    /// Plans what the next transaction reads and claims; `None` if nothing is to be done. The claimed slots are held
    /// until [`Self::end_claim`].
    pub(super) fn begin_claim(&mut self, token: &Arc<str>, now: Timestamp) -> Option<ClaimRequest> {
        let at = self.board.elapsed();
        self.apply_time(now, at);
        for id in std::mem::take(&mut self.moving) {
            if let Some(queue) = self.queues.get_mut(&id) {
                queue.n_ahead = std::mem::take(&mut queue.n_succeeded).max(queue.n_ahead / 2);
                self.offer(id);
            }
        }
        let claims = self.plan(at);
        let unread: Vec<SubscriptionId> = self.unread.iter().take(MAX_READ).copied().collect();
        for id in &unread {
            self.unread.remove(id);
        }
        for id in unread.iter().chain(claims.iter().map(|claim| &claim.slot.subscription)) {
            if let Some(queue) = self.queues.get_mut(id) {
                queue.n_new = 0;
            }
        }
        let request = ClaimRequest {
            lease: Lease { token: Arc::clone(token), until: now.plus(LEASE_DURATION) },
            now,
            returned: std::mem::take(&mut self.returned),
            unread,
            sweep_after: self.sweep_after.take(),
            claims,
        };
        if request.is_empty() {
            return None;
        }
        self.claiming = Some(request.clone());
        Some(request)
    }

    /// Takes the result of the claim under way into account; `None` if it failed and is to be planned again.
    pub(super) fn end_claim(&mut self, batch: Option<ClaimedBatch>) {
        let Some(request) = self.claiming.take() else { return };
        for QueueClaim { slot, n_slots, .. } in &request.claims {
            self.slots.release(&AttemptSlot { n_slots: *n_slots, ..slot.clone() });
        }
        let Some(batch) = batch else {
            self.returned.extend(request.returned);
            self.unread.extend(request.unread);
            self.unread.extend(request.claims.iter().map(|claim| claim.slot.subscription));
            self.sweep_after = self.sweep_after.or(request.sweep_after);
            return;
        };
        let at = self.board.elapsed();
        if request.sweep_after.is_some() && self.sweep_after.is_none() {
            self.sweep_after = batch.sweep_after;
            self.next_sweep_at = at + SWEEP_INTERVAL;
        }
        batch.read.iter().for_each(|read| self.apply_read(read, request.now));
        for claimed in batch.queues {
            self.apply_claimed(claimed, &request.lease.token, at);
        }
    }

    /// Returns everything that waits in memory to the queue unsent.
    pub(super) fn return_all(&mut self) {
        for waiting in std::mem::take(&mut self.ready) {
            self.release_flight(&waiting.job.slot);
            self.returned.push(waiting.lease());
        }
        std::mem::take(&mut self.ahead).into_iter().for_each(|id| self.return_waiting(id, |_| true));
    }

    /// Request that only returns leases; `None` if there are none to return.
    pub(super) fn return_leases(&mut self, now: Timestamp) -> Option<ClaimRequest> {
        let request = ClaimRequest::returning(std::mem::take(&mut self.returned), now);
        if request.is_empty() {
            return None;
        }
        self.claiming = Some(request.clone());
        Some(request)
    }

    /// Time at which the next delivery becomes due.
    pub(super) fn next_due_at(&self) -> Option<Timestamp> {
        self.timers.first().map(|(due_at, _)| *due_at)
    }

    /// Time until something else is to be done without a notice: a backoff ends, a claim grows old, queues are read.
    pub(super) fn idle_time(&self) -> Duration {
        let at = self.board.elapsed();
        let has_work = self.sweep_after.is_some() || !self.unread.is_empty() || !self.returned.is_empty();
        if has_work || !self.ready.is_empty() {
            return Duration::ZERO;
        }
        let backoff = self.backoff.next_end().map(|end| end.saturating_sub(at));
        let ages = (!self.ahead.is_empty()).then(|| (self.ages_checked_at + AGE_CHECK_INTERVAL).saturating_sub(at));
        [backoff, ages].into_iter().flatten().fold(self.next_sweep_at.saturating_sub(at), Duration::min)
    }

    /// Applies the time that has passed: deliveries that became due, backoffs that ended, claims that grew old.
    fn apply_time(&mut self, now: Timestamp, at: Duration) {
        while let Some((due_at, id)) = self.timers.first().copied().filter(|(due_at, _)| *due_at <= now) {
            self.timers.remove(&(due_at, id));
            if let Some(queue) = self.queues.get_mut(&id) {
                (queue.next_due_at, queue.n_due) = (None, UNKNOWN);
                self.offer(id);
            }
        }
        for id in self.backoff.take_ended(at) {
            self.begin_waiting(id);
            self.offer(id);
        }
        if !self.ahead.is_empty() && at >= self.ages_checked_at + AGE_CHECK_INTERVAL {
            self.ages_checked_at = at;
            for id in self.ahead.clone() {
                self.return_waiting(id, |waiting| at.saturating_sub(waiting.claimed_at) > MAX_CLAIM_AGE);
            }
        }
        if self.sweep_after.is_none() && at >= self.next_sweep_at {
            self.sweep_after = Some(SubscriptionId(0));
            self.queues.retain(|_, queue| {
                let is_idle = queue.is_idle();
                let was_idle = std::mem::replace(&mut queue.was_idle, is_idle);
                !(is_idle && was_idle)
            });
        }
    }

    /// Chooses what to claim, one slot at a time, and takes the slots.
    fn plan(&mut self, at: Duration) -> Vec<QueueClaim> {
        let mut plan = ClaimPlan::default();
        match self.backoff.admission(at) {
            EgressAdmission::Open => self.extend_plan(&mut plan, MAX_CLAIMED, usize::MAX, |_| true),
            // While the sender has general trouble, unaffected companies get one attempt each; affected ones share a
            // single probe.
            EgressAdmission::Probing { affected, is_due } => {
                let affected = affected.clone();
                self.extend_plan(&mut plan, MAX_CLAIMED, 1, |company| !affected.contains(&company));
                if is_due && affected.iter().all(|company| self.slots.n_held_by(*company) == 0) {
                    self.extend_plan(&mut plan, 1, 1, |company| affected.contains(&company));
                }
            }
        }
        plan.claims
    }

    fn extend_plan(
        &mut self,
        plan: &mut ClaimPlan,
        mut n_left: usize,
        company_limit: usize,
        is_admitted: impl Fn(CompanyId) -> bool,
    ) {
        while n_left > 0
            && let Some((id, which)) = self.slots.choose(company_limit, &is_admitted)
        {
            // The limit may have fallen since the queue was offered.
            if self.slots.n_held_for(id) >= self.claim_limit(id, which) {
                self.offer(id);
                continue;
            }
            let Some(queue) = self.queues.get_mut(&id) else { return };
            self.slots.take(&queue.slot);
            n_left -= 1;
            plan.add(queue, which);
            if which == SlotQueue::Due && queue.n_due != UNKNOWN {
                queue.n_due -= 1;
                if queue.n_due == 0 {
                    self.slots.set_waiting(&queue.slot, which, None);
                }
            }
        }
    }

    /// Maximum number of slots for which deliveries of a subscription are claimed.
    pub(super) fn claim_limit(&self, id: SubscriptionId, which: SlotQueue) -> usize {
        let Some(queue) = self.queues.get(&id) else { return 0 };
        let backoff = self.backoff.limit(id, self.board.elapsed());
        match which {
            // Resends do not depend on the adaptive limit: an operator asked for them, also while the subscription is
            // off.
            SlotQueue::Resends => backoff.min(INITIAL_FLIGHT_LIMIT as usize),
            SlotQueue::Due => {
                let limit = self.board.limit(queue.subject());
                let may_wait = self.n_ahead < self.max_ahead && !self.backoff.is_general();
                let n_ahead = if may_wait { queue.n_ahead.min(limit) } else { 0 };
                (limit + n_ahead).min(backoff)
            }
        }
    }

    /// Lets the queues of a subscription wait for slots, as far as they have anything.
    fn offer(&mut self, id: SubscriptionId) {
        let limits = [SlotQueue::Resends, SlotQueue::Due].map(|which| (which, self.claim_limit(id, which)));
        let Some(queue) = self.queues.get(&id) else { return };
        for (which, limit) in limits {
            let has_any = match which {
                SlotQueue::Resends => queue.has_resends,
                SlotQueue::Due => queue.n_due > 0,
            };
            self.slots.set_waiting(&queue.slot, which, has_any.then_some(limit));
        }
    }

    /// Lets attempts begin of claimed deliveries that wait, as far as the limit of the subscription permits.
    fn begin_waiting(&mut self, id: SubscriptionId) {
        let at = self.board.elapsed();
        let backoff = self.backoff.limit(id, at);
        let Some(queue) = self.queues.get_mut(&id) else { return };
        if queue.waiting.is_empty() {
            return;
        }
        let limit = self.board.limit(queue.subject()).min(backoff);
        while queue.n_in_flight < limit
            && let Some(next) = queue.waiting.pop_front()
        {
            let n_slots = next.job.slot.n_slots;
            self.n_ahead -= n_slots;
            if at.saturating_sub(next.claimed_at) > MAX_CLAIM_AGE {
                self.slots.release(&next.job.slot);
                self.returned.push(next.lease());
                self.unread.insert(id);
                continue;
            }
            queue.n_in_flight += n_slots;
            self.ready.push_back(next);
        }
        if queue.waiting.is_empty() {
            self.ahead.remove(&id);
        }
    }

    /// Returns claimed deliveries that wait to the queue unsent.
    fn return_waiting(&mut self, id: SubscriptionId, is_returned: impl Fn(&WaitingJob) -> bool) {
        let Some(queue) = self.queues.get_mut(&id) else { return };
        let (returned, kept) = std::mem::take(&mut queue.waiting).into_iter().partition(|waiting| is_returned(waiting));
        let returned: VecDeque<WaitingJob> = returned;
        queue.waiting = kept;
        if queue.waiting.is_empty() {
            self.ahead.remove(&id);
        }
        if !returned.is_empty() {
            self.read_again(id);
        }
        for waiting in returned {
            self.n_ahead -= waiting.job.slot.n_slots;
            self.slots.release(&waiting.job.slot);
            self.returned.push(waiting.lease());
        }
    }

    /// Returns what was claimed for a subscription that was changed, and reads its queue again.
    fn forget_claims(&mut self, id: SubscriptionId) {
        let is_theirs = |waiting: &WaitingJob| waiting.job.claimed.subscription == id;
        let (theirs, others) = std::mem::take(&mut self.ready).into_iter().partition(is_theirs);
        self.ready = others;
        let theirs: VecDeque<WaitingJob> = theirs;
        for waiting in theirs {
            self.release_flight(&waiting.job.slot);
            self.returned.push(waiting.lease());
        }
        self.return_waiting(id, |_| true);
        self.read_again(id);
    }

    /// Reads a queue again before anything else is claimed from it.
    fn read_again(&mut self, id: SubscriptionId) {
        self.unread.insert(id);
        if let Some(queue) = self.queues.get_mut(&id) {
            (queue.n_due, queue.has_resends) = (0, false);
            self.offer(id);
        }
    }

    /// More deliveries of a subscription are due from `at` on.
    fn set_next_due(&mut self, id: SubscriptionId, at: Timestamp) {
        let Some(queue) = self.queues.get_mut(&id) else {
            self.unread.insert(id);
            return;
        };
        if let Some(known) = queue.next_due_at {
            if known <= at {
                return;
            }
            self.timers.remove(&(known, id));
        }
        queue.next_due_at = Some(at);
        self.timers.insert((at, id));
    }
}
