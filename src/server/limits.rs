//! Handlers of rate windows and trips.

use super::guard::{Access, Operator, Viewer};
use super::place::Wanted;
use super::problem::Refusal;
use super::query::{Paging, Query, page_of};
use super::urls::shown;
use super::{router, translate};
use crate::api::limits::{CallerUse, LimitDetail, RouteUse};
use crate::api::log::{LogPage, TripQuery};
use crate::api::page::Page;
use crate::api::trips::TripRow;
use crate::domain::ids::{CompanyId, SubscriptionId};
use crate::domain::text::Untrusted;
use crate::domain::window::RateBucket;
use crate::engine::Engine;
use crate::engine::overview::WindowWithHistory;
use axum::extract::State;

/// Maximum number of routes, and of callers, per window in the answer.
const SHOWN: usize = 10;

/// `GET /portal/v1/limits`: rate windows with their busiest routes and callers, least headroom first.
pub(super) async fn list(
    _: Operator<Viewer>,
    State(engine): State<Engine>,
    Query(paging): Query<Paging>,
) -> Result<axum::Json<Page<LimitDetail>>, Refusal> {
    let (routes, callers) = engine.usage_today().await?;
    let table = router::table();
    let bucket = |method: &str, path: &str| -> Option<RateBucket> {
        table.iter().find(|route| route.method.as_str() == method && route.path == path).and_then(|route| {
            match route.access {
                Access::Key(_, bucket) => Some(bucket),
                Access::Public | Access::Operator(_) => None,
            }
        })
    };
    let tell = |window: WindowWithHistory| {
        let row = translate::window(window);
        let top_routes = routes
            .iter()
            .filter(|of| of.key == row.key_id && bucket(&of.method, &of.route) == Some(row.bucket))
            .take(SHOWN)
            .map(|of| RouteUse {
                method: Untrusted::new(of.method.as_str()),
                route: Untrusted::new(of.route.as_str()),
                n: of.n,
            })
            .collect();
        let callers = callers
            .iter()
            .filter(|of| of.key == row.key_id)
            .take(SHOWN)
            .map(|of| CallerUse {
                address: Untrusted::new(of.address.as_str()),
                user_agent: Untrusted::new(of.agent.as_str()),
                n: of.n,
                last_utc: of.last_at,
            })
            .collect();
        LimitDetail { row, top_routes, callers }
    };
    let name = |window: &WindowWithHistory| format!("{} {}", window.key.id, window.bucket);
    Ok(axum::Json(page_of(engine.limits().await?, &paging, "limits", name, tell)?))
}

/// `GET /portal/v1/trips`: trips of the breaker, newest first.
pub(super) async fn trips(
    operator: Operator<Viewer>,
    State(engine): State<Engine>,
    wanted: Wanted<TripQuery>,
) -> Result<axum::Json<LogPage<TripRow>>, Refusal> {
    let of = &wanted.filters;
    let (company, subscription) = (of.company.map(CompanyId), of.subscription.map(SubscriptionId));
    let page = engine.trip_log(company, subscription, wanted.span(None, None)).await?;
    Ok(shown(&operator, wanted.page(page, TripRow::from)))
}
