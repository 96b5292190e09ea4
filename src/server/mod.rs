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
mod listen;
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
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Serves the platform on a listener that is already bound, until `stop` says so; then lets calls under way finish.
pub async fn serve(listener: TcpListener, engine: Engine, stop: watch::Receiver<bool>) {
    let ambient = engine.ambient().clone();
    let bound = metrics::Bound(listener.local_addr().ok());
    listen::serve(listener, router::router(engine, stop.clone(), bound), &ambient, stop).await;
}
