//! Read-only access to a database, and copying a database while it is in use.

use super::error::Error;
use super::options::DatabaseOptions;
use super::{connect, wal, with_damaged_path};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::ops::ControlFlow;
use std::path::Path;

/// Number of pages copied per step: 4 MiB at the usual page size.
const PAGES_PER_STEP: i32 = 1_024;
/// Maximum size of the write-ahead log while a copy holds a snapshot, in bytes.
const MAX_WAL_BYTES: u64 = 192 << 20;

/// Progress of a copy in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyProgress {
    /// Total number of bytes to copy.
    pub n_bytes: u64,
    /// Number of bytes copied so far.
    pub n_copied: u64,
}

/// End of a copy operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyEnd {
    /// The copy is complete and usable.
    Complete,
    /// The caller stopped the copy.
    Stopped,
}

/// A database opened for reading only.
#[derive(Debug)]
pub struct ReadOnlyDatabase {
    /// Connection that refuses all writes.
    pub connection: Connection,
    /// Schema version of the database.
    pub version: i64,
}

/// Opens the database at `path` read-only, also while another process uses it. Its schema may be older than this
/// program's.
///
/// # Errors
/// [`Error::Foreign`], [`Error::NewerSchema`] or [`Error::Damaged`] for the file, [`Error::Io`] when the file is not
/// accessible.
pub fn open_read_only(path: &Path, options: DatabaseOptions) -> Result<ReadOnlyDatabase, Error> {
    if let Err(source) = std::fs::metadata(path) {
        return Err(Error::Io { path: path.to_owned(), source });
    }
    // Opened for writing, because changes left incomplete by a killed process must be recovered before anything can be
    // read.
    let connection =
        connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|error| with_damaged_path(path, error))?;
    connection.pragma_update(None, "query_only", true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    let (fresh, version) = super::check_header(&connection, path, options)?;
    if fresh {
        return Err(Error::Foreign { path: path.to_owned() });
    }
    Ok(ReadOnlyDatabase { connection, version })
}

/// Checkpoints the write-ahead log into the database at `path` and removes the log.
///
/// # Errors
/// [`Error`] when the file cannot be opened, is foreign, damaged or newer, or cannot be written.
pub fn truncate_wal(path: &Path, options: DatabaseOptions) -> Result<(), Error> {
    let connection =
        connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|error| with_damaged_path(path, error))?;
    super::check_header(&connection, path, options)?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// Copies the snapshot seen by `glance` into a new file at `to`, a single file without a log. `step` receives the
/// progress and decides whether to continue. Other connections may write meanwhile; their writes are not in the copy.
/// The log must be kept until the copy is done, so a copy that falls too far behind is aborted.
///
/// # Errors
/// [`Error::CopyOutpaced`] when writes outpace the copy, [`Error::Damaged`] for a damaged source, or another [`Error`] of the
/// file system; the file at `to` is then unusable.
pub fn copy_database(
    glance: &ReadOnlyDatabase,
    to: &Path,
    mut step: impl FnMut(CopyProgress) -> ControlFlow<()>,
) -> Result<CopyEnd, Error> {
    let source = &glance.connection;
    let from = std::path::PathBuf::from(source.path().unwrap_or_default());
    let bytes_a_page: u64 =
        source.pragma_query_value(None, "page_size", |row| row.get::<_, i64>(0))?.try_into().unwrap_or(0);
    let mut target = connect(to, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    // Pin the snapshot first, so that the copy has one state however many steps it takes.
    begin_snapshot(source).map_err(|error| with_damaged_path(&from, error.into()))?;
    let log = wal::wal_path(source);
    let limit = wal::file_len(&log).max(MAX_WAL_BYTES);
    let backup = Backup::new(source, &mut target)?;
    loop {
        let step_result = backup.step(PAGES_PER_STEP).map_err(|error| with_damaged_path(&from, error.into()))?;
        let pages = backup.progress();
        let bytes = |n: i32| u64::try_from(n).unwrap_or(0) * bytes_a_page;
        let progress =
            CopyProgress { n_bytes: bytes(pages.pagecount), n_copied: bytes(pages.pagecount - pages.remaining) };
        match step_result {
            StepResult::Done => {
                let _ = step(progress);
                break;
            }
            StepResult::Busy | StepResult::Locked => return Err(Error::Contended),
            _ if wal::file_len(&log) > limit => return Err(Error::CopyOutpaced { path: from }),
            _ if step(progress).is_break() => return Ok(CopyEnd::Stopped),
            _ => {}
        }
    }
    drop(backup);
    source.execute_batch("COMMIT")?;
    target.pragma_update(None, "journal_mode", "delete")?;
    Ok(CopyEnd::Complete)
}

/// Begins a read transaction, which pins the current snapshot until its end.
fn begin_snapshot(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN")?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

/// Lists the faults that SQLite's integrity check and foreign key check report, at most a hundred each; empty if there
/// are none.
///
/// # Errors
/// [`Error`] when a check cannot run.
pub fn integrity_faults(connection: &Connection) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    let mut check = connection.prepare("PRAGMA integrity_check(100)")?;
    let mut rows = check.query([])?;
    while let Some(row) = rows.next()? {
        found.push(row.get::<_, String>(0)?);
    }
    found.retain(|line| line != "ok");
    let mut check = connection.prepare("PRAGMA foreign_key_check")?;
    let mut rows = check.query([])?;
    let mut n_broken = 0;
    while let Some(row) = rows.next()? {
        let (table, id, parent): (String, Option<i64>, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let id = id.map_or_else(String::new, |id| format!(" {id}"));
        n_broken += 1;
        if n_broken <= 100 {
            found.push(format!("{table}{id} refers to a row of {parent} that is not there"));
        }
    }
    Ok(found)
}
