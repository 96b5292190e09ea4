//! Quota of stored events: deletes the oldest events of companies near their quota, once their deliveries have ended, one
//! slice per company in turn. An event beyond the quota is refused when it is published.

use super::error::Error;
use super::handle::Engine;
use crate::domain::delivery::RetryPolicy;
use crate::domain::ids::{CompanyId, EventId};
use crate::domain::time::Timestamp;
use crate::store;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::watch;

/// Default quota of stored events per company, in bytes.
pub const DEFAULT_EVENT_QUOTA: u64 = 2 << 30;
/// Minimum age of an event that is deleted because of the quota, so that partners who poll have read it.
const MIN_EVENT_AGE: Duration = Duration::from_secs(3_600);
/// Pause between two slices, so that other writes proceed.
const SLICE_PAUSE_INTERVAL: Duration = Duration::from_millis(20);
/// Interval between two checks of the byte counters.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);
/// Time until the events of a company are examined again after no more of them could be deleted.
const RETRY_INTERVAL: Duration = Duration::from_secs(60);

/// Settings that apply to every published event.
#[derive(Debug, Clone, Copy)]
pub(super) struct PublicationRules {
    /// Retry schedule of the event's deliveries.
    pub(super) retry_policy: RetryPolicy,
    /// Quota of the company's stored events, in bytes.
    pub(super) event_quota: u64,
}

impl PublicationRules {
    /// Checks the size of a company's stored events, with the one being published.
    ///
    /// # Errors
    /// [`Error::EventQuotaReached`] beyond the quota.
    pub(super) fn check_quota(self, n_bytes: u64) -> Result<(), Error> {
        if n_bytes > self.event_quota { Err(Error::EventQuotaReached { limit: self.event_quota }) } else { Ok(()) }
    }
}

/// Size from which on the oldest events of a company are deleted: seven eighths of the quota, so that publishing is not
/// refused before there was time to delete.
const fn deletion_threshold(quota: u64) -> u64 {
    quota / 8 * 7
}

/// How far the events of a company were examined.
#[derive(Debug, Clone, Copy)]
enum ExaminedExtent {
    /// Up to this event.
    Through(EventId),
    /// To the newest; they are examined again at this time.
    All(Timestamp),
}

pub(super) async fn run(engine: Engine, mut stop: watch::Receiver<bool>) {
    let ambient = &engine.shared.ambient;
    let threshold = deletion_threshold(engine.shared.settings.event_quota);
    let mut extents: BTreeMap<CompanyId, ExaminedExtent> = BTreeMap::new();
    let mut last = CompanyId(0);
    while !*stop.borrow() {
        let mut nap = CHECK_INTERVAL;
        // Storage failures are reported by housekeeping; the quota can wait.
        let above =
            engine.shared.store.read(move |connection| store::event_quota::companies_above(connection, threshold));
        let above = above.await.unwrap_or_default();
        extents.retain(|company, _| above.contains(company));
        let now = ambient.now();
        let is_due = |company: &&CompanyId| match extents.get(*company) {
            Some(ExaminedExtent::All(until)) => *until <= now,
            _ => true,
        };
        let next = above.iter().filter(is_due).min_by_key(|company| (**company <= last, **company)).copied();
        if let Some(company) = next {
            let after = match extents.get(&company) {
                Some(ExaminedExtent::Through(event)) => *event,
                _ => EventId(0),
            };
            if let Ok(examined) = delete_slice(&engine, company, after, threshold).await {
                extents.insert(
                    company,
                    examined.map_or(ExaminedExtent::All(now.plus(RETRY_INTERVAL)), ExaminedExtent::Through),
                );
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

/// Deletes a slice of a company's oldest events after `after`. Returns the last event examined; `None` if no older
/// events follow.
async fn delete_slice(
    engine: &Engine,
    company: CompanyId,
    after: EventId,
    threshold: u64,
) -> Result<Option<EventId>, store::Error> {
    let before = engine.shared.ambient.now().minus(MIN_EVENT_AGE);
    // Events are examined on a reader, because there may be many that cannot be deleted.
    let look =
        move |connection: &rusqlite::Connection| store::event_quota::ended_events(connection, company, after, before);
    let store::event_quota::EndedEvents { ids, last_examined } = engine.shared.store.read(look).await?;
    if ids.is_empty() {
        return Ok(last_examined);
    }
    let first = ids.first().map_or(after, |first| EventId(first.0 - 1));
    let n = ids.len();
    let delete =
        move |connection: &rusqlite::Connection| store::event_quota::delete_ended(connection, company, &ids, threshold);
    let n_deleted = engine.shared.store.write_queued(delete).await?;
    // What a full slice left over is examined again.
    Ok(if n_deleted < n { Some(first) } else { last_examined })
}
