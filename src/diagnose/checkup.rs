//! Results of `crow check`: the health of a platform in a few numbers, each with its limits, for monitoring systems.

use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::text::count;
use serde::{Deserialize, Serialize};

/// Name and version of the health check document.
pub const CHECK_DOCUMENT: &str = "crow.check/1";

/// Grade of a check, in ascending order of severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ThresholdSide {
    /// Values above the limit are bad.
    Above,
    /// Values below the limit are bad.
    Below,
}

/// Result of one check: a number with its limits and its grade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
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

impl HealthCheckReport {
    /// Formats the summary line with performance data behind a bar, followed by one line per check.
    #[must_use]
    pub fn plugin_text(&self) -> String {
        let worst: Vec<String> = self
            .readings
            .iter()
            .filter(|reading| reading.grade == self.grade && self.grade != CheckGrade::Ok)
            .map(|reading| format!("{}: {}", reading.name, single_line(&reading.said)))
            .collect();
        let summary =
            if worst.is_empty() { format!("{} passed", count(self.readings.len(), "check")) } else { worst.join("; ") };
        let performance: Vec<String> = self.readings.iter().filter_map(CheckReading::performance_data).collect();
        let bar = if performance.is_empty() { String::new() } else { format!(" | {}", performance.join(" ")) };
        let mut text = format!("CROW {} - {summary}{bar}", self.grade.plugin_status().1);
        for reading in &self.readings {
            text.push_str(&format!(
                "\n[{}] {}: {}",
                reading.grade.plugin_status().1,
                reading.name,
                single_line(&reading.said)
            ));
        }
        text
    }
}

/// Makes a text safe for the summary line: one line, without the bar that starts the performance data.
#[must_use]
pub fn single_line(text: &str) -> String {
    Untrusted::new(text).sanitized().replace('|', "¦")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t1_what_others_wrote_begins_no_performance_data_and_no_line() {
        let reading = CheckReading {
            name: "streak".to_owned(),
            grade: CheckGrade::Critical,
            said: "x | evil=1\n[OK] fine\u{1b}[2J".to_owned(),
            value: Some(15),
            unit: String::new(),
            side: ThresholdSide::Above,
            warn: Some(2),
            crit: Some(13),
        };
        let checkup = HealthCheckReport { grade: CheckGrade::Critical, server_utc: None, readings: vec![reading] };
        let text = checkup.plugin_text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!(lines[0], "CROW CRITICAL - streak: x ¦ evil=1␊[OK] fine␛[2J | streak=15;2;13;0");
        assert_eq!(lines[1], "[CRITICAL] streak: x ¦ evil=1␊[OK] fine␛[2J");
    }
}
