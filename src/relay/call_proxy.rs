//! Proxy in front of callers of the Integration API: passes every request and every answer through as it is, and records
//! each call. It fails open: no trouble of its recorder fails or slows a call.

use super::call_record::{CallWatcher, RecordedParts, begin};
use super::forwarding::{ProxyName, prepare_request, strip_hop_by_hop};
use super::passing_body::{BodyLimits, PassingBody};
use super::recorder::{RecordSink, Recorder};
use super::upstream::{PassedBody, UpstreamAddress, UpstreamClient, UpstreamFault};
use crate::clock::RuntimeEnv;
use crate::http::exposure::ServerReachability;
use crate::http::listen::RequestHandler;
use crate::wire::calls::{RelayFailure, RelayedCall};
use crate::wire::problem::PROBLEM_MEDIA_TYPE;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode, Version};
use axum::response::{IntoResponse as _, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Maximum time from a request to the head of the platform's answer.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
/// Time limits of a body, in either direction.
const BODY_LIMITS: BodyLimits = BodyLimits { stall: Duration::from_secs(60), total: Duration::from_secs(600) };
/// Time for which records are gathered before they are stored together.
const RECORD_LINGER: Duration = Duration::from_millis(200);
/// Header that says why a proxy gives an answer of its own (RFC 9209).
const PROXY_STATUS: HeaderName = HeaderName::from_static("proxy-status");

/// Settings of a proxy in front of callers.
#[derive(Debug)]
pub struct CallProxyConfig {
    /// Address of the platform; paths are appended to its path.
    pub platform: UpstreamAddress,
    /// Client for the platform.
    pub upstream: UpstreamClient,
    /// Address and proxies by which callers reach the relay.
    pub reachability: Arc<ServerReachability>,
    /// Header in which callers name themselves.
    pub name_header: Option<HeaderName>,
    /// Whether problem documents of refusals are recorded.
    pub keeps_refusals: bool,
    /// Channel that reports every call to the output.
    pub shown: Option<mpsc::Sender<RelayedCall>>,
}

/// Proxy in front of callers.
#[derive(Debug)]
pub struct CallProxy {
    config: CallProxyConfig,
    recorded: RecordedParts,
    ambient: RuntimeEnv,
    recorder: Recorder<RelayedCall>,
    name: ProxyName,
}

/// Answer that the relay gives itself.
struct OwnAnswer {
    status: StatusCode,
    failure: RelayFailure,
    /// Error type of RFC 9209.
    error: &'static str,
    detail: String,
}

impl CallProxy {
    /// Starts a proxy that records in `sink`. The returned task ends once the proxy is dropped and its last records are
    /// stored.
    #[must_use]
    pub fn start(config: CallProxyConfig, sink: RecordSink, ambient: &RuntimeEnv) -> (Arc<Self>, JoinHandle<()>) {
        let (recorder, recording) = Recorder::start(sink, RECORD_LINGER, ambient);
        let (name_header, keeps_refusals) = (config.name_header.clone(), config.keeps_refusals);
        let proxy = Arc::new(Self {
            config,
            recorded: RecordedParts { name_header, keeps_refusals },
            ambient: ambient.clone(),
            recorder,
            name: ProxyName::new(&ambient.ulid()),
        });
        (proxy, recording)
    }

    /// Returns the function that answers the requests of connections.
    #[must_use]
    pub fn handler(self: Arc<Self>) -> RequestHandler {
        Arc::new(move |request| {
            let proxy = Arc::clone(&self);
            Box::pin(async move { proxy.pass(request).await })
        })
    }

    async fn pass(&self, request: Request<Incoming>) -> Response {
        let watch = self.ambient.stopwatch();
        let address = self.config.reachability.caller_address(&request);
        let (parts, body) = request.into_parts();
        let call = begin(&self.ambient, &parts, address, &self.recorded);
        let to = (self.recorder.clone(), self.config.shown.clone());
        // Dropped with this future if the caller leaves: then the record says so.
        let mut watcher = CallWatcher::new(call, watch, to, self.recorded.keeps_refusals);
        let counter = watcher.request_counter();
        let passed = PassingBody::new(body, counter, BODY_LIMITS, self.ambient.clone()).boxed_unsync();
        let request = match self.request(Request::from_parts(parts, passed)) {
            Ok(request) => request,
            Err(answer) => return answer.give(watcher),
        };
        match self.config.upstream.send(request).await {
            Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                OwnAnswer::no_answer(UpstreamFault::Broken, "the platform switched protocols").give(watcher)
            }
            Ok(mut response) => {
                let came_in = response.version();
                *response.version_mut() = Version::HTTP_11;
                strip_hop_by_hop(response.headers_mut());
                watcher.see_head(response.status().as_u16(), response.headers());
                self.name.add_to(response.headers_mut(), came_in);
                response.map(|body| Body::new(PassingBody::new(body, watcher, BODY_LIMITS, self.ambient.clone())))
            }
            Err(failure) => OwnAnswer::no_answer(failure.fault, &failure.why).give(watcher),
        }
    }

    /// Turns a request into one for the platform.
    fn request(&self, request: Request<PassedBody>) -> Result<Request<PassedBody>, OwnAnswer> {
        if self.name.has_passed(request.headers()) {
            let detail = "the request came back to this relay: its platform address is its own";
            return Err(OwnAnswer::refusal(StatusCode::LOOP_DETECTED, "proxy_loop_detected", detail));
        }
        // A relay opens no tunnels, and no way to hosts other than the platform.
        let is_elsewhere = |authority: &str| authority.as_bytes() != self.config.platform.authority.as_bytes();
        if request.method() == Method::CONNECT {
            let detail = "use the relay's address as the platform's address, not as an HTTP proxy";
            return Err(OwnAnswer::refusal(StatusCode::METHOD_NOT_ALLOWED, "http_request_denied", detail));
        }
        if request.uri().authority().is_some_and(|authority| is_elsewhere(authority.as_str())) {
            let detail = "this relay passes requests on to one platform only";
            return Err(OwnAnswer::refusal(StatusCode::MISDIRECTED_REQUEST, "http_request_denied", detail));
        }
        let Some(target) = self.config.platform.below(request.uri()) else {
            return Err(OwnAnswer::refusal(StatusCode::BAD_REQUEST, "http_request_error", "the path cannot be used"));
        };
        let (mut parts, body) = request.into_parts();
        prepare_request(&mut parts.headers, &self.config.platform.authority);
        self.name.add_to(&mut parts.headers, parts.version);
        (parts.uri, parts.version) = (target, Version::HTTP_11);
        Ok(Request::from_parts(parts, body))
    }
}

impl OwnAnswer {
    fn refusal(status: StatusCode, error: &'static str, detail: &str) -> Self {
        Self { status, failure: RelayFailure::Refused, error, detail: detail.to_owned() }
    }

    fn no_answer(fault: UpstreamFault, why: &str) -> Self {
        let (status, failure, error) = match fault {
            UpstreamFault::Unreachable | UpstreamFault::Refused | UpstreamFault::Dns | UpstreamFault::Tls => {
                (StatusCode::BAD_GATEWAY, RelayFailure::Unreachable, "connection_refused")
            }
            UpstreamFault::Broken => (StatusCode::BAD_GATEWAY, RelayFailure::Broken, "connection_terminated"),
            UpstreamFault::Timeout => (StatusCode::GATEWAY_TIMEOUT, RelayFailure::Timeout, "connection_read_timeout"),
        };
        Self { status, failure, error, detail: format!("crow relay got no answer from the platform: {why}") }
    }

    /// Records the call and answers it.
    fn give(self, watcher: CallWatcher) -> Response {
        let status = self.status.as_u16();
        watcher.fail(status, self.failure);
        let problem = json!({
            "type": "about:blank", "title": self.status.canonical_reason(), "status": status, "code": self.failure.name(),
            "detail": self.detail,
        });
        let mut response = (self.status, problem.to_string()).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_MEDIA_TYPE));
        if let Ok(value) = HeaderValue::try_from(format!("crow; error={}", self.error)) {
            response.headers_mut().insert(PROXY_STATUS, value);
        }
        response
    }
}
