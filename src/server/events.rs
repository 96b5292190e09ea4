//! Handlers that poll and publish events.

use super::body::IdempotentBody;
use super::clients::reply_response;
use super::guard::{Acting, AuthorizedKey, AuthorizedOperator, EventsRead, EventsTest};
use crate::domain::event::{Event, EventFilter, EventOrder, EventType};
use crate::domain::ids::EventId;
use crate::domain::time::Timestamp;
use crate::engine::events::EventPublication;
use crate::engine::handle::Engine;
use crate::http::body::JsonBody;
use crate::http::problem::ProblemResponse;
use crate::http::query::{FilteredList, QueryPairs};
use crate::wire::events::{NewEvent, TestEvent};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};

const EVENTS_LIST: &str = "events";

/// `GET /api/v1/events`: polls the events of the key's company, ascending by default, with a cursor on every page. The
/// stored envelopes are sent unchanged.
pub(super) async fn list(
    allowed: AuthorizedKey<EventsRead>,
    State(engine): State<Engine>,
    pairs: QueryPairs,
) -> Result<Response, ProblemResponse> {
    let paging = pairs.paging()?;
    let limit = paging.limit()?;
    let filter = EventFilter { kinds: event_types(&pairs)?, since: pairs.time("since")?, until: pairs.time("until")? };
    let order = parse_order(&pairs)?;
    let narrowed = canonical_filter(&filter, order);
    let list = FilteredList { list: EVENTS_LIST, filters: &narrowed };
    let from = paging.position(&list)?.map(EventId);
    let page = engine.events(allowed.key().company, filter, (order, from), limit).await?;
    allowed.set_log_detail(format!("{narrowed}hasMore={};n={}", page.has_more, page.envelopes.len()));
    let n_bytes: usize = page.envelopes.iter().map(|envelope| envelope.len() + 1).sum();
    let mut body = Vec::with_capacity(n_bytes + 128);
    body.extend_from_slice(br#"{"items":["#);
    for (position, envelope) in page.envelopes.iter().enumerate() {
        if position > 0 {
            body.push(b',');
        }
        body.extend_from_slice(envelope);
    }
    let (next, has_more) = (list.cursor(page.next.0), page.has_more);
    body.extend_from_slice(format!(r#"],"nextCursor":"{next}","hasMore":{has_more}}}"#).as_bytes());
    Ok(json_response(StatusCode::OK, body))
}

/// Returns the requested event types without repeats: `type` may be repeated, and may hold several types separated by
/// commas.
fn event_types(pairs: &QueryPairs) -> Result<Vec<EventType>, ProblemResponse> {
    let mut kinds = Vec::new();
    for name in pairs.values("type").flat_map(|names| names.split(',')).map(str::trim) {
        let unknown = || ProblemResponse::invalid_field("type", "must be existing event types; names are lowercase");
        kinds.push(EventType::named(name).ok_or_else(unknown)?);
    }
    kinds.sort_unstable();
    kinds.dedup();
    Ok(kinds)
}

fn parse_order(pairs: &QueryPairs) -> Result<EventOrder, ProblemResponse> {
    match pairs.single("order")? {
        None | Some("asc") => Ok(EventOrder::OldestFirst),
        Some("desc") => Ok(EventOrder::NewestFirst),
        Some(_) => Err(ProblemResponse::invalid_field("order", "must be asc or desc")),
    }
}

/// Spells a filter in its one canonical form, to which cursors are bound; empty for a filter that matches everything.
fn canonical_filter(filter: &EventFilter, order: EventOrder) -> String {
    let kinds: String = filter.kinds.iter().map(|kind| format!("type={kind};")).collect();
    let time = |name, time: Option<Timestamp>| time.map_or_else(String::new, |time| format!("{name}={time};"));
    let order = if order == EventOrder::NewestFirst { "order=desc;" } else { "" };
    format!("{kinds}{}{}{order}", time("since", filter.since), time("until", filter.until))
}

/// `POST /api/v1/events/test`: publishes a real event whose metadata marks it as a test.
pub(super) async fn publish_test(
    allowed: AuthorizedKey<EventsTest>,
    State(engine): State<Engine>,
    creating: IdempotentBody<TestEvent>,
) -> Result<Response, ProblemResponse> {
    let (test, call) = creating.into_call(allowed.key().id);
    let news = EventPublication {
        company: allowed.key().company,
        kind: test.event_type,
        payload: test.payload.map(|payload| payload.get().to_owned()),
        metadata: Some(r#"{"test":true}"#.to_owned()),
    };
    let render = |event: &Event| (StatusCode::CREATED.as_u16(), event.body.clone());
    Ok(reply_response(engine.publish_idempotent(allowed.caller(), news, call, render).await?))
}

/// `POST /portal/v1/events`: publishes an event of any type, as the CRM would.
pub(super) async fn emit(
    operator: AuthorizedOperator<Acting>,
    State(engine): State<Engine>,
    JsonBody(new): JsonBody<NewEvent>,
) -> Result<Response, ProblemResponse> {
    let news = EventPublication {
        company: new.company_id,
        kind: new.kind,
        payload: new.payload.map(|payload| payload.get().to_owned()),
        metadata: new.metadata.map(|metadata| metadata.get().to_owned()),
    };
    Ok(created_response(engine.publish(operator.caller(), news).await?))
}

fn created_response(event: Event) -> Response {
    json_response(StatusCode::CREATED, event.body)
}

fn json_response(status: StatusCode, body: Vec<u8>) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body).into_response()
}
