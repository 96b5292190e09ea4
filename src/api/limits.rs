//! Rate windows, as operators see them.

use crate::domain::ids::{CompanyId, KeyId};
use crate::domain::key::Scope;
use crate::domain::standing::{Forecast, WindowFacts, foretell};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::domain::window::Bucket;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One window of a key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LimitRow {
    /// Whose.
    pub key_id: KeyId,
    /// Of which company.
    pub company_id: CompanyId,
    /// The key's name.
    pub key_name: Untrusted,
    /// The key's last four characters.
    pub last4: Untrusted,
    /// Which of its three.
    pub bucket: Bucket,
    /// Calls allowed a minute.
    pub limit: u32,
    /// Calls admitted in this window.
    pub used: u32,
    /// Calls left.
    pub remaining: u32,
    /// Calls refused in this window.
    pub n_refused: u64,
    /// When this window began.
    pub window_utc: Timestamp,
    /// When the next one begins.
    pub reset_utc: Timestamp,
    /// Calls admitted in each of the 60 minutes before this window, oldest first.
    pub history: Vec<u32>,
}

/// Requests of a key to a route, today.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouteUse {
    /// The route's method.
    pub method: Untrusted,
    /// Its path, with placeholders.
    pub route: Untrusted,
    /// How many.
    pub n: u64,
}

/// Requests of a key from one address with one user agent, today.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallerUse {
    /// The address that connected; a proxy's where there is one. `(others)` beyond fifty callers.
    pub address: Untrusted,
    /// What the caller said it was.
    pub user_agent: Untrusted,
    /// How many.
    pub n: u64,
    /// The latest one.
    pub last_utc: Timestamp,
}

/// A window with who fills it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LimitDetail {
    /// The window.
    #[serde(flatten)]
    pub row: LimitRow,
    /// The busiest routes of this bucket, at most ten.
    pub top_routes: Vec<RouteUse>,
    /// The busiest callers of the key, in whichever bucket, at most ten.
    pub callers: Vec<CallerUse>,
}

/// How a key uses its scopes (the answer to `GET /portal/v1/keys/{id}/usage`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyUsage {
    /// Since when it is counted; null if the key was never used since.
    pub since_utc: Option<Timestamp>,
    /// Requests by route, busiest first.
    pub routes: Vec<RouteUse>,
    /// Scopes that it was given and never used.
    pub never_used: Vec<Scope>,
}

impl LimitRow {
    /// Whether the other one shows the same: of a window that nobody used it does not matter when it began.
    #[must_use]
    pub fn shows_same(&self, other: &Self) -> bool {
        let is_unused = |row: &Self| row.used == 0 && row.n_refused == 0;
        if !(is_unused(self) && is_unused(other)) {
            return self == other;
        }
        *self == Self { window_utc: self.window_utc, reset_utc: self.reset_utc, ..other.clone() }
    }

    /// What a judgement needs.
    #[must_use]
    pub const fn facts(&self) -> WindowFacts {
        WindowFacts { limit: self.limit, used: self.used, n_refused: self.n_refused }
    }

    /// When the first call will be refused at this window's pace.
    #[must_use]
    pub fn forecast(&self, now: Timestamp) -> Forecast {
        foretell(&self.facts(), self.window_utc, self.reset_utc, now)
    }
}
