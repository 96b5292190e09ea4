//! How long what was seen is remembered.

use super::History;
use crate::domain::time::Timestamp;
use crate::sqlite::Error;
use std::time::Duration;

/// How long each kind is remembered.
const KEPT: [(&str, &str, u64); 7] = [
    ("calls", "at", 14),
    ("windows", "minute", 31),
    ("events", "seen", 14),
    ("outages", "before", 180),
    ("watches", "until", 31),
    ("receipts", "at", 14),
    ("unreadable", "at", 14),
];
/// Rows that are let go at once, so that nobody waits.
const SLICE: u32 = 2_000;

impl History {
    /// Lets go of what is old, a slice at a time; whether more is to go.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn forget(&self, now: Timestamp) -> Result<bool, Error> {
        self.write(move |connection| {
            let mut is_more = false;
            for (table, column, days) in KEPT {
                let before = now.minus(Duration::from_secs(days * 86_400)).millis();
                // WITHOUT ROWID tables have no row number; their keys begin with what is compared or are few.
                let sql = match table {
                    "windows" => format!("DELETE FROM {table} WHERE {column} < ?1"),
                    _ => format!(
                        "DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE {column} < ?1 LIMIT {SLICE})"
                    ),
                };
                is_more |= connection.prepare_cached(&sql)?.execute([before])? >= SLICE as usize;
            }
            Ok(is_more)
        })
        .await
    }
}
