//! Handlers of deliveries, events and event traces.

use super::guard::{Acting, Operator, Viewer};
use super::place::{Wanted, event_type, named};
use super::problem::Refusal;
use super::query::{Id, Paging, Query, page_of_all};
use super::redact;
use super::urls::{as_seen, shown};
use crate::api::attempts::{AttemptRow, Body};
use crate::api::deliveries::{DeliveryDetail, DeliveryRow, EventDetail, EventRow, Trace, TraceRow, Verdict};
use crate::api::log::{DeliveryQuery, EventQuery, LogPage};
use crate::api::page::Page;
use crate::domain::delivery::DeliveryState as Standing;
use crate::domain::ids::{CompanyId, DeliveryId, EventId, SubscriptionId};
use crate::domain::log::{DeliveryFilter, DeliverySummary, EventSummary};
use crate::domain::text::Untrusted;
use crate::engine::delivery_log::TracedSubscription;
use crate::engine::{Engine, delivery_log};
use axum::extract::State;
use axum::http::StatusCode;

/// `GET /portal/v1/deliveries`: the delivery rows that match the filters, newest first.
pub(super) async fn list(
    _: Operator<Viewer>,
    State(engine): State<Engine>,
    wanted: Wanted<DeliveryQuery>,
) -> Result<axum::Json<LogPage<DeliveryRow>>, Refusal> {
    let of = &wanted.filters;
    let filter = DeliveryFilter {
        company: of.company.map(CompanyId),
        subscription: of.subscription.map(SubscriptionId),
        event: of.event.map(EventId),
        event_type: event_type(of.kind.as_ref())?,
        state: named(of.state.as_ref(), "state", Standing::named, &Standing::ALL.map(Standing::name))?,
    };
    let page = engine.deliveries(filter, wanted.span(of.since, of.until)).await?;
    Ok(axum::Json(wanted.page(page, row)))
}

/// `GET /portal/v1/deliveries/{id}`: one delivery with its attempts.
pub(super) async fn get(
    operator: Operator<Viewer>,
    State(engine): State<Engine>,
    Id(id): Id,
) -> Result<axum::Json<DeliveryDetail>, Refusal> {
    let (delivery, attempts) = engine.delivery(DeliveryId(id)).await?;
    let attempts = attempts.into_iter().map(AttemptRow::from).collect();
    Ok(shown(&operator, DeliveryDetail { row: row(delivery), attempts }))
}

/// `POST /portal/v1/deliveries/{id}/resend`: queues one attempt, made as soon as no other worker holds the delivery;
/// its outcome appears in the delivery log.
pub(super) async fn resend(
    operator: Operator<Acting>,
    State(engine): State<Engine>,
    Id(id): Id,
) -> Result<(StatusCode, axum::Json<DeliveryRow>), Refusal> {
    let delivery = engine.resend(operator.caller(), DeliveryId(id)).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(row(delivery))))
}

/// `GET /portal/v1/events`: events of all companies, newest first.
pub(super) async fn events(
    _: Operator<Viewer>,
    State(engine): State<Engine>,
    wanted: Wanted<EventQuery>,
) -> Result<axum::Json<LogPage<EventRow>>, Refusal> {
    let of = &wanted.filters;
    let kind = event_type(of.kind.as_ref())?;
    let page = engine.event_summaries(of.company.map(CompanyId), kind, wanted.span(of.since, of.until)).await?;
    Ok(axum::Json(wanted.page(page, event)))
}

/// `GET /portal/v1/events/{id}`: one event; exact bytes for an admin, personal values masked for other roles.
pub(super) async fn get_event(
    operator: Operator<Viewer>,
    State(engine): State<Engine>,
    Id(id): Id,
) -> Result<axum::Json<EventDetail>, Refusal> {
    let (happened, bytes) = engine.event(EventId(id)).await?;
    let n_bytes = bytes.len();
    let detail = move |bytes: &[u8]| {
        let envelope = Body::new(bytes, bytes.len() as u64);
        EventDetail { row: event(happened), envelope, redacted: false }
    };
    if operator.may_reveal() {
        return Ok(axum::Json(detail(&bytes)));
    }
    let mask = move || redact::event(detail(&bytes), &bytes);
    Ok(axum::Json(redact::in_turn((&engine, operator.id()), n_bytes, mask).await?))
}

/// `GET /portal/v1/events/{id}/trace`: every subscription of the company, and why it has a delivery or none; as many as fit on a page where no
/// limit is given.
pub(super) async fn trace(
    operator: Operator<Viewer>,
    State(engine): State<Engine>,
    Id(id): Id,
    Query(paging): Query<Paging>,
) -> Result<axum::Json<Trace>, Refusal> {
    let traced = engine.trace_event(EventId(id)).await?;
    let tell = |of: TracedSubscription| {
        let (verdict, why) = verdict(of.outcome);
        let row = TraceRow {
            subscription_id: of.id,
            target_url: Untrusted::new(of.target_url),
            verdict,
            why: why.to_owned(),
            delivery: of.delivery.map(row),
        };
        as_seen(&operator, row)
    };
    let page = page_of_all(traced.subscriptions, &paging, &format!("trace {id}"), |of| of.id.to_string(), tell)?;
    let Page { items: subscriptions, next_cursor, has_more, .. } = page;
    Ok(axum::Json(Trace { event: event(traced.event), subscriptions, next_cursor, has_more }))
}

const fn verdict(of: delivery_log::MatchOutcome) -> (Verdict, &'static str) {
    match of {
        delivery_log::MatchOutcome::Matched => (Verdict::Matched, "subscribed to this type and enabled"),
        delivery_log::MatchOutcome::Disabled => {
            (Verdict::Disabled, "subscribed to this type but disabled when the event happened")
        }
        delivery_log::MatchOutcome::OtherType => {
            (Verdict::OtherType, "not subscribed to this type when the event happened")
        }
        delivery_log::MatchOutcome::CreatedLater => (Verdict::CreatedLater, "created after the event"),
        delivery_log::MatchOutcome::Deleted => (Verdict::Deleted, "deleted before the event"),
        delivery_log::MatchOutcome::Expired => {
            (Verdict::Forgotten, "subscribed to this type; the delivery is no longer stored")
        }
    }
}

fn row(of: DeliverySummary) -> DeliveryRow {
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

fn event(of: EventSummary) -> EventRow {
    EventRow {
        id: of.id,
        company_id: of.company,
        kind: Untrusted::new(of.kind.name()),
        created_utc: of.created_at,
        n_bytes: of.n_bytes,
        n_deliveries: of.n_deliveries,
    }
}
