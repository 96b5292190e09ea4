//! Listening: connections are served until told to stop; slow and idle ones are closed, and no more than so many are open at once.

use crate::ambient::Ambient;
use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tower::util::MapRequest;

/// How long a caller may take to send the head of a request, and how long a connection may be idle.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// Bytes of a request's head that are read before it is refused: more than the stamp permits, so that the stamp can say so.
const HEAD_BUFFER: usize = 64 * 1024;
/// Connections open at once; the next one waits in the listener's queue.
const CONNECTIONS: usize = 2_048;

/// How long to wait when no connection can be accepted, as when descriptors run out.
const REST: Duration = Duration::from_millis(100);

/// Serves `router` on `listener` until `stop` says so, then lets calls under way finish.
pub(super) async fn serve(listener: TcpListener, router: Router, ambient: &Ambient, mut stop: watch::Receiver<bool>) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (listener.accept().await, place)
        };
        let stopped = async {
            let _ = stop.wait_for(|stop| *stop).await;
        };
        tokio::select! {
            (accepted, place) = accepted => match (accepted, place) {
                (Ok(accepted), Ok(place)) => attend(accepted, router.clone(), &graceful, place),
                (Err(error), _) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    ambient.sleep(REST).await;
                }
                (_, Err(_)) => break,
            },
            () = stopped => break,
        }
    }
    drop(listener);
    graceful.shutdown().await;
}

/// Serves one connection in a task of its own; its requests know who connected.
fn attend(
    (stream, peer): (TcpStream, SocketAddr),
    router: Router,
    graceful: &GracefulShutdown,
    place: OwnedSemaphorePermit,
) {
    let _ = stream.set_nodelay(true);
    let router = MapRequest::new(router, move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HEAD_BUFFER)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended early");
        }
        drop(place);
    });
}
