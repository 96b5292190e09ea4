//! Rate limit windows as last flushed: the current ones continue after a restart, the past ones are the history.

use super::{Error, count, small_count, time, unreadable};
use crate::domain::ids::KeyId;
use crate::domain::time::Timestamp;
use crate::domain::window::{RateBucket, RateWindow};
use rusqlite::{Connection, Row, params};

/// Usage of one rate limit window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowUsage {
    /// Key whose calls are counted.
    pub key: KeyId,
    /// Bucket in which the calls are counted.
    pub bucket: RateBucket,
    /// Start of the window and the calls admitted.
    pub window: RateWindow,
    /// Number of calls rejected in the window.
    pub n_refused: u64,
}

/// Stores a window; stored counts never decrease.
pub(crate) fn flush(connection: &Connection, used: &WindowUsage) -> Result<(), Error> {
    connection
        .prepare_cached(
            "INSERT INTO rate_windows (key_id, bucket, start_at, n_admitted, n_rejected) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET n_admitted = max(n_admitted, ?4), n_rejected = max(n_rejected, ?5)",
        )?
        .execute(params![
            used.key.0,
            used.bucket.name(),
            used.window.start.millis(),
            used.window.used,
            i64::try_from(used.n_refused).unwrap_or(i64::MAX)
        ])?;
    Ok(())
}

/// Lists the windows that began at or after `since`, oldest first. They are found key by key: the windows of all time
/// stay in the table, and a scan would cost more every day.
pub(crate) fn list_since(connection: &Connection, since: Timestamp) -> Result<Vec<WindowUsage>, Error> {
    let mut statement = connection.prepare_cached(LIST_SINCE)?;
    let rows = statement.query_map([since.millis()], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

const LIST_SINCE: &str = "SELECT w.key_id, w.bucket, w.start_at, w.n_admitted, w.n_rejected
    FROM keys k CROSS JOIN (VALUES ('read'), ('write'), ('admin')) b
    CROSS JOIN rate_windows w ON w.key_id = k.id AND w.bucket = b.column1 AND w.start_at >= ?1
    ORDER BY w.start_at, w.key_id, w.bucket";

fn read(row: &Row<'_>) -> rusqlite::Result<WindowUsage> {
    Ok(WindowUsage {
        key: KeyId(row.get("key_id")?),
        bucket: RateBucket::named(&row.get::<_, String>("bucket")?).ok_or_else(|| unreadable("bucket"))?,
        window: RateWindow { start: time(row, "start_at")?, used: small_count(row, "n_admitted")? },
        n_refused: count(row, "n_rejected")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::open_in_memory;

    #[test]
    fn windows_since_a_time_are_found_without_a_scan_of_older_ones() {
        let connection = open_in_memory().unwrap();
        connection
            .execute("INSERT INTO keys (company_id, name, hash, last4, scopes, created_at) VALUES (1, 'l', x'01', '0001', '', 0)", [])
            .unwrap();
        let mut all = Vec::new();
        for (minute, key, bucket) in (0..5)
            .flat_map(|minute| [1, 2].into_iter().flat_map(move |key| RateBucket::ALL.map(|of| (minute, key, of))))
        {
            let window = RateWindow { start: Timestamp::from_millis(minute * 60_000), used: 3 };
            let used = WindowUsage { key: KeyId(key), bucket, window, n_refused: 1 };
            flush(&connection, &used).unwrap();
            all.push(used);
        }
        for minute in 0..=5 {
            let since = Timestamp::from_millis(minute * 60_000);
            let mut found = list_since(&connection, since).unwrap();
            assert!(found.is_sorted_by_key(|used| used.window.start));
            found.sort_by_key(|used| (used.window.start, used.key, used.bucket));
            let mut wanted = all.clone();
            wanted.retain(|used| used.window.start >= since);
            assert_eq!(found, wanted);
        }
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {LIST_SINCE}")).unwrap();
        let steps: Vec<String> = plan.query_map([0], |row| row.get(3)).unwrap().collect::<Result<_, _>>().unwrap();
        let is_along_key = |step: &String| step == "SEARCH w USING PRIMARY KEY (key_id=? AND bucket=? AND start_at>?)";
        assert!(steps.iter().any(is_along_key) && !steps.iter().any(|step| step.starts_with("SCAN w")), "{steps:?}");
    }
}
