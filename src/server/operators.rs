//! Handlers of operators and their tokens.

use super::body::Json;
use super::guard::{Admin, Operator};
use super::problem::Refusal;
use super::query::{Id, Paging, Query, page_of};
use crate::api::keys::ShownOnce;
use crate::api::operators::{CreatedOperator, NewOperator, OperatorRow, RevokedOperator};
use crate::api::page::Page;
use crate::domain::ids::OperatorId;
use crate::domain::operator;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::engine::Engine;
use crate::engine::revocations::RevokeResult;
use axum::extract::State;
use axum::http::StatusCode;

/// `GET /portal/v1/operators`: all operators including revoked ones, oldest first.
pub(super) async fn list(
    _: Operator<Admin>,
    State(engine): State<Engine>,
    Query(paging): Query<Paging>,
) -> Result<axum::Json<Page<OperatorRow>>, Refusal> {
    let rows = engine.operators().await?;
    let page = page_of(
        rows,
        &paging,
        "operators",
        |of| of.operator.id.to_string(),
        |of| row(of.operator, of.created_at, of.revoked_at),
    )?;
    Ok(axum::Json(page))
}

/// `POST /portal/v1/operators`: creates an operator, whose token is in this answer only.
pub(super) async fn create(
    operator: Operator<Admin>,
    State(engine): State<Engine>,
    Json(new): Json<NewOperator>,
) -> Result<(StatusCode, axum::Json<CreatedOperator>), Refusal> {
    let (kept, token) = engine.create_operator(operator.caller(), new.name, new.role).await?;
    let row = row(kept.operator, kept.created_at, kept.revoked_at);
    let token = ShownOnce::new(token.reveal().to_owned());
    Ok((StatusCode::CREATED, axum::Json(CreatedOperator { row, token })))
}

/// `POST /portal/v1/operators/{id}/revoke`: revokes an operator permanently and at once, also when the disk is full.
/// The last admin cannot be revoked.
pub(super) async fn revoke(
    operator: Operator<Admin>,
    State(engine): State<Engine>,
    Id(id): Id,
) -> Result<axum::Json<RevokedOperator>, Refusal> {
    let RevokeResult { row: kept, pending_reason: write_pending } =
        engine.revoke_operator(operator.caller(), OperatorId(id)).await?;
    let row = row(kept.operator, kept.created_at, kept.revoked_at);
    Ok(axum::Json(RevokedOperator { row, write_pending: write_pending.map(Untrusted::new) }))
}

fn row(of: operator::OperatorAccount, created_utc: Timestamp, revoked_utc: Option<Timestamp>) -> OperatorRow {
    OperatorRow {
        id: of.id,
        name: Untrusted::new(of.name),
        role: of.role,
        is_active: revoked_utc.is_none(),
        created_utc,
        revoked_utc,
    }
}
