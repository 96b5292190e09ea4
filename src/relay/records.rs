//! Records of the proxies, and how each is stored: in the history, or in the outbox of reports.

use super::recorder::{ProxyRecord, RecordSink, StoredRecords};
use crate::history::outbox::{ReportKind, ReportOutbox};
use crate::wire::calls::{CallReport, RelayedCall};
use crate::wire::receipts::{DeliveryReceipt, ReceiptReport, RefusedDeliveries};
use crate::wire::reports::{MAX_REPORTED_BODY_BYTES, UnrecordedPeriod};
use serde::Serialize;
use tokio::sync::Notify;

/// Record of a listener.
#[derive(Debug, Clone)]
pub(super) enum ReceiptRecord {
    /// Delivery that was taken.
    Taken(Box<DeliveryReceipt>),
    /// Count of requests that were refused.
    Refused(RefusedDeliveries),
}

impl ProxyRecord for RelayedCall {
    fn n_optional_bytes(&self) -> usize {
        self.problem.as_ref().map_or(0, |problem| problem.raw().len())
    }

    fn drop_optional(&mut self) {
        self.problem = None;
    }

    async fn store(
        calls: Vec<Self>,
        unrecorded: Option<UnrecordedPeriod>,
        sink: &RecordSink,
    ) -> Result<StoredRecords, String> {
        match sink {
            RecordSink::History(history) => {
                let n = calls.len();
                let report = CallReport { calls, unrecorded: unrecorded.into_iter().collect() };
                history.record_calls(report).await.map_err(|error| error.to_string())?;
                Ok(StoredRecords { n, earlier: Vec::new() })
            }
            RecordSink::Outbox(outbox, wake) => {
                let period = unrecorded.as_ref().map(|period| document(ReportKind::UnrecordedCalls, period));
                let reports = calls.iter().map(|call| document(ReportKind::Call, call));
                add_to(outbox, wake, period, reports).await
            }
            RecordSink::Unavailable(why) => Err(why.clone()),
        }
    }
}

impl ProxyRecord for ReceiptRecord {
    fn n_optional_bytes(&self) -> usize {
        match self {
            Self::Taken(receipt) => receipt.body.as_ref().map_or(0, |body| body.0.len()),
            Self::Refused(_) => 0,
        }
    }

    fn drop_optional(&mut self) {
        if let Self::Taken(receipt) = self {
            receipt.body = None;
        }
    }

    async fn store(
        records: Vec<Self>,
        unrecorded: Option<UnrecordedPeriod>,
        sink: &RecordSink,
    ) -> Result<StoredRecords, String> {
        match sink {
            RecordSink::History(history) => {
                let is_receipt: Vec<bool> = records.iter().map(|record| matches!(record, Self::Taken(_))).collect();
                let unrecorded = unrecorded.into_iter().collect();
                let mut report = ReceiptReport { unrecorded, ..ReceiptReport::default() };
                for record in records {
                    match record {
                        Self::Taken(receipt) => report.receipts.push(*receipt),
                        Self::Refused(refusals) => report.refusals.push(refusals),
                    }
                }
                let stored = history.record_receipts(report).await.map_err(|error| error.to_string())?;
                let mut earlier = stored.earlier.into_iter();
                let mut of_record = |is_receipt: bool| is_receipt.then(|| earlier.next()).flatten().unwrap_or_default();
                let n = is_receipt.len();
                Ok(StoredRecords { n, earlier: is_receipt.into_iter().map(&mut of_record).collect() })
            }
            RecordSink::Outbox(outbox, wake) => {
                let period = unrecorded.as_ref().map(|period| document(ReportKind::UnrecordedReceipts, period));
                let of_record = |record: &Self| match record {
                    Self::Taken(receipt) => document(ReportKind::Receipt, &reportable(receipt)),
                    Self::Refused(refusals) => document(ReportKind::Refusal, refusals),
                };
                add_to(outbox, wake, period, records.iter().map(of_record)).await
            }
            RecordSink::Unavailable(why) => Err(why.clone()),
        }
    }
}

/// Adds a period and records to the outbox, and wakes its sender.
async fn add_to(
    outbox: &ReportOutbox,
    wake: &Notify,
    period: Option<(ReportKind, String)>,
    records: impl Iterator<Item = (ReportKind, String)>,
) -> Result<StoredRecords, String> {
    let n_periods = usize::from(period.is_some());
    let n = outbox.add(period.into_iter().chain(records).collect()).await.map_err(|error| error.to_string())?;
    wake.notify_one();
    Ok(StoredRecords { n: n - n_periods, earlier: Vec::new() })
}

fn document(kind: ReportKind, record: &impl Serialize) -> (ReportKind, String) {
    (kind, serde_json::to_string(record).unwrap_or_default())
}

/// Receipt whose body is cut to what a report may contain.
fn reportable(receipt: &DeliveryReceipt) -> DeliveryReceipt {
    let mut receipt = receipt.clone();
    if let Some(body) = &mut receipt.body
        && body.0.len() > MAX_REPORTED_BODY_BYTES
    {
        body.0 = body.0[..MAX_REPORTED_BODY_BYTES].into();
    }
    receipt
}
