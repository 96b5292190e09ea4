//! Rate windows of keys, as operators see them.

use crate::domain::health_status::{
    ExhaustionForecast, HealthAssessment, HealthStatus, WindowFacts, assess_window, forecast_exhaustion,
};
use crate::domain::ids::{CompanyId, KeyId};
use crate::domain::reason::Reason;
use crate::domain::scope::KeyScope;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::domain::window::RateBucket;
use serde::{Deserialize, Serialize};

/// Rate window of a key in one bucket: the limit and the calls of the current minute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LimitRow {
    /// Key that the window belongs to.
    pub key_id: KeyId,
    /// Company that the key belongs to.
    pub company_id: CompanyId,
    /// Name of the key, for display.
    pub key_name: Untrusted,
    /// Last four characters of the key.
    pub last4: Untrusted,
    /// Bucket of the window: read, write or admin.
    pub bucket: RateBucket,
    /// Number of calls allowed per minute.
    pub limit: u32,
    /// Number of calls admitted in this window; null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub used: Option<u32>,
    /// Number of calls left in this window; null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub remaining: Option<u32>,
    /// Number of calls refused in this window with 429; null if unknown. From an observer, those of its own
    /// calls that were refused.
    #[cfg_attr(test, schema(required = true))]
    pub n_refused: Option<u64>,
    /// Time at which this window began.
    pub window_utc: Timestamp,
    /// Time at which the next window begins.
    pub reset_utc: Timestamp,
    /// Calls admitted in each of the 60 minutes before this window, oldest first; null for a minute without data.
    pub history: Vec<Option<u32>>,
    /// Calls in the busiest minute of each hour of the last week, oldest first, null for an hour without data;
    /// absent except from an observer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub week: Option<Vec<Option<u32>>>,
    /// Observer's own use of the window; absent except from an observer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_use: Option<OwnUse>,
}

/// Own use of a rate window by an observer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OwnUse {
    /// Number of the observer's own calls in the last 60 seconds.
    pub n_calls: u32,
    /// Number of its own calls that an observer may make per minute, given the current use by others.
    pub allowance: u32,
}

/// Number of requests that a key made to one route.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RouteUsageRow {
    /// HTTP method of the route.
    pub method: Untrusted,
    /// Path of the route, with placeholders.
    pub route: Untrusted,
    /// Number of requests to the route: today for a rate window, since `sinceUtc` for the usage of a key.
    pub n: u64,
}

/// Requests of a key from one address with one user agent today.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CallerUsageRow {
    /// Address of the caller. Callers beyond the first fifty of a key are counted together as `(others)`.
    pub address: Untrusted,
    /// User agent that the caller reported.
    pub user_agent: Untrusted,
    /// Number of requests from the caller.
    pub n: u64,
    /// Time of the caller's latest request.
    pub last_utc: Timestamp,
}

/// Rate window with the routes and callers that use it most.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LimitDetail {
    /// Rate window of the key in one bucket.
    #[serde(flatten)]
    pub row: LimitRow,
    /// Busiest routes of this bucket today, at most ten; null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub top_routes: Option<Vec<RouteUsageRow>>,
    /// Busiest callers of the key today over all buckets, at most ten; null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub callers: Option<Vec<CallerUsageRow>>,
}

/// Usage of a key's scopes: the response to `GET /portal/v1/keys/{id}/usage`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct KeyUsage {
    /// Time since which the usage of the key is counted; null if no usage is counted.
    pub since_utc: Option<Timestamp>,
    /// Requests of the key by route, busiest first; null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub routes: Option<Vec<RouteUsageRow>>,
    /// Scopes of the key that were never used; null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub never_used: Option<Vec<KeyScope>>,
}

impl LimitRow {
    /// Returns whether both rows display alike: two unused windows do, whatever minute they belong to.
    #[must_use]
    pub fn displays_like(&self, other: &Self) -> bool {
        let is_unused = |row: &Self| row.used == Some(0) && row.n_refused == Some(0);
        if !(is_unused(self) && is_unused(other)) {
            return self == other;
        }
        *self == Self { window_utc: self.window_utc, reset_utc: self.reset_utc, ..other.clone() }
    }

    /// Returns the facts from which the window's health status is assessed; `None` if its use is not known.
    fn facts(&self) -> Option<WindowFacts> {
        let n_refused = self.n_refused.unwrap_or(0);
        self.used.map(|used| WindowFacts { limit: self.limit, used, n_refused })
    }

    /// Returns the share of the limit that is left, in percent; `None` if it is not known.
    #[must_use]
    pub fn percent_left(&self) -> Option<u64> {
        (u64::from(self.remaining?) * 100).checked_div(u64::from(self.limit))
    }

    /// Assesses the health of the window.
    #[must_use]
    pub fn assess(&self) -> HealthAssessment {
        let unknown = HealthAssessment { status: HealthStatus::Unknown, reason: Reason::WindowNotSeen };
        self.facts().map_or(unknown, |facts| assess_window(&facts))
    }

    /// Forecasts when the first call is refused at the pace of this window so far.
    #[must_use]
    pub fn forecast(&self, now: Timestamp) -> ExhaustionForecast {
        let forecast = |facts| forecast_exhaustion(&facts, self.window_utc, self.reset_utc, now);
        self.facts().map_or(ExhaustionForecast::Unknown, forecast)
    }
}
