//! The stream: server-sent events that say that something changed, and once a second that nothing did.

use super::guard::{Operator, Viewer};
use crate::api::overview::Pulse;
use crate::engine::Engine;
use axum::Extension;
use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::Event;
use futures_util::Stream;
use futures_util::stream::unfold;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::watch;

/// How often the stream makes itself heard.
const BEAT: Duration = Duration::from_secs(1);
/// How long changes are collected before they are told.
const GATHER: Duration = Duration::from_millis(50);

/// Told when the platform stops.
#[derive(Debug, Clone)]
pub(super) struct Stop(pub(super) watch::Receiver<bool>);

/// `GET /portal/v1/stream`.
pub(super) async fn follow(
    _: Operator<Viewer>,
    State(engine): State<Engine>,
    Extension(Stop(stop)): Extension<Stop>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let changes = engine.changes();
    Sse::new(unfold(Follower { engine, changes, stop, turn: Turn::First }, Follower::next))
}

struct Follower {
    engine: Engine,
    changes: watch::Receiver<u64>,
    stop: watch::Receiver<bool>,
    turn: Turn,
}

/// Whether something was told yet.
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
                    ambient.sleep(GATHER).await;
                }
                () = ambient.sleep(BEAT) => {}
                () = stopped(&mut self.stop) => return None,
            }
        }
        self.turn = Turn::Later;
        let pulse = Pulse { cursor: *self.changes.borrow_and_update(), server_utc: self.engine.ambient().now() };
        let text = serde_json::to_string(&pulse).ok()?;
        Some((Ok(Event::default().event("pulse").id(pulse.cursor.to_string()).data(text)), self))
    }
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
