//! The dispatcher: leases due deliveries, fairly over companies, hosts and subscriptions, runs each attempt and commits
//! its outcome. Attempts go on while a transaction is written. See `docs/internals/reliability.md`.

use super::claim::DeliveryJob;
use super::dispatch_queue::DispatchQueue;
use super::dispatch_transaction::{CommittedBatch, DispatchTransaction};
use super::egress::slot_capacity;
use super::error::Error;
use super::handle::Engine;
use super::sender::WebhookRequest;
use super::sender::webhook_target::WebhookTarget;
use super::settle::CompletedAttempt;
use super::subscription_queue::WaitingJob;
use super::webhook_targets::WebhookTargets;
use crate::clock::Stopwatch;
use crate::domain::slots::AttemptSlot;
use futures_util::FutureExt as _;
use std::future::{Future, pending};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Longest sleep without a wake-up; limits the cost of a lost notification.
const MAX_IDLE_INTERVAL: Duration = Duration::from_secs(3);
/// Grace period for attempts in flight when the platform stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(12);
/// Delay before the next try after storage failed.
const STORAGE_RETRY_DELAY: Duration = Duration::from_secs(1);

pub(super) async fn run(engine: Engine, mut stop: watch::Receiver<bool>) {
    let shared = &engine.shared;
    let mut dispatcher = Dispatcher::new(&engine);
    engine.set_status(|status| status.is_dispatching = true);
    while !*stop.borrow() {
        dispatcher.advance(&engine);
        let idle_time = dispatcher.idle_time(&engine);
        let next_due_at =
            dispatcher.queue.next_due_at().unwrap_or_else(|| shared.ambient.now().plus(MAX_IDLE_INTERVAL));
        let is_idle = dispatcher.transaction.is_none();
        let Dispatcher { transaction, ends, .. } = &mut dispatcher;
        tokio::select! {
            committed = finished(transaction) => dispatcher.end_transaction(&engine, committed),
            Some(end) = ends.recv() => dispatcher.record_end(end),
            () = shared.dispatch_notices.awaited() => {}
            () = shared.ambient.sleep(idle_time), if is_idle => {}
            () = shared.ambient.sleep_until(next_due_at), if is_idle => {}
            _ = stop.changed() => {}
        }
    }
    if shared.ambient.timeout(SHUTDOWN_TIMEOUT, dispatcher.drain_and_stop(&engine)).await.is_none() {
        tracing::warn!("attempts were in flight when the platform stopped; their leases expire");
    }
    engine.set_status(|status| status.is_dispatching = false);
}

/// Transaction that is not yet committed.
type RunningTransaction = Pin<Box<dyn Future<Output = Result<CommittedBatch, Error>> + Send>>;

/// Waits for the end of the transaction under way; for ever without one.
async fn finished(transaction: &mut Option<RunningTransaction>) -> Result<CommittedBatch, Error> {
    match transaction {
        Some(running) => {
            let committed = running.await;
            *transaction = None;
            committed
        }
        None => pending().await,
    }
}

/// End of an attempt.
#[expect(clippy::large_enum_variant, reason = "nearly every end is of the large variant")]
enum AttemptEnd {
    /// The attempt was made.
    Completed(CompletedAttempt),
    /// The attempt panicked; its lease expires.
    Panicked(AttemptSlot),
}

/// In-memory state of the dispatcher task.
struct Dispatcher {
    queue: DispatchQueue,
    targets: WebhookTargets,
    /// Number of attempts in flight.
    n_attempts: usize,
    /// Sender of the channel of ends, cloned into every attempt.
    end_sender: mpsc::UnboundedSender<AttemptEnd>,
    ends: mpsc::UnboundedReceiver<AttemptEnd>,
    /// Outcomes for the next transaction, and those of the transaction under way.
    outcomes: Vec<Arc<CompletedAttempt>>,
    committing: Vec<Arc<CompletedAttempt>>,
    transaction: Option<RunningTransaction>,
    run_id: String,
    n_claims: u64,
    /// Whether the last transaction failed, and the time since then until the next one begins.
    is_failing: bool,
    failed: Option<Stopwatch>,
    /// Reason of the pause that was reported.
    reported: Option<String>,
}

impl Dispatcher {
    fn new(engine: &Engine) -> Self {
        let (end_sender, ends) = mpsc::unbounded_channel();
        Self {
            queue: DispatchQueue::new(Arc::clone(&engine.shared.flight_board), slot_capacity()),
            targets: WebhookTargets::default(),
            n_attempts: 0,
            end_sender,
            ends,
            outcomes: Vec::new(),
            committing: Vec::new(),
            transaction: None,
            run_id: engine.shared.ambient.ulid(),
            n_claims: 0,
            is_failing: false,
            failed: None,
            reported: None,
        }
    }

    /// Takes what has happened into account, lets attempts begin, and begins a transaction if none is under way. Never
    /// waits.
    fn advance(&mut self, engine: &Engine) {
        while let Ok(end) = self.ends.try_recv() {
            self.record_end(end);
        }
        if let Some(inbox) = engine.shared.dispatch_notices.take() {
            self.queue.read_notices(inbox);
        }
        while let Some(waiting) = self.queue.next_ready() {
            self.begin_attempt(engine, waiting);
        }
        if self.failed.as_ref().is_some_and(|failed| failed.elapsed() >= STORAGE_RETRY_DELAY) {
            self.failed = None;
        }
        if self.transaction.is_none() && self.failed.is_none() {
            self.begin_transaction(engine);
        }
    }

    /// Time until something is to be done without an event.
    fn idle_time(&self, engine: &Engine) -> Duration {
        if let Some(failed) = &self.failed {
            return STORAGE_RETRY_DELAY.saturating_sub(failed.elapsed());
        }
        // Housekeeping reports when the disk reserve is complete again.
        let has_room = engine.shared.store.check_reserve().is_ok();
        if has_room { self.queue.idle_time().min(MAX_IDLE_INTERVAL) } else { MAX_IDLE_INTERVAL }
    }

    /// Begins a transaction with the outcomes so far and a claim, if there is anything to do. Without disk reserve
    /// nothing is claimed, since the outcome of an attempt could not be written.
    fn begin_transaction(&mut self, engine: &Engine) {
        let shared = &engine.shared;
        let now = shared.ambient.now();
        let has_room = shared.store.check_reserve();
        self.n_claims += 1;
        let token = Arc::from(format!("{}-{}", self.run_id, self.n_claims));
        let claim = if has_room.is_ok() { self.queue.begin_claim(&token, now) } else { None };
        if !self.is_failing {
            let reason = has_room.err().map(|fault| Error::from(fault).to_string());
            self.report_pause(engine, reason.or_else(|| self.pause_reason()));
        }
        if self.outcomes.is_empty() && claim.is_none() {
            return;
        }
        self.committing = std::mem::take(&mut self.outcomes);
        let turn = DispatchTransaction { attempts: self.committing.clone(), claim, now };
        let engine = engine.clone();
        self.transaction = Some(Box::pin(async move { engine.commit_batch(turn).await }));
    }

    /// Takes the end of a transaction into account. After a storage failure its outcomes stay in memory.
    fn end_transaction(&mut self, engine: &Engine, committed: Result<CommittedBatch, Error>) {
        let committing = std::mem::take(&mut self.committing);
        match committed {
            Ok(CommittedBatch { settled, claimed }) => {
                for (attempt, outcome) in committing.iter().zip(settled) {
                    self.queue.record_settled(attempt, outcome);
                }
                match claimed {
                    Ok(claimed) => {
                        self.is_failing = false;
                        self.queue.end_claim(Some(claimed));
                    }
                    Err(error) => self.fail(engine, &error),
                }
            }
            Err(error) => {
                self.outcomes.splice(0..0, committing);
                self.fail(engine, &error);
            }
        }
    }

    fn fail(&mut self, engine: &Engine, error: &Error) {
        self.queue.end_claim(None);
        self.is_failing = true;
        self.failed = Some(engine.shared.ambient.stopwatch());
        self.report_pause(engine, Some(error.to_string()));
    }

    /// Begins the attempt of a claimed delivery.
    fn begin_attempt(&mut self, engine: &Engine, WaitingJob { job, token, .. }: WaitingJob) {
        let target = match self.targets.get(engine, &job) {
            Ok(target) => target,
            Err(why) => {
                tracing::error!(%why, "an attempt could not be made; its lease expires");
                self.queue.release_flight(&job.slot);
                return;
            }
        };
        self.n_attempts += 1;
        let (engine, ends) = (engine.clone(), self.end_sender.clone());
        let queued = engine.shared.ambient.stopwatch();
        tokio::spawn(async move {
            let slot = job.slot.clone();
            let attempt = run_attempt(&engine, job, &target, (token, queued));
            let end = match AssertUnwindSafe(attempt).catch_unwind().await {
                Ok(completed) => AttemptEnd::Completed(completed),
                Err(_) => AttemptEnd::Panicked(slot),
            };
            // The receiver is gone only after the grace period of a stop; the lease then expires.
            let _ = ends.send(end);
        });
    }

    /// Takes the end of an attempt into account.
    fn record_end(&mut self, end: AttemptEnd) {
        self.n_attempts -= 1;
        match end {
            AttemptEnd::Completed(completed) => {
                self.queue.record_end(&completed);
                self.outcomes.push(Arc::new(completed));
            }
            AttemptEnd::Panicked(slot) => {
                tracing::error!("an attempt panicked; its lease expires");
                self.queue.release_flight(&slot);
            }
        }
    }

    /// Returns what waits in memory, waits for all attempts in flight and commits their outcomes.
    async fn drain_and_stop(mut self, engine: &Engine) {
        self.queue.return_all();
        while self.n_attempts > 0
            && let Some(end) = self.ends.recv().await
        {
            self.record_end(end);
        }
        loop {
            if self.transaction.is_some() {
                let committed = finished(&mut self.transaction).await;
                self.end_transaction(engine, committed);
                self.queue.return_all();
            }
            if self.failed.take().is_some() {
                engine.shared.ambient.sleep(STORAGE_RETRY_DELAY).await;
            }
            let has_room = engine.shared.store.check_reserve().is_ok();
            let claim = if has_room { self.queue.return_leases(engine.shared.ambient.now()) } else { None };
            if self.outcomes.is_empty() && claim.is_none() {
                return;
            }
            self.committing = std::mem::take(&mut self.outcomes);
            let turn =
                DispatchTransaction { attempts: self.committing.clone(), claim, now: engine.shared.ambient.now() };
            let engine = engine.clone();
            self.transaction = Some(Box::pin(async move { engine.commit_batch(turn).await }));
        }
    }

    /// Reason of the pause while the sender itself cannot reach the network.
    fn pause_reason(&self) -> Option<String> {
        self.queue.is_paused().then(|| {
            "the platform has no working network (no route, resolver or descriptors); it probes with one delivery at a time"
                .to_owned()
        })
    }

    /// Publishes the pause reason in the status, and logs each transition once.
    fn report_pause(&mut self, engine: &Engine, paused: Option<String>) {
        match (&self.reported, &paused) {
            (None, None) => return,
            (None, Some(why)) => tracing::error!("dispatch is paused: {why}"),
            (Some(_), None) => tracing::warn!("dispatch resumed"),
            // The first reason is kept until the pause ends; details may differ with every probe.
            (Some(_), Some(_)) => return,
        }
        self.reported.clone_from(&paused);
        engine.set_status(|status| status.pause_reason = paused);
    }
}

/// Runs one attempt, from the signature to the last byte of the answer.
async fn run_attempt(
    engine: &Engine,
    job: DeliveryJob,
    target: &WebhookTarget,
    (lease_token, queued): (Arc<str>, Stopwatch),
) -> CompletedAttempt {
    let queued_for = queued.elapsed();
    let DeliveryJob { claimed, slot, event, .. } = job;
    let parcel = WebhookRequest {
        event: event.id,
        event_type: event.kind,
        delivery: Some(claimed.id),
        attempt_number: claimed.n_attempts + 1,
        body: event.body.into(),
    };
    let landed = engine.shared.sender.post(target, parcel, &engine.shared.ambient).await;
    CompletedAttempt {
        claimed,
        slot,
        lease_token,
        target_url: Arc::clone(&target.target_url),
        event_type: event.kind,
        changed_at: target.changed_at,
        queued_for,
        started_at: landed.started_at,
        result: landed.result,
        exchange: landed.exchange,
        jitter: engine.shared.ambient.random_unit(),
    }
}
