//! The dispatcher: leases due deliveries, fairly over companies, hosts and subscriptions, runs each attempt and
//! commits its outcome. See `docs/internals/reliability.md`.

use super::claim::{Ask, Claims, Job};
use super::sender::Parcel;
use super::settle::{Flight, Told};
use super::turn::Turn;
use super::{Engine, Error};
use crate::ambient::Stopwatch;
use crate::domain::delivery::{ATTEMPT_TIMEOUT, MAX_IN_FLIGHT};
use crate::domain::egress_health::EgressHealth;
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
pub(super) const LEASE: Duration = Duration::from_secs(ATTEMPT_TIMEOUT.as_secs() + 20);
/// Longest sleep without a wake-up; limits the cost of a lost notification.
const NAP: Duration = Duration::from_secs(30);
/// Grace period for attempts in flight when the platform stops.
const PATIENCE: Duration = Duration::from_secs(12);
/// Consecutive yields without a new outcome after which the batch is committed.
const QUIET: u32 = 5;
/// Delay before the next try after storage failed.
const REST: Duration = Duration::from_secs(1);

pub(super) async fn run(engine: Engine, mut stop: watch::Receiver<bool>) {
    let shared = &engine.shared;
    let mut desk = Desk::new(&engine);
    engine.set_status(|status| status.is_dispatching = true);
    let mut said = None;
    while !*stop.borrow() {
        // Register for notifications before querying, so that a notification that arrives during the query is not
        // missed.
        let mut rung = pin!(shared.bell.notified());
        rung.as_mut().enable();
        let wake_at = match desk.turn(&engine).await {
            Ok(next_due) => {
                say(&engine, &mut said, desk.paused());
                let wait = desk.rest_ends.map_or(NAP, |next| next.saturating_sub(desk.watch.elapsed()).min(NAP));
                let latest = shared.ambient.now().plus(wait);
                next_due.map_or(latest, |due| due.min(latest))
            }
            Err(error) => {
                say(&engine, &mut said, Some(error.to_string()));
                tokio::select! {
                    () = shared.ambient.sleep(REST) => {}
                    _ = stop.changed() => {}
                }
                continue;
            }
        };
        tokio::select! {
            () = desk.event() => {}
            () = rung => {}
            () = shared.ambient.sleep_until(wake_at) => {}
            _ = stop.changed() => {}
        }
    }
    if shared.ambient.timeout(PATIENCE, desk.end(&engine)).await.is_none() {
        tracing::warn!("attempts were in flight when the platform stopped; their leases expire");
    }
    engine.set_status(|status| status.is_dispatching = false);
}

/// In-memory state of the dispatcher task.
struct Desk {
    /// Tasks of attempts in flight; `owners` holds the slot of each.
    flights: JoinSet<Result<(), Error>>,
    owners: HashMap<Id, AttemptSlot>,
    /// Slots of attempts in flight and of outcomes not yet committed.
    slots: SlotLedger,
    /// Sender of the outcome channel, cloned into every attempt.
    runway: mpsc::UnboundedSender<Flight>,
    arrivals: mpsc::UnboundedReceiver<Flight>,
    /// Outcomes that are not yet committed.
    landed: Vec<Arc<Flight>>,
    run: String,
    n_claims: u64,
    /// Monotonic clock of the back-off; unaffected by clock changes.
    watch: Stopwatch,
    trouble: EgressHealth,
    /// Earliest back-off expiry, sampled before the commit. Sampling afterwards would miss a back-off that expires
    /// during the commit and leave it without a wake-up.
    rest_ends: Option<Duration>,
}

impl Desk {
    fn new(engine: &Engine) -> Self {
        let ambient = &engine.shared.ambient;
        let (runway, arrivals) = mpsc::unbounded_channel();
        Self {
            flights: JoinSet::new(),
            owners: HashMap::new(),
            slots: SlotLedger::default(),
            runway,
            arrivals,
            landed: Vec::new(),
            run: ambient.ulid(),
            n_claims: 0,
            watch: ambient.stopwatch(),
            trouble: EgressHealth::default(),
            rest_ends: None,
        }
    }

    /// Reason of the pause while the sender itself cannot reach the network.
    fn paused(&self) -> Option<String> {
        self.trouble.is_general().then(|| {
            "the platform has no working network (no route, resolver or descriptors); it probes with one delivery at a time"
                .to_owned()
        })
    }

    /// Commits outcomes, claims due deliveries for the free slots, and starts their attempts. Returns when the next
    /// delivery becomes due. After a storage failure the outcomes stay in memory.
    async fn turn(&mut self, engine: &Engine) -> Result<Option<Timestamp>, Error> {
        self.gather().await;
        let shared = &engine.shared;
        // Without disk reserve nothing new starts, since an attempt's outcome could not be written.
        let has_room = shared.store.check_reserve();
        let ask = if has_room.is_ok() { self.ask(shared.ambient.now()) } else { None };
        let token = ask.as_ref().map(|ask| ask.lease.token.clone()).unwrap_or_default();
        if self.landed.is_empty() && ask.is_none() {
            return Ok(has_room.map(|()| None)?);
        }
        let claims = self.write(engine, ask).await?;
        has_room?;
        for job in claims.jobs {
            let slot = job.slot.clone();
            self.slots.take(&slot);
            let flight = self.flights.spawn(fly(engine.clone(), job, token.clone(), self.runway.clone()));
            self.owners.insert(flight.id(), slot);
        }
        Ok(claims.next_due_at)
    }

    /// Commits the outcomes together with a claim. After a storage failure the outcomes stay in memory.
    async fn write(&mut self, engine: &Engine, ask: Option<Ask>) -> Result<Claims, Error> {
        let turn = Turn { flights: self.landed.clone(), ask, now: engine.shared.ambient.now() };
        let taken = engine.take_turn(turn).await;
        if !taken.as_ref().is_err_and(Error::is_of_storage) {
            for flight in std::mem::take(&mut self.landed) {
                self.slots.release(&flight.slot);
            }
        }
        taken
    }

    /// Collects finished attempts, and yields a few times so that attempts about to finish join the same batch: a
    /// commit costs nearly the same for one outcome as for many. Never waits for the network.
    async fn gather(&mut self) {
        let mut n_quiet = 0;
        loop {
            let n_landed = self.landed.len();
            self.take_arrivals();
            n_quiet = if self.landed.len() > n_landed { 0 } else { n_quiet + 1 };
            if self.landed.is_empty() || n_quiet > QUIET || self.landed.len() >= self.slots.n_held() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }

    fn take_arrivals(&mut self) {
        while let Ok(flight) = self.arrivals.try_recv() {
            self.land(flight);
        }
    }

    /// Builds the claim request for the slots that are free after the commit. `None` when every slot is occupied.
    fn ask(&mut self, now: Timestamp) -> Option<Ask> {
        let at = self.watch.elapsed();
        self.rest_ends = self.trouble.next_retry_at(at);
        if self.slots.n_held() - self.landed.len() >= MAX_IN_FLIGHT {
            return None;
        }
        // The claim runs in the transaction that commits these outcomes, so their slots count as free.
        let mut slots = self.slots.clone();
        for flight in &self.landed {
            slots.release(&flight.slot);
        }
        self.n_claims += 1;
        let lease = Lease { token: format!("{}-{}", self.run, self.n_claims), now, until: now.plus(LEASE) };
        Some(Ask { lease, slots, admission: self.trouble.admission(at) })
    }

    /// Waits until an attempt finishes, or ends without an outcome.
    async fn event(&mut self) {
        tokio::select! {
            Some(flight) = self.arrivals.recv() => self.land(flight),
            Some((slot, why)) = failed(&mut self.flights, &mut self.owners) => {
                tracing::error!(why, "an attempt could not be made; its lease expires");
                self.slots.release(&slot);
            }
        }
    }

    /// Records an outcome for the next commit, and feeds the back-off of the sender.
    fn land(&mut self, flight: Flight) {
        let subscription = flight.claimed.subscription;
        match flight.told() {
            Told::Theirs => self.trouble.record_contact(subscription),
            Told::Ours => self.trouble.record_local_failure(flight.slot.company, subscription, self.watch.elapsed()),
        }
        self.landed.push(Arc::new(flight));
    }

    /// Waits for all attempts in flight and commits their outcomes.
    async fn end(mut self, engine: &Engine) {
        while self.flights.join_next().await.is_some() {}
        self.take_arrivals();
        while !self.landed.is_empty() {
            if self.write(engine, None).await.is_err_and(|error| error.is_of_storage()) {
                engine.shared.ambient.sleep(REST).await;
            }
        }
    }
}

/// Waits for an attempt task that failed: its slot and the error. `None` when no attempt is in flight.
async fn failed(
    flights: &mut JoinSet<Result<(), Error>>,
    owners: &mut HashMap<Id, AttemptSlot>,
) -> Option<(AttemptSlot, String)> {
    loop {
        let (id, why) = match flights.join_next_with_id().await? {
            Ok((id, outcome)) => (id, outcome.err().map(|error| error.to_string())),
            Err(error) => (error.id(), Some(error.to_string())),
        };
        if let (Some(slot), Some(why)) = (owners.remove(&id), why) {
            return Some((slot, why));
        }
    }
}

/// Runs one attempt, from unsealing the secret to the last byte of the answer, and sends the outcome to the
/// dispatcher.
async fn fly(engine: Engine, job: Job, lease: String, runway: mpsc::UnboundedSender<Flight>) -> Result<(), Error> {
    let Job { claimed, slot, event, target_url, sealed } = job;
    let parcel = Parcel {
        target_url: target_url.clone(),
        secret: engine.unseal(claimed.subscription, &sealed)?,
        event: event.id,
        event_type: event.kind,
        delivery: claimed.id.to_string(),
        number: claimed.n_attempts + 1,
        body: event.body,
    };
    let landed = engine.shared.sender.post(parcel, &engine.shared.ambient).await;
    let roll = engine.shared.ambient.random_unit();
    // The receiver is gone only after the grace period of a stop; the lease then expires.
    let _ = runway.send(Flight { claimed, slot, lease, target_url, event_type: event.kind, landed, roll });
    Ok(())
}

/// Publishes the pause reason in the status, and logs each transition once.
fn say(engine: &Engine, said: &mut Option<String>, paused: Option<String>) {
    match (&*said, &paused) {
        (None, Some(why)) => tracing::error!("dispatch is paused: {why}"),
        (Some(_), None) => tracing::warn!("dispatch resumed"),
        _ => {}
    }
    // The first reason is kept until the pause ends; details may differ with every probe.
    if said.is_none() || paused.is_none() {
        said.clone_from(&paused);
        engine.set_status(|status| status.paused = paused);
    }
}
