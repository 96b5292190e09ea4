//! Holding a database, as a backup job or another program does: for showing what happens to those who want to write meanwhile.

use super::Error;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

/// A database that is held; dropping it lets go.
#[derive(Debug)]
pub struct Held(Connection);

impl Held {
    /// Takes hold of the database at `path`: nobody else writes until it is dropped.
    ///
    /// # Errors
    /// When it cannot be opened, or somebody else holds it.
    pub fn take(path: &Path) -> Result<Self, Error> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.execute_batch("BEGIN IMMEDIATE")?;
        Ok(Self(connection))
    }

    /// Lets go.
    pub fn release(self) {
        // Dropping the connection would do the same; SQLite rolls back what was never committed.
        let _ = self.0.execute_batch("ROLLBACK");
    }
}
