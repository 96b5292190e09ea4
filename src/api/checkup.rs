//! A checkup: the health of a platform in a few numbers, each with its limits, for monitors.

use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The name and version of its document.
pub const CHECK: &str = "crow.check/1";

/// How a number is to be taken, in the order of severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// As it should be.
    Ok,
    /// It will need somebody.
    Warning,
    /// It could not be learnt.
    Unknown,
    /// It needs somebody now.
    Critical,
}

impl Grade {
    /// The exit code and the word of monitoring plugins.
    #[must_use]
    pub const fn plugin(self) -> (u8, &'static str) {
        match self {
            Self::Ok => (0, "OK"),
            Self::Warning => (1, "WARNING"),
            Self::Critical => (2, "CRITICAL"),
            Self::Unknown => (3, "UNKNOWN"),
        }
    }
}

/// On which side of a limit trouble lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// More than the limit is trouble.
    Above,
    /// Less than the limit is trouble.
    Below,
}

/// One number that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reading {
    /// Which.
    pub name: String,
    /// How it is to be taken.
    pub grade: Grade,
    /// What was found, in one line.
    pub said: String,
    /// The number; null if it could not be learnt or there is nothing to count.
    pub value: Option<u64>,
    /// What it counts: `s`, `%`, or nothing.
    pub unit: String,
    /// On which side of the limits trouble lies.
    pub side: Side,
    /// The limit of a warning; null if there is none.
    pub warn: Option<u64>,
    /// The limit of what is critical; null if there is none.
    pub crit: Option<u64>,
}

/// All that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Checkup {
    /// The worst of the readings.
    pub grade: Grade,
    /// The platform's clock; null if it could not be reached.
    pub server_utc: Option<Timestamp>,
    /// What was looked at, in the order in which it is listed.
    pub readings: Vec<Reading>,
}

impl Reading {
    /// The reading as performance data of monitoring plugins: `'label'=value[unit];warn;crit;0`.
    #[must_use]
    pub fn performance(&self) -> Option<String> {
        let colon = if self.side == Side::Below { ":" } else { "" };
        let limit = |limit: Option<u64>| limit.map_or_else(String::new, |n| format!("{n}{colon}"));
        let value = self.value?;
        Some(format!("{}={value}{};{};{};0", self.name, self.unit, limit(self.warn), limit(self.crit)))
    }
}
