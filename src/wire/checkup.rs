//! Results of `crow check`: the health of a platform in a few numbers, each with its limits, for monitoring systems.

use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Name and version of the health check document.
pub const CHECK_DOCUMENT: &str = "crow.check/1";

/// Grade of a check, in ascending order of severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CheckGrade {
    /// The value is within its limits.
    Ok,
    /// The value exceeds its warning limit.
    Warning,
    /// The value could not be determined.
    Unknown,
    /// The value exceeds its critical limit.
    Critical,
}

impl CheckGrade {
    /// Returns the exit code and the status word of the monitoring plugin convention.
    #[must_use]
    pub const fn plugin_status(self) -> (u8, &'static str) {
        match self {
            Self::Ok => (0, "OK"),
            Self::Warning => (1, "WARNING"),
            Self::Critical => (2, "CRITICAL"),
            Self::Unknown => (3, "UNKNOWN"),
        }
    }
}

/// Side of a limit on which values are bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ThresholdSide {
    /// Values above the limit are bad.
    Above,
    /// Values below the limit are bad.
    Below,
}

/// Result of one check: a number with its limits and its grade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckReading {
    /// Name of the check, for selection and performance data.
    pub name: String,
    /// Grade of the value against its limits.
    pub grade: CheckGrade,
    /// Finding of the check, in one line.
    pub said: String,
    /// Measured value; null if unknown or if there is nothing to measure.
    pub value: Option<u64>,
    /// Unit of the value: `s`, `%`, or empty for a count.
    pub unit: String,
    /// Side of the limits on which values are bad.
    pub side: ThresholdSide,
    /// Warning limit of the check; null if there is none.
    pub warn: Option<u64>,
    /// Critical limit of the check; null if there is none.
    pub crit: Option<u64>,
}

/// Results of all checks of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthCheckReport {
    /// Grade of the run: the worst grade of its checks.
    pub grade: CheckGrade,
    /// Time of the platform's clock; null if the platform could not be reached.
    pub server_utc: Option<Timestamp>,
    /// Results of the checks, in the order of their listing.
    pub readings: Vec<CheckReading>,
}

impl CheckReading {
    /// Formats the result as performance data of monitoring plugins, `'label'=value[unit];warn;crit;0`; `None` without
    /// a value.
    #[must_use]
    pub fn performance_data(&self) -> Option<String> {
        let colon = if self.side == ThresholdSide::Below { ":" } else { "" };
        let limit = |limit: Option<u64>| limit.map_or_else(String::new, |n| format!("{n}{colon}"));
        let value = self.value?;
        Some(format!("{}={value}{};{};{};0", self.name, self.unit, limit(self.warn), limit(self.crit)))
    }
}
