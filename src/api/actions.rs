//! Actions: what partners' systems do. Fields are snake_case, as documented.

use crate::domain::ids::ClientId;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The body of Create Lead.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct NewLead {
    /// Required.
    #[serde(default)]
    pub first_name: String,
    /// Required.
    #[serde(default)]
    pub last_name: String,
    /// Required; one `@`, at most 254 characters.
    #[serde(default)]
    pub email: String,
    /// `+`, digits, spaces, dashes, parentheses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Where the lead came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The partner's own id; the same one again answers with the existing record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

/// The answer to Create Lead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CreatedClient {
    /// Its number.
    pub client_id: ClientId,
    /// `Lead - New`.
    pub status: String,
    /// Whole seconds.
    #[serde(with = "super::time::seconds")]
    pub created_utc: Timestamp,
}
