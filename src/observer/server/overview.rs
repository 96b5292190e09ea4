//! Handlers of the overview, the coverage, the stream of changes and the health checks of the observer.

use super::guard::{AttachedOperator, MayRead};
use crate::clock::RuntimeEnv;
use crate::domain::ids::OperatorId;
use crate::domain::time::Timestamp;
use crate::http::connections::OpenConnection;
use crate::http::problem::ProblemResponse;
use crate::http::query::TypedQuery;
use crate::http::stream::{ChangeSource, ShutdownSignal, follow_changes};
use crate::observer::handle::PlatformObserver;
use crate::wire::coverage::PlatformCoverage;
use crate::wire::overview::{OverviewQuery, PlatformOverview};
use crate::wire::page::CappedList;
use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::Event;
use futures_util::Stream;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::watch;

/// `GET /portal/v1/overview`: the data of the dashboard at one moment.
pub(super) async fn get(
    operator: AttachedOperator<MayRead>,
    State(observer): State<PlatformObserver>,
    TypedQuery(query): TypedQuery<OverviewQuery>,
) -> Result<axum::Json<PlatformOverview>, ProblemResponse> {
    let rows = query.rows.unwrap_or(50);
    if !(1..=500).contains(&rows) {
        return Err(ProblemResponse::invalid_field("rows", "must be 1 to 500"));
    }
    Ok(operator.visible(answer(&observer, rows as usize)))
}

/// `GET /portal/v1/coverage`: how much is known of each noun, and why not more.
pub(super) async fn coverage(
    _: AttachedOperator<MayRead>,
    State(observer): State<PlatformObserver>,
) -> axum::Json<PlatformCoverage> {
    axum::Json(present_coverage(&observer, &observer.overview()).unwrap_or_default())
}

/// `GET /portal/v1/stream`: opens the stream of changes.
pub(super) async fn follow(
    operator: AttachedOperator<MayRead>,
    State(observer): State<PlatformObserver>,
    Extension(stop): Extension<ShutdownSignal>,
    Extension(connection): Extension<Arc<OpenConnection>>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ProblemResponse> {
    follow_changes(observer, operator.id(), stop, &connection, &headers)
}

/// `GET /healthz`: the observer answers.
pub(super) async fn healthz() -> axum::Json<Value> {
    axum::Json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION"), "observer": true }))
}

/// `GET /readyz`: the observer has an overview to answer with.
pub(super) async fn readyz(State(observer): State<PlatformObserver>) -> axum::Json<Value> {
    axum::Json(json!({ "status": "ok", "observer": true, "isBuilt": observer.overview().cursor > 0 }))
}

impl ChangeSource for PlatformObserver {
    fn subscribe_changes(&self) -> watch::Receiver<u64> {
        self.board().subscribe_changes()
    }

    fn is_operator(&self, id: OperatorId) -> bool {
        self.operators().has(id)
    }

    fn runtime(&self) -> &RuntimeEnv {
        self.ambient()
    }

    fn platform_time(&self) -> Timestamp {
        Self::platform_time(self)
    }
}

/// Returns the newest overview with at most `rows` rows per list, at the present time.
fn answer(observer: &PlatformObserver, rows: usize) -> PlatformOverview {
    let newest = observer.overview();
    PlatformOverview {
        server_utc: observer.platform_time(),
        cursor: newest.cursor,
        platform: newest.platform.clone(),
        pipeline: newest.pipeline,
        minutes: newest.minutes.clone(),
        keys: first_rows(&newest.keys, rows),
        subscriptions: first_rows(&newest.subscriptions, rows),
        attempts: first_rows(&newest.attempts, rows),
        limits: first_rows(&newest.limits, rows),
        trips: first_rows(&newest.trips, rows),
        conditions: newest.conditions.clone(),
        overdue: newest.overdue.clone(),
        acknowledgements: newest.acknowledgements.clone(),
        refused_deliveries: newest.refused_deliveries.clone(),
        coverage: present_coverage(observer, &newest),
    }
}

fn first_rows<T: Clone>(of: &CappedList<T>, n: usize) -> CappedList<T> {
    CappedList::new(of.items.iter().take(n).cloned().collect(), of.total, of.n_alarming)
}

/// Coverage of an overview, with the present time of the observer's clock.
fn present_coverage(observer: &PlatformObserver, of: &PlatformOverview) -> Option<PlatformCoverage> {
    let mut coverage = of.coverage.clone()?;
    if let Some(source) = &mut coverage.source {
        source.observer_utc = observer.ambient().now();
    }
    Some(coverage)
}
