//! The platform's HTTP server: the router table, guards, problem documents, and one file of handlers per noun.

mod affiliates;
mod alerts;
mod audit;
mod body;
mod clients;
mod connections;
mod deliveries;
mod events;
pub mod exposure;
mod field_names;
pub mod guard;
mod health;
mod json_scan;
mod keys;
mod limits;
mod listen;
mod log;
mod log_query;
mod metrics;
pub mod openapi;
mod operators;
pub mod otlp;
mod overview;
mod params;
mod partner_subscriptions;
mod problem;
mod problem_writer;
mod query;
mod redact;
mod replays;
mod request_context;
mod requests;
mod revisions;
pub mod router;
mod secretcheck;
mod signature_check;
mod stamp;
mod stats;
mod stream;
mod subscriptions;
mod translate;
mod urls;
mod write_timeout;

use crate::engine::handle::Engine;
use exposure::{ServerExposure, ServerReachability};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Serves the platform on a bound listener until `stop` is set, then waits for requests in flight to finish.
pub async fn serve(listener: TcpListener, engine: Engine, exposure: ServerExposure, stop: watch::Receiver<bool>) {
    let ambient = engine.ambient().clone();
    let reachability = Arc::new(ServerReachability::new(listener.local_addr().ok(), exposure));
    let router = router::router(engine, stop.clone(), Arc::clone(&reachability));
    listen::accept_connections(listener, router, reachability, &ambient, stop).await;
}
