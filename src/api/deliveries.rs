//! Deliveries and what became of an event.

use super::attempts::{AttemptRow, Body};
use crate::domain::delivery::{Kind, State};
use crate::domain::ids::{CompanyId, DeliveryId, EventId, SubscriptionId};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A delivery in one line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryRow {
    /// Its number.
    pub id: DeliveryId,
    /// Which event.
    pub event_id: EventId,
    /// What the event was.
    pub event_type: Untrusted,
    /// To which subscription.
    pub subscription_id: SubscriptionId,
    /// Whose.
    pub company_id: CompanyId,
    /// What its attempts are for.
    pub kind: Kind,
    /// Where it stands.
    pub state: State,
    /// Attempts made so far.
    pub n_attempts: u32,
    /// When the next one is or was due; null unless it is pending.
    pub due_utc: Option<Timestamp>,
    /// When the event happened.
    pub created_utc: Timestamp,
}

/// A delivery with its attempts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryDetail {
    /// The line.
    #[serde(flatten)]
    pub row: DeliveryRow,
    /// Its attempts, newest first; at most 200.
    pub attempts: Vec<AttemptRow>,
}

/// An event in one line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventRow {
    /// Its number.
    pub id: EventId,
    /// Whose.
    pub company_id: CompanyId,
    /// What.
    #[serde(rename = "type")]
    pub kind: Untrusted,
    /// When.
    pub created_utc: Timestamp,
    /// The length of its envelope.
    pub n_bytes: u64,
    /// Deliveries that it led to, skipped ones among them.
    pub n_deliveries: u32,
}

/// An event with its bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventDetail {
    /// The line.
    #[serde(flatten)]
    pub row: EventRow,
    /// The envelope: the exact bytes that are polled, signed and sent.
    pub envelope: Body,
    /// Whether values were left out of the envelope because this operator is no admin.
    #[serde(default)]
    pub redacted: bool,
}

/// Why a subscription has, or has not, a delivery of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It wanted the type and was enabled: the event was to be sent.
    Matched,
    /// It wanted the type but was disabled: the delivery was skipped.
    Disabled,
    /// It did not want the type.
    OtherType,
    /// It was created after the event.
    CreatedLater,
    /// It was deleted before the event.
    Deleted,
    /// It wanted the type, and its delivery is no longer kept.
    Forgotten,
}

/// What one subscription of the company had to do with an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TraceRow {
    /// Which subscription.
    pub subscription_id: SubscriptionId,
    /// Where it sends to now.
    pub target_url: Untrusted,
    /// Why it has a delivery or none.
    pub verdict: Verdict,
    /// The same as a sentence.
    pub why: String,
    /// The delivery, if there is one.
    pub delivery: Option<DeliveryRow>,
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Trace {
    /// The event.
    pub event: EventRow,
    /// Every subscription of the company, those deleted since among them; those with deliveries first.
    pub subscriptions: Vec<TraceRow>,
}
