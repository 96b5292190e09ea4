//! Handler of the overview, the data of the dashboard.

use super::guard::{AuthorizedOperator, Viewer};
use super::translate;
use super::urls::visible_json;
use crate::engine::handle::Engine;
use crate::http::problem::ProblemResponse;
use crate::http::query::TypedQuery;
use crate::wire::coverage::PlatformCoverage;
use crate::wire::overview::{OverviewQuery, PlatformOverview};
use axum::extract::State;

/// `GET /portal/v1/overview`: the data of the dashboard at one moment.
pub(super) async fn get(
    operator: AuthorizedOperator<Viewer>,
    State(engine): State<Engine>,
    TypedQuery(query): TypedQuery<OverviewQuery>,
) -> Result<axum::Json<PlatformOverview>, ProblemResponse> {
    let rows = query.rows.unwrap_or(50);
    if !(1..=500).contains(&rows) {
        return Err(ProblemResponse::invalid_field("rows", "must be 1 to 500"));
    }
    Ok(visible_json(&operator, translate::overview_answer(engine.overview(rows).await?, &engine)))
}

/// `GET /portal/v1/coverage`: a platform knows everything of itself.
pub(super) async fn coverage(_: AuthorizedOperator<Viewer>) -> axum::Json<PlatformCoverage> {
    axum::Json(PlatformCoverage::full())
}
