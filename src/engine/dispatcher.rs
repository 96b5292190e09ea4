//! The dispatcher: claims what is due under a lease, round-robin over subscriptions, and sees each attempt through until it is settled.

use super::claim::{Ask, Job, claim};
use super::sender::Parcel;
use super::settle::{Flight, Told};
use super::settler::{self, Report};
use super::{Engine, Error};
use crate::ambient::Stopwatch;
use crate::domain::delivery::{DEADLINE, FLIGHTS};
use crate::domain::ids::SubscriptionId;
use crate::domain::time::Timestamp;
use crate::domain::trouble::Trouble;
use crate::store::deliveries::Lease;
use std::collections::HashMap;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinHandle, JoinSet};

/// How long a claim lasts: an attempt's deadline and time to write it down.
pub(super) const LEASE: Duration = Duration::from_secs(DEADLINE.as_secs() + 20);
/// The longest nap; a missed ring costs no more than this.
const NAP: Duration = Duration::from_secs(30);
/// How long a stopping platform waits for attempts under way.
const PATIENCE: Duration = Duration::from_secs(12);
/// The wait after storage failed.
const REST: Duration = Duration::from_secs(1);

pub(super) async fn run(engine: Engine, mut stop: watch::Receiver<bool>) {
    let shared = &engine.shared;
    let (mut desk, mut settled) = Desk::new(&engine);
    engine.set_status(|status| status.is_dispatching = true);
    let mut said = None;
    while !*stop.borrow() {
        // Listen before looking, or a ring between the two would be lost.
        let mut rung = pin!(shared.bell.notified());
        rung.as_mut().enable();
        let wake_at = match desk.claim(&engine).await {
            Ok(next_due) => {
                say(&engine, &mut said, desk.paused());
                let until_probe = desk.trouble.next(desk.watch.elapsed());
                let wait = until_probe.map_or(NAP, |next| next.saturating_sub(desk.watch.elapsed()).min(NAP));
                let latest = shared.ambient.now().plus(wait);
                next_due.map_or(latest, |due| due.min(latest))
            }
            Err(error) => {
                say(&engine, &mut said, Some(format!("dispatch is paused: {error}")));
                shared.ambient.now().plus(REST)
            }
        };
        tokio::select! {
            Some(reports) = settled.recv() => {
                desk.landed(reports);
                while let Ok(more) = settled.try_recv() {
                    desk.landed(more);
                }
            }
            Some(failed) = desk.failed() => desk.landed(vec![failed]),
            () = rung => {}
            () = shared.ambient.sleep_until(wake_at) => {}
            _ = stop.changed() => {}
        }
    }
    if shared.ambient.within(PATIENCE, desk.end()).await.is_none() {
        tracing::warn!("attempts were still under way when the platform stopped; their leases end by themselves");
    }
    engine.set_status(|status| status.is_dispatching = false);
}

/// What the dispatcher has in hand.
struct Desk {
    /// Attempts that are being made, each with whose it is.
    flights: JoinSet<Result<(), Error>>,
    owners: HashMap<Id, SubscriptionId>,
    /// Attempts that are being made or written down.
    under_way: HashMap<SubscriptionId, usize>,
    /// Where outcomes go.
    settler: mpsc::UnboundedSender<Flight>,
    settling: JoinHandle<()>,
    run: String,
    n_claims: u64,
    /// The subscription that was served last.
    last: SubscriptionId,
    /// Measures since when there is trouble; setting the clock does not change it.
    watch: Stopwatch,
    trouble: Trouble,
}

impl Desk {
    /// With a settler that reports to the second.
    fn new(engine: &Engine) -> (Self, mpsc::UnboundedReceiver<Vec<Report>>) {
        let ambient = &engine.shared.ambient;
        let (settler, landed) = mpsc::unbounded_channel();
        let (reports, settled) = mpsc::unbounded_channel();
        let desk = Self {
            flights: JoinSet::new(),
            owners: HashMap::new(),
            under_way: HashMap::new(),
            settler,
            settling: tokio::spawn(settler::run(engine.clone(), landed, reports)),
            run: ambient.ulid(),
            n_claims: 0,
            last: SubscriptionId(0),
            watch: ambient.stopwatch(),
            trouble: Trouble::default(),
        };
        (desk, settled)
    }

    /// Why nothing is sent, if the sender is in trouble.
    fn paused(&self) -> Option<String> {
        self.trouble.is_general().then(|| {
            "dispatch is paused: the platform itself reaches nobody (no route, resolver or descriptors); it probes with one delivery at a time"
                .to_owned()
        })
    }

    /// Claims what is due and there is room for, and sends it off. When the next delivery that there is room for is due.
    async fn claim(&mut self, engine: &Engine) -> Result<Option<Timestamp>, Error> {
        let at = self.watch.elapsed();
        let n_under_way = self.under_way.values().sum();
        let room = self.trouble.room(n_under_way, FLIGHTS.saturating_sub(n_under_way), at);
        if room == 0 {
            return Ok(None);
        }
        self.n_claims += 1;
        let now = engine.shared.ambient.now();
        let lease = Lease { token: format!("{}-{}", self.run, self.n_claims), now, until: now.plus(LEASE) };
        let token = lease.token.clone();
        let ask =
            Ask { lease, room, last: self.last, under_way: self.under_way.clone(), limits: self.trouble.limits(at) };
        let claims = engine.shared.store.write_patiently(move |connection| claim(connection, ask)).await?;
        self.last = claims.last;
        for job in claims.jobs {
            let subscription = job.claimed.subscription;
            *self.under_way.entry(subscription).or_default() += 1;
            let flight = self.flights.spawn(fly(engine.clone(), job, token.clone(), self.settler.clone()));
            self.owners.insert(flight.id(), subscription);
        }
        Ok(claims.next_due_at)
    }

    /// Waits for an attempt that ends without an outcome. None when none is being made.
    async fn failed(&mut self) -> Option<Report> {
        loop {
            let (id, why) = match self.flights.join_next_with_id().await? {
                Ok((id, outcome)) => (id, outcome.err().map(|error| error.to_string())),
                Err(error) => (error.id(), Some(error.to_string())),
            };
            if let (Some(subscription), Some(why)) = (self.owners.remove(&id), why) {
                return Some(Report { subscription, told: Err(why) });
            }
        }
    }

    fn landed(&mut self, reports: Vec<Report>) {
        for Report { subscription, told } in reports {
            match told {
                Ok(Told::Theirs) => self.trouble.passed(subscription),
                Ok(Told::Ours) => self.trouble.met(subscription, self.watch.elapsed()),
                Err(why) => {
                    tracing::error!(why, "an attempt could not be made or written down; its lease ends by itself");
                }
            }
            if let Some(n) = self.under_way.get_mut(&subscription) {
                *n -= 1;
                if *n == 0 {
                    self.under_way.remove(&subscription);
                }
            }
        }
    }

    /// Waits until all attempts are made and written down.
    async fn end(mut self) {
        while self.flights.join_next().await.is_some() {}
        drop(self.settler);
        let _ = self.settling.await;
    }
}

/// One attempt, from the secret to the last byte of the answer; its outcome goes to the settler.
async fn fly(engine: Engine, job: Job, lease: String, settler: mpsc::UnboundedSender<Flight>) -> Result<(), Error> {
    let Job { claimed, event, subscription, sealed } = job;
    let target_url = subscription.wish.target_url;
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
    // The settler lives for as long as somebody can send to it.
    let _ = settler.send(Flight { claimed, lease, target_url, event_type: event.kind, landed });
    Ok(())
}

/// Says of dispatch whether and why it is paused: to whoever asks, and in the log once when that changes.
fn say(engine: &Engine, said: &mut Option<String>, paused: Option<String>) {
    match (&*said, &paused) {
        (None, Some(why)) => tracing::error!("{why}"),
        (Some(_), None) => tracing::warn!("dispatch goes on"),
        _ => {}
    }
    // What is said first stands until it is over: the details may change with every probe.
    if said.is_none() || paused.is_none() {
        said.clone_from(&paused);
        engine.set_status(|status| status.paused = paused);
    }
}
