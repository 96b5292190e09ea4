//! Retention of the history: how long each kind of row is kept.

use super::{HistoryError, PlatformHistory};
use crate::domain::time::Timestamp;
use rusqlite::Connection;
use std::time::Duration;

/// Retention per table: table, time column, days.
const RETENTION_DAYS: [(&str, &str, u64); 10] = [
    ("calls", "at", 14),
    ("rate_windows", "minute_at", 31),
    ("events", "seen_at", 14),
    ("subscription_outages", "first_seen_disabled_at", 180),
    ("watch_periods", "until_at", 31),
    ("received_deliveries", "at", 14),
    ("unreadable_items", "at", 14),
    ("refused_deliveries", "since_at", 14),
    ("relayed_calls", "at", 14),
    ("unrecorded_periods", "since_at", 14),
];
/// Maximum number of rows of the tables that grow with the traffic of others; the oldest beyond it are deleted.
const MAX_TRAFFIC_ROWS: [(&str, i64); 3] =
    [("received_deliveries", 1_000_000), ("relayed_calls", 1_000_000), ("refused_deliveries", 100_000)];
/// Maximum number of bytes of kept bodies; the oldest beyond it are dropped, the rows stay.
const MAX_BODY_BYTES: i64 = 256 << 20;
/// Maximum number of rows deleted per table at once, so that the writer is not blocked for long; `rate_windows`, which is
/// small, has no such limit.
const MAX_ROWS_PER_DELETE: u32 = 2_000;

impl PlatformHistory {
    /// Deletes expired rows, a slice per table at a time, and returns whether more rows have expired.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be written.
    pub async fn delete_expired(&self, now: Timestamp) -> Result<bool, HistoryError> {
        self.write(move |connection| {
            let mut is_more = false;
            for (table, column, days) in RETENTION_DAYS {
                let before = now.minus(Duration::from_secs(days * 86_400)).millis();
                // WITHOUT ROWID tables have no row number; their keys begin with what is compared or are few.
                let sql = match table {
                    "rate_windows" => format!("DELETE FROM {table} WHERE {column} < ?1"),
                    _ => format!(
                        "DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE {column} < ?1 LIMIT {MAX_ROWS_PER_DELETE})"
                    ),
                };
                is_more |= connection.prepare_cached(&sql)?.execute([before])? >= MAX_ROWS_PER_DELETE as usize;
            }
            for (table, limit) in MAX_TRAFFIC_ROWS {
                // Row numbers rise by one, so that the newest number less the limit is the oldest row to keep.
                let sql = format!(
                    "DELETE FROM {table} WHERE id IN (SELECT id FROM {table}
                     WHERE id <= (SELECT max(id) FROM {table}) - ?1 ORDER BY id LIMIT {MAX_ROWS_PER_DELETE})"
                );
                is_more |= connection.prepare_cached(&sql)?.execute([limit])? >= MAX_ROWS_PER_DELETE as usize;
            }
            Ok(is_more | drop_bodies(connection, MAX_BODY_BYTES)?)
        })
        .await
    }
}

/// Drops the oldest kept bodies beyond `limit` bytes, a slice of rows at a time; whether more may have to go.
fn drop_bodies(connection: &Connection, limit: i64) -> Result<bool, HistoryError> {
    let kept = "SELECT coalesce(sum(length(body)), 0) FROM received_deliveries WHERE body <> x''";
    let n_bytes: i64 = connection.prepare_cached(kept)?.query_row([], |row| row.get(0))?;
    if n_bytes <= limit {
        return Ok(false);
    }
    // The sum runs from the oldest row on; a body goes if those before it do not free enough.
    let sql = format!(
        "UPDATE received_deliveries SET body = x'', headers = '[]' WHERE id IN (
         SELECT id FROM (SELECT id, length(body) AS size, sum(length(body)) OVER (ORDER BY id) AS freed FROM received_deliveries
         WHERE body <> x'' ORDER BY id LIMIT {MAX_ROWS_PER_DELETE}) WHERE freed - size < ?1)"
    );
    Ok(connection.prepare_cached(&sql)?.execute([n_bytes - limit])? >= MAX_ROWS_PER_DELETE as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_oldest_bodies_go_first_and_no_more_than_needed() {
        let dir = tempfile::tempdir().expect("a directory");
        let history = PlatformHistory::open(&dir.path().join("history.db")).expect("it opens");
        let kept = history
            .write(|connection| {
                for _ in 0..5 {
                    connection.execute(
                        "INSERT INTO received_deliveries (at, type, signature_result, elapsed_ms, headers, body)
                         VALUES (0, 'lead.created', 'genuine', 1, '[]', zeroblob(100))",
                        [],
                    )?;
                }
                assert!(!drop_bodies(connection, 500)?);
                assert!(!drop_bodies(connection, 250)?);
                let mut statement =
                    connection.prepare("SELECT id FROM received_deliveries WHERE body <> x'' ORDER BY id")?;
                let ids = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?;
                Ok(ids)
            })
            .await
            .expect("written");
        assert_eq!(kept, [4, 5]);
    }
}
