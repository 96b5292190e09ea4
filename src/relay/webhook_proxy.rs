//! Proxy in front of webhook receivers: takes POSTs, verifies their signatures, hands verified deliveries on byte by byte,
//! and passes the receiver's answer back. Every delivery that was taken leaves a receipt before its answer ends; refused
//! requests are counted.

use super::call_record::shown_agent;
use super::forwarding::{ProxyName, prepare_request, strip_hop_by_hop};
use super::passing_body::{BodyLimits, PassingBody};
use super::recorder::{RecordSink, Recorder};
use super::records::ReceiptRecord;
use super::refusal_counts::{RefusalCounts, RefusedCaller};
use super::refusal_reader::RefusalReader;
use super::signature_check::{AcceptedSignature, DeliveryRefusal, EnvelopeFields, SignatureChecker};
use super::upstream::{BoxError, PassedBody, UpstreamAddress, UpstreamClient, UpstreamFault};
use super::webhook_receipt::{ListenArrival, ReceiptWatcher, RefusedArrival};
use super::webhook_routes::{WebhookRoute, WebhookRoutes};
use crate::clock::{RuntimeEnv, Stopwatch};
use crate::domain::ids::{CompanyId, EventId};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::domain::token_bucket::{TokenBucket, TokenRate};
use crate::files;
use crate::http::exposure::ServerReachability;
use crate::http::listen::RequestHandler;
use crate::wire::attempts::HttpHeader;
use crate::wire::receipts::{DeliveryReceipt, HandoverFailure, RefusalReason};
use crate::wire::reports::Base64Bytes;
use axum::body::{Body, Bytes};
use axum::http::header::{ALLOW, CONTENT_LENGTH, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Version};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use tokio::task::JoinHandle;

/// Maximum size of a delivery's body, in bytes: an envelope of 1 MiB and room around it.
pub const MAX_BODY_BYTES: usize = 2 << 20;
/// Maximum size of a body, in bytes, that counts as small.
const SMALL_BODY_BYTES: usize = 64 << 10;
/// Maximum number of small bodies that are held at once, and of others. Each kind has its own places, so that large bodies
/// do not keep small ones out.
const MAX_BODIES_AT_ONCE: (usize, usize) = (1_024, 48);
/// Maximum time and number of bytes for which a refused body is read on.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(1);
const MAX_DISCARDED_BYTES: usize = 4 << 20;
/// Maximum wait for a place.
const PLACE_TIMEOUT: Duration = Duration::from_secs(5);
/// Maximum time for a body to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum time from a delivery to the head of the receiver's answer; the platform itself waits only 10 s.
pub const HANDOVER_TIMEOUT: Duration = Duration::from_secs(9);
/// Time limits of the receiver's answer.
const ANSWER_LIMITS: BodyLimits = BodyLimits { stall: Duration::from_secs(10), total: Duration::from_secs(30) };
/// Maximum time for a delivery to be recorded where no receiver stands behind the listener.
const RECORD_TIMEOUT: Duration = Duration::from_secs(5);
/// Rate at which refusals are shown; the others are counted.
const SHOWN_REFUSALS: TokenRate = TokenRate { burst: 20, interval: Duration::from_secs(3) };
/// Interval at which the counts of refusals are recorded.
const REFUSAL_INTERVAL: Duration = Duration::from_secs(60);
/// Maximum length of a text from unsigned headers that a receipt keeps, in characters.
const MAX_CLAIMED_CHARS: usize = 64;
/// Headers of a delivery that are kept with its body.
const KEPT_HEADERS: [&str; 8] = [
    "content-type",
    "user-agent",
    "x-wlcro-timestamp",
    "x-wlcro-signature",
    "x-wlcro-event-id",
    "x-wlcro-event-type",
    "x-wlcro-delivery-id",
    "x-wlcro-attempt",
];

/// Settings of a proxy in front of receivers.
#[derive(Debug)]
pub struct WebhookProxyConfig {
    /// Paths that are served.
    pub routes: WebhookRoutes,
    /// Client for the receivers behind the routes.
    pub upstream: UpstreamClient,
    /// Address and proxies by which callers reach the listener.
    pub reachability: Arc<ServerReachability>,
    /// Whether receipts contain the bodies of deliveries.
    pub keeps_bodies: bool,
    /// Channel that reports every arrival to the output.
    pub arrivals: mpsc::Sender<ListenArrival>,
}

/// Proxy in front of receivers.
#[derive(Debug)]
pub struct WebhookProxy {
    config: WebhookProxyConfig,
    ambient: RuntimeEnv,
    checker: Arc<SignatureChecker>,
    recorder: Recorder<ReceiptRecord>,
    refusals: RefusalCounts,
    small_places: Semaphore,
    large_places: Semaphore,
    /// Bucket of shown refusals, and the number of those that were not shown.
    shown: Mutex<(TokenBucket, u64)>,
    clock: Stopwatch,
    name: ProxyName,
}

/// Request while it is handled: its head, and what is known of its caller.
struct Arriving {
    at: Timestamp,
    watch: Stopwatch,
    parts: Parts,
    caller: RefusedCaller,
    route: Option<usize>,
    n_bytes: u64,
}

/// Body of a delivery with its trailers.
struct ReceivedBody {
    bytes: Bytes,
    trailers: Option<HeaderMap>,
}

impl WebhookProxy {
    /// Starts a proxy that records in `sink`. The returned task ends once the proxy is dropped and its last records are
    /// stored.
    #[must_use]
    pub fn start(config: WebhookProxyConfig, sink: RecordSink, ambient: &RuntimeEnv) -> (Arc<Self>, JoinHandle<()>) {
        let (recorder, recording) = Recorder::start(sink, Duration::ZERO, ambient);
        let named = |route: &WebhookRoute| {
            let name = route.path().map_or_else(|| "every other path".to_owned(), |path| format!("path {path}"));
            (name, Arc::clone(route.secrets()))
        };
        let known = config.routes.iter().map(named).collect();
        let proxy = Arc::new(Self {
            config,
            ambient: ambient.clone(),
            checker: Arc::new(SignatureChecker::new(known, ambient)),
            recorder,
            refusals: RefusalCounts::default(),
            small_places: Semaphore::new(MAX_BODIES_AT_ONCE.0),
            large_places: Semaphore::new(MAX_BODIES_AT_ONCE.1),
            shown: Mutex::default(),
            clock: ambient.stopwatch(),
            name: ProxyName::new(&ambient.ulid()),
        });
        crate::clock::spawn(record_refusals(Arc::downgrade(&proxy), ambient.clone()));
        (proxy, recording)
    }

    /// Returns the function that answers the requests of connections.
    #[must_use]
    pub fn handler(self: Arc<Self>) -> RequestHandler {
        Arc::new(move |request| {
            let proxy = Arc::clone(&self);
            Box::pin(async move { proxy.handle(request).await })
        })
    }

    async fn handle(&self, request: Request<Incoming>) -> Response {
        let (at, watch) = (self.ambient.now(), self.ambient.stopwatch());
        let address =
            self.config.reachability.caller_address(&request).map(|address| Untrusted::new(address.to_string()));
        let (parts, body) = request.into_parts();
        let caller = RefusedCaller { address, user_agent: shown_agent(&parts.headers) };
        let mut arriving = Arriving { at, watch, parts, caller, route: None, n_bytes: 0 };
        match self.take(&mut arriving, body).await {
            Ok(response) => response,
            Err(refusal) => self.refuse(&arriving, &refusal),
        }
    }

    async fn take(&self, arriving: &mut Arriving, body: Incoming) -> Result<Response, DeliveryRefusal> {
        if arriving.parts.method != Method::POST {
            return Ok(self.refuse_method(arriving));
        }
        let path = arriving.parts.uri.path();
        let Some((at, route)) = self.config.routes.find(path) else {
            return Err(DeliveryRefusal::new(RefusalReason::UnknownPath, "no route for this path"));
        };
        arriving.route = Some(at);
        let _place = match self.place(&arriving.parts.headers).await {
            Ok(place) => place,
            Err(refusal) => {
                self.ambient.timeout(DISCARD_TIMEOUT, discard(body)).await;
                return Err(refusal);
            }
        };
        let body = self.read(body, arriving).await?;
        let (accepted, envelope) = self.checker.check(route.secrets(), &arriving.parts.headers, &body.bytes)?;
        let receipt = self.receipt(arriving, route, accepted, &envelope, &body.bytes);
        match route.target() {
            Some(target) => Ok(self.hand_on(arriving, (route, target), body, receipt).await),
            None => self.answer(receipt, &arriving.watch).await,
        }
    }

    /// Waits for one of the places that bound the memory of bodies. It is held until the receiver has answered.
    async fn place(&self, headers: &HeaderMap) -> Result<SemaphorePermit<'_>, DeliveryRefusal> {
        let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if announced.is_some_and(|n| n > MAX_BODY_BYTES as u64) {
            return Err(too_large());
        }
        let is_small = announced.is_some_and(|n| n <= SMALL_BODY_BYTES as u64);
        let places = if is_small { &self.small_places } else { &self.large_places };
        match self.ambient.timeout(PLACE_TIMEOUT, places.acquire()).await {
            Some(Ok(place)) => Ok(place),
            _ => Err(DeliveryRefusal::new(RefusalReason::Busy, "too many bodies at once")),
        }
    }

    async fn read(&self, body: Incoming, arriving: &mut Arriving) -> Result<ReceivedBody, DeliveryRefusal> {
        match self.ambient.timeout(BODY_TIMEOUT, collect(body, &mut arriving.n_bytes)).await {
            Some(read) => read,
            None => {
                let why = format!("body not received within {} s", BODY_TIMEOUT.as_secs());
                Err(DeliveryRefusal::new(RefusalReason::SlowBody, why))
            }
        }
    }

    fn receipt(
        &self,
        arriving: &Arriving,
        route: &WebhookRoute,
        accepted: AcceptedSignature,
        envelope: &EnvelopeFields,
        body: &Bytes,
    ) -> DeliveryReceipt {
        let headers = &arriving.parts.headers;
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let cut = |text: &str| Untrusted::new(text.chars().take(MAX_CLAIMED_CHARS).collect::<String>());
        let keeps = self.config.keeps_bodies;
        let kept = |name: &&str| {
            let value = headers.get(*name)?;
            let value: String = String::from_utf8_lossy(value.as_bytes()).chars().take(256).collect();
            Some(HttpHeader { name: Untrusted::new(*name), value: Untrusted::new(value) })
        };
        DeliveryReceipt {
            id: Untrusted::new(self.ambient.ulid()),
            received_utc: arriving.at,
            path: Untrusted::new(route.path().unwrap_or_else(|| arriving.parts.uri.path())),
            forwarded_to: route.shown_target(),
            subscription_id: route.subscription(),
            company_id: envelope.company.map(CompanyId),
            // A test delivery carries no real event number.
            event_id: envelope.id.filter(|id| *id > 0).map(EventId),
            event_type: cut(envelope.kind.as_deref().unwrap_or_default()),
            signature: accepted.result,
            secret_number: accepted.secret_number,
            claimed_delivery_id: text("x-wlcro-delivery-id").map(cut),
            claimed_attempt: text("x-wlcro-attempt").and_then(|n| n.parse().ok()),
            status: None,
            failure: None,
            elapsed_ms: 0,
            n_bytes: body.len() as u64,
            n_answer_bytes: 0,
            answer_topic: None,
            signature_fault: None,
            headers: if keeps { KEPT_HEADERS.iter().filter_map(kept).collect() } else { Vec::new() },
            body: keeps.then(|| Base64Bytes(body.as_ref().into())),
        }
    }

    /// Hands a delivery on unchanged and passes the receiver's answer back: 504 if none came in time, 502 if there was no
    /// usable one.
    async fn hand_on(
        &self,
        arriving: &mut Arriving,
        (route, target): (&WebhookRoute, &UpstreamAddress),
        body: ReceivedBody,
        receipt: DeliveryReceipt,
    ) -> Response {
        let (recorder, arrivals) = (self.recorder.clone(), self.config.arrivals.clone());
        let watch = arriving.watch.clone();
        let reader = RefusalReader::new(
            (Arc::clone(&self.checker), Arc::clone(route.secrets())),
            receipt.secret_number,
            &arriving.parts.headers,
            &body.bytes,
        );
        // Dropped with this future if the sender leaves: then the receipt says so.
        let mut watcher = ReceiptWatcher::new((receipt, reader), watch, recorder, arrivals, self.ambient.clone());
        let sent = match self.request(arriving, target, body) {
            Ok(request) => self.config.upstream.send(request).await.map_err(|failure| (failure.fault, failure.why)),
            Err(why) => Err((UpstreamFault::Broken, why)),
        };
        match sent {
            Ok(mut response) if response.status() != StatusCode::SWITCHING_PROTOCOLS => {
                let came_in = response.version();
                *response.version_mut() = Version::HTTP_11;
                strip_hop_by_hop(response.headers_mut());
                self.name.add_to(response.headers_mut(), came_in);
                watcher.see_head(response.status().as_u16(), response.headers());
                let (head, incoming) = response.into_parts();
                let mut passing = PassingBody::new(incoming, watcher, ANSWER_LIMITS, self.ambient.clone());
                passing.settle_if_empty().await;
                Response::from_parts(head, Body::new(passing))
            }
            Ok(_) => no_answer(watcher, UpstreamFault::Broken, "the receiver answered 101").await,
            Err((fault, why)) => no_answer(watcher, fault, &why).await,
        }
    }

    /// Builds the request to the receiver from the delivery's head and body.
    fn request(
        &self,
        arriving: &mut Arriving,
        target: &UpstreamAddress,
        body: ReceivedBody,
    ) -> Result<Request<PassedBody>, String> {
        let parts = &mut arriving.parts;
        if self.name.has_passed(&parts.headers) {
            return Err("the delivery came back: the receiver's address is this listener".to_owned());
        }
        let uri = target.exact(&parts.uri).ok_or("the receiver's address cannot be used")?;
        let mut request = Request::new(body.into_passed());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        *request.headers_mut() = std::mem::take(&mut parts.headers);
        // The spelling of header names travels in the extensions.
        *request.extensions_mut() = std::mem::take(&mut parts.extensions);
        prepare_request(request.headers_mut(), &target.authority);
        self.name.add_to(request.headers_mut(), parts.version);
        Ok(request)
    }

    /// Answers a delivery that nothing stands behind. One that cannot be recorded must not be acknowledged: 507 makes the
    /// platform retry it.
    async fn answer(&self, mut receipt: DeliveryReceipt, watch: &Stopwatch) -> Result<Response, DeliveryRefusal> {
        (receipt.status, receipt.elapsed_ms) = (Some(StatusCode::OK.as_u16()), watch.elapsed_ms());
        let receipt = Box::new(receipt);
        let stored = self.recorder.record_acknowledged(ReceiptRecord::Taken(receipt.clone()), false);
        let refused =
            |why: &str| DeliveryRefusal::new(RefusalReason::NotRecorded, format!("cannot be recorded: {why}"));
        match self.ambient.timeout(RECORD_TIMEOUT, stored).await {
            Some(Ok(Ok(earlier))) => {
                let _ = self.config.arrivals.try_send(ListenArrival::Taken { receipt, earlier });
                Ok((StatusCode::OK, "received").into_response())
            }
            Some(Ok(Err(why))) => Err(refused(&why)),
            Some(Err(_)) | None => Err(refused("the disk does not answer")),
        }
    }

    /// Refuses a method other than POST. Browsers and health probes send such requests; nothing is recorded.
    fn refuse_method(&self, arriving: &Arriving) -> Response {
        let method = Untrusted::new(arriving.parts.method.as_str()).sanitized();
        let why = format!("method {method}, expected POST");
        self.show(arriving, None, &why, StatusCode::METHOD_NOT_ALLOWED);
        (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "POST")], why).into_response()
    }

    /// Counts, shows and answers a refused request.
    fn refuse(&self, arriving: &Arriving, refusal: &DeliveryRefusal) -> Response {
        let status = match refusal.reason {
            RefusalReason::UnknownPath => StatusCode::NOT_FOUND,
            RefusalReason::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            RefusalReason::IncompleteBody => StatusCode::BAD_REQUEST,
            RefusalReason::SlowBody => StatusCode::REQUEST_TIMEOUT,
            RefusalReason::Busy => StatusCode::SERVICE_UNAVAILABLE,
            RefusalReason::NotRecorded => StatusCode::INSUFFICIENT_STORAGE,
            _ => StatusCode::UNAUTHORIZED,
        };
        let of = (arriving.route, refusal.reason, refusal.fault);
        self.refusals.count(of, (arriving.at, arriving.n_bytes), arriving.caller.clone());
        self.show(arriving, Some(refusal.reason), &refusal.why, status);
        let mut response = (status, refusal.why.clone()).into_response();
        if matches!(refusal.reason, RefusalReason::Busy | RefusalReason::NotRecorded) {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }

    fn show(&self, arriving: &Arriving, reason: Option<RefusalReason>, why: &str, status: StatusCode) {
        {
            let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
            if !shown.0.take(SHOWN_REFUSALS, self.clock.elapsed()) {
                shown.1 += 1;
                return;
            }
        }
        let path: String = arriving.parts.uri.path().chars().take(200).collect();
        let _ = self.config.arrivals.try_send(ListenArrival::Refused(RefusedArrival {
            at: arriving.at,
            path: Untrusted::new(path),
            reason,
            why: why.to_owned(),
            status: status.as_u16(),
            n_bytes: arriving.n_bytes,
        }));
    }

    fn record_refusals(&self) {
        let route = |at: usize| {
            let route = self.config.routes.get(at);
            (route.path().map(Untrusted::new), route.subscription())
        };
        self.refusals.record(&self.recorder, &self.ambient, route);
        let n_unshown = std::mem::take(&mut self.shown.lock().unwrap_or_else(PoisonError::into_inner).1);
        if n_unshown > 0 {
            let _ = self.config.arrivals.try_send(ListenArrival::RefusedUnshown(n_unshown));
        }
    }
}

impl Drop for WebhookProxy {
    fn drop(&mut self) {
        self.record_refusals();
    }
}

/// Records the counts of refusals at intervals, as long as the proxy lives.
async fn record_refusals(proxy: std::sync::Weak<WebhookProxy>, ambient: RuntimeEnv) {
    loop {
        ambient.sleep(REFUSAL_INTERVAL).await;
        match proxy.upgrade() {
            Some(proxy) => proxy.record_refusals(),
            None => return,
        }
    }
}

/// Answers a delivery whose receiver gave no usable answer.
async fn no_answer(watcher: ReceiptWatcher, fault: UpstreamFault, why: &str) -> Response {
    let (status, failure) = match fault {
        UpstreamFault::Unreachable => (StatusCode::BAD_GATEWAY, HandoverFailure::Unreachable),
        UpstreamFault::Refused => (StatusCode::BAD_GATEWAY, HandoverFailure::Refused),
        UpstreamFault::Dns => (StatusCode::BAD_GATEWAY, HandoverFailure::Dns),
        UpstreamFault::Tls => (StatusCode::BAD_GATEWAY, HandoverFailure::Tls),
        UpstreamFault::Broken => (StatusCode::BAD_GATEWAY, HandoverFailure::Broken),
        UpstreamFault::Timeout => (StatusCode::GATEWAY_TIMEOUT, HandoverFailure::Timeout),
    };
    watcher.record_failure(status.as_u16(), failure).await;
    (status, format!("the receiver behind crow listen did not answer: {why}")).into_response()
}

fn too_large() -> DeliveryRefusal {
    let limit = files::format_size(MAX_BODY_BYTES as u64);
    DeliveryRefusal::new(RefusalReason::TooLarge, format!("body larger than {limit}"))
}

/// Reads what is left of a refused body, up to a limit: closing the connection before would discard the response.
async fn discard(mut body: Incoming) {
    let mut n_left = MAX_DISCARDED_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        let n_bytes = frame.data_ref().map_or(0, Bytes::len);
        match n_left.checked_sub(n_bytes) {
            Some(n) => n_left = n,
            None => return,
        }
    }
}

/// Reads a body to its end, within its size limit.
async fn collect(mut body: Incoming, n_bytes: &mut u64) -> Result<ReceivedBody, DeliveryRefusal> {
    let incomplete = |_| DeliveryRefusal::new(RefusalReason::IncompleteBody, "body incomplete");
    let (mut bytes, mut trailers) = (Vec::new(), None);
    while let Some(frame) = body.frame().await {
        match frame.map_err(incomplete)?.into_data() {
            Ok(data) => {
                *n_bytes += data.len() as u64;
                if bytes.len() + data.len() > MAX_BODY_BYTES {
                    return Err(too_large());
                }
                bytes.extend_from_slice(&data);
            }
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
    }
    Ok(ReceivedBody { bytes: bytes.into(), trailers })
}

impl ReceivedBody {
    fn into_passed(self) -> PassedBody {
        match self.trailers {
            None => http_body_util::Full::new(self.bytes).map_err(|never| match never {}).boxed_unsync(),
            Some(trailers) => {
                let frames = [Ok::<_, BoxError>(Frame::data(self.bytes)), Ok(Frame::trailers(trailers))];
                StreamBody::new(stream::iter(frames)).boxed_unsync()
            }
        }
    }
}
