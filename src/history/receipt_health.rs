//! Health of subscriptions as far as listeners in front of their receivers saw it: rates, latencies and failures in a
//! row of the deliveries received.

use super::HistoryError;
use super::seen_windows::HOUR_MS;
use crate::domain::ids::SubscriptionId;
use crate::domain::latency::{Histogram, bin_index};
use crate::domain::time::{MINUTE_MS, Timestamp};
use crate::wire::subscriptions::AttemptSummary;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::collections::BTreeMap;

/// Condition of a delivery that the receiver answered with a success, to the end.
pub(super) const IS_SUCCESS: &str =
    "(coalesce(answered_status, 0) BETWEEN 200 AND 299 AND coalesce(failure, 'sender_left') = 'sender_left')";
/// Condition of a delivery whose sender left early, which says nothing about the receiver.
const IS_ABANDONED: &str = "(answered_status IS NULL AND failure = 'sender_left' AND elapsed_ms < 5000)";
/// Windows over which attempts are counted, in milliseconds.
const WINDOWS_MS: [i64; 3] = [5 * MINUTE_MS, HOUR_MS, 24 * HOUR_MS];

/// Health of a subscription, from the deliveries of events that a listener received for it. Test deliveries do not
/// count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReceiptHealth {
    /// Time of the first delivery that is kept.
    pub since: Timestamp,
    /// Time of the latest delivery.
    pub last_at: Timestamp,
    /// Time of the latest delivery that was answered with a success.
    pub last_success_at: Option<Timestamp>,
    /// Number of failures since then.
    pub streak: u32,
    /// Time of the first and of the latest of these failures.
    pub streak_span: Option<(Timestamp, Timestamp)>,
    /// Deliveries of the last 5 minutes, of the last hour and of the last 24 hours.
    pub windows: [AttemptSummary; 3],
}

/// Reads the health of every subscription whose deliveries a listener knows.
pub(super) fn read_receipt_health(
    connection: &Connection,
    now: Timestamp,
) -> Result<BTreeMap<SubscriptionId, ReceiptHealth>, HistoryError> {
    // Each step finds the next subscription in the index, so that the deliveries between are not read.
    let mut statement = connection.prepare_cached(
        "WITH RECURSIVE s(id) AS (SELECT min(subscription) FROM received_deliveries UNION ALL
             SELECT (SELECT min(subscription) FROM received_deliveries WHERE subscription > s.id) FROM s WHERE s.id IS NOT NULL)
         SELECT id FROM s WHERE id IS NOT NULL",
    )?;
    let ids = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?;
    let mut found = BTreeMap::new();
    for id in ids {
        if let Some(health) = read_health(connection, id, now)? {
            found.insert(SubscriptionId(id), health);
        }
    }
    Ok(found)
}

fn read_health(connection: &Connection, id: i64, now: Timestamp) -> Result<Option<ReceiptHealth>, HistoryError> {
    let span = "SELECT min(at), max(at) FROM received_deliveries WHERE subscription = ?1 AND event IS NOT NULL";
    let span: (Option<i64>, Option<i64>) =
        connection.prepare_cached(span)?.query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (Some(since), Some(last_at)) = span else { return Ok(None) };
    let success = format!(
        "SELECT at FROM received_deliveries WHERE subscription = ?1 AND event IS NOT NULL AND {IS_SUCCESS}
         ORDER BY at DESC LIMIT 1"
    );
    let success: Option<i64> = connection.prepare_cached(&success)?.query_row([id], |row| row.get(0)).optional()?;
    let streak = format!(
        "SELECT count(*), min(at), max(at) FROM received_deliveries
         WHERE subscription = ?1 AND at > ?2 AND event IS NOT NULL AND NOT {IS_SUCCESS} AND NOT {IS_ABANDONED}"
    );
    let (n, first, latest): (u32, Option<i64>, Option<i64>) = connection
        .prepare_cached(&streak)?
        .query_row([id, success.unwrap_or(i64::MIN)], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let at = Timestamp::from_millis;
    Ok(Some(ReceiptHealth {
        since: at(since),
        last_at: at(last_at),
        last_success_at: success.map(at),
        streak: n,
        streak_span: first.zip(latest).map(|(first, latest)| (at(first), at(latest))),
        windows: read_windows(connection, id, now)?,
    }))
}

/// Counts the deliveries of each window, and the bins of their latencies.
fn read_windows(connection: &Connection, id: i64, now: Timestamp) -> Result<[AttemptSummary; 3], HistoryError> {
    let [short, hour, day] = WINDOWS_MS.map(|ms| now.millis() - ms);
    let sql = format!(
        "SELECT elapsed_ms, {IS_SUCCESS}, count(*) FILTER (WHERE at > ?2), count(*) FILTER (WHERE at > ?3), count(*)
         FROM received_deliveries WHERE subscription = ?1 AND at > ?4 AND event IS NOT NULL AND NOT {IS_ABANDONED} GROUP BY 1, 2"
    );
    let (mut summaries, mut latencies) = ([AttemptSummary::default(); 3], [Histogram::default(); 3]);
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![id, short, hour, day])?;
    while let Some(row) = rows.next()? {
        let (elapsed_ms, is_success): (i64, bool) = (row.get(0)?, row.get(1)?);
        for (window, (summary, latency)) in summaries.iter_mut().zip(&mut latencies).enumerate() {
            let n = row.get::<_, i64>(2 + window)?.unsigned_abs();
            let counter = if is_success { &mut summary.n_succeeded } else { &mut summary.n_failed };
            *counter += n;
            latency.add(bin_index(elapsed_ms.unsigned_abs()), n);
        }
    }
    for (summary, latency) in summaries.iter_mut().zip(&latencies) {
        (summary.p50_ms, summary.p95_ms, summary.p99_ms) =
            (latency.percentile(0.5), latency.percentile(0.95), latency.percentile(0.99));
    }
    Ok(summaries)
}

#[cfg(test)]
mod tests {
    use super::super::PlatformHistory;
    use super::*;
    use crate::domain::ids::EventId;
    use crate::domain::text::Untrusted;
    use crate::wire::receipts::{DeliveryReceipt, HandoverFailure, ReceiptReport, SignatureResult};
    use std::time::Duration;

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    fn receipt(seconds_ago: u64, event: Option<i64>, status: Option<u16>, elapsed_ms: u64) -> DeliveryReceipt {
        DeliveryReceipt {
            id: Untrusted::new(format!("{seconds_ago} {event:?}")),
            received_utc: NOW.minus(Duration::from_secs(seconds_ago)),
            path: Untrusted::new("/hook"),
            forwarded_to: None,
            subscription_id: Some(SubscriptionId(17)),
            company_id: None,
            event_id: event.map(EventId),
            event_type: Untrusted::new("lead.created"),
            signature: SignatureResult::Genuine,
            secret_number: Some(1),
            claimed_delivery_id: None,
            claimed_attempt: Some(1),
            status,
            failure: None,
            elapsed_ms,
            n_bytes: 0,
            n_answer_bytes: 0,
            answer_topic: None,
            signature_fault: None,
            headers: Vec::new(),
            body: None,
        }
    }

    #[tokio::test]
    async fn failures_in_a_row_rates_and_latencies_are_those_of_events_that_arrived() {
        let dir = tempfile::tempdir().expect("a directory");
        let history = PlatformHistory::open(&dir.path().join("history.db")).expect("it opens");
        let left = DeliveryReceipt { failure: Some(HandoverFailure::SenderLeft), ..receipt(20, Some(9), None, 300) };
        let cut = DeliveryReceipt { failure: Some(HandoverFailure::Broken), ..receipt(30, Some(8), Some(200), 40) };
        let other = DeliveryReceipt { subscription_id: None, ..receipt(5, Some(77), Some(500), 1) };
        let receipts = vec![
            receipt(90_000, Some(1), Some(200), 4),
            receipt(7_200, Some(2), Some(500), 4),
            receipt(1_800, Some(3), Some(200), 90),
            receipt(1_700, Some(4), Some(200), 95),
            receipt(60, Some(5), Some(503), 9_000),
            receipt(50, None, Some(200), 1),
            cut,
            left,
            other,
        ];
        let report = ReceiptReport { receipts, ..ReceiptReport::default() };
        history.record_receipts(report).await.expect("stored");
        let seen = history.observations(NOW).await.expect("read");
        assert_eq!(seen.receipt_health.keys().collect::<Vec<_>>(), [&SubscriptionId(17)]);
        let health = seen.receipt_health[&SubscriptionId(17)];
        let ago = |seconds| NOW.minus(Duration::from_secs(seconds));
        assert_eq!((health.since, health.last_at), (ago(90_000), ago(20)));
        assert_eq!((health.last_success_at, health.streak), (Some(ago(1_700)), 2), "a test and a sender that left");
        assert_eq!(health.streak_span, Some((ago(60), ago(30))));
        let counts = health.windows.map(|of| (of.n_succeeded, of.n_failed));
        assert_eq!(counts, [(0, 2), (2, 2), (2, 3)]);
        assert_eq!((health.windows[1].p50_ms, health.windows[1].p95_ms), (Some(100), Some(10_000)));
    }
}
