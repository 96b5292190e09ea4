//! Looking at a database without changing it, and copying it while it is in use.

use super::{Error, Options, connect, damaged, wal};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::ops::ControlFlow;
use std::path::Path;

/// Pages copied in a step: 4 MiB with pages of the usual size.
const STEP: i32 = 1_024;
/// Bytes that the log of the database may come to while a copy holds on to its state.
const LOG_LIMIT: u64 = 192 << 20;

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes there are.
    pub n_bytes: u64,
    /// Bytes that were copied.
    pub n_copied: u64,
}

/// How a copy ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It has everything.
    Whole,
    /// It was told to stop.
    Stopped,
}

/// A database that was opened to be looked at.
#[derive(Debug)]
pub struct Glance {
    /// Cannot write.
    pub connection: Connection,
    /// Its schema version.
    pub version: i64,
}

/// Opens the database at `path` to look at it, also while another process uses it. Its schema may be older than this program's.
///
/// # Errors
/// [`Error::Foreign`], [`Error::Newer`], [`Error::Damaged`], and what the file system says.
pub fn glance(path: &Path, options: Options) -> Result<Glance, Error> {
    if let Err(source) = std::fs::metadata(path) {
        return Err(Error::Io { path: path.to_owned(), source });
    }
    // Able to write, because what a killed process left half done has to be undone before anything can be read.
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|error| damaged(path, error))?;
    connection.pragma_update(None, "query_only", true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    let (fresh, version) = super::mark(&connection, path, options)?;
    if fresh {
        return Err(Error::Foreign { path: path.to_owned() });
    }
    Ok(Glance { connection, version })
}

/// Moves what is in the log into the database at `path` and removes the log.
///
/// # Errors
/// Those of a glance.
pub fn fold_log(path: &Path, options: Options) -> Result<(), Error> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|error| damaged(path, error))?;
    super::mark(&connection, path, options)?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// Copies the state that a glance sees into a new file at `to`, which becomes a single file without a log. `step` is told how far it is and
/// says whether to go on. Others may write meanwhile; what they write is not in the copy. Since their log has to be kept for that long, a
/// copy that cannot keep up gives up.
///
/// # Errors
/// [`Error::Outrun`], [`Error::Damaged`], and what the file system says; then what is at `to` is of no use.
pub fn copy(glance: &Glance, to: &Path, mut step: impl FnMut(Progress) -> ControlFlow<()>) -> Result<Ended, Error> {
    let source = &glance.connection;
    let from = std::path::PathBuf::from(source.path().unwrap_or_default());
    let bytes_a_page: u64 =
        source.pragma_query_value(None, "page_size", |row| row.get::<_, i64>(0))?.try_into().unwrap_or(0);
    let mut target = connect(to, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
    hold(source).map_err(|error| damaged(&from, error.into()))?;
    let log = wal::path(source);
    let limit = wal::len(&log).max(LOG_LIMIT);
    let backup = Backup::new(source, &mut target)?;
    loop {
        let step_result = backup.step(STEP).map_err(|error| damaged(&from, error.into()))?;
        let pages = backup.progress();
        let bytes = |n: i32| u64::try_from(n).unwrap_or(0) * bytes_a_page;
        let progress = Progress { n_bytes: bytes(pages.pagecount), n_copied: bytes(pages.pagecount - pages.remaining) };
        match step_result {
            StepResult::Done => {
                let _ = step(progress);
                break;
            }
            StepResult::Busy | StepResult::Locked => return Err(Error::Contended),
            _ if wal::len(&log) > limit => return Err(Error::Outrun { path: from }),
            _ if step(progress).is_break() => return Ok(Ended::Stopped),
            _ => {}
        }
    }
    drop(backup);
    source.execute_batch("COMMIT")?;
    target.pragma_update(None, "journal_mode", "delete")?;
    Ok(Ended::Whole)
}

/// Begins to read: until the end of the transaction, this state is what is seen.
fn hold(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN")?;
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

/// What SQLite finds wrong with the file and with its foreign keys, at most a hundred things each; empty if it is whole.
///
/// # Errors
/// When it cannot even be asked.
pub fn faults(connection: &Connection) -> Result<Vec<String>, Error> {
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
