//! The platform's tables: one file per group of tables, plain functions over a connection. Every SQL statement of the
//! platform is in this layer.

pub mod acknowledgements;
pub mod affiliates;
pub mod attempt_rollups;
pub mod attempts;
pub mod audit;
pub mod claims;
pub mod clients;
pub mod companies;
pub mod deliveries;
pub mod delivery_counts;
pub mod delivery_log;
pub mod event_quota;
pub mod events;
pub mod idempotency_keys;
pub mod keys;
pub mod log_quota;
pub mod maintenance;
pub mod notes;
pub mod operators;
pub mod paging;
pub mod publication_rows;
pub mod replays;
pub mod requests;
pub mod resends;
pub mod retention;
pub mod revisions;
mod row_sets;
pub mod sealed_values;
pub mod series;
pub mod slice_size;
pub mod subscriptions;
pub mod trips;
pub mod usage;
pub mod windows;

use crate::database;
use crate::database::Database;
use crate::database::disk_reserve::{DiskReserve, ReservePurpose};
use crate::database::error::WriteFault;
use crate::database::lock::DirectoryLock;
use crate::database::options::{DatabaseOptions, JobPriority};
use crate::domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, RowIndex};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// SQLite application id that marks a file as a platform database: `crow`.
const APPLICATION_ID: i32 = i32::from_be_bytes(*b"crow");

/// Migration scripts of the schema, one per version.
const MIGRATIONS: &[&str] = &[
    include_str!("../../assets/migrations/platform/0001_initial.sql"),
    include_str!("../../assets/migrations/platform/0002_actions.sql"),
    include_str!("../../assets/migrations/platform/0003_portal.sql"),
    include_str!("../../assets/migrations/platform/0004_request_details.sql"),
    include_str!("../../assets/migrations/platform/0005_resends.sql"),
    include_str!("../../assets/migrations/platform/0006_replays.sql"),
    include_str!("../../assets/migrations/platform/0007_backlogs.sql"),
    include_str!("../../assets/migrations/platform/0008_phases.sql"),
    include_str!("../../assets/migrations/platform/0009_custody.sql"),
    include_str!("../../assets/migrations/platform/0010_leases.sql"),
    include_str!("../../assets/migrations/platform/0011_alerts.sql"),
    include_str!("../../assets/migrations/platform/0012_integrity.sql"),
    include_str!("../../assets/migrations/platform/0013_resends_by_subscription.sql"),
    include_str!("../../assets/migrations/platform/0014_log_quota.sql"),
    include_str!("../../assets/migrations/platform/0015_request_callers.sql"),
    include_str!("../../assets/migrations/platform/0016_request_sizes.sql"),
    include_str!("../../assets/migrations/platform/0017_names.sql"),
    include_str!("../../assets/migrations/platform/0018_counters.sql"),
    include_str!("../../assets/migrations/platform/0019_local_failures.sql"),
    include_str!("../../assets/migrations/platform/0020_delivery_states.sql"),
    include_str!("../../assets/migrations/platform/0021_refusal_reasons.sql"),
    include_str!("../../assets/migrations/platform/0022_event_quota.sql"),
    include_str!("../../assets/migrations/platform/0023_adaptive_flights.sql"),
    include_str!("../../assets/migrations/platform/0024_request_sizes_by_batch.sql"),
    include_str!("../../assets/migrations/platform/0025_answer_headers.sql"),
    include_str!("../../assets/migrations/platform/0026_failures_by_subscription.sql"),
    include_str!("../../assets/migrations/platform/0027_problem_members.sql"),
];

/// Options with which the platform's database is opened.
const OPTIONS: DatabaseOptions = DatabaseOptions {
    application_id: APPLICATION_ID,
    migrations: MIGRATIONS,
    n_readers: 2,
    queue_capacity: QUEUE_CAPACITY,
    reserved_capacity: RESERVED_CAPACITY,
};

/// Path of the database in the data directory `dir`.
pub(crate) fn database(dir: &Path) -> PathBuf {
    dir.join("platform.db")
}

/// Locks the data directory `dir`: while the lock is held, no other process can run a platform on it.
///
/// # Errors
/// [`database::error::Error::Locked`] names the process that holds the lock.
pub(crate) fn lock(dir: &Path) -> Result<DirectoryLock, database::error::Error> {
    DirectoryLock::take(&dir.join("lock"))
}

/// In-memory database with one company and one key, for tests of the layers above.
///
/// # Errors
/// [`Error`] if a migration script fails.
#[cfg(test)]
pub(crate) fn open_in_memory() -> Result<Connection, Error> {
    let connection = Connection::open_in_memory()?;
    for script in MIGRATIONS {
        connection.execute_batch(script)?;
    }
    connection.execute_batch(
        "INSERT INTO companies (name, created_at) VALUES ('Acme', 0);
         INSERT INTO keys (company_id, name, hash, last4, scopes, created_at) VALUES (1, 'k', x'00', '0000', '', 0);",
    )?;
    Ok(connection)
}

/// Error of a store operation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database failed or refused the operation.
    #[error(transparent)]
    Sqlite(#[from] database::error::Error),
    /// A stored value is unknown to this version of the program.
    #[error("the database holds {0} that this version cannot read")]
    Unreadable(&'static str),
}

impl Error {
    /// Reason for which nothing can be written, if the error says so.
    const fn write_fault(&self) -> Option<WriteFault> {
        match self {
            Self::Sqlite(database::error::Error::CannotWrite(fault)) => Some(*fault),
            _ => None,
        }
    }

    /// Returns whether the file is damaged or not a database.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        matches!(self, Self::Sqlite(database::error::Error::Damaged { .. }))
    }

    /// Class of the error, by which the caller reacts.
    #[must_use]
    pub const fn class(&self) -> StoreErrorClass {
        match self {
            Self::Sqlite(database::error::Error::Contended | database::error::Error::Closed) => {
                StoreErrorClass::Contended
            }
            Self::Sqlite(database::error::Error::OutOfDescriptors) => StoreErrorClass::Descriptors,
            Self::Sqlite(database::error::Error::CannotWrite(_)) => StoreErrorClass::Full,
            _ => StoreErrorClass::Internal,
        }
    }
}

/// Error type that work in a transaction may return.
pub trait TransactionError: From<database::error::Error> + Send + 'static {
    /// Returns the store's error, if there is one inside.
    fn store_error(&self) -> Option<&Error>;
}

impl TransactionError for Error {
    fn store_error(&self) -> Option<&Error> {
        Some(self)
    }
}

/// Class of a store error, by which a caller reacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreErrorClass {
    /// The write queue is full or the database is closing: retry.
    Contended,
    /// Nothing can be written at present.
    Full,
    /// The process has reached its limit of open files.
    Descriptors,
    /// An unexpected internal error occurred.
    Internal,
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::InvalidColumnType(..) => Self::Unreadable("a value"),
            error => Self::Sqlite(error.into()),
        }
    }
}

/// Maximum number of jobs that wait for a database thread: as many as run in about 50 ms.
const QUEUE_CAPACITY: usize = 512;
/// Queue places that work on behalf of partners cannot take.
const RESERVED_CAPACITY: usize = 64;

/// Handle of the database and of the lock on its directory, shared by all clones. A clone queues its work at its own
/// priority.
#[derive(Debug, Clone)]
pub struct PlatformStore {
    database: Database,
    reserve: Arc<DiskReserve>,
    /// Reason for the last failed write; `None` once a probe succeeded.
    fault: Arc<Mutex<Option<WriteFault>>>,
    priority: JobPriority,
    _lock: Arc<DirectoryLock>,
}

impl PlatformStore {
    /// Locks the directory `dir`, which must exist, and opens or creates the database in it; on a full disk with space
    /// from the reserve. Blocks until done.
    ///
    /// # Errors
    /// [`Error`] when the directory is in use by another process, or when the file is foreign, damaged, newer or
    /// cannot be written.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let lock = lock(dir)?;
        let ballast = DiskReserve::find(dir.join("platform.ballast"));
        // Opening needs disk space itself: on a full disk, release the part of the reserve kept for it and retry.
        let database = loop {
            match Database::open(&database(dir), OPTIONS) {
                Err(database::error::Error::CannotWrite(fault))
                    if fault.may_be_disk_space() && ballast.release_step(ReservePurpose::Opening) => {}
                opened => break opened?,
            }
        };
        let store = Self {
            database,
            reserve: Arc::new(ballast),
            fault: Arc::default(),
            priority: JobPriority::High,
            _lock: Arc::new(lock),
        };
        if !store.reserve.refill() {
            store.set_fault(WriteFault::ReserveIncomplete);
        }
        Ok(store)
    }

    /// Returns a handle for work on behalf of partners, which is refused before the queue is full so that operators and
    /// deliveries always find a place.
    #[must_use]
    pub fn low_priority(&self) -> Self {
        Self { priority: JobPriority::Low, ..self.clone() }
    }

    /// Runs `work` in a transaction and returns once it is on disk; on any error the transaction is rolled back.
    ///
    /// # Errors
    /// The error of `work`, or a contention error at once if the queue has no place at this priority.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: TransactionError,
    {
        self.check_reserve()?;
        self.record_write_fault(self.database.write(self.priority, work).await)
    }

    /// Runs `work` like [`PlatformStore::write`], but waits for a place in the queue.
    ///
    /// # Errors
    /// The error of `work`, or a storage error at once if the disk is full.
    pub async fn write_queued<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: TransactionError,
    {
        self.check_reserve()?;
        self.record_write_fault(self.database.write_queued(work).await)
    }

    /// Runs `work` like [`PlatformStore::write_queued`], for facts that already hold and must be stored: outcomes and
    /// revocations. On a full disk the write is retried with each step of the disk reserve.
    ///
    /// # Errors
    /// The error of `work`; a storage error only once the reserve is used up.
    pub async fn write_critical<T, F>(&self, work: F) -> Result<T, Error>
    where
        F: FnOnce(&Connection) -> Result<T, Error> + Clone + Send + 'static,
        T: Send + 'static,
    {
        loop {
            // Warn once, when the reserve is first used.
            let was_whole = self.reserve.is_complete();
            match self.record_write_fault(self.database.write_queued(work.clone()).await) {
                Err(error)
                    if error.write_fault().is_some_and(WriteFault::may_be_disk_space)
                        && self.reserve.release_step(ReservePurpose::Writing) =>
                {
                    if was_whole {
                        tracing::warn!(
                            "room from the reserve is used for outcomes and revocations; other writes wait until it is whole again"
                        );
                    }
                }
                written => return written,
            }
        }
    }

    /// Tests whether storage accepts writes again: refills the disk reserve and writes. Does nothing if no write has
    /// failed.
    pub async fn probe_writes(&self) {
        if self.write_fault().is_none() {
            return;
        }
        let ballast = Arc::clone(&self.reserve);
        if !tokio::task::spawn_blocking(move || ballast.refill()).await.unwrap_or(false) {
            return;
        }
        let probe = |connection: &Connection| {
            // Setting the version writes the header page although its content stays the same.
            let version = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
            connection.pragma_update(None, "user_version", version).map_err(Error::from)
        };
        if self.record_write_fault(self.database.write_queued(probe).await).is_ok() {
            *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = None;
            tracing::warn!("writes succeed again");
        }
    }

    /// Reason for the last failed write; `None` once a write succeeded.
    #[must_use]
    pub fn write_fault(&self) -> Option<WriteFault> {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Checks that the disk reserve is complete. No new work begins without it, because the outcome of the work may
    /// need the space.
    ///
    /// # Errors
    /// [`database::error::Error::CannotWrite`] while the disk reserve is incomplete.
    pub fn check_reserve(&self) -> Result<(), database::error::Error> {
        if self.reserve.is_complete() {
            return Ok(());
        }
        Err(database::error::Error::CannotWrite(self.write_fault().unwrap_or(WriteFault::ReserveIncomplete)))
    }

    /// Records the fault if storage refused a write.
    fn record_write_fault<T, E: TransactionError>(&self, written: Result<T, E>) -> Result<T, E> {
        if let Err(error) = &written
            && let Some(fault) = error.store_error().and_then(Error::write_fault)
        {
            self.set_fault(fault);
        }
        written
    }

    fn set_fault(&self, fault: WriteFault) {
        let before = self.fault.lock().unwrap_or_else(PoisonError::into_inner).replace(fault);
        if before.is_none() {
            tracing::error!("{fault}; writes fail, reads keep working");
        }
    }

    /// Runs `work` in a read transaction.
    ///
    /// # Errors
    /// The error of `work`, or a contention error if the queue has no place or the read times out.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<database::error::Error> + Send + 'static,
    {
        self.database.read(self.priority, work).await
    }

    /// Finishes the queued writes, then closes the database. Blocks until done.
    pub fn close(&self) {
        self.database.close();
    }
}

/// Next number that the database assigns in a table, which never repeats one.
fn next_id(connection: &Connection, table: &str) -> Result<i64, Error> {
    let mut last = connection.prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = ?1")?;
    Ok(last.query_row([table], |row| row.get::<_, i64>(0)).optional()?.unwrap_or(0) + 1)
}

fn time<I: RowIndex>(row: &rusqlite::Row<'_>, column: I) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_millis)
}

fn optional_time<I: RowIndex>(row: &rusqlite::Row<'_>, column: I) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_millis))
}

/// Error of a stored value that cannot be converted to its type.
fn unreadable(column: &str) -> rusqlite::Error {
    rusqlite::Error::InvalidColumnType(0, column.to_owned(), rusqlite::types::Type::Text)
}

/// Reads a count, which SQLite stores as a signed integer.
fn count<I: RowIndex>(row: &rusqlite::Row<'_>, column: I) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}

/// Reads a small count, which SQLite stores as a signed integer.
fn small_count<I: RowIndex>(row: &rusqlite::Row<'_>, column: I) -> rusqlite::Result<u32> {
    Ok(u32::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_local_failures_get_the_name_in_use_and_other_causes_stay() {
        let connection = Connection::open_in_memory().unwrap();
        let (old, new) = MIGRATIONS.split_at(18);
        connection.execute_batch(&old.concat()).unwrap();
        let causes = |connection: &Connection| -> Vec<Option<String>> {
            let mut statement = connection.prepare("SELECT cause FROM attempts ORDER BY id").unwrap();
            statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
        };
        for (status, cause) in [(None, Some("ours")), (Some(200), None), (None, Some("timeout")), (Some(500), None)] {
            connection
                .execute(
                    "INSERT INTO attempts (company_id, subscription_id, target_url, event_type, kind, number, started_at, elapsed_ms, status,
                         cause, request_headers, response_headers, response_body, n_response_bytes)
                     VALUES (1, 1, 'https://a.example', 'lead.created', 'scheduled', 1, 0, 0, ?1, ?2, '[]', '[]', x'', 0)",
                    rusqlite::params![status, cause],
                )
                .unwrap();
        }
        connection.execute_batch(&new.concat()).unwrap();
        assert_eq!(causes(&connection), [Some("local".to_owned()), None, Some("timeout".to_owned()), None]);
    }

    #[test]
    fn what_was_under_way_before_leases_had_their_table_stands_as_it_would_have_been_returned() {
        let connection = Connection::open_in_memory().unwrap();
        let (old, new) = MIGRATIONS.split_at(9);
        connection.execute_batch(&old.concat()).unwrap();
        connection
            .execute_batch(
                "INSERT INTO companies (name, created_at) VALUES ('Acme', 0);
                 UPDATE counters SET value = 1 WHERE name = 'event';
                 INSERT INTO events (id, company_id, kind, created_at, body) VALUES (1, 1, 'lead.created', 0, x'7b7d');
                 INSERT INTO subscriptions (company_id, target_url, event_types, secret, created_at, updated_at, disabled_reason, disabled_at, deleted_at)
                 VALUES (1, 'a', '', x'', 0, 0, NULL, NULL, NULL), (1, 'b', '', x'', 0, 0, 'breaker', 5, NULL), (1, 'c', '', x'', 0, 0, NULL, NULL, 5);
                 INSERT INTO deliveries (event_id, subscription_id, company_id, kind, state, retry_base_ms, due_at, lease, lease_until, returns_to, created_at)
                 VALUES (1, 1, 1, 'scheduled', 'in_flight', 1, 7, 'x', 9, NULL, 3), (1, 2, 1, 'scheduled', 'in_flight', 1, 7, 'x', 9, NULL, 3),
                        (1, 3, 1, 'scheduled', 'in_flight', 1, 7, 'x', 9, NULL, 3), (1, 2, 1, 'scheduled', 'in_flight', 1, NULL, 'x', 9, 'skipped', 3),
                        (1, 1, 1, 'scheduled', 'in_flight', 1, NULL, 'x', 9, 'parked', 3), (1, 1, 1, 'scheduled', 'succeeded', 1, NULL, NULL, NULL, NULL, 3);",
            )
            .unwrap();
        connection.execute_batch(&new.concat()).unwrap();
        let stand: Vec<(String, Option<i64>)> = connection
            .prepare("SELECT state, due_at FROM deliveries ORDER BY id")
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let due = |state: &str, at: Option<i64>| (state.to_owned(), at);
        let wanted = [
            due("pending", Some(7)),
            due("on_hold", None),
            due("cancelled", None),
            due("missed", None),
            due("pending", Some(3)),
            due("succeeded", None),
        ];
        assert_eq!(stand, wanted);
        assert_eq!(deliveries::backlog(&connection, crate::domain::ids::SubscriptionId(1)).unwrap().n_pending, 2);
        assert_eq!(maintenance::invariant_violations(&connection).unwrap(), Vec::<String>::new());
    }
}
