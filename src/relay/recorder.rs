//! Recorder of a proxy: takes records from a bounded queue and stores them in batches, in the history or in the outbox
//! of reports. A recorder in trouble never holds up what passes: what it cannot take is counted, and the count is
//! recorded.

use crate::clock::{self, RuntimeEnv, Stopwatch};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::history::PlatformHistory;
use crate::history::outbox::ReportOutbox;
use crate::history::receipts::EarlierReceipts;
use crate::wire::reports::UnrecordedPeriod;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;

/// Maximum number of records that wait for the recorder.
const MAX_QUEUED: usize = 8_192;
/// Maximum size of the bodies and problem documents of queued records, in bytes; records beyond it go without.
const MAX_QUEUED_BYTES: usize = 32 << 20;
/// Maximum number of records that are stored at once.
const MAX_BATCH: usize = 256;
/// Time between two tries to store records that could not be stored.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// Number of tries to store the last records when the proxy stops.
const MAX_LAST_TRIES: u32 = 3;
/// Interval at which trouble is repeated in the log.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(60);
/// Interval at which expired records are deleted from the history.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(600);

/// Place where records go.
#[derive(Debug, Clone)]
pub enum RecordSink {
    /// The history of the platform on this machine.
    History(PlatformHistory),
    /// The outbox of reports to an observer elsewhere; the notification wakes its sender.
    Outbox(ReportOutbox, Arc<Notify>),
    /// Nowhere, because the file could not be opened for this reason.
    Unavailable(String),
}

/// Record that a proxy keeps of what passed.
pub(super) trait ProxyRecord: Clone + Send + Sync + 'static {
    /// Stores the period without records, then records in their order, as many as there is room for.
    fn store(
        records: Vec<Self>,
        unrecorded: Option<UnrecordedPeriod>,
        sink: &RecordSink,
    ) -> impl Future<Output = Result<StoredRecords, String>> + Send;

    /// Bytes of what the record may be stored without: the body, the problem document.
    fn n_optional_bytes(&self) -> usize;

    /// Drops what the record may be stored without.
    fn drop_optional(&mut self);
}

/// Result of storing records: how many, and what was known before of each; nothing where that is not known.
#[derive(Debug)]
pub(super) struct StoredRecords {
    pub(super) n: usize,
    pub(super) earlier: Vec<EarlierReceipts>,
}

/// Answer of the recorder to a record that waits for one.
type StoredAck = oneshot::Sender<Result<Option<EarlierReceipts>, String>>;

/// Record in the queue.
struct QueuedRecord<R> {
    record: R,
    ack: Option<StoredAck>,
    /// Whether the record is tried again if it cannot be stored.
    is_retried: bool,
    #[expect(dead_code, reason = "held until the record is gone, not read")]
    bytes: HeldBytes,
}

/// Share of [`MAX_QUEUED_BYTES`] that a queued record takes until it is dropped.
struct HeldBytes {
    held: Arc<AtomicUsize>,
    n: usize,
}

impl HeldBytes {
    fn take(held: &Arc<AtomicUsize>, n: usize) -> Self {
        held.fetch_add(n, Ordering::Relaxed);
        Self { held: Arc::clone(held), n }
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        self.held.fetch_sub(self.n, Ordering::Relaxed);
    }
}

/// Records that were not taken since the last stored period.
#[derive(Debug, Default)]
struct LostRecords {
    n: u64,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

/// Handle of a recorder; clones share its queue.
#[derive(Debug)]
pub(super) struct Recorder<R> {
    queue: mpsc::Sender<QueuedRecord<R>>,
    lost: Arc<Mutex<LostRecords>>,
    /// Bytes of bodies and problem documents in the queue.
    held: Arc<AtomicUsize>,
    ambient: RuntimeEnv,
}

impl<R> Clone for Recorder<R> {
    fn clone(&self) -> Self {
        let (lost, held) = (Arc::clone(&self.lost), Arc::clone(&self.held));
        Self { queue: self.queue.clone(), lost, held, ambient: self.ambient.clone() }
    }
}

impl<R: ProxyRecord> Recorder<R> {
    /// Starts a recorder. It gathers records for `linger` before it stores them, and ends once all handles are dropped
    /// and the last records are stored.
    pub(super) fn start(sink: RecordSink, linger: Duration, ambient: &RuntimeEnv) -> (Self, JoinHandle<()>) {
        let (queue, taken) = mpsc::channel(MAX_QUEUED);
        let recorder = Self { queue, lost: Arc::default(), held: Arc::default(), ambient: ambient.clone() };
        let worker = RecordWriter {
            queue: taken,
            sink,
            linger,
            ambient: ambient.clone(),
            lost: Arc::clone(&recorder.lost),
            pending: None,
            complained: None,
            tidied: ambient.stopwatch(),
        };
        (recorder, clock::spawn(worker.run()))
    }

    /// Records without waiting. A record for which there is no place is counted.
    pub(super) fn record(&self, record: R) {
        self.queue_up(record, None, true);
    }

    /// Records, and returns what was known before once the record is on disk. With `is_retried`, a record that could not
    /// be stored is stored later; otherwise the caller must not have acted as if it were stored.
    pub(super) fn record_acknowledged(
        &self,
        record: R,
        is_retried: bool,
    ) -> oneshot::Receiver<Result<Option<EarlierReceipts>, String>> {
        let (ack, stored) = oneshot::channel();
        self.queue_up(record, Some(ack), is_retried);
        stored
    }

    fn queue_up(&self, mut record: R, ack: Option<StoredAck>, is_retried: bool) {
        let mut n = record.n_optional_bytes();
        if n > 0 && self.held.load(Ordering::Relaxed).saturating_add(n) > MAX_QUEUED_BYTES {
            record.drop_optional();
            n = 0;
        }
        let queued = QueuedRecord { record, ack, is_retried, bytes: HeldBytes::take(&self.held, n) };
        let Err(refused) = self.queue.try_send(queued) else { return };
        let queued = refused.into_inner();
        if queued.is_retried {
            let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
            let now = self.ambient.now();
            lost.n += 1;
            lost.since.get_or_insert(now);
            lost.until = Some(now);
        }
        if let Some(ack) = queued.ack {
            let _ = ack.send(Err("too many records wait to be stored".to_owned()));
        }
    }
}

/// Task behind a recorder.
struct RecordWriter<R> {
    queue: mpsc::Receiver<QueuedRecord<R>>,
    sink: RecordSink,
    linger: Duration,
    ambient: RuntimeEnv,
    lost: Arc<Mutex<LostRecords>>,
    /// Period without records that is being stored.
    pending: Option<UnrecordedPeriod>,
    /// Time since trouble was last reported in the log; `None` while there is none.
    complained: Option<Stopwatch>,
    tidied: Stopwatch,
}

impl<R: ProxyRecord> RecordWriter<R> {
    async fn run(mut self) {
        let mut batch = Vec::new();
        while self.queue.recv_many(&mut batch, MAX_BATCH).await > 0 {
            if !self.linger.is_zero() {
                self.ambient.sleep(self.linger).await;
                while batch.len() < MAX_BATCH
                    && let Ok(next) = self.queue.try_recv()
                {
                    batch.push(next);
                }
            }
            self.store(&mut batch).await;
            self.delete_expired().await;
        }
        // Periods without records are recorded also if nothing came after them.
        self.store(&mut batch).await;
    }

    /// Stores a batch, again and again until it succeeds, or until the last tries after the proxy stopped.
    async fn store(&mut self, batch: &mut Vec<QueuedRecord<R>>) {
        let mut n_last_tries = 0;
        loop {
            // A record whose answer is no longer awaited and that is not retried was not acknowledged to its sender.
            batch.retain(|queued| queued.is_retried || queued.ack.as_ref().is_some_and(|ack| !ack.is_closed()));
            let unrecorded = self.unrecorded();
            if batch.is_empty() && unrecorded.is_none() {
                return;
            }
            let records = batch.iter().map(|queued| queued.record.clone()).collect();
            match R::store(records, unrecorded, &self.sink).await {
                Ok(stored) => {
                    self.pending = None;
                    let mut earlier = stored.earlier.into_iter();
                    for queued in batch.drain(..stored.n) {
                        let known = earlier.next();
                        if let Some(ack) = queued.ack {
                            let _ = ack.send(Ok(known));
                        }
                    }
                    if batch.is_empty() {
                        if self.complained.take().is_some() {
                            tracing::info!("records are stored again");
                        }
                        return;
                    }
                }
                Err(why) => {
                    self.complain(&why);
                    for queued in batch.iter_mut() {
                        if let Some(ack) = queued.ack.take() {
                            let _ = ack.send(Err(why.clone()));
                        }
                    }
                    if self.queue.is_closed() {
                        n_last_tries += 1;
                        if n_last_tries == MAX_LAST_TRIES {
                            tracing::error!(n = batch.len(), why, "records could not be stored before the end");
                            batch.clear();
                            return;
                        }
                    }
                    self.ambient.sleep(RETRY_INTERVAL).await;
                }
            }
        }
    }

    /// Returns the period in which records were not taken, as an item of its own, the same until it is stored.
    fn unrecorded(&mut self) -> Option<UnrecordedPeriod> {
        if self.pending.is_none() {
            let lost = std::mem::take(&mut *self.lost.lock().unwrap_or_else(PoisonError::into_inner));
            if let (Some(since_utc), Some(until_utc)) = (lost.since, lost.until) {
                let id = Untrusted::new(self.ambient.ulid());
                self.pending = Some(UnrecordedPeriod { id, since_utc, until_utc, n: lost.n });
            }
        }
        self.pending.clone()
    }

    fn complain(&mut self, why: &str) {
        let is_due = self.complained.as_ref().is_none_or(|last| last.elapsed() >= COMPLAINT_INTERVAL);
        if is_due {
            let n_lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner).n
                + self.pending.as_ref().map_or(0, |period| period.n);
            tracing::warn!(why, n_lost, "records cannot be stored; what passes is not held up");
            self.complained = Some(self.ambient.stopwatch());
        }
    }

    async fn delete_expired(&mut self) {
        if let RecordSink::History(history) = &self.sink
            && self.tidied.elapsed() >= EXPIRY_INTERVAL
        {
            match history.delete_expired(self.ambient.now()).await {
                Ok(true) => {}
                Ok(false) => self.tidied = self.ambient.stopwatch(),
                Err(error) => {
                    tracing::warn!(%error, "expired records cannot be deleted");
                    self.tidied = self.ambient.stopwatch();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::outbox::ReportKind;
    use crate::relay::records::ReceiptRecord;
    use crate::wire::receipts::{RefusalReason, RefusedDeliveries};

    const START: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    fn refusals(ambient: &RuntimeEnv) -> ReceiptRecord {
        ReceiptRecord::Refused(RefusedDeliveries {
            id: Untrusted::new(ambient.ulid()),
            since_utc: START,
            until_utc: START,
            path: None,
            subscription_id: None,
            reason: RefusalReason::UnknownPath,
            signature_fault: None,
            n: 1,
            n_bytes: 0,
            address: None,
            user_agent: None,
        })
    }

    /// Takes reports out of an outbox like a sender, and returns them.
    async fn taken(outbox: &ReportOutbox, kind: ReportKind) -> Vec<String> {
        let found = outbox.oldest(kind, 500, 1 << 20).await.expect("it reads");
        outbox.remove(found.iter().map(|report| report.id).collect()).await.expect("removed");
        found.into_iter().map(|report| report.document).collect()
    }

    #[tokio::test]
    async fn what_a_full_outbox_cannot_take_is_counted_and_the_count_is_recorded() {
        let dir = tempfile::tempdir().expect("a directory");
        let ambient = RuntimeEnv::scripted(START, 1);
        let outbox = ReportOutbox::open(&dir.path().join("outbox.db"), 64 << 10).expect("it opens");
        let sink = RecordSink::Outbox(outbox.clone(), Arc::default());
        let (recorder, recording) = Recorder::start(sink, Duration::ZERO, &ambient);
        let total = MAX_QUEUED as u64 + 2_000;
        for _ in 0..total {
            recorder.record(refusals(&ambient));
        }
        let unstored = recorder.record_acknowledged(refusals(&ambient), false);
        assert!(unstored.await.expect("an answer").is_err(), "the caller must act on it, so that it is not counted");
        let (mut n_recorded, mut n_lost) = (0, 0);
        while n_recorded + n_lost < total {
            n_recorded += taken(&outbox, ReportKind::Refusal).await.len() as u64;
            for period in taken(&outbox, ReportKind::UnrecordedReceipts).await {
                let period: UnrecordedPeriod = serde_json::from_str(&period).expect("a period");
                assert_eq!((period.since_utc, period.id.raw().len()), (START, 26));
                n_lost += period.n;
            }
            ambient.advance(RETRY_INTERVAL);
            tokio::task::yield_now().await;
        }
        assert_eq!(n_recorded + n_lost, total);
        assert!(n_recorded >= MAX_QUEUED as u64 && n_lost > 0, "{n_recorded} recorded, {n_lost} lost");
        drop(recorder);
        recording.await.expect("it ends");
    }
}
