//! Time series for charts, read from counters only.

use super::{Error, count, small_count, time};
use crate::domain::ids::SubscriptionId;
use crate::domain::latency::Histogram;
use crate::domain::success_rate::SuccessCounts;
use crate::domain::time::Timestamp;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// Scheduled attempts of one time slot.
#[derive(Debug, Clone, Copy, Default)]
pub struct AttemptSlotCounts {
    /// Numbers of successful and failed attempts.
    pub tally: SuccessCounts,
    /// Latency histogram; empty in a series over all subscriptions.
    pub histogram: Histogram,
}

/// API requests of one time slot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestSlotCounts {
    /// Number of all requests in the slot.
    pub n: u64,
    /// Number of requests answered with 4xx, 429 included.
    pub n_client_errors: u64,
    /// Number of requests answered with 429.
    pub n_limited: u64,
    /// Number of requests answered with 5xx.
    pub n_server_errors: u64,
}

/// Attempts of all subscriptions in slots of `span_ms`, from `since` (inclusive) to `until` (exclusive).
pub(crate) fn pipeline(
    connection: &Connection,
    span_ms: i64,
    (since, until): (Timestamp, Timestamp),
) -> Result<BTreeMap<Timestamp, AttemptSlotCounts>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT slot_at / ?1 * ?1 AS slot, sum(n_ok) AS n_ok, sum(n_failed) AS n_failed FROM pipeline_minutes
         WHERE slot_at >= ?2 AND slot_at < ?3 GROUP BY 1",
    )?;
    let rows = statement.query_map(params![span_ms, since.millis(), until.millis()], |row| {
        let tally = SuccessCounts { n_ok: count(row, "n_ok")?, n_failed: count(row, "n_failed")? };
        Ok((time(row, "slot")?, AttemptSlotCounts { tally, histogram: Histogram::default() }))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Attempts of one subscription in slots of `span_ms`, which must be a counted width, from `since` (inclusive) to
/// `until` (exclusive).
pub(crate) fn subscription(
    connection: &Connection,
    id: SubscriptionId,
    span_ms: i64,
    (since, until): (Timestamp, Timestamp),
) -> Result<BTreeMap<Timestamp, AttemptSlotCounts>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT slot_at, bin, n_ok, n_failed FROM attempt_rollups
         WHERE subscription_id = ?1 AND width_ms = ?2 AND slot_at >= ?3 AND slot_at < ?4",
    )?;
    let mut rows = statement.query(params![id.0, span_ms, since.millis(), until.millis()])?;
    let mut slots: BTreeMap<Timestamp, AttemptSlotCounts> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let (n_ok, n_failed) = (count(row, "n_ok")?, count(row, "n_failed")?);
        let slot = slots.entry(time(row, "slot_at")?).or_default();
        slot.tally.n_ok += n_ok;
        slot.tally.n_failed += n_failed;
        slot.histogram.add(usize::try_from(small_count(row, "bin")?).unwrap_or(0), n_ok + n_failed);
    }
    Ok(slots)
}

/// Requests in slots of `span_ms`, from `since` (inclusive) to `until` (exclusive).
pub(crate) fn requests(
    connection: &Connection,
    span_ms: i64,
    (since, until): (Timestamp, Timestamp),
) -> Result<BTreeMap<Timestamp, RequestSlotCounts>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT slot_at / ?1 * ?1 AS slot, sum(n) AS n, sum(n) FILTER (WHERE status BETWEEN 400 AND 499) AS client,
             sum(n) FILTER (WHERE status = 429) AS limited, sum(n) FILTER (WHERE status >= 500) AS server
         FROM request_minutes WHERE slot_at >= ?2 AND slot_at < ?3 GROUP BY 1",
    )?;
    let rows = statement.query_map(params![span_ms, since.millis(), until.millis()], |row| {
        let some =
            |column: &str| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.unwrap_or(0).unsigned_abs());
        let requests = RequestSlotCounts {
            n: some("n")?,
            n_client_errors: some("client")?,
            n_limited: some("limited")?,
            n_server_errors: some("server")?,
        };
        Ok((time(row, "slot")?, requests))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
