//! The quota of log: a company whose delivery log has more bytes than its quota gives up the oldest, one company after the other, so that no
//! company waits for another's.

use super::Engine;
use crate::domain::ids::CompanyId;
use crate::store;
use std::time::Duration;
use tokio::sync::watch;

/// Bytes of delivery log that a company may have unless the platform is started with another number.
pub const DEFAULT_DELIVERY_LOG_QUOTA: u64 = 2 << 30;
/// The pause between two slices, in which others write.
const BREATH: Duration = Duration::from_millis(20);
/// How often there is a look at the counters.
const CHECK_INTERVAL: Duration = Duration::from_secs(10);

pub(super) async fn run(engine: Engine, mut stop: watch::Receiver<bool>) {
    let (store, ambient) = (&engine.shared.store, &engine.shared.ambient);
    let quota = engine.shared.settings.delivery_log_quota;
    let mut last = CompanyId(0);
    while !*stop.borrow() {
        // Storage in trouble is said by others; this can wait.
        let next = store.read(move |connection| store::log_quota::next_above(connection, quota, last)).await;
        let mut nap = CHECK_INTERVAL;
        if let Ok(Some(company)) = next {
            let now = ambient.now();
            let shrink =
                move |connection: &rusqlite::Connection| store::log_quota::shrink(connection, company, quota, now);
            if store.write_patiently(shrink).await.is_ok_and(|n| n > 0) {
                nap = BREATH;
            }
            last = company;
        }
        tokio::select! {
            () = ambient.sleep(nap) => {}
            _ = stop.changed() => {}
        }
    }
}
