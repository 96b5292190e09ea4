//! What passes `crow listen` and `crow relay`: the same bytes as without them, a record of each message, and no harm when
//! the recorder is in trouble.

mod calls;
mod diagnosis;
mod differential;
mod kills;
mod messages;
mod observer;
mod reports;
mod scripted;
mod seen;
mod stopped;

use crate::support::platform::within;
use crow::clock::RuntimeEnv;
use crow::history::PlatformHistory;
use crow::http::exposure::{ServerExposure, ServerReachability};
use crow::http::listen::{RequestHandler, accept_for_proxy};
use crow::relay::call_proxy::{ANSWER_TIMEOUT, CallProxy, CallProxyConfig};
use crow::relay::recorder::RecordSink;
use crow::relay::upstream::{UpstreamAddress, UpstreamClient};
use crow::relay::webhook_proxy::{HANDOVER_TIMEOUT, WebhookProxy, WebhookProxyConfig};
use crow::relay::webhook_receipt::ListenArrival;
use crow::relay::webhook_routes::{WebhookRoute, WebhookRoutes};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// A proxy in this process, with the history that it records in.
struct Proxy {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
    recording: JoinHandle<()>,
}

impl Proxy {
    async fn serve(make: impl FnOnce(Arc<ServerReachability>) -> (RequestHandler, JoinHandle<()>)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let reachability = Arc::new(ServerReachability::new(Some(address), ServerExposure::default()));
        let (handler, recording) = make(Arc::clone(&reachability));
        let (stop, stopped) = watch::channel(false);
        let serving = tokio::spawn(async move {
            accept_for_proxy(listener, handler, reachability, &RuntimeEnv::real(), stopped).await;
        });
        Self { address, stop, serving, recording }
    }

    /// A relay in front of a platform.
    async fn relay(platform: &str, sink: RecordSink) -> Self {
        let ambient = RuntimeEnv::real();
        let upstream = UpstreamClient::new(ambient.clone(), ANSWER_TIMEOUT, &[]).expect("a client");
        let platform = UpstreamAddress::parse(platform).expect("an address");
        Self::serve(|reachability| {
            let config = CallProxyConfig {
                platform,
                upstream,
                reachability,
                name_header: Some("x-app".parse().expect("a name")),
                keeps_refusals: true,
                shown: None,
            };
            let (proxy, recording) = CallProxy::start(config, sink, &ambient);
            (proxy.handler(), recording)
        })
        .await
    }

    /// A listener in front of a receiver, with the channel of its arrivals.
    async fn listener(receiver: &str, sink: RecordSink) -> (Self, mpsc::Receiver<ListenArrival>) {
        let ambient = RuntimeEnv::real();
        let upstream = UpstreamClient::new(ambient.clone(), HANDOVER_TIMEOUT, &[]).expect("a client");
        let target = UpstreamAddress::parse(receiver).expect("an address");
        let routes = WebhookRoutes::new(vec![WebhookRoute::new(None, Some(target))]).expect("routes");
        let (arrivals, arrived) = mpsc::channel(1_000);
        let proxy = Self::serve(|reachability| {
            let config = WebhookProxyConfig { routes, upstream, reachability, keeps_bodies: true, arrivals };
            let (proxy, recording) = WebhookProxy::start(config, sink, &ambient);
            (proxy.handler(), recording)
        })
        .await;
        (proxy, arrived)
    }

    /// Stops the proxy and waits until everything is recorded.
    async fn end(self) {
        self.stop.send_replace(true);
        within("the proxy ends", self.serving).await.expect("no panic");
        within("the last record", self.recording).await.expect("no panic");
    }
}

/// A directory with a history.
struct Kept(TempDir);

impl Kept {
    fn new() -> Self {
        Self(TempDir::new().expect("a directory"))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("history.db")
    }

    fn sink(&self) -> RecordSink {
        RecordSink::History(PlatformHistory::open(&self.path()).expect("it opens"))
    }

    /// Rows that a query finds, each column as text.
    fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        rows(&self.path(), sql)
    }
}

/// Rows that a query of a database finds, each column as text.
fn rows(path: &Path, sql: &str) -> Vec<Vec<String>> {
    let database = rusqlite::Connection::open(path).expect("it opens");
    let mut statement = database.prepare(sql).expect("a statement");
    let n = statement.column_count();
    let text = |value: rusqlite::types::Value| match value {
        rusqlite::types::Value::Null => "-".to_owned(),
        rusqlite::types::Value::Integer(number) => number.to_string(),
        rusqlite::types::Value::Real(number) => number.to_string(),
        rusqlite::types::Value::Text(text) => text,
        rusqlite::types::Value::Blob(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
    };
    let found = statement.query_map([], |row| (0..n).map(|at| Ok(text(row.get(at)?))).collect::<Result<Vec<_>, _>>());
    found.expect("rows").collect::<Result<_, _>>().expect("all of them")
}
