//! Poll positions: where polling of a list continues, and since when the list is known without a gap.

use super::{HistoryError, PlatformHistory};
use crate::database::options::JobPriority;
use crate::domain::ids::CompanyId;
use crate::domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

impl PlatformHistory {
    /// Returns the time at which an answer was last received and understood.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be read.
    pub async fn heard_at(&self) -> Result<Option<Timestamp>, HistoryError> {
        self.database.read(JobPriority::Low, read_heard_at).await
    }

    /// Starts polling at a time, unless the list is known from then on already.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be written.
    pub async fn start_polling_at(&self, what: String, since: Timestamp) -> Result<(), HistoryError> {
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO poll_state (task, complete_since) VALUES (?1, ?2) ON CONFLICT (task) DO UPDATE
                     SET cursor = NULL, complete_since = excluded.complete_since
                     WHERE complete_since IS NULL OR complete_since > excluded.complete_since",
                )?
                .execute(params![what, since.millis()])?;
            Ok(())
        })
        .await
    }

    /// Returns the query with which polling of a list continues; `None` if it has not begun.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be read.
    pub async fn poll_position(&self, what: String) -> Result<Option<Vec<(String, String)>>, HistoryError> {
        self.database
            .read(JobPriority::Low, move |connection| {
                let mut statement = connection.prepare_cached("SELECT cursor FROM poll_state WHERE task = ?1")?;
                let text: Option<Option<String>> = statement.query_row([what], |row| row.get(0)).optional()?;
                Ok(text.flatten().and_then(|text| serde_json::from_str(&text).ok()))
            })
            .await
    }

    /// Discards the position of a list, and returns the time of the company's newest known event, at which polling
    /// restarts.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be written.
    pub async fn restart_polling(&self, what: String, company: CompanyId) -> Result<Option<Timestamp>, HistoryError> {
        self.write(move |connection| {
            connection.prepare_cached("UPDATE poll_state SET cursor = NULL WHERE task = ?1")?.execute([&what])?;
            let newest: Option<i64> = connection
                .prepare_cached("SELECT max(created_at) FROM events WHERE company = ?1")?
                .query_row([company.0], |row| row.get(0))?;
            Ok(newest.map(Timestamp::from_millis))
        })
        .await
    }
}

/// Reads the time at which an answer was last received and understood.
pub(super) fn read_heard_at(connection: &Connection) -> Result<Option<Timestamp>, HistoryError> {
    let at: Option<i64> =
        connection.prepare_cached("SELECT max(last_success_at) FROM poll_state")?.query_row([], |row| row.get(0))?;
    Ok(at.map(Timestamp::from_millis))
}
