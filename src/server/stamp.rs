//! The outermost middleware: assigns request ids, stamps answers, and logs requests to the Integration API.

use crate::domain::log;
use crate::engine::handle::Engine;
use crate::http::exposure::ServerReachability;
use crate::http::request_context::{RequestContext, looks_like_secret};
use crate::http::stamp::{KNOWN_METHODS, check_head, choose_request_id, stamp_answer};
use crate::wire::problem::Problem;
use axum::extract::{Request, State};
use axum::http::header::USER_AGENT;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use std::fmt::Write as _;
use std::sync::Arc;
use url::form_urlencoded;

/// Name under which non-standard methods are logged.
const OTHER_METHOD: &str = "OTHER";

pub(super) async fn stamp_response(
    State((engine, reachability)): State<(Engine, Arc<ServerReachability>)>,
    mut request: Request,
    next: Next,
) -> Response {
    let at = engine.ambient().now();
    let watch = engine.ambient().stopwatch();
    let request_id = choose_request_id(request.headers(), engine.ambient());
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
    let problem = stamp_answer(&mut response, &note, is_private);
    let code = problem.as_ref().map(|problem| problem.code);
    let told = problem.as_ref().map(|problem| problem.detail.chars().take(MAX_PROBLEM_CHARS).collect::<String>());
    let reason = problem.as_ref().and_then(Problem::refusal).map(|reason| reason.word());
    let noted = note.snapshot();
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
