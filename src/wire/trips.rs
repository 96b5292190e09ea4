//! Trips: the history of the breaker.

use crate::domain::ids::{CompanyId, SubscriptionId, TripId};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::domain::trip::Trip;
use serde::{Deserialize, Serialize};

/// Number of times that one cause occurred among the last twenty attempts before a trip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CauseCount {
    /// HTTP status or failure kind of the attempts, such as `500`, `timeout` or `refused`.
    pub cause: Untrusted,
    /// Number of attempts with this cause.
    pub n: u32,
}

/// Trip: the breaker disabled a subscription after 20 failures in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TripRow {
    /// ID of the trip, unique on the platform.
    pub id: TripId,
    /// Subscription that the breaker disabled.
    pub subscription_id: SubscriptionId,
    /// Company that owns the subscription.
    pub company_id: CompanyId,
    /// URL that the subscription delivered to when it tripped.
    pub target_url: Untrusted,
    /// Time at which the breaker disabled the subscription. From an observer, the first time at which the subscription
    /// was seen disabled, whatever disabled it.
    pub tripped_utc: Timestamp,
    /// Causes of the last twenty attempts before the trip, most frequent first; null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub causes: Option<Vec<CauseCount>>,
    /// Time at which the subscription was enabled again; null while it is disabled.
    pub enabled_utc: Option<Timestamp>,
    /// Operator or key that enabled the subscription again; null while it is disabled.
    pub enabled_by: Option<Untrusted>,
    /// Number of events missed while the subscription was disabled; null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub n_missed: Option<u64>,
}

impl From<Trip> for TripRow {
    fn from(of: Trip) -> Self {
        let (enabled_utc, enabled_by) = of.reenabled.unzip();
        Self {
            id: of.id,
            subscription_id: of.subscription,
            company_id: of.company,
            target_url: Untrusted::new(of.target_url),
            tripped_utc: of.tripped_at,
            causes: Some(
                of.causes.into_iter().map(|(cause, n)| CauseCount { cause: Untrusted::new(cause), n }).collect(),
            ),
            enabled_utc,
            enabled_by: enabled_by.map(Untrusted::new),
            n_missed: Some(of.n_missed),
        }
    }
}
