//! Retention: attempts, requests, finished deliveries and events that are older than what is kept are deleted, slice by slice, and so are the
//! oldest requests beyond the bytes that their log may have. Counters stay, and so does everything that can still be delivered.

use super::{Engine, Settings};
use crate::domain::time::Timestamp;
use crate::store;
use std::time::Duration;
use tokio::sync::watch;

/// The pause between two slices, in which others write.
const BREATH: Duration = Duration::from_millis(50);
/// How often there is a look at what has become old.
const ROUND: Duration = Duration::from_secs(3_600);
/// How often there is a look at the bytes of the request log.
const SIZE_INTERVAL: Duration = Duration::from_secs(60);
/// Bytes that the request log may have unless asked otherwise: some millions of rows.
pub const DEFAULT_REQUEST_LOG_LIMIT: u64 = 1 << 30;

/// What a sweep looks at next; a delivery goes after its attempts, an event after its deliveries.
#[derive(Debug, Clone, Copy)]
enum Stage {
    Logs,
    Deliveries(i64),
    Events(i64),
}

pub(super) async fn run(engine: Engine, mut stop: watch::Receiver<bool>) {
    let Settings { keep, request_log_limit: limit, .. } = engine.shared.settings;
    let ambient = &engine.shared.ambient;
    let mut stage = Some(Stage::Logs);
    let mut since_sweep = ambient.stopwatch();
    while !*stop.borrow() {
        let due = stage.zip(keep.map(|keep| ambient.now().minus(keep)));
        let slice = engine.shared.store.write_patiently(move |connection| {
            let n_beyond = store::requests::shorten(connection, limit)?;
            let next = due.map_or(Ok(None), |(stage, before)| sweep(connection, stage, before))?;
            Ok::<_, store::Error>((n_beyond, next))
        });
        // Storage in trouble is said by others; this can wait.
        let (n_beyond, next) = slice.await.unwrap_or((0, None));
        if stage.is_some() && next.is_none() {
            since_sweep = ambient.stopwatch();
        }
        stage = next.or_else(|| (since_sweep.elapsed() >= ROUND).then_some(Stage::Logs));
        let nap = if n_beyond > 0 || stage.is_some() { BREATH } else { SIZE_INTERVAL };
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
