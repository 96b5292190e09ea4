//! Deliveries through `crow listen` to a receiver and to an observer, each of the three killed and started again at random:
//! the receiver gets every byte, and every delivery that was answered is in the observer's log once.
//!
//! `CROW_KILLED_DELIVERIES=10000` runs the long form.

use super::observer::{Observer, TOKEN};
use crate::support::lines::Lines;
use crate::support::platform::within;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use crow::clock::RuntimeEnv;
use crow::domain::secret::Secret;
use crow::domain::signature;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

const SECRET: &str = "whsec-of-a-partner-0123456789";
/// Deliveries at once.
const SENDERS: u64 = 8;
/// Maximum time of a run without progress.
const PATIENCE: Duration = Duration::from_secs(60);

/// Attempts that a receiver got: event, attempt and body of each.
type Ledger = Arc<Mutex<Vec<(u64, u64, Vec<u8>)>>>;

/// A receiver that can be killed and started again on the same port.
struct Behind {
    address: SocketAddr,
    ledger: Ledger,
    serving: JoinHandle<()>,
}

async fn take(State(ledger): State<Ledger>, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    let number = |name: &str| headers[name].to_str().expect("text").parse().expect("a number");
    let (event, attempt) = (number("x-wlcro-event-id"), number("x-wlcro-attempt"));
    ledger.lock().expect("not poisoned").push((event, attempt, body.to_vec()));
    (StatusCode::ACCEPTED, format!("{event} {attempt}"))
}

impl Behind {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let ledger = Ledger::default();
        Self { address, serving: Self::serve(listener, &ledger), ledger }
    }

    fn serve(listener: TcpListener, ledger: &Ledger) -> JoinHandle<()> {
        let router = Router::new().fallback(take).with_state(Arc::clone(ledger));
        tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") })
    }

    async fn kill_and_restart(&mut self) {
        self.serving.abort();
        self.serving = Self::serve(bind(self.address).await, &self.ledger);
    }
}

async fn bind(address: SocketAddr) -> TcpListener {
    within("the port is free", async {
        loop {
            match TcpListener::bind(address).await {
                Ok(listener) => return listener,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    })
    .await
}

fn listen(home: &Path, address: SocketAddr, receiver: SocketAddr, observer: &str) -> Lines {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crow"));
    for (name, folder) in [("XDG_CONFIG_HOME", "config"), ("XDG_DATA_HOME", "data"), ("XDG_STATE_HOME", "state")] {
        command.env(name, home.join(folder));
    }
    command.args(["listen", "--json", "--bind", &address.to_string(), "--route"]);
    command.arg(format!("/hook=http://{receiver}/in")).arg("--secret-file");
    command.arg(format!("/hook={}", home.join("secret").display()));
    command.args(["--report-to", observer, "--token-file"]).arg(home.join("token")).stderr(Stdio::null());
    Lines::start(&mut command)
}

/// Sends a delivery until it is accepted; returns the attempt that was.
async fn deliver(http: &reqwest::Client, url: &str, event: u64) -> u64 {
    let body = body(event);
    for attempt in 1.. {
        let at = RuntimeEnv::real().now().seconds();
        let request = http
            .post(url)
            .header("x-wlcro-timestamp", at.to_string())
            .header("x-wlcro-signature", signature::sign(&Secret::new(SECRET.to_owned()), at, &body))
            .header("x-wlcro-event-id", event.to_string())
            .header("x-wlcro-attempt", attempt.to_string())
            .body(body.clone());
        if let Ok(answered) = request.send().await {
            let status = answered.status();
            // An answer counts when its end has come, as for the platform.
            let whole = answered.text().await;
            if status == 202 && whole.is_ok_and(|text| text == format!("{event} {attempt}")) {
                return attempt;
            }
            assert!(matches!(status.as_u16(), 202 | 502 | 504), "{status}");
        }
        tokio::task::yield_now().await;
    }
    unreachable!("attempts have no end")
}

/// Body of an event: bytes that differ with it.
fn body(event: u64) -> Vec<u8> {
    let fill = usize::try_from(event * 37 % 5_000).unwrap_or(0);
    let mut body =
        format!("{{\"id\":{event},\"type\":\"lead.created\",\"companyId\":92,\"payload\":{{\"x\":\"").into_bytes();
    body.extend(std::iter::repeat_n(b'a' + u8::try_from(event % 26).unwrap_or(0), fill));
    body.extend_from_slice("\u{e9}\"}}".as_bytes());
    body
}

/// The number of deliveries of the long form, if that is wanted.
#[expect(clippy::disallowed_methods, reason = "the long form is asked for from outside")]
fn wanted_deliveries() -> Option<u64> {
    std::env::var("CROW_KILLED_DELIVERIES").ok()?.parse().ok()
}

/// Attempts that were answered with a success, by event.
type Accepted = BTreeMap<u64, u64>;
/// Receipts that the observer has, by event and attempt.
type Logged = BTreeMap<(u64, u64), Vec<Value>>;

/// Senders that deliver events until all are accepted.
struct Senders {
    tasks: JoinSet<()>,
    accepted: Arc<Mutex<Accepted>>,
    progress: watch::Receiver<u64>,
}

impl Senders {
    fn start(address: SocketAddr, n_events: u64) -> Self {
        let (done, progress) = watch::channel(0_u64);
        let accepted = Arc::new(Mutex::new(Accepted::new()));
        let next = Arc::new(AtomicU64::new(1));
        let mut tasks = JoinSet::new();
        for _ in 0..SENDERS {
            let (done, accepted, next) = (done.clone(), Arc::clone(&accepted), Arc::clone(&next));
            let url = format!("http://{address}/hook");
            let http = crow::client::connection::bare_http_client().expect("a client");
            tasks.spawn(async move {
                loop {
                    let event = next.fetch_add(1, Ordering::Relaxed);
                    if event > n_events {
                        return;
                    }
                    let attempt = deliver(&http, &url, event).await;
                    accepted.lock().expect("not poisoned").insert(event, attempt);
                    done.send_modify(|n| *n += 1);
                }
            });
        }
        Self { tasks, accepted, progress }
    }

    /// Waits until `n` events are accepted.
    async fn reach(&self, n: u64) {
        let mut progress = self.progress.clone();
        let reached = RuntimeEnv::real().timeout(PATIENCE, progress.wait_for(|done| *done >= n)).await.is_some();
        assert!(reached, "no progress beyond {} of {n}", *progress.borrow());
    }

    /// Waits for all senders, and returns what was accepted.
    async fn finish(self) -> Accepted {
        assert!(RuntimeEnv::real().timeout(PATIENCE, self.tasks.join_all()).await.is_some(), "the senders do not end");
        self.accepted.lock().expect("not poisoned").clone()
    }
}

fn logged(observer: &Observer) -> Logged {
    let mut logged = Logged::new();
    for receipt in observer.receipts() {
        let number = |name: &str| receipt[name].as_u64().expect("a number");
        logged.entry((number("eventId"), number("claimedAttempt"))).or_default().push(receipt);
    }
    logged
}

/// Waits until every accepted attempt is logged, and checks that each is logged once, as it was.
async fn check_log(observer: &Observer, accepted: &Accepted) {
    let missing = |logged: &Logged| -> Vec<(u64, u64)> {
        accepted.iter().map(|(event, attempt)| (*event, *attempt)).filter(|of| !logged.contains_key(of)).collect()
    };
    let reported = async {
        while !missing(&logged(observer)).is_empty() {
            tokio::task::yield_now().await;
        }
    };
    let all = RuntimeEnv::real().timeout(PATIENCE, reported).await;
    let logged = logged(observer);
    assert!(all.is_some(), "accepted and not logged: {:?}", missing(&logged));
    let twice: Vec<_> = logged.iter().filter(|(_, receipts)| receipts.len() > 1).collect();
    assert!(twice.is_empty(), "logged twice: {twice:?}");
    for (event, attempt) in accepted {
        let receipt = &logged[&(*event, *attempt)][0];
        assert_eq!((receipt["status"].as_u64(), &receipt["failure"]), (Some(202), &Value::Null), "{receipt}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_byte_arrives_and_every_answered_delivery_is_logged_once_whatever_is_killed() {
    let n_events = wanted_deliveries().unwrap_or(240);
    let mut rng = StdRng::seed_from_u64(7);
    let home = TempDir::new().expect("a directory");
    for (name, text) in [("secret", SECRET), ("token", TOKEN)] {
        std::fs::write(home.path().join(name), text).expect("written");
        std::fs::set_permissions(home.path().join(name), std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .expect("ours alone");
    }
    let (mut receiver, mut observer) = (Behind::start().await, Observer::start().await);
    let address = TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let mut listening = listen(home.path(), address, receiver.address, &observer.url());
    listening.tells(1, "listening on ").await;
    let senders = Senders::start(address, n_events);
    let (mut n_kills, mut at) = ([0_u32; 3], 0);
    loop {
        at += rng.random_range(8..40);
        senders.reach(at.min(n_events)).await;
        if at >= n_events {
            break;
        }
        let which = rng.random_range(0..3);
        n_kills[which] += 1;
        match which {
            0 => receiver.kill_and_restart().await,
            1 => observer.restart().await,
            _ => {
                listening.signal("KILL");
                assert_eq!(listening.ended(), None);
                drop(bind(address).await);
                listening = listen(home.path(), address, receiver.address, &observer.url());
            }
        }
    }
    let accepted = senders.finish().await;
    // It may have been started again after the last delivery.
    listening.tells(1, "listening on ").await;
    listening.signal("TERM");
    assert_eq!(listening.ended(), Some(0));
    // What the last run could not report, the next one does.
    let last = listen(home.path(), address, receiver.address, &observer.url());
    check_log(&observer, &accepted).await;
    drop(last);
    let ledger = receiver.ledger.lock().expect("not poisoned");
    for (event, attempt) in &accepted {
        let got = ledger.iter().find(|(of, number, _)| of == event && number == attempt);
        assert!(got.is_some_and(|(_, _, bytes)| *bytes == body(*event)), "event {event}: every byte");
    }
    assert_eq!(accepted.len() as u64, n_events);
    #[expect(clippy::print_stdout, reason = "the figures are looked at with --nocapture")]
    {
        let (n_receipts, n_known) = (observer.receipts().len(), observer.n_known());
        println!(
            "{n_events} deliveries, {n_kills:?} kills of receiver, observer, listener: {} attempts arrived, {n_receipts} receipts, {n_known} came again and were known",
            ledger.len()
        );
    }
}
