//! The audit trail: rows chained by a keyed hash, and the result of verifying the chain.

use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Row of the audit trail: one change of the platform's state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditRow {
    /// Sequence number of the row, without gaps.
    pub id: i64,
    /// Time at which the change was made.
    pub utc: Timestamp,
    /// Operator or key that made the change, by ID and name.
    pub actor: Untrusted,
    /// Kind of change that was made.
    pub action: Untrusted,
    /// Object that was changed, with its ID.
    pub subject: Untrusted,
    /// State before the change; null if there was none.
    pub before: Option<Untrusted>,
    /// State after the change; null if there is none.
    pub after: Option<Untrusted>,
    /// Reason given for the change; null if none was given.
    pub reason: Option<Untrusted>,
    /// ID of the request that made the change; null if there was none.
    pub request_id: Option<Untrusted>,
    /// HMAC-SHA256 over the previous row's hash, the sequence number and this row, in lowercase hex, under the
    /// platform's key.
    pub hash: String,
}

/// Range of rows that are missing from the audit trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MissingAuditRows {
    /// First sequence number that is missing.
    pub first: i64,
    /// Last sequence number that is missing.
    pub last: i64,
}

/// Head of the audit trail. A copy kept elsewhere later reveals whether rows up to the head were removed or replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditHead {
    /// Sequence number of the last row; 0 if there is none.
    pub sequence: i64,
    /// Hash of the last row, in lowercase hex; empty if there is no row.
    pub mac: String,
}

/// Result of verifying the hash chain of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditCheck {
    /// Whether every row is present and as it was written.
    pub is_whole: bool,
    /// Number of rows that were read.
    pub n_rows: u64,
    /// Ranges of rows that are missing.
    pub missing: Vec<MissingAuditRows>,
    /// Sequence numbers of rows whose content or previous hash differs from what was written; the last row is included
    /// if another one was written last.
    pub altered: Vec<i64>,
}
