//! A stand-in of the observer that takes reports: it stores each item once by its id, and can refuse, hang, and be killed
//! and started again on the same port.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use crow::wire::calls::CallReport;
use crow::wire::receipts::ReceiptReport;
use crow::wire::reports::ReportReceived;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Token that the stand-in accepts at first.
pub(super) const TOKEN: &str = "wlop_abcdefghijklmnopqrstuvwxyz0123456789-ABCDEF";

/// Behaviour of the stand-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mood {
    Well,
    /// Takes requests and never answers, as a stopped process does.
    Hangs,
    /// Answers a status without storing anything.
    Answers(u16),
    /// Stores, and answers 500 once.
    ForgetsToAnswer,
    /// Refuses reports in which this text occurs.
    Dislikes(&'static str),
}

#[derive(Debug)]
struct Books {
    mood: Mood,
    token: String,
    receipts: BTreeMap<String, Value>,
    refusals: BTreeMap<String, Value>,
    calls: BTreeMap<String, Value>,
    unrecorded: BTreeMap<String, Value>,
    /// Items that came with an id that was known.
    n_known: u64,
    n_reports: u64,
}

/// The stand-in.
pub(super) struct Observer {
    pub(super) address: SocketAddr,
    books: Arc<Mutex<Books>>,
    serving: Option<JoinHandle<()>>,
}

impl Observer {
    pub(super) async fn start() -> Self {
        let books = Books {
            mood: Mood::Well,
            token: TOKEN.to_owned(),
            receipts: BTreeMap::new(),
            refusals: BTreeMap::new(),
            calls: BTreeMap::new(),
            unrecorded: BTreeMap::new(),
            n_known: 0,
            n_reports: 0,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let mut observer = Self { address, books: Arc::new(Mutex::new(books)), serving: None };
        observer.serve(listener);
        observer
    }

    fn serve(&mut self, listener: TcpListener) {
        let router = Router::new()
            .route("/portal/v1/receipts", post(take))
            .route("/portal/v1/calls", post(take))
            .with_state(Arc::clone(&self.books));
        self.serving = Some(tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") }));
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends at once, in the middle of whatever it does. What is stored stays.
    pub(super) fn kill(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.abort();
        }
    }

    /// Starts again on the same port.
    pub(super) async fn restart(&mut self) {
        self.kill();
        let listener = loop {
            match TcpListener::bind(self.address).await {
                Ok(listener) => break listener,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        self.serve(listener);
    }

    pub(super) fn becomes(&self, mood: Mood) {
        self.books.lock().expect("not poisoned").mood = mood;
    }

    pub(super) fn takes(&self, token: &str) {
        self.books.lock().expect("not poisoned").token = token.to_owned();
    }

    fn items(&self, of: impl Fn(&Books) -> &BTreeMap<String, Value>) -> Vec<Value> {
        of(&self.books.lock().expect("not poisoned")).values().cloned().collect()
    }

    pub(super) fn receipts(&self) -> Vec<Value> {
        self.items(|books| &books.receipts)
    }

    pub(super) fn refusals(&self) -> Vec<Value> {
        self.items(|books| &books.refusals)
    }

    pub(super) fn calls(&self) -> Vec<Value> {
        self.items(|books| &books.calls)
    }

    pub(super) fn n_known(&self) -> u64 {
        self.books.lock().expect("not poisoned").n_known
    }

    pub(super) fn n_reports(&self) -> u64 {
        self.books.lock().expect("not poisoned").n_reports
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn take(State(books): State<Arc<Mutex<Books>>>, headers: HeaderMap, body: Bytes) -> Response {
    let mood = {
        let mut books = books.lock().expect("not poisoned");
        books.n_reports += 1;
        let given = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        if given != format!("Bearer {}", books.token) {
            return problem(401);
        }
        books.mood.clone()
    };
    match mood {
        Mood::Hangs => std::future::pending().await,
        Mood::Answers(status) => problem(status),
        Mood::Dislikes(text) if String::from_utf8_lossy(&body).contains(text) => problem(400),
        Mood::Well | Mood::Dislikes(_) => Json(store(&books, &body)).into_response(),
        Mood::ForgetsToAnswer => {
            store(&books, &body);
            books.lock().expect("not poisoned").mood = Mood::Well;
            problem(500)
        }
    }
}

fn problem(status: u16) -> Response {
    let document = serde_json::json!({
        "type": "about:blank", "title": "x", "status": status, "code": "internal", "detail": "as scripted", "requestId": "r",
    });
    (StatusCode::from_u16(status).expect("a status"), document.to_string()).into_response()
}

/// Stores what is not known yet. The report must be what the wire types say.
fn store(books: &Mutex<Books>, body: &[u8]) -> ReportReceived {
    let receipts: ReceiptReport = serde_json::from_slice(body).expect("a report of receipts, or of other things");
    let calls: CallReport = serde_json::from_slice(body).expect("a report of calls, or of other things");
    let document: Value = serde_json::from_slice(body).expect("JSON");
    assert!(receipts != ReceiptReport::default() || calls != CallReport::default(), "an empty report");
    let mut books = books.lock().expect("not poisoned");
    let (mut n_stored, mut n_known) = (0, 0);
    for name in ["receipts", "refusals", "calls", "unrecorded"] {
        for item in document[name].as_array().into_iter().flatten() {
            let id = item["id"].as_str().expect("an id").to_owned();
            assert_eq!(id.len(), 26, "a ULID");
            let kept = match name {
                "receipts" => &mut books.receipts,
                "refusals" => &mut books.refusals,
                "calls" => &mut books.calls,
                _ => &mut books.unrecorded,
            };
            match kept.insert(id, item.clone()) {
                None => n_stored += 1,
                Some(before) => {
                    assert_eq!(before, *item, "what comes again is the same");
                    n_known += 1;
                }
            }
        }
    }
    books.n_known += n_known;
    ReportReceived { n_stored, n_known }
}
