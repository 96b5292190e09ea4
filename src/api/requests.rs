//! The log of requests to the Integration API.

use super::log::LogPage;
use super::readable::ReadableRows;
use crate::domain::ids::{CompanyId, KeyId};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RequestRow {
    /// Its place in the log.
    pub id: i64,
    /// When it arrived.
    pub utc: Timestamp,
    /// Whose key it carried; null if it was none of ours.
    pub key_id: Option<KeyId>,
    /// The company of that key.
    pub company_id: Option<CompanyId>,
    /// The last four characters of that key.
    pub last4: Option<Untrusted>,
    /// Its method.
    pub method: Untrusted,
    /// The route it matched, with placeholders; what was asked for exactly is not kept.
    pub route: Untrusted,
    /// The answer's status.
    pub status: u16,
    /// The problem's code, if it was one.
    pub code: Option<Untrusted>,
    /// The problem in words; of a poll of events, what it was narrowed to and how many it got.
    #[serde(default)]
    pub detail: Option<Untrusted>,
    /// The company in a key that was refused although it has the form of one.
    #[serde(default)]
    pub claimed_company_id: Option<CompanyId>,
    /// The last four characters of such a key.
    #[serde(default)]
    pub claimed_last4: Option<Untrusted>,
    /// Its query: names and values of filters, times and pages as they were sent, any other value as `…`.
    #[serde(default)]
    pub query: Option<Untrusted>,
    /// The caller's address: the peer's, or the one that a trusted proxy names.
    #[serde(default)]
    pub address: Option<Untrusted>,
    /// What the caller said it was, 120 characters at most.
    #[serde(default)]
    pub user_agent: Option<Untrusted>,
    /// Its id.
    pub request_id: Untrusted,
    /// How long it took.
    pub elapsed_ms: u64,
}

/// Requests answered with one status and code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CodeCount {
    /// The status.
    pub status: u16,
    /// The problem's code; null where it was no problem.
    pub code: Option<Untrusted>,
    /// How many.
    pub n: u64,
}

/// Requests answered with one status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatusCount {
    /// The status.
    pub status: u16,
    /// How many.
    pub n: u64,
}

/// A page of the log with what the last hour was answered with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", from = "RequestLogRead")]
pub struct RequestLog {
    /// The page.
    #[serde(flatten)]
    pub page: LogPage<RequestRow>,
    /// Requests of the last hour by status and code, most frequent first, with a row or without; filters do not apply.
    pub last_hour: Vec<CodeCount>,
    /// Refusals since the platform started that have no row, by status: rows of calls without a key, and of calls beyond a key's window, are
    /// written at a bounded rate.
    pub unlogged: Vec<StatusCount>,
}

/// The same as it is read: row by row.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestLogRead {
    items: ReadableRows<RequestRow>,
    next_cursor: Option<String>,
    previous_cursor: Option<String>,
    has_more: bool,
    last_hour: ReadableRows<CodeCount>,
    #[serde(default)]
    unlogged: Vec<StatusCount>,
}

impl From<RequestLogRead> for RequestLog {
    fn from(read: RequestLogRead) -> Self {
        let RequestLogRead { items, next_cursor, previous_cursor, has_more, last_hour, unlogged } = read;
        let mut unreadable = items.unreadable;
        unreadable.extend(last_hour.unreadable);
        let page = LogPage { items: items.rows, next_cursor, previous_cursor, has_more, unreadable };
        Self { page, last_hour: last_hour.rows, unlogged }
    }
}
