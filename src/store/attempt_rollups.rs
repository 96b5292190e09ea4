//! Attempt counters by subscription, time slot and latency bin, kept beside the delivery log so that no query about a
//! window scans the log.

use super::{Error, count, small_count};
use crate::domain::ids::SubscriptionId;
use crate::domain::latency::Histogram;
use crate::domain::success_rate::SuccessCounts;
use crate::domain::time::{MINUTE_MS, Timestamp};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// Widths of the counted time slots in milliseconds: a minute and an hour.
pub(crate) const ROLLUP_WIDTHS_MS: [i64; 2] = [MINUTE_MS, 60 * MINUTE_MS];

/// Adds scheduled attempts to the counters, by subscription and latency bin.
pub(crate) fn add(
    connection: &Connection,
    at: Timestamp,
    attempts: &BTreeMap<(SubscriptionId, usize), SuccessCounts>,
) -> Result<(), Error> {
    let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let mut rollup = connection.prepare_cached(
        "INSERT INTO attempt_rollups (subscription_id, width_ms, slot_at, bin, n_ok, n_failed) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO UPDATE SET n_ok = n_ok + ?5, n_failed = n_failed + ?6",
    )?;
    let mut all = SuccessCounts::default();
    for ((id, bin), tally) in attempts {
        all.n_ok += tally.n_ok;
        all.n_failed += tally.n_failed;
        for span in ROLLUP_WIDTHS_MS {
            let slot = at.floor_to(span).millis();
            let bin = i64::try_from(*bin).unwrap_or(0);
            rollup.execute(params![id.0, span, slot, bin, whole(tally.n_ok), whole(tally.n_failed)])?;
        }
    }
    if all.total() > 0 {
        connection
            .prepare_cached(
                "INSERT INTO pipeline_minutes (slot_at, n_ok, n_failed) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET n_ok = n_ok + ?2, n_failed = n_failed + ?3",
            )?
            .execute(params![at.floor_to(MINUTE_MS).millis(), whole(all.n_ok), whole(all.n_failed)])?;
    }
    Ok(())
}

/// Sums the scheduled attempts of a subscription in slots of `span_ms` that begin at or after `since`.
pub(crate) fn totals_since(
    connection: &Connection,
    subscription: SubscriptionId,
    span_ms: i64,
    since: Timestamp,
) -> Result<(SuccessCounts, Histogram), Error> {
    let mut statement = connection.prepare_cached(
        "SELECT bin, sum(n_ok) AS n_ok, sum(n_failed) AS n_failed FROM attempt_rollups
         WHERE subscription_id = ?1 AND width_ms = ?2 AND slot_at >= ?3 GROUP BY bin",
    )?;
    let mut rows = statement.query(params![subscription.0, span_ms, since.millis()])?;
    let (mut tally, mut histogram) = (SuccessCounts::default(), Histogram::default());
    while let Some(row) = rows.next()? {
        let (n_ok, n_failed) = (count(row, "n_ok")?, count(row, "n_failed")?);
        tally.n_ok += n_ok;
        tally.n_failed += n_failed;
        histogram.add(usize::try_from(small_count(row, "bin")?).unwrap_or(0), n_ok + n_failed);
    }
    Ok((tally, histogram))
}

/// Lists the scheduled attempts of all subscriptions per minute from `since` on.
pub(crate) fn per_minute(connection: &Connection, since: Timestamp) -> Result<Vec<(Timestamp, SuccessCounts)>, Error> {
    let mut statement = connection
        .prepare_cached("SELECT slot_at, n_ok, n_failed FROM pipeline_minutes WHERE slot_at >= ?1 ORDER BY slot_at")?;
    let rows = statement.query_map([since.millis()], |row| {
        Ok((
            super::time(row, "slot_at")?,
            SuccessCounts { n_ok: count(row, "n_ok")?, n_failed: count(row, "n_failed")? },
        ))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
