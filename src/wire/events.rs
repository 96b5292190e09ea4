//! Events: the envelope, test events, and events published by operators.

use crate::domain::event::EventType;
use crate::domain::ids::{CompanyId, EventId};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Event as it is polled and delivered. Payload and metadata keep the exact bytes with which they were accepted.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// ID of the event; increases with every event.
    pub id: EventId,
    /// Type of the event: one of the ten, or one that this version does not know.
    #[serde(rename = "type")]
    pub kind: Untrusted,
    /// Time at which the event was published, in whole seconds.
    #[serde(with = "super::time::seconds")]
    pub created_utc: Timestamp,
    /// Company that the event belongs to.
    pub company_id: CompanyId,
    /// Payload of the event; its fields depend on the type.
    #[cfg_attr(test, schema(value_type = Object))]
    pub payload: Box<RawValue>,
    /// Further data about the event, such as `test: true`; absent if there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(value_type = Option<Object>))]
    pub metadata: Option<Box<RawValue>>,
}

/// Body of `POST /api/v1/events/test`.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TestEvent {
    /// Type of the test event to publish.
    pub event_type: EventType,
    /// Payload of the test event; a realistic sample if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(value_type = Option<Object>))]
    pub payload: Option<Box<RawValue>>,
}

/// Body of `POST /portal/v1/events`, which publishes an event as the CRM would.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct NewEvent {
    /// Company to publish the event for.
    pub company_id: CompanyId,
    /// Type of the event to publish.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// Payload of the event; if absent a realistic sample, different every time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(value_type = Option<Object>))]
    pub payload: Option<Box<RawValue>>,
    /// Further data about the event; must be an object if present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(value_type = Option<Object>))]
    pub metadata: Option<Box<RawValue>>,
}
