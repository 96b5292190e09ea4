//! The clerk: writes down what the hot paths only noted, returns expired leases, and says when a minute's turn changes what is shown.

use super::Engine;
use super::once::REMEMBERED;
use crate::domain::time::{MINUTE_MS, Timestamp};
use crate::store;
use std::time::Duration;
use tokio::sync::watch;

/// How long a note may wait.
const ROUND: Duration = Duration::from_millis(200);

pub(super) async fn run(engine: Engine, mut stop: watch::Receiver<bool>) {
    let mut round = Round { minute: engine.shared.ambient.now().slot(MINUTE_MS), was_used: false };
    while !*stop.borrow() {
        round = round.work(&engine).await;
        tokio::select! {
            () = engine.shared.ambient.sleep(ROUND) => {}
            _ = stop.changed() => {}
        }
    }
    round.work(&engine).await;
}

/// What the clerk remembers from one round to the next.
struct Round {
    minute: Timestamp,
    was_used: bool,
}

impl Round {
    async fn work(self, engine: &Engine) -> Self {
        let shared = &engine.shared;
        let now = shared.ambient.now();
        let windows = shared.windows.take_unwritten();
        let waiting = shared.log.take();
        if waiting.n_dropped > 0 {
            tracing::warn!(n = waiting.n_dropped, "the request log could not keep up; entries were dropped");
        }
        let has_notes = !windows.is_empty() || !waiting.requests.is_empty() || !waiting.uses.is_empty();
        let written = shared
            .store
            .write_patiently(move |connection| {
                for used in &windows {
                    store::windows::flush(connection, used)?;
                }
                for (key, at) in &waiting.uses {
                    store::keys::used(connection, *key, *at)?;
                }
                for request in &waiting.requests {
                    store::requests::insert(connection, request)?;
                }
                store::repeats::forget(connection, now.minus(REMEMBERED))?;
                store::deliveries::release_expired(connection, now)
            })
            .await;
        match written {
            Ok(0) => {}
            Ok(n_released) => {
                tracing::warn!(n_released, "deliveries whose lease ended were returned");
                shared.bell.notify_one();
            }
            Err(error) => tracing::error!(%error, "windows and requests could not be written down"),
        }
        let minute = now.slot(MINUTE_MS);
        let turned = minute != self.minute && self.was_used;
        if has_notes || turned {
            engine.changed();
        }
        Self { minute, was_used: has_notes || (self.was_used && minute == self.minute) }
    }
}
