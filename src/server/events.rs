//! Handlers that poll and publish events.

use super::body::{Creating, Json};
use super::clients::replied;
use super::guard::{Acting, Allowed, EventsRead, EventsTest, Operator};
use super::problem::Refusal;
use super::query::{Filtered, Pairs};
use crate::api::events::{NewEvent, TestEvent};
use crate::domain::event::{Event, EventFilter, EventOrder, EventType};
use crate::domain::ids::EventId;
use crate::domain::time::Timestamp;
use crate::engine::Engine;
use crate::engine::events::EventPublication;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};

const LIST: &str = "events";

/// `GET /api/v1/events`: polls the events of the key's company, ascending by default, with a cursor on every page. The
/// stored envelopes are sent unchanged.
pub(super) async fn list(
    allowed: Allowed<EventsRead>,
    State(engine): State<Engine>,
    pairs: Pairs,
) -> Result<Response, Refusal> {
    let paging = pairs.paging()?;
    let limit = paging.limit()?;
    let filter = EventFilter { kinds: kinds(&pairs)?, since: pairs.time("since")?, until: pairs.time("until")? };
    let order = order(&pairs)?;
    let narrowed = canonical(&filter, order);
    let list = Filtered { list: LIST, filters: &narrowed };
    let from = paging.position(&list)?.map(EventId);
    let page = engine.events(allowed.key().company, filter, (order, from), limit).await?;
    allowed.say(format!("{narrowed}n={}", page.envelopes.len()));
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
    Ok(json(StatusCode::OK, body))
}

/// Returns the requested event types without repeats: `type` may be repeated, and may hold several types separated by
/// commas.
fn kinds(pairs: &Pairs) -> Result<Vec<EventType>, Refusal> {
    let mut kinds = Vec::new();
    for name in pairs.all("type").flat_map(|names| names.split(',')).map(str::trim) {
        let unknown = || Refusal::invalid("type", "must be existing event types; names are lowercase");
        kinds.push(EventType::named(name).ok_or_else(unknown)?);
    }
    kinds.sort_unstable();
    kinds.dedup();
    Ok(kinds)
}

fn order(pairs: &Pairs) -> Result<EventOrder, Refusal> {
    match pairs.one("order")? {
        None | Some("asc") => Ok(EventOrder::OldestFirst),
        Some("desc") => Ok(EventOrder::NewestFirst),
        Some(_) => Err(Refusal::invalid("order", "must be asc or desc")),
    }
}

/// Spells a filter in its one canonical form, to which cursors are bound; empty for a filter that matches everything.
fn canonical(filter: &EventFilter, order: EventOrder) -> String {
    let kinds: String = filter.kinds.iter().map(|kind| format!("type={kind};")).collect();
    let time = |name, time: Option<Timestamp>| time.map_or_else(String::new, |time| format!("{name}={time};"));
    let order = if order == EventOrder::NewestFirst { "order=desc;" } else { "" };
    format!("{kinds}{}{}{order}", time("since", filter.since), time("until", filter.until))
}

/// `POST /api/v1/events/test`: publishes a real event whose metadata marks it as a test.
pub(super) async fn publish_test(
    allowed: Allowed<EventsTest>,
    State(engine): State<Engine>,
    creating: Creating<TestEvent>,
) -> Result<Response, Refusal> {
    let (test, call) = creating.by(allowed.key().id);
    let news = EventPublication {
        company: allowed.key().company,
        kind: test.event_type,
        payload: test.payload.map(|payload| payload.get().to_owned()),
        metadata: Some(r#"{"test":true}"#.to_owned()),
    };
    let render = |event: &Event| (StatusCode::CREATED.as_u16(), event.body.clone());
    Ok(replied(engine.publish_idempotent(allowed.caller(), news, call, render).await?))
}

/// `POST /portal/v1/events`: publishes an event of any type, as the CRM would.
pub(super) async fn emit(
    operator: Operator<Acting>,
    State(engine): State<Engine>,
    Json(new): Json<NewEvent>,
) -> Result<Response, Refusal> {
    let news = EventPublication {
        company: new.company_id,
        kind: new.kind,
        payload: new.payload.map(|payload| payload.get().to_owned()),
        metadata: new.metadata.map(|metadata| metadata.get().to_owned()),
    };
    Ok(created(engine.publish(operator.caller(), news).await?))
}

fn created(event: Event) -> Response {
    json(StatusCode::CREATED, event.body)
}

fn json(status: StatusCode, body: Vec<u8>) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body).into_response()
}
