//! A platform under test: everything real but the clock and the dice.

use crate::storage::process::{lead, subscription};
use crow::client::connection::{ClientCredential, PlatformClient};
use crow::clock::RuntimeEnv;
use crow::domain::delivery::RetryPolicy;
use crow::domain::ids::{CompanyId, EventId};
use crow::domain::scope::KeyScope;
use crow::domain::secret::Secret;
use crow::domain::target::TargetPolicy;
use crow::domain::time::Timestamp;
use crow::engine::egress::EgressConfig;
use crow::engine::error::Error;
use crow::engine::event_quota::DEFAULT_EVENT_QUOTA;
use crow::engine::handle::Engine;
use crow::engine::log_quota::DEFAULT_DELIVERY_LOG_QUOTA;
use crow::engine::master_key::MasterKeySource;
use crow::engine::retention::DEFAULT_REQUEST_LOG_LIMIT;
use crow::engine::settings::{EngineSettings, MAX_SUBSCRIPTIONS};
use crow::http::exposure::ServerExposure;
use crow::wire::changes;
use crow::wire::keys::{CompanyRow, NewCompany, NewKey, RequestedLimits};
use crow::wire::subscriptions::CreatedSubscription;
use crow::{database, server, store};
use serde_json::Value;
use std::future::Future;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Start of the scripted clock: a Monday, ten seconds into a minute.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_795_430_410_000);
/// Maximum real time of any wait before a test fails.
const LIMIT: Duration = Duration::from_secs(20);

/// A port that is free.
const ANY: &str = "127.0.0.1:0";

fn new_dir() -> TempDir {
    TempDir::new().expect("a directory")
}

/// A platform that runs.
pub(crate) struct Platform {
    pub(crate) ambient: RuntimeEnv,
    pub(crate) address: String,
    pub(crate) engine: Engine,
    pub(crate) http: reqwest::Client,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    dir: TempDir,
}

/// Answer of a call.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl Platform {
    /// A new platform in a new directory, by a scripted clock.
    pub(crate) async fn start() -> Self {
        Self::found(RuntimeEnv::scripted(START, 1), RetryPolicy::default(), None).await
    }

    /// A new platform by a scripted clock that keeps its logs for so long.
    pub(crate) async fn keeping(keep: Duration) -> Self {
        Self::found(RuntimeEnv::scripted(START, 1), RetryPolicy::default(), Some(keep)).await
    }

    /// A new platform by a scripted clock where a company's log may have so many bytes.
    pub(crate) async fn with_log_quota(delivery_log_quota: u64) -> Self {
        let ambient = RuntimeEnv::scripted(START, 1);
        Stopped {
            delivery_log_quota,
            ..Stopped::new(ambient, RetryPolicy::default(), TargetPolicy::Private, EgressConfig::default())
        }
        .start()
        .await
    }

    /// A new platform by a scripted clock where a company's stored events may have so many bytes.
    pub(crate) async fn with_event_quota(event_quota: u64) -> Self {
        let ambient = RuntimeEnv::scripted(START, 1);
        Stopped {
            event_quota,
            ..Stopped::new(ambient, RetryPolicy::default(), TargetPolicy::Private, EgressConfig::default())
        }
        .start()
        .await
    }

    /// Starts a platform on the real clock with a short retry base, for tests that watch it through a console, which
    /// has a clock of its own.
    pub(crate) async fn lively() -> Self {
        Self::found(RuntimeEnv::real(), RetryPolicy { base: Duration::from_millis(20) }, None).await
    }

    async fn found(ambient: RuntimeEnv, schedule: RetryPolicy, keep: Option<Duration>) -> Self {
        Stopped { keep, ..Stopped::new(ambient, schedule, TargetPolicy::Private, EgressConfig::default()) }
            .start()
            .await
    }

    /// Starts a platform with a target policy and given network access; the platform knows its own address.
    pub(crate) async fn reaching(
        ambient: RuntimeEnv,
        schedule: RetryPolicy,
        policy: TargetPolicy,
        reach: EgressConfig,
    ) -> Self {
        Stopped::new(ambient, schedule, policy, reach).start().await
    }

    /// Stops in order: the port is free, the directory stays.
    pub(crate) async fn stop(self) -> Stopped {
        let Self { ambient, address, engine, stop, tasks, dir, .. } = self;
        let EngineSettings {
            retry_schedule: schedule,
            retain_for: keep,
            delivery_log_quota,
            event_quota,
            max_subscriptions,
            target_policy: policy,
            egress: reach,
            ..
        } = engine.settings().clone();
        stop.send_replace(true);
        for task in tasks {
            task.await.expect("no panic");
        }
        drop(engine);
        let bind = address.trim_start_matches("http://").to_owned();
        Stopped {
            dir,
            ambient,
            schedule,
            keep,
            delivery_log_quota,
            event_quota,
            max_subscriptions,
            policy,
            reach,
            bind,
        }
    }

    /// Stops in order and starts again.
    pub(crate) async fn restart(self) -> Self {
        self.stop().await.start().await
    }

    /// The database, for what no surface shows.
    pub(crate) fn database(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.dir.path().join("platform.db")).expect("a database")
    }

    /// The first operator's client, with the token that the first start wrote down.
    pub(crate) fn operator(&self) -> PlatformClient {
        let token = std::fs::read_to_string(self.dir.path().join("operator.token")).expect("the token");
        PlatformClient::new(&self.address, ClientCredential::Operator(Secret::new(token.trim().to_owned())))
            .expect("a client")
    }

    /// Stops in order, does something to the directory, and starts again.
    pub(crate) async fn restart_after(self, between: impl FnOnce(&Path)) -> Self {
        let stopped = self.stop().await;
        between(stopped.dir.path());
        stopped.start().await
    }

    /// An admin's token.
    pub(crate) fn token(&self) -> Secret {
        self.engine.mint_operator("test")
    }

    /// Serves the same platform on an address that other machines could reach, and returns it.
    pub(crate) async fn exposed(&self) -> String {
        self.served("0.0.0.0:0", ServerExposure::default()).await
    }

    /// The address, on loopback, of the same platform served on another port in this way.
    pub(crate) async fn served(&self, bind: &str, exposure: ServerExposure) -> String {
        let listener = TcpListener::bind(bind).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(server::serve(listener, self.engine.clone(), exposure, self.stop.subscribe()));
        format!("http://127.0.0.1:{port}")
    }

    /// A new company.
    pub(crate) async fn company(&self, name: &str) -> CompanyRow {
        self.operator()
            .change(&changes::CREATE_COMPANY, &NewCompany { name: name.to_owned() })
            .await
            .expect("a company")
    }

    /// A new key of a company.
    pub(crate) async fn key(&self, company: &CompanyRow, scopes: &[KeyScope]) -> Secret {
        self.key_with(company, scopes, RequestedLimits::default()).await
    }

    /// A new key of a company with limits of its own.
    pub(crate) async fn key_with(&self, company: &CompanyRow, scopes: &[KeyScope], limits: RequestedLimits) -> Secret {
        let (name, scopes) = ("test key".to_owned(), scopes.to_vec());
        let new = NewKey { company_id: company.id, name, scopes, limits: Some(limits) };
        self.operator().change(&changes::CREATE_KEY, &new).await.expect("a key").key.into_secret()
    }

    /// A new subscription of a company to its leads at `url`.
    pub(crate) async fn subscribe(&self, company: &CompanyRow, url: &str) -> CreatedSubscription {
        let key = self.key(company, &[KeyScope::WebhooksWrite]).await;
        let new = subscription(url);
        self.partner(&key).create_subscription(&new).await.expect("a subscription")
    }

    /// Publishes the event of a new lead, as the CRM would.
    pub(crate) async fn emit(&self, company_id: CompanyId) -> EventId {
        let event = lead(company_id);
        self.operator().change(&changes::EMIT_EVENT, &event).await.expect("an event").id
    }

    /// Returns a client with a key of the Integration API.
    pub(crate) fn partner(&self, key: &Secret) -> PlatformClient {
        PlatformClient::new(&self.address, ClientCredential::Key(Secret::new(key.reveal().to_owned())))
            .expect("a client")
    }

    /// A plain call with the headers and the body given.
    pub(crate) async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Answer {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self.http.request(method, format!("{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.body(body.to_owned());
        }
        let response = request.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.bytes().await.expect("a body").to_vec() }
    }

    /// Moves the clock.
    pub(crate) fn advance(&self, step: Duration) {
        self.ambient.advance(step);
    }

    /// Moves the clock from one due delivery to the next until `condition` holds, never while an attempt is in flight;
    /// fails after a limit in real time.
    pub(crate) async fn advance_until(&self, what: &str, condition: impl AsyncFn() -> bool) {
        const MAX_LOOKS_AT_OVERDUE: u32 = 50;
        let operator = self.operator();
        let n_looks = std::cell::Cell::new(0);
        until(what, async || {
            let overview = operator.overview(50).await.expect("an overview");
            // What is due is about to be taken off; only what is held back although it is due needs time to pass.
            n_looks.set(if overview.pipeline.oldest_due_utc.is_some() { n_looks.get() + 1 } else { 0 });
            let is_taken = n_looks.get() == 0 || n_looks.get() > MAX_LOOKS_AT_OVERDUE;
            if overview.pipeline.n_in_flight == Some(0) && is_taken {
                let rows = overview.subscriptions.items.iter().filter(|row| row.subscription.is_enabled);
                let next = rows
                    .filter_map(|row| row.health.expect("its health").next_due_utc)
                    .filter(|due| *due > overview.server_utc)
                    .min();
                self.advance(next.map_or(Duration::from_secs(1), |due| due.since(overview.server_utc)));
            }
            condition().await
        })
        .await;
    }

    /// Waits until `condition` holds, without moving the clock; fails after a limit in real time.
    pub(crate) async fn until(&self, what: &str, condition: impl AsyncFn() -> bool) {
        until(what, condition).await;
    }
}

/// Stopped platform with its directory and port.
pub(crate) struct Stopped {
    dir: TempDir,
    ambient: RuntimeEnv,
    schedule: RetryPolicy,
    keep: Option<Duration>,
    delivery_log_quota: u64,
    event_quota: u64,
    max_subscriptions: u32,
    policy: TargetPolicy,
    reach: EgressConfig,
    bind: String,
}

impl Stopped {
    /// One that was never started, in a new directory.
    pub(crate) fn new(ambient: RuntimeEnv, schedule: RetryPolicy, policy: TargetPolicy, reach: EgressConfig) -> Self {
        Self {
            dir: new_dir(),
            ambient,
            schedule,
            keep: None,
            delivery_log_quota: DEFAULT_DELIVERY_LOG_QUOTA,
            event_quota: DEFAULT_EVENT_QUOTA,
            max_subscriptions: MAX_SUBSCRIPTIONS,
            policy,
            reach,
            bind: ANY.to_owned(),
        }
    }

    /// One where a company may have so many subscriptions.
    pub(crate) fn permitting(self, max_subscriptions: u32) -> Self {
        Self { max_subscriptions, ..self }
    }

    /// Starts the platform again on its directory and port.
    pub(crate) async fn start(self) -> Platform {
        let Self {
            dir,
            ambient,
            schedule,
            keep,
            delivery_log_quota,
            event_quota,
            max_subscriptions,
            policy,
            mut reach,
            bind,
        } = self;
        let listener = TcpListener::bind(&bind).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        reach.listen_addresses = vec![address];
        let address = format!("http://{address}");
        let data_dir = dir.path().to_owned();
        let (custody, request_log_limit) = (MasterKeySource::File, DEFAULT_REQUEST_LOG_LIMIT);
        let settings = EngineSettings {
            data_dir,
            target_policy: policy,
            retry_schedule: schedule,
            retain_for: keep,
            request_log_limit,
            delivery_log_quota,
            event_quota,
            max_subscriptions,
            egress: reach,
            master_key_source: custody,
        };
        // The lock was given back when the platform before was dropped. Where another test starts a process just now, that one holds a copy of
        // every open file until it becomes another program.
        let opened = within("the directory is free", async {
            loop {
                match Engine::open(settings.clone(), ambient.clone()).await {
                    Err(Error::Store(store::Error::Sqlite(database::error::Error::Locked { .. }))) => {
                        tokio::task::yield_now().await;
                    }
                    opened => return opened,
                }
            }
        });
        let engine = opened.await.expect("it opens");
        let (stop, stopped) = watch::channel(false);
        let work = tokio::spawn({
            let (engine, stopped) = (engine.clone(), stopped.clone());
            async move { engine.run(stopped).await }
        });
        let serving = tokio::spawn(server::serve(listener, engine.clone(), ServerExposure::default(), stopped));
        until("the dispatcher runs", async || engine.status().is_dispatching).await;
        Platform { ambient, address, engine, stop, http: plain_http(), tasks: vec![work, serving], dir }
    }
}

/// Waits until `condition` holds; fails after a limit in real time.
pub(crate) async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    within(what, async {
        while !condition().await {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Runs `work` for at most a limit in real time.
pub(crate) async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    RuntimeEnv::real().timeout(LIMIT, work).await.unwrap_or_else(|| panic!("waited too long: {what}"))
}

/// Returns a plain HTTP client without code of crow.
pub(crate) fn plain_http() -> reqwest::Client {
    plain_http_builder().build().expect("a client")
}

/// Returns the builder of a plain HTTP client.
pub(crate) fn plain_http_builder() -> reqwest::ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy()
}
