//! Earlier configurations of a subscription.

use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A configuration that a subscription had or has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevisionRow {
    /// 1 for the first; the highest is in force.
    pub revision: u32,
    /// Since when.
    pub since_utc: Timestamp,
    /// Where events went.
    pub target_url: Untrusted,
    /// Which events.
    pub event_types: Vec<Untrusted>,
    /// What somebody wrote about it.
    pub description: Option<Untrusted>,
    /// The tool that owned it.
    pub managed_by: Option<Untrusted>,
}

/// The body of `POST /portal/v1/subscriptions/{id}/rollback`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
pub struct Rollback {
    /// Which configuration to bring back.
    pub revision: u32,
}
