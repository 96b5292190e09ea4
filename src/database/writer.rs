//! Writer thread: owns the writing connection and commits queued jobs in groups.

use super::error::Error;
use super::options::{DatabaseOptions, JobPriority};
use super::wal::WalWatch;
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Maximum number of jobs committed together.
const MAX_BATCH: usize = 64;
/// Maximum wait of a job for a place in the queue.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(10);

/// Job that runs inside the transaction, or receives the error that prevented it; the returned callback runs when the
/// outcome of the commit is known.
type WriteJob = Box<dyn FnOnce(Result<&Connection, Error>) -> CommitCallback + Send>;
/// Callback that answers the caller; receives `Err` when the commit failed.
type CommitCallback = Box<dyn FnOnce(Result<(), Error>)>;

/// Handle of the writer thread with its queue.
#[derive(Debug)]
pub(super) struct WriterThread {
    queue: Mutex<Option<mpsc::Sender<WriteJob>>>,
    reserved: usize,
    /// Whether the database is closed regularly: only then it is optimized and its log truncated. A rejected file stays
    /// as it was found.
    is_closed_regularly: Arc<AtomicBool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl WriterThread {
    pub(super) fn spawn(connection: Connection, options: DatabaseOptions) -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::channel(options.queue_capacity.max(1));
        let is_in_order = Arc::<AtomicBool>::default();
        let thread = std::thread::Builder::new().name("crow-writer".to_owned()).spawn({
            let is_in_order = Arc::clone(&is_in_order);
            move || {
                run_writer(&connection, receiver);
                if is_in_order.load(Ordering::Acquire) {
                    let _ = connection.execute_batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);");
                }
            }
        })?;
        let (queue, thread) = (Mutex::new(Some(sender)), Mutex::new(Some(thread)));
        Ok(Self { queue, reserved: options.reserved_capacity, is_closed_regularly: is_in_order, thread })
    }

    pub(super) async fn try_write<T, E, F>(&self, lane: JobPriority, work: F) -> Result<T, E>
    where
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (work, answer) = into_job(work);
        let sender = self.sender()?;
        if lane == JobPriority::Low && sender.capacity() <= self.reserved {
            return Err(Error::Contended.into());
        }
        sender.try_send(work).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => Error::Contended,
            mpsc::error::TrySendError::Closed(_) => Error::Closed,
        })?;
        answer.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    pub(super) async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (work, answer) = into_job(work);
        let sender = self.sender()?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the thread works in real time, whatever the platform's clock says"
        )]
        let place = tokio::time::timeout(QUEUE_TIMEOUT, sender.reserve()).await;
        // A job that has its place is awaited to the end: the caller must learn whether it was written.
        place.map_err(|_| Error::Contended)?.map_err(|_| Error::Closed)?.send(work);
        answer.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    fn sender(&self) -> Result<mpsc::Sender<WriteJob>, Error> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(Error::Closed)
    }

    pub(super) fn close(&self) {
        self.is_closed_regularly.store(true, Ordering::Release);
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = thread.join();
        }
    }
}

/// Wraps `work` in a savepoint of its own, so that its failure rolls back no other job of the group.
fn into_job<T, E, F>(work: F) -> (WriteJob, oneshot::Receiver<Result<T, E>>)
where
    F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    let work = move |transaction: Result<&Connection, Error>| -> CommitCallback {
        let done = transaction.map_err(E::from).and_then(|connection| run_in_savepoint(connection, work));
        Box::new(move |commit| {
            let _ = reply.send(match (done, commit) {
                (Ok(value), Ok(())) => Ok(value),
                (Ok(_), Err(error)) => Err(error.into()),
                (Err(error), _) => Err(error),
            });
        })
    };
    (Box::new(work), answer)
}

/// Runs `work` between a savepoint and its release or rollback.
fn run_in_savepoint<T, E, F>(connection: &Connection, work: F) -> Result<T, E>
where
    F: FnOnce(&Connection) -> Result<T, E>,
    E: From<Error>,
{
    execute(connection, "SAVEPOINT work")?;
    let done = catch_unwind(AssertUnwindSafe(|| work(connection))).unwrap_or_else(|_| Err(Error::Panicked.into()));
    let done = match done {
        // The work continued although SQLite had rolled the whole transaction back.
        Ok(_) if connection.is_autocommit() => Err(Error::Contended.into()),
        Ok(value) => execute(connection, "RELEASE work").map(|()| value).map_err(E::from),
        Err(error) => Err(error),
    };
    // A full disk can make SQLite roll back the whole transaction: then the savepoint is gone, and the work's error is
    // the reason.
    if done.is_err() && !connection.is_autocommit() {
        execute(connection, "ROLLBACK TO work")?;
        execute(connection, "RELEASE work")?;
    }
    done
}

fn execute(connection: &Connection, sql: &str) -> Result<(), Error> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

/// Main loop of the writer thread: begin, run the queued jobs, commit, answer. No job waits for a group to fill: while
/// one group is synced the next one queues up, so groups grow with the load.
fn run_writer(connection: &Connection, mut queue: mpsc::Receiver<WriteJob>) {
    let mut wal = WalWatch::watch(connection);
    while let Some(first) = queue.blocking_recv() {
        let mut finishes = Vec::with_capacity(MAX_BATCH);
        let mut end = execute(connection, "BEGIN IMMEDIATE");
        match &end {
            Ok(()) => {
                finishes.push(first(Ok(connection)));
                // After SQLite rolled the transaction back, no further job may join it.
                while !connection.is_autocommit()
                    && finishes.len() < MAX_BATCH
                    && let Ok(next) = queue.try_recv()
                {
                    finishes.push(next(Ok(connection)));
                }
                // The job that caused the rollback reports the reason itself; the others can be retried.
                end = if connection.is_autocommit() { Err(Error::Contended) } else { execute(connection, "COMMIT") };
            }
            Err(error) => finishes.push(first(Err(copy_error(error)))),
        }
        if !connection.is_autocommit() {
            let _ = execute(connection, "ROLLBACK");
        }
        for finish in finishes {
            finish(match &end {
                Ok(()) => Ok(()),
                Err(error) => Err(copy_error(error)),
            });
        }
        wal.truncate_if_long(connection);
    }
}

/// Copies an error for each of several callers.
fn copy_error(error: &Error) -> Error {
    match error {
        Error::CannotWrite(fault) => Error::CannotWrite(*fault),
        Error::OutOfDescriptors => Error::OutOfDescriptors,
        Error::Corrupt(why) => Error::Corrupt(why.clone()),
        Error::Sqlite(rusqlite::Error::SqliteFailure(code, text)) => {
            Error::Sqlite(rusqlite::Error::SqliteFailure(*code, text.clone()))
        }
        _ => Error::Contended,
    }
}
