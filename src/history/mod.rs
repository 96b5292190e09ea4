//! History of one platform, kept across restarts: everything that was observed, called and received on a platform
//! without a Portal; for each console, start times of alerts, and changes of the link. Several processes may have it
//! open at once.

pub mod budget;
pub mod calls;
mod columns;
pub mod console;
pub mod keys;
pub mod latest_events;
pub mod listings;
pub mod observations;
pub mod operator_notes;
pub mod operators;
pub mod outbox;
pub mod pages;
mod poll_positions;
pub mod receipt_health;
pub mod receipts;
mod refusals;
pub mod reports;
mod request_log;
pub mod retention;
pub mod seen_windows;
mod slots;
pub mod source;
pub mod unreadable;

use crate::database::Database;
use crate::database::options::{DatabaseOptions, JobPriority};
use crate::files::private;
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;

/// Error of the history's database.
pub type HistoryError = crate::database::error::Error;

/// SQLite application id of a console's history: `crwh`.
const APPLICATION_ID: i32 = i32::from_be_bytes(*b"crwh");
const MIGRATIONS: &[&str] = &[
    include_str!("../../assets/migrations/history/0001_initial.sql"),
    include_str!("../../assets/migrations/history/0002_remote.sql"),
    include_str!("../../assets/migrations/history/0003_unreadable.sql"),
    include_str!("../../assets/migrations/history/0004_names.sql"),
    include_str!("../../assets/migrations/history/0005_observer.sql"),
    include_str!("../../assets/migrations/history/0006_service.sql"),
    include_str!("../../assets/migrations/history/0007_reports.sql"),
    include_str!("../../assets/migrations/history/0008_request_log.sql"),
    include_str!("../../assets/migrations/history/0009_receipt_health.sql"),
];

/// Handle of an open history; clones share the database.
#[derive(Debug, Clone)]
pub struct PlatformHistory {
    database: Database,
    path: Arc<Path>,
}

impl PlatformHistory {
    /// Opens or creates the history at `path`; blocks the thread until that is done.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be opened or migrated.
    pub fn open(path: &Path) -> Result<Self, HistoryError> {
        // Two consoles that start at once would both run the migrations; the lock makes them open the file one after
        // the other. Where files cannot be locked, SQLite's own locking must do.
        let door =
            private::private_options().write(true).create(true).truncate(false).open(path.with_extension("lock"));
        let _alone = door.and_then(|file| file.lock().map(|()| file)).ok();
        let options = DatabaseOptions {
            application_id: APPLICATION_ID,
            migrations: MIGRATIONS,
            n_readers: 1,
            queue_capacity: 256,
            reserved_capacity: 0,
        };
        Ok(Self { database: Database::open(path, options)?, path: path.into() })
    }

    /// Runs `work` in a write transaction of its own.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, HistoryError> + Send + 'static,
    ) -> Result<T, HistoryError> {
        self.database.write(JobPriority::Low, work).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consoles_that_start_at_once_all_get_the_history() {
        for _ in 0..5 {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("history.db");
            let open = || PlatformHistory::open(&path).map(drop).map_err(|error| error.to_string());
            let came: Vec<_> = std::thread::scope(|scope| {
                let opening: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
                opening.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(came.iter().all(Result::is_ok), "{came:?}");
        }
    }
}
