//! Handler of the signature debugger for attempts.

use super::guard::{AuthorizedOperator, Viewer};
use crate::domain::ids::AttemptId;
use crate::domain::text::Untrusted;
use crate::engine::handle::Engine;
use crate::http::problem::ProblemResponse;
use crate::http::query::{PathId, TypedQuery};
use crate::wire::signature_check::{SignatureCheck, SignatureQuery, SignatureReport};
use axum::extract::State;

/// `GET /portal/v1/attempts/{id}/signature`: explains how the receiver verified an attempt, from its answer and from
/// the signature given in the query. Reveals no secret.
pub(super) async fn explain(
    operator: AuthorizedOperator<Viewer>,
    State(engine): State<Engine>,
    PathId(id): PathId,
    TypedQuery(query): TypedQuery<SignatureQuery>,
) -> Result<axum::Json<SignatureCheck>, ProblemResponse> {
    let explained = engine.explain_signature(operator.id(), AttemptId(id), query.computed).await?;
    let mut lab = SignatureReport::from(&explained.diagnosis);
    if !operator.can_reveal() {
        lab.causes.iter_mut().for_each(|cause| cause.excerpt = None);
    }
    Ok(axum::Json(SignatureCheck {
        lab,
        computed: explained.computed.map(Untrusted::new),
        clock_ahead_seconds: explained.clock_ahead,
    }))
}
