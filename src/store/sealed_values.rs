//! Values sealed with the master key: the pepper of key hashes and the signing secrets. The table `platform_values` also
//! stores the audit head and the epoch of the database.

use super::Error;
use crate::domain::ids::SubscriptionId;
use rusqlite::{Connection, OptionalExtension as _, params};

/// Returns the sealed pepper; `None` before the platform was initialized, or if it was initialized before peppers were
/// stored here. Works with older schemas too.
pub(crate) fn pepper(connection: &Connection) -> Result<Option<Vec<u8>>, Error> {
    kept_in_any_schema(connection, "pepper")
}

/// Stores the sealed pepper of key hashes.
pub(crate) fn set_pepper(connection: &Connection, sealed: &[u8]) -> Result<(), Error> {
    put(connection, "pepper", sealed)
}

/// Returns the epoch of the database, a random id written at every start; `None` before the first start and once
/// cleared.
pub(super) fn epoch(connection: &Connection) -> Result<Option<String>, Error> {
    Ok(get(connection, "epoch")?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Stores a new epoch of the database.
pub(crate) fn set_epoch(connection: &Connection, epoch: &str) -> Result<(), Error> {
    put(connection, "epoch", epoch.as_bytes())
}

/// Deletes the epoch of the database.
pub(crate) fn clear_epoch(connection: &Connection) -> Result<(), Error> {
    connection.prepare_cached("DELETE FROM platform_values WHERE name = 'epoch'")?.execute([])?;
    Ok(())
}

/// Returns the value stored under a name.
pub(super) fn get(connection: &Connection, name: &str) -> Result<Option<Vec<u8>>, Error> {
    let mut statement = connection.prepare_cached("SELECT value FROM platform_values WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

/// Returns the value stored under a name, also from a database whose schema is older; `None` if that schema has no such
/// table. Databases that are only read, such as backups, are not migrated.
pub(super) fn kept_in_any_schema(connection: &Connection, name: &str) -> Result<Option<Vec<u8>>, Error> {
    let mut is_there = connection.prepare_cached("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1")?;
    if is_there.exists(["platform_values"])? {
        return get(connection, name);
    }
    // Name of the table before schema version 17.
    if !is_there.exists(["custody"])? {
        return Ok(None);
    }
    let mut statement = connection.prepare_cached("SELECT sealed FROM custody WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

/// Stores a value under a name, replacing an earlier one.
pub(super) fn put(connection: &Connection, name: &str, sealed: &[u8]) -> Result<(), Error> {
    connection
        .prepare_cached("INSERT INTO platform_values VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value")?
        .execute(params![name, sealed])?;
    Ok(())
}

/// Lists every sealed signing secret, those of deleted subscriptions included.
pub(crate) fn signing_secrets(connection: &Connection) -> Result<Vec<(SubscriptionId, Vec<u8>)>, Error> {
    let mut statement = connection.prepare_cached("SELECT id, secret FROM subscriptions ORDER BY id")?;
    let rows = statement.query_map([], |row| Ok((SubscriptionId(row.get("id")?), row.get("secret")?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Returns the sealed signing secret of the oldest subscription, to test a master key with.
pub(crate) fn any_signing_secret(connection: &Connection) -> Result<Option<(SubscriptionId, Vec<u8>)>, Error> {
    let mut statement = connection.prepare_cached("SELECT id, secret FROM subscriptions ORDER BY id LIMIT 1")?;
    Ok(statement.query_row([], |row| Ok((SubscriptionId(row.get("id")?), row.get("secret")?))).optional()?)
}
