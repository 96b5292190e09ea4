//! Record of a relayed call: what is kept of its request and its answer. Never a key, never a body.

use super::passing_body::{BodyEnd, BodyWatcher};
use super::recorder::Recorder;
use super::route_template::route_of;
use crate::clock::{RuntimeEnv, Stopwatch};
use crate::domain::key::{KeyMisplacement, parse_key_company};
use crate::domain::scope::KeyScope;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::http::credentials::misplaced_key;
use crate::http::query_mask::masked_query;
use crate::http::request_context::looks_like_secret;
use crate::http::stamp::KNOWN_METHODS;
use crate::wire::calls::{RateHeaders, RelayFailure, RelayedCall};
use crate::wire::refusal::KeyDefect;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};
use futures_util::future::BoxFuture;
use serde::Deserialize;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;

/// Maximum length of a user agent in a record, in characters.
const MAX_AGENT_CHARS: usize = 120;
/// Maximum length of a caller's name, a problem code, a request id or a rate policy in a record, in characters.
const MAX_WORD_CHARS: usize = 64;
/// Maximum size of a refusal that is read for its problem code, in bytes.
const MAX_REFUSAL_BYTES: usize = 16 << 10;
/// Maximum size of a problem document that is kept, in bytes.
const MAX_PROBLEM_BYTES: usize = 2 << 10;
/// Headers under which platforms name a request.
const REQUEST_ID_HEADERS: [&str; 3] = ["x-request-id", "request-id", "x-correlation-id"];

/// Members of a refusal that name its cause.
#[derive(Deserialize)]
struct RefusalFields {
    code: Option<String>,
    /// Scope that the key lacks; a text that is no scope is not kept.
    #[serde(rename = "requiredScope")]
    scope: Option<String>,
}

/// Word for a call without a key.
const KEY_NOT_SENT: &str = "not_sent";
/// Status of a call whose key was not accepted.
const UNAUTHORIZED: u16 = 401;
/// Status of a call that the key does not permit.
const FORBIDDEN: u16 = 403;

/// Returns what is wrong with the key of a request as a stable word; `None` for a well-formed key.
fn key_fault(headers: &HeaderMap, query: Option<&str>) -> Option<&'static str> {
    let mut given = headers.get_all("x-api-key").iter();
    let Some(key) = given.next() else {
        return Some(misplaced_key(headers, query).map_or(KEY_NOT_SENT, KeyMisplacement::name));
    };
    if given.next().is_some() {
        return Some(KeyDefect::Repeated.name());
    }
    match key.to_str().map(parse_key_company) {
        Ok(Ok(_)) => None,
        Ok(Err(fault)) => Some(KeyDefect::from(fault).name()),
        Err(_) => Some(KeyDefect::Characters.name()),
    }
}

/// Returns the user agent of a request as it may be kept.
pub(super) fn shown_agent(headers: &HeaderMap) -> Option<Untrusted> {
    let value = headers.get(USER_AGENT)?;
    short(&String::from_utf8_lossy(value.as_bytes()), MAX_AGENT_CHARS)
}

/// Cuts a text from a caller or the platform; `None` for one that may be a misplaced key or token.
fn short(text: &str, n_chars: usize) -> Option<Untrusted> {
    (!looks_like_secret(text)).then(|| Untrusted::new(text.chars().take(n_chars).collect::<String>()))
}

fn word(headers: &HeaderMap, name: &str) -> Option<Untrusted> {
    short(headers.get(name)?.to_str().ok()?, MAX_WORD_CHARS)
}

fn number<T: std::str::FromStr>(headers: &HeaderMap, name: &str) -> Option<T> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// Reads the rate window from the headers of an answer.
fn rate(headers: &HeaderMap) -> Option<RateHeaders> {
    let reset: Option<i64> = number(headers, "x-ratelimit-reset");
    Some(RateHeaders {
        limit: number(headers, "x-ratelimit-limit")?,
        remaining: number(headers, "x-ratelimit-remaining")?,
        reset_utc: reset.and_then(|seconds| seconds.checked_mul(1_000)).map(Timestamp::from_millis),
        policy: word(headers, "x-ratelimit-policy"),
    })
}

/// What a relay keeps of calls, beside what is always kept.
#[derive(Debug, Clone, Default)]
pub(super) struct RecordedParts {
    /// Header in which callers name themselves.
    pub(super) name_header: Option<HeaderName>,
    /// Whether problem documents of refusals are kept.
    pub(super) keeps_refusals: bool,
}

/// Builds the record of a request whose answer is not known yet.
pub(super) fn begin(
    ambient: &RuntimeEnv,
    parts: &Parts,
    address: Option<IpAddr>,
    recorded: &RecordedParts,
) -> RelayedCall {
    let headers = &parts.headers;
    let key = headers.get("x-api-key").and_then(|value| value.to_str().ok());
    let company_id = key.and_then(|key| parse_key_company(key).ok());
    let last4 = key.filter(|_| company_id.is_some()).and_then(|key| key.get(key.len() - 4..));
    let method = parts.method.as_str();
    let query = parts.uri.query().map(masked_query).filter(|query| !query.is_empty());
    RelayedCall {
        id: Untrusted::new(ambient.ulid()),
        utc: ambient.now(),
        address: address.map(|address| Untrusted::new(address.to_string())),
        user_agent: shown_agent(headers),
        caller: recorded.name_header.as_ref().and_then(|name| word(headers, name.as_str())),
        company_id,
        last4: last4.map(Untrusted::new),
        method: Untrusted::new(if KNOWN_METHODS.contains(&method) { method } else { "OTHER" }),
        route: Untrusted::new(route_of(parts.uri.path())),
        query: query.map(Untrusted::new),
        status: None,
        code: None,
        // What is wrong with the key matters only where the platform refuses it.
        refusal_reason: key_fault(headers, parts.uri.query()).map(Untrusted::new),
        request_id: None,
        rate: None,
        retry_after_seconds: None,
        head_ms: None,
        elapsed_ms: 0,
        n_request_bytes: 0,
        n_answer_bytes: 0,
        failure: None,
        problem: None,
    }
}

/// Call that is under way; recorded at the end of its answer, or when its caller leaves.
pub(super) struct CallWatcher {
    /// Record that is not stored yet.
    call: Option<Box<RelayedCall>>,
    watch: Stopwatch,
    /// Bytes of the request's body, counted while it passes.
    n_request_bytes: Arc<AtomicU64>,
    recorder: Recorder<RelayedCall>,
    shown: Option<mpsc::Sender<RelayedCall>>,
    keeps_refusals: bool,
    /// Beginning of a refusal; `None` if the answer is none.
    refusal: Option<Vec<u8>>,
}

impl CallWatcher {
    pub(super) fn new(
        call: RelayedCall,
        watch: Stopwatch,
        (recorder, shown): (Recorder<RelayedCall>, Option<mpsc::Sender<RelayedCall>>),
        keeps_refusals: bool,
    ) -> Self {
        let n_request_bytes = Arc::default();
        Self { call: Some(Box::new(call)), watch, n_request_bytes, recorder, shown, keeps_refusals, refusal: None }
    }

    /// Returns the counter of the request's body.
    pub(super) fn request_counter(&self) -> RequestCounter {
        RequestCounter(Arc::clone(&self.n_request_bytes))
    }

    /// Notes the head of the answer.
    pub(super) fn see_head(&mut self, status: u16, headers: &HeaderMap) {
        let Some(call) = &mut self.call else { return };
        (call.status, call.head_ms) = (Some(status), Some(self.watch.elapsed_ms()));
        call.request_id = REQUEST_ID_HEADERS.into_iter().find_map(|name| word(headers, name));
        call.rate = rate(headers);
        call.retry_after_seconds = number(headers, RETRY_AFTER.as_str());
        let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_json = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().ends_with("json");
        self.refusal = (status >= 400 && is_json).then(Vec::new);
    }

    /// Records a call that got no answer of the platform; the relay answered with `status`.
    pub(super) fn fail(mut self, status: u16, failure: RelayFailure) {
        if let Some(call) = &mut self.call {
            call.status = Some(status);
        }
        self.record(Some(failure));
    }

    /// Records the call, once.
    fn record(&mut self, failure: Option<RelayFailure>) {
        let Some(mut call) = self.call.take() else { return };
        (call.failure, call.elapsed_ms) = (failure, self.watch.elapsed_ms());
        if call.status != Some(UNAUTHORIZED) {
            call.refusal_reason = None;
        }
        call.n_request_bytes = self.n_request_bytes.load(Ordering::Relaxed);
        if let Some(refusal) = self.refusal.take() {
            let fields: Option<RefusalFields> = serde_json::from_slice(&refusal).ok();
            let (code, scope) = fields.map_or((None, None), |fields| (fields.code, fields.scope));
            call.code = code.and_then(|code| short(&code, MAX_WORD_CHARS));
            if let Some(scope) =
                scope.and_then(|scope| KeyScope::named(&scope)).filter(|_| call.status == Some(FORBIDDEN))
            {
                call.refusal_reason = Some(Untrusted::new(scope.name()));
            }
            let is_kept = self.keeps_refusals && refusal.len() <= MAX_PROBLEM_BYTES;
            let text = String::from_utf8(refusal).ok().filter(|text| is_kept && !looks_like_secret(text));
            call.problem = text.map(Untrusted::new);
        }
        if let Some(shown) = &self.shown {
            // A reader of the output that is slow misses lines; the call is recorded all the same.
            let _ = shown.try_send((*call).clone());
        }
        self.recorder.record(*call);
    }
}

impl Drop for CallWatcher {
    fn drop(&mut self) {
        self.record(Some(RelayFailure::CallerLeft));
    }
}

impl BodyWatcher for CallWatcher {
    fn see(&mut self, bytes: &[u8]) {
        if let Some(call) = &mut self.call {
            call.n_answer_bytes += bytes.len() as u64;
        }
        if let Some(refusal) = &mut self.refusal {
            let room = MAX_REFUSAL_BYTES - refusal.len();
            refusal.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    fn end(mut self, end: BodyEnd) -> Option<BoxFuture<'static, ()>> {
        self.record(match end {
            BodyEnd::Complete => None,
            BodyEnd::Broken => Some(RelayFailure::Broken),
            BodyEnd::Timeout => Some(RelayFailure::Timeout),
            BodyEnd::Abandoned => Some(RelayFailure::CallerLeft),
        });
        None
    }
}

/// Counter of the bytes of a request's body.
pub(super) struct RequestCounter(Arc<AtomicU64>);

impl BodyWatcher for RequestCounter {
    fn see(&mut self, bytes: &[u8]) {
        self.0.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    }

    fn end(self, _: BodyEnd) -> Option<BoxFuture<'static, ()>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;

    const KEY: &str = "wlcro_live_92_abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";

    fn call(pairs: &[(&str, &str)], target: &str, recorded: &RecordedParts) -> RelayedCall {
        let mut request = Request::builder().uri(target);
        for (name, value) in pairs {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        let ambient = RuntimeEnv::scripted(Timestamp::from_millis(1_790_000_000_000), 1);
        begin(&ambient, &parts, None, recorded)
    }

    #[test]
    fn x1_neither_a_key_nor_a_person_is_in_a_record() {
        let recorded = RecordedParts { name_header: Some(HeaderName::from_static("x-app")), keeps_refusals: true };
        let of = call(
            &[("x-api-key", KEY), ("user-agent", "n8n/1"), ("x-app", "billing")],
            "/api/v1/integrations/leads/search?email=ada%40example.com&limit=5",
            &recorded,
        );
        assert_eq!(of.company_id.map(|id| id.0), Some(92));
        let told = |text: &Option<Untrusted>| text.as_ref().map(|text| text.raw().to_owned()).unwrap_or_default();
        assert_eq!([told(&of.last4), told(&of.user_agent), told(&of.caller)], ["DEFG", "n8n/1", "billing"]);
        assert_eq!(
            (of.route.raw(), told(&of.query).as_str()),
            ("/api/v1/integrations/leads/search", "email=…&limit=5")
        );
        let misplaced = call(
            &[("x-api-key", "ada"), ("user-agent", KEY), ("x-app", KEY), ("authorization", KEY)],
            &format!("/api/v1/events/{KEY}?key={KEY}"),
            &recorded,
        );
        let text = serde_json::to_string(&misplaced).expect("serialised");
        assert!(!text.contains("wlcro") && !text.contains("abcdefgh") && !text.contains("ada"), "{text}");
    }

    #[test]
    fn rate_headers_are_read_as_a_whole_or_not_at_all() {
        let mut headers = HeaderMap::new();
        headers.insert("x-ratelimit-limit", "60".parse().expect("a value"));
        assert_eq!(rate(&headers), None);
        headers.insert("x-ratelimit-remaining", " 59".parse().expect("a value"));
        headers.insert("x-ratelimit-reset", "1790000040".parse().expect("a value"));
        headers.insert("x-ratelimit-policy", "read:60/1m".parse().expect("a value"));
        let of = rate(&headers).expect("a window");
        assert_eq!((of.limit, of.remaining, of.policy.expect("a policy").raw()), (60, 59, "read:60/1m"));
        assert_eq!(of.reset_utc, Some(Timestamp::from_millis(1_790_000_040_000)));
    }
}
