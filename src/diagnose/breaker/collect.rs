//! Collection of the evidence for the circuit breaker playbook. A call that fails is kept as the reason why something
//! is unknown.

use super::evidence::BreakerEvidence;
use crate::client::connection::PlatformClient;
use crate::clock::RuntimeEnv;
use crate::diagnose::evidence_set::CallerVisibility;
use crate::domain::breaker::FAILURE_THRESHOLD;
use crate::domain::ids::SubscriptionId;
use crate::wire::coverage::{CoverageExtent, CoveredNoun};
use crate::wire::trips::TripRow;

/// Number of overview rows requested; the subscription's latest trip must be among that many trips.
const OVERVIEW_ROWS: u32 = 200;

/// Collects the evidence of the circuit breaker playbook, with three concurrent calls.
pub async fn collect_breaker(client: &PlatformClient, ambient: &RuntimeEnv, id: SubscriptionId) -> BreakerEvidence {
    let at = ambient.now();
    let (row, attempts, overview) = tokio::join!(
        client.subscription(id),
        client.attempts(Some(id), FAILURE_THRESHOLD),
        client.overview(OVERVIEW_ROWS)
    );
    let latest = |trips: Vec<TripRow>| {
        trips.into_iter().filter(|trip| trip.subscription_id == id).max_by_key(|trip| (trip.tripped_utc, trip.id))
    };
    let coverage = overview.as_ref().ok().and_then(|overview| overview.coverage.as_ref());
    let attempts = match coverage.and_then(|coverage| coverage.of(CoveredNoun::Attempts)) {
        Some(of) if of.extent == CoverageExtent::None => Err(of.summary_line()),
        _ => attempts.map(|page| page.items).map_err(|error| error.to_string()),
    };
    BreakerEvidence {
        at,
        visibility: CallerVisibility::of(coverage),
        row: row.map_err(|error| error.to_string()),
        attempts,
        trip: overview.map(|overview| latest(overview.trips.items)).map_err(|error| error.to_string()),
    }
}
