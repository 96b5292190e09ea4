//! Time series of attempts and requests, for charts.

use crate::domain::series::SeriesResolution;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Length of time that one point of a time series covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PointWidth {
    /// One minute; at most a day of minutes.
    #[default]
    Minute,
    /// One hour; at most 31 days of hours.
    Hour,
}

impl PointWidth {
    /// Resolution of a time series with points of this width.
    #[must_use]
    pub const fn resolution(self) -> SeriesResolution {
        match self {
            Self::Minute => SeriesResolution::Minute,
            Self::Hour => SeriesResolution::Hour,
        }
    }
}

/// Query of `GET /portal/v1/stats`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct StatsQuery {
    /// Width of a point, `minute` or `hour`; minutes if absent.
    #[serde(default)]
    pub span: PointWidth,
    /// Subscription whose attempts are counted, with latency percentiles; if absent, all subscriptions without
    /// percentiles.
    pub subscription: Option<i64>,
    /// Start of the series; 60 points before the end if absent.
    pub since: Option<Timestamp>,
    /// End of the series; now if absent.
    pub until: Option<Timestamp>,
}

/// Scheduled attempts within one point of a time series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AttemptPoint {
    /// Time at which the point begins.
    pub utc: Timestamp,
    /// Number of scheduled attempts that succeeded.
    pub n_ok: u64,
    /// Number of scheduled attempts that failed.
    pub n_failed: u64,
    /// Median latency in milliseconds, as the upper bound of its bin; null if not known.
    pub p50_ms: Option<u32>,
    /// 95th percentile of the latency in milliseconds, as the upper bound of its bin; null if not known.
    pub p95_ms: Option<u32>,
    /// 99th percentile of the latency in milliseconds, as the upper bound of its bin; null if not known.
    pub p99_ms: Option<u32>,
}

/// Requests to the Integration API within one point of a time series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RequestPoint {
    /// Time at which the point begins.
    pub utc: Timestamp,
    /// Number of requests, whatever the response.
    pub n: u64,
    /// Number of requests answered 4xx, including 429.
    pub n_client_errors: u64,
    /// Number of requests answered 429, which the rate limit refused.
    pub n_limited: u64,
    /// Number of requests answered 5xx.
    pub n_server_errors: u64,
}

/// Time series of attempts and requests. Points without any are included with zeros.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TimeSeries {
    /// Length of time that each point of both series covers.
    pub span: PointWidth,
    /// Attempts per point, oldest first; empty if unknown.
    pub attempts: Vec<AttemptPoint>,
    /// Requests of all keys per point, oldest first.
    pub requests: Vec<RequestPoint>,
}
