//! API keys: table `keys`, with hashes of the keys and never the keys.

use super::{Error, optional_time, time};
use crate::domain::ids::{CompanyId, KeyId};
use crate::domain::key::{ApiKey, KeyLimits};
use crate::domain::scope::ScopeSet;
use crate::domain::time::Timestamp;
use rusqlite::{Connection, Row, named_params, params};

/// HMAC-SHA256 of a key under the platform's pepper.
pub(crate) type KeyHash = [u8; 32];

/// Columns of a stored key.
const COLUMNS: &str = "id, company_id, name, hash, last4, scopes, limit_read, limit_write, limit_admin, created_at, last_used_at, revoked_at";

/// Inserts a key and returns the id assigned by the database; `key.id` is ignored.
pub(crate) fn insert(connection: &Connection, key: &ApiKey, hash: &KeyHash) -> Result<KeyId, Error> {
    connection
        .prepare_cached(
            "INSERT INTO keys (company_id, name, hash, last4, scopes, limit_read, limit_write, limit_admin, created_at)
             VALUES (:company, :name, :hash, :last4, :scopes, :read, :write, :admin, :created_at)",
        )?
        .execute(named_params! {
            ":company": key.company.0, ":name": key.name, ":hash": hash, ":last4": key.last4, ":scopes": key.scopes.to_string(),
            ":read": key.limits.read, ":write": key.limits.write, ":admin": key.limits.admin, ":created_at": key.created_at.millis(),
        })?;
    Ok(KeyId(connection.last_insert_rowid()))
}

/// Lists all keys with their hashes, oldest first.
pub(crate) fn all(connection: &Connection) -> Result<Vec<(KeyHash, ApiKey)>, Error> {
    let mut statement = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM keys ORDER BY id"))?;
    Ok(statement.query_map([], |row| Ok((row.get("hash")?, read(row)?)))?.collect::<Result<_, _>>()?)
}

/// Updates the time of a key's last use.
pub(crate) fn set_last_used(connection: &Connection, id: KeyId, now: Timestamp) -> Result<(), Error> {
    connection
        .prepare_cached("UPDATE keys SET last_used_at = ?2 WHERE id = ?1")?
        .execute(params![id.0, now.millis()])?;
    Ok(())
}

/// Sets the rate limits of a key; `None` restores the default.
pub(crate) fn set_limits(connection: &Connection, id: KeyId, limits: KeyLimits) -> Result<(), Error> {
    connection
        .prepare_cached("UPDATE keys SET limit_read = ?2, limit_write = ?3, limit_admin = ?4 WHERE id = ?1")?
        .execute(params![id.0, limits.read, limits.write, limits.admin])?;
    Ok(())
}

/// Revokes a key. Returns whether the key was active before.
pub(crate) fn revoke(connection: &Connection, id: KeyId, now: Timestamp) -> Result<bool, Error> {
    let n_revoked = connection
        .prepare_cached("UPDATE keys SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL")?
        .execute(params![id.0, now.millis()])?;
    Ok(n_revoked > 0)
}

fn read(row: &Row<'_>) -> rusqlite::Result<ApiKey> {
    Ok(ApiKey {
        id: KeyId(row.get("id")?),
        company: CompanyId(row.get("company_id")?),
        name: row.get("name")?,
        last4: row.get("last4")?,
        scopes: ScopeSet::parse(&row.get::<_, String>("scopes")?),
        limits: KeyLimits {
            read: row.get("limit_read")?,
            write: row.get("limit_write")?,
            admin: row.get("limit_admin")?,
        },
        created_at: time(row, "created_at")?,
        last_used_at: optional_time(row, "last_used_at")?,
        revoked_at: optional_time(row, "revoked_at")?,
    })
}
