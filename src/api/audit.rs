//! The audit trail.

use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditRow {
    /// Its number; without gaps.
    pub id: i64,
    /// When.
    pub utc: Timestamp,
    /// Who.
    pub actor: Untrusted,
    /// What was done.
    pub action: Untrusted,
    /// To what.
    pub subject: Untrusted,
    /// As it was.
    pub before: Option<Untrusted>,
    /// As it is since.
    pub after: Option<Untrusted>,
    /// Why, if somebody said so.
    pub reason: Option<Untrusted>,
    /// In which request.
    pub request_id: Option<Untrusted>,
    /// HMAC-SHA256 over the previous row's hash, the number and this row, in lowercase hex; the key is the platform's.
    pub hash: String,
}

/// Rows that are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Gap {
    /// The first number missing.
    pub first: i64,
    /// The last one.
    pub last: i64,
}

/// The end of the trail: kept elsewhere, it shows later whether rows up to it were cut off or replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditHead {
    /// The number of the last row; 0 if there is none.
    pub sequence: i64,
    /// Its hash, in lowercase hex; empty if there is no row.
    pub mac: String,
}

/// What checking the chain of hashes came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditCheck {
    /// Whether every row is there as it was written.
    pub is_whole: bool,
    /// Rows that were read.
    pub n_rows: u64,
    /// Rows that are missing.
    pub missing: Vec<Gap>,
    /// Rows that, or whose predecessor's hash, are not as they were written; and the last row, if another one was written last.
    pub altered: Vec<i64>,
}
