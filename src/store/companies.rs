//! Companies, the tenants of the platform: table `companies`.

use super::{Error, time};
use crate::domain::company::Company;
use crate::domain::ids::CompanyId;
use crate::domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

/// Inserts a company with this name.
pub(crate) fn insert(connection: &Connection, name: &str, now: Timestamp) -> Result<Company, Error> {
    connection
        .prepare_cached("INSERT INTO companies (name, created_at) VALUES (?1, ?2)")?
        .execute(params![name, now.millis()])?;
    Ok(Company { id: CompanyId(connection.last_insert_rowid()), name: name.to_owned(), created_at: now })
}

/// Lists all companies, oldest first.
pub(crate) fn all(connection: &Connection) -> Result<Vec<Company>, Error> {
    let mut statement = connection.prepare_cached("SELECT id, name, created_at FROM companies ORDER BY id")?;
    Ok(statement.query_map([], read)?.collect::<Result<_, _>>()?)
}

/// Returns whether a company with this id exists.
pub(crate) fn exists(connection: &Connection, id: CompanyId) -> Result<bool, Error> {
    let found =
        connection.prepare_cached("SELECT 1 FROM companies WHERE id = ?1")?.query_row([id.0], |_| Ok(())).optional()?;
    Ok(found.is_some())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Company> {
    Ok(Company { id: CompanyId(row.get("id")?), name: row.get("name")?, created_at: time(row, "created_at")? })
}
