//! Answers and list items that could not be read: stored as they came, counted, and deleted when the list is stored
//! anew.

use super::HistoryError;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::wire::readable::UnreadableRows;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// Maximum number of items kept per list; the newest are kept.
const MAX_KEPT_ITEMS: i64 = 500;

/// Item of a list that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableItem {
    /// Number of the item, if it could be determined.
    pub number: Option<i64>,
    /// Reason why the item could not be read.
    pub why: String,
    /// Beginning of the item's JSON, as received.
    pub raw: String,
}

/// Answer that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableAnswer {
    /// Resource that was requested: `events`, `subscriptions`.
    pub what: String,
    /// Time at which the answer was received.
    pub at: Timestamp,
    /// Description of what could not be read.
    pub why: String,
    /// Beginning of the answer, as received.
    pub answer: Untrusted,
}

/// Stores the unreadable items of a list.
pub(super) fn store_items(
    connection: &Connection,
    what: &str,
    at: Timestamp,
    items: &[UnreadableItem],
) -> Result<(), HistoryError> {
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
pub(super) fn delete_items(connection: &Connection, what: &str) -> Result<(), HistoryError> {
    connection.prepare_cached("DELETE FROM unreadable_items WHERE list = ?1")?.execute([what])?;
    Ok(())
}

/// Returns the unreadable items by resource: `events`, `subscriptions`.
pub(super) fn items_by_resource(connection: &Connection) -> Result<BTreeMap<String, UnreadableRows>, HistoryError> {
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
