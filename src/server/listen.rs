//! Connections: each is served by a task of its own and must not dawdle. Where axum's own loop waits for ever, this one gives up.

use super::bare::Dressed;
use crate::ambient::Ambient;
use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::util::MapRequest;

/// How long a head, and then a body, may take to arrive; and how long a connection may be silent between two calls.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// Headers in a head at most; more are refused before anything else sees them.
const MOST_HEADERS: usize = 512;
/// Connections open at once; the next one waits in the listener's queue.
const MOST_CONNECTIONS: usize = 2_048;
/// How long to wait when no connection can be accepted, for want of descriptors as a rule.
const BREATH: Duration = Duration::from_secs(1);

/// Serves whoever connects until `stop` says so; then lets calls under way finish.
pub(super) async fn run(listener: TcpListener, router: Router, ambient: &Ambient, stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept(), if connections.len() < MOST_CONNECTIONS => accepted,
            () = stopped(stop.clone()) => break,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok(accepted) => {
                connections.spawn(converse(accepted, router.clone(), ambient.clone(), stopped(stop.clone())));
            }
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted for the moment");
                ambient.sleep(BREATH).await;
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// One connection, call after call; its requests know who connected.
async fn converse(
    (stream, peer): (TcpStream, SocketAddr),
    router: Router,
    ambient: Ambient,
    stopped: impl Future<Output = ()>,
) {
    let _ = stream.set_nodelay(true);
    let router = MapRequest::new(router, move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(PATIENCE).max_headers(MOST_HEADERS);
    let mut connection =
        pin!(builder.serve_connection(TokioIo::new(Dressed::new(stream, ambient)), TowerToHyperService::new(router)));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
