//! The event stream: server-sent events that signal changes, with a heartbeat every second. The stream ends when its
//! operator is revoked.

use super::connections::{ConnectionTable, MAX_STREAMS_PER_OPERATOR, OpenConnection, OpenStream, StreamRefusal};
use super::problem::ProblemResponse;
use crate::clock::RuntimeEnv;
use crate::domain::ids::OperatorId;
use crate::domain::time::Timestamp;
use crate::wire::overview::ChangePulse;
use crate::wire::problem::ProblemCode;
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

/// Signal that the server is shutting down.
#[derive(Debug, Clone)]
pub struct ShutdownSignal(pub watch::Receiver<bool>);

/// Source of the changes that a stream signals.
pub trait ChangeSource: Send + 'static {
    /// Subscribes to the change counter of the overview.
    fn subscribe_changes(&self) -> watch::Receiver<u64>;
    /// Whether an operator has a valid token.
    fn is_operator(&self, id: OperatorId) -> bool;
    /// Clock that the stream waits by.
    fn runtime(&self) -> &RuntimeEnv;
    /// Time of the platform's clock, which every message carries.
    fn platform_time(&self) -> Timestamp;
}

/// Opens the stream. The first message comes at once, unless `Last-Event-ID` shows that the caller has seen the present
/// state.
///
/// # Errors
/// [`ProblemResponse`] when the operator, or the server, has too many streams open.
pub fn follow_changes<S: ChangeSource>(
    source: S,
    operator: OperatorId,
    ShutdownSignal(stop): ShutdownSignal,
    connection: &Arc<OpenConnection>,
    headers: &HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>> + use<S>>, ProblemResponse> {
    let open = ConnectionTable::open_stream(connection, operator).map_err(stream_refusal)?;
    let mut changes = source.subscribe_changes();
    let cursor = changes.borrow_and_update().to_string();
    let is_known = headers.get(LAST_EVENT_ID).is_some_and(|last| last.as_bytes() == cursor.as_bytes());
    let turn = if is_known { StreamStage::Following } else { StreamStage::Initial };
    Ok(Sse::new(unfold(
        StreamFollower { source, operator, changes, stop, stage: turn, _open: open },
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

struct StreamFollower<S> {
    source: S,
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

impl<S: ChangeSource> StreamFollower<S> {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        if let StreamStage::Following = self.stage {
            let ambient = self.source.runtime().clone();
            tokio::select! {
                changed = self.changes.changed() => {
                    changed.ok()?;
                    if self.source.is_operator(self.operator) {
                        ambient.sleep(COALESCE_DELAY).await;
                    }
                }
                () = ambient.sleep(HEARTBEAT_INTERVAL) => {}
                () = wait_stopped(&mut self.stop) => return None,
            }
        }
        self.stage = StreamStage::Following;
        if !self.source.is_operator(self.operator) {
            return None;
        }
        let pulse = ChangePulse { cursor: *self.changes.borrow_and_update(), server_utc: self.source.platform_time() };
        let text = serde_json::to_string(&pulse).ok()?;
        Some((Ok(Event::default().event("pulse").id(pulse.cursor.to_string()).data(text)), self))
    }
}

async fn wait_stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
