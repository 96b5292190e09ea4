//! A receiver that counts what it is sent, by subscription and event.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::routing::post;
use crow::clock::RuntimeEnv;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Latency of an answer, so that deliveries are always in flight.
const LATENCY: Duration = Duration::from_millis(4);

/// Number of times that each subscription, by the number in its path, was sent each event.
pub(crate) type Counts = HashMap<(i64, i64), u64>;

/// Receiver that counts deliveries until it is dropped.
pub(crate) struct Ledger {
    base: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

struct Shared {
    counts: Mutex<Counts>,
    n_arrived: watch::Sender<u64>,
    /// Whether requests are answered; false holds them.
    is_open: watch::Sender<bool>,
}

impl Ledger {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared {
            counts: Mutex::default(),
            n_arrived: watch::Sender::default(),
            is_open: watch::Sender::new(true),
        });
        let router = Router::new().route("/{subscription}", post(receive)).with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { base, shared, serving }
    }

    /// Returns the URL for the subscription with this number.
    pub(crate) fn url(&self, subscription: i64) -> String {
        format!("{}/{subscription}", self.base)
    }

    /// Waits until so many requests have come.
    pub(crate) async fn arrived(&self, n: u64) {
        let mut arrived = self.shared.n_arrived.subscribe();
        let _ = arrived.wait_for(|arrived| *arrived >= n).await;
    }

    /// Holds all answers until they are released.
    pub(crate) fn hold(&self) {
        self.shared.is_open.send_replace(false);
    }

    /// Answers again, also what waits.
    pub(crate) fn go_on(&self) {
        self.shared.is_open.send_replace(true);
    }

    pub(crate) fn n_arrived(&self) -> u64 {
        *self.shared.n_arrived.borrow()
    }

    pub(crate) fn counts(&self) -> Counts {
        self.shared.counts.lock().expect("not poisoned").clone()
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn receive(State(shared): State<Arc<Shared>>, Path(subscription): Path<i64>, headers: HeaderMap) {
    let event = headers.get("x-wlcro-event-id").and_then(|id| id.to_str().ok()?.parse().ok()).expect("an event's id");
    *shared.counts.lock().expect("not poisoned").entry((subscription, event)).or_default() += 1;
    shared.n_arrived.send_modify(|n| *n += 1);
    RuntimeEnv::real().sleep(LATENCY).await;
    let _ = shared.is_open.subscribe().wait_for(|is_open| *is_open).await;
}
