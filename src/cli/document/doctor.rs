//! Results of `crow doctor`, which examines the local installation and its connection to a platform.

use serde::{Deserialize, Serialize};

/// Name and version of the doctor document.
pub const DOCTOR_DOCUMENT: &str = "crow.doctor/1";

/// Status of one item that the doctor examines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum DoctorStatus {
    /// The item is as it should be.
    Well,
    /// The item works, with a remark worth knowing.
    Note,
    /// The item does not work.
    Ill,
}

/// Result of examining one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct DoctorFinding {
    /// Name of the item that was examined.
    pub what: String,
    /// Status of the item that was examined.
    pub health: DoctorStatus,
    /// Finding about the item, in one line.
    pub said: String,
}

/// Results of all items that the doctor examined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct DoctorReport {
    /// Findings, one per examined item.
    pub findings: Vec<DoctorFinding>,
}
