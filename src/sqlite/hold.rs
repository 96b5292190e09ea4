//! Exclusive transaction that blocks other writers, as a backup job or another program does: demonstrates the effect of
//! a locked database.

use super::Error;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

/// A write transaction that blocks other writers until dropped.
#[derive(Debug)]
pub struct Held(Connection);

impl Held {
    /// Begins a write transaction on the database at `path`, which blocks every other writer until dropped.
    ///
    /// # Errors
    /// [`Error`] when the file cannot be opened or another connection holds the write lock.
    pub fn take(path: &Path) -> Result<Self, Error> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.execute_batch("BEGIN IMMEDIATE")?;
        Ok(Self(connection))
    }

    /// Rolls the transaction back and releases the lock.
    pub fn release(self) {
        // Dropping the connection has the same effect: SQLite rolls uncommitted work back.
        let _ = self.0.execute_batch("ROLLBACK");
    }
}
