//! Retention of the history: how long each kind of row is kept.

use super::{HistoryError, PlatformHistory};
use crate::domain::time::Timestamp;
use std::time::Duration;

/// Retention per table: table, time column, days.
const RETENTION_DAYS: [(&str, &str, u64); 7] = [
    ("calls", "at", 14),
    ("rate_windows", "minute_at", 31),
    ("events", "seen_at", 14),
    ("subscription_outages", "first_seen_disabled_at", 180),
    ("watch_periods", "until_at", 31),
    ("received_deliveries", "at", 14),
    ("unreadable_items", "at", 14),
];
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
            Ok(is_more)
        })
        .await
    }
}
