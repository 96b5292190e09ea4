//! What `crow doctor` found.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The name and version of its document.
pub const DOCTOR: &str = "crow.doctor/1";

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// As it should be.
    Well,
    /// Good to know.
    Note,
    /// Something does not work.
    Ill,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// What.
    pub what: String,
    /// How it is.
    pub health: Health,
    /// In one line.
    pub said: String,
}

/// All that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Examination {
    /// Thing by thing.
    pub findings: Vec<Finding>,
}
