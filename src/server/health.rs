//! Handlers of the liveness and readiness checks.

use crate::domain::target::TargetPolicy;
use crate::engine::handle::{Engine, EngineStatus};
use crate::http::problem::ProblemResponse;
use crate::wire::problem::{Problem, ProblemCode};
use axum::extract::State;
use serde_json::{Value, json};

/// `GET /healthz`: answers while the process serves requests.
pub(super) async fn healthz(State(engine): State<Engine>) -> axum::Json<Value> {
    axum::Json(json!({
        "status": "ok",
        "version": env!("CARGO_PKG_VERSION"),
        "privateTargets": engine.settings().target_policy == TargetPolicy::Private,
    }))
}

/// `GET /readyz`: answers 200 if the database accepts writes and the dispatcher runs, otherwise 503 with the reason.
pub(super) async fn readyz(State(engine): State<Engine>) -> Result<axum::Json<Value>, ProblemResponse> {
    engine.companies().await?;
    let EngineStatus { is_dispatching, pause_reason: paused, write_fault } = engine.status();
    if let Some(why) = write_fault {
        let problem = Problem::new(ProblemCode::StorageFull, format!("{why}; writes are rejected, reads keep working"));
        return Err(Problem { status: 503, title: ProblemCode::Contended.title().to_owned(), ..problem }.into());
    }
    match paused {
        Some(why) => Err(ProblemResponse::new(ProblemCode::Contended, format!("dispatch is paused: {why}"))),
        None if !is_dispatching => Err(ProblemResponse::new(ProblemCode::Contended, "the dispatcher is not running")),
        None => Ok(axum::Json(json!({"status": "ready"}))),
    }
}
