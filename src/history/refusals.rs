//! Counts of requests that listeners refused, by path and reason. Nothing of a refused request counts as received.

use super::HistoryError;
use crate::domain::ids::SubscriptionId;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::wire::receipts::{RefusalReason, RefusedDeliveries};
use rusqlite::Connection;
use std::time::Duration;

/// Period of which refusals are returned.
const REFUSAL_PERIOD: Duration = Duration::from_secs(24 * 3_600);
/// Maximum number of counts that are returned, the most frequent first.
const MAX_COUNTS: i64 = 100;

/// Reads the refusals of the last day, summed up by path, subscription, reason and fault. Each has the id of its newest
/// part, and the caller of that part.
pub(super) fn read_refusals(connection: &Connection, now: Timestamp) -> Result<Vec<RefusedDeliveries>, HistoryError> {
    let mut statement = connection.prepare_cached(
        "SELECT report_id, min(since_at), max(until_at), path, subscription, reason, signature_fault, sum(n), sum(n_bytes),
         address, user_agent, max(id)
         FROM refused_deliveries WHERE since_at > ?1 GROUP BY path, subscription, reason, signature_fault
         ORDER BY sum(n) DESC, max(id) DESC LIMIT ?2",
    )?;
    let text = |text: Option<String>| text.map(Untrusted::new);
    let rows = statement.query_map([now.minus(REFUSAL_PERIOD).millis(), MAX_COUNTS], |row| {
        Ok(RefusedDeliveries {
            id: Untrusted::new(row.get::<_, String>(0)?),
            since_utc: Timestamp::from_millis(row.get(1)?),
            until_utc: Timestamp::from_millis(row.get(2)?),
            path: text(row.get(3)?),
            subscription_id: row.get::<_, Option<i64>>(4)?.map(SubscriptionId),
            reason: RefusalReason::from_name(&row.get::<_, String>(5)?),
            signature_fault: text(row.get(6)?),
            n: row.get::<_, i64>(7)?.unsigned_abs(),
            n_bytes: row.get::<_, i64>(8)?.unsigned_abs(),
            address: text(row.get(9)?),
            user_agent: text(row.get(10)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
