//! Handlers of rate windows and trips.

use super::guard::{AuthorizedOperator, RouteAccessTable, Viewer};
use super::translate;
use super::urls::visible_json;
use crate::domain::ids::{CompanyId, SubscriptionId};
use crate::domain::text::Untrusted;
use crate::engine::handle::Engine;
use crate::engine::overview::WindowWithHistory;
use crate::http::log_query::LogQuery;
use crate::http::problem::ProblemResponse;
use crate::http::query::{PagingQuery, TypedQuery, page_of};
use crate::wire::limits::{CallerUsageRow, LimitDetail, RouteUsageRow};
use crate::wire::log::{LogPage, TripQuery};
use crate::wire::page::Page;
use crate::wire::trips::TripRow;
use axum::Extension;
use axum::extract::State;

/// Maximum number of routes, and of callers, per window in the answer.
const MAX_TOP_ENTRIES: usize = 10;

/// `GET /portal/v1/limits`: rate windows with their busiest routes and callers, least headroom first.
pub(super) async fn list(
    _: AuthorizedOperator<Viewer>,
    State(engine): State<Engine>,
    Extension(access): Extension<RouteAccessTable>,
    TypedQuery(paging): TypedQuery<PagingQuery>,
) -> Result<axum::Json<Page<LimitDetail>>, ProblemResponse> {
    let (routes, callers) = engine.usage_today().await?;
    let tell = |window: WindowWithHistory| {
        let row = translate::limit_row(window);
        let top_routes: Vec<RouteUsageRow> = routes
            .iter()
            .filter(|of| of.key == row.key_id && access.bucket(&of.method, &of.route) == Some(row.bucket))
            .take(MAX_TOP_ENTRIES)
            .map(|of| RouteUsageRow {
                method: Untrusted::new(of.method.as_str()),
                route: Untrusted::new(of.route.as_str()),
                n: of.n,
            })
            .collect();
        let callers: Vec<CallerUsageRow> = callers
            .iter()
            .filter(|of| of.key == row.key_id)
            .take(MAX_TOP_ENTRIES)
            .map(|of| CallerUsageRow {
                address: Untrusted::new(of.address.as_str()),
                user_agent: Untrusted::new(of.agent.as_str()),
                n: of.n,
                last_utc: of.last_at,
            })
            .collect();
        LimitDetail { row, top_routes: Some(top_routes), callers: Some(callers) }
    };
    let name = |window: &WindowWithHistory| format!("{} {}", window.key.id, window.bucket);
    Ok(axum::Json(page_of(engine.limits().await?, &paging, "limits", name, tell)?))
}

/// `GET /portal/v1/trips`: trips of the breaker, newest first.
pub(super) async fn trips(
    operator: AuthorizedOperator<Viewer>,
    State(engine): State<Engine>,
    wanted: LogQuery<TripQuery>,
) -> Result<axum::Json<LogPage<TripRow>>, ProblemResponse> {
    let of = &wanted.filters;
    let (company, subscription) = (of.company.map(CompanyId), of.subscription.map(SubscriptionId));
    let page = engine.trip_log(company, subscription, wanted.page_spec(None, None)).await?;
    Ok(visible_json(&operator, wanted.log_page(page, TripRow::from)))
}
