//! Webhook receiver on a local port: verifies signatures, answers by its behaviour, and counts requests.

use super::behaviour::{BehaviourState, ReceiverBehaviour, ReceiverReply};
use super::handle::{self, ReceiverHandle};
use crate::clock::RuntimeEnv;
use crate::domain::secret::Secret;
use crate::domain::signature;
use crate::domain::time::Timestamp;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::IntoResponse;
use axum::routing::post;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Tolerance between a timestamp and the receiver's clock.
const TIMESTAMP_TOLERANCE: Duration = Duration::from_secs(300);

/// Counts of a receiver's requests.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReceiverCounts {
    /// Number of requests that arrived completely.
    pub n_received: u64,
    /// Requests with a fresh timestamp and a correct signature.
    pub n_verified: u64,
    /// Number of requests answered with 2xx.
    pub n_accepted: u64,
}

/// Handle of a receiver; clones share one state.
pub type WebhookReceiver = ReceiverHandle<ReceiverState>;

/// State of a simulated webhook receiver.
#[derive(Debug)]
pub struct ReceiverState {
    ambient: RuntimeEnv,
    behaviour: Mutex<BehaviourState>,
    secret: OnceLock<Secret>,
    counts: Mutex<ReceiverCounts>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl handle::RepairableReceiver for ReceiverState {
    fn secret(&self) -> &OnceLock<Secret> {
        &self.secret
    }

    fn repair(&self) {
        locked(&self.behaviour).repair(self.ambient.now());
    }
}

impl WebhookReceiver {
    /// Starts a receiver on a free port of 127.0.0.1 as a task of `serving`; the receiver stops when the task set is
    /// dropped.
    ///
    /// # Errors
    /// [`io::Error`] when no port is free.
    pub async fn open(
        path: &str,
        temper: ReceiverBehaviour,
        ambient: RuntimeEnv,
        serving: &mut JoinSet<()>,
    ) -> Result<Self, io::Error> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
        let url = format!("http://{}{path}", listener.local_addr()?);
        let desk = Arc::new(ReceiverState {
            ambient,
            behaviour: Mutex::new(BehaviourState::new(temper)),
            secret: OnceLock::new(),
            counts: Mutex::default(),
        });
        let router = router(path, Arc::clone(&desk));
        serving.spawn(async move {
            // The server continues after accept errors, so it ends only with the task.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self::new(url, desk))
    }

    /// Counts of the requests until now.
    #[must_use]
    pub fn counts(&self) -> ReceiverCounts {
        locked(&self.state().counts).clone()
    }
}

fn router(path: &str, desk: Arc<ReceiverState>) -> Router {
    Router::new().route(path, post(answer)).with_state(desk)
}

async fn answer(State(desk): State<Arc<ReceiverState>>, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let reply = desk.decide(&headers, &body);
    desk.ambient.sleep(reply.after).await;
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status.is_success() {
        desk.record_accepted();
    }
    (status, [(CONTENT_TYPE, "application/json")], reply.body)
}

impl ReceiverState {
    fn decide(&self, headers: &HeaderMap, body: &[u8]) -> ReceiverReply {
        locked(&self.counts).n_received += 1;
        if !self.is_genuine(headers, body) {
            let body = r#"{"error":"signature does not match"}"#;
            return ReceiverReply { after: Duration::from_millis(5), status: 401, body };
        }
        locked(&self.counts).n_verified += 1;
        let (luck, time) = (self.ambient.random_unit(), self.ambient.random_unit());
        locked(&self.behaviour).reply(self.ambient.now(), luck, time)
    }

    fn is_genuine(&self, headers: &HeaderMap, body: &[u8]) -> bool {
        let (Some(secret), Some(sent_at), Some(signature)) =
            (self.secret.get(), number(headers, &TIMESTAMP), text(headers, &SIGNATURE))
        else {
            return false;
        };
        let now = self.ambient.now();
        let sent = Timestamp::from_millis(sent_at.saturating_mul(1_000));
        now.since(sent).max(sent.since(now)) <= TIMESTAMP_TOLERANCE
            && signature::verify(secret, sent_at, body, signature)
    }

    fn record_accepted(&self) {
        locked(&self.counts).n_accepted += 1;
    }
}

const TIMESTAMP: HeaderName = HeaderName::from_static("x-wlcro-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("x-wlcro-signature");

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Option<i64> {
    text(headers, name)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::Request;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tower::ServiceExt;

    const BODY: &str = r#"{"id":7,"type":"lead.created"}"#;
    const NOW: i64 = 1_700_000_000;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    struct ReceiverBench {
        ambient: RuntimeEnv,
        receiver: WebhookReceiver,
        router: Router,
        _serving: JoinSet<()>,
    }

    async fn bench(temper: ReceiverBehaviour) -> ReceiverBench {
        let ambient = RuntimeEnv::scripted(Timestamp::from_millis(NOW * 1_000), 3);
        let mut serving = JoinSet::new();
        let receiver = WebhookReceiver::open("/hook", temper, ambient.clone(), &mut serving).await.expect("a port");
        receiver.set_secret(secret("the right secret, long enough"));
        let router = router("/hook", Arc::clone(receiver.state()));
        ReceiverBench { ambient, receiver, router, _serving: serving }
    }

    fn request(key: &str, timestamp: i64, event: i64) -> Request<Body> {
        Request::post("/hook")
            .header(TIMESTAMP, timestamp)
            .header(SIGNATURE, signature::sign(&secret(key), timestamp, BODY.as_bytes()))
            .header("x-wlcro-event-id", event)
            .body(Body::from(BODY))
            .expect("a request")
    }

    /// Posts, and moves the clock until there is an answer.
    async fn status(bench: &ReceiverBench, request: Request<Body>) -> u16 {
        let call = tokio::spawn(bench.router.clone().oneshot(request));
        for _ in 0..2_000 {
            if call.is_finished() {
                break;
            }
            tokio::task::yield_now().await;
            bench.ambient.advance(Duration::from_millis(10));
        }
        call.await.expect("no panic").expect("infallible").status().as_u16()
    }

    #[tokio::test]
    async fn accepts_and_counts_what_is_signed_well() {
        let bench = bench(ReceiverBehaviour::Prompt).await;
        for event in [7, 7, 8] {
            assert_eq!(status(&bench, request("the right secret, long enough", NOW, event)).await, 200);
        }
        let ledger = bench.receiver.counts();
        assert_eq!((ledger.n_received, ledger.n_verified, ledger.n_accepted), (3, 3, 3));
    }

    #[tokio::test]
    async fn rejects_a_wrong_secret_a_stale_timestamp_and_no_signature_at_all() {
        let bench = bench(ReceiverBehaviour::Prompt).await;
        assert_eq!(status(&bench, request("some other secret, long enough", NOW, 7)).await, 401);
        assert_eq!(status(&bench, request("the right secret, long enough", NOW - 301, 7)).await, 401);
        let bare = Request::post("/hook").body(Body::from(BODY)).expect("a request");
        assert_eq!(status(&bench, bare).await, 401);
        let ledger = bench.receiver.counts();
        assert_eq!((ledger.n_received, ledger.n_verified, ledger.n_accepted), (3, 0, 0));
    }

    #[tokio::test]
    async fn a_failing_receiver_breaks_after_a_while_and_answers_again_once_mended() {
        let bench = bench(ReceiverBehaviour::Failing).await;
        let send = || request("the right secret, long enough", bench.ambient.now().seconds(), 7);
        assert_eq!(status(&bench, send()).await, 200);
        bench.ambient.advance(Duration::from_secs(20));
        assert_eq!(status(&bench, send()).await, 500);
        bench.receiver.repair();
        assert_eq!(status(&bench, send()).await, 200);
        assert_eq!(bench.receiver.counts().n_accepted, 2);
    }

    #[tokio::test]
    async fn listens_where_it_says() {
        let bench = bench(ReceiverBehaviour::Prompt).await;
        let address = bench.receiver.url().strip_prefix("http://").and_then(|rest| rest.strip_suffix("/hook"));
        let mut stream = tokio::net::TcpStream::connect(address.expect("an address")).await.expect("a connection");
        let call = b"POST /hook HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
        stream.write_all(call).await.expect("written");
        let mut answer = String::new();
        let reading = tokio::spawn(async move {
            stream.read_to_string(&mut answer).await.expect("an answer");
            answer
        });
        while !reading.is_finished() {
            bench.ambient.advance(Duration::from_millis(10));
            tokio::task::yield_now().await;
        }
        assert!(reading.await.expect("no panic").starts_with("HTTP/1.1 401 "));
    }
}
