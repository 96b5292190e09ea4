//! Outbox of reports: what `crow listen` and `crow relay` recorded for an observer elsewhere, on disk until the observer
//! has it. Several processes may share one: a report that two of them send is stored once by the observer.

use super::HistoryError;
use crate::database::Database;
use crate::database::options::{DatabaseOptions, JobPriority};
use rusqlite::{Connection, params};
use std::path::Path;

/// SQLite application id of an outbox: `crwo`.
const APPLICATION_ID: i32 = i32::from_be_bytes(*b"crwo");
const MIGRATIONS: &[&str] = &[include_str!("../../assets/migrations/outbox/0001_initial.sql")];
/// Bytes by which a stored report is larger than its document.
const ROW_BYTES: i64 = 48;

/// Kind of a report, which decides how it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportKind {
    /// Delivery that was taken.
    Receipt,
    /// Count of refused requests.
    Refusal,
    /// Call that was passed on.
    Call,
    /// Period in which not every delivery was recorded.
    UnrecordedReceipts,
    /// Period in which not every call was recorded.
    UnrecordedCalls,
}

impl ReportKind {
    /// Name of the kind in the database.
    const fn name(self) -> &'static str {
        match self {
            Self::Receipt => "receipt",
            Self::Refusal => "refusal",
            Self::Call => "call",
            Self::UnrecordedReceipts => "unrecorded_receipts",
            Self::UnrecordedCalls => "unrecorded_calls",
        }
    }
}

/// Report that waits in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingReport {
    /// Number of the report in the outbox.
    pub id: i64,
    /// Report as a JSON document.
    pub document: String,
}

/// Error of an outbox.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The reports that wait have reached the size limit.
    #[error("{} of reports wait to be sent, the maximum", crate::files::format_size(*limit))]
    Full {
        /// Maximum size of the waiting reports in bytes.
        limit: u64,
    },
    /// The database cannot be read or written.
    #[error(transparent)]
    Database(#[from] HistoryError),
}

/// Handle of an open outbox; clones share the database.
#[derive(Debug, Clone)]
pub struct ReportOutbox {
    database: Database,
    limit: u64,
}

impl ReportOutbox {
    /// Opens or creates the outbox at `path`, whose waiting reports may take `limit` bytes; blocks the thread until that
    /// is done.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be opened.
    pub fn open(path: &Path, limit: u64) -> Result<Self, HistoryError> {
        let options = DatabaseOptions {
            application_id: APPLICATION_ID,
            migrations: MIGRATIONS,
            n_readers: 1,
            queue_capacity: 64,
            reserved_capacity: 0,
        };
        Ok(Self { database: Database::open(path, options)?, limit })
    }

    /// Adds reports in their order, as many as there is room for, and returns their number.
    ///
    /// # Errors
    ///
    /// [`OutboxError::Full`] when there is no room for the first one; [`OutboxError::Database`] when they cannot be
    /// written.
    pub async fn add(&self, reports: Vec<(ReportKind, String)>) -> Result<usize, OutboxError> {
        let limit = self.limit;
        self.database
            .write_queued(move |connection| {
                let (waiting, _) = read_size(connection)?;
                let room = i64::try_from(limit).unwrap_or(i64::MAX).saturating_sub(waiting);
                let mut insert = prepare(connection, "INSERT INTO waiting_reports (kind, document) VALUES (?1, ?2)")?;
                let (mut n, mut n_bytes) = (0, 0);
                for (kind, document) in &reports {
                    let size = size_of(document.len());
                    if n_bytes + size > room {
                        break;
                    }
                    insert.execute(params![kind.name(), document]).map_err(HistoryError::from)?;
                    n += 1;
                    n_bytes += size;
                }
                if n == 0 && !reports.is_empty() {
                    return Err(OutboxError::Full { limit });
                }
                grow(connection, n_bytes, i64::try_from(n).unwrap_or(i64::MAX))?;
                Ok(n)
            })
            .await
    }

    /// Returns the oldest waiting reports of a kind, at most `n` and at most `n_bytes` of documents, but at least one.
    ///
    /// # Errors
    ///
    /// [`OutboxError::Database`] when the database cannot be read.
    pub async fn oldest(&self, kind: ReportKind, n: usize, n_bytes: usize) -> Result<Vec<WaitingReport>, OutboxError> {
        self.database
            .read(JobPriority::Low, move |connection| {
                let mut statement = prepare(
                    connection,
                    "SELECT id, document FROM waiting_reports WHERE kind = ?1 ORDER BY id LIMIT ?2",
                )?;
                let limit = i64::try_from(n).unwrap_or(i64::MAX);
                let mut rows = statement.query(params![kind.name(), limit]).map_err(HistoryError::from)?;
                let (mut found, mut n_read) = (Vec::new(), 0);
                while let Some(row) = rows.next().map_err(HistoryError::from)? {
                    let read = || Ok::<_, rusqlite::Error>((row.get(0)?, row.get(1)?));
                    let (id, document): (i64, String) = read().map_err(HistoryError::from)?;
                    n_read += document.len();
                    if n_read > n_bytes && !found.is_empty() {
                        break;
                    }
                    found.push(WaitingReport { id, document });
                }
                Ok(found)
            })
            .await
    }

    /// Removes reports that the observer has.
    ///
    /// # Errors
    ///
    /// [`OutboxError::Database`] when the database cannot be written.
    pub async fn remove(&self, ids: Vec<i64>) -> Result<(), OutboxError> {
        self.database
            .write_queued(move |connection| {
                let sql = "DELETE FROM waiting_reports WHERE id = ?1 RETURNING length(CAST(document AS BLOB))";
                let mut delete = prepare(connection, sql)?;
                let (mut n_bytes, mut n) = (0, 0);
                for id in &ids {
                    let mut rows = delete.query([id]).map_err(HistoryError::from)?;
                    // A report that another process removed is gone.
                    while let Some(row) = rows.next().map_err(HistoryError::from)? {
                        let length: i64 = row.get(0).map_err(HistoryError::from)?;
                        n_bytes += length + ROW_BYTES;
                        n += 1;
                    }
                }
                grow(connection, -n_bytes, -n)?;
                Ok(())
            })
            .await
    }

    /// Returns the number of waiting reports.
    ///
    /// # Errors
    ///
    /// [`OutboxError::Database`] when the database cannot be read.
    pub async fn n_waiting(&self) -> Result<u64, OutboxError> {
        let size = self.database.read(JobPriority::Low, read_size).await?;
        Ok(size.1.unsigned_abs())
    }

    /// Finishes the queued writes, then closes. Blocks until done.
    pub fn close(&self) {
        self.database.close();
    }
}

/// Bytes that a document of this length counts.
fn size_of(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX).saturating_add(ROW_BYTES)
}

fn prepare<'c>(connection: &'c Connection, sql: &str) -> Result<rusqlite::CachedStatement<'c>, HistoryError> {
    Ok(connection.prepare_cached(sql)?)
}

fn read_size(connection: &Connection) -> Result<(i64, i64), HistoryError> {
    let mut statement = prepare(connection, "SELECT n_bytes, n_reports FROM outbox_size WHERE id = 1")?;
    Ok(statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

fn grow(connection: &Connection, n_bytes: i64, n_reports: i64) -> Result<(), HistoryError> {
    let sql = "UPDATE outbox_size SET n_bytes = n_bytes + ?1, n_reports = n_reports + ?2 WHERE id = 1";
    prepare(connection, sql)?.execute([n_bytes, n_reports])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reports(kind: ReportKind, texts: &[&str]) -> Vec<(ReportKind, String)> {
        texts.iter().map(|text| (kind, (*text).to_owned())).collect()
    }

    async fn texts(outbox: &ReportOutbox, kind: ReportKind, n_bytes: usize) -> Vec<String> {
        let found = outbox.oldest(kind, 10, n_bytes).await.expect("it reads");
        found.into_iter().map(|report| report.document).collect()
    }

    #[tokio::test]
    async fn reports_wait_in_order_across_a_restart_until_they_are_removed() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("outbox.db");
        let outbox = ReportOutbox::open(&path, 1 << 20).expect("it opens");
        outbox.add(reports(ReportKind::Call, &["one", "two"])).await.expect("added");
        outbox.add(reports(ReportKind::Receipt, &["three"])).await.expect("added");
        outbox.close();
        let outbox = ReportOutbox::open(&path, 1 << 20).expect("it opens");
        assert_eq!(texts(&outbox, ReportKind::Call, 100).await, ["one", "two"]);
        assert_eq!(texts(&outbox, ReportKind::Call, 4).await, ["one"], "the second exceeds the size");
        assert_eq!(texts(&outbox, ReportKind::Call, 0).await, ["one"], "at least one is read");
        let first = outbox.oldest(ReportKind::Call, 1, 100).await.expect("it reads").remove(0).id;
        outbox.remove(vec![first, first]).await.expect("removed");
        outbox.remove(vec![first]).await.expect("what is gone may be removed again");
        assert_eq!(texts(&outbox, ReportKind::Call, 100).await, ["two"]);
        assert_eq!(outbox.n_waiting().await.expect("it reads"), 2);
    }

    #[tokio::test]
    async fn a_full_outbox_takes_nothing_until_reports_are_removed() {
        let dir = tempfile::tempdir().expect("a directory");
        let outbox = ReportOutbox::open(&dir.path().join("outbox.db"), 300).expect("it opens");
        let hundred = "x".repeat(100);
        let three = reports(ReportKind::Call, &[&hundred, &hundred, &hundred]);
        assert_eq!(outbox.add(three.clone()).await.expect("added"), 2, "as many as there is room for");
        let refused = outbox.add(three).await;
        assert!(matches!(refused, Err(OutboxError::Full { limit: 300 })), "{refused:?}");
        let id = outbox.oldest(ReportKind::Call, 1, 1_000).await.expect("it reads")[0].id;
        outbox.remove(vec![id]).await.expect("removed");
        assert_eq!(outbox.add(reports(ReportKind::Call, &[&hundred])).await.expect("there is room again"), 1);
        assert_eq!(texts(&outbox, ReportKind::Call, 1_000).await.len(), 2);
    }
}
