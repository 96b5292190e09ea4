//! Handler of the signature debugger for attempts.

use super::guard::{Operator, Viewer};
use super::problem::Refusal;
use super::query::{Id, Query};
use crate::api::lab::{Lab, SignatureCheck, SignatureQuery};
use crate::domain::ids::AttemptId;
use crate::domain::text::Untrusted;
use crate::engine::Engine;
use axum::extract::State;

/// `GET /portal/v1/attempts/{id}/signature`: explains how the receiver verified an attempt, from its answer and from
/// the signature given in the query. Reveals no secret.
pub(super) async fn explain(
    operator: Operator<Viewer>,
    State(engine): State<Engine>,
    Id(id): Id,
    Query(query): Query<SignatureQuery>,
) -> Result<axum::Json<SignatureCheck>, Refusal> {
    let explained = engine.explain_signature(operator.id(), AttemptId(id), query.computed).await?;
    Ok(axum::Json(SignatureCheck {
        lab: Lab::from(&explained.diagnosis),
        computed: explained.computed.map(Untrusted::new),
        clock_ahead_seconds: explained.clock_ahead,
    }))
}
