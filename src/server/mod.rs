//! The platform's network face: the router's table, the guards, problem+json, one file of handlers per noun.

mod audit;
mod body;
mod deliveries;
mod events;
pub mod guard;
mod health;
mod keys;
mod leads;
mod limits;
mod log;
mod metrics;
pub mod openapi;
mod operators;
mod overview;
mod place;
mod problem;
mod query;
mod requests;
mod revisions;
pub mod router;
mod stamp;
mod stats;
mod stream;
mod subscriptions;
mod translate;

use crate::engine::Engine;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Serves the platform on a listener that is already bound, until `stop` says so; then lets calls under way finish.
///
/// # Errors
/// When the listener breaks.
pub async fn serve(listener: TcpListener, engine: Engine, mut stop: watch::Receiver<bool>) -> std::io::Result<()> {
    let bound = metrics::Bound(listener.local_addr().ok());
    let router = router::router(engine, stop.clone(), bound).into_make_service_with_connect_info::<SocketAddr>();
    let stopped = async move {
        let _ = stop.wait_for(|stop| *stop).await;
    };
    axum::serve(listener, router).with_graceful_shutdown(stopped).await
}
