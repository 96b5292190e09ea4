//! What a partner must be given about a key, without the key.

use super::keys::KeyRow;
use crate::domain::event::EventType;
use crate::domain::key::Scope;
use crate::domain::text::Untrusted;
use crate::domain::window::Bucket;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The name and version of its document.
pub const BRIEFING: &str = "crow.briefing/1";

/// A call that a key may make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Opened {
    /// The method.
    pub method: String,
    /// The path, with placeholders.
    pub path: String,
    /// The scope that opens it.
    pub scope: Scope,
    /// The window that it counts in.
    pub bucket: Bucket,
}

/// A type of events with a payload as it may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sample {
    /// The type.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// The payload, as JSON text.
    pub payload: String,
}

/// Everything that a partner must be given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Brief {
    /// The platform's address.
    pub platform: String,
    /// The name of the partner's company; null if it is not known.
    pub company: Option<Untrusted>,
    /// The key, without the key.
    pub key: KeyRow,
    /// What it opens.
    pub opened: Vec<Opened>,
    /// Types of events with samples; none if it may neither poll nor subscribe.
    pub samples: Vec<Sample>,
}
