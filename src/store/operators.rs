//! Operators: hashes of tokens, never tokens.

use super::{Error, unreadable};
use crate::domain::ids::OperatorId;
use crate::domain::operator::{Operator, Role};
use crate::domain::time::Timestamp;
use rusqlite::{Connection, params};

/// Adds an operator.
pub(crate) fn insert(
    connection: &Connection,
    name: &str,
    role: Role,
    hash: &[u8; 32],
    now: Timestamp,
) -> Result<OperatorId, Error> {
    connection
        .prepare_cached("INSERT INTO operators (name, role, hash, created_at) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![name, role.name(), hash, now.millis()])?;
    Ok(OperatorId(connection.last_insert_rowid()))
}

/// All operators with the hashes of their tokens.
pub(crate) fn all(connection: &Connection) -> Result<Vec<([u8; 32], Operator)>, Error> {
    let mut statement = connection.prepare_cached("SELECT id, name, role, hash FROM operators ORDER BY id")?;
    let rows = statement.query_map([], |row| {
        let role = Role::named(&row.get::<_, String>("role")?).ok_or_else(|| unreadable("role"))?;
        Ok((row.get("hash")?, Operator { id: OperatorId(row.get("id")?), name: row.get("name")?, role }))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
