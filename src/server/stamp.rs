//! The outermost middleware: assigns request ids, writes problem documents and rate limit headers, and logs requests
//! to the Integration API.

use super::request_context::{RequestContext, looks_like_secret};
use crate::domain::log;
use crate::domain::time::Timestamp;
use crate::engine::handle::Engine;
use crate::http::exposure::ServerReachability;
use crate::http::problem::ProblemResponse;
use crate::wire::problem::{PROBLEM_MEDIA_TYPE, Problem, ProblemCode};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, USER_AGENT, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use std::any::Any;
use std::fmt::Write as _;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use url::form_urlencoded;

const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");
const IGNORED_FIELDS_HEADER: HeaderName = HeaderName::from_static("x-ignored-fields");
/// Methods that HTTP defines. Any other text in their place is neither repeated nor logged.
const KNOWN_METHODS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"];
/// Name under which non-standard methods are logged.
const OTHER_METHOD: &str = "OTHER";
/// Maximum length of a request target, in bytes.
const MAX_URL_BYTES: usize = 8 * 1024;
/// Maximum size of a request head, as the names and values of all headers, in bytes.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// Maximum size of a request body, in bytes.
pub(super) const MAX_BODY_BYTES: usize = 1024 * 1024;

pub(super) async fn stamp_response(
    State((engine, reachability)): State<(Engine, Arc<ServerReachability>)>,
    mut request: Request,
    next: Next,
) -> Response {
    let at = engine.ambient().now();
    let watch = engine.ambient().stopwatch();
    let request_id = choose_request_id(request.headers(), &engine);
    let note = RequestContext::new(request_id.clone());
    request.extensions_mut().insert(note.clone());
    let method =
        if KNOWN_METHODS.contains(&request.method().as_str()) { request.method().as_str() } else { OTHER_METHOD }
            .to_owned();
    let is_integration = request.uri().path().starts_with("/api/");
    let is_private = is_integration || request.uri().path().starts_with("/portal/");
    let address = reachability.caller_address(&request).map(|address| address.to_string());
    let agent = request.headers().get(USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned());
    let query = request.uri().query().map(masked_query).filter(|query| !query.is_empty());
    let mut response = match check_head(&request).and_then(|()| reachability.check_head(&request)) {
        Err(refusal) => refusal.into_response(),
        Ok(()) => next.run(request).await,
    };
    let problem = response.extensions_mut().remove::<Problem>();
    let code = problem.as_ref().map(|problem| problem.code);
    let told = problem.as_ref().map(|problem| problem.detail.chars().take(MAX_PROBLEM_CHARS).collect::<String>());
    let reason = problem.as_ref().and_then(Problem::refusal).map(|reason| reason.word());
    if let Some(problem) = problem {
        write_problem(&mut response, &Problem { request_id: request_id.clone(), ..problem });
    }
    let noted = note.snapshot();
    if let Some(admission) = noted.admission {
        set_rate_headers(response.headers_mut(), &admission);
    }
    set_header(response.headers_mut(), REQUEST_ID_HEADER, &request_id);
    set_header(response.headers_mut(), X_CONTENT_TYPE_OPTIONS, "nosniff");
    if is_private {
        set_header(response.headers_mut(), CACHE_CONTROL, "no-store");
    }
    if !noted.ignored_names.is_empty() {
        set_header(response.headers_mut(), IGNORED_FIELDS_HEADER, &noted.ignored_names.join(","));
    }
    if is_integration {
        engine.log_request(log::LoggedRequest {
            at,
            caller: noted.caller,
            method,
            route: noted.route.unwrap_or_else(|| "(none)".to_owned()),
            status: response.status().as_u16(),
            code: code.and_then(|code| serde_json::to_value(code).ok()?.as_str().map(ToOwned::to_owned)),
            detail: told.or(noted.log_detail).filter(|text| !looks_like_secret(text)),
            reason: reason.filter(|word| !looks_like_secret(word)),
            rejected_key: noted.claimed_key,
            request_id,
            elapsed_ms: watch.elapsed_ms(),
            query,
            address,
            user_agent: agent,
        });
    }
    response
}

/// Maximum number of characters of a problem's text in the request log.
const MAX_PROBLEM_CHARS: usize = 300;

/// Query parameters whose values contain neither personal data nor secrets.
const SHOWN_PARAMETERS: [&str; 10] =
    ["type", "since", "until", "cursor", "limit", "order", "isEnabled", "eventType", "page", "sort"];
/// Maximum number of characters of a query in the request log.
const MAX_QUERY_CHARS: usize = 500;
/// Maximum number of characters of a value within a logged query.
const MAX_VALUE_CHARS: usize = 80;

/// Masks a query for the request log: names and the plain values of filters and pages are kept, any other value
/// becomes `…`.
fn masked_query(query: &str) -> String {
    let mut masked = String::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let is_plain = |text: &str, more: &[u8]| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte) || more.contains(&byte);
            !looks_like_secret(text) && text.bytes().all(is_plain)
        };
        let name = if is_plain(&name, b"[]") { &name } else { "…" };
        let is_shown = SHOWN_PARAMETERS.contains(&name) && is_plain(&value, b":,+ ") && value.len() <= MAX_VALUE_CHARS;
        let value = if is_shown { &value } else { "…" };
        let _ = write!(masked, "{}{name}={value}", if masked.is_empty() { "" } else { "&" });
        if masked.len() > MAX_QUERY_CHARS {
            break;
        }
    }
    masked.chars().take(MAX_QUERY_CHARS).collect()
}

/// Returns the caller's own request id if it is safe to repeat, otherwise a new one.
fn choose_request_id(headers: &HeaderMap, engine: &Engine) -> String {
    let is_harmless = |text: &&str| {
        (1..=64).contains(&text.len())
            && !looks_like_secret(text)
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
    };
    let own = headers.get(REQUEST_ID_HEADER).and_then(|value| value.to_str().ok()).filter(is_harmless);
    own.map_or_else(|| format!("req_{}", engine.ambient().ulid()), ToOwned::to_owned)
}

/// Refuses a request head with a non-standard method, or beyond the size limits.
fn check_head(request: &Request) -> Result<(), ProblemResponse> {
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
pub(super) fn check_content_length(headers: &HeaderMap) -> Result<(), ProblemResponse> {
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

/// Middleware that answers for a handler that panicked.
pub(super) async fn answer_panics(request: Request, next: Next) -> Response {
    AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(|panic| panic_response(&*panic))
}

fn panic_response(panic: &(dyn Any + Send)) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = text.unwrap_or("(no text)"), "a handler panicked");
    ProblemResponse::new(ProblemCode::Internal, "internal error; see the platform's log under this request id")
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_logged_without_what_may_be_personal_or_secret() {
        for (query, masked) in [
            (
                "type=lead.created,payment.failed&since=2026-11-23T00:00:00Z&limit=5",
                "type=lead.created,payment.failed&since=2026-11-23T00:00:00Z&limit=5",
            ),
            ("eventType=payment.failed&type[]=x", "eventType=payment.failed&type[]=…"),
            ("email=ada%40example.com&phone=%2B1555&client_id=7", "email=…&phone=…&client_id=…"),
            ("key=wlcro_live_1_abc&api_key=x", "key=…&api_key=…"),
            ("type=wlcro_live_1_abc", "type=…"),
            ("type=ada%40example.com&limit=", "type=…&limit="),
            ("wlcro_live_1_abc=1&ada%40example.com=2", "…=…&…=…"),
            ("%1b%5b31m=%1b", "…=…"),
            ("", ""),
        ] {
            assert_eq!(masked_query(query), masked, "{query}");
        }
        let long = masked_query(&"limit=11111111111&".repeat(400));
        assert_eq!(long.chars().count(), MAX_QUERY_CHARS);
        assert_eq!(masked_query(&format!("limit={}", "1".repeat(5_000))), "limit=…");
    }
}
