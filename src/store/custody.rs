//! What the platform's key keeps: the sealed pepper, and every other sealed value with the place it is bound to.

use super::Error;
use crate::domain::ids::SubscriptionId;
use rusqlite::{Connection, OptionalExtension as _, params};

/// The sealed pepper; none in a platform that was not founded yet, or was founded before peppers were kept here. The schema may be older.
pub(crate) fn pepper(connection: &Connection) -> Result<Option<Vec<u8>>, Error> {
    let mut is_kept = connection.prepare_cached("SELECT 1 FROM sqlite_schema WHERE name = 'custody'")?;
    if !is_kept.exists([])? {
        return Ok(None);
    }
    kept(connection, "pepper")
}

/// Keeps the sealed pepper.
pub(crate) fn set_pepper(connection: &Connection, sealed: &[u8]) -> Result<(), Error> {
    keep(connection, "pepper", sealed)
}

/// What the platform that runs on the database calls it; none before its first start, and where that was made to be forgotten.
pub(super) fn epoch(connection: &Connection) -> Result<Option<String>, Error> {
    Ok(kept(connection, "epoch")?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Calls the database something new.
pub(crate) fn set_epoch(connection: &Connection, epoch: &str) -> Result<(), Error> {
    keep(connection, "epoch", epoch.as_bytes())
}

/// Makes it forgotten what the database was called.
pub(crate) fn clear_epoch(connection: &Connection) -> Result<(), Error> {
    connection.prepare_cached("DELETE FROM custody WHERE name = 'epoch'")?.execute([])?;
    Ok(())
}

/// What is kept under a name.
pub(super) fn kept(connection: &Connection, name: &str) -> Result<Option<Vec<u8>>, Error> {
    let mut statement = connection.prepare_cached("SELECT sealed FROM custody WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

/// Keeps something under a name.
pub(super) fn keep(connection: &Connection, name: &str, sealed: &[u8]) -> Result<(), Error> {
    connection
        .prepare_cached("INSERT INTO custody VALUES (?1, ?2) ON CONFLICT DO UPDATE SET sealed = excluded.sealed")?
        .execute(params![name, sealed])?;
    Ok(())
}

/// Every sealed signing secret, those of deleted subscriptions too.
pub(crate) fn secrets(connection: &Connection) -> Result<Vec<(SubscriptionId, Vec<u8>)>, Error> {
    let mut statement = connection.prepare_cached("SELECT id, secret FROM subscriptions ORDER BY id")?;
    let rows = statement.query_map([], |row| Ok((SubscriptionId(row.get("id")?), row.get("secret")?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// One sealed signing secret, whichever.
pub(crate) fn any_secret(connection: &Connection) -> Result<Option<(SubscriptionId, Vec<u8>)>, Error> {
    let mut statement = connection.prepare_cached("SELECT id, secret FROM subscriptions ORDER BY id LIMIT 1")?;
    Ok(statement.query_row([], |row| Ok((SubscriptionId(row.get("id")?), row.get("secret")?))).optional()?)
}
