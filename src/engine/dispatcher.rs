//! The dispatcher: leases due deliveries, fairly over companies, hosts and subscriptions, runs each attempt and
//! commits its outcome. See `docs/internals/reliability.md`.

use super::claim::{ClaimRequest, ClaimedBatch, DeliveryJob};
use super::dispatch_transaction::DispatchTransaction;
use super::egress::slot_capacity;
use super::error::Error;
use super::handle::Engine;
use super::sender::WebhookRequest;
use super::settle::{CompletedAttempt, FaultDomain};
use crate::clock::Stopwatch;
use crate::domain::delivery::ATTEMPT_TIMEOUT;
use crate::domain::egress_health::EgressHealth;
use crate::domain::signature::SigningKey;
use crate::domain::slots::{AttemptSlot, SlotLedger};
use crate::domain::time::Timestamp;
use crate::store::deliveries::Lease;
use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinSet};

/// Duration of a lease: the deadline of an attempt plus 20 s to commit its outcome.
pub(super) const LEASE_DURATION: Duration = Duration::from_secs(ATTEMPT_TIMEOUT.as_secs() + 20);
/// Longest sleep without a wake-up; limits the cost of a lost notification.
const MAX_IDLE_INTERVAL: Duration = Duration::from_secs(30);
/// Grace period for attempts in flight when the platform stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(12);
/// Consecutive yields without a new outcome after which the batch is committed.
const MAX_IDLE_YIELDS: u32 = 5;
/// Delay before the next try after storage failed.
const STORAGE_RETRY_DELAY: Duration = Duration::from_secs(1);

pub(super) async fn run(engine: Engine, mut stop: watch::Receiver<bool>) {
    let shared = &engine.shared;
    let mut desk = DispatcherState::new(&engine);
    engine.set_status(|status| status.is_dispatching = true);
    let mut said = None;
    while !*stop.borrow() {
        // Register for notifications before querying, so that a notification that arrives during the query is not
        // missed.
        let mut rung = pin!(shared.dispatcher_wakeup.notified());
        rung.as_mut().enable();
        let wake_at = match desk.tick(&engine).await {
            Ok(next_due) => {
                report_pause(&engine, &mut said, desk.pause_reason());
                let wait = desk.backoff_ends_after.map_or(MAX_IDLE_INTERVAL, |next| {
                    next.saturating_sub(shared.flight_board.elapsed()).min(MAX_IDLE_INTERVAL)
                });
                let latest = shared.ambient.now().plus(wait);
                next_due.map_or(latest, |due| due.min(latest))
            }
            Err(error) => {
                report_pause(&engine, &mut said, Some(error.to_string()));
                tokio::select! {
                    () = shared.ambient.sleep(STORAGE_RETRY_DELAY) => {}
                    _ = stop.changed() => {}
                }
                continue;
            }
        };
        tokio::select! {
            () = desk.next_event(&engine) => {}
            () = rung => {}
            () = shared.ambient.sleep_until(wake_at) => {}
            _ = stop.changed() => {}
        }
    }
    if shared.ambient.timeout(SHUTDOWN_TIMEOUT, desk.drain_and_stop(&engine)).await.is_none() {
        tracing::warn!("attempts were in flight when the platform stopped; their leases expire");
    }
    engine.set_status(|status| status.is_dispatching = false);
}

/// In-memory state of the dispatcher task.
struct DispatcherState {
    /// Tasks of attempts in flight; `owners` holds the slot of each.
    in_flight: JoinSet<()>,
    owners: HashMap<Id, AttemptSlot>,
    /// Slots of attempts in flight.
    slots: SlotLedger,
    /// Sender of the outcome channel, cloned into every attempt.
    outcome_tx: mpsc::UnboundedSender<CompletedAttempt>,
    outcome_rx: mpsc::UnboundedReceiver<CompletedAttempt>,
    /// Outcomes that are not yet committed.
    outcomes: Vec<Arc<CompletedAttempt>>,
    run_id: String,
    n_claims: u64,
    backoff: EgressHealth,
    /// Earliest back-off expiry, sampled before the commit. Sampling afterwards would miss a back-off that expires
    /// during the commit and leave it without a wake-up.
    backoff_ends_after: Option<Duration>,
}

impl DispatcherState {
    fn new(engine: &Engine) -> Self {
        let ambient = &engine.shared.ambient;
        let (runway, arrivals) = mpsc::unbounded_channel();
        Self {
            in_flight: JoinSet::new(),
            owners: HashMap::new(),
            slots: SlotLedger::new(slot_capacity()),
            outcome_tx: runway,
            outcome_rx: arrivals,
            outcomes: Vec::new(),
            run_id: ambient.ulid(),
            n_claims: 0,
            backoff: EgressHealth::default(),
            backoff_ends_after: None,
        }
    }

    /// Reason of the pause while the sender itself cannot reach the network.
    fn pause_reason(&self) -> Option<String> {
        self.backoff.is_general().then(|| {
            "the platform has no working network (no route, resolver or descriptors); it probes with one delivery at a time"
                .to_owned()
        })
    }

    /// Commits outcomes, claims due deliveries for the free slots, and starts their attempts. Returns when the next
    /// delivery becomes due. After a storage failure the outcomes stay in memory.
    async fn tick(&mut self, engine: &Engine) -> Result<Option<Timestamp>, Error> {
        self.collect_outcomes(engine).await;
        let shared = &engine.shared;
        // Without disk reserve nothing new starts, since an attempt's outcome could not be written.
        let has_room = shared.store.check_reserve();
        let ask = if has_room.is_ok() { self.claim_request(engine) } else { None };
        let token = ask.as_ref().map(|ask| ask.lease.token.clone()).unwrap_or_default();
        if self.outcomes.is_empty() && ask.is_none() {
            return Ok(has_room.map(|()| None)?);
        }
        let claims = self.commit(engine, ask).await?;
        has_room?;
        let mut signing_keys = HashMap::new();
        for job in claims.jobs {
            let subscription = job.claimed.subscription;
            let unseal =
                || engine.unseal(subscription, &job.target.sealed_secret).map(|secret| SigningKey::new(&secret));
            let key = signing_keys.entry(subscription).or_insert_with(unseal);
            match key {
                Ok(key) => self.take_off(engine, job, key.clone(), token.clone()),
                Err(why) => tracing::error!(%why, "an attempt could not be made; its lease expires"),
            }
        }
        Ok(claims.next_due_at)
    }

    /// Starts the attempt of a claimed delivery.
    fn take_off(&mut self, engine: &Engine, job: DeliveryJob, key: SigningKey, lease: String) {
        let slot = job.slot.clone();
        self.slots.take(&slot);
        let queued = engine.shared.ambient.stopwatch();
        let flight =
            self.in_flight.spawn(run_attempt(engine.clone(), job, (key, lease, queued), self.outcome_tx.clone()));
        self.owners.insert(flight.id(), slot);
    }

    /// Commits the outcomes together with a claim. After a storage failure the outcomes stay in memory.
    async fn commit(&mut self, engine: &Engine, ask: Option<ClaimRequest>) -> Result<ClaimedBatch, Error> {
        let turn =
            DispatchTransaction { attempts: self.outcomes.clone(), claim: ask, now: engine.shared.ambient.now() };
        let taken = engine.commit_batch(turn).await;
        if !taken.as_ref().is_err_and(Error::is_storage_unavailable) {
            self.outcomes.clear();
        }
        taken
    }

    /// Collects finished attempts, and yields a few times so that attempts about to finish join the same batch: a
    /// commit costs nearly the same for one outcome as for many. Never waits for the network.
    async fn collect_outcomes(&mut self, engine: &Engine) {
        let mut n_quiet = 0;
        loop {
            let n_landed = self.outcomes.len();
            self.drain_outcomes(engine);
            n_quiet = if self.outcomes.len() > n_landed { 0 } else { n_quiet + 1 };
            if self.outcomes.is_empty() || n_quiet > MAX_IDLE_YIELDS || self.slots.n_held() == 0 {
                break;
            }
            tokio::task::yield_now().await;
        }
    }

    fn drain_outcomes(&mut self, engine: &Engine) {
        while let Ok(flight) = self.outcome_rx.try_recv() {
            self.record_outcome(engine, flight);
        }
    }

    /// Builds the claim request for the slots that are free after the commit. `None` when every slot is occupied.
    fn claim_request(&mut self, engine: &Engine) -> Option<ClaimRequest> {
        let (board, now) = (&engine.shared.flight_board, engine.shared.ambient.now());
        let at = board.elapsed();
        self.backoff_ends_after = self.backoff.next_retry_at(at);
        if self.slots.n_free() == 0 {
            return None;
        }
        self.n_claims += 1;
        let lease = Lease { token: format!("{}-{}", self.run_id, self.n_claims), now, until: now.plus(LEASE_DURATION) };
        let (slots, limits) = (self.slots.clone(), board.table());
        Some(ClaimRequest { lease, slots, limits, backoff_admission: self.backoff.admission(at) })
    }

    /// Waits until an attempt finishes, or ends without an outcome.
    async fn next_event(&mut self, engine: &Engine) {
        tokio::select! {
            Some(flight) = self.outcome_rx.recv() => self.record_outcome(engine, flight),
            Some((slot, why)) = next_failed_attempt(&mut self.in_flight, &mut self.owners) => {
                tracing::error!(why, "an attempt could not be made; its lease expires");
                self.slots.release(&slot);
            }
        }
    }

    /// Records an outcome for the next commit, frees its slot, and informs the limit of the subscription and the back-off
    /// of the sender.
    fn record_outcome(&mut self, engine: &Engine, flight: CompletedAttempt) {
        let (subscription, board) = (flight.claimed.subscription, &engine.shared.flight_board);
        board.record(&flight, self.slots.n_held_for(subscription));
        self.slots.release(&flight.slot);
        match flight.fault_domain() {
            FaultDomain::Remote => self.backoff.record_contact(subscription),
            FaultDomain::Local => {
                self.backoff.record_local_failure(flight.slot.company, subscription, board.elapsed());
            }
        }
        self.outcomes.push(Arc::new(flight));
    }

    /// Waits for all attempts in flight and commits their outcomes.
    async fn drain_and_stop(mut self, engine: &Engine) {
        while self.in_flight.join_next().await.is_some() {}
        self.drain_outcomes(engine);
        while !self.outcomes.is_empty() {
            if self.commit(engine, None).await.is_err_and(|error| error.is_storage_unavailable()) {
                engine.shared.ambient.sleep(STORAGE_RETRY_DELAY).await;
            }
        }
    }
}

/// Waits for an attempt task that panicked: its slot and the error. `None` when no attempt is in flight.
async fn next_failed_attempt(
    flights: &mut JoinSet<()>,
    owners: &mut HashMap<Id, AttemptSlot>,
) -> Option<(AttemptSlot, String)> {
    loop {
        let (id, why) = match flights.join_next_with_id().await? {
            Ok((id, ())) => (id, None),
            Err(error) => (error.id(), Some(error.to_string())),
        };
        if let (Some(slot), Some(why)) = (owners.remove(&id), why) {
            return Some((slot, why));
        }
    }
}

/// Runs one attempt, from the signature to the last byte of the answer, and sends the outcome to the
/// dispatcher.
async fn run_attempt(
    engine: Engine,
    job: DeliveryJob,
    (signing_key, lease, queued): (SigningKey, String, Stopwatch),
    runway: mpsc::UnboundedSender<CompletedAttempt>,
) {
    let queued_for = queued.elapsed();
    let DeliveryJob { claimed, slot, event, target } = job;
    let parcel = WebhookRequest {
        target_url: target.target_url.clone(),
        signing_key,
        event: event.id,
        event_type: event.kind,
        delivery: claimed.id.to_string(),
        attempt_number: claimed.n_attempts + 1,
        body: event.body.into(),
    };
    let landed = engine.shared.sender.post(parcel, &engine.shared.ambient).await;
    let roll = engine.shared.ambient.random_unit();
    // The receiver is gone only after the grace period of a stop; the lease then expires.
    let _ = runway.send(CompletedAttempt {
        claimed,
        slot,
        lease_token: lease,
        target_url: target.target_url.clone(),
        event_type: event.kind,
        changed_at: target.changed_at,
        queued_for,
        send_result: landed,
        jitter: roll,
    });
}

/// Publishes the pause reason in the status, and logs each transition once.
fn report_pause(engine: &Engine, said: &mut Option<String>, paused: Option<String>) {
    match (&*said, &paused) {
        (None, Some(why)) => tracing::error!("dispatch is paused: {why}"),
        (Some(_), None) => tracing::warn!("dispatch resumed"),
        _ => {}
    }
    // The first reason is kept until the pause ends; details may differ with every probe.
    if said.is_none() || paused.is_none() {
        said.clone_from(&paused);
        engine.set_status(|status| status.pause_reason = paused);
    }
}
