//! Handlers of deliveries, events and event traces.

use super::guard::{Acting, AuthorizedOperator, Viewer};
use super::redact;
use super::urls::{as_seen, visible_json};
use crate::domain::delivery::DeliveryState as Standing;
use crate::domain::ids::{CompanyId, DeliveryId, EventId, SubscriptionId};
use crate::domain::log::{DeliveryFilter, DeliverySummary, EventSummary};
use crate::domain::text::Untrusted;
use crate::engine::delivery_log;
use crate::engine::delivery_log::TracedSubscription;
use crate::engine::handle::Engine;
use crate::http::log_query::{LogQuery, parse_event_type, parse_named};
use crate::http::problem::ProblemResponse;
use crate::http::query::{PagingQuery, PathId, TypedQuery, page_of_all};
use crate::http::redact::mask_event;
use crate::wire::attempts::{AttemptRow, CapturedBody};
use crate::wire::deliveries::{
    DeliveryDetail, DeliveryRow, EventDeliveryTrace, EventDetail, EventRow, TraceRow, TraceVerdict,
};
use crate::wire::log::{DeliveryQuery, EventQuery, LogPage};
use crate::wire::page::Page;
use axum::extract::State;
use axum::http::StatusCode;

/// `GET /portal/v1/deliveries`: the delivery rows that match the filters, newest first.
pub(super) async fn list(
    _: AuthorizedOperator<Viewer>,
    State(engine): State<Engine>,
    wanted: LogQuery<DeliveryQuery>,
) -> Result<axum::Json<LogPage<DeliveryRow>>, ProblemResponse> {
    let of = &wanted.filters;
    let filter = DeliveryFilter {
        company: of.company.map(CompanyId),
        subscription: of.subscription.map(SubscriptionId),
        event: of.event.map(EventId),
        event_type: parse_event_type(of.kind.as_ref())?,
        state: parse_named(of.state.as_ref(), "state", Standing::named, &Standing::ALL.map(Standing::name))?,
    };
    let page = engine.deliveries(filter, wanted.page_spec(of.since, of.until)).await?;
    Ok(axum::Json(wanted.log_page(page, delivery_row)))
}

/// `GET /portal/v1/deliveries/{id}`: one delivery with its attempts.
pub(super) async fn get(
    operator: AuthorizedOperator<Viewer>,
    State(engine): State<Engine>,
    PathId(id): PathId,
) -> Result<axum::Json<DeliveryDetail>, ProblemResponse> {
    let (delivery, attempts) = engine.delivery(DeliveryId(id)).await?;
    let attempts = attempts.into_iter().map(AttemptRow::from).collect();
    Ok(visible_json(&operator, DeliveryDetail { row: delivery_row(delivery), attempts }))
}

/// `POST /portal/v1/deliveries/{id}/resend`: queues one attempt, made as soon as no other worker holds the delivery;
/// its outcome appears in the delivery log.
pub(super) async fn resend(
    operator: AuthorizedOperator<Acting>,
    State(engine): State<Engine>,
    PathId(id): PathId,
) -> Result<(StatusCode, axum::Json<DeliveryRow>), ProblemResponse> {
    let delivery = engine.resend(operator.caller(), DeliveryId(id)).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(delivery_row(delivery))))
}

/// `GET /portal/v1/events`: events of all companies, newest first.
pub(super) async fn list_events(
    _: AuthorizedOperator<Viewer>,
    State(engine): State<Engine>,
    wanted: LogQuery<EventQuery>,
) -> Result<axum::Json<LogPage<EventRow>>, ProblemResponse> {
    let of = &wanted.filters;
    let kind = parse_event_type(of.kind.as_ref())?;
    let page = engine.event_summaries(of.company.map(CompanyId), kind, wanted.page_spec(of.since, of.until)).await?;
    Ok(axum::Json(wanted.log_page(page, event_row)))
}

/// `GET /portal/v1/events/{id}`: one event; exact bytes for an admin, personal values masked for other roles.
pub(super) async fn get_event(
    operator: AuthorizedOperator<Viewer>,
    State(engine): State<Engine>,
    PathId(id): PathId,
) -> Result<axum::Json<EventDetail>, ProblemResponse> {
    let (happened, bytes) = engine.event(EventId(id)).await?;
    let n_bytes = bytes.len();
    let detail = move |bytes: &[u8]| {
        let envelope = CapturedBody::new(bytes, bytes.len() as u64);
        EventDetail { row: event_row(happened), envelope, redacted: false }
    };
    if operator.can_reveal() {
        return Ok(axum::Json(detail(&bytes)));
    }
    let mask = move || mask_event(detail(&bytes), &bytes);
    Ok(axum::Json(redact::in_turn((&engine, operator.id()), n_bytes, mask).await?))
}

/// `GET /portal/v1/events/{id}/trace`: every subscription of the company, and why it has a delivery or none; as many as fit on a page where no
/// limit is given.
pub(super) async fn trace(
    operator: AuthorizedOperator<Viewer>,
    State(engine): State<Engine>,
    PathId(id): PathId,
    TypedQuery(paging): TypedQuery<PagingQuery>,
) -> Result<axum::Json<EventDeliveryTrace>, ProblemResponse> {
    let traced = engine.trace_event(EventId(id)).await?;
    let tell = |of: TracedSubscription| {
        let (verdict, why) = wire_verdict(of.outcome);
        let row = TraceRow {
            subscription_id: of.id,
            target_url: Untrusted::new(of.target_url),
            verdict,
            why: why.to_owned(),
            delivery: of.delivery.map(delivery_row),
        };
        as_seen(&operator, row)
    };
    let page = page_of_all(traced.subscriptions, &paging, &format!("trace {id}"), |of| of.id.to_string(), tell)?;
    let Page { items: subscriptions, next_cursor, has_more, .. } = page;
    Ok(axum::Json(EventDeliveryTrace { event: event_row(traced.event), subscriptions, next_cursor, has_more }))
}

const fn wire_verdict(of: delivery_log::MatchOutcome) -> (TraceVerdict, &'static str) {
    match of {
        delivery_log::MatchOutcome::Matched => (TraceVerdict::Matched, "subscribed to this type and enabled"),
        delivery_log::MatchOutcome::Disabled => {
            (TraceVerdict::Disabled, "subscribed to this type but disabled when the event happened")
        }
        delivery_log::MatchOutcome::OtherType => {
            (TraceVerdict::OtherType, "not subscribed to this type when the event happened")
        }
        delivery_log::MatchOutcome::CreatedLater => (TraceVerdict::CreatedLater, "created after the event"),
        delivery_log::MatchOutcome::Deleted => (TraceVerdict::Deleted, "deleted before the event"),
        delivery_log::MatchOutcome::Expired => {
            (TraceVerdict::Forgotten, "subscribed to this type; the delivery is no longer stored")
        }
    }
}

fn delivery_row(of: DeliverySummary) -> DeliveryRow {
    DeliveryRow {
        id: of.id,
        event_id: of.event,
        event_type: Untrusted::new(of.event_type.name()),
        subscription_id: of.subscription,
        company_id: of.company,
        kind: of.kind,
        state: of.state,
        n_attempts: of.n_attempts,
        due_utc: of.due_at,
        created_utc: of.created_at,
    }
}

fn event_row(of: EventSummary) -> EventRow {
    EventRow {
        id: of.id,
        company_id: of.company,
        kind: Untrusted::new(of.kind.name()),
        created_utc: of.created_at,
        n_bytes: of.n_bytes,
        n_deliveries: Some(of.n_deliveries),
    }
}
