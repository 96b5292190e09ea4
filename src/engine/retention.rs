//! Retention: deletes attempts, requests, finished deliveries and events older than the retention period, slice by
//! slice, and the oldest requests beyond the size limit of the request log. Counters and unfinished deliveries are
//! never deleted.

use super::handle::Engine;
use super::settings::EngineSettings;
use crate::domain::time::Timestamp;
use crate::store;
use crate::store::slice_size::SliceSize;
use std::mem::discriminant;
use std::time::Duration;
use tokio::sync::watch;

/// Pause between two slices, so that other writes proceed: four times as long as the slice took, within these bounds.
const SLICE_PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(50)];
/// Interval between two retention sweeps.
const SWEEP_INTERVAL: Duration = Duration::from_secs(3_600);
/// Interval between two checks of the request log's size.
const SIZE_CHECK_INTERVAL: Duration = Duration::from_secs(60);
/// Default size limit of the request log in bytes, enough for some million rows.
pub const DEFAULT_REQUEST_LOG_LIMIT: u64 = 1 << 30;

/// Next step of a sweep; deliveries are deleted after their attempts, events after their deliveries.
#[derive(Debug, Clone, Copy)]
enum SweepStage {
    Logs,
    Deliveries(i64),
    Events(i64),
}

pub(super) async fn run(engine: Engine, mut stop: watch::Receiver<bool>) {
    let EngineSettings { retain_for: keep, request_log_limit: limit, .. } = engine.shared.settings;
    let ambient = &engine.shared.ambient;
    let mut stage = Some(SweepStage::Logs);
    let mut since_sweep = ambient.stopwatch();
    let mut size = SliceSize::FIRST;
    while !*stop.borrow() {
        let due = stage.zip(keep.map(|keep| ambient.now().minus(keep)));
        let clock = ambient.clone();
        let slice = engine.shared.store.write_queued(move |connection| {
            let watch = clock.stopwatch();
            let n_beyond = store::requests::delete_over_limit(connection, limit, size)?;
            let next = due.map_or(Ok(None), |(stage, before)| sweep_slice(connection, stage, before, size))?;
            Ok::<_, store::Error>((n_beyond, next, watch.elapsed()))
        });
        // Storage failures are reported by housekeeping; retention can wait.
        let (n_beyond, next, took) = slice.await.unwrap_or((0, None, Duration::ZERO));
        if stage.is_some() && next.is_none() {
            since_sweep = ambient.stopwatch();
        }
        let before = stage.as_ref().map(discriminant);
        stage = next.or_else(|| (since_sweep.elapsed() >= SWEEP_INTERVAL).then_some(SweepStage::Logs));
        let is_same = before == stage.as_ref().map(discriminant);
        size = if is_same { size.after(took) } else { SliceSize::FIRST };
        let nap = if n_beyond > 0 || stage.is_some() {
            (took * 4).clamp(SLICE_PAUSES[0], SLICE_PAUSES[1])
        } else {
            SIZE_CHECK_INTERVAL
        };
        tokio::select! {
            () = ambient.sleep(nap) => {}
            _ = stop.changed() => {}
        }
    }
}

/// Deletes one slice. Returns where to continue, or `None` at the end of the sweep.
fn sweep_slice(
    connection: &rusqlite::Connection,
    stage: SweepStage,
    before: Timestamp,
    size: SliceSize,
) -> Result<Option<SweepStage>, store::Error> {
    Ok(match stage {
        SweepStage::Logs if store::retention::delete_logs(connection, before, size)? > 0 => Some(SweepStage::Logs),
        SweepStage::Logs => Some(SweepStage::Deliveries(0)),
        SweepStage::Deliveries(after) => {
            match store::retention::delete_deliveries(connection, after, before, size)?.last_examined {
                Some(place) => Some(SweepStage::Deliveries(place)),
                None => Some(SweepStage::Events(0)),
            }
        }
        SweepStage::Events(after) => {
            store::retention::delete_events(connection, after, before, size)?.last_examined.map(SweepStage::Events)
        }
    })
}
