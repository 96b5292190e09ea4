//! Evidence of the breaker playbook.

use crate::diagnose::evidence_set::CallerVisibility;
use crate::diagnose::evidence_set::QueryOutcome;
use crate::domain::time::Timestamp;
use crate::wire::attempts::AttemptRow;
use crate::wire::subscriptions::SubscriptionRow;
use crate::wire::trips::TripRow;

/// Evidence of the circuit breaker playbook for one subscription.
#[derive(Debug, Clone)]
pub struct BreakerEvidence {
    /// Time of the collection, on this machine's clock.
    pub at: Timestamp,
    /// Visibility with which the data was collected; with keys alone, the subscription's health is unknown.
    pub visibility: CallerVisibility,
    /// Row of the subscription, with its health.
    pub row: QueryOutcome<SubscriptionRow>,
    /// Latest attempts of the subscription, newest first.
    pub attempts: QueryOutcome<Vec<AttemptRow>>,
    /// Latest trip of the subscription; `None` if it is not among those in the overview.
    pub trip: QueryOutcome<Option<TripRow>>,
}
