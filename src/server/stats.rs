//! Handler of time series for charts.

use super::guard::{Operator, Viewer};
use super::problem::Refusal;
use super::query::Query;
use crate::api::stats::{AttemptPoint, RequestPoint, Span, Stats, StatsQuery};
use crate::domain::ids::SubscriptionId;
use crate::engine::Engine;
use crate::engine::stats::{SeriesResolution, TimeSeriesQuery};
use axum::extract::State;

/// `GET /portal/v1/stats`: time series without gaps, oldest point first.
pub(super) async fn get(
    _: Operator<Viewer>,
    State(engine): State<Engine>,
    Query(query): Query<StatsQuery>,
) -> Result<axum::Json<Stats>, Refusal> {
    let width = match query.span {
        Span::Minute => SeriesResolution::Minute,
        Span::Hour => SeriesResolution::Hour,
    };
    let wanted = TimeSeriesQuery {
        resolution: width,
        subscription: query.subscription.map(SubscriptionId),
        since: query.since,
        until: query.until,
    };
    let mut stats = Stats { span: query.span, attempts: Vec::new(), requests: Vec::new() };
    for point in engine.time_series(wanted).await? {
        stats.attempts.push(AttemptPoint {
            utc: point.at,
            n_ok: point.attempts.tally.n_ok,
            n_failed: point.attempts.tally.n_failed,
            p50_ms: point.attempts.histogram.percentile(0.5),
            p95_ms: point.attempts.histogram.percentile(0.95),
            p99_ms: point.attempts.histogram.percentile(0.99),
        });
        stats.requests.push(RequestPoint {
            utc: point.at,
            n: point.requests.n,
            n_client_errors: point.requests.n_client_errors,
            n_limited: point.requests.n_limited,
            n_server_errors: point.requests.n_server_errors,
        });
    }
    Ok(axum::Json(stats))
}
