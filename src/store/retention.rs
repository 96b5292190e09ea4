//! Retention: old and finished rows are deleted in slices, so that no write waits long. Counters are kept.

use super::deliveries::{IS_ENDED, IS_LEASED};
use super::slice_size::SliceSize;
use super::{Error, event_quota, requests};
use crate::domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};

/// Deletes the oldest attempts. By a range of ids, since the planner may look for a list of ids by reading the whole table.
const DELETE_ATTEMPTS: &str = "DELETE FROM attempts WHERE id <= (SELECT max(id) FROM (SELECT id FROM attempts ORDER BY id LIMIT ?2)) AND started_at < ?1";

/// Result of deleting one slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RetentionSlice {
    pub(crate) n_deleted: usize,
    /// Last row examined; `None` if no older rows follow.
    pub(crate) last_examined: Option<i64>,
}

/// Deletes a slice of the oldest attempts and requests before `before`. Returns the number deleted; 0 if none are left.
pub(crate) fn delete_logs(connection: &Connection, before: Timestamp, size: SliceSize) -> Result<usize, Error> {
    let n_attempts = connection.prepare_cached(DELETE_ATTEMPTS)?.execute((before.millis(), size.n_rows()))?;
    Ok(n_attempts + requests::delete_before(connection, before, size)?)
}

/// Deletes finished deliveries after id `after` that were created before `before` and have no attempt left. Pending
/// and missed deliveries and those on hold are kept: they can still be delivered; those that a deleted subscription
/// missed cannot.
pub(crate) fn delete_deliveries(
    connection: &Connection,
    after: i64,
    before: Timestamp,
    size: SliceSize,
) -> Result<RetentionSlice, Error> {
    delete_slice(
        connection,
        "deliveries",
        &format!(
            "{IS_ENDED} AND NOT {IS_LEASED}
             AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.delivery_id = deliveries.id)
             AND NOT EXISTS (SELECT 1 FROM resends r WHERE r.delivery_id = deliveries.id)"
        ),
        (after, before, size),
        |connection, sql, range| Ok(connection.prepare_cached(sql)?.execute(range)?),
    )
}

/// Deletes events after id `after` and before `before` that have no delivery left.
pub(crate) fn delete_events(
    connection: &Connection,
    after: i64,
    before: Timestamp,
    size: SliceSize,
) -> Result<RetentionSlice, Error> {
    let is_over = "NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event_id = events.id)";
    delete_slice(connection, "events", is_over, (after, before, size), |connection, sql, range| {
        event_quota::delete(connection, sql, range)
    })
}

/// Deletes one slice of a table by a condition. `delete` runs the statement with the ids and the time between which it
/// deletes.
fn delete_slice(
    connection: &Connection,
    table: &str,
    is_over: &str,
    (after, before, size): (i64, Timestamp, SliceSize),
    delete: fn(&Connection, &str, [i64; 3]) -> Result<usize, Error>,
) -> Result<RetentionSlice, Error> {
    let looked_at = format!("SELECT id, created_at FROM {table} WHERE id > ?1 ORDER BY id LIMIT ?2");
    let ends = format!("SELECT max(id), min(created_at) FROM ({looked_at})");
    let ends: Option<(Option<i64>, Option<i64>)> = connection
        .prepare_cached(&ends)?
        .query_row((after, size.n_rows()), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((Some(last), Some(oldest))) = ends else {
        return Ok(RetentionSlice { n_deleted: 0, last_examined: None });
    };
    if oldest >= before.millis() {
        return Ok(RetentionSlice { n_deleted: 0, last_examined: None });
    }
    let sql = format!("DELETE FROM {table} WHERE id > ?1 AND id <= ?2 AND created_at < ?3 AND {is_over}");
    let n_deleted = delete(connection, &sql, [after, last, before.millis()])?;
    Ok(RetentionSlice { n_deleted, last_examined: Some(last) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::open_in_memory;

    #[test]
    fn a_slice_is_found_without_a_scan_whatever_the_planner_knows() {
        let connection = open_in_memory().unwrap();
        for statistics in ["", "ANALYZE"] {
            connection.execute_batch(statistics).unwrap();
            for sql in [DELETE_ATTEMPTS, requests::DELETE_OLDEST, requests::DELETE_OLDEST_OF_COMPANY] {
                let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
                let first: String = plan.query_row([1, 25], |row| row.get(3)).unwrap();
                assert!(first.starts_with("SEARCH "), "{sql}: {first}");
            }
        }
    }
}
