//! Receipts of deliveries: what a listener records, and what it shows as they arrive.

use super::passing_body::{BodyEnd, BodyWatcher};
use super::recorder::Recorder;
use super::records::ReceiptRecord;
use super::refusal_reader::RefusalReader;
use crate::clock::{RuntimeEnv, Stopwatch};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::history::receipts::EarlierReceipts;
use crate::wire::receipts::{DeliveryReceipt, HandoverFailure, RefusalReason};
use axum::http::HeaderMap;
use futures_util::future::BoxFuture;
use std::time::Duration;
use tokio::sync::mpsc;

/// Maximum time for which the end of an answer waits until the delivery is recorded.
const RECORD_TIMEOUT: Duration = Duration::from_secs(1);

/// Arrival of a request, as a listener shows it.
#[derive(Debug)]
pub enum ListenArrival {
    /// Delivery that was taken.
    Taken {
        /// Receipt of the delivery.
        receipt: Box<DeliveryReceipt>,
        /// What was known of the event before; `None` where the history is elsewhere or could not be written.
        earlier: Option<EarlierReceipts>,
    },
    /// Request that was refused.
    Refused(RefusedArrival),
    /// Number of refusals that were not shown, because there were too many.
    RefusedUnshown(u64),
}

/// Request that a listener refused, as it is shown.
#[derive(Debug)]
pub struct RefusedArrival {
    /// Time at which the request arrived.
    pub at: Timestamp,
    /// Path of the request.
    pub path: Untrusted,
    /// Reason of the refusal; `None` for a method other than POST.
    pub reason: Option<RefusalReason>,
    /// Reason in one line.
    pub why: String,
    /// HTTP status that the request was answered with.
    pub status: u16,
    /// Bytes of the body that were read.
    pub n_bytes: u64,
}

/// Receipt that is recorded once the answer has passed, or once its sender has left.
pub(super) struct ReceiptWatcher {
    /// Receipt that is not recorded yet.
    receipt: Option<Box<DeliveryReceipt>>,
    /// Reader of the answer, if that is a refusal.
    reader: Option<RefusalReader>,
    watch: Stopwatch,
    recorder: Recorder<ReceiptRecord>,
    arrivals: mpsc::Sender<ListenArrival>,
    ambient: RuntimeEnv,
}

impl ReceiptWatcher {
    pub(super) fn new(
        (receipt, reader): (DeliveryReceipt, RefusalReader),
        watch: Stopwatch,
        recorder: Recorder<ReceiptRecord>,
        arrivals: mpsc::Sender<ListenArrival>,
        ambient: RuntimeEnv,
    ) -> Self {
        Self { receipt: Some(Box::new(receipt)), reader: Some(reader), watch, recorder, arrivals, ambient }
    }

    /// Notes the head of the receiver's answer.
    pub(super) fn see_head(&mut self, status: u16, headers: &HeaderMap) {
        self.set_status(status);
        if let Some(reader) = &mut self.reader {
            reader.see_head(status, headers);
        }
    }

    /// Sets the status that the delivery is answered with.
    fn set_status(&mut self, status: u16) {
        if let Some(receipt) = &mut self.receipt {
            receipt.status = Some(status);
        }
    }

    /// Records a delivery whose answer did not come from a receiver; returns once that is on disk, or takes too long.
    pub(super) async fn record_failure(mut self, status: u16, failure: HandoverFailure) {
        self.set_status(status);
        if let Some(recording) = self.record(Some(failure), true) {
            recording.await;
        }
    }

    /// Records the receipt, once. With `is_awaited` the returned future waits until the receipt is on disk.
    fn record(&mut self, failure: Option<HandoverFailure>, is_awaited: bool) -> Option<BoxFuture<'static, ()>> {
        let mut receipt = self.receipt.take()?;
        (receipt.failure, receipt.elapsed_ms) = (failure, self.watch.elapsed_ms());
        if let Some(reader) = self.reader.take() {
            reader.finish(&mut receipt);
        }
        let stored = self.recorder.record_acknowledged(ReceiptRecord::Taken(receipt.clone()), true);
        let mut shown = ShownReceipt { receipt: Some(receipt), earlier: None, arrivals: self.arrivals.clone() };
        if !is_awaited {
            return None;
        }
        let ambient = self.ambient.clone();
        Some(Box::pin(async move {
            // Where that fails, the recorder says in the log what is wrong, and goes on trying.
            if let Some(Ok(Ok(earlier))) = ambient.timeout(RECORD_TIMEOUT, stored).await {
                shown.set_earlier(earlier);
            }
        }))
    }
}

/// Receipt that is shown when it is dropped, so that it is also shown if its sender leaves while it is being stored.
struct ShownReceipt {
    receipt: Option<Box<DeliveryReceipt>>,
    earlier: Option<EarlierReceipts>,
    arrivals: mpsc::Sender<ListenArrival>,
}

impl ShownReceipt {
    /// Sets what was known before. A closure that assigned the member would capture only that member.
    fn set_earlier(&mut self, earlier: Option<EarlierReceipts>) {
        self.earlier = earlier;
    }
}

impl Drop for ShownReceipt {
    fn drop(&mut self) {
        if let Some(receipt) = self.receipt.take() {
            // A reader of the output that is slow misses lines; the receipt is stored all the same.
            let _ = self.arrivals.try_send(ListenArrival::Taken { receipt, earlier: self.earlier });
        }
    }
}

impl Drop for ReceiptWatcher {
    fn drop(&mut self) {
        self.record(Some(HandoverFailure::SenderLeft), false);
    }
}

impl BodyWatcher for ReceiptWatcher {
    fn see(&mut self, bytes: &[u8]) {
        if let Some(receipt) = &mut self.receipt {
            receipt.n_answer_bytes += bytes.len() as u64;
        }
        if let Some(reader) = &mut self.reader {
            reader.see(bytes);
        }
    }

    fn end(mut self, end: BodyEnd) -> Option<BoxFuture<'static, ()>> {
        match end {
            BodyEnd::Complete => self.record(None, true),
            BodyEnd::Broken => self.record(Some(HandoverFailure::Broken), false),
            BodyEnd::Timeout => self.record(Some(HandoverFailure::Timeout), false),
            BodyEnd::Abandoned => self.record(Some(HandoverFailure::SenderLeft), false),
        }
    }
}
