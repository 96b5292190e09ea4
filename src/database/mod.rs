//! SQLite databases: pragmas, migrations, one writer thread with group commit, a pool of reader threads. Knows no
//! table.

pub mod copy;
pub mod disk_reserve;
pub mod error;
pub mod exclusive_transaction;
pub mod lock;
pub mod options;
mod readers;
pub mod schema;
pub mod shared_rows;
mod wal;
mod writer;

use crate::files::private;
use error::Error;
use options::BUSY_TIMEOUT;
use options::DatabaseOptions;
use options::JobPriority;
use readers::ReaderPool;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::{M, Migrations};
use shared_rows::SharedRows;
use std::io;
use std::path::Path;
use std::sync::Arc;
use writer::WriterThread;

/// Minimum SQLite version, the first without the bug that could corrupt a WAL database under concurrent checkpoints.
const MIN_SQLITE_VERSION: i32 = 3_051_003;
/// SQLite's `synchronous` setting: with `full` alone, an acknowledged write survives a power loss.
const SYNCHRONOUS_MODE: &str = "full";

/// An open database; clones share its threads.
#[derive(Debug, Clone)]
pub struct Database {
    writer: Arc<WriterThread>,
    readers: Arc<ReaderPool>,
}

impl Database {
    /// Opens or creates the database at `path`, migrates its schema and starts the threads.
    ///
    /// # Errors
    /// [`Error`] when the file is foreign, damaged, newer or altered, or cannot be opened or migrated; the file is left
    /// as found.
    pub fn open(path: &Path, options: DatabaseOptions) -> Result<Self, Error> {
        let connection = Self::open_without_threads(path, options)?;
        let readers =
            (0..options.n_readers.max(1)).map(|_| Self::open_reader(path)).collect::<Result<Vec<_>, Error>>()?;
        let spawned = |source| Error::Io { path: path.to_owned(), source };
        Ok(Self {
            writer: Arc::new(WriterThread::spawn(connection, options).map_err(spawned)?),
            readers: Arc::new(ReaderPool::spawn(readers, options).map_err(spawned)?),
        })
    }

    /// Opens or creates the database at `path` like [`Database::open`], but without threads.
    ///
    /// # Errors
    /// [`Error`] under the conditions of [`Database::open`].
    pub fn open_without_threads(path: &Path, options: DatabaseOptions) -> Result<Connection, Error> {
        if rusqlite::version_number() < MIN_SQLITE_VERSION {
            return Err(Error::OldLibrary { found: rusqlite::version() });
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        create_private(path).map_err(|source| open_error(path, source))?;
        let mut connection = connect(path, flags).map_err(|error| with_damaged_path(path, error))?;
        check_and_migrate(&mut connection, path, options)?;
        Ok(connection)
    }

    /// Opens a connection of its own to an open database, which refuses writes and has no thread.
    ///
    /// # Errors
    /// [`Error`] when the file cannot be opened.
    pub fn open_reader(path: &Path) -> Result<Connection, Error> {
        let reader = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        reader.pragma_update(None, "query_only", true)?;
        Ok(reader)
    }

    /// Runs `work` in a transaction on the writer thread and returns once it is on disk; on any error the work is
    /// rolled back. Waiting jobs are committed together.
    ///
    /// # Errors
    /// The error of `work`, or [`Error::Contended`] at once when the queue has no place at this priority.
    pub async fn write<T, E, F>(&self, lane: JobPriority, work: F) -> Result<T, E>
    where
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.writer.try_write(lane, work).await
    }

    /// Runs `work` like [`Database::write`], with the rows that jobs of one commit share: what the others left in them
    /// is there, and what `work` leaves is written before the commit. If `work` fails, they are as before.
    ///
    /// # Errors
    /// The errors of [`Database::write`].
    pub async fn write_sharing<S, T, E, F>(&self, lane: JobPriority, work: F) -> Result<T, E>
    where
        S: SharedRows,
        F: FnOnce(&Connection, &mut S) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.writer.try_write_sharing(lane, work).await
    }

    /// Runs `work` like [`Database::write`], but waits up to 10 s for a place in the queue: for work that must not be
    /// lost.
    ///
    /// # Errors
    /// The error of `work`, or [`Error::Contended`] when no place became free.
    pub async fn write_queued<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.writer.write(work).await
    }

    /// Runs `work` in a read transaction on a reader thread, whose connection refuses writes. Dropping the future
    /// cancels the work.
    ///
    /// # Errors
    /// The error of `work`, or [`Error::Contended`] at once when the queue has no place at this priority, or after 10 s
    /// without an answer.
    pub async fn read<T, E, F>(&self, lane: JobPriority, work: F) -> Result<T, E>
    where
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.readers.read(lane, work).await
    }

    /// Finishes the queued writes, then closes. Later calls fail with [`Error::Closed`]. Blocks until done.
    pub fn close(&self) {
        self.readers.close();
        self.writer.close();
    }
}

/// Creates the file at `path` if missing, and restricts it and SQLite's companion files to the owner.
fn create_private(path: &Path) -> io::Result<()> {
    private::ensure(path)?;
    for suffix in ["-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        // The companion files may not exist yet.
        let _ = private::restrict_to_owner(Path::new(&name));
    }
    Ok(())
}

/// Error of the file system for a database that cannot be opened.
fn open_error(path: &Path, source: std::io::Error) -> Error {
    Error::Io { path: path.to_owned(), source }
}

/// Opens a connection with the settings that all of them share: foreign keys are enforced, damaged pages are detected
/// when read, a locked file is waited for, and a manipulated schema can do little: views are disabled, only harmless
/// functions may be called from the schema, and the schema cannot be written to directly.
fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, Error> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(128);
    // Stable query plans: without this setting, binding a value next to a partial index plans the statement again each
    // time.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // Savepoint journals, one per job, stay in memory instead of a file.
    connection.pragma_update(None, "temp_store", "memory")?;
    Ok(connection)
}

/// Adds the path to an error that reports a damaged file.
fn with_damaged_path(path: &Path, error: Error) -> Error {
    match error {
        Error::Corrupt(_) => Error::Damaged { path: path.to_owned() },
        error => error,
    }
}

/// Returns whether the file is empty, and its schema version. Rejects a file that is foreign, damaged or newer than
/// this program.
fn check_header(connection: &Connection, path: &Path, options: DatabaseOptions) -> Result<(bool, i64), Error> {
    let ask =
        |sql| connection.query_row(sql, [], |row| row.get(0)).map_err(|error| with_damaged_path(path, error.into()));
    let mark = ask("PRAGMA application_id")?;
    let version = ask("PRAGMA user_version")?;
    let fresh = mark == 0 && version == 0 && ask("SELECT count(*) FROM sqlite_schema")? == 0;
    if !fresh && mark != i64::from(options.application_id) {
        return Err(Error::Foreign { path: path.to_owned() });
    }
    let known = i64::try_from(options.migrations.len()).unwrap_or(i64::MAX);
    if version > known {
        return Err(Error::NewerSchema { path: path.to_owned(), found: version, known });
    }
    Ok((fresh, version))
}

/// Checks the file and its schema and migrates it, all scripts in one transaction, so that the file is never between
/// two schemas. A file that is up to date is not written to, so that it opens on a full disk. The database runs in WAL
/// mode and syncs every commit, so that acknowledged writes survive a power loss. The log is checkpointed every 4,000
/// pages (16 MiB), so that a page written twice meanwhile is moved once; [`wal`] handles logs that long reads keep from
/// being reset.
fn check_and_migrate(connection: &mut Connection, path: &Path, options: DatabaseOptions) -> Result<(), Error> {
    let (is_fresh, version) = check_header(connection, path, options)?;
    if !is_fresh {
        let scripts = &options.migrations[..usize::try_from(version).unwrap_or(0)];
        let found = schema::differences(connection, scripts).map_err(|error| with_damaged_path(path, error))?;
        if let Some(difference) = found.into_iter().next() {
            return Err(Error::SchemaAltered { path: path.to_owned(), difference });
        }
    }
    connection.pragma_update(None, "journal_mode", "wal").map_err(|error| with_damaged_path(path, error.into()))?;
    connection.pragma_update(None, "synchronous", SYNCHRONOUS_MODE)?;
    connection.pragma_update(None, "wal_autocheckpoint", 4_000)?;
    connection.pragma_update(None, "journal_size_limit", wal::MAX_WAL_BYTES)?;
    if is_fresh {
        connection.pragma_update(None, "application_id", options.application_id)?;
    }
    let scripts: Vec<M<'static>> = options.migrations.iter().map(|script| M::up(script)).collect();
    Migrations::new(scripts).to_latest(connection).map_err(|error| match error {
        rusqlite_migration::Error::RusqliteError { err, query } => match err.into() {
            refused @ (Error::CannotWrite(_) | Error::OutOfDescriptors) => refused,
            other => Error::Migration(format!("{other} in {query}")),
        },
        other => Error::Migration(other.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::error::WriteFault;
    use std::task::{Context, Poll, Waker};

    const OPTIONS: DatabaseOptions = DatabaseOptions {
        application_id: 7,
        migrations: &["CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;"],
        n_readers: 2,
        queue_capacity: 4,
        reserved_capacity: 1,
    };

    fn add(text: &'static str) -> impl FnOnce(&Connection) -> Result<i64, Error> + Send + 'static {
        move |connection| {
            connection.execute("INSERT INTO notes (text) VALUES (?1)", [text])?;
            Ok(connection.last_insert_rowid())
        }
    }

    async fn count(database: &Database) -> i64 {
        database
            .read(JobPriority::Low, |connection| {
                Ok::<_, Error>(connection.query_row("SELECT count(*) FROM notes", [], |row| row.get(0))?)
            })
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn what_fails_or_panics_is_undone_and_the_rest_of_the_batch_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(&dir.path().join("x.db"), OPTIONS).unwrap();
        let fails = |connection: &Connection| {
            connection.execute("INSERT INTO notes (text) VALUES ('lost')", [])?;
            Err::<(), _>(Error::Contended)
        };
        let panics = |connection: &Connection| -> Result<(), Error> {
            connection.execute("INSERT INTO notes (text) VALUES ('lost too')", [])?;
            panic!("on purpose");
        };
        let (kept, failed, panicked) = tokio::join!(
            database.write(JobPriority::Low, add("kept")),
            database.write(JobPriority::Low, fails),
            database.write(JobPriority::Low, panics)
        );
        assert_eq!(kept.unwrap(), 1);
        assert!(matches!(failed, Err(Error::Contended)));
        assert!(matches!(panicked, Err(Error::Panicked)));
        assert_eq!(count(&database).await, 1);
    }

    #[tokio::test]
    async fn k3_a_full_database_is_named_as_the_reason_whatever_sqlite_rolled_back() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(&dir.path().join("x.db"), OPTIONS).unwrap();
        let limit = |connection: &Connection| Ok::<_, Error>(connection.pragma_update(None, "max_page_count", 10)?);
        database.write(JobPriority::Low, limit).await.unwrap();
        let large = |connection: &Connection| {
            connection.execute("INSERT INTO notes (text) VALUES (hex(zeroblob(1000000)))", [])?;
            Ok::<_, Error>(())
        };
        // As SQLite does by itself where a full disk leaves it no other way.
        let rolled_back = |connection: &Connection| {
            connection.execute_batch("ROLLBACK")?;
            Err::<(), _>(Error::CannotWrite(WriteFault::DiskFull))
        };
        for n in 1..=3 {
            // The thread is held until all of them wait, so that they are one batch.
            let (open, gate) = std::sync::mpsc::channel::<()>();
            let held = move |_: &Connection| {
                let _ = gate.recv();
                Ok::<_, Error>(())
            };
            let (_, kept, full, lost, ()) = tokio::join!(
                database.write(JobPriority::High, held),
                database.write(JobPriority::High, add("kept")),
                database.write(JobPriority::High, large),
                database.write(JobPriority::High, rolled_back),
                async { open.send(()).unwrap() }
            );
            assert!(matches!(full, Err(Error::CannotWrite(WriteFault::DiskFull))), "{full:?}");
            assert!(matches!(lost, Err(Error::CannotWrite(WriteFault::DiskFull))), "{lost:?}");
            assert!(matches!(kept, Err(Error::Contended)), "{kept:?}: it can be tried again");
            database.write(JobPriority::Low, add("kept")).await.unwrap();
            assert_eq!(count(&database).await, n);
        }
    }

    #[tokio::test]
    async fn a_full_queue_answers_at_once_and_keeps_a_place() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(&dir.path().join("x.db"), OPTIONS).unwrap();
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let blocked = tokio::spawn({
            let database = database.clone();
            async move {
                database
                    .write(JobPriority::Low, move |_| {
                        let _ = gate.recv();
                        Ok::<_, Error>(())
                    })
                    .await
            }
        });
        let mut waiting = Vec::new();
        let refused = loop {
            let mut write = Box::pin(database.write(JobPriority::Low, add("waits")));
            match write.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(answer) => break answer,
                Poll::Pending => waiting.push(write),
            }
            tokio::task::yield_now().await;
        };
        assert!(matches!(refused, Err(Error::Contended)));
        assert!(waiting.len() >= OPTIONS.queue_capacity - OPTIONS.reserved_capacity - 1);
        let mut reserved = Box::pin(database.write(JobPriority::High, add("waits too")));
        assert!(reserved.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending(), "its place was kept");
        waiting.push(reserved);
        open.send(()).unwrap();
        blocked.await.unwrap().unwrap();
        for write in waiting {
            write.await.unwrap();
        }
    }

    #[tokio::test]
    async fn readers_cannot_write_and_closed_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::open(&dir.path().join("x.db"), OPTIONS).unwrap();
        assert!(database.read(JobPriority::Low, add("no")).await.is_err());
        database.write(JobPriority::Low, add("yes")).await.unwrap();
        database.close();
        assert!(matches!(database.write(JobPriority::Low, add("late")).await, Err(Error::Closed)));
    }

    #[test]
    fn foreign_damaged_and_newer_files_are_refused_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.db");
        std::fs::write(&path, b"this is a letter, not a database, and long enough to be read as one".repeat(20))
            .unwrap();
        let before = std::fs::read(&path).unwrap();
        assert!(matches!(Database::open(&path, OPTIONS), Err(Error::Damaged { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), before);

        let path = dir.path().join("foreign.db");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
        assert!(matches!(Database::open(&path, OPTIONS), Err(Error::Foreign { .. })));

        let path = dir.path().join("newer.db");
        drop(Database::open(&path, OPTIONS).unwrap());
        Connection::open(&path).unwrap().pragma_update(None, "user_version", 9).unwrap();
        assert!(matches!(Database::open(&path, OPTIONS), Err(Error::NewerSchema { found: 9, known: 1, .. })));
    }
}
