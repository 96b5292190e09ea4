//! Gathering what the breaker's playbook rests on. A call that fails is kept as the reason why something is not known.

use crate::ambient::Ambient;
use crate::api::attempts::AttemptRow;
use crate::api::subscriptions::SubscriptionRow;
use crate::api::trips::TripRow;
use crate::client::connection::Client;
use crate::diagnose::dossier::{Learnt, Sight};
use crate::diagnose::own;
use crate::domain::breaker::FUSE;
use crate::domain::ids::SubscriptionId;
use crate::domain::time::Timestamp;

/// Rows of the overview that are asked for: the latest trip must be among as many trips.
const ROWS: u32 = 200;

/// What the playbook of the breaker rests on.
#[derive(Debug, Clone)]
pub struct Breaker {
    /// When it was asked, by this machine's clock.
    pub at: Timestamp,
    /// How much could be seen: without sight of everything, the subscription's health is not known.
    pub sight: Sight,
    /// The subscription with its health.
    pub row: Learnt<SubscriptionRow>,
    /// Its latest attempts, newest first.
    pub attempts: Learnt<Vec<AttemptRow>>,
    /// Its latest trip; `None` if it is not among those that the overview shows.
    pub trip: Learnt<Option<TripRow>>,
}

/// Gathers what the playbook of the breaker rests on: three calls at once.
pub async fn breaker(client: &Client, ambient: &Ambient, id: SubscriptionId) -> Breaker {
    if own::key(client).is_some() {
        return own::breaker(client, ambient, id).await;
    }
    let at = ambient.now();
    let (row, attempts, overview) =
        tokio::join!(client.subscription(id), client.attempts(Some(id), FUSE), client.overview(ROWS));
    let latest = |trips: Vec<TripRow>| {
        trips.into_iter().filter(|trip| trip.subscription_id == id).max_by_key(|trip| (trip.tripped_utc, trip.id))
    };
    Breaker {
        at,
        sight: Sight::Whole,
        row: row.map_err(|error| error.to_string()),
        attempts: attempts.map(|page| page.items).map_err(|error| error.to_string()),
        trip: overview.map(|overview| latest(overview.trips.items)).map_err(|error| error.to_string()),
    }
}
