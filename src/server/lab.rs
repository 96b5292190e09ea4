//! The signature lab over an attempt.

use super::guard::{Operator, Viewer};
use super::problem::Refusal;
use super::query::Id;
use crate::api::lab::{Lab, SignatureCheck};
use crate::domain::ids::AttemptId;
use crate::domain::text::Untrusted;
use crate::engine::Engine;
use axum::extract::State;

/// `GET /portal/v1/attempts/{id}/signature`: what the receiver's answer says about how it verified. It reveals no secret.
pub(super) async fn explain(
    _: Operator<Viewer>,
    State(engine): State<Engine>,
    Id(id): Id,
) -> Result<axum::Json<SignatureCheck>, Refusal> {
    let explained = engine.explain_signature(AttemptId(id)).await?;
    Ok(axum::Json(SignatureCheck {
        lab: Lab::from(&explained.finding),
        computed: explained.computed.map(Untrusted::new),
        clock_ahead_seconds: explained.clock_ahead,
    }))
}
