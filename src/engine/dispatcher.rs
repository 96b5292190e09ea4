//! The dispatcher: claims what is due under a lease, round-robin over subscriptions, and sees each attempt through until it is settled.

use super::claim::{Ask, Job, claim};
use super::sender::Parcel;
use super::settle::{Flight, Told};
use super::{Engine, Error};
use crate::ambient::{Ambient, Stopwatch};
use crate::domain::delivery::{DEADLINE, FLIGHTS};
use crate::domain::ids::SubscriptionId;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::domain::trouble::Trouble;
use crate::store::deliveries::Lease;
use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

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
    let mut desk = Desk::new(&shared.ambient);
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
            Some(landed) = desk.flights.join_next(), if !desk.flights.is_empty() => desk.landed(landed.ok()),
            () = rung => {}
            () = shared.ambient.sleep_until(wake_at) => {}
            _ = stop.changed() => {}
        }
    }
    let all = async { while desk.flights.join_next().await.is_some() {} };
    if shared.ambient.within(PATIENCE, all).await.is_none() {
        tracing::warn!("attempts were still under way when the platform stopped; their leases end by themselves");
    }
    engine.set_status(|status| status.is_dispatching = false);
}

/// What the dispatcher has in hand.
struct Desk {
    flights: JoinSet<(SubscriptionId, Result<Told, Error>)>,
    under_way: HashMap<SubscriptionId, usize>,
    run: String,
    n_claims: u64,
    /// The subscription that was served last.
    last: SubscriptionId,
    /// Measures since when there is trouble; setting the clock does not change it.
    watch: Stopwatch,
    trouble: Trouble,
}

impl Desk {
    fn new(ambient: &Ambient) -> Self {
        Self {
            flights: JoinSet::new(),
            under_way: HashMap::new(),
            run: ambient.ulid(),
            n_claims: 0,
            last: SubscriptionId(0),
            watch: ambient.stopwatch(),
            trouble: Trouble::default(),
        }
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
        let room = FLIGHTS.saturating_sub(self.flights.len());
        let room = self.trouble.room(self.flights.len(), room, at);
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
            *self.under_way.entry(job.claimed.subscription).or_default() += 1;
            let (engine, lease) = (engine.clone(), token.clone());
            self.flights.spawn(async move {
                let subscription = job.claimed.subscription;
                (subscription, fly(&engine, job, lease).await)
            });
        }
        Ok(claims.next_due_at)
    }

    fn landed(&mut self, first: Option<(SubscriptionId, Result<Told, Error>)>) {
        let mut landed = first;
        while let Some((subscription, told)) = landed {
            match told {
                Ok(Told::Theirs) => self.trouble.passed(subscription),
                Ok(Told::Ours) => self.trouble.met(subscription, self.watch.elapsed()),
                Err(error) => {
                    tracing::error!(%error, "an attempt could not be made or written down; its lease ends by itself");
                }
            }
            if let Some(n) = self.under_way.get_mut(&subscription) {
                *n -= 1;
                if *n == 0 {
                    self.under_way.remove(&subscription);
                }
            }
            landed = self.flights.try_join_next().and_then(Result::ok);
        }
        if self.flights.is_empty() {
            // A flight that panicked does not say whose it was.
            self.under_way.clear();
        }
    }
}

/// One attempt, from the secret to the last written byte.
async fn fly(engine: &Engine, job: Job, lease: String) -> Result<Told, Error> {
    let Job { claimed, event, subscription, sealed } = job;
    let secret: Secret = engine.unseal(claimed.subscription, &sealed)?;
    let target_url = subscription.wish.target_url;
    let parcel = Parcel {
        target_url: target_url.clone(),
        secret,
        event: event.id,
        event_type: event.kind,
        delivery: claimed.id.to_string(),
        number: claimed.n_attempts + 1,
        body: event.body,
    };
    let landed = engine.shared.sender.post(parcel, &engine.shared.ambient).await;
    let flight = Arc::new(Flight { claimed, lease, target_url, event_type: event.kind, landed });
    // What was sent and cannot be written down now is kept until it can: forgetting it would mean sending it again.
    loop {
        match engine.settle(Arc::clone(&flight)).await {
            Err(Error::StorageFull | Error::Contended) => engine.shared.ambient.sleep(REST).await,
            told => return told,
        }
    }
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
