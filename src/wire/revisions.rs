//! Revisions: the earlier and present configurations of a subscription.

use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Revision of a subscription: one configuration, in force from a point in time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RevisionRow {
    /// Revision number, from 1; the highest is in force.
    pub revision: u32,
    /// Time at which the revision came into force.
    pub since_utc: Timestamp,
    /// URL that events were delivered to.
    pub target_url: Untrusted,
    /// Event types that were delivered.
    pub event_types: Vec<Untrusted>,
    /// Free-text description given by the subscription's owner.
    pub description: Option<Untrusted>,
    /// Tool that managed the subscription; null if none did.
    pub managed_by: Option<Untrusted>,
}

/// Body of `POST /portal/v1/subscriptions/{id}/rollback`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct RollbackRequest {
    /// Revision number whose configuration is restored.
    pub revision: u32,
}
