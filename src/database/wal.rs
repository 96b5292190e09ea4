//! Size of the write-ahead log. SQLite checkpoints the log every 4,000 pages and restarts it, but only at a moment when
//! no connection reads an older snapshot. Where reads overlap without a gap that moment never comes, and the log grows
//! without limit.

use super::options::BUSY_TIMEOUT;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Size in bytes from which the log is truncated; a restarted log is cut back to this size.
pub(super) const MAX_WAL_BYTES: u32 = 64 << 20;
/// Growth in bytes after which a failed truncation is tried again.
const WAL_RETRY_STEP_BYTES: u64 = 16 << 20;
/// Maximum wait for readers during a truncation.
const CHECKPOINT_TIMEOUT: Duration = Duration::from_millis(200);

/// Path of a database's write-ahead log.
pub(super) fn wal_path(connection: &Connection) -> PathBuf {
    PathBuf::from(format!("{}-wal", connection.path().unwrap_or_default()))
}

/// Size of a file in bytes; 0 if missing.
pub(super) fn file_len(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}

/// Write-ahead log of a database, watched by its writer.
#[derive(Debug)]
pub(super) struct WalWatch {
    path: PathBuf,
    /// Size in bytes at which the next truncation is tried.
    limit: u64,
}

impl WalWatch {
    /// Watches the log of this connection's database.
    pub(super) fn watch(connection: &Connection) -> Self {
        Self { path: wal_path(connection), limit: u64::from(MAX_WAL_BYTES) }
    }

    /// Truncates the log if it is long. No write runs meanwhile, so new readers read from the database, and readers of
    /// an older snapshot are waited for. A reader that takes longer keeps the log, and truncation is tried again after
    /// another step of growth.
    pub(super) fn truncate_if_long(&mut self, connection: &Connection) {
        let len = file_len(&self.path);
        if len < self.limit {
            return;
        }
        let emptied = connection.busy_timeout(CHECKPOINT_TIMEOUT).and_then(|()| {
            connection
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))
                .map(|busy| busy == 0)
        });
        let _ = connection.busy_timeout(BUSY_TIMEOUT);
        if emptied.unwrap_or(false) {
            self.limit = u64::from(MAX_WAL_BYTES);
        } else {
            tracing::warn!(mib = len >> 20, "the write-ahead log cannot be truncated while a reader uses an old state");
            self.limit = len + WAL_RETRY_STEP_BYTES;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Database;
    use super::*;
    use crate::database::error::Error;
    use crate::database::options::{DatabaseOptions, JobPriority};
    use std::sync::atomic::{AtomicBool, Ordering};

    const OPTIONS: DatabaseOptions = DatabaseOptions {
        application_id: 7,
        migrations: &["CREATE TABLE blobs (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;"],
        n_readers: 2,
        queue_capacity: 64,
        reserved_capacity: 1,
    };
    const MIB: i64 = 1 << 20;
    /// Bytes the log may have under any load (K10). A try to empty it fails where a reader's thread gets no turn, so several are let fail.
    const BOUND: u64 = 256 << 20;

    /// A question that takes as long as several commits.
    const LONGER: &str =
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT count(*) FROM n";

    /// Begins to read, and holds on to the state of this moment.
    fn begin(connection: &Connection) {
        connection.execute_batch("BEGIN").unwrap();
        connection.query_row("SELECT count(*) FROM blobs", [], |row| row.get::<_, i64>(0)).unwrap();
    }

    /// Writes 1 MiB so many times, each in a commit of its own. The bytes the log had at most.
    async fn fill(database: &Database, path: &Path, n_times: usize) -> u64 {
        let mut longest = 0;
        for _ in 0..n_times {
            let add = |connection: &Connection| {
                connection.execute("INSERT INTO blobs (bytes) VALUES (zeroblob(?1))", [MIB])?;
                Ok::<_, Error>(())
            };
            database.write(JobPriority::Low, add).await.unwrap();
            longest = longest.max(std::fs::metadata(path).unwrap().len());
        }
        longest
    }

    #[test]
    fn k10_reads_that_overlap_without_a_gap_do_not_let_the_log_grow() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.db");
        let database = Database::open(&path, OPTIONS).unwrap();
        let stop = AtomicBool::new(false);
        let (mut one, mut other) = (Connection::open(&path).unwrap(), Connection::open(&path).unwrap());
        let longest = std::thread::scope(|scope| {
            scope.spawn(|| {
                begin(&one);
                while !stop.load(Ordering::Relaxed) {
                    begin(&other);
                    other.query_row(LONGER, [], |row| row.get::<_, i64>(0)).unwrap();
                    one.execute_batch("COMMIT").unwrap();
                    std::mem::swap(&mut one, &mut other);
                }
            });
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let longest = runtime.block_on(fill(&database, &dir.path().join("x.db-wal"), 300));
            stop.store(true, Ordering::Relaxed);
            longest
        });
        assert!(longest <= BOUND, "{} MiB", longest >> 20);
    }

    #[tokio::test]
    async fn k10_a_reader_that_does_not_end_stops_no_write_and_the_log_is_emptied_when_it_has() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.db");
        let database = Database::open(&path, OPTIONS).unwrap();
        let long = Connection::open(&path).unwrap();
        begin(&long);
        let log = dir.path().join("x.db-wal");
        assert!(fill(&database, &log, 110).await > u64::from(MAX_WAL_BYTES), "it is held");
        long.execute_batch("COMMIT").unwrap();
        fill(&database, &log, 110).await;
        assert!(std::fs::metadata(&log).unwrap().len() <= u64::from(MAX_WAL_BYTES) + WAL_RETRY_STEP_BYTES);
    }
}
