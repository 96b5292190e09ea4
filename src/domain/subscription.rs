//! Webhook subscriptions: target, event types and current state.

use super::breaker::CircuitBreaker;
use super::disabled_reason::DisabledReason;
use super::event::EventType;
use super::ids::{CompanyId, KeyId, SubscriptionId};
use super::slow_start::SlowStart;
use super::time::Timestamp;

/// Tools that create and own subscriptions of their own.
pub const MANAGERS: [&str; 3] = ["Zapier", "n8n", "Make"];

/// A webhook subscription, without its signing secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSubscription {
    /// Number of the subscription, unique on the platform.
    pub id: SubscriptionId,
    /// Company that owns the subscription.
    pub company: CompanyId,
    /// Key with which the subscription was created.
    pub created_by: Option<KeyId>,
    /// Configuration set by the partner.
    pub spec: SubscriptionSpec,
    /// Reason and time of disabling; `None` while enabled.
    pub disabled: Option<(DisabledReason, Timestamp)>,
    /// Circuit breaker with the number of failures in a row.
    pub breaker: CircuitBreaker,
    /// Slow start limit on attempts in flight.
    pub slow_start: SlowStart,
    /// Times of the first and the latest failure of the current streak.
    pub streak: Option<(Timestamp, Timestamp)>,
    /// Time of the latest attempt, tests excluded.
    pub last_attempt_at: Option<Timestamp>,
    /// Time of the latest successful attempt, tests excluded.
    pub last_success_at: Option<Timestamp>,
    /// Number of events missed since the subscription was disabled.
    pub n_missed: u64,
    /// Times of creation and last change.
    pub dates: RecordDates,
}

/// Configuration of a subscription that a partner can set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionSpec {
    /// URL to which events are posted.
    pub target_url: String,
    /// Types of events to deliver.
    pub event_types: Vec<EventType>,
    /// Description, at most 200 characters.
    pub description: Option<String>,
    /// Tool that owns the subscription, one of [`MANAGERS`].
    pub managed_by: Option<String>,
}

/// Times of creation and last change of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordDates {
    /// Creation time of the record.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
}
