//! Events: the envelope, test events, and what an operator emits.

use crate::domain::event::EventType;
use crate::domain::ids::{CompanyId, EventId};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// What happened, as it is polled and delivered. Payload and metadata keep the bytes they were accepted with.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// Increasing.
    pub id: EventId,
    /// One of the ten types, or one that this version does not know.
    #[serde(rename = "type")]
    pub kind: Untrusted,
    /// Whole seconds.
    #[serde(with = "super::time::seconds")]
    pub created_utc: Timestamp,
    /// Whose.
    pub company_id: CompanyId,
    /// By type.
    #[schema(value_type = Object)]
    pub payload: Box<RawValue>,
    /// Optional object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Box<RawValue>>,
}

/// The body of `POST /api/v1/events/test`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TestEvent {
    /// Which type.
    pub event_type: EventType,
    /// A realistic sample if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub payload: Option<Box<RawValue>>,
}

/// The body of `POST /portal/v1/events`: what the CRM would do.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewEvent {
    /// Whose.
    pub company_id: CompanyId,
    /// Which type.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// A realistic sample, different every time, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub payload: Option<Box<RawValue>>,
    /// Optional object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Box<RawValue>>,
}
