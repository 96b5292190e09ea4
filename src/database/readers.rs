//! Pool of reader threads: each owns a read-only connection; all take jobs from one bounded queue, high priority first.
//! The time from request to answer is limited; a job whose caller has gone is removed from the queue or interrupted.

use super::{DatabaseOptions, Error, JobPriority};
use rusqlite::{Connection, InterruptHandle};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// Maximum duration of a read, including the time in the queue.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// A queued read with its number.
struct ReadJob {
    number: u64,
    run: Box<dyn FnOnce(&Connection) + Send>,
}

/// Job that a reader thread runs now, by its number.
struct RunningRead {
    number: Mutex<Option<u64>>,
    interrupt: InterruptHandle,
}

impl RunningRead {
    fn set(&self, number: Option<u64>) {
        *self.number.lock().unwrap_or_else(PoisonError::into_inner) = number;
    }

    /// Interrupts the job with this number, but no later one.
    fn interrupt(&self, number: u64) {
        let running = self.number.lock().unwrap_or_else(PoisonError::into_inner);
        if *running == Some(number) {
            self.interrupt.interrupt();
        }
    }
}

/// A read whose caller is waiting; dropping it cancels the job.
struct PendingRead<'a> {
    readers: &'a ReaderPool,
    number: u64,
}

impl Drop for PendingRead<'_> {
    fn drop(&mut self) {
        self.readers.shared.lock().remove(self.number);
        self.readers.running.iter().for_each(|running| running.interrupt(self.number));
    }
}

/// Pool of reader threads with their shared queue.
pub(super) struct ReaderPool {
    shared: Arc<SharedReadQueue>,
    running: Vec<Arc<RunningRead>>,
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
    /// Number of the last job.
    last_number: u64,
    state: QueueState,
}

impl ReadQueue {
    fn remove(&mut self, number: u64) {
        self.common.retain(|work| work.number != number);
        self.reserved.retain(|work| work.number != number);
    }
}

impl std::fmt::Debug for ReaderPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReaderPool({} threads, {:?})", self.running.len(), self.shared)
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
        let (mut threads, mut all_running) = (Vec::new(), Vec::new());
        for connection in connections {
            let shared = Arc::clone(&shared);
            let running = RunningRead { number: Mutex::default(), interrupt: connection.get_interrupt_handle() };
            let running = Arc::new(running);
            all_running.push(Arc::clone(&running));
            threads.push(std::thread::Builder::new().name("crow-reader".to_owned()).spawn(move || {
                while let Some(ReadJob { number, run }) = shared.next() {
                    running.set(Some(number));
                    run(&connection);
                    running.set(None);
                    // An interrupted job may have left its transaction open.
                    if !connection.is_autocommit() {
                        let _ = connection.execute_batch("ROLLBACK");
                    }
                }
            })?);
        }
        let room = options.queue_capacity.saturating_sub(options.reserved_capacity).max(1);
        let (timeout, reserved_room) = (READ_TIMEOUT, options.queue_capacity.max(1));
        Ok(Self {
            shared,
            running: all_running,
            timeout,
            low_capacity: room,
            high_capacity: reserved_room,
            threads: Mutex::new(threads),
        })
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
        waiting.last_number += 1;
        let number = waiting.last_number;
        let (queue, room) = match lane {
            JobPriority::High => (&mut waiting.reserved, self.high_capacity),
            JobPriority::Low => (&mut waiting.common, self.low_capacity),
        };
        if queue.len() >= room {
            return Err(Error::Contended);
        }
        queue.push_back(ReadJob { number, run });
        drop(waiting);
        self.shared.job_added.notify_one();
        Ok(PendingRead { readers: self, number })
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
