//! State of the observed platform, shared by the processes that read one history; and the lock by which one of them
//! polls.

use super::{HistoryError, PlatformHistory};
use crate::database::options::JobPriority;
use crate::domain::time::Timestamp;
use crate::files::private;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::fs::File;
use std::time::Duration;

/// State of the observed platform, as the polling process found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceState {
    /// Milliseconds by which the platform's clock is ahead.
    pub skew_ms: i64,
    /// Interval at which lists are polled.
    pub poll_interval: Duration,
    /// Failure of the last calls; `None` if the last call brought an answer.
    pub failure: Option<PollFailure>,
}

/// Failure of the calls to the observed platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollFailure {
    /// Whether the platform was reached and asked to wait.
    pub is_waiting: bool,
    /// Reason for the failure, in one line.
    pub why: String,
    /// Number of failed tries in a row.
    pub n_tries: u32,
    /// Time of the next try.
    pub retry_at: Timestamp,
}

/// Lock that one process per history holds while it polls. The operating system releases the lock when the process ends.
#[derive(Debug)]
pub struct PollLock {
    _file: File,
}

impl PlatformHistory {
    /// Takes the lock for polling; `None` if another process holds it. Where files cannot be locked, every process gets
    /// it: permits still keep calls within the budget.
    #[must_use]
    pub fn try_poll_lock(&self) -> Option<PollLock> {
        let path = self.path.with_extension("polling");
        let file = private::private_options().write(true).create(true).truncate(false).open(path).ok()?;
        match file.try_lock() {
            Err(std::fs::TryLockError::WouldBlock) => None,
            Ok(()) | Err(std::fs::TryLockError::Error(_)) => Some(PollLock { _file: file }),
        }
    }

    /// Returns a mark that differs from an earlier one if any process has changed the history since.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be read.
    pub async fn change_mark(&self) -> Result<i64, HistoryError> {
        let read = |connection: &Connection| -> Result<i64, HistoryError> {
            Ok(connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?)
        };
        self.database.read(JobPriority::Low, read).await
    }

    /// Returns the state of the platform that was stored last; `None` if none was.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be read.
    pub async fn source_state(&self) -> Result<Option<SourceState>, HistoryError> {
        self.database.read(JobPriority::Low, read_source_state).await
    }

    /// Stores the state of the platform.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be written.
    pub async fn store_source_state(&self, state: SourceState) -> Result<(), HistoryError> {
        self.write(move |connection| {
            let failure = state.failure.as_ref();
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO source_state (id, clock_skew_ms, poll_interval_ms, failure, reason, n_failures, retry_at)
                     VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute(params![
                    state.skew_ms,
                    i64::try_from(state.poll_interval.as_millis()).unwrap_or(i64::MAX),
                    failure.map(|of| if of.is_waiting { "waiting" } else { "failed" }),
                    failure.map(|of| of.why.as_str()),
                    failure.map_or(0, |of| of.n_tries),
                    failure.map(|of| of.retry_at.millis()),
                ])?;
            Ok(())
        })
        .await
    }
}

fn read_source_state(connection: &Connection) -> Result<Option<SourceState>, HistoryError> {
    let mut statement = connection.prepare_cached("SELECT * FROM source_state")?;
    let state = statement.query_row([], |row| {
        let kind: Option<String> = row.get("failure")?;
        let failure = match kind {
            None => None,
            Some(kind) => Some(PollFailure {
                is_waiting: kind == "waiting",
                why: row.get::<_, Option<String>>("reason")?.unwrap_or_default(),
                n_tries: row.get("n_failures")?,
                retry_at: Timestamp::from_millis(row.get::<_, Option<i64>>("retry_at")?.unwrap_or_default()),
            }),
        };
        Ok(SourceState {
            skew_ms: row.get("clock_skew_ms")?,
            poll_interval: Duration::from_millis(row.get::<_, i64>("poll_interval_ms")?.unsigned_abs()),
            failure,
        })
    });
    Ok(state.optional()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_process_polls_at_a_time_and_all_read_what_it_found() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("history.db");
        let open = || PlatformHistory::open(&path).expect("it opens");
        let (first, second) = (open(), open());
        let lock = first.try_poll_lock().expect("it is free");
        assert!(second.try_poll_lock().is_none() && first.try_poll_lock().is_none());
        let before = second.change_mark().await.expect("read");
        let failure =
            PollFailure { is_waiting: true, why: "busy".to_owned(), n_tries: 2, retry_at: Timestamp::from_millis(9) };
        let state = SourceState { skew_ms: -5, poll_interval: Duration::from_secs(30), failure: Some(failure) };
        first.store_source_state(state.clone()).await.expect("written");
        assert_ne!(second.change_mark().await.expect("read"), before);
        assert_eq!(second.source_state().await.expect("read"), Some(state));
        drop(lock);
        assert!(second.try_poll_lock().is_some());
    }
}
