//! Receiver of `crow listen`: takes POST requests, verifies their signatures, optionally forwards them, and answers.
//! A rejected delivery is shown, and only its beginning is recorded; a verified one is recorded whole.

use super::forward::DeliveryForwarder;
use crate::clock::RuntimeEnv;
use crate::domain::ids::EventId;
use crate::domain::secret::Secret;
use crate::domain::signature;
use crate::domain::signature_debugger;
use crate::domain::signature_debugger::sample::{SearchBudget, SignatureDiagnosis, SignatureSample};
use crate::domain::text::Untrusted;
use crate::domain::time::{MINUTE_MS, Timestamp};
use crate::files;
use crate::history::PlatformHistory;
use crate::history::receipts::{
    DeliveryReceipt, EarlierReceipts, VERDICT_GENUINE, VERDICT_UNCHECKED, counts_as_received,
};
use crate::wire::signature_check::SignatureReport;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};

/// Maximum difference between a timestamp and this machine's clock.
const MAX_SIGNATURE_AGE: Duration = Duration::from_secs(300);
/// Maximum size of a body, in bytes: an envelope of 1 MiB and room around it.
const MAX_BODY_BYTES: usize = 2 * 1024 * 1024;
/// Maximum time for a body to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum number of bodies that are read and verified at once; others wait.
const MAX_BODIES_AT_ONCE: usize = 16;
/// Maximum size of a body, in bytes, that the signature debugger looks at. A larger one with a wrong signature could
/// come from any sender and would cost time.
const MAX_DEBUGGED_BYTES: usize = 16 * 1024;
/// Bytes that are recorded of an unverified delivery: of the body, and of all headers together.
const MAX_UNVERIFIED_BYTES: usize = 2 * 1024;
/// Maximum number of unverified deliveries that are recorded per minute; all of them are counted and shown.
const MAX_UNVERIFIED_PER_MINUTE: u32 = 10;

/// State shared by the requests of the receiver.
#[derive(Debug)]
pub(super) struct ListenReceiverState {
    pub(super) ambient: RuntimeEnv,
    pub(super) history: PlatformHistory,
    /// Signing secret; without it signatures are not checked.
    pub(super) secret: Option<Secret>,
    /// Receiver that verified deliveries are forwarded to.
    pub(super) forward: Option<DeliveryForwarder>,
    /// Channel that reports every arrival to the output.
    pub(super) arrivals_tx: mpsc::UnboundedSender<DeliveryArrival>,
    body_permits: Semaphore,
    /// Minute in which unverified deliveries were last recorded, and their number.
    unverified_in_minute: Mutex<(Timestamp, u32)>,
}

/// Delivery that arrived, as it is shown.
#[derive(Debug)]
pub(super) struct DeliveryArrival {
    pub(super) at: Timestamp,
    /// Number of the event; set from the body once the delivery is verified.
    pub(super) event: Option<i64>,
    pub(super) kind: Untrusted,
    pub(super) company: Option<i64>,
    pub(super) delivery: Option<Untrusted>,
    pub(super) attempt: Option<u32>,
    pub(super) verdict: String,
    pub(super) answered: u16,
    pub(super) elapsed: Duration,
    pub(super) n_bytes: usize,
    pub(super) earlier: EarlierReceipts,
}

/// Members of an envelope that are shown; each is `None` if missing.
#[derive(Debug, Default, Deserialize)]
struct EnvelopeFields {
    id: Option<i64>,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(rename = "companyId")]
    company: Option<i64>,
}

/// Builds the router, which takes a POST on any path.
pub(super) fn router(desk: Arc<ListenReceiverState>) -> Router {
    Router::new().fallback(handle_delivery).with_state(desk)
}

async fn handle_delivery(State(desk): State<Arc<ListenReceiverState>>, request: Request) -> Response {
    let watch = desk.ambient.stopwatch();
    let at = desk.ambient.now();
    let (parts, body) = request.into_parts();
    let headers = parts.headers;
    let mut arrival = DeliveryArrival::from_headers(at, &headers);
    if parts.method != Method::POST {
        // Browsers and health probes send other methods; a delivery is always a POST.
        let allow = [(header::ALLOW, "POST")];
        let verdict = format!("method {}, expected POST", Untrusted::new(parts.method.as_str()).sanitized());
        return desk.reject(arrival, &verdict, (StatusCode::METHOD_NOT_ALLOWED, allow).into_response());
    }
    let place = desk.body_permits.acquire().await;
    let body = match desk.ambient.timeout(BODY_TIMEOUT, axum::body::to_bytes(body, MAX_BODY_BYTES)).await {
        Some(Ok(body)) => body,
        Some(Err(error)) => {
            let is_too_large = std::error::Error::source(&error)
                .is_some_and(<dyn std::error::Error>::is::<http_body_util::LengthLimitError>);
            let limit = files::format_size(MAX_BODY_BYTES as u64);
            let (status, why) = if is_too_large {
                (StatusCode::PAYLOAD_TOO_LARGE, format!("body larger than {limit}"))
            } else {
                (StatusCode::BAD_REQUEST, "body incomplete".to_owned())
            };
            return desk.reject(arrival, &why, status.into_response());
        }
        None => {
            let why = format!("body not received within {} s", BODY_TIMEOUT.as_secs());
            return desk.reject(arrival, &why, StatusCode::REQUEST_TIMEOUT.into_response());
        }
    };
    (arrival.verdict, arrival.n_bytes) = (desk.verify_signature(&headers, &body), body.len());
    if counts_as_received(&arrival.verdict) {
        let envelope: EnvelopeFields = serde_json::from_slice(&body).unwrap_or_default();
        match header_body_mismatch(&headers, &envelope) {
            Some(why) => arrival.verdict = why,
            None => arrival.apply_envelope(envelope),
        }
    }
    drop(place);
    let (kept, response) = if !counts_as_received(&arrival.verdict) {
        (desk.may_record_unverified(at), (StatusCode::UNAUTHORIZED, arrival.verdict.clone()).into_response())
    } else if let Some(forward) = &desk.forward {
        (true, forward.forward(&headers, body.clone()).await)
    } else {
        (true, (StatusCode::OK, "received").into_response())
    };
    (arrival.answered, arrival.elapsed) = (response.status().as_u16(), watch.elapsed());
    if kept {
        match desk.history.record_receipt(arrival.receipt(&headers, &body)).await {
            Ok(earlier) => arrival.earlier = earlier,
            // A delivery that cannot be recorded must not be acknowledged: 507 makes the platform retry it.
            Err(error) => {
                let why = format!("cannot be recorded: {error}");
                return desk.reject(arrival, &why, StatusCode::INSUFFICIENT_STORAGE.into_response());
            }
        }
    }
    // The output may have stopped reading; the delivery is recorded all the same.
    let _ = desk.arrivals_tx.send(arrival);
    response
}

/// Compares the unsigned headers with the signed body; returns what contradicts, which is a sign of forgery.
fn header_body_mismatch(headers: &HeaderMap, envelope: &EnvelopeFields) -> Option<String> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let named = text("x-wlcro-event-id").and_then(|id| id.parse::<i64>().ok());
    if let (Some(named), Some(id)) = (named, envelope.id)
        && named != id
    {
        return Some(format!("event {named} in the header, {id} in the body: possibly forged"));
    }
    match (text("x-wlcro-event-type"), &envelope.kind) {
        (Some(named), Some(kind)) if named != kind => {
            let (named, kind) = (Untrusted::new(named).sanitized(), Untrusted::new(kind.as_str()).sanitized());
            Some(format!("type {named} in the header, {kind} in the body: possibly forged"))
        }
        _ => None,
    }
}

/// Checks whether a header is present more than once with different values.
fn is_ambiguous(headers: &HeaderMap, name: &str) -> bool {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    values.any(|value| Some(value) != first)
}

impl DeliveryArrival {
    /// Creates an arrival from the request headers, which are not signed.
    fn from_headers(at: Timestamp, headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            at,
            event: None,
            kind: Untrusted::new(text("x-wlcro-event-type").unwrap_or_default()),
            company: None,
            delivery: text("x-wlcro-delivery-id").map(Untrusted::new),
            attempt: text("x-wlcro-attempt").and_then(|n| n.parse().ok()),
            verdict: String::new(),
            answered: 0,
            elapsed: Duration::ZERO,
            n_bytes: 0,
            earlier: EarlierReceipts::default(),
        }
    }

    /// Takes over the members of a verified body.
    fn apply_envelope(&mut self, envelope: EnvelopeFields) {
        (self.event, self.company) = (envelope.id, envelope.company);
        if let Some(kind) = envelope.kind {
            self.kind = Untrusted::new(kind);
        }
    }

    /// Builds the record: the whole delivery if it was verified, otherwise its beginning.
    fn receipt(&self, headers: &HeaderMap, body: &Bytes) -> DeliveryReceipt {
        let most = if counts_as_received(&self.verdict) { usize::MAX } else { MAX_UNVERIFIED_BYTES };
        let mut room = most;
        let kept = |(name, value): (&header::HeaderName, &header::HeaderValue)| {
            room = room.saturating_sub(name.as_str().len() + value.len());
            (room > 0).then(|| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        };
        DeliveryReceipt {
            at: self.at,
            // A test delivery carries no real event number.
            event: self.event.filter(|id| *id > 0).map(EventId),
            kind: Untrusted::new(self.kind.raw().chars().take(100).collect::<String>()),
            company: self.company,
            delivery: self.delivery.clone(),
            attempt: self.attempt,
            verdict: self.verdict.clone(),
            answered: self.answered,
            elapsed: self.elapsed,
            headers: headers.iter().map_while(kept).collect(),
            body: body[..body.len().min(most)].to_vec(),
        }
    }
}

impl ListenReceiverState {
    pub(super) fn new(
        ambient: RuntimeEnv,
        history: PlatformHistory,
        secret: Option<Secret>,
        forward: Option<DeliveryForwarder>,
        told: mpsc::UnboundedSender<DeliveryArrival>,
    ) -> Self {
        let (places, forged) = (Semaphore::new(MAX_BODIES_AT_ONCE), Mutex::new((Timestamp::default(), 0)));
        Self {
            ambient,
            history,
            secret,
            forward,
            arrivals_tx: told,
            body_permits: places,
            unverified_in_minute: forged,
        }
    }

    /// Reports a delivery that is neither recorded nor forwarded, and builds its answer.
    fn reject(&self, mut arrival: DeliveryArrival, why: &str, response: Response) -> Response {
        (arrival.verdict, arrival.answered) = (why.to_owned(), response.status().as_u16());
        let _ = self.arrivals_tx.send(arrival);
        let (parts, _) = response.into_parts();
        Response::from_parts(parts, Body::from(why.to_owned()))
    }

    /// Checks whether one more unverified delivery may be recorded in this minute, and counts it.
    fn may_record_unverified(&self, at: Timestamp) -> bool {
        let Ok(mut forged) = self.unverified_in_minute.lock() else { return false };
        let minute = at.floor_to(MINUTE_MS);
        if forged.0 != minute {
            *forged = (minute, 0);
        }
        forged.1 += 1;
        forged.1 <= MAX_UNVERIFIED_PER_MINUTE
    }

    /// Verifies a signature. If it does not match, the signature debugger says why, unless the body is too large: any
    /// sender could make it spend that time.
    fn verify_signature(&self, headers: &HeaderMap, body: &[u8]) -> String {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let Some(secret) = &self.secret else { return VERDICT_UNCHECKED.to_owned() };
        let signed = ["x-wlcro-signature", "x-wlcro-timestamp"];
        if let Some(name) = signed.into_iter().find(|name| is_ambiguous(headers, name)) {
            // Another receiver could take either value, so neither is accepted.
            return format!("header {name} appears more than once, with different values");
        }
        let (Some(timestamp), Some(given)) = (text("x-wlcro-timestamp"), text("x-wlcro-signature")) else {
            return "not signed".to_owned();
        };
        let Ok(sent_at) = timestamp.parse::<i64>() else { return "timestamp is not a number".to_owned() };
        let now = self.ambient.now().seconds();
        if signature::verify(secret, sent_at, body, given) {
            let off = now.abs_diff(sent_at);
            return if off <= MAX_SIGNATURE_AGE.as_secs() {
                VERDICT_GENUINE.to_owned()
            } else {
                format!("signed {off} s from now")
            };
        }
        if body.len() > MAX_DEBUGGED_BYTES {
            return "signature mismatch: another secret, or a changed body".to_owned();
        }
        let sample = SignatureSample {
            signature: given,
            timestamp,
            body,
            secret,
            others: &[],
            computed: &[],
            received_at: Some(now),
        };
        let mut effort = SearchBudget::QUICK;
        let finding = signature_debugger::diagnose_signature_within(&sample, &mut effort).0;
        match (&finding, SignatureReport::from(&finding).causes.first()) {
            (SignatureDiagnosis::Genuine, _) => VERDICT_GENUINE.to_owned(),
            (_, Some(cause)) => format!("signature mismatch: {}", cause.title),
            (_, None) => "signature mismatch: another secret, or a changed body".to_owned(),
        }
    }
}
