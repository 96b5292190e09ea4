//! The event stream: server-sent events that signal changes, with a heartbeat every second. The stream ends when its
//! operator is revoked.

use super::connections::{Connection, ConnectionTable, MAX_STREAMS_PER_OPERATOR, NoStream, OpenStream};
use super::guard::{Operator, Viewer};
use super::problem::Refusal;
use crate::api::overview::Pulse;
use crate::api::problem::Code;
use crate::domain::ids::OperatorId;
use crate::engine::Engine;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName};
use axum::response::Sse;
use axum::response::sse::Event;
use futures_util::Stream;
use futures_util::stream::unfold;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Interval of heartbeats while nothing changes.
const BEAT: Duration = Duration::from_secs(1);
/// Delay during which further changes are collected into one message.
const GATHER: Duration = Duration::from_millis(50);

/// Header with the id of the last message that the caller received.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Signal that the platform is shutting down.
#[derive(Debug, Clone)]
pub(super) struct Stop(pub(super) watch::Receiver<bool>);

/// `GET /portal/v1/stream`: opens the stream. The first message comes at once, unless `Last-Event-ID` shows that the
/// caller has seen the present state.
pub(super) async fn follow(
    operator: Operator<Viewer>,
    State(engine): State<Engine>,
    Extension(Stop(stop)): Extension<Stop>,
    Extension(connection): Extension<Arc<Connection>>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let operator = operator.id();
    let open = ConnectionTable::open_stream(&connection, operator).map_err(refused)?;
    let mut changes = engine.subscribe_changes();
    let cursor = changes.borrow_and_update().to_string();
    let is_known = headers.get(LAST_EVENT_ID).is_some_and(|last| last.as_bytes() == cursor.as_bytes());
    let turn = if is_known { Turn::Later } else { Turn::First };
    Ok(Sse::new(unfold(Follower { engine, operator, changes, stop, turn, _open: open }, Follower::next)))
}

fn refused(why: NoStream) -> Refusal {
    match why {
        NoStream::OperatorLimit => Refusal::new(
            Code::TooManyStreams,
            format!("this operator has {MAX_STREAMS_PER_OPERATOR} streams open, the maximum; close one first"),
        ),
        NoStream::Full => Refusal::new(Code::Contended, "too many streams are open; retry later"),
    }
}

struct Follower {
    engine: Engine,
    operator: OperatorId,
    changes: watch::Receiver<u64>,
    stop: watch::Receiver<bool>,
    turn: Turn,
    _open: OpenStream,
}

/// Whether the first message has been sent.
enum Turn {
    First,
    Later,
}

impl Follower {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        if let Turn::Later = self.turn {
            let ambient = self.engine.ambient().clone();
            tokio::select! {
                changed = self.changes.changed() => {
                    changed.ok()?;
                    if self.engine.is_operator(self.operator) {
                        ambient.sleep(GATHER).await;
                    }
                }
                () = ambient.sleep(BEAT) => {}
                () = stopped(&mut self.stop) => return None,
            }
        }
        self.turn = Turn::Later;
        if !self.engine.is_operator(self.operator) {
            return None;
        }
        let pulse = Pulse { cursor: *self.changes.borrow_and_update(), server_utc: self.engine.ambient().now() };
        let text = serde_json::to_string(&pulse).ok()?;
        Some((Ok(Event::default().event("pulse").id(pulse.cursor.to_string()).data(text)), self))
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
