//! Credentials of requests: the token of an operator, and the credential that is recorded on its connection.

use super::connections::{CredentialHolder, OpenConnection, TooManyCalls};
use super::problem::ProblemResponse;
use crate::domain::key::KeyMisplacement;
use crate::wire::problem::ProblemCode;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use std::sync::Arc;

/// Returns the token of a bearer credential; the scheme is case-insensitive and any number of spaces may follow.
#[must_use]
pub fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get("authorization")?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim_matches(' '))
}

/// Returns where a request without the header `X-Api-Key` has its key by mistake; `None` if nowhere.
#[must_use]
pub fn misplaced_key(headers: &HeaderMap, query: Option<&str>) -> Option<KeyMisplacement> {
    if headers.contains_key("authorization") {
        return Some(KeyMisplacement::Authorization);
    }
    if query.is_some_and(|query| query.to_ascii_lowercase().contains("key=")) {
        return Some(KeyMisplacement::Query);
    }
    let has_other = KeyMisplacement::OTHER_HEADERS.into_iter().any(|name| headers.contains_key(name));
    has_other.then_some(KeyMisplacement::OtherHeader)
}

/// Records the credential on its connection.
///
/// # Errors
/// [`ProblemResponse`] with 503 when the credential, or its kind, is at its connection limit with every connection
/// running a request.
pub fn record_credential(parts: &Parts, holder: CredentialHolder) -> Result<(), ProblemResponse> {
    let Some(connection) = parts.extensions.get::<Arc<OpenConnection>>() else { return Ok(()) };
    connection.set_holder(holder).map_err(|TooManyCalls| {
        let detail = "too many concurrent calls with this credential or of its kind; this is contention, not a rate limit: retry";
        ProblemResponse::new(ProblemCode::Contended, detail)
    })
}
