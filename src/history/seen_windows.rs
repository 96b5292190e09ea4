//! Rate windows of the profile's keys, as the headers of answers showed them.

use super::HistoryError;
use super::slots::fill_slots;
use crate::domain::time::{MINUTE_MS, Timestamp};
use crate::domain::window::RateBucket;
use rusqlite::{Connection, params};

/// One hour in milliseconds.
pub(super) const HOUR_MS: i64 = 60 * MINUTE_MS;
/// Number of hours in a week.
const WEEK_HOURS: i64 = 7 * 24;

/// Rate window of a key, from the headers of answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedWindow {
    /// Name of the key in the profile.
    pub key: String,
    /// Bucket that the window belongs to.
    pub bucket: RateBucket,
    /// Start of the newest minute that was seen.
    pub minute_at: Timestamp,
    /// Calls allowed in the newest minute.
    pub limit: u32,
    /// Calls made in the newest minute, by all callers.
    pub used: u32,
    /// Own calls that were rejected in the newest minute.
    pub n_refused: u32,
    /// End of the window, if an answer named it.
    pub reset_at: Option<Timestamp>,
    /// Calls made in each of the 60 minutes before the current one, oldest first; `None` for a minute without an
    /// answer.
    pub hour: Vec<Option<u32>>,
    /// Calls in the busiest minute of each hour of the last week, oldest first; `None` for an hour without an answer.
    pub week: Vec<Option<u32>>,
}

/// Reads the newest rate window of each key and bucket, with the use of its last hour and week.
pub(super) fn read_windows(connection: &Connection, now: Timestamp) -> Result<Vec<ObservedWindow>, HistoryError> {
    let mut found = Vec::new();
    let mut statement = connection.prepare_cached(
        "SELECT w.key, w.bucket, w.minute_at, w.rate_limit, w.n_used, w.n_rejected, w.reset_at FROM rate_windows w
         JOIN (SELECT key, bucket, max(minute_at) AS newest FROM rate_windows GROUP BY key, bucket) n
         ON w.key = n.key AND w.bucket = n.bucket AND w.minute_at = n.newest ORDER BY w.key, w.bucket",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (key, bucket): (String, String) = (row.get("key")?, row.get("bucket")?);
        let Some(bucket) = RateBucket::named(&bucket) else { continue };
        let this = now.floor_to(MINUTE_MS).millis();
        let hour = busiest_minutes(connection, &key, bucket, (this - HOUR_MS, MINUTE_MS, 60))?;
        let week_began = now.floor_to(HOUR_MS).millis() - (WEEK_HOURS - 1) * HOUR_MS;
        let week = busiest_minutes(connection, &key, bucket, (week_began, HOUR_MS, WEEK_HOURS))?;
        found.push(ObservedWindow {
            key,
            bucket,
            minute_at: Timestamp::from_millis(row.get("minute_at")?),
            limit: row.get("rate_limit")?,
            used: row.get("n_used")?,
            n_refused: row.get("n_rejected")?,
            reset_at: row.get::<_, Option<i64>>("reset_at")?.map(Timestamp::from_millis),
            hour,
            week,
        });
    }
    Ok(found)
}

/// Returns the calls in the busiest minute of each of `n` slots of `width` milliseconds, from `since` on.
fn busiest_minutes(
    connection: &Connection,
    key: &str,
    bucket: RateBucket,
    (since, width, n): (i64, i64, i64),
) -> Result<Vec<Option<u32>>, HistoryError> {
    let mut slots = vec![None; usize::try_from(n).unwrap_or(0)];
    let mut statement = connection.prepare_cached(
        "SELECT (minute_at - ?3) / ?4 AS slot, max(n_used) FROM rate_windows
         WHERE key = ?1 AND bucket = ?2 AND minute_at >= ?3 AND minute_at < ?5 GROUP BY slot",
    )?;
    let rows = statement.query(params![key, bucket.name(), since, width, since + n * width])?;
    fill_slots(rows, &mut slots, |place, row| {
        *place = Some(row.get(1)?);
        Ok(())
    })?;
    Ok(slots)
}
