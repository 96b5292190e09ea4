//! Quota of the delivery log: deletes the oldest attempts' bodies and headers of companies above their quota, one
//! slice per company in turn, so that no company delays another.

use super::handle::Engine;
use crate::domain::ids::CompanyId;
use crate::store;
use std::time::Duration;
use tokio::sync::watch;

/// Default quota of the delivery log per company, in bytes.
pub const DEFAULT_DELIVERY_LOG_QUOTA: u64 = 2 << 30;
/// Pause between two slices, so that other writes proceed.
const SLICE_PAUSE_INTERVAL: Duration = Duration::from_millis(20);
/// Interval between two checks of the byte counters.
const CHECK_INTERVAL: Duration = Duration::from_secs(10);

pub(super) async fn run(engine: Engine, mut stop: watch::Receiver<bool>) {
    let (store, ambient) = (&engine.shared.store, &engine.shared.ambient);
    let quota = engine.shared.settings.delivery_log_quota;
    let mut last = CompanyId(0);
    while !*stop.borrow() {
        // Storage failures are reported by housekeeping; the quota can wait.
        let next = store.read(move |connection| store::log_quota::next_over_quota(connection, quota, last)).await;
        let mut nap = CHECK_INTERVAL;
        if let Ok(Some(company)) = next {
            let now = ambient.now();
            let shrink =
                move |connection: &rusqlite::Connection| store::log_quota::shrink(connection, company, quota, now);
            if store.write_queued(shrink).await.is_ok_and(|n| n > 0) {
                nap = SLICE_PAUSE_INTERVAL;
            }
            last = company;
        }
        tokio::select! {
            () = ambient.sleep(nap) => {}
            _ = stop.changed() => {}
        }
    }
}
