//! Rate windows as they were last flushed: the present ones continue after a restart, the past ones are the history.

use super::{Error, count, small, time, unreadable};
use crate::domain::ids::KeyId;
use crate::domain::time::Timestamp;
use crate::domain::window::{Bucket, Window};
use rusqlite::{Connection, Row, params};

/// A window with what it refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// Whose.
    pub key: KeyId,
    /// Which.
    pub bucket: Bucket,
    /// The window.
    pub window: Window,
    /// Calls refused in it.
    pub n_refused: u64,
}

/// Writes a window down; what is on disk never shrinks.
pub(crate) fn flush(connection: &Connection, used: &Used) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT INTO windows (key_id, bucket, start_at, used, refused) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET used = max(used, ?4), refused = max(refused, ?5)",
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

/// Windows that began at or after `since`, oldest first, of one key or of all.
pub(crate) fn since(connection: &Connection, key: Option<KeyId>, since: Timestamp) -> Result<Vec<Used>, Error> {
    let of_one = if key.is_some() { "key_id = ?1 AND" } else { "?1 IS NULL AND" };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT key_id, bucket, start_at, used, refused FROM windows WHERE {of_one} start_at >= ?2 ORDER BY start_at"
    ))?;
    let rows = statement.query_map(params![key.map(|id| id.0), since.millis()], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Used> {
    Ok(Used {
        key: KeyId(row.get("key_id")?),
        bucket: Bucket::named(&row.get::<_, String>("bucket")?).ok_or_else(|| unreadable("bucket"))?,
        window: Window { start: time(row, "start_at")?, used: small(row, "used")? },
        n_refused: count(row, "refused")?,
    })
}
