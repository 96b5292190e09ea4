//! Handlers that list and restore subscription revisions.

use super::guard::{Acting, AuthorizedOperator, Viewer};
use super::translate;
use super::urls::{as_seen, visible_json};
use crate::domain::ids::SubscriptionId;
use crate::domain::subscription::SubscriptionRevision;
use crate::engine::handle::Engine;
use crate::http::body::JsonBody;
use crate::http::problem::ProblemResponse;
use crate::http::query::{PagingQuery, PathId, TypedQuery, page_of};
use crate::wire::page::Page;
use crate::wire::subscriptions::{RevisionRow, RollbackRequest, SubscriptionRow};
use axum::extract::State;

/// `GET /portal/v1/subscriptions/{id}/revisions`: the configurations of a subscription, the one in force first.
pub(super) async fn list(
    operator: AuthorizedOperator<Viewer>,
    State(engine): State<Engine>,
    PathId(id): PathId,
    TypedQuery(paging): TypedQuery<PagingQuery>,
) -> Result<axum::Json<Page<RevisionRow>>, ProblemResponse> {
    let revisions = engine.revisions(SubscriptionId(id)).await?;
    let number = |of: &SubscriptionRevision| of.number.to_string();
    let page = page_of(revisions, &paging, "revisions", number, |of| as_seen(&operator, RevisionRow::from(of)))?;
    Ok(axum::Json(page))
}

/// `POST /portal/v1/subscriptions/{id}/rollback`: restores an earlier configuration as a new revision.
pub(super) async fn roll_back(
    operator: AuthorizedOperator<Acting>,
    State(engine): State<Engine>,
    PathId(id): PathId,
    JsonBody(wish): JsonBody<RollbackRequest>,
) -> Result<axum::Json<SubscriptionRow>, ProblemResponse> {
    engine.roll_back(operator.caller(), SubscriptionId(id), wish.revision).await?;
    Ok(visible_json(&operator, translate::subscription_row(engine.subscription_health(SubscriptionId(id)).await?)))
}
