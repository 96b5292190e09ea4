//! Stamp of every answer: the request id, problem documents, rate limit headers and safety headers; and the checks on
//! the head of a request that come before any route.

use super::problem::ProblemResponse;
use super::request_context::{RequestContextState, looks_like_secret};
use crate::clock::RuntimeEnv;
use crate::domain::time::Timestamp;
use crate::wire::problem::{PROBLEM_MEDIA_TYPE, Problem, ProblemCode};
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use std::any::Any;
use std::panic::AssertUnwindSafe;

const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");
const IGNORED_FIELDS_HEADER: HeaderName = HeaderName::from_static("x-ignored-fields");
/// Methods that HTTP defines. Any other text in their place is neither repeated nor logged.
pub const KNOWN_METHODS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"];
/// Maximum length of a request target, in bytes.
const MAX_URL_BYTES: usize = 8 * 1024;
/// Maximum size of a request head, as the names and values of all headers, in bytes.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// Maximum size of a request body, in bytes.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Stamps an answer: writes its problem document, its request id, rate limit headers, ignored names and safety headers.
/// Returns the problem, if the answer is one.
pub fn stamp_answer(response: &mut Response, noted: &RequestContextState, is_private: bool) -> Option<Problem> {
    let problem = response.extensions_mut().remove::<Problem>();
    if let Some(problem) = &problem {
        write_problem(response, &Problem { request_id: noted.request_id.clone(), ..problem.clone() });
    }
    if let Some(admission) = &noted.admission {
        set_rate_headers(response.headers_mut(), admission);
    }
    set_header(response.headers_mut(), REQUEST_ID_HEADER, &noted.request_id);
    set_header(response.headers_mut(), X_CONTENT_TYPE_OPTIONS, "nosniff");
    if is_private {
        set_header(response.headers_mut(), CACHE_CONTROL, "no-store");
    }
    if !noted.ignored_names.is_empty() {
        set_header(response.headers_mut(), IGNORED_FIELDS_HEADER, &noted.ignored_names.join(","));
    }
    problem
}

/// Returns the caller's own request id if it is safe to repeat, otherwise a new one.
#[must_use]
pub fn choose_request_id(headers: &HeaderMap, ambient: &RuntimeEnv) -> String {
    let is_harmless = |text: &&str| {
        (1..=64).contains(&text.len())
            && !looks_like_secret(text)
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    let own = headers.get(REQUEST_ID_HEADER).and_then(|value| value.to_str().ok()).filter(is_harmless);
    own.map_or_else(|| format!("req_{}", ambient.ulid()), ToOwned::to_owned)
}

/// Refuses a request head with a non-standard method, or beyond the size limits.
///
/// # Errors
/// [`ProblemResponse`] with 414, 431 or 501.
pub fn check_head(request: &Request) -> Result<(), ProblemResponse> {
    if !KNOWN_METHODS.contains(&request.method().as_str()) {
        return Err(ProblemResponse::new(ProblemCode::NotImplemented, "unknown HTTP method"));
    }
    let length = |uri: &Uri| uri.path_and_query().map_or(0, |target| target.as_str().len());
    if length(request.uri()) > MAX_URL_BYTES {
        return Err(ProblemResponse::new(
            ProblemCode::UriTooLong,
            format!("the URL is longer than {MAX_URL_BYTES} bytes"),
        ));
    }
    let head: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if head > MAX_HEAD_BYTES {
        return Err(ProblemResponse::new(
            ProblemCode::HeadersTooLarge,
            format!("the headers are larger than {MAX_HEAD_BYTES} bytes"),
        ));
    }
    Ok(())
}

/// Refuses a body whose `Content-Length` exceeds the size limit. A body without one is limited while it is read.
///
/// # Errors
/// [`ProblemResponse`] with 413.
pub fn check_content_length(headers: &HeaderMap) -> Result<(), ProblemResponse> {
    let declared: Option<u64> = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length| length > MAX_BODY_BYTES as u64) {
        return Err(ProblemResponse::new(
            ProblemCode::PayloadTooLarge,
            format!("the body is larger than {MAX_BODY_BYTES} bytes"),
        ));
    }
    Ok(())
}

fn write_problem(response: &mut Response, problem: &Problem) {
    let wait = match problem.code {
        ProblemCode::RateLimited => problem.extra.get("retryAfterSeconds").and_then(serde_json::Value::as_u64),
        ProblemCode::Contended => Some(1),
        ProblemCode::TooManyStreams => Some(5),
        _ => None,
    };
    if let Some(wait) = wait {
        set_header(response.headers_mut(), RETRY_AFTER, &wait.to_string());
    }
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_MEDIA_TYPE));
    response.headers_mut().remove(CONTENT_LENGTH);
    *response.body_mut() = Body::from(serde_json::to_vec(problem).unwrap_or_default());
}

fn set_rate_headers(headers: &mut HeaderMap, admission: &crate::domain::window::RateLimitOutcome) {
    let reset: Timestamp = admission.reset_at;
    set_header(headers, HeaderName::from_static("x-ratelimit-limit"), &admission.limit.to_string());
    set_header(headers, HeaderName::from_static("x-ratelimit-remaining"), &admission.remaining.to_string());
    set_header(headers, HeaderName::from_static("x-ratelimit-reset"), &reset.seconds().to_string());
    set_header(headers, HeaderName::from_static("x-ratelimit-window"), "1m");
    set_header(headers, HeaderName::from_static("x-ratelimit-policy"), &admission.policy());
}

fn set_header(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Waits for an answer, and answers for a handler that panics.
pub async fn answer_panics(answer: impl Future<Output = Response>) -> Response {
    AssertUnwindSafe(answer).catch_unwind().await.unwrap_or_else(|panic| panic_response(&*panic))
}

fn panic_response(panic: &(dyn Any + Send)) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = text.unwrap_or("(no text)"), "a handler panicked");
    ProblemResponse::new(ProblemCode::Internal, "internal error; see the platform's log under this request id")
        .into_response()
}
