//! The platform's HTTP server: the router table, guards, problem documents, and one file of handlers per noun.

mod affiliates;
mod alerts;
mod audit;
mod body;
mod clients;
mod deliveries;
mod engine_problem;
mod events;
pub mod guard;
mod health;
mod keys;
mod limits;
mod log;
mod metrics;
pub mod openapi;
mod operators;
pub mod otlp;
mod overview;
mod partner_subscriptions;
mod redact;
mod replays;
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

use crate::clock::RuntimeEnv;
use crate::engine::handle::Engine;
use crate::http::exposure::{ServerExposure, ServerReachability};
use crate::http::listen;
use axum::extract::FromRef;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

impl FromRef<Engine> for RuntimeEnv {
    fn from_ref(engine: &Engine) -> Self {
        engine.ambient().clone()
    }
}

/// Serves the platform on a bound listener until `stop` is set, then waits for requests in flight to finish.
pub async fn serve(listener: TcpListener, engine: Engine, exposure: ServerExposure, stop: watch::Receiver<bool>) {
    let ambient = engine.ambient().clone();
    let reachability = Arc::new(ServerReachability::new(listener.local_addr().ok(), exposure));
    let router = router::router(engine, stop.clone(), Arc::clone(&reachability));
    listen::accept_connections(listener, router, reachability, &ambient, stop).await;
}
