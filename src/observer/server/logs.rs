//! Handlers of logs: events, received deliveries, trips, own and relayed calls; and of logs of which an observer knows nothing.

use super::act_problem::storage;
use super::guard::{AttachedOperator, MayRead};
use super::lists::not_found;
use super::not_observable::not_observable;
use crate::domain::ids::{AttemptId, EventId};
use crate::domain::log::RowPage;
use crate::domain::signature_debugger::signature_fault::SignatureFault;
use crate::domain::text::Untrusted;
use crate::http::log_query::{LogQuery, parse_named};
use crate::http::problem::ProblemResponse;
use crate::http::query::PathId;
use crate::http::redact::{mask_attempt, mask_event};
use crate::observer::handle::PlatformObserver;
use crate::wire::attempts::{AttemptDetail, AttemptRow};
use crate::wire::audit::AuditRow;
use crate::wire::deliveries::{DeliveryRow, EventDeliveryTrace, EventDetail, EventRow, TraceRow, TraceVerdict};
use crate::wire::log::{AttemptQuery, AuditQuery, DeliveryQuery, EventQuery, LogPage, RequestQuery, TripQuery};
use crate::wire::requests::RequestLogPage;
use crate::wire::signature_check::{SignatureCause, SignatureCheck, SignatureFit, SignatureReport};
use crate::wire::subscriptions::SubscriptionRow;
use crate::wire::trips::TripRow;
use axum::extract::State;
use std::convert::identity;

type LogAnswer<T> = Result<axum::Json<LogPage<T>>, ProblemResponse>;

/// Reason why a signature cannot be examined.
const NO_SECRET: &str = "an observer does not have the signing secret; crow verify checks a signature with it";
/// Maximum number of subscriptions in a trace.
const MAX_TRACE_ROWS: usize = 1_000;

/// `GET /portal/v1/events`: polled events, newest first.
pub(super) async fn events(
    _: AttachedOperator<MayRead>,
    State(observer): State<PlatformObserver>,
    wanted: LogQuery<EventQuery>,
) -> LogAnswer<EventRow> {
    let (query, spec) = (wanted.filters.clone(), wanted.page_spec(wanted.filters.since, wanted.filters.until));
    let page = observer.history().event_page(query, spec).await.map_err(storage)?;
    Ok(axum::Json(wanted.log_page(page, identity)))
}

/// `GET /portal/v1/events/{id}`: one polled event with its bytes; personal values are masked for all but admins.
pub(super) async fn event(
    operator: AttachedOperator<MayRead>,
    State(observer): State<PlatformObserver>,
    PathId(id): PathId,
) -> Result<axum::Json<EventDetail>, ProblemResponse> {
    let detail = find_event(&observer, id).await?;
    if operator.can_reveal() {
        return Ok(axum::Json(detail));
    }
    let bytes = detail.envelope.bytes().unwrap_or_default();
    Ok(axum::Json(mask_event(detail, &bytes)))
}

async fn find_event(observer: &PlatformObserver, id: i64) -> Result<EventDetail, ProblemResponse> {
    let found = observer.history().event(EventId(id)).await.map_err(storage)?;
    found.ok_or_else(|| not_found(&format!("event {id}")))
}

/// `GET /portal/v1/events/{id}/trace`: which subscriptions of the company list the event's type now.
pub(super) async fn trace(
    operator: AttachedOperator<MayRead>,
    State(observer): State<PlatformObserver>,
    PathId(id): PathId,
) -> Result<axum::Json<EventDeliveryTrace>, ProblemResponse> {
    let event = find_event(&observer, id).await?.row;
    let newest = observer.overview();
    let of_company = newest.subscriptions.items.iter().filter(|row| row.subscription.company_id == event.company_id);
    let mut rows: Vec<TraceRow> = of_company.map(|row| operator.visible(trace_row(row, &event)).0).collect();
    rows.sort_by_key(|row| (row.verdict != TraceVerdict::Unknown, row.subscription_id));
    let has_more = rows.len() > MAX_TRACE_ROWS;
    rows.truncate(MAX_TRACE_ROWS);
    Ok(axum::Json(EventDeliveryTrace { event, subscriptions: rows, next_cursor: None, has_more }))
}

fn trace_row(row: &SubscriptionRow, event: &EventRow) -> TraceRow {
    let of = &row.subscription;
    let is_listed = of.event_types.contains(&event.kind);
    let (verdict, why) = if of.created_utc.is_some_and(|at| at > event.created_utc) {
        (TraceVerdict::CreatedLater, "created after the event")
    } else if !is_listed {
        (TraceVerdict::OtherType, "does not list this type now")
    } else if of.is_enabled {
        (TraceVerdict::Unknown, "lists this type and is enabled now; a key cannot see whether the event was delivered")
    } else {
        (TraceVerdict::Unknown, "lists this type and is disabled now; a key cannot see whether the event was delivered")
    };
    TraceRow { subscription_id: of.id, target_url: of.target_url.clone(), verdict, why: why.to_owned(), delivery: None }
}

/// `GET /portal/v1/attempts`: deliveries that `crow listen` received, newest first.
pub(super) async fn attempts(
    operator: AttachedOperator<MayRead>,
    State(observer): State<PlatformObserver>,
    wanted: LogQuery<AttemptQuery>,
) -> LogAnswer<AttemptRow> {
    let of = &wanted.filters;
    if of.q.as_ref().is_some_and(|text| text.is_empty() || text.chars().count() > 200) {
        return Err(ProblemResponse::invalid_field("q", "must have 1 to 200 characters"));
    }
    let known = ["success", "failure"];
    parse_named(of.outcome.as_ref(), "outcome", |name| known.contains(&name).then_some(()), &known)?;
    let page = observer.history().receipt_page(of.clone(), wanted.page_spec(of.since, of.until)).await;
    Ok(operator.visible(wanted.log_page(page.map_err(storage)?, identity)))
}

/// `GET /portal/v1/attempts/{id}`: one received delivery with its bytes; personal values are masked for all but admins.
pub(super) async fn attempt(
    operator: AttachedOperator<MayRead>,
    State(observer): State<PlatformObserver>,
    PathId(id): PathId,
) -> Result<axum::Json<AttemptDetail>, ProblemResponse> {
    let found = observer.history().receipt(AttemptId(id)).await.map_err(storage)?;
    let detail = found.ok_or_else(|| not_found(&format!("attempt {id}")))?;
    if operator.can_reveal() {
        return Ok(axum::Json(detail));
    }
    let sent = detail.request_body.bytes().unwrap_or_default();
    Ok(operator.visible(mask_attempt(detail, &sent)))
}

/// `GET /portal/v1/attempts/{id}/signature`: the fault of the receiver's signature check, where the listener found one.
pub(super) async fn signature(
    _: AttachedOperator<MayRead>,
    State(observer): State<PlatformObserver>,
    PathId(id): PathId,
) -> Result<axum::Json<SignatureCheck>, ProblemResponse> {
    let fault = observer.history().signature_fault(AttemptId(id)).await.map_err(storage)?;
    let Some(fault) = fault else { return Err(not_observable(NO_SECRET)) };
    let causes: Vec<SignatureCause> = SignatureFault::from_id(&fault).map(known_cause).into_iter().collect();
    let fit = if causes.is_empty() { SignatureFit::Unexplained } else { SignatureFit::Explained };
    let lab = SignatureReport { fit, causes, n_tried: None };
    Ok(axum::Json(SignatureCheck { lab, computed: None, clock_ahead_seconds: None }))
}

/// Cause of a wrong signature that a listener found; the bytes by which it did are not kept.
fn known_cause(fault: SignatureFault) -> SignatureCause {
    SignatureCause {
        id: fault.id().to_owned(),
        title: fault.title().to_owned(),
        difference: Untrusted::new("as crow listen found from the receiver's answer"),
        excerpt: None,
        resolution: fault.resolution().to_owned(),
    }
}

/// `GET /portal/v1/deliveries`: deliveries are not known.
pub(super) async fn deliveries(
    _: AttachedOperator<MayRead>,
    wanted: LogQuery<DeliveryQuery>,
) -> axum::Json<LogPage<DeliveryRow>> {
    axum::Json(wanted.log_page(nothing(), identity))
}

/// `GET /portal/v1/audit`: changes are not known.
pub(super) async fn audit(_: AttachedOperator<MayRead>, wanted: LogQuery<AuditQuery>) -> axum::Json<LogPage<AuditRow>> {
    axum::Json(wanted.log_page(nothing(), identity))
}

/// `GET /portal/v1/trips`: subscriptions that went off between two listings, newest first.
pub(super) async fn trips(
    operator: AttachedOperator<MayRead>,
    State(observer): State<PlatformObserver>,
    wanted: LogQuery<TripQuery>,
) -> LogAnswer<TripRow> {
    let page = observer.history().outage_page(wanted.filters.clone(), wanted.page_spec(None, None)).await;
    Ok(operator.visible(wanted.log_page(page.map_err(storage)?, identity)))
}

/// `GET /portal/v1/requests`: the observer's own calls and relayed ones, newest first.
pub(super) async fn requests(
    _: AttachedOperator<MayRead>,
    State(observer): State<PlatformObserver>,
    wanted: LogQuery<RequestQuery>,
) -> Result<axum::Json<RequestLogPage>, ProblemResponse> {
    let of = &wanted.filters;
    let classes = ["1xx", "2xx", "3xx", "4xx", "5xx"];
    parse_named(of.class.as_ref(), "class", |name| classes.contains(&name).then_some(()), &classes)?;
    let spec = wanted.page_spec(of.since, of.until);
    let (page, last_hour) =
        observer.history().request_page(of.clone(), spec, observer.ambient().now()).await.map_err(storage)?;
    Ok(axum::Json(RequestLogPage { page: wanted.log_page(page, identity), last_hour, unlogged: Vec::new() }))
}

/// Page of a log of which nothing is known.
const fn nothing<T>() -> RowPage<T> {
    RowPage { items: Vec::new(), older_than: None, newer_than: 0, has_more: false }
}
