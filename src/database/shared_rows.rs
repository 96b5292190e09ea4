//! Rows that many jobs of one commit read and change: they are kept in memory from job to job, read once, and written
//! once before the commit.

use super::error::Error;
use rusqlite::Connection;
use std::any::Any;

/// Rows that the jobs of one commit share. A job that does not share them finds them written; the next one that does
/// reads them again.
pub trait SharedRows: Any + Clone + Default {
    /// Writes the rows that the jobs changed.
    ///
    /// # Errors
    /// [`Error`] if a row cannot be written: then all jobs of the commit are rolled back.
    fn write(&mut self, connection: &Connection) -> Result<(), Error>;
}

/// Shared rows of any type.
pub(super) trait AnySharedRows {
    fn write(&mut self, connection: &Connection) -> Result<(), Error>;
    fn as_any(&self) -> &dyn Any;
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

impl<S: SharedRows> AnySharedRows for S {
    fn write(&mut self, connection: &Connection) -> Result<(), Error> {
        SharedRows::write(self, connection)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
