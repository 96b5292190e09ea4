//! The platform's database: one file per table group, plain functions over a connection. Every statement of the platform stands here.

pub mod attempts;
pub mod audit;
pub mod clients;
pub mod companies;
pub mod deliveries;
pub mod events;
pub mod health;
pub mod keys;
pub mod operators;
pub mod requests;
pub mod subscriptions;
pub mod trips;
pub mod windows;

use crate::domain::time::Timestamp;
use crate::sqlite;

/// Marks a file as a platform database: `crow`.
pub const APPLICATION_ID: i32 = i32::from_be_bytes(*b"crow");

/// The schema, version by version.
pub const MIGRATIONS: &[&str] = &[include_str!("../../assets/migrations/platform/0001_initial.sql")];

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

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error.into())
    }
}

fn time(row: &rusqlite::Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_millis)
}

fn maybe_time(row: &rusqlite::Row<'_>, column: &str) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_millis))
}

/// A stored value that cannot be turned into its type.
fn unreadable(column: &str) -> rusqlite::Error {
    rusqlite::Error::InvalidColumnType(0, column.to_owned(), rusqlite::types::Type::Text)
}

/// A count as SQLite has it.
fn count(row: &rusqlite::Row<'_>, column: &str) -> rusqlite::Result<u64> {
    Ok(u64::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}

/// A small count as SQLite has it.
fn small(row: &rusqlite::Row<'_>, column: &str) -> rusqlite::Result<u32> {
    Ok(u32::try_from(row.get::<_, i64>(column)?).unwrap_or(0))
}
