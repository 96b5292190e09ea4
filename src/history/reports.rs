//! Reports of `crow listen` and `crow relay` in the history: deliveries that were taken and refused, calls that were
//! passed on, and the periods without a record. An item whose id is known is not stored again.

use super::calls::{SeenWindow, store_window};
use super::columns::{raw, signed};
use super::receipts::{EarlierReceipts, earlier_receipts, insert_receipt, known_fault};
use super::{HistoryError, PlatformHistory};
use crate::domain::time::Timestamp;
use crate::domain::window::RateBucket;
use crate::wire::calls::{CallReport, RelayedCall};
use crate::wire::receipts::{ReceiptReport, RefusedDeliveries};
use crate::wire::reports::{ReportReceived, UnrecordedPeriod};
use rusqlite::{Connection, OptionalExtension as _, params};
use std::time::Duration;

/// Source of an unrecorded period in the database: deliveries.
const SOURCE_RECEIPTS: &str = "receipts";
/// Source of an unrecorded period in the database: calls.
const SOURCE_CALLS: &str = "calls";

/// Result of storing a report of deliveries.
#[derive(Debug, Clone, Default)]
pub struct StoredReceipts {
    /// Number of items that were stored, and of those that were known.
    pub received: ReportReceived,
    /// What was known of the event of each receipt before, in the order of the receipts.
    pub earlier: Vec<EarlierReceipts>,
}

impl ReportReceived {
    fn count(&mut self, is_new: bool) {
        self.n_stored += u64::from(is_new);
        self.n_known += u64::from(!is_new);
    }
}

impl PlatformHistory {
    /// Stores a report of deliveries in one transaction.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be written.
    pub async fn record_receipts(&self, report: ReceiptReport) -> Result<StoredReceipts, HistoryError> {
        self.database
            .write_queued(move |connection| {
                let mut stored = StoredReceipts::default();
                for receipt in &report.receipts {
                    stored.earlier.push(earlier_receipts(connection, receipt.event_id)?);
                    stored.received.count(insert_receipt(connection, receipt)?);
                }
                for refusals in &report.refusals {
                    stored.received.count(insert_refusals(connection, refusals)?);
                }
                for period in &report.unrecorded {
                    stored.received.count(insert_period(connection, SOURCE_RECEIPTS, period)?);
                }
                Ok(stored)
            })
            .await
    }

    /// Stores a report of calls in one transaction.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be written.
    pub async fn record_calls(&self, report: CallReport) -> Result<ReportReceived, HistoryError> {
        self.database
            .write_queued(move |connection| {
                let mut received = ReportReceived::default();
                for call in &report.calls {
                    let is_new = insert_call(connection, call)?;
                    if is_new {
                        store_relayed_window(connection, call)?;
                    }
                    received.count(is_new);
                }
                for period in &report.unrecorded {
                    received.count(insert_period(connection, SOURCE_CALLS, period)?);
                }
                Ok(received)
            })
            .await
    }
}

fn insert_refusals(connection: &Connection, of: &RefusedDeliveries) -> Result<bool, HistoryError> {
    let n = connection
        .prepare_cached(
            "INSERT INTO refused_deliveries (report_id, since_at, until_at, path, reason, n, n_bytes, address, user_agent,
             subscription, signature_fault)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (report_id) DO NOTHING",
        )?
        .execute(params![
            of.id.raw(),
            of.since_utc.millis(),
            of.until_utc.millis(),
            raw(of.path.as_ref()),
            of.reason.name(),
            signed(of.n),
            signed(of.n_bytes),
            raw(of.address.as_ref()),
            raw(of.user_agent.as_ref()),
            of.subscription_id.map(|id| id.0),
            of.signature_fault.as_ref().map(|id| known_fault(id.raw()))
        ])?;
    Ok(n == 1)
}

fn insert_period(connection: &Connection, source: &str, of: &UnrecordedPeriod) -> Result<bool, HistoryError> {
    let n = connection
        .prepare_cached(
            "INSERT INTO unrecorded_periods (report_id, source, since_at, until_at, n) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (report_id) DO NOTHING",
        )?
        .execute(params![of.id.raw(), source, of.since_utc.millis(), of.until_utc.millis(), signed(of.n)])?;
    Ok(n == 1)
}

fn insert_call(connection: &Connection, of: &RelayedCall) -> Result<bool, HistoryError> {
    let rate = of.rate.as_ref();
    let n = connection
        .prepare_cached(
            "INSERT INTO relayed_calls (report_id, at, address, user_agent, caller, company, last4, method, route, query, status,
             code, request_id, rate_limit, rate_remaining, rate_reset_at, rate_policy, retry_after_s, head_ms, elapsed_ms, n_request_bytes,
             n_answer_bytes, failure, problem, refusal_reason)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25)
             ON CONFLICT (report_id) DO NOTHING",
        )?
        .execute(params![
            of.id.raw(),
            of.utc.millis(),
            raw(of.address.as_ref()),
            raw(of.user_agent.as_ref()),
            raw(of.caller.as_ref()),
            of.company_id.map(|id| id.0),
            raw(of.last4.as_ref()),
            of.method.raw(),
            of.route.raw(),
            raw(of.query.as_ref()),
            of.status,
            raw(of.code.as_ref()),
            raw(of.request_id.as_ref()),
            rate.map(|rate| rate.limit),
            rate.map(|rate| rate.remaining),
            rate.and_then(|rate| rate.reset_utc).map(Timestamp::millis),
            rate.and_then(|rate| raw(rate.policy.as_ref())),
            of.retry_after_seconds.map(signed),
            of.head_ms.map(signed),
            signed(of.elapsed_ms),
            signed(of.n_request_bytes),
            signed(of.n_answer_bytes),
            of.failure.map(super::super::wire::calls::RelayFailure::name),
            raw(of.problem.as_ref()),
            raw(of.refusal_reason.as_ref())
        ])?;
    Ok(n == 1)
}

/// Stores the rate window that the answer to a relayed call showed, if a key of the profile made the call.
fn store_relayed_window(connection: &Connection, of: &RelayedCall) -> Result<(), HistoryError> {
    let Some((rate, (company, last4))) = of.rate.as_ref().zip(of.company_id.zip(of.last4.as_ref())) else {
        return Ok(());
    };
    let bucket = rate.policy.as_ref().and_then(|policy| RateBucket::named(policy.raw().split(':').next()?));
    let mut named =
        connection.prepare_cached("SELECT name FROM keys WHERE company = ?1 AND last4 = ?2 ORDER BY name")?;
    let key: Option<String> = named.query_row(params![company.0, last4.raw()], |row| row.get(0)).optional()?;
    let Some((key, bucket)) = key.zip(bucket) else { return Ok(()) };
    let seen = SeenWindow {
        key: &key,
        bucket,
        limit: rate.limit,
        remaining: rate.remaining,
        resets_at: rate.reset_utc,
        was_rejected: of.status == Some(429),
        at: of.utc.plus(Duration::from_millis(of.elapsed_ms)),
    };
    store_window(connection, &seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::EventId;
    use crate::domain::text::Untrusted;
    use crate::wire::receipts::{DeliveryReceipt, RefusalReason, SignatureResult};
    use crate::wire::reports::Base64Bytes;

    const AT: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    fn receipt(id: &str, event: i64) -> DeliveryReceipt {
        DeliveryReceipt {
            id: Untrusted::new(id),
            received_utc: AT,
            path: Untrusted::new("/hook"),
            forwarded_to: None,
            subscription_id: None,
            company_id: None,
            event_id: Some(EventId(event)),
            event_type: Untrusted::new("lead.created"),
            signature: SignatureResult::Genuine,
            secret_number: Some(1),
            claimed_delivery_id: None,
            claimed_attempt: Some(1),
            status: Some(200),
            failure: None,
            elapsed_ms: 3,
            n_bytes: 5_000,
            n_answer_bytes: 2,
            answer_topic: None,
            signature_fault: None,
            headers: Vec::new(),
            body: Some(Base64Bytes(b"beginning".as_slice().into())),
        }
    }

    #[tokio::test]
    async fn a_report_that_comes_twice_is_stored_once() {
        let dir = tempfile::tempdir().expect("a directory");
        let history = PlatformHistory::open(&dir.path().join("history.db")).expect("it opens");
        let refusals = RefusedDeliveries {
            id: Untrusted::new("c"),
            since_utc: AT,
            until_utc: AT,
            path: None,
            subscription_id: None,
            reason: RefusalReason::UnknownPath,
            signature_fault: None,
            n: 7,
            n_bytes: 0,
            address: None,
            user_agent: None,
        };
        let period = UnrecordedPeriod { id: Untrusted::new("d"), since_utc: AT, until_utc: AT, n: 3 };
        let report = ReceiptReport {
            receipts: vec![receipt("a", 1), receipt("b", 1)],
            refusals: vec![refusals],
            unrecorded: vec![period.clone()],
        };
        let first = history.record_receipts(report.clone()).await.expect("stored");
        assert_eq!(first.received, ReportReceived { n_stored: 4, n_known: 0 });
        assert_eq!(first.earlier.iter().map(|earlier| earlier.n_same).collect::<Vec<_>>(), [0, 1]);
        let again = history.record_receipts(report).await.expect("stored");
        assert_eq!(again.received, ReportReceived { n_stored: 0, n_known: 4 });
        let calls = CallReport { calls: Vec::new(), unrecorded: vec![UnrecordedPeriod { id: "e".into(), ..period }] };
        for n_stored in [1, 0] {
            let received = history.record_calls(calls.clone()).await.expect("stored");
            assert_eq!(received, ReportReceived { n_stored, n_known: 1 - n_stored });
        }
        let detail = history.receipt(crate::domain::ids::AttemptId(1)).await.expect("it reads").expect("a receipt");
        assert_eq!((detail.request_body.n_bytes, detail.request_body.truncated), (5_000, true));
    }
}
