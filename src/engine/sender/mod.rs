//! Webhook sender: makes one signed POST within the deadline. The sender knows HTTP but no delivery policy.
//!
//! A target is checked and resolved, every address is checked, and only those addresses are dialled. Redirects are
//! not followed, proxies are not used, bodies are not decompressed. Connections are kept. A request is sent a second
//! time only if its kept connection was closed before the first byte, so the receiver cannot get it twice.

mod connect_gate;
mod connection;
mod phase_timer;
mod pool;
mod send_error;
mod target_guard;
pub(super) mod webhook_target;
mod write_guard;

use super::egress::{EgressConfig, slot_capacity};
use super::error::Error;
use crate::clock::RuntimeEnv;
use crate::domain::attempt::{AttemptPhase, AttemptResult, HttpExchange};
use crate::domain::delivery::{ATTEMPT_TIMEOUT, AttemptOutcome, FailureKind, MAX_BODY_READ, MAX_BODY_STORED};
use crate::domain::event::EventType;
use crate::domain::ids::{DeliveryId, EventId};
use crate::domain::secret::Secret;
use crate::domain::target::{TargetPolicy, TargetRules};
use crate::domain::time::Timestamp;
use crate::store::attempts::EncodedExchange;
use connect_gate::ConnectGate;
use connection::{ReceiverConnection, ReceiverConnector};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request};
use phase_timer::PhaseTimer;
use pool::ConnectionPool;
use send_error::SendError;
use std::pin::pin;
use std::time::{Duration, UNIX_EPOCH};
use target_guard::TargetGuard;
use url::Origin;
use webhook_target::{PreparedTarget, WebhookTarget};

/// Webhook request to send, before signing.
#[derive(Debug)]
pub(super) struct WebhookRequest {
    pub(super) event: EventId,
    pub(super) event_type: EventType,
    /// Number of the delivery; `None` for a test.
    pub(super) delivery: Option<DeliveryId>,
    pub(super) attempt_number: u32,
    pub(super) body: Bytes,
}

/// Result of a webhook request.
#[derive(Debug)]
pub(super) struct SendResult {
    pub(super) started_at: Timestamp,
    pub(super) result: AttemptResult,
    pub(super) exchange: EncodedExchange,
    /// Request body as it was sent.
    pub(super) body: Bytes,
}

/// Sends webhook requests and keeps connections open.
#[derive(Debug)]
pub(super) struct Sender {
    connector: ReceiverConnector,
    pool: ConnectionPool,
    connects: ConnectGate,
}

/// What is known of an attempt, also if it is cancelled.
#[derive(Default)]
struct ExchangeRecord {
    /// Headers of the request as JSON.
    request_headers: String,
    exchange: HttpExchange,
}

impl Sender {
    /// Creates a sender that dials only targets permitted by the policy.
    pub(super) fn new(policy: TargetPolicy, reach: &EgressConfig) -> Result<Self, Error> {
        let guard =
            TargetGuard { resolver: reach.resolver.clone(), policy, listen_addresses: reach.listen_addresses.clone() };
        Ok(Self {
            connector: ReceiverConnector::new(guard, &reach.ca_files)?,
            pool: ConnectionPool::new(slot_capacity()),
            connects: ConnectGate::default(),
        })
    }

    /// Target rules at this moment.
    pub(super) fn target_rules(&self) -> TargetRules {
        self.connector.guard().target_rules()
    }

    /// Prepares the target of a subscription.
    pub(super) fn target(&self, target_url: &str, changed_at: Timestamp, secret: &Secret) -> WebhookTarget {
        WebhookTarget::new(target_url, changed_at, secret, self.connector.guard().policy)
    }

    /// Signs and posts a webhook request within the deadline.
    pub(super) async fn post(
        &self,
        target: &WebhookTarget,
        parcel: WebhookRequest,
        ambient: &RuntimeEnv,
    ) -> SendResult {
        let started_at = ambient.now();
        let watch = ambient.stopwatch();
        let mut record = ExchangeRecord::default();
        let mut track = PhaseTimer::new(ambient);
        // Pinned here: a future that is moved into another one is stored twice, and there is one for each attempt.
        let outcome = {
            let attempt = pin!(self.attempt(target, &parcel, started_at, &mut record, &mut track));
            ambient.timeout(ATTEMPT_TIMEOUT, attempt).await
        };
        let (phases, last) = track.end();
        let (outcome, error) = match outcome {
            Some(Ok(outcome)) => (outcome, None),
            Some(Err(SendError { cause, message: why })) => (AttemptOutcome::Unanswered(cause), Some(why)),
            None => {
                let doing =
                    last.map_or_else(String::new, |phase| format!("; waiting for {}", send_error::phase_name(phase)));
                let error = format!("no complete answer within {} s{doing}", ATTEMPT_TIMEOUT.as_secs());
                (AttemptOutcome::Unanswered(FailureKind::Timeout), Some(error))
            }
        };
        let result = AttemptResult { outcome, error, elapsed_ms: watch.elapsed_ms() };
        let exchange = EncodedExchange::new(record.request_headers, HttpExchange { phases, ..record.exchange });
        SendResult { started_at, result, exchange, body: parcel.body }
    }

    async fn attempt(
        &self,
        target: &WebhookTarget,
        parcel: &WebhookRequest,
        now: Timestamp,
        record: &mut ExchangeRecord,
        track: &mut PhaseTimer<'_>,
    ) -> Result<AttemptOutcome, SendError> {
        let prepared = target.prepared.as_ref().map_err(Clone::clone)?;
        let mut request = signed_request(target, prepared, parcel, now);
        record.request_headers = headers_as_json(request.headers());
        let mut permit = None;
        loop {
            let Some(line) = self.pool.take(&prepared.origin) else {
                if permit.is_some() {
                    break;
                }
                // Meanwhile a connection may become idle.
                permit = Some(Box::pin(self.connects.enter(&prepared.origin)).await);
                continue;
            };
            permit = None;
            let gauge = line.write_guard.clone();
            track.enter(AttemptPhase::Head);
            let outcome = self.exchange_on(line, (request, &prepared.origin), &mut record.exchange, track).await;
            // Only an untouched connection permits another try: the receiver cannot have the request.
            if outcome.is_ok() || !gauge.is_nothing_written() {
                return outcome;
            }
            track.restart();
            request = signed_request(target, prepared, parcel, now);
        }
        // In a box, because most attempts use a kept connection and dialling needs much state.
        let line = Box::pin(self.connector.dial(&prepared.url, track)).await?;
        drop(permit);
        self.exchange_on(line, (request, &prepared.origin), &mut record.exchange, track).await
    }

    /// Sends the request and reads the answer up to the body limit. A reusable connection returns to the pool.
    async fn exchange_on(
        &self,
        mut line: ReceiverConnection,
        (request, origin): (Request<Full<Bytes>>, &Origin),
        exchange: &mut HttpExchange,
        track: &mut PhaseTimer<'_>,
    ) -> Result<AttemptOutcome, SendError> {
        exchange.peer = Some(line.peer.to_string());
        line.requests.ready().await.map_err(|error| send_error::from_http(&error, AttemptPhase::Head))?;
        let sent = line.requests.send_request(request).await;
        let response = sent.map_err(|error| send_error::from_http(&error, AttemptPhase::Head))?;
        let status = response.status().as_u16();
        exchange.response_headers = stored_headers(response.headers());
        let retry_after = retry_after(response.headers(), track.ambient().now());
        let keep_alive = keep_alive(response.headers());
        track.enter(AttemptPhase::Body);
        let mut body = response.into_body();
        let mut n_read = 0;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| send_error::from_http(&error, AttemptPhase::Body))?;
            let Ok(chunk) = frame.into_data() else { continue };
            n_read = MAX_BODY_READ.min(n_read + chunk.len());
            let room = MAX_BODY_STORED.saturating_sub(exchange.response_body.len());
            exchange.response_body.extend_from_slice(&chunk[..room.min(chunk.len())]);
            exchange.n_body_bytes_read = n_read.try_into().unwrap_or(u64::MAX);
            if n_read == MAX_BODY_READ {
                return Ok(AttemptOutcome::Answered { status, retry_after });
            }
        }
        self.pool.put(origin, line, keep_alive, track.ambient());
        Ok(AttemptOutcome::Answered { status, retry_after })
    }
}

/// Signed request of an attempt; its headers are in this order.
fn signed_request(
    target: &WebhookTarget,
    prepared: &PreparedTarget,
    parcel: &WebhookRequest,
    now: Timestamp,
) -> Request<Full<Bytes>> {
    let seconds = now.seconds();
    let signature = target.signing_key.sign(seconds, &parcel.body);
    let mut request = Request::new(Full::new(parcel.body.clone()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = prepared.path.clone();
    // A clone would have no room for the headers of the single request.
    let mut headers = HeaderMap::with_capacity(prepared.headers.len() + 7);
    headers.extend(prepared.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
    headers.insert(CONTENT_LENGTH, parcel.body.len().into());
    headers.insert(HeaderName::from_static("x-wlcro-timestamp"), seconds.into());
    if let Ok(signature) = signature.try_into() {
        headers.insert(HeaderName::from_static("x-wlcro-signature"), signature);
    }
    headers.insert(HeaderName::from_static("x-wlcro-event-id"), parcel.event.0.into());
    headers.insert(HeaderName::from_static("x-wlcro-event-type"), HeaderValue::from_static(parcel.event_type.name()));
    let delivery = parcel.delivery.map_or(HeaderValue::from_static("test"), |id| id.0.into());
    headers.insert(HeaderName::from_static("x-wlcro-delivery-id"), delivery);
    headers.insert(HeaderName::from_static("x-wlcro-attempt"), parcel.attempt_number.into());
    *request.headers_mut() = headers;
    request
}

/// Writes headers as the log stores them, a list of pairs. The platform's own headers have no character that JSON
/// escapes.
fn headers_as_json(headers: &HeaderMap) -> String {
    let mut json = String::with_capacity(512);
    for (name, value) in headers {
        json.push_str(if json.is_empty() { "[[\"" } else { "\"],[\"" });
        json.push_str(name.as_str());
        json.push_str("\",\"");
        json.push_str(value.to_str().unwrap_or_default());
    }
    json.push_str("\"]]");
    json
}

/// Maximum size of stored answer headers in bytes, names and values together.
const MAX_KEPT_HEADER_BYTES: usize = 8 * 1024;
/// Maximum length of a stored header name or value in characters.
const MAX_KEPT_HEADER_CHARS: usize = 1_024;

/// Keeps the first headers of an answer, up to [`MAX_KEPT_HEADER_BYTES`].
fn stored_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    let cut = |text: &[u8]| String::from_utf8_lossy(text).chars().take(MAX_KEPT_HEADER_CHARS).collect::<String>();
    let mut n_bytes = 0;
    headers
        .iter()
        .map(|(name, value)| (cut(name.as_ref()), cut(value.as_bytes())))
        .take_while(|(name, value)| {
            n_bytes += name.len() + value.len();
            n_bytes <= MAX_KEPT_HEADER_BYTES
        })
        .collect()
}

/// Parses `Retry-After` as seconds or as an HTTP date; other texts are ignored, and a past date asks for no wait.
/// HTTP dates have whole seconds, so the remaining time is rounded up.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get("retry-after")?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = u64::try_from(now.millis()).unwrap_or(0);
    Some(Duration::from_secs(at.as_secs().saturating_mul(1_000).saturating_sub(now_ms).div_ceil(1_000)))
}

/// Parses the receiver's idle timeout from `Keep-Alive: timeout=5, max=100`.
fn keep_alive(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("keep-alive")?.to_str().ok()?;
    let seconds = text.split(',').find_map(|part| part.trim().strip_prefix("timeout="))?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(hyper::header::HeaderName::from_static(name), HeaderValue::from_static(value))])
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        // 1994-11-06 08:49:37, and the last moment of the second before: what is left of a second counts as a whole one.
        let now = Timestamp::from_millis(784_111_777_000);
        let earlier = Timestamp::from_millis(784_111_776_001);
        let cases = [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:51:37 GMT", Some(120)),
            ("Sunday, 06-Nov-94 08:51:37 GMT", Some(120)),
            ("Sun Nov  6 08:51:37 1994", Some(120)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("-1", None),
            ("1.5", None),
            ("1e9", None),
            ("18446744073709551616", None),
            ("soon", None),
            ("", None),
            ("Sun, 36 Nov 1994 08:51:37 GMT", None),
        ];
        for (text, seconds) in cases {
            let asked = seconds.map(Duration::from_secs);
            assert_eq!(retry_after(&with("retry-after", text), now), asked, "{text}");
            let is_ahead = text.contains(":51:37") && asked.is_some();
            let sooner = asked.map(|asked| asked + Duration::from_secs(u64::from(is_ahead)));
            assert_eq!(retry_after(&with("retry-after", text), earlier), sooner, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn what_is_kept_of_an_answers_head_is_bounded_however_it_is_made_up() {
        let many = |n: usize, name: usize, value: usize| {
            let name = |n: usize| format!("x-{n:03}-{}", "n".repeat(name));
            let headers = (0..n).map(|n| (name(n), "\u{e9}".repeat(value / 2)));
            HeaderMap::from_iter(headers.map(|(name, value)| {
                let value = HeaderValue::from_bytes(value.as_bytes()).expect("a value");
                (hyper::header::HeaderName::try_from(name).expect("a name"), value)
            }))
        };
        for (n, name, value) in
            [(60, 4, 1_024), (1, 60_000, 2), (1, 4, 60_000), (100, 300, 300), (100, 0, 0), (7, 4, 1_000)]
        {
            let headers = stored_headers(&many(n, name, value));
            let n_bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
            assert!(n_bytes <= MAX_KEPT_HEADER_BYTES, "{n} x {name} + {value}: {n_bytes}");
            let is_small = n * (name + value + 6) <= MAX_KEPT_HEADER_BYTES;
            assert!(!is_small || headers.len() == n, "all of a small head is kept");
            assert!(!headers.is_empty());
        }
    }

    #[test]
    fn a_receiver_says_how_long_it_keeps_a_connection() {
        for (text, seconds) in [("timeout=5, max=100", Some(5)), ("max=9, timeout=72", Some(72)), ("timeout=x", None)] {
            assert_eq!(keep_alive(&with("keep-alive", text)), seconds.map(Duration::from_secs), "{text}");
        }
    }
}
