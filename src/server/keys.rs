//! Handlers of companies and API keys.

use super::guard::{Admin, AuthorizedOperator, Viewer};
use super::translate;
use crate::domain::ids::KeyId;
use crate::domain::key::KeyLimits;
use crate::domain::text::Untrusted;
use crate::engine::handle::Engine;
use crate::engine::keys::KeyDraft;
use crate::engine::revocations::RevokeResult;
use crate::http::body::JsonBody;
use crate::http::problem::ProblemResponse;
use crate::http::query::{PagingQuery, PathId, TypedQuery, page_of};
use crate::wire::keys::{
    CompanyRow, CreatedKey, KeyRow, LimitsPatch, NewCompany, NewKey, OneTimeSecret, RecentKeyUsage, RequestedLimits,
    RevokedKey,
};
use crate::wire::page::Page;
use axum::extract::State;
use axum::http::StatusCode;
use std::convert::identity;

/// `GET /portal/v1/companies`: every company on the platform.
pub(super) async fn companies(
    _: AuthorizedOperator<Viewer>,
    State(engine): State<Engine>,
    TypedQuery(paging): TypedQuery<PagingQuery>,
) -> Result<axum::Json<Page<CompanyRow>>, ProblemResponse> {
    let rows = engine.companies().await?;
    Ok(axum::Json(page_of(rows, &paging, "companies", |row| row.id.to_string(), CompanyRow::from)?))
}

/// `POST /portal/v1/companies`: creates a company with a name.
pub(super) async fn create_company(
    operator: AuthorizedOperator<Admin>,
    State(engine): State<Engine>,
    JsonBody(new): JsonBody<NewCompany>,
) -> Result<(StatusCode, axum::Json<CompanyRow>), ProblemResponse> {
    Ok((StatusCode::CREATED, axum::Json(engine.create_company(operator.caller(), new.name).await?.into())))
}

/// `GET /portal/v1/keys`: keys of all companies, worst health first.
pub(super) async fn list(
    _: AuthorizedOperator<Viewer>,
    State(engine): State<Engine>,
    TypedQuery(paging): TypedQuery<PagingQuery>,
) -> Result<axum::Json<Page<KeyRow>>, ProblemResponse> {
    let rows = engine.keys().await?.iter().map(translate::key_row).collect();
    Ok(axum::Json(page_of(rows, &paging, "keys", |row: &KeyRow| row.id.to_string(), identity)?))
}

/// `POST /portal/v1/keys`: creates a key, whose full text is in this answer only.
pub(super) async fn create(
    operator: AuthorizedOperator<Admin>,
    State(engine): State<Engine>,
    JsonBody(new): JsonBody<NewKey>,
) -> Result<(StatusCode, axum::Json<CreatedKey>), ProblemResponse> {
    let RequestedLimits { read, write, admin } = new.limits.unwrap_or_default();
    let wish = KeyDraft {
        company: new.company_id,
        name: new.name,
        scopes: new.scopes.into_iter().collect(),
        limits: KeyLimits { read, write, admin },
    };
    let (key, secret) = engine.create_key(operator.caller(), wish).await?;
    let created = CreatedKey {
        row: KeyRow::new(&key, RecentKeyUsage::default()),
        key: OneTimeSecret::new(secret.reveal().to_owned()),
    };
    Ok((StatusCode::CREATED, axum::Json(created)))
}

/// `POST /portal/v1/keys/{id}/revoke`: revokes a key; in force at once, also when the disk is full.
pub(super) async fn revoke(
    operator: AuthorizedOperator<Admin>,
    State(engine): State<Engine>,
    PathId(id): PathId,
) -> Result<axum::Json<RevokedKey>, ProblemResponse> {
    let RevokeResult { row, pending_reason: write_pending } = engine.revoke_key(operator.caller(), KeyId(id)).await?;
    let row = KeyRow::new(&row, RecentKeyUsage::default());
    Ok(axum::Json(RevokedKey { row, write_pending: write_pending.map(Untrusted::new) }))
}

/// `PATCH /portal/v1/keys/{id}/limits`: changes rate limits from the next request on. Null restores the default,
/// absent limits are kept.
pub(super) async fn set_limits(
    operator: AuthorizedOperator<Admin>,
    State(engine): State<Engine>,
    PathId(id): PathId,
    JsonBody(patch): JsonBody<LimitsPatch>,
) -> Result<axum::Json<KeyRow>, ProblemResponse> {
    let change = |mut limits: KeyLimits| {
        patch.read.apply(&mut limits.read);
        patch.write.apply(&mut limits.write);
        patch.admin.apply(&mut limits.admin);
        limits
    };
    let key = engine.set_key_limits(operator.caller(), KeyId(id), change).await?;
    Ok(axum::Json(KeyRow::new(&key, RecentKeyUsage::default())))
}
