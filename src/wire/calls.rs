//! Reports of callers: requests to the Integration API that `crow relay` passed on, as an observer gets them with
//! `POST /portal/v1/calls`.

use super::reports::UnrecordedPeriod;
use crate::domain::ids::CompanyId;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Report of a relay: calls that it passed on, and periods without a record. The body of `POST /portal/v1/calls`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CallReport {
    /// Calls that were passed on, in the order of their ends.
    #[serde(default)]
    pub calls: Vec<RelayedCall>,
    /// Periods in which calls were passed on and not recorded.
    #[serde(default)]
    pub unrecorded: Vec<UnrecordedPeriod>,
}

/// Call to the Integration API that a relay passed on, without the key and without the bodies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RelayedCall {
    /// ID of the call, chosen by the relay; a call whose id is known is not stored again.
    pub id: Untrusted,
    /// Time at which the request arrived, by the relay's clock.
    pub utc: Timestamp,
    /// Address of the caller: the peer's, or the one that a trusted proxy reports.
    pub address: Option<Untrusted>,
    /// User agent that the caller reported, 120 characters at most.
    pub user_agent: Option<Untrusted>,
    /// Name that the caller gave in the header that the relay was told of, 64 characters at most.
    pub caller: Option<Untrusted>,
    /// Company number in the key; null without a well-formed key.
    pub company_id: Option<CompanyId>,
    /// Last four characters of the key; null without a well-formed key.
    pub last4: Option<Untrusted>,
    /// HTTP method of the request; `OTHER` if not a standard one.
    pub method: Untrusted,
    /// Route that the path matches, with placeholders; `(none)` for a path that is not documented.
    pub route: Untrusted,
    /// Query of the request: values of filters, times and pages as sent, any other value as `…`.
    pub query: Option<Untrusted>,
    /// HTTP status of the response; null if none came.
    pub status: Option<u16>,
    /// Problem code in the response; null if the response has none.
    pub code: Option<Untrusted>,
    /// Reason of a refusal as a stable word. 401: `not_sent` or the place of a key that was not in `X-Api-Key`
    /// (`authorization_header`, `query_string`, `other_header`), or the defect of one that is not well-formed
    /// (`characters`, `prefix`, `company`, `length`, `repeated`). 403: the scope that the response names as missing.
    /// Null for other responses.
    #[serde(default)]
    pub refusal_reason: Option<Untrusted>,
    /// ID of the request in the response's headers.
    pub request_id: Option<Untrusted>,
    /// Rate window in the response's headers; null if the response has none.
    pub rate: Option<RateHeaders>,
    /// Wait that the response asks for, in seconds.
    pub retry_after_seconds: Option<u64>,
    /// Duration from the request's arrival to the head of the response, in milliseconds; null if no response came.
    pub head_ms: Option<u64>,
    /// Duration from the request's arrival to the end of the response, in milliseconds.
    pub elapsed_ms: u64,
    /// Bytes of the request's body that were passed on.
    pub n_request_bytes: u64,
    /// Bytes of the response's body that were passed back.
    pub n_answer_bytes: u64,
    /// Failure of the call; null if a response was passed back whole.
    pub failure: Option<RelayFailure>,
    /// Problem document of a refusal; null unless the relay keeps refusals.
    #[serde(default)]
    pub problem: Option<Untrusted>,
}

/// Rate window of a key in a bucket, as a response's headers state it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RateHeaders {
    /// Calls that the window allows.
    pub limit: u32,
    /// Calls that the window has left.
    pub remaining: u32,
    /// Time at which the window ends; null if not stated.
    pub reset_utc: Option<Timestamp>,
    /// Policy that the window follows, such as `read:60/1m`; null if not stated.
    pub policy: Option<Untrusted>,
}

/// Reason why a call got no response, or not a whole one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum RelayFailure {
    /// The platform could not be reached; the relay answered 502.
    Unreachable,
    /// The platform gave no response in time; the relay answered 504. Or the end of its response did not come.
    Timeout,
    /// The connection to the platform broke before the end of its response; without a head, the relay answered 502.
    Broken,
    /// The caller closed the connection before the end of the response.
    CallerLeft,
    /// The relay refused to pass the request on.
    Refused,
    /// A failure that this version does not know.
    #[serde(other)]
    Other,
}

impl RelayFailure {
    /// All failures that this version knows.
    pub const ALL: [Self; 5] = [Self::Unreachable, Self::Timeout, Self::Broken, Self::CallerLeft, Self::Refused];

    /// Name of the failure on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Broken => "broken",
            Self::CallerLeft => "caller_left",
            Self::Refused => "refused",
            Self::Other => "other",
        }
    }

    /// Failure of a name on the wire; [`Self::Other`] for a name that this version does not know.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|failure| failure.name() == name).unwrap_or(Self::Other)
    }

    /// The failure in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Unreachable => "the relay could not reach the platform",
            Self::Timeout => "the platform's response did not come, or did not end, in time",
            Self::Broken => "the connection to the platform broke before the end of the response",
            Self::CallerLeft => "the caller closed the connection before the end of the response",
            Self::Refused => "the relay refused to pass the request on",
            Self::Other => "the relay reported a failure that this version does not know",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_travel_by_their_names_and_later_ones_are_tolerated() {
        for failure in RelayFailure::ALL {
            assert_eq!(serde_json::to_value(failure).expect("serialised").as_str(), Some(failure.name()));
        }
        let later: RelayFailure = serde_json::from_str("\"a_failure_of_a_later_version\"").expect("tolerated");
        assert_eq!(later, RelayFailure::Other);
    }
}
