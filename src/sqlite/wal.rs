//! Size of the write-ahead log. SQLite checkpoints the log every 4,000 pages and restarts it, but only at a moment when
//! no connection reads an older snapshot. Where reads overlap without a gap that moment never comes, and the log grows
//! without limit.

use super::BUSY;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Size in bytes from which the log is truncated; a restarted log is cut back to this size.
pub(super) const LONG: u32 = 64 << 20;
/// Growth in bytes after which a failed truncation is tried again.
const STEP: u64 = 16 << 20;
/// Maximum wait for readers during a truncation.
const PATIENCE: Duration = Duration::from_millis(200);

/// Path of a database's write-ahead log.
pub(super) fn path(connection: &Connection) -> PathBuf {
    PathBuf::from(format!("{}-wal", connection.path().unwrap_or_default()))
}

/// Size of a file in bytes; 0 if missing.
pub(super) fn len(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}

/// Write-ahead log of a database, watched by its writer.
#[derive(Debug)]
pub(super) struct Wal {
    path: PathBuf,
    /// Size in bytes at which the next truncation is tried.
    limit: u64,
}

impl Wal {
    /// Watches the log of this connection's database.
    pub(super) fn of(connection: &Connection) -> Self {
        Self { path: path(connection), limit: u64::from(LONG) }
    }

    /// Truncates the log if it is long. No write runs meanwhile, so new readers read from the database, and readers of
    /// an older snapshot are waited for. A reader that takes longer keeps the log, and truncation is tried again after
    /// another step of growth.
    pub(super) fn keep_short(&mut self, connection: &Connection) {
        let len = len(&self.path);
        if len < self.limit {
            return;
        }
        let emptied = connection.busy_timeout(PATIENCE).and_then(|()| {
            connection
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))
                .map(|busy| busy == 0)
        });
        let _ = connection.busy_timeout(BUSY);
        if emptied.unwrap_or(false) {
            self.limit = u64::from(LONG);
        } else {
            tracing::warn!(mib = len >> 20, "the write-ahead log cannot be truncated while a reader uses an old state");
            self.limit = len + STEP;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Database, Error, Lane, Options};
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    const OPTIONS: Options = Options {
        application_id: 7,
        migrations: &["CREATE TABLE blobs (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;"],
        n_readers: 2,
        queue: 64,
        reserved: 1,
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
            database.write(Lane::Common, add).await.unwrap();
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
        assert!(fill(&database, &log, 110).await > u64::from(LONG), "it is held");
        long.execute_batch("COMMIT").unwrap();
        fill(&database, &log, 110).await;
        assert!(std::fs::metadata(&log).unwrap().len() <= u64::from(LONG) + STEP);
    }
}
