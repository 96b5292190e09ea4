//! Operators and their tokens, as admins see them.

use super::keys::OneTimeSecret;
use crate::domain::ids::OperatorId;
use crate::domain::operator::{OperatorAccount, OperatorRole};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Operator of the platform, without the token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OperatorRow {
    /// ID of the operator, unique on the platform.
    pub id: OperatorId,
    /// Name of the operator, unique and used in the audit trail.
    pub name: Untrusted,
    /// Role of the operator: viewer, operator or admin.
    pub role: OperatorRole,
    /// Whether the operator's token authenticates: true until the operator is revoked.
    pub is_active: bool,
    /// Time at which the operator was created.
    pub created_utc: Timestamp,
    /// Time at which the operator was revoked permanently; null while the operator is active.
    pub revoked_utc: Option<Timestamp>,
}

impl OperatorRow {
    /// Creates the row of an account that was created, and perhaps revoked, at these times.
    #[must_use]
    pub fn new(of: OperatorAccount, created_utc: Timestamp, revoked_utc: Option<Timestamp>) -> Self {
        Self {
            id: of.id,
            name: Untrusted::new(of.name),
            role: of.role,
            is_active: revoked_utc.is_none(),
            created_utc,
            revoked_utc,
        }
    }
}

/// Response to `POST /portal/v1/operators/{id}/revoke`: the revocation is already in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RevokedOperator {
    /// Operator that was revoked, without the token.
    #[serde(flatten)]
    pub row: OperatorRow,
    /// Reason why the revocation is not on disk yet, such as a full disk. The write is retried until it succeeds; a
    /// restart before that would undo the revocation. Absent once the revocation is on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_pending: Option<Untrusted>,
}

/// Body of `POST /portal/v1/operators`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct NewOperator {
    /// Name of the operator, 1 to 100 characters; must differ from every other operator's name, revoked ones included,
    /// ignoring case.
    #[serde(default)]
    #[cfg_attr(test, schema(required = true, min_length = 1, max_length = 100))]
    pub name: String,
    /// Role of the operator; each role includes the ones before it: viewer, operator, admin.
    pub role: OperatorRole,
}

/// Response to `POST /portal/v1/operators`: the only response that carries the token.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct CreatedOperator {
    /// Operator that was created, without the token.
    #[serde(flatten)]
    pub row: OperatorRow,
    /// Operator token, shown only in this response.
    pub token: OneTimeSecret,
}
