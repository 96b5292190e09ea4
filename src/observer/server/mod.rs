//! HTTP server of the observer: the routes of the Portal API over the history and the live poller. What only the Admin
//! Portal can do answers 501 `not_observable` with where it is done.

mod act_problem;
mod acts;
mod guard;
mod lists;
mod logs;
mod not_observable;
mod operators;
mod overview;
mod reports;
pub mod router;
mod secretcheck;
mod stamp;

use super::handle::PlatformObserver;
use crate::clock::RuntimeEnv;
use crate::http::exposure::{ServerExposure, ServerReachability};
use crate::http::listen;
use axum::extract::FromRef;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

impl FromRef<PlatformObserver> for RuntimeEnv {
    fn from_ref(observer: &PlatformObserver) -> Self {
        observer.ambient().clone()
    }
}

/// Serves the observer on a bound listener until `stop` is set, then waits for requests in flight to finish.
pub async fn serve(
    listener: TcpListener,
    observer: PlatformObserver,
    exposure: ServerExposure,
    stop: watch::Receiver<bool>,
) {
    let ambient = observer.ambient().clone();
    let reachability = Arc::new(ServerReachability::new(listener.local_addr().ok(), exposure));
    let router = router::router(observer, stop.clone(), Arc::clone(&reachability));
    listen::accept_connections(listener, router, reachability, &ambient, stop).await;
}
