//! Trips: the breaker disabling a subscription.

use super::ids::{CompanyId, SubscriptionId, TripId};
use super::time::Timestamp;

/// One trip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trip {
    /// Its number.
    pub id: TripId,
    /// Which subscription.
    pub subscription: SubscriptionId,
    /// Whose.
    pub company: CompanyId,
    /// Where it sent to.
    pub target_url: String,
    /// When.
    pub tripped_at: Timestamp,
    /// What the last twenty attempts came to, most frequent first.
    pub causes: Vec<(String, u32)>,
    /// When it was enabled again, and by whom.
    pub enabled: Option<(Timestamp, String)>,
    /// Events that passed by while it was off.
    pub n_missed: u64,
}
