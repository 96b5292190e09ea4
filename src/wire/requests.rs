//! The request log of the Integration API.

use super::attempts::HttpHeader;
use super::log::{LogPage, LogRoute, RequestQuery};
use super::paths;
use super::readable::ReadableRows;
use crate::domain::ids::{CompanyId, KeyId};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Kind of a call that an observer makes itself: who wants the response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OwnCallKind {
    /// Finds out whether a key has a scope.
    ScopeProbe,
    /// Reads a list of the platform.
    Poll,
    /// Does what an operator asked for.
    Act,
}

impl OwnCallKind {
    /// Returns the kind as it is stored and sent.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ScopeProbe => "scope_probe",
            Self::Poll => "poll",
            Self::Act => "act",
        }
    }
}

/// Problem document as it was answered, member by member.
pub type ProblemDocument = Map<String, Value>;

/// Statuses by which a platform refuses a scope probe: the response tells whether the key has the scope.
pub const PROBE_REFUSALS: [u16; 6] = [400, 403, 404, 411, 415, 422];

/// One request to the Integration API, with its caller and its response.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RequestRow {
    /// ID of the row in the request log; increases with every row.
    pub id: i64,
    /// Time at which the request arrived.
    pub utc: Timestamp,
    /// Key that authenticated the request; null if the request carried no known key.
    pub key_id: Option<KeyId>,
    /// Company of the key that authenticated the request.
    pub company_id: Option<CompanyId>,
    /// Last four characters of the key that authenticated the request.
    pub last4: Option<Untrusted>,
    /// HTTP method of the request; `OTHER` if not a standard one.
    pub method: Untrusted,
    /// Route that the request matched, with placeholders; the exact path is not logged.
    pub route: Untrusted,
    /// HTTP status of the response; null if an observer's own call got none.
    #[cfg_attr(test, schema(required = true))]
    pub status: Option<u16>,
    /// Problem code of the response; null if the request succeeded.
    pub code: Option<Untrusted>,
    /// Problem in words; for a poll of events, the filters of the poll and the number of events returned.
    #[serde(default)]
    pub detail: Option<Untrusted>,
    /// Reason of a refusal as a stable word: for `missing_key` the place of the key (`authorization_header`,
    /// `query_string`, `other_header`), for `malformed_key` the defect (`characters`, `prefix`, `company`, `length`,
    /// `repeated`), for `insufficient_scope` the missing scope, for `managed_subscription` the tool, for
    /// `validation_failed` the invalid fields, separated by commas. Null for other responses and in rows of earlier
    /// versions.
    #[serde(default)]
    pub reason: Option<Untrusted>,
    /// Company number in a well-formed key that was refused; null otherwise.
    #[serde(default)]
    pub claimed_company_id: Option<CompanyId>,
    /// Last four characters of a well-formed key that was refused; null otherwise.
    #[serde(default)]
    pub claimed_last4: Option<Untrusted>,
    /// Query of the request: values of filters, times and pages as sent, any other value as `…`.
    #[serde(default)]
    pub query: Option<Untrusted>,
    /// Address of the caller: the peer's, or the one that a trusted proxy reports.
    #[serde(default)]
    pub address: Option<Untrusted>,
    /// User agent that the caller reported, 120 characters at most.
    #[serde(default)]
    pub user_agent: Option<Untrusted>,
    /// Headers of a refusal that say something about its cause, such as `Retry-After` and the rate limit's, up to
    /// 1 KiB; values that may be secret as `…`. Null for other responses and in rows of earlier versions.
    #[serde(default)]
    pub answer_headers: Option<Vec<HttpHeader>>,
    /// Problem document of a refusal as its caller got it; a member that may be secret, or that does not fit into
    /// 1 KiB, as `…`. Null for other responses, in rows of earlier versions and where a relay records no documents.
    #[serde(default)]
    #[cfg_attr(test, schema(value_type = Option<std::collections::HashMap<String, Value>>))]
    pub problem: Option<ProblemDocument>,
    /// Purpose of a call that an observer made itself: `scope_probe` to find out whether the key has a scope, `poll` to
    /// read a list, `act` for an operator. Null for calls by others, and on platforms.
    #[serde(default)]
    pub own_call: Option<Untrusted>,
    /// Name that the caller gave to a relay in a header of its own, 64 characters at most; null elsewhere.
    #[serde(default)]
    pub caller_name: Option<Untrusted>,
    /// ID of the request, equal to the header `X-Request-Id`; null if the response named none.
    #[cfg_attr(test, schema(required = true))]
    pub request_id: Option<Untrusted>,
    /// Duration of the request in milliseconds.
    pub elapsed_ms: u64,
}

impl RequestRow {
    /// Whether the request was answered with this status.
    #[must_use]
    pub fn has_status(&self, status: u16) -> bool {
        self.status == Some(status)
    }

    /// Whether the request was answered with a status below 400.
    #[must_use]
    pub fn is_served(&self) -> bool {
        self.status.is_some_and(|status| status < 400)
    }

    /// Whether an observer made the call to find out whether the key has a scope, and the response tells that: it shows
    /// no fault of any caller.
    #[must_use]
    pub fn is_answered_probe(&self) -> bool {
        self.is_own(OwnCallKind::ScopeProbe) && self.status.is_some_and(|status| PROBE_REFUSALS.contains(&status))
    }

    /// Whether an observer made the call to read a list, without being asked to.
    #[must_use]
    pub fn is_own_poll(&self) -> bool {
        self.is_own(OwnCallKind::Poll)
    }

    fn is_own(&self, kind: OwnCallKind) -> bool {
        self.own_call.as_ref().is_some_and(|own| own.raw() == kind.name())
    }

    /// Whether the request was answered with 5xx.
    #[must_use]
    pub fn is_server_error(&self) -> bool {
        self.status.is_some_and(|status| status >= 500)
    }
}

/// Number of requests that were answered with one status and problem code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProblemCodeCount {
    /// HTTP status of the responses; null for an observer's own calls that got none.
    #[cfg_attr(test, schema(required = true))]
    pub status: Option<u16>,
    /// Problem code of the responses; null for responses that are no problem.
    pub code: Option<Untrusted>,
    /// Number of requests answered with this status and code.
    pub n: u64,
}

/// Number of requests that were answered with one status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct StatusCount {
    /// HTTP status of the responses.
    pub status: u16,
    /// Number of requests answered with this status.
    pub n: u64,
}

/// Page of the request log, with counts of the last hour's responses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", from = "RequestLogRead")]
pub struct RequestLogPage {
    /// Rows of the request log with their cursors.
    #[serde(flatten)]
    pub page: LogPage<RequestRow>,
    /// Requests of the last hour by status and code, most frequent first. Includes requests without a row; the query's
    /// filters do not apply.
    pub last_hour: Vec<ProblemCodeCount>,
    /// Refused requests without a row since the platform started, by status. Rows of calls without a key, and of calls
    /// beyond a key's rate limit, are written at a bounded rate.
    pub unlogged: Vec<StatusCount>,
}

impl LogRoute for RequestQuery {
    const PATH: &'static str = paths::REQUESTS;
    type Page = RequestLogPage;
}

/// Wire form of [`RequestLogPage`], read row by row so that one bad row does not fail the page.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestLogRead {
    items: ReadableRows<RequestRow>,
    next_cursor: Option<String>,
    previous_cursor: Option<String>,
    has_more: bool,
    last_hour: ReadableRows<ProblemCodeCount>,
    #[serde(default)]
    unlogged: Vec<StatusCount>,
}

impl From<RequestLogRead> for RequestLogPage {
    fn from(read: RequestLogRead) -> Self {
        let RequestLogRead { items, next_cursor, previous_cursor, has_more, last_hour, unlogged } = read;
        let mut unreadable = items.unreadable;
        unreadable.extend(last_hour.unreadable);
        let page = LogPage { items: items.rows, next_cursor, previous_cursor, has_more, unreadable };
        Self { page, last_hour: last_hour.rows, unlogged }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answer_that_a_scope_probe_expects_is_set_apart() {
        let row = |own: Option<&str>, status: u16| -> RequestRow {
            serde_json::from_value(serde_json::json!({
                "id": 1, "utc": "2026-11-24T08:00:00.000Z", "keyId": 1, "companyId": 92, "last4": "aZ3k", "method": "POST",
                "route": "/api/v1/events/test", "status": status, "code": null, "requestId": "r", "elapsedMs": 1, "ownCall": own
            }))
            .expect("a row")
        };
        for status in [400, 403, 415] {
            assert!(row(Some("scope_probe"), status).is_answered_probe(), "{status}");
            for other in [Some("poll"), Some("act"), None] {
                assert!(!row(other, status).is_answered_probe(), "{other:?} {status}");
            }
        }
        for status in [200, 401, 429, 500] {
            assert!(!row(Some("scope_probe"), status).is_answered_probe(), "{status} is evidence");
        }
        assert!(row(Some("poll"), 403).is_own_poll() && !row(None, 403).is_own_poll());
    }
}
