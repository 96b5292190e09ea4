//! Operators, as admins see them.

use super::keys::ShownOnce;
use crate::domain::ids::OperatorId;
use crate::domain::operator::Role;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An operator, without the token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperatorRow {
    /// Its number.
    pub id: OperatorId,
    /// What the audit calls it.
    pub name: Untrusted,
    /// What it may do.
    pub role: Role,
    /// Whether its token is let in.
    pub is_active: bool,
    /// When it was created.
    pub created_utc: Timestamp,
    /// When it was revoked, for good.
    pub revoked_utc: Option<Timestamp>,
}

/// The answer to `POST /portal/v1/operators/{id}/revoke`: the revocation is in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevokedOperator {
    /// The operator.
    #[serde(flatten)]
    pub row: OperatorRow,
    /// Why the revocation is not on disk yet, as on a full disk: the write is retried until it succeeds, and a restart before that would
    /// undo the revocation. Absent once it is on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_pending: Option<Untrusted>,
}

/// The body of `POST /portal/v1/operators`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewOperator {
    /// 1 to 100 characters; no other operator's, in whatever case, also no revoked one's.
    #[serde(default)]
    #[schema(required = true, min_length = 1, max_length = 100)]
    pub name: String,
    /// What it may do; each role includes those before it.
    pub role: Role,
}

/// The answer to `POST /portal/v1/operators`: the only place where the token appears.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CreatedOperator {
    /// The operator.
    #[serde(flatten)]
    pub row: OperatorRow,
    /// The token, shown once.
    pub token: ShownOnce,
}
