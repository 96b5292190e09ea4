//! The dispatcher: claims what is due under a lease, round-robin over subscriptions, and sees each attempt through until it is settled.

use super::claim::{Ask, Job, claim};
use super::sender::Parcel;
use super::settle::Flight;
use super::{Engine, Error};
use crate::domain::delivery::{DEADLINE, FLIGHTS};
use crate::domain::ids::SubscriptionId;
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::store::deliveries::Lease;
use std::collections::HashMap;
use std::pin::pin;
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
    let mut desk = Desk::new(shared.ambient.ulid());
    engine.set_status(|status| status.is_dispatching = true);
    while !*stop.borrow() {
        // Listen before looking, or a ring between the two would be lost.
        let mut rung = pin!(shared.bell.notified());
        rung.as_mut().enable();
        let wake_at = match desk.claim(&engine).await {
            Ok(next_due) => {
                engine.set_status(|status| status.paused = None);
                next_due.unwrap_or_else(|| shared.ambient.now().plus(NAP))
            }
            Err(error) => {
                engine.set_status(|status| status.paused = Some(format!("dispatch is paused: {error}")));
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
    flights: JoinSet<SubscriptionId>,
    under_way: HashMap<SubscriptionId, usize>,
    run: String,
    n_claims: u64,
    /// The subscription that was served last.
    last: SubscriptionId,
}

impl Desk {
    fn new(run: String) -> Self {
        Self { flights: JoinSet::new(), under_way: HashMap::new(), run, n_claims: 0, last: SubscriptionId(0) }
    }

    /// Claims what is due and there is room for, and sends it off. When the next delivery that there is room for is due.
    async fn claim(&mut self, engine: &Engine) -> Result<Option<Timestamp>, Error> {
        let room = FLIGHTS.saturating_sub(self.flights.len());
        if room == 0 {
            return Ok(None);
        }
        self.n_claims += 1;
        let now = engine.shared.ambient.now();
        let lease = Lease { token: format!("{}-{}", self.run, self.n_claims), now, until: now.plus(LEASE) };
        let token = lease.token.clone();
        let ask = Ask { lease, room, last: self.last, under_way: self.under_way.clone() };
        let claims = engine.shared.store.write_patiently(move |connection| claim(connection, ask)).await?;
        self.last = claims.last;
        for job in claims.jobs {
            *self.under_way.entry(job.claimed.subscription).or_default() += 1;
            let (engine, lease) = (engine.clone(), token.clone());
            self.flights.spawn(async move {
                let subscription = job.claimed.subscription;
                if let Err(error) = fly(&engine, job, lease).await {
                    tracing::error!(%error, "an attempt could not be made or written down; its lease ends by itself");
                }
                subscription
            });
        }
        Ok(claims.next_due_at)
    }

    fn landed(&mut self, first: Option<SubscriptionId>) {
        let mut landed = first;
        while let Some(subscription) = landed {
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
async fn fly(engine: &Engine, job: Job, lease: String) -> Result<(), Error> {
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
    engine.settle(Flight { claimed, lease, target_url, event_type: event.kind, landed }).await
}
