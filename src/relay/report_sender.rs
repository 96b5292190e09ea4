//! Sender of reports: empties the outbox to an observer. While the observer is away, reports wait on disk; a report that
//! arrives twice is stored once, by the ids of its items.

use crate::client;
use crate::client::connection::PlatformClient;
use crate::clock::{RuntimeEnv, Stopwatch};
use crate::history::outbox::{OutboxError, ReportKind, ReportOutbox, WaitingReport};
use crate::wire::calls::CallReport;
use crate::wire::receipts::ReceiptReport;
use crate::wire::reports::{MAX_REPORT_BYTES, MAX_REPORT_ITEMS};
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// Shortest and longest wait between two tries.
const RETRY_INTERVALS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// Interval at which the outbox is looked at without being woken: another process may have added reports.
const LOOK_INTERVAL: Duration = Duration::from_secs(30);
/// Interval at which trouble is repeated in the log.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(60);
/// Maximum time for the last reports when the proxy stops.
const LAST_TIMEOUT: Duration = Duration::from_secs(5);

/// Function that creates a client of the observer with the token as it is now.
pub type ConnectObserver = Box<dyn Fn() -> Result<PlatformClient, String> + Send + Sync>;

/// Sender of the reports in an outbox.
pub struct ReportSender {
    outbox: ReportOutbox,
    wake: Arc<Notify>,
    connect: ConnectObserver,
    ambient: RuntimeEnv,
    client: Option<PlatformClient>,
    /// Time since trouble was last reported in the log; `None` while there is none.
    complained: Option<Stopwatch>,
    n_tries: u32,
}

impl std::fmt::Debug for ReportSender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReportSender").field("outbox", &self.outbox).finish_non_exhaustive()
    }
}

/// Reason why reports were not sent.
enum SendFault {
    /// The observer or the outbox may work later.
    Later(String),
    /// The observer will never take this report.
    Never(String),
}

impl From<OutboxError> for SendFault {
    fn from(error: OutboxError) -> Self {
        Self::Later(error.to_string())
    }
}

impl ReportSender {
    /// Creates a sender that is woken through `wake`.
    #[must_use]
    pub fn new(outbox: ReportOutbox, wake: Arc<Notify>, connect: ConnectObserver, ambient: RuntimeEnv) -> Self {
        Self { outbox, wake, connect, ambient, client: None, complained: None, n_tries: 0 }
    }

    /// Sends reports as they come until `stop` is set, then those that wait, for a short time. What is left stays in the
    /// outbox.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let ambient = self.ambient.clone();
        while !*stop.borrow() {
            let pause = match self.send_all().await {
                Ok(()) => LOOK_INTERVAL,
                Err(why) => self.pause_after(&why),
            };
            let is_idle = self.n_tries == 0;
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                () = self.wake.notified(), if is_idle => {}
                () = ambient.sleep(pause) => {}
            }
        }
        let _ = ambient.timeout(LAST_TIMEOUT, self.send_all()).await;
        match self.outbox.n_waiting().await {
            Ok(0) => {}
            Ok(n) => tracing::warn!("{n} reports wait on disk; they are sent after the next start"),
            Err(error) => tracing::warn!(%error, "the outbox cannot be read"),
        }
    }

    /// Sends everything that waits.
    async fn send_all(&mut self) -> Result<(), String> {
        loop {
            let mut n_sent = 0;
            for kind in [
                ReportKind::Receipt,
                ReportKind::Refusal,
                ReportKind::UnrecordedReceipts,
                ReportKind::Call,
                ReportKind::UnrecordedCalls,
            ] {
                let waiting = self.outbox.oldest(kind, MAX_REPORT_ITEMS, MAX_REPORT_BYTES).await;
                let waiting = waiting.map_err(|error| error.to_string())?;
                n_sent += waiting.len();
                if !waiting.is_empty() {
                    self.send_batch(kind, waiting).await?;
                }
            }
            if n_sent == 0 {
                return Ok(());
            }
            self.n_tries = 0;
            if self.complained.take().is_some() {
                tracing::info!("reports are sent again");
            }
        }
    }

    /// Sends reports and removes them. Where the observer refuses several, each is sent alone, so that one that it cannot
    /// read holds up no other.
    async fn send_batch(&mut self, kind: ReportKind, waiting: Vec<WaitingReport>) -> Result<(), String> {
        match self.send(kind, &waiting).await {
            Ok(()) => {}
            Err(SendFault::Later(why)) => return Err(why),
            Err(SendFault::Never(why)) if waiting.len() == 1 => {
                tracing::error!(why, "the observer refuses a report; it is dropped");
            }
            Err(SendFault::Never(_)) => {
                for report in waiting {
                    Box::pin(self.send_batch(kind, vec![report])).await?;
                }
                return Ok(());
            }
        }
        let ids = waiting.iter().map(|report| report.id).collect();
        self.outbox.remove(ids).await.map_err(|error| error.to_string())
    }

    async fn send(&mut self, kind: ReportKind, waiting: &[WaitingReport]) -> Result<(), SendFault> {
        let client = match self.client.take() {
            Some(client) => client,
            None => (self.connect)().map_err(SendFault::Later)?,
        };
        let sent = match kind {
            ReportKind::Receipt => {
                let report = ReceiptReport { receipts: read(waiting)?, ..ReceiptReport::default() };
                client.report_receipts(&report).await
            }
            ReportKind::Refusal => {
                let report = ReceiptReport { refusals: read(waiting)?, ..ReceiptReport::default() };
                client.report_receipts(&report).await
            }
            ReportKind::UnrecordedReceipts => {
                let report = ReceiptReport { unrecorded: read(waiting)?, ..ReceiptReport::default() };
                client.report_receipts(&report).await
            }
            ReportKind::Call => {
                let report = CallReport { calls: read(waiting)?, ..CallReport::default() };
                client.report_calls(&report).await
            }
            ReportKind::UnrecordedCalls => {
                let report = CallReport { unrecorded: read(waiting)?, ..CallReport::default() };
                client.report_calls(&report).await
            }
        };
        match sent {
            Ok(_) => {
                self.client = Some(client);
                Ok(())
            }
            // The next try reads the token again: it may have been replaced.
            Err(error) if is_final(&error) => {
                self.client = Some(client);
                Err(SendFault::Never(error.to_string()))
            }
            Err(error) => Err(SendFault::Later(error.to_string())),
        }
    }

    fn pause_after(&mut self, why: &str) -> Duration {
        if self.complained.as_ref().is_none_or(|last| last.elapsed() >= COMPLAINT_INTERVAL) {
            tracing::warn!(why, "reports cannot be sent; they wait on disk");
            self.complained = Some(self.ambient.stopwatch());
        }
        let (shortest, longest) = RETRY_INTERVALS;
        let pause = shortest.saturating_mul(1 << self.n_tries.min(6)).min(longest);
        self.n_tries = self.n_tries.saturating_add(1);
        // Between 75 and 125 percent, so that many listeners do not return at once.
        pause.mul_f64(0.75 + self.ambient.random_unit().0 / 2.0)
    }
}

/// Reads waiting documents. One that cannot be read was not written by this version.
fn read<T: DeserializeOwned>(waiting: &[WaitingReport]) -> Result<Vec<T>, SendFault> {
    let read = |report: &WaitingReport| serde_json::from_str(&report.document);
    waiting.iter().map(read).collect::<Result<_, _>>().map_err(|error| SendFault::Never(error.to_string()))
}

/// Checks whether an observer will never take the report: it understood the request and refuses its content.
fn is_final(error: &client::Error) -> bool {
    match error {
        client::Error::Refused { problem } => matches!(problem.status, 400 | 413 | 415 | 422),
        _ => false,
    }
}
