//! Handlers of the operators of `crow observe`. An observer in the process of a console or command keeps none.

use super::act_problem::storage;
use super::guard::{AttachedOperator, MayManage};
use super::lists::not_found;
use super::not_observable::not_observable;
use crate::domain::field_error::validate_name;
use crate::domain::ids::OperatorId;
use crate::domain::operator::MAX_OPERATOR_NAME_CHARS;
use crate::domain::text::Untrusted;
use crate::history::operators::KeptOperator;
use crate::http::body::JsonBody;
use crate::http::problem::ProblemResponse;
use crate::http::query::{PagingQuery, PathId, TypedQuery, page_of};
use crate::observer::handle::PlatformObserver;
use crate::observer::operators::{new_token, token_hash};
use crate::wire::keys::OneTimeSecret;
use crate::wire::operators::{CreatedOperator, NewOperator, OperatorRow, RevokedOperator};
use crate::wire::page::Page;
use axum::extract::State;
use axum::http::StatusCode;

/// `GET /portal/v1/operators`: all operators including revoked ones, oldest first.
pub(super) async fn list(
    _: AttachedOperator<MayManage>,
    State(observer): State<PlatformObserver>,
    TypedQuery(paging): TypedQuery<PagingQuery>,
) -> Result<axum::Json<Page<OperatorRow>>, ProblemResponse> {
    check_kept(&observer)?;
    let kept = observer.history().operators().await.map_err(storage)?;
    Ok(axum::Json(page_of(kept, &paging, "operators", |of| of.account.id.to_string(), operator_row)?))
}

/// `POST /portal/v1/operators`: creates an operator, whose token is in this answer only.
pub(super) async fn create(
    _: AttachedOperator<MayManage>,
    State(observer): State<PlatformObserver>,
    JsonBody(new): JsonBody<NewOperator>,
) -> Result<(StatusCode, axum::Json<CreatedOperator>), ProblemResponse> {
    check_kept(&observer)?;
    if let Some(fault) = validate_name(&new.name, MAX_OPERATOR_NAME_CHARS) {
        return Err(ProblemResponse::invalid_field(fault.field, fault.text));
    }
    let name = new.name.trim().to_owned();
    let (token, now) = (new_token(observer.ambient()), observer.ambient().now());
    let added = observer.history().add_operator(name, new.role, token_hash(token.reveal()), now).await;
    let added = added.map_err(storage)?;
    let added = added.ok_or_else(|| ProblemResponse::invalid_field("name", "is already used by another operator"))?;
    let token = OneTimeSecret::new(token.reveal().to_owned());
    Ok((StatusCode::CREATED, axum::Json(CreatedOperator { row: operator_row(added), token })))
}

/// `POST /portal/v1/operators/{id}/revoke`: revokes an operator permanently and at once. The last admin cannot be
/// revoked.
pub(super) async fn revoke(
    _: AttachedOperator<MayManage>,
    State(observer): State<PlatformObserver>,
    PathId(id): PathId,
) -> Result<axum::Json<RevokedOperator>, ProblemResponse> {
    check_kept(&observer)?;
    let (id, now) = (OperatorId(id), observer.ambient().now());
    let kept = observer.history().operators().await.map_err(storage)?;
    let kept = kept.into_iter().find(|of| of.account.id == id);
    let mut kept = kept.ok_or_else(|| not_found(&format!("operator {id}")))?;
    if !observer.operators().revoke(id) {
        return Err(last_admin());
    }
    // In force from here on; what could not be stored is said, because a restart would undo it.
    let stored = observer.history().revoke_operator(id, now).await;
    if stored.is_ok() {
        observer.operators().settle_revocation(id);
    }
    // Another process revoked the other admins meanwhile.
    if stored.as_ref().is_ok_and(|is_revoked| !is_revoked) {
        return Err(last_admin());
    }
    kept.revoked_at = kept.revoked_at.or(Some(now));
    let write_pending = stored.err().map(|error| Untrusted::new(error.to_string()));
    Ok(axum::Json(RevokedOperator { row: operator_row(kept), write_pending }))
}

fn last_admin() -> ProblemResponse {
    ProblemResponse::invalid_field("id", "is the last admin; create another admin first")
}

fn check_kept(observer: &PlatformObserver) -> Result<(), ProblemResponse> {
    if observer.operators().are_kept() {
        return Ok(());
    }
    Err(not_observable(
        "a key cannot manage operators of the platform; those of an observer are managed on crow observe",
    ))
}

fn operator_row(of: KeptOperator) -> OperatorRow {
    OperatorRow::new(of.account, of.created_at, of.revoked_at)
}
