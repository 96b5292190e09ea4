//! The platform's HTTP server: the router table, guards, problem documents, and one file of handlers per noun.

mod affiliates;
mod alerts;
mod audit;
mod bare;
mod body;
mod clients;
mod connections;
mod deliveries;
mod events;
pub mod exposure;
pub mod guard;
mod health;
mod keys;
mod known;
mod lab;
mod limits;
mod listen;
mod log;
mod metrics;
pub mod openapi;
mod operators;
pub mod otlp;
mod overview;
mod paced;
mod params;
mod place;
mod problem;
mod query;
mod redact;
mod replays;
mod requests;
mod revisions;
pub mod router;
mod secretcheck;
mod stamp;
mod stats;
mod stream;
mod strict;
mod subscribers;
mod subscriptions;
mod translate;
mod urls;

use crate::engine::Engine;
use exposure::{Exposure, Reachability};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Serves the platform on a bound listener until `stop` is set, then waits for requests in flight to finish.
pub async fn serve(listener: TcpListener, engine: Engine, exposure: Exposure, stop: watch::Receiver<bool>) {
    let ambient = engine.ambient().clone();
    let reachability = Arc::new(Reachability::new(listener.local_addr().ok(), exposure));
    let router = router::router(engine, stop.clone(), Arc::clone(&reachability));
    listen::run(listener, router, reachability, &ambient, stop).await;
}
