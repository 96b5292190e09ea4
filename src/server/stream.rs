//! The event stream: server-sent events that signal changes, with a heartbeat every second. The stream ends when its
//! operator is revoked.

use super::guard::{AuthorizedOperator, Viewer};
use crate::domain::ids::OperatorId;
use crate::engine::handle::Engine;
use crate::http::connections::{ConnectionTable, MAX_STREAMS_PER_OPERATOR, OpenConnection, OpenStream, StreamRefusal};
use crate::http::problem::ProblemResponse;
use crate::wire::overview::ChangePulse;
use crate::wire::problem::ProblemCode;
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
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);
/// Delay during which further changes are collected into one message.
const COALESCE_DELAY: Duration = Duration::from_millis(50);

/// Header with the id of the last message that the caller received.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Signal that the platform is shutting down.
#[derive(Debug, Clone)]
pub(super) struct ShutdownSignal(pub(super) watch::Receiver<bool>);

/// `GET /portal/v1/stream`: opens the stream. The first message comes at once, unless `Last-Event-ID` shows that the
/// caller has seen the present state.
pub(super) async fn follow(
    operator: AuthorizedOperator<Viewer>,
    State(engine): State<Engine>,
    Extension(ShutdownSignal(stop)): Extension<ShutdownSignal>,
    Extension(connection): Extension<Arc<OpenConnection>>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ProblemResponse> {
    let operator = operator.id();
    let open = ConnectionTable::open_stream(&connection, operator).map_err(stream_refusal)?;
    let mut changes = engine.subscribe_changes();
    let cursor = changes.borrow_and_update().to_string();
    let is_known = headers.get(LAST_EVENT_ID).is_some_and(|last| last.as_bytes() == cursor.as_bytes());
    let turn = if is_known { StreamStage::Following } else { StreamStage::Initial };
    Ok(Sse::new(unfold(
        StreamFollower { engine, operator, changes, stop, stage: turn, _open: open },
        StreamFollower::next,
    )))
}

fn stream_refusal(why: StreamRefusal) -> ProblemResponse {
    match why {
        StreamRefusal::OperatorLimit => ProblemResponse::new(
            ProblemCode::TooManyStreams,
            format!("this operator has {MAX_STREAMS_PER_OPERATOR} streams open, the maximum; close one first"),
        ),
        StreamRefusal::Full => ProblemResponse::new(ProblemCode::Contended, "too many streams are open; retry later"),
    }
}

struct StreamFollower {
    engine: Engine,
    operator: OperatorId,
    changes: watch::Receiver<u64>,
    stop: watch::Receiver<bool>,
    stage: StreamStage,
    _open: OpenStream,
}

/// Whether the first message has been sent.
enum StreamStage {
    Initial,
    Following,
}

impl StreamFollower {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        if let StreamStage::Following = self.stage {
            let ambient = self.engine.ambient().clone();
            tokio::select! {
                changed = self.changes.changed() => {
                    changed.ok()?;
                    if self.engine.is_operator(self.operator) {
                        ambient.sleep(COALESCE_DELAY).await;
                    }
                }
                () = ambient.sleep(HEARTBEAT_INTERVAL) => {}
                () = wait_stopped(&mut self.stop) => return None,
            }
        }
        self.stage = StreamStage::Following;
        if !self.engine.is_operator(self.operator) {
            return None;
        }
        let pulse = ChangePulse { cursor: *self.changes.borrow_and_update(), server_utc: self.engine.ambient().now() };
        let text = serde_json::to_string(&pulse).ok()?;
        Some((Ok(Event::default().event("pulse").id(pulse.cursor.to_string()).data(text)), self))
    }
}

async fn wait_stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
