//! The delivery log.

use super::guard::{Operator, Viewer};
use super::problem::Refusal;
use super::query::{Id, Paging, Query, cursor};
use super::translate;
use crate::api::attempts::{AttemptDetail, AttemptRow};
use crate::api::page::Page;
use crate::domain::ids::{AttemptId, SubscriptionId};
use crate::engine::Engine;
use axum::extract::State;
use serde::Deserialize;

const LIST: &str = "attempts";

/// Which attempts.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    subscription: Option<i64>,
    cursor: Option<String>,
    limit: Option<u32>,
}

/// `GET /portal/v1/attempts`: newest first.
pub(super) async fn list(
    _: Operator<Viewer>,
    State(engine): State<Engine>,
    Query(wanted): Query<Wanted>,
) -> Result<axum::Json<Page<AttemptRow>>, Refusal> {
    let paging = Paging { cursor: wanted.cursor, limit: wanted.limit };
    let of = wanted.subscription.map_or_else(|| LIST.to_owned(), |id| format!("{LIST}/{id}"));
    let before = paging.position(&of)?.map(AttemptId);
    let (attempts, has_more) =
        engine.attempts(wanted.subscription.map(SubscriptionId), before, paging.limit()?).await?;
    let next_cursor = attempts.last().map(|attempt| cursor(&of, attempt.id.0));
    Ok(axum::Json(Page { items: attempts.into_iter().map(Into::into).collect(), next_cursor, has_more }))
}

/// `GET /portal/v1/attempts/{id}`: byte by byte.
pub(super) async fn get(
    _: Operator<Viewer>,
    State(engine): State<Engine>,
    Id(id): Id,
) -> Result<axum::Json<AttemptDetail>, Refusal> {
    let (attempt, exchange, sent) = engine.attempt(AttemptId(id)).await?;
    Ok(axum::Json(translate::attempt(attempt, exchange, &sent)))
}
