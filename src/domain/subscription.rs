//! Subscriptions: where a company wants which events.

use super::breaker::Breaker;
use super::event::EventType;
use super::ids::{CompanyId, KeyId, SubscriptionId};
use super::ramp::Ramp;
use super::standing::Disabled;
use super::time::Timestamp;

/// Tools that create subscriptions of their own and own them.
pub const MANAGERS: [&str; 3] = ["Zapier", "n8n", "Make"];

/// A webhook subscription, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its number.
    pub id: SubscriptionId,
    /// Whose.
    pub company: CompanyId,
    /// The key that created it.
    pub created_by: Option<KeyId>,
    /// What it wants, and where.
    pub wish: Wish,
    /// Why it is off, and since when.
    pub off: Option<(Disabled, Timestamp)>,
    /// Consecutive failures.
    pub breaker: Breaker,
    /// Attempts that may be under way at once.
    pub ramp: Ramp,
    /// The first and the latest failure of the present streak.
    pub streak: Option<(Timestamp, Timestamp)>,
    /// The latest attempt of any kind but tests.
    pub last_attempt_at: Option<Timestamp>,
    /// The latest success of the same.
    pub last_success_at: Option<Timestamp>,
    /// Events that passed by since it is off.
    pub n_skipped: u64,
    /// When it was created, and last changed.
    pub dates: Dates,
}

/// What a partner can say of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Where events go.
    pub target_url: String,
    /// Which ones.
    pub event_types: Vec<EventType>,
    /// At most 200 characters.
    pub description: Option<String>,
    /// One of [`MANAGERS`].
    pub managed_by: Option<String>,
}

/// When a thing was created, and last changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dates {
    /// The creation.
    pub created_at: Timestamp,
    /// The last change.
    pub updated_at: Timestamp,
}
