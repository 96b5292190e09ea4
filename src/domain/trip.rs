//! Trips: records of the breaker disabling a subscription.

use super::ids::{CompanyId, SubscriptionId, TripId};
use super::time::Timestamp;

/// One trip of a subscription's breaker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trip {
    /// Number of the trip, unique on the platform.
    pub id: TripId,
    /// Subscription that the breaker disabled.
    pub subscription: SubscriptionId,
    /// Company that owns the subscription.
    pub company: CompanyId,
    /// Target URL at the time of the trip.
    pub target_url: String,
    /// Time at which the breaker tripped.
    pub tripped_at: Timestamp,
    /// Outcomes of the last twenty attempts with their counts, most frequent first.
    pub causes: Vec<(String, u32)>,
    /// Time of enabling again and the name of the enabling actor; `None` while disabled.
    pub reenabled: Option<(Timestamp, String)>,
    /// Number of events missed while the subscription was disabled.
    pub n_missed: u64,
}
