//! Handlers of lists that the overview has in full: companies, keys, subscriptions, rate limits; and of lists of which
//! an observer knows nothing.

use super::act_problem::storage;
use super::guard::{AttachedOperator, MayRead};
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::series::SeriesRange;
use crate::http::problem::ProblemResponse;
use crate::http::query::{PagingQuery, PathId, TypedQuery, page_of, page_of_all};
use crate::observer::handle::PlatformObserver;
use crate::wire::alerts::AcknowledgementRow;
use crate::wire::keys::{CompanyRow, KeyRow};
use crate::wire::limits::{KeyUsage, LimitDetail, LimitRow};
use crate::wire::page::Page;
use crate::wire::problem::ProblemCode;
use crate::wire::replays::ReplayRow;
use crate::wire::stats::{StatsQuery, TimeSeries};
use crate::wire::subscriptions::{RevisionRow, SubscriptionRow};
use axum::extract::State;
use std::collections::BTreeSet;
use std::time::Duration;

type ListAnswer<T> = Result<axum::Json<Page<T>>, ProblemResponse>;

/// `GET /portal/v1/companies`: the companies of the profile's keys; their names are not known.
pub(super) async fn companies(
    _: AttachedOperator<MayRead>,
    State(observer): State<PlatformObserver>,
    TypedQuery(paging): TypedQuery<PagingQuery>,
) -> ListAnswer<CompanyRow> {
    let ids: BTreeSet<CompanyId> = observer.calls().holders().iter().map(|holder| holder.key.company).collect();
    let unnamed = |id| CompanyRow { id, name: None, created_utc: None };
    Ok(axum::Json(page_of(ids.into_iter().collect(), &paging, "companies", ToString::to_string, unnamed)?))
}

/// `GET /portal/v1/keys`: the keys of the profile, worst first.
pub(super) async fn keys(
    _: AttachedOperator<MayRead>,
    State(observer): State<PlatformObserver>,
    TypedQuery(paging): TypedQuery<PagingQuery>,
) -> ListAnswer<KeyRow> {
    let newest = observer.overview();
    let rows: Vec<&KeyRow> = newest.keys.items.iter().collect();
    Ok(axum::Json(page_of_all(rows, &paging, "keys", |row| row.id.to_string(), Clone::clone)?))
}

/// `GET /portal/v1/keys/{id}/usage`: the use of a key by all its callers is not known.
pub(super) async fn key_usage(
    _: AttachedOperator<MayRead>,
    State(observer): State<PlatformObserver>,
    PathId(id): PathId,
) -> Result<axum::Json<KeyUsage>, ProblemResponse> {
    let is_known = observer.overview().keys.items.iter().any(|row| row.id == KeyId(id));
    if !is_known {
        return Err(not_found(&format!("key {id}")));
    }
    Ok(axum::Json(KeyUsage { since_utc: None, routes: None, never_used: None }))
}

/// `GET /portal/v1/subscriptions`: subscriptions as last listed, worst first.
pub(super) async fn subscriptions(
    operator: AttachedOperator<MayRead>,
    State(observer): State<PlatformObserver>,
    TypedQuery(paging): TypedQuery<PagingQuery>,
) -> ListAnswer<SubscriptionRow> {
    let newest = observer.overview();
    let rows: Vec<&SubscriptionRow> = newest.subscriptions.items.iter().collect();
    let tell = |row: &SubscriptionRow| operator.visible(row.clone()).0;
    Ok(axum::Json(page_of_all(rows, &paging, "subscriptions", |row| row.subscription.id.to_string(), tell)?))
}

/// `GET /portal/v1/subscriptions/{id}`: one subscription as last listed.
pub(super) async fn subscription(
    operator: AttachedOperator<MayRead>,
    State(observer): State<PlatformObserver>,
    PathId(id): PathId,
) -> Result<axum::Json<SubscriptionRow>, ProblemResponse> {
    Ok(operator.visible(find_subscription(&observer, SubscriptionId(id))?))
}

/// Finds a subscription as last listed.
pub(super) fn find_subscription(
    observer: &PlatformObserver,
    id: SubscriptionId,
) -> Result<SubscriptionRow, ProblemResponse> {
    let newest = observer.overview();
    let found = newest.subscriptions.items.iter().find(|row| row.subscription.id == id);
    found.cloned().ok_or_else(|| not_found(&format!("subscription {id}")))
}

/// `GET /portal/v1/subscriptions/{id}/revisions`: earlier configurations are not known.
pub(super) async fn revisions(
    _: AttachedOperator<MayRead>,
    State(observer): State<PlatformObserver>,
    PathId(id): PathId,
) -> ListAnswer<RevisionRow> {
    find_subscription(&observer, SubscriptionId(id))?;
    Ok(axum::Json(Page::complete(Vec::new())))
}

/// `GET /portal/v1/limits`: rate windows as the headers of own calls showed them, least headroom first.
pub(super) async fn limits(
    _: AttachedOperator<MayRead>,
    State(observer): State<PlatformObserver>,
    TypedQuery(paging): TypedQuery<PagingQuery>,
) -> ListAnswer<LimitDetail> {
    let newest = observer.overview();
    let rows: Vec<&LimitRow> = newest.limits.items.iter().collect();
    let tell = |row: &LimitRow| LimitDetail { row: row.clone(), top_routes: None, callers: None };
    let name = |row: &&LimitRow| format!("{} {}", row.key_id, row.bucket);
    Ok(axum::Json(page_of_all(rows, &paging, "limits", name, tell)?))
}

/// `GET /portal/v1/replays`: an observed platform has no replays that a key can see.
pub(super) async fn replays(_: AttachedOperator<MayRead>) -> axum::Json<Page<ReplayRow>> {
    axum::Json(Page::complete(Vec::new()))
}

/// `GET /portal/v1/acknowledgements`: acknowledgements of the last 24 hours, oldest first.
pub(super) async fn acknowledgements(
    _: AttachedOperator<MayRead>,
    State(observer): State<PlatformObserver>,
    TypedQuery(paging): TypedQuery<PagingQuery>,
) -> ListAnswer<AcknowledgementRow> {
    let newest = observer.overview();
    let rows: Vec<&AcknowledgementRow> = newest.acknowledgements.rows.iter().collect();
    Ok(axum::Json(page_of(rows, &paging, "acknowledgements", |row| row.subject.clone(), Clone::clone)?))
}

/// `GET /portal/v1/stats`: time series of the calls and of the received deliveries that are known.
pub(super) async fn stats(
    _: AttachedOperator<MayRead>,
    State(observer): State<PlatformObserver>,
    TypedQuery(query): TypedQuery<StatsQuery>,
) -> Result<axum::Json<TimeSeries>, ProblemResponse> {
    let range = SeriesRange::new(query.span.resolution(), (query.since, query.until), observer.ambient().now())
        .map_err(|error| ProblemResponse::invalid_field(error.field, error.text))?;
    let width = Duration::from_millis(range.width_ms.unsigned_abs());
    let history = observer.history();
    let requests = history.call_series(range.start, width, range.n_points).await.map_err(storage)?;
    let received = history.receipt_series(query.subscription, range.start, width, range.n_points).await;
    Ok(axum::Json(TimeSeries { span: query.span, attempts: received.map_err(storage)?, requests }))
}

/// Refuses an id that the observer does not know.
pub(super) fn not_found(what: &str) -> ProblemResponse {
    ProblemResponse::new(ProblemCode::NotFound, format!("{what} is not known to this observer"))
}
