//! Exclusive transaction that blocks other writers, as a backup job or another program does: demonstrates the effect of
//! a locked database.

use super::connect;
use super::error::Error;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

/// A write transaction that blocks other writers until dropped.
#[derive(Debug)]
pub struct ExclusiveTransaction(Connection);

impl ExclusiveTransaction {
    /// Begins a write transaction on the database at `path`, which blocks every other writer until dropped.
    ///
    /// # Errors
    /// [`Error`] when the file cannot be opened or another connection holds the write lock.
    pub fn begin(path: &Path) -> Result<Self, Error> {
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.execute_batch("BEGIN IMMEDIATE")?;
        Ok(Self(connection))
    }

    /// Rolls the transaction back and releases the lock.
    pub fn release(self) {
        // Dropping the connection has the same effect: SQLite rolls uncommitted work back.
        let _ = self.0.execute_batch("ROLLBACK");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::config::DbConfig;

    #[test]
    fn who_holds_a_database_opens_it_as_carefully_as_everybody_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("any.db");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE a (b)").unwrap();
        let ExclusiveTransaction(connection) = ExclusiveTransaction::begin(&path).unwrap();
        for (setting, is_on) in [
            (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
            (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
            (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        ] {
            assert_eq!(connection.db_config(setting).unwrap(), is_on, "{setting:?}");
        }
    }
}
