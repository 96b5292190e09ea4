//! Partner briefing: what a partner needs to know about an API key, without the key itself.

use crate::domain::event::EventType;
use crate::domain::scope::KeyScope;
use crate::domain::text::Untrusted;
use crate::domain::window::RateBucket;
use crate::wire::keys::KeyRow;
use serde::{Deserialize, Serialize};

/// Name and version of the briefing document.
pub const BRIEFING_DOCUMENT: &str = "crow.briefing/2";

/// Route that the key may call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PermittedRoute {
    /// HTTP method of the route.
    pub method: String,
    /// Path of the route, with placeholders.
    pub path: String,
    /// Scope that permits the call.
    pub scope: KeyScope,
    /// Bucket in whose rate window the call counts.
    pub bucket: RateBucket,
}

/// Event type with a sample payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SamplePayload {
    /// Event type of the sample.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// Sample payload, as JSON text.
    pub payload: String,
}

/// Briefing of a partner about one API key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PartnerBriefing {
    /// Base address of the platform.
    pub platform: String,
    /// Name of the partner's company; null if unknown.
    pub company: Option<Untrusted>,
    /// API key without its secret.
    pub key: KeyRow,
    /// Routes that the key may call.
    pub opened: Vec<PermittedRoute>,
    /// Sample payloads per event type; empty if the key may neither poll events nor subscribe to them.
    pub samples: Vec<SamplePayload>,
}
