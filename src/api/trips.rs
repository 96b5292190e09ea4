//! The breaker's history.

use crate::domain::ids::{CompanyId, SubscriptionId, TripId};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::domain::trip::Trip;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How often one cause occurred among the last twenty attempts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CauseCount {
    /// A status or a word: `500`, `timeout`, `refused`.
    pub cause: Untrusted,
    /// How often.
    pub n: u32,
}

/// The breaker disabling a subscription, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TripRow {
    /// Its number.
    pub id: TripId,
    /// Which subscription.
    pub subscription_id: SubscriptionId,
    /// Whose.
    pub company_id: CompanyId,
    /// Where it sent to.
    pub target_url: Untrusted,
    /// When.
    pub tripped_utc: Timestamp,
    /// Of the last twenty attempts, most frequent first.
    pub causes: Vec<CauseCount>,
    /// When it was enabled again.
    pub enabled_utc: Option<Timestamp>,
    /// By whom.
    pub enabled_by: Option<Untrusted>,
    /// Events that passed by while it was off.
    pub n_missed: u64,
}

impl From<Trip> for TripRow {
    fn from(of: Trip) -> Self {
        let (enabled_utc, enabled_by) = of.enabled.unzip();
        Self {
            id: of.id,
            subscription_id: of.subscription,
            company_id: of.company,
            target_url: Untrusted::new(of.target_url),
            tripped_utc: of.tripped_at,
            causes: of.causes.into_iter().map(|(cause, n)| CauseCount { cause: Untrusted::new(cause), n }).collect(),
            enabled_utc,
            enabled_by: enabled_by.map(Untrusted::new),
            n_missed: of.n_missed,
        }
    }
}
