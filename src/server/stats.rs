//! Handler of time series for charts.

use super::guard::{AuthorizedOperator, Viewer};
use crate::domain::ids::SubscriptionId;
use crate::engine::handle::Engine;
use crate::engine::stats::TimeSeriesQuery;
use crate::http::problem::ProblemResponse;
use crate::http::query::TypedQuery;
use crate::wire::stats::{AttemptPoint, RequestPoint, StatsQuery, TimeSeries};
use axum::extract::State;

/// `GET /portal/v1/stats`: time series without gaps, oldest point first.
pub(super) async fn get(
    _: AuthorizedOperator<Viewer>,
    State(engine): State<Engine>,
    TypedQuery(query): TypedQuery<StatsQuery>,
) -> Result<axum::Json<TimeSeries>, ProblemResponse> {
    let wanted = TimeSeriesQuery {
        resolution: query.span.resolution(),
        subscription: query.subscription.map(SubscriptionId),
        since: query.since,
        until: query.until,
    };
    let mut stats = TimeSeries { span: query.span, attempts: Vec::new(), requests: Vec::new() };
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
