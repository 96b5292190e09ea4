//! Operators: table `operators`, with hashes of tokens and never the tokens.

use super::{Error, optional_time, time, unreadable};
use crate::domain::ids::OperatorId;
use crate::domain::operator::{OperatorAccount, OperatorRole};
use crate::domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

/// Inserts an operator and returns the assigned id.
pub(crate) fn insert(
    connection: &Connection,
    name: &str,
    role: OperatorRole,
    hash: &[u8; 32],
    now: Timestamp,
) -> Result<OperatorId, Error> {
    connection
        .prepare_cached("INSERT INTO operators (name, role, hash, created_at) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![name, role.name(), hash, now.millis()])?;
    Ok(OperatorId(connection.last_insert_rowid()))
}

/// Lists the operators that are not revoked, with the hashes of their tokens.
pub(crate) fn list_active(connection: &Connection) -> Result<Vec<([u8; 32], OperatorAccount)>, Error> {
    let mut statement =
        connection.prepare_cached("SELECT id, name, role, hash FROM operators WHERE revoked_at IS NULL ORDER BY id")?;
    let rows = statement.query_map([], |row| Ok((row.get("hash")?, read(row)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// An operator with the times of creation and revocation.
#[derive(Debug, Clone)]
pub struct StoredOperator {
    /// Id, name and role of the operator.
    pub operator: OperatorAccount,
    /// Creation time of the operator.
    pub created_at: Timestamp,
    /// Time of revocation, which is permanent; `None` while active.
    pub revoked_at: Option<Timestamp>,
}

/// Lists all operators, revoked ones included, oldest first.
pub(crate) fn list_all(connection: &Connection) -> Result<Vec<StoredOperator>, Error> {
    let mut statement = connection.prepare_cached("SELECT * FROM operators ORDER BY id")?;
    Ok(statement.query_map([], read_kept)?.collect::<Result<_, _>>()?)
}

/// Returns the operator with this id.
pub(crate) fn get(connection: &Connection, id: OperatorId) -> Result<Option<StoredOperator>, Error> {
    Ok(connection.prepare_cached("SELECT * FROM operators WHERE id = ?1")?.query_row([id.0], read_kept).optional()?)
}

/// Revokes an operator. Returns whether the operator was active before.
pub(crate) fn revoke(connection: &Connection, id: OperatorId, now: Timestamp) -> Result<bool, Error> {
    let n_revoked = connection
        .prepare_cached("UPDATE operators SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL")?
        .execute(params![id.0, now.millis()])?;
    Ok(n_revoked > 0)
}

/// Returns the operator with this name, compared case-insensitively; revoked ones included.
pub(crate) fn find_by_name(connection: &Connection, name: &str) -> Result<Option<StoredOperator>, Error> {
    let mut statement = connection.prepare_cached("SELECT * FROM operators WHERE name = ?1 COLLATE NOCASE")?;
    Ok(statement.query_row([name], read_kept).optional()?)
}

/// Replaces the token hash of an operator.
pub(crate) fn set_hash(connection: &Connection, id: OperatorId, hash: &[u8; 32]) -> Result<(), Error> {
    connection.prepare_cached("UPDATE operators SET hash = ?2 WHERE id = ?1")?.execute(params![id.0, hash])?;
    Ok(())
}

fn read_kept(row: &Row<'_>) -> rusqlite::Result<StoredOperator> {
    Ok(StoredOperator {
        operator: read(row)?,
        created_at: time(row, "created_at")?,
        revoked_at: optional_time(row, "revoked_at")?,
    })
}

fn read(row: &Row<'_>) -> rusqlite::Result<OperatorAccount> {
    let role = OperatorRole::named(&row.get::<_, String>("role")?).ok_or_else(|| unreadable("role"))?;
    Ok(OperatorAccount { id: OperatorId(row.get("id")?), name: row.get("name")?, role })
}
