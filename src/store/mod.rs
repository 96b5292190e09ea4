//! The platform's database: one file per table group, plain functions over a connection. Every statement of the platform stands here.

pub mod acknowledgements;
pub mod affiliates;
pub mod attempts;
pub mod audit;
pub mod clients;
pub mod companies;
pub mod custody;
pub mod deliveries;
pub mod events;
pub mod health;
pub mod journal;
pub mod keys;
pub mod log_quota;
pub mod notes;
pub mod operators;
pub mod repeats;
pub mod replays;
pub mod requests;
pub mod resends;
pub mod retention;
pub mod revisions;
pub mod scan;
pub mod series;
pub mod subscriptions;
pub mod trips;
pub mod upkeep;
pub mod usage;
pub mod windows;

use crate::domain::time::Timestamp;
use crate::sqlite;
use crate::sqlite::ballast::{Ballast, Need};
use crate::sqlite::lock::Lock;
use crate::sqlite::{Database, Lane, Options, WriteFault};
use rusqlite::{Connection, RowIndex};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Marks a file as a platform database: `crow`.
const APPLICATION_ID: i32 = i32::from_be_bytes(*b"crow");

/// The schema, version by version.
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
];

/// What the database is opened with.
const OPTIONS: Options =
    Options { application_id: APPLICATION_ID, migrations: MIGRATIONS, n_readers: 2, queue: QUEUE, reserved: RESERVED };

/// The database of the data directory `dir`.
pub(crate) fn database(dir: &Path) -> PathBuf {
    dir.join("platform.db")
}

/// Takes the lock of the data directory `dir`: nobody runs a platform on it as long as it is held.
///
/// # Errors
/// [`sqlite::Error::Locked`] naming the holder.
pub(crate) fn lock(dir: &Path) -> Result<Lock, sqlite::Error> {
    Lock::take(&dir.join("lock"))
}

/// A database in memory with a company and a key, for tests of what stands above.
///
/// # Errors
/// Those of the scripts.
#[cfg(test)]
pub(crate) fn blank() -> Result<Connection, Error> {
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

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database.
    #[error(transparent)]
    Sqlite(#[from] sqlite::Error),
    /// A stored value that this version does not know.
    #[error("the database holds {0} that this version cannot read")]
    Unreadable(&'static str),
}

impl Error {
    /// Why nothing can be written, if that is what it says.
    const fn write_fault(&self) -> Option<WriteFault> {
        match self {
            Self::Sqlite(sqlite::Error::Full(fault)) => Some(*fault),
            _ => None,
        }
    }

    /// Whether the file is damaged, or no database.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        matches!(self, Self::Sqlite(sqlite::Error::Damaged { .. }))
    }

    /// The same in terms of what it means for whoever asked.
    #[must_use]
    pub const fn meaning(&self) -> Meaning {
        match self {
            Self::Sqlite(sqlite::Error::Contended | sqlite::Error::Closed) => Meaning::Contended,
            Self::Sqlite(sqlite::Error::Descriptors) => Meaning::Descriptors,
            Self::Sqlite(sqlite::Error::Full(_)) => Meaning::Full,
            _ => Meaning::Broken,
        }
    }
}

/// An error that a work on the database may end with.
pub trait WorkError: From<sqlite::Error> + Send + 'static {
    /// What the store said, if the error comes from there.
    fn of_store(&self) -> Option<&Error>;
}

impl WorkError for Error {
    fn of_store(&self) -> Option<&Error> {
        Some(self)
    }
}

/// What an error means for whoever asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Too many writes wait, or the database is being closed: try again.
    Contended,
    /// Nothing can be written.
    Full,
    /// The process has as many files open as it may have.
    Descriptors,
    /// Something that should not happen.
    Broken,
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::InvalidColumnType(..) => Self::Unreadable("a value"),
            error => Self::Sqlite(error.into()),
        }
    }
}

/// Works that may wait for a thread: as many as are done in about 50 ms.
const QUEUE: usize = 512;
/// Of these, places that partners do not get.
const RESERVED: usize = 64;

/// The database and the lock on its directory; clones share both. Work waits in the lane that the clone stands for.
#[derive(Debug, Clone)]
pub struct Store {
    database: Database,
    ballast: Arc<Ballast>,
    /// Why the last write failed, until a probe succeeds.
    fault: Arc<Mutex<Option<WriteFault>>>,
    lane: Lane,
    _lock: Arc<Lock>,
}

impl Store {
    /// Takes the lock of the directory `dir`, which must exist, and opens or creates the database in it; on a full disk with room from the
    /// ballast. Blocks for as long as that takes.
    ///
    /// # Errors
    /// Everything about the directory and its files: in use by another process, foreign, damaged, newer, unwritable.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let lock = lock(dir)?;
        let ballast = Ballast::find(dir.join("platform.ballast"));
        let database = loop {
            match Database::open(&database(dir), OPTIONS) {
                Err(sqlite::Error::Full(fault)) if fault.may_be_of_room() && ballast.release(Need::Opening) => {}
                opened => break opened?,
            }
        };
        let store = Self {
            database,
            ballast: Arc::new(ballast),
            fault: Arc::default(),
            lane: Lane::Reserved,
            _lock: Arc::new(lock),
        };
        if !store.ballast.restore() {
            store.fail(WriteFault::Reserve);
        }
        Ok(store)
    }

    /// The same database for what partners ask: refused before the queue is full, so that operators and deliveries find a place.
    #[must_use]
    pub fn for_partners(&self) -> Self {
        Self { lane: Lane::Common, ..self.clone() }
    }

    /// Runs `work` in a transaction and answers when it is on disk; whatever fails is undone.
    ///
    /// # Errors
    /// What `work` answered, or at once that the write queue has no place for this lane.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: WorkError,
    {
        self.has_room()?;
        self.noted(self.database.write(self.lane, work).await)
    }

    /// As [`Store::write`], but waits for a place in the queue.
    ///
    /// # Errors
    /// What `work` answered, and at once that the storage is full.
    pub async fn write_patiently<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: WorkError,
    {
        self.has_room()?;
        self.noted(self.database.write_patiently(work).await)
    }

    /// As [`Store::write_patiently`], for what is in force already and must be written: outcomes and revocations. Where the disk is full it
    /// is tried again with each step of the room that is kept in reserve.
    ///
    /// # Errors
    /// What `work` answered.
    pub async fn record<T, F>(&self, work: F) -> Result<T, Error>
    where
        F: FnOnce(&Connection) -> Result<T, Error> + Clone + Send + 'static,
        T: Send + 'static,
    {
        loop {
            let was_whole = self.ballast.is_whole();
            match self.noted(self.database.write_patiently(work.clone()).await) {
                Err(error)
                    if error.write_fault().is_some_and(WriteFault::may_be_of_room)
                        && self.ballast.release(Need::Writing) =>
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

    /// Finds out whether storage takes writes again: takes the reserve's missing room, and writes. Does nothing where no write failed.
    pub async fn probe(&self) {
        if self.write_fault().is_none() {
            return;
        }
        let ballast = Arc::clone(&self.ballast);
        if !tokio::task::spawn_blocking(move || ballast.restore()).await.unwrap_or(false) {
            return;
        }
        let probe = |connection: &Connection| {
            // Writes the header's page, though nothing in it changes.
            let version = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
            connection.pragma_update(None, "user_version", version).map_err(Error::from)
        };
        if self.noted(self.database.write_patiently(probe).await).is_ok() {
            *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = None;
            tracing::warn!("writes succeed again");
        }
    }

    /// Why writes fail: of the last one that did, until one succeeds.
    #[must_use]
    pub fn write_fault(&self) -> Option<WriteFault> {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing new is begun while the room is gone that its outcome may need.
    ///
    /// # Errors
    /// That the storage is full.
    pub fn has_room(&self) -> Result<(), sqlite::Error> {
        if self.ballast.is_whole() {
            return Ok(());
        }
        Err(sqlite::Error::Full(self.write_fault().unwrap_or(WriteFault::Reserve)))
    }

    /// Remembers it if storage took nothing.
    fn noted<T, E: WorkError>(&self, written: Result<T, E>) -> Result<T, E> {
        if let Err(error) = &written
            && let Some(fault) = error.of_store().and_then(Error::write_fault)
        {
            self.fail(fault);
        }
        written
    }

    fn fail(&self, fault: WriteFault) {
        let before = self.fault.lock().unwrap_or_else(PoisonError::into_inner).replace(fault);
        if before.is_none() {
            tracing::error!("{fault}; nothing can be written, reads go on");
        }
    }

    /// Runs `work` in a read transaction.
    ///
    /// # Errors
    /// What `work` answered.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<sqlite::Error> + Send + 'static,
    {
        self.database.read(self.lane, work).await
    }

    /// Finishes the writes that wait, then closes. Blocks until done.
    pub fn close(&self) {
        self.database.close();
    }
}

fn time<I: RowIndex>(row: &rusqlite::Row<'_>, column: I) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_millis)
}

fn maybe_time<I: RowIndex>(row: &rusqlite::Row<'_>, column: I) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_millis))
}

/// A stored value that cannot be turned into its type.
fn unreadable(column: &str) -> rusqlite::Error {
    rusqlite::Error::InvalidColumnType(0, column.to_owned(), rusqlite::types::Type::Text)
}

/// A count as SQLite has it.
fn count<I: RowIndex>(row: &rusqlite::Row<'_>, column: I) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}

/// A small count as SQLite has it.
fn small<I: RowIndex>(row: &rusqlite::Row<'_>, column: I) -> rusqlite::Result<u32> {
    Ok(u32::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

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
            due("parked", None),
            due("cancelled", None),
            due("skipped", None),
            due("pending", Some(3)),
            due("succeeded", None),
        ];
        assert_eq!(stand, wanted);
        assert_eq!(deliveries::backlog(&connection, crate::domain::ids::SubscriptionId(1)).unwrap().n_pending, 2);
        assert_eq!(upkeep::contradictions(&connection).unwrap(), Vec::<String>::new());
    }
}
