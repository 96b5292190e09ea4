//! Whether the platform lives, and whether it can work.

use super::problem::Refusal;
use crate::api::problem::Code;
use crate::domain::target::Policy;
use crate::engine::Engine;
use axum::extract::State;
use serde_json::{Value, json};

/// `GET /healthz`: the process answers.
pub(super) async fn healthz(State(engine): State<Engine>) -> axum::Json<Value> {
    axum::Json(json!({
        "status": "ok",
        "version": env!("CARGO_PKG_VERSION"),
        "privateTargets": engine.settings().policy == Policy::Private,
    }))
}

/// `GET /readyz`: the database answers and the dispatcher runs.
pub(super) async fn readyz(State(engine): State<Engine>) -> Result<axum::Json<Value>, Refusal> {
    engine.companies().await?;
    let status = engine.status();
    if !status.is_dispatching || status.paused.is_some() {
        let why = status.paused.unwrap_or_else(|| "the dispatcher is not running".to_owned());
        return Err(Refusal::new(Code::Contended, why));
    }
    Ok(axum::Json(json!({"status": "ready"})))
}
