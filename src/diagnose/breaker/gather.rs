//! Collection of the evidence for the circuit breaker playbook. A call that fails is kept as the reason why something
//! is unknown.

use crate::ambient::RuntimeEnv;
use crate::api::attempts::AttemptRow;
use crate::api::subscriptions::SubscriptionRow;
use crate::api::trips::TripRow;
use crate::client::connection::PlatformClient;
use crate::diagnose::dossier::{Learnt, Sight};
use crate::diagnose::own;
use crate::domain::breaker::FAILURE_THRESHOLD;
use crate::domain::ids::SubscriptionId;
use crate::domain::time::Timestamp;

/// Number of overview rows requested; the subscription's latest trip must be among that many trips.
const ROWS: u32 = 200;

/// Evidence of the circuit breaker playbook for one subscription.
#[derive(Debug, Clone)]
pub struct Breaker {
    /// Time of the collection, on this machine's clock.
    pub at: Timestamp,
    /// Visibility with which the data was collected; with a key alone, the subscription's health is unknown.
    pub sight: Sight,
    /// Row of the subscription, with its health.
    pub row: Learnt<SubscriptionRow>,
    /// Latest attempts of the subscription, newest first.
    pub attempts: Learnt<Vec<AttemptRow>>,
    /// Latest trip of the subscription; `None` if it is not among those in the overview.
    pub trip: Learnt<Option<TripRow>>,
}

/// Collects the evidence of the circuit breaker playbook, with three concurrent calls.
pub async fn breaker(client: &PlatformClient, ambient: &RuntimeEnv, id: SubscriptionId) -> Breaker {
    if own::key(client).is_some() {
        return own::breaker(client, ambient, id).await;
    }
    let at = ambient.now();
    let (row, attempts, overview) =
        tokio::join!(client.subscription(id), client.attempts(Some(id), FAILURE_THRESHOLD), client.overview(ROWS));
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
