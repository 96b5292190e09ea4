//! Deliveries, events and event traces, as operators see them.

use super::attempts::{AttemptRow, CapturedBody};
use crate::domain::delivery::{AttemptKind, DeliveryState};
use crate::domain::ids::{CompanyId, DeliveryId, EventId, SubscriptionId};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Delivery of one event to one subscription, without its attempts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeliveryRow {
    /// ID of the delivery, unique on the platform.
    pub id: DeliveryId,
    /// Event that the delivery carries to the subscription.
    pub event_id: EventId,
    /// Type of the delivered event.
    pub event_type: Untrusted,
    /// Subscription that the event is delivered to.
    pub subscription_id: SubscriptionId,
    /// Company that owns the event and the subscription.
    pub company_id: CompanyId,
    /// Kind of the delivery's attempts, such as scheduled or replay.
    pub kind: AttemptKind,
    /// State of the delivery in its life cycle.
    pub state: DeliveryState,
    /// Number of attempts made so far.
    pub n_attempts: u32,
    /// Time at which the next attempt is or was due; null unless the delivery is pending.
    pub due_utc: Option<Timestamp>,
    /// Time at which the event was published.
    pub created_utc: Timestamp,
}

/// Delivery with its attempts, newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeliveryDetail {
    /// Delivery as it appears in lists, without its attempts.
    #[serde(flatten)]
    pub row: DeliveryRow,
    /// Attempts of the delivery, newest first; at most 200.
    pub attempts: Vec<AttemptRow>,
}

/// Event as it appears in lists, without its payload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct EventRow {
    /// ID of the event; increases with every event.
    pub id: EventId,
    /// Company that the event belongs to.
    pub company_id: CompanyId,
    /// Type of the event: one of the ten, or one that this version does not know.
    #[serde(rename = "type")]
    pub kind: Untrusted,
    /// Time at which the event was published.
    pub created_utc: Timestamp,
    /// Length of the event's envelope in bytes.
    pub n_bytes: u64,
    /// Number of deliveries of the event, including missed ones; null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub n_deliveries: Option<u32>,
}

/// Event with the exact bytes of its envelope.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct EventDetail {
    /// Event as it appears in lists, without its payload.
    #[serde(flatten)]
    pub row: EventRow,
    /// Envelope of the event: the exact bytes that are polled, signed and sent.
    pub envelope: CapturedBody,
    /// Whether values in the envelope are masked because the operator is not an admin.
    #[serde(default)]
    pub redacted: bool,
}

/// Relation of a subscription to an event: why the event was delivered to it or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TraceVerdict {
    /// Subscribed to the type and enabled: a delivery was created for sending.
    Matched,
    /// Subscribed to the type but disabled: the event was missed.
    Disabled,
    /// Not subscribed to the event's type.
    OtherType,
    /// Created after the event was published.
    CreatedLater,
    /// Deleted before the event was published.
    Deleted,
    /// Subscribed to the type, but the delivery is past its retention.
    Forgotten,
    /// Subscribed to the type now, but whether the event was delivered is not known.
    Unknown,
}

/// Subscription of the event's company in the trace of an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TraceRow {
    /// Subscription that the row describes.
    pub subscription_id: SubscriptionId,
    /// URL that the subscription delivers to now.
    pub target_url: Untrusted,
    /// Reason why the subscription has a delivery of the event, or none.
    pub verdict: TraceVerdict,
    /// Sentence that explains `verdict` to a human reader.
    pub why: String,
    /// Delivery of the event to the subscription; null if there is none.
    pub delivery: Option<DeliveryRow>,
}

/// Trace of an event: a page of the subscriptions of its company, each with the delivery or the reason why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct EventDeliveryTrace {
    /// Event that is traced, without its payload.
    pub event: EventRow,
    /// Every subscription of the company, including those deleted since; subscriptions with deliveries first.
    pub subscriptions: Vec<TraceRow>,
    /// Opaque cursor of the next page; null on the last page.
    #[serde(default)]
    pub next_cursor: Option<String>,
    /// Whether the company has or had more subscriptions than this page holds.
    #[serde(default)]
    pub has_more: bool,
}
