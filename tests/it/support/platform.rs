//! A platform under test: everything real but the clock and the dice.

use crow::ambient::Ambient;
use crow::api::keys::{Company, NewCompany, NewKey};
use crow::client::connection::{Client, Credential};
use crow::domain::delivery::Schedule;
use crow::domain::key::Scope;
use crow::domain::secret::Secret;
use crow::domain::target::Policy;
use crow::domain::time::Timestamp;
use crow::engine::{Engine, Settings};
use crow::server;
use serde_json::Value;
use std::future::Future;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Where the scripted clock begins: a Monday, ten seconds into a minute.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_795_430_410_000);
/// How long anything may take in real time before a test gives up.
const LIMIT: Duration = Duration::from_secs(20);

/// A platform that runs.
pub(crate) struct Platform {
    pub(crate) ambient: Ambient,
    pub(crate) address: String,
    engine: Engine,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    dir: TempDir,
}

/// What a call answered.
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
    /// A new platform in a new directory.
    pub(crate) async fn start() -> Self {
        Self::start_in(TempDir::new().expect("a directory"), Ambient::scripted(START, 1)).await
    }

    async fn start_in(dir: TempDir, ambient: Ambient) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let settings =
            Settings { data_dir: dir.path().to_owned(), policy: Policy::Private, schedule: Schedule::default() };
        let engine = Engine::open(settings, ambient.clone()).await.expect("it opens");
        let (stop, stopped) = watch::channel(false);
        let work = tokio::spawn({
            let (engine, stopped) = (engine.clone(), stopped.clone());
            async move { engine.run(stopped).await }
        });
        let serving = tokio::spawn({
            let engine = engine.clone();
            async move { server::serve(listener, engine, stopped).await.expect("it serves") }
        });
        let platform = Self { ambient, address, engine, stop, tasks: vec![work, serving], dir };
        platform.until("the dispatcher runs", async || platform.engine.status().is_dispatching).await;
        platform
    }

    /// Stops in order and starts again on the same directory, on another port.
    pub(crate) async fn restart(self) -> Self {
        self.restart_after(|_| ()).await
    }

    /// Stops in order, does something to the directory, and starts again on it, on another port.
    pub(crate) async fn restart_after(self, between: impl FnOnce(&Path)) -> Self {
        let Self { ambient, engine, stop, tasks, dir, .. } = self;
        stop.send_replace(true);
        for task in tasks {
            task.await.expect("no panic");
        }
        drop(engine);
        between(dir.path());
        Self::start_in(dir, ambient).await
    }

    /// An admin's client.
    pub(crate) fn operator(&self) -> Client {
        Client::new(&self.address, Credential::Operator(self.engine.mint_operator("test"))).expect("a client")
    }

    /// An admin's token.
    pub(crate) fn token(&self) -> Secret {
        self.engine.mint_operator("test")
    }

    /// The address of the same platform where other machines could reach it.
    pub(crate) async fn exposed(&self) -> String {
        let listener = TcpListener::bind("0.0.0.0:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(server::serve(listener, self.engine.clone(), self.stop.subscribe()));
        format!("http://127.0.0.1:{port}")
    }

    /// A new company.
    pub(crate) async fn company(&self, name: &str) -> Company {
        self.operator().create_company(&NewCompany { name: name.to_owned() }).await.expect("a company")
    }

    /// A new key of a company.
    pub(crate) async fn key(&self, company: &Company, scopes: &[Scope]) -> Secret {
        let new = NewKey { company_id: company.id, name: "test key".to_owned(), scopes: scopes.to_vec(), limits: None };
        self.operator().create_key(&new).await.expect("a key").key.into_secret()
    }

    /// The same as a client.
    pub(crate) fn partner(&self, key: &Secret) -> Client {
        Client::new(&self.address, Credential::Key(Secret::new(key.reveal().to_owned()))).expect("a client")
    }

    /// A plain call with the headers and the body given.
    pub(crate) async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Answer {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = plain_http().request(method, format!("{}{path}", self.address));
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

    /// Moves the clock in steps of 100 ms until `condition` holds; fails after a limit in real time.
    pub(crate) async fn advance_until(&self, what: &str, condition: impl AsyncFn() -> bool) {
        self.until(what, async || {
            self.advance(Duration::from_millis(100));
            condition().await
        })
        .await;
    }

    /// Waits until `condition` holds, without moving the clock; fails after a limit in real time.
    pub(crate) async fn until(&self, what: &str, condition: impl AsyncFn() -> bool) {
        within(what, async {
            while !condition().await {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

/// Runs `work` for at most a limit in real time.
pub(crate) async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    Ambient::real().within(LIMIT, work).await.unwrap_or_else(|| panic!("waited too long: {what}"))
}

/// A client without anything of ours in it.
fn plain_http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().expect("a client")
}
