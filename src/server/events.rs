//! Events.

use super::body::Json;
use super::guard::{Acting, Allowed, EventsRead, EventsTest, Operator};
use super::problem::Refusal;
use super::query::{Paging, Query, cursor};
use crate::api::events::{NewEvent, TestEvent};
use crate::domain::event::Event;
use crate::domain::ids::EventId;
use crate::engine::Engine;
use crate::engine::events::News;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};

const LIST: &str = "events";

/// `GET /api/v1/events`: ascending, with a place to go on from also on an empty page. The envelopes go out as they are stored.
pub(super) async fn list(
    allowed: Allowed<EventsRead>,
    State(engine): State<Engine>,
    Query(paging): Query<Paging>,
) -> Result<Response, Refusal> {
    let limit = paging.limit()?;
    let after = paging.position(LIST)?.unwrap_or(0);
    let (events, has_more) = engine.events(allowed.key().company, EventId(after), limit).await?;
    let next = events.last().map_or(after, |event| event.id.0);
    let mut body = br#"{"items":["#.to_vec();
    for (position, event) in events.iter().enumerate() {
        if position > 0 {
            body.push(b',');
        }
        body.extend_from_slice(&event.body);
    }
    body.extend_from_slice(format!(r#"],"nextCursor":"{}","hasMore":{has_more}}}"#, cursor(LIST, next)).as_bytes());
    Ok(json(StatusCode::OK, body))
}

/// `POST /api/v1/events/test`: a real event whose metadata say that it is a test.
pub(super) async fn publish_test(
    allowed: Allowed<EventsTest>,
    State(engine): State<Engine>,
    Json(test): Json<TestEvent>,
) -> Result<Response, Refusal> {
    let news = News {
        company: allowed.key().company,
        kind: test.event_type,
        payload: test.payload.map(|payload| payload.get().to_owned()),
        metadata: Some(r#"{"test":true}"#.to_owned()),
    };
    Ok(created(engine.publish(allowed.caller(), news).await?))
}

/// `POST /portal/v1/events`: what the CRM would do.
pub(super) async fn emit(
    operator: Operator<Acting>,
    State(engine): State<Engine>,
    Json(new): Json<NewEvent>,
) -> Result<Response, Refusal> {
    let news = News {
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
