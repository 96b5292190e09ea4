//! Handler of the overview, the data of the dashboard.

use super::guard::{Operator, Viewer};
use super::problem::Refusal;
use super::query::Query;
use super::translate;
use super::urls::shown;
use crate::api::overview::{Overview, OverviewQuery};
use crate::engine::Engine;
use axum::extract::State;

/// `GET /portal/v1/overview`: the data of the dashboard at one moment.
pub(super) async fn get(
    operator: Operator<Viewer>,
    State(engine): State<Engine>,
    Query(query): Query<OverviewQuery>,
) -> Result<axum::Json<Overview>, Refusal> {
    let rows = query.rows.unwrap_or(50);
    if !(1..=500).contains(&rows) {
        return Err(Refusal::invalid("rows", "must be 1 to 500"));
    }
    Ok(shown(&operator, translate::dashboard(engine.overview(rows).await?, &engine)))
}
