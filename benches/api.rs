//! What the Integration API costs: an authenticated page of 50 events out of many, and an authenticated Create Lead with full durability, each beside
//! a bare axum handler that runs the same statements on the same threads, in one run. Ratios count; seconds depend on the machine.
//!
//! `cargo bench --bench api -- [EVENTS]` (1,000,000 unless told otherwise).

#![expect(clippy::print_stdout, reason = "a benchmark's output is its figures")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

#[path = "support/bare_database.rs"]
mod bare_database;
#[path = "support/settings.rs"]
mod settings;

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use crow::client::connection::{ClientCredential, PlatformClient};
use crow::clock::RuntimeEnv;
use crow::database::Database;
use crow::database::error::Error;
use crow::database::options::JobPriority;
use crow::domain::scope::KeyScope;
use crow::domain::target::TargetPolicy;
use crow::engine::handle::Engine;
use crow::http::exposure::ServerExposure;
use crow::server;
use crow::wire::changes;
use crow::wire::keys::{NewCompany, NewKey, RequestedLimits};
use rusqlite::{Connection, params};
use settings::engine_settings;
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Callers at once, and calls in all, for the throughput.
const CALLERS: usize = 32;
const CALLS: usize = 20_000;
/// Calls a second, and calls in all, for the latency.
const PACE: u32 = 500;
const PACED: usize = 2_500;
const LEAD: &str = r#"{"first_name":"Ada","last_name":"Byron","email":"ada@example.com"}"#;

/// One kind of call.
#[derive(Clone)]
struct Call {
    http: reqwest::Client,
    url: String,
    key: String,
    body: Option<&'static str>,
}

impl Call {
    async fn make(&self) {
        let request = match self.body {
            Some(body) => self.http.post(&self.url).header("content-type", "application/json").body(body),
            None => self.http.get(&self.url),
        };
        let response = request.header("x-api-key", &self.key).send().await.expect("an answer");
        assert!(response.status().is_success(), "{}", response.status());
        response.bytes().await.expect("a body");
    }

    /// Calls a second with all callers busy.
    async fn throughput(&self, ambient: &RuntimeEnv) -> f64 {
        let watch = ambient.stopwatch();
        let mut callers = JoinSet::new();
        for _ in 0..CALLERS {
            let call = self.clone();
            callers.spawn(async move {
                for _ in 0..CALLS / CALLERS {
                    call.make().await;
                }
            });
        }
        callers.join_all().await;
        CALLS as f64 / watch.elapsed().as_secs_f64()
    }

    /// The 99th percentile in milliseconds at a steady pace, counted from when a call was due.
    async fn p99(&self, ambient: &RuntimeEnv) -> f64 {
        let watch = ambient.stopwatch();
        let mut calls = JoinSet::new();
        for n in 0..PACED {
            let due = Duration::from_secs(1) / PACE * u32::try_from(n).expect("few");
            ambient.sleep(due.saturating_sub(watch.elapsed())).await;
            let (call, watch) = (self.clone(), watch.clone());
            calls.spawn(async move {
                call.make().await;
                watch.elapsed().saturating_sub(due)
            });
        }
        let mut took = calls.join_all().await;
        took.sort_unstable();
        took[took.len() * 99 / 100].as_secs_f64() * 1_000.0
    }
}

/// Fills the events of company 1 up to `n`.
fn fill(dir: &Path, n: i64) {
    let mut connection = Connection::open(dir.join("platform.db")).expect("the database");
    let transaction = connection.transaction().expect("a transaction");
    {
        let mut insert = transaction
            .prepare(
                "INSERT INTO events (id, company_id, kind, created_at, body) VALUES (?1, 1, 'lead.created', ?1, ?2)",
            )
            .expect("a statement");
        let payload = "x".repeat(200);
        for id in 1..=n {
            let body = format!(
                r#"{{"id":{id},"type":"lead.created","createdUtc":"2026-11-23T14:02:31Z","companyId":1,"payload":{{"note":"{payload}"}}}}"#
            );
            insert.execute(params![id, body.as_bytes()]).expect("inserted");
        }
        transaction.execute("UPDATE counters SET value = ?1 WHERE name = 'event'", [n]).expect("counted");
    }
    transaction.commit().expect("committed");
}

/// Bare SQLite: the same statements on a copy of the same database, on threads of the same kind, without a platform
/// around them.
async fn bare(dir: &Path) -> String {
    let database = bare_database::open_copy(dir, 2);
    let router = Router::new().route("/events", get(bare_page)).route("/leads", post(bare_lead)).with_state(database);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn bare_page(State(database): State<Database>) -> Vec<u8> {
    let page = |connection: &Connection| {
        let mut statement = connection.prepare_cached(
            "SELECT id, body FROM events WHERE company_id = ?1 AND id > ?2 AND created_at >= ?3 AND created_at < ?4 ORDER BY id LIMIT 51",
        )?;
        let rows = statement.query_map([1, 1_000, i64::MIN, i64::MAX], |row| row.get::<_, Vec<u8>>(1))?;
        Ok::<_, Error>(rows.collect::<Result<Vec<_>, _>>()?)
    };
    database
        .read(JobPriority::Low, page)
        .await
        .expect("a page")
        .into_iter()
        .take(50)
        .collect::<Vec<_>>()
        .join(&b","[..])
}

/// Statements of Create Lead: the record, the event's number, the event, no deliveries because no subscription exists,
/// and the audit row.
const WRITES: [&str; 6] = [
    "INSERT INTO clients (company_id, first_name, last_name, email, email_key, status_id, created_at, updated_at) VALUES (1, ?1, ?2, ?3, lower(?3), 10, 0, 0)",
    "UPDATE counters SET value = value + 1 WHERE name = 'event' RETURNING value",
    "INSERT INTO events (id, company_id, kind, created_at, body) VALUES (?1, 1, 'lead.created', 0, ?2)",
    "SELECT * FROM subscriptions WHERE company_id = 1 AND deleted_at IS NULL ORDER BY id",
    "SELECT hash FROM audit ORDER BY id DESC LIMIT 1",
    "INSERT INTO audit (at, actor, action, subject, before, after, reason, request_id, hash) VALUES (0, 'key 1', 'create lead', ?1, NULL, 'Lead - New', NULL, 'req', ?2)",
];

async fn bare_lead(State(database): State<Database>, body: String) -> String {
    let lead: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    let insert = move |connection: &Connection| {
        let text = |field: &str| lead[field].as_str().map(ToOwned::to_owned);
        let [client, next, event, subscriptions, last, audit] = WRITES;
        connection.prepare_cached(client)?.execute(params![text("first_name"), text("last_name"), text("email")])?;
        let id = connection.last_insert_rowid();
        let number: i64 = connection.prepare_cached(next)?.query_row([], |row| row.get(0))?;
        connection.prepare_cached(event)?.execute(params![number, body.as_bytes()])?;
        let n = connection.prepare_cached(subscriptions)?.query_map([], |_| Ok(()))?.count();
        let hash: Vec<u8> = connection.prepare_cached(last)?.query_row([], |row| row.get(0))?;
        connection.prepare_cached(audit)?.execute(params![format!("client {id}, {n}"), hash])?;
        Ok::<_, Error>(id)
    };
    database.write(JobPriority::Low, insert).await.expect("written").to_string()
}

async fn run(n_events: i64) {
    let ambient = RuntimeEnv::real();
    let dir = tempfile::tempdir().expect("a directory");
    let engine =
        Engine::open(engine_settings(dir.path(), TargetPolicy::Public), ambient.clone()).await.expect("it opens");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let (_stop, stopped) = watch::channel(false);
    let operator =
        PlatformClient::new(&address, ClientCredential::Operator(engine.mint_operator("bench"))).expect("a client");
    tokio::spawn(server::serve(listener, engine.clone(), ServerExposure::default(), stopped.clone()));
    tokio::spawn(async move { engine.run(stopped).await });
    let company =
        operator.change(&changes::CREATE_COMPANY, &NewCompany { name: "Acme".to_owned() }).await.expect("a company");
    let without = RequestedLimits { read: Some(1_000_000), write: Some(1_000_000), admin: None };
    let scopes = vec![KeyScope::EventsRead, KeyScope::IntegrationsWrite];
    let new = NewKey { company_id: company.id, name: "bench".to_owned(), scopes, limits: Some(without) };
    let key = operator.change(&changes::CREATE_KEY, &new).await.expect("a key").key.into_secret().reveal().to_owned();
    fill(dir.path(), n_events);
    let bare = bare(dir.path()).await;
    // A client that is built directly has no provider of its own.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(CALLERS).build().expect("a client");
    let call = |url: String, body| Call { http: http.clone(), url, key: key.clone(), body };
    // A cursor behind event 1,000, as the server writes it: both sides read from the same place.
    let cursor = operator_cursor(&http, &address, &key).await;
    let pairs = [
        (
            "GET 50 events",
            call(format!("{address}/api/v1/events?cursor={cursor}"), None),
            call(format!("{bare}/events"), None),
        ),
        (
            "Create Lead",
            call(format!("{address}/api/v1/integrations/leads"), Some(LEAD)),
            call(format!("{bare}/leads"), Some(LEAD)),
        ),
    ];
    println!("| {n_events} events | ours / s | bare / s | ratio | ours p99 at {PACE} / s |\n|---|---|---|---|---|");
    for (name, ours, theirs) in pairs {
        // Both once to warm up, then in turns; the medians of three.
        ours.make().await;
        theirs.make().await;
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            a.push(ours.throughput(&ambient).await);
            b.push(theirs.throughput(&ambient).await);
        }
        a.sort_by(f64::total_cmp);
        b.sort_by(f64::total_cmp);
        let p99 = ours.p99(&ambient).await;
        println!("| {name} | {:.0} | {:.0} | {:.2} | {p99:.1} ms |", a[1], b[1], a[1] / b[1]);
    }
}

/// The cursor behind the first thousand events.
async fn operator_cursor(http: &reqwest::Client, address: &str, key: &str) -> String {
    let mut cursor = String::new();
    for _ in 0..5 {
        let url = format!("{address}/api/v1/events?limit=200{cursor}");
        let bytes =
            http.get(url).header("x-api-key", key).send().await.expect("an answer").bytes().await.expect("a body");
        let page: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
        cursor = format!("&cursor={}", page["nextCursor"].as_str().expect("a cursor"));
    }
    cursor.trim_start_matches("&cursor=").to_owned()
}

fn main() {
    let n_events = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(1_000_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads");
    runtime.block_on(run(n_events));
}
