//! Rate windows and trips.

use super::guard::{Operator, Viewer};
use super::problem::Refusal;
use super::query::{Paging, Query};
use super::translate;
use crate::api::limits::LimitRow;
use crate::api::page::Page;
use crate::api::trips::TripRow;
use crate::engine::Engine;
use axum::extract::State;

/// `GET /portal/v1/limits`: least headroom first.
pub(super) async fn list(
    _: Operator<Viewer>,
    State(engine): State<Engine>,
) -> Result<axum::Json<Page<LimitRow>>, Refusal> {
    let items = engine.limits().await?.into_iter().map(translate::window).collect();
    Ok(axum::Json(Page { items, next_cursor: None, has_more: false }))
}

/// `GET /portal/v1/trips`: newest first.
pub(super) async fn trips(
    _: Operator<Viewer>,
    State(engine): State<Engine>,
    Query(paging): Query<Paging>,
) -> Result<axum::Json<Page<TripRow>>, Refusal> {
    let items = engine.trips(paging.limit()?).await?.into_iter().map(Into::into).collect();
    Ok(axum::Json(Page { items, next_cursor: None, has_more: false }))
}
