//! The dispatcher: claims what is due under a lease, fairly over companies, hosts and subscriptions, and sees each attempt through until it is
//! settled.

use super::claim::{Ask, Claims, Job};
use super::sender::Parcel;
use super::settle::{Flight, Told};
use super::turn::Turn;
use super::{Engine, Error};
use crate::ambient::Stopwatch;
use crate::domain::delivery::{DEADLINE, FLIGHTS};
use crate::domain::slots::{Slot, SlotLedger};
use crate::domain::time::Timestamp;
use crate::domain::trouble::Trouble;
use crate::store::deliveries::Lease;
use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinSet};

/// How long a claim lasts: an attempt's deadline and time to write it down.
pub(super) const LEASE: Duration = Duration::from_secs(DEADLINE.as_secs() + 20);
/// The longest nap; a missed ring costs no more than this.
const NAP: Duration = Duration::from_secs(30);
/// How long a stopping platform waits for attempts under way.
const PATIENCE: Duration = Duration::from_secs(12);
/// How often the other tasks get their turn without an attempt landing before what has landed is written down.
const QUIET: u32 = 5;
/// The wait after storage failed.
const REST: Duration = Duration::from_secs(1);

pub(super) async fn run(engine: Engine, mut stop: watch::Receiver<bool>) {
    let shared = &engine.shared;
    let mut desk = Desk::new(&engine);
    engine.set_status(|status| status.is_dispatching = true);
    let mut said = None;
    while !*stop.borrow() {
        // Listen before looking, or a ring between the two would be lost.
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
    if shared.ambient.within(PATIENCE, desk.end(&engine)).await.is_none() {
        tracing::warn!("attempts were still under way when the platform stopped; their leases end by themselves");
    }
    engine.set_status(|status| status.is_dispatching = false);
}

/// What the dispatcher has in hand.
struct Desk {
    /// Attempts that are being made, each with whose it is.
    flights: JoinSet<Result<(), Error>>,
    owners: HashMap<Id, Slot>,
    /// Attempts that are being made or wait to be written down.
    slots: SlotLedger,
    /// Where outcomes come in.
    runway: mpsc::UnboundedSender<Flight>,
    arrivals: mpsc::UnboundedReceiver<Flight>,
    /// Outcomes that wait to be written down.
    landed: Vec<Arc<Flight>>,
    run: String,
    n_claims: u64,
    /// Measures since when there is trouble; setting the clock does not change it.
    watch: Stopwatch,
    trouble: Trouble,
    /// When the next rest ends, as of the moment at which it was decided what may be begun: one that ends while that is being written would
    /// else be waited for by nobody.
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
            trouble: Trouble::default(),
            rest_ends: None,
        }
    }

    /// Why nothing is sent, if the sender is in trouble.
    fn paused(&self) -> Option<String> {
        self.trouble.is_general().then(|| {
            "the platform itself reaches nobody (no route, resolver or descriptors); it probes with one delivery at a time"
                .to_owned()
        })
    }

    /// Writes down what landed, claims what is due and there is room for, and sends it off. When the next delivery that there is room for is
    /// due. After a failure of storage, what landed is still in hand.
    async fn turn(&mut self, engine: &Engine) -> Result<Option<Timestamp>, Error> {
        self.gather().await;
        let shared = &engine.shared;
        let has_room = shared.store.has_room();
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

    /// Takes a turn. After a failure of storage, what landed is still in hand.
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

    /// Takes in hand what has landed, and lets those land first that are about to: a turn costs much the same for one as for many. Nobody is
    /// waited for; what only needs the processor gets it.
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

    /// What may be begun once what landed has been written down. None where nothing may.
    fn ask(&mut self, now: Timestamp) -> Option<Ask> {
        let at = self.watch.elapsed();
        self.rest_ends = self.trouble.next(at);
        if self.slots.n_held() - self.landed.len() >= FLIGHTS {
            return None;
        }
        let mut slots = self.slots.clone();
        for flight in &self.landed {
            slots.release(&flight.slot);
        }
        self.n_claims += 1;
        let lease = Lease { token: format!("{}-{}", self.run, self.n_claims), now, until: now.plus(LEASE) };
        Some(Ask { lease, slots, admission: self.trouble.admission(at) })
    }

    /// Waits until an attempt has landed, or ended without an outcome.
    async fn event(&mut self) {
        tokio::select! {
            Some(flight) = self.arrivals.recv() => self.land(flight),
            Some((slot, why)) = failed(&mut self.flights, &mut self.owners) => {
                tracing::error!(why, "an attempt could not be made; its lease ends by itself");
                self.slots.release(&slot);
            }
        }
    }

    /// Takes an outcome in hand.
    fn land(&mut self, flight: Flight) {
        let subscription = flight.claimed.subscription;
        match flight.told() {
            Told::Theirs => self.trouble.passed(subscription),
            Told::Ours => self.trouble.met(flight.slot.company, subscription, self.watch.elapsed()),
        }
        self.landed.push(Arc::new(flight));
    }

    /// Waits until all attempts are made and written down.
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

/// Waits for an attempt that ends without an outcome: whose it was, and why. None when none is being made.
async fn failed(flights: &mut JoinSet<Result<(), Error>>, owners: &mut HashMap<Id, Slot>) -> Option<(Slot, String)> {
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

/// One attempt, from the secret to the last byte of the answer; its outcome goes to the desk.
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
    let roll = engine.shared.ambient.roll();
    // The desk lives for as long as somebody can send to it, or has stopped waiting.
    let _ = runway.send(Flight { claimed, slot, lease, target_url, event_type: event.kind, landed, roll });
    Ok(())
}

/// Says of dispatch whether and why it is paused: to whoever asks, and in the log once when that changes.
fn say(engine: &Engine, said: &mut Option<String>, paused: Option<String>) {
    match (&*said, &paused) {
        (None, Some(why)) => tracing::error!("dispatch is paused: {why}"),
        (Some(_), None) => tracing::warn!("dispatch goes on"),
        _ => {}
    }
    // What is said first stands until it is over: the details may change with every probe.
    if said.is_none() || paused.is_none() {
        said.clone_from(&paused);
        engine.set_status(|status| status.paused = paused);
    }
}
