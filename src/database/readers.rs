//! Pool of reader threads: each owns a read-only connection; all take jobs from one bounded queue, high priority first.
//! The time from request to answer is limited; a job whose caller has gone is removed from the queue or ends at the next check.

use super::error::Error;
use super::options::{DatabaseOptions, JobPriority};
use rusqlite::Connection;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// Maximum duration of a read, including the time in the queue.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Virtual machine instructions of SQLite between two checks whether the caller of the running read has gone.
const CANCEL_CHECK_INTERVAL: i32 = 1_000;

/// Read that waits in the queue.
struct ReadJob {
    /// Whether the caller has gone.
    is_cancelled: Arc<AtomicBool>,
    run: Box<dyn FnOnce(&Connection) + Send>,
}

/// A read whose caller is waiting; dropping it cancels the job.
struct PendingRead<'a> {
    queue: &'a SharedReadQueue,
    is_cancelled: Arc<AtomicBool>,
}

impl Drop for PendingRead<'_> {
    fn drop(&mut self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
        self.queue.lock().remove_cancelled();
    }
}

/// Pool of reader threads with their shared queue.
pub(super) struct ReaderPool {
    shared: Arc<SharedReadQueue>,
    timeout: Duration,
    /// Maximum number of queued jobs of low priority.
    low_capacity: usize,
    /// Maximum number of queued jobs of high priority.
    high_capacity: usize,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Queue with the condition variable that wakes the threads.
#[derive(Debug, Default)]
struct SharedReadQueue {
    waiting: Mutex<ReadQueue>,
    job_added: Condvar,
}

/// Queued jobs, separated by priority.
#[derive(Default)]
struct ReadQueue {
    common: VecDeque<ReadJob>,
    reserved: VecDeque<ReadJob>,
    state: QueueState,
}

impl ReadQueue {
    fn remove_cancelled(&mut self) {
        let is_wanted = |job: &ReadJob| !job.is_cancelled.load(Ordering::Relaxed);
        self.common.retain(is_wanted);
        self.reserved.retain(is_wanted);
    }
}

impl std::fmt::Debug for ReaderPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "ReaderPool({} threads, {:?})",
            self.threads.lock().unwrap_or_else(PoisonError::into_inner).len(),
            self.shared
        )
    }
}

/// Whether the queue accepts jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum QueueState {
    #[default]
    Open,
    Closed,
}

impl std::fmt::Debug for ReadQueue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReadQueue({} common, {} reserved, {:?})", self.common.len(), self.reserved.len(), self.state)
    }
}

impl SharedReadQueue {
    fn lock(&self) -> MutexGuard<'_, ReadQueue> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next job; `None` once the queue is closed and empty.
    fn next(&self) -> Option<ReadJob> {
        let mut waiting = self.lock();
        loop {
            let reserved = waiting.reserved.pop_front();
            if let Some(work) = reserved.or_else(|| waiting.common.pop_front()) {
                return Some(work);
            }
            if waiting.state == QueueState::Closed {
                return None;
            }
            waiting = self.job_added.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl ReaderPool {
    pub(super) fn spawn(connections: Vec<Connection>, options: DatabaseOptions) -> std::io::Result<Self> {
        let shared = Arc::<SharedReadQueue>::default();
        let mut threads = Vec::new();
        for connection in connections {
            let shared = Arc::clone(&shared);
            threads.push(std::thread::Builder::new().name("crow-reader".to_owned()).spawn(move || {
                while let Some(ReadJob { is_cancelled, run }) = shared.next() {
                    // A caller can go at any moment, also between two statements: an interrupt from outside would then be lost.
                    let is_gone = move || is_cancelled.load(Ordering::Relaxed);
                    let watched = connection.progress_handler(CANCEL_CHECK_INTERVAL, Some(is_gone));
                    debug_assert!(watched.is_ok(), "the thread owns its connection");
                    run(&connection);
                    let _ = connection.progress_handler(0, None::<fn() -> bool>);
                    // A cancelled job may have left its transaction open.
                    if !connection.is_autocommit() {
                        let _ = connection.execute_batch("ROLLBACK");
                    }
                }
            })?);
        }
        let room = options.queue_capacity.saturating_sub(options.reserved_capacity).max(1);
        let (timeout, reserved_room) = (READ_TIMEOUT, options.queue_capacity.max(1));
        Ok(Self { shared, timeout, low_capacity: room, high_capacity: reserved_room, threads: Mutex::new(threads) })
    }

    pub(super) async fn read<T, E, F>(&self, lane: JobPriority, work: F) -> Result<T, E>
    where
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let run = Box::new(move |connection: &Connection| {
            let done = catch_unwind(AssertUnwindSafe(|| in_transaction(connection, work))).unwrap_or_else(|_| {
                let _ = connection.execute_batch("ROLLBACK");
                Err(Error::Panicked.into())
            });
            let _ = reply.send(done);
        });
        let _awaited = self.add(lane, run)?;
        #[expect(clippy::disallowed_methods, reason = "threads work in real time, whatever the platform's clock says")]
        let answered = tokio::time::timeout(self.timeout, answer).await;
        match answered {
            Ok(answer) => answer.unwrap_or_else(|_| Err(Error::Closed.into())),
            Err(_) => Err(Error::Contended.into()),
        }
    }

    fn add(&self, lane: JobPriority, run: Box<dyn FnOnce(&Connection) + Send>) -> Result<PendingRead<'_>, Error> {
        let mut waiting = self.shared.lock();
        if waiting.state == QueueState::Closed {
            return Err(Error::Closed);
        }
        let (queue, room) = match lane {
            JobPriority::High => (&mut waiting.reserved, self.high_capacity),
            JobPriority::Low => (&mut waiting.common, self.low_capacity),
        };
        if queue.len() >= room {
            return Err(Error::Contended);
        }
        let is_cancelled = Arc::<AtomicBool>::default();
        queue.push_back(ReadJob { is_cancelled: Arc::clone(&is_cancelled), run });
        drop(waiting);
        self.shared.job_added.notify_one();
        Ok(PendingRead { queue: &self.shared, is_cancelled })
    }

    pub(super) fn close(&self) {
        self.shared.lock().state = QueueState::Closed;
        self.shared.job_added.notify_all();
        for thread in self.threads.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for ReaderPool {
    fn drop(&mut self) {
        self.shared.lock().state = QueueState::Closed;
        self.shared.job_added.notify_all();
    }
}

/// Runs `work` in one read transaction, so that all its queries see the same state.
fn in_transaction<T, E, F>(connection: &Connection, work: F) -> Result<T, E>
where
    F: FnOnce(&Connection) -> Result<T, E>,
    E: From<Error>,
{
    connection.prepare_cached("BEGIN").and_then(|mut begin| begin.execute([])).map_err(Error::from)?;
    let done = work(connection);
    connection.prepare_cached("COMMIT").and_then(|mut commit| commit.execute([])).map_err(Error::from)?;
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::{Context, Poll, Waker};

    const OPTIONS: DatabaseOptions =
        DatabaseOptions { application_id: 7, migrations: &[], n_readers: 1, queue_capacity: 4, reserved_capacity: 1 };

    /// A question that does not end by itself.
    const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

    fn readers(timeout: Duration) -> ReaderPool {
        let mut readers = ReaderPool::spawn(vec![Connection::open_in_memory().unwrap()], OPTIONS).unwrap();
        readers.timeout = timeout;
        readers
    }

    fn ask(sql: &'static str) -> impl FnOnce(&Connection) -> Result<i64, Error> + Send + 'static {
        move |connection| Ok(connection.query_row(sql, [], |row| row.get(0))?)
    }

    #[tokio::test]
    async fn a_read_that_takes_too_long_is_contention_and_its_thread_is_free_again() {
        let mut readers = readers(Duration::from_millis(50));
        for _ in 0..3 {
            assert!(matches!(readers.read(JobPriority::High, ask(ENDLESS)).await, Err(Error::Contended)));
        }
        readers.timeout = READ_TIMEOUT;
        assert_eq!(readers.read(JobPriority::Low, ask("SELECT 5")).await.unwrap(), 5);
    }

    #[tokio::test]
    async fn a_caller_that_goes_at_any_moment_frees_the_thread() {
        let readers = readers(READ_TIMEOUT);
        for n_spins in 0..2_000 {
            let mut read = Box::pin(readers.read(JobPriority::Low, ask(ENDLESS)));
            assert!(read.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            (0..n_spins).for_each(|_| std::hint::spin_loop());
            drop(read);
            assert_eq!(readers.read(JobPriority::Low, ask("SELECT 5")).await.unwrap(), 5, "after {n_spins} spins");
        }
    }

    #[tokio::test]
    async fn both_lanes_are_bounded_and_what_is_given_up_leaves_its_place() {
        let readers = readers(READ_TIMEOUT);
        let poll = |lane| {
            let mut read = Box::pin(readers.read(lane, ask(ENDLESS)));
            match read.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending => Some(read),
                Poll::Ready(answer) => {
                    assert!(matches!(answer, Err(Error::Contended)));
                    None
                }
            }
        };
        for (lane, room) in [
            (JobPriority::High, OPTIONS.queue_capacity),
            (JobPriority::Low, OPTIONS.queue_capacity - OPTIONS.reserved_capacity),
        ] {
            for _ in 0..2 {
                let waiting: Vec<_> = std::iter::from_fn(|| poll(lane)).take(100).collect();
                // One more may be with the thread.
                assert!((room..=room + 1).contains(&waiting.len()), "{lane:?}: {}", waiting.len());
            }
        }
        assert_eq!(readers.read(JobPriority::Low, ask("SELECT 5")).await.unwrap(), 5, "nothing endless is left");
    }
}
