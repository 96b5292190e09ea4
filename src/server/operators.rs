//! Handlers of operators and their tokens.

use super::guard::{Admin, AuthorizedOperator};
use crate::domain::ids::OperatorId;
use crate::domain::text::Untrusted;
use crate::engine::handle::Engine;
use crate::engine::revocations::RevokeResult;
use crate::http::body::JsonBody;
use crate::http::problem::ProblemResponse;
use crate::http::query::{PagingQuery, PathId, TypedQuery, page_of};
use crate::wire::keys::OneTimeSecret;
use crate::wire::operators::{CreatedOperator, NewOperator, OperatorRow, RevokedOperator};
use crate::wire::page::Page;
use axum::extract::State;
use axum::http::StatusCode;

/// `GET /portal/v1/operators`: all operators including revoked ones, oldest first.
pub(super) async fn list(
    _: AuthorizedOperator<Admin>,
    State(engine): State<Engine>,
    TypedQuery(paging): TypedQuery<PagingQuery>,
) -> Result<axum::Json<Page<OperatorRow>>, ProblemResponse> {
    let rows = engine.operators().await?;
    let page = page_of(
        rows,
        &paging,
        "operators",
        |of| of.operator.id.to_string(),
        |of| OperatorRow::new(of.operator, of.created_at, of.revoked_at),
    )?;
    Ok(axum::Json(page))
}

/// `POST /portal/v1/operators`: creates an operator, whose token is in this answer only.
pub(super) async fn create(
    operator: AuthorizedOperator<Admin>,
    State(engine): State<Engine>,
    JsonBody(new): JsonBody<NewOperator>,
) -> Result<(StatusCode, axum::Json<CreatedOperator>), ProblemResponse> {
    let (kept, token) = engine.create_operator(operator.caller(), new.name, new.role).await?;
    let row = OperatorRow::new(kept.operator, kept.created_at, kept.revoked_at);
    let token = OneTimeSecret::new(token.reveal().to_owned());
    Ok((StatusCode::CREATED, axum::Json(CreatedOperator { row, token })))
}

/// `POST /portal/v1/operators/{id}/revoke`: revokes an operator permanently and at once, also when the disk is full.
/// The last admin cannot be revoked.
pub(super) async fn revoke(
    operator: AuthorizedOperator<Admin>,
    State(engine): State<Engine>,
    PathId(id): PathId,
) -> Result<axum::Json<RevokedOperator>, ProblemResponse> {
    let RevokeResult { row: kept, pending_reason: write_pending } =
        engine.revoke_operator(operator.caller(), OperatorId(id)).await?;
    let row = OperatorRow::new(kept.operator, kept.created_at, kept.revoked_at);
    Ok(axum::Json(RevokedOperator { row, write_pending: write_pending.map(Untrusted::new) }))
}
