//! Rate limit windows as last flushed: the current ones continue after a restart, the past ones are the history.

use super::{Error, count, small_count, time, unreadable};
use crate::domain::ids::KeyId;
use crate::domain::time::Timestamp;
use crate::domain::window::{RateBucket, RateWindow};
use rusqlite::{Connection, Row, params};

/// Usage of one rate limit window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowUsage {
    /// Key whose calls are counted.
    pub key: KeyId,
    /// Bucket in which the calls are counted.
    pub bucket: RateBucket,
    /// Start of the window and the calls admitted.
    pub window: RateWindow,
    /// Number of calls rejected in the window.
    pub n_refused: u64,
}

/// Stores a window; stored counts never decrease.
pub(crate) fn flush(connection: &Connection, used: &WindowUsage) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT INTO rate_windows (key_id, bucket, start_at, n_admitted, n_rejected) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET n_admitted = max(n_admitted, ?4), n_rejected = max(n_rejected, ?5)",
        )?
        .execute(params![
            used.key.0,
            used.bucket.name(),
            used.window.start.millis(),
            used.window.used,
            i64::try_from(used.n_refused).unwrap_or(i64::MAX)
        ])?;
    Ok(())
}

/// Lists the windows that began at or after `since`, oldest first, of one key or of all.
pub(crate) fn list_since(
    connection: &Connection,
    key: Option<KeyId>,
    since: Timestamp,
) -> Result<Vec<WindowUsage>, Error> {
    let of_one = if key.is_some() { "key_id = ?1 AND" } else { "?1 IS NULL AND" };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT key_id, bucket, start_at, n_admitted, n_rejected FROM rate_windows WHERE {of_one} start_at >= ?2 ORDER BY start_at"
    ))?;
    let rows = statement.query_map(params![key.map(|id| id.0), since.millis()], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<WindowUsage> {
    Ok(WindowUsage {
        key: KeyId(row.get("key_id")?),
        bucket: RateBucket::named(&row.get::<_, String>("bucket")?).ok_or_else(|| unreadable("bucket"))?,
        window: RateWindow { start: time(row, "start_at")?, used: small_count(row, "n_admitted")? },
        n_refused: count(row, "n_rejected")?,
    })
}
