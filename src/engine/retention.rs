//! Retention: attempts, requests, finished deliveries and events that are older than what is kept are deleted, slice by slice. Counters stay,
//! and so does everything that can still be delivered.

use super::Engine;
use crate::domain::time::Timestamp;
use crate::store;
use std::time::Duration;
use tokio::sync::watch;

/// The pause between two slices, in which others write.
const BREATH: Duration = Duration::from_millis(50);
/// How often there is a look at what has become old.
const ROUND: Duration = Duration::from_secs(3_600);

/// What a sweep looks at next; a delivery goes after its attempts, an event after its deliveries.
#[derive(Debug, Clone, Copy)]
enum Stage {
    Logs,
    Deliveries(i64),
    Events(i64),
}

pub(super) async fn run(engine: Engine, mut stop: watch::Receiver<bool>) {
    let Some(keep) = engine.shared.settings.keep else { return };
    let ambient = &engine.shared.ambient;
    let mut stage = Stage::Logs;
    while !*stop.borrow() {
        let before = ambient.now().minus(keep);
        let swept = engine.shared.store.write_patiently(move |connection| sweep(connection, stage, before)).await;
        // Storage in trouble is said by others; this can wait.
        let next = swept.ok().flatten();
        stage = next.unwrap_or(Stage::Logs);
        let nap = if next.is_some() { BREATH } else { ROUND };
        tokio::select! {
            () = ambient.sleep(nap) => {}
            _ = stop.changed() => {}
        }
    }
}

/// One slice. Where to go on; `None` at the end of a sweep.
fn sweep(connection: &rusqlite::Connection, stage: Stage, before: Timestamp) -> Result<Option<Stage>, store::Error> {
    Ok(match stage {
        Stage::Logs if store::retention::logs(connection, before)? > 0 => Some(Stage::Logs),
        Stage::Logs => Some(Stage::Deliveries(0)),
        Stage::Deliveries(after) => match store::retention::deliveries(connection, after, before)?.place {
            Some(place) => Some(Stage::Deliveries(place)),
            None => Some(Stage::Events(0)),
        },
        Stage::Events(after) => store::retention::events(connection, after, before)?.place.map(Stage::Events),
    })
}
