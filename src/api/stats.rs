//! Time series for charts.

use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How wide one point of a series is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// A minute; at most a day of them.
    #[default]
    Minute,
    /// An hour; at most 31 days of them.
    Hour,
}

/// The query of `GET /portal/v1/stats`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct StatsQuery {
    /// `minute` or `hour`; minutes if absent.
    #[serde(default)]
    pub span: Span,
    /// Attempts of one subscription, with percentiles; of all, without, if absent.
    pub subscription: Option<i64>,
    /// Where to begin; 60 points before the end if absent.
    pub since: Option<Timestamp>,
    /// Where to end; now if absent.
    pub until: Option<Timestamp>,
}

/// Scheduled attempts of one span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AttemptPoint {
    /// When the span began.
    pub utc: Timestamp,
    /// Those that succeeded.
    pub n_ok: u64,
    /// Those that failed.
    pub n_failed: u64,
    /// Half were at most this slow; milliseconds, upper bound of a bin.
    pub p50_ms: Option<u32>,
    /// 95 % were.
    pub p95_ms: Option<u32>,
    /// 99 % were.
    pub p99_ms: Option<u32>,
}

/// Requests to the Integration API of one span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestPoint {
    /// When the span began.
    pub utc: Timestamp,
    /// All.
    pub n: u64,
    /// Answered 4xx, 429 among them.
    pub n_client_errors: u64,
    /// Answered 429.
    pub n_limited: u64,
    /// Answered 5xx.
    pub n_server_errors: u64,
}

/// The series. Spans without anything are there, with zeros.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// How wide each point is.
    pub span: Span,
    /// Attempts, oldest first.
    pub attempts: Vec<AttemptPoint>,
    /// Requests of all keys, oldest first.
    pub requests: Vec<RequestPoint>,
}
