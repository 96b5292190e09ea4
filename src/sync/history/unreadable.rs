//! List items that could not be read: stored as they came, counted, and deleted when the list is stored anew.

use crate::client::integration::partner::UnreadableItem;
use crate::database::error::Error;
use crate::domain::time::Timestamp;
use crate::wire::readable::UnreadableRows;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// Maximum number of items kept per list; the newest are kept.
const MAX_KEPT_ITEMS: i64 = 500;

/// Stores the unreadable items of a list.
pub(super) fn store_items(
    connection: &Connection,
    what: &str,
    at: Timestamp,
    items: &[UnreadableItem],
) -> Result<(), Error> {
    if items.is_empty() {
        return Ok(());
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO unreadable_items (list, item, number, reason, at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (list, item) DO UPDATE SET reason = excluded.reason, at = excluded.at",
    )?;
    for item in items {
        insert.execute(params![what, item.raw, item.number, item.why, at.millis()])?;
    }
    connection
        .prepare_cached(
            "DELETE FROM unreadable_items WHERE list = ?1 AND id NOT IN
             (SELECT id FROM unreadable_items WHERE list = ?1 ORDER BY at DESC, id DESC LIMIT ?2)",
        )?
        .execute(params![what, MAX_KEPT_ITEMS])?;
    Ok(())
}

/// Deletes the unreadable items of a list, before the list is stored anew.
pub(super) fn delete_items(connection: &Connection, what: &str) -> Result<(), Error> {
    connection.prepare_cached("DELETE FROM unreadable_items WHERE list = ?1")?.execute([what])?;
    Ok(())
}

/// Returns the unreadable items by resource: `events`, `subscriptions`.
pub(super) fn items_by_resource(connection: &Connection) -> Result<BTreeMap<String, UnreadableRows>, Error> {
    let mut found: BTreeMap<String, UnreadableRows> = BTreeMap::new();
    let mut statement =
        connection.prepare_cached("SELECT list, reason, item FROM unreadable_items ORDER BY at DESC, id DESC")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (what, why, item): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let noun = what.split(':').next().unwrap_or_default().to_owned();
        found.entry(noun).or_default().record(&why, &item);
    }
    Ok(found)
}
