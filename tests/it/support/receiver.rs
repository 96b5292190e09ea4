//! A receiver of webhooks whose answers are set, with a ledger of every byte received.

use super::platform::within;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;

/// Behaviour of a receiver for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// Answers with a status.
    Status(u16),
    /// Answers with a status and `Retry-After`.
    RetryAfter(u16, u64),
    /// Answers 200 with so many bytes, and with so many headers of 1 KiB.
    Large(usize, usize),
    /// Never answers.
    Hang,
}

/// Request as it was received.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Receiver that listens until it is dropped.
pub(crate) struct Receiver {
    pub(crate) url: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

struct Shared {
    script: Mutex<VecDeque<Behaviour>>,
    ledger: watch::Sender<Vec<Received>>,
    /// Numbers of the deliveries in progress.
    under_way: Mutex<HashSet<String>>,
    n_overlaps: AtomicUsize,
}

impl Receiver {
    /// Behaves as the script says, one request after the other; the last behaviour goes on.
    pub(crate) async fn start(script: &[Behaviour]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared {
            script: Mutex::new(script.iter().copied().collect()),
            ledger: watch::Sender::default(),
            under_way: Mutex::default(),
            n_overlaps: AtomicUsize::new(0),
        });
        let router = Router::new().fallback(receive).with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { url, shared, serving }
    }

    /// Changes the behaviour of the receiver from now on.
    pub(crate) fn becomes(&self, script: &[Behaviour]) {
        *self.shared.script.lock().expect("not poisoned") = script.iter().copied().collect();
    }

    /// Everything received so far.
    pub(crate) fn ledger(&self) -> Vec<Received> {
        self.shared.ledger.borrow().clone()
    }

    /// Returns the number of deliveries that were received while another request of the same delivery was in progress.
    pub(crate) fn n_overlaps(&self) -> usize {
        self.shared.n_overlaps.load(Ordering::SeqCst)
    }

    /// Waits until `n` requests have come.
    pub(crate) async fn received(&self, n: usize) -> Vec<Received> {
        let mut ledger = self.shared.ledger.subscribe();
        let all = within("requests at a receiver", ledger.wait_for(|ledger| ledger.len() >= n)).await;
        all.expect("the ledger is open").clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Number of turns that other tasks get while a request is in progress.
const TURNS: usize = 8;

async fn receive(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let delivery = headers.get("x-wlcro-delivery-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    let is_first = shared.under_way.lock().expect("not poisoned").insert(delivery.clone());
    if !is_first && delivery != "test" {
        shared.n_overlaps.fetch_add(1, Ordering::SeqCst);
    }
    shared.ledger.send_modify(|ledger| ledger.push(Received { headers, body: body.to_vec() }));
    let behaviour = {
        let mut script = shared.script.lock().expect("not poisoned");
        match script.len() {
            0 => Behaviour::Status(200),
            1 => script[0],
            _ => script.pop_front().unwrap_or(Behaviour::Status(200)),
        }
    };
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
    if behaviour != Behaviour::Hang {
        shared.under_way.lock().expect("not poisoned").remove(&delivery);
    }
    let status = |code| StatusCode::from_u16(code).expect("a status");
    match behaviour {
        Behaviour::Status(code) => (status(code), "seen").into_response(),
        Behaviour::RetryAfter(code, seconds) => {
            (status(code), [("retry-after", seconds.to_string())], Body::empty()).into_response()
        }
        Behaviour::Large(n_bytes, n_headers) => {
            let mut response = vec![b'x'; n_bytes].into_response();
            for n in 0..n_headers {
                let name = HeaderName::try_from(format!("x-filler-{n}")).expect("a name");
                response.headers_mut().insert(name, HeaderValue::try_from("y".repeat(1_024)).expect("a value"));
            }
            response
        }
        Behaviour::Hang => std::future::pending().await,
    }
}

/// Server that holds back its one answer, 202 with `ok`, until it is released.
pub(crate) struct HeldAnswer {
    pub(crate) url: String,
    arrived: mpsc::UnboundedReceiver<()>,
    release: Arc<Notify>,
}

impl HeldAnswer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (came, arrived) = mpsc::unbounded_channel();
        let release = Arc::new(Notify::new());
        let released = Arc::clone(&release);
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut part = [0; 4_096];
            let _ = stream.read(&mut part).await.expect("a request");
            came.send(()).expect("the test waits");
            released.notified().await;
            stream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\nok").await.expect("written");
        });
        Self { url, arrived, release }
    }

    /// Waits for the request.
    pub(crate) async fn arrives(&mut self) {
        within("the request arrives", self.arrived.recv()).await.expect("a request");
    }

    /// Lets the answer go.
    pub(crate) fn release(&self) {
        self.release.notify_one();
    }
}
