//! Writer thread: owns the writing connection and commits queued jobs in groups.

use super::error::Error;
use super::options::{DatabaseOptions, JobPriority};
use super::shared_rows::{AnySharedRows, SharedRows};
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
type WriteJob = Box<dyn FnOnce(Result<&mut JobGroup<'_>, Error>) -> CommitCallback + Send>;
/// Callback that answers the caller; receives `Err` when the commit failed.
type CommitCallback = Box<dyn FnOnce(Result<(), Error>)>;

/// Jobs that are committed together, with the rows that some of them share.
struct JobGroup<'a> {
    connection: &'a Connection,
    /// Whether no job has left anything yet.
    is_fresh: bool,
    shared: Option<Box<dyn AnySharedRows>>,
    /// Error that lost the work of jobs; the group is rolled back.
    fault: Option<Error>,
}

impl<'a> JobGroup<'a> {
    const fn new(connection: &'a Connection) -> Self {
        Self { connection, is_fresh: true, shared: None, fault: None }
    }

    /// Writes the shared rows and forgets them.
    fn write_shared(&mut self) -> Result<(), Error> {
        if let Some(mut shared) = self.shared.take()
            && let Err(error) = shared.write(self.connection)
        {
            self.fault = Some(copy_error(&error));
            return Err(error);
        }
        Ok(())
    }

    /// Runs a job that knows nothing of shared rows: they are written before. A savepoint keeps its failure from the
    /// others; it costs a copy of every page that the job changes, so that the first job has none.
    fn run<T, E, F>(&mut self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Connection) -> Result<T, E>,
        E: From<Error>,
    {
        self.write_shared()?;
        if !self.is_fresh {
            return run_in_savepoint(self.connection, work);
        }
        let done = run_guarded(self.connection, work);
        match &done {
            Ok(_) => self.is_fresh = false,
            Err(_) => self.begin_again(),
        }
        done
    }

    /// Runs a job that shares rows; they are as before if the job fails. Such a job has no savepoint, because it fails
    /// before its first write or not at all. If it fails later all the same, all jobs of the group are rolled back.
    fn run_sharing<S: SharedRows, T, E, F>(&mut self, work: F) -> Result<T, E>
    where
        F: FnOnce(&Connection, &mut S) -> Result<T, E>,
        E: From<Error>,
    {
        if !self.shared.as_ref().is_some_and(|shared| shared.as_any().is::<S>()) {
            self.write_shared()?;
        }
        let shared = self.shared.get_or_insert_with(|| Box::new(S::default()));
        let Some(shared) = shared.as_any_mut().downcast_mut::<S>() else { return Err(Error::Panicked.into()) };
        let (before, n_changes) = (shared.clone(), self.connection.total_changes());
        let done = run_guarded(self.connection, |connection| work(connection, shared));
        if done.is_ok() {
            self.is_fresh = false;
            return done;
        }
        *shared = before;
        if self.connection.total_changes() != n_changes {
            if self.is_fresh {
                self.begin_again();
            } else {
                self.fault = Some(Error::Contended);
            }
        }
        done
    }

    /// Undoes what a job did that had no other before it.
    fn begin_again(&mut self) {
        let is_lost = self.connection.is_autocommit();
        let begun = if is_lost { Ok(()) } else { execute(self.connection, "ROLLBACK") };
        self.fault = begun.and_then(|()| execute(self.connection, "BEGIN IMMEDIATE")).err();
    }
}

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
        self.try_send(lane, into_job(|group: &mut JobGroup<'_>| group.run(work))).await
    }

    /// Runs `work` like [`WriterThread::try_write`], with the rows that it shares with the other jobs of its commit.
    pub(super) async fn try_write_sharing<S, T, E, F>(&self, lane: JobPriority, work: F) -> Result<T, E>
    where
        S: SharedRows,
        F: FnOnce(&Connection, &mut S) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.try_send(lane, into_job(|group: &mut JobGroup<'_>| group.run_sharing(work))).await
    }

    async fn try_send<T, E: From<Error>>(
        &self,
        lane: JobPriority,
        (work, answer): (WriteJob, oneshot::Receiver<Result<T, E>>),
    ) -> Result<T, E> {
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
        let (work, answer) = into_job(|group: &mut JobGroup<'_>| group.run(work));
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

/// Makes a job of `work`, with the channel of its result.
fn into_job<T, E, F>(work: F) -> (WriteJob, oneshot::Receiver<Result<T, E>>)
where
    F: FnOnce(&mut JobGroup<'_>) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<Error> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    let work = move |group: Result<&mut JobGroup<'_>, Error>| -> CommitCallback {
        let done = group.map_err(E::from).and_then(work);
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

/// Runs `work` in a savepoint of its own, so that its failure rolls back no other job of the group.
fn run_in_savepoint<T, E, F>(connection: &Connection, work: F) -> Result<T, E>
where
    F: FnOnce(&Connection) -> Result<T, E>,
    E: From<Error>,
{
    execute(connection, "SAVEPOINT work")?;
    let done = match run_guarded(connection, work) {
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

/// Runs `work`; a panic is an error.
fn run_guarded<T, E, F>(connection: &Connection, work: F) -> Result<T, E>
where
    F: FnOnce(&Connection) -> Result<T, E>,
    E: From<Error>,
{
    let done = catch_unwind(AssertUnwindSafe(|| work(connection))).unwrap_or_else(|_| Err(Error::Panicked.into()));
    match done {
        // The work continued although SQLite had rolled the whole transaction back.
        Ok(_) if connection.is_autocommit() => Err(Error::Contended.into()),
        done => done,
    }
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
                let mut group = JobGroup::new(connection);
                finishes.push(first(Ok(&mut group)));
                // After SQLite rolled the transaction back, or shared rows were lost, no further job may join it.
                while !connection.is_autocommit()
                    && group.fault.is_none()
                    && finishes.len() < MAX_BATCH
                    && let Ok(next) = queue.try_recv()
                {
                    finishes.push(next(Ok(&mut group)));
                }
                end = commit(group);
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

/// Commits the jobs of a group with the rows that they share.
fn commit(mut group: JobGroup<'_>) -> Result<(), Error> {
    // The job that caused the rollback reports the reason itself; the others can be retried.
    if group.connection.is_autocommit() {
        return Err(Error::Contended);
    }
    group.write_shared()?;
    group.fault.map_or_else(|| execute(group.connection, "COMMIT"), Err)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Number that jobs of one commit add to; it is written as a note.
    #[derive(Clone, Default)]
    struct Sum(i64);

    impl SharedRows for Sum {
        fn write(&mut self, connection: &Connection) -> Result<(), Error> {
            note(connection, &format!("sum {}", self.0))
        }
    }

    fn database() -> Connection {
        let connection = Connection::open_in_memory().expect("a database");
        let schema = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL CHECK (text <> 'sum 13')) STRICT";
        connection.execute_batch(schema).expect("a table");
        execute(&connection, "BEGIN IMMEDIATE").expect("begun");
        connection
    }

    fn note(connection: &Connection, text: &str) -> Result<(), Error> {
        connection.execute("INSERT INTO notes (text) VALUES (?1)", [text])?;
        Ok(())
    }

    fn notes(connection: &Connection) -> Vec<String> {
        let mut statement = connection.prepare("SELECT text FROM notes ORDER BY id").expect("a statement");
        let rows = statement.query_map([], |row| row.get(0)).expect("rows");
        rows.collect::<Result<_, _>>().expect("texts")
    }

    fn add(group: &mut JobGroup<'_>, n: i64) -> Result<i64, Error> {
        group.run_sharing(|_, sum: &mut Sum| {
            sum.0 += n;
            if n < 0 { Err(Error::Closed) } else { Ok(sum.0) }
        })
    }

    #[test]
    fn jobs_of_a_commit_share_rows_and_any_other_job_finds_them_written() {
        let connection = database();
        let mut group = JobGroup::new(&connection);
        assert_eq!((add(&mut group, 1).unwrap(), add(&mut group, 2).unwrap()), (1, 3));
        assert!(matches!(add(&mut group, -5), Err(Error::Closed)), "a job that fails leaves nothing");
        assert_eq!(add(&mut group, 3).unwrap(), 6);
        assert_eq!(group.run(|connection| Ok::<_, Error>(notes(connection))).unwrap(), ["sum 6"]);
        assert_eq!(add(&mut group, 4).unwrap(), 4, "read again");
        assert!(group.run(|connection| note(connection, "lost").and(Err::<(), _>(Error::Closed))).is_err());
        commit(group).unwrap();
        assert_eq!(notes(&connection), ["sum 6", "sum 4"]);
    }

    #[test]
    fn a_job_that_fails_first_is_undone_without_a_savepoint_and_the_others_go_on() {
        let connection = database();
        let mut group = JobGroup::new(&connection);
        assert!(group.run(|connection| note(connection, "lost").and(Err::<(), _>(Error::Closed))).is_err());
        let fails = |connection: &Connection, sum: &mut Sum| {
            sum.0 = 9;
            note(connection, "lost too").and(Err::<(), _>(Error::Closed))
        };
        assert!(matches!(group.run_sharing(fails), Err(Error::Closed)));
        let panics = |_: &Connection| -> Result<(), Error> { panic!("on purpose") };
        assert!(matches!(group.run(panics), Err(Error::Panicked)));
        assert_eq!(add(&mut group, 1).unwrap(), 1);
        commit(group).unwrap();
        assert_eq!(notes(&connection), ["sum 1"]);
    }

    #[test]
    fn a_sharing_job_that_fails_after_its_first_write_and_shared_rows_that_cannot_be_written_undo_the_commit() {
        let fails = |connection: &Connection, _: &mut Sum| note(connection, "lost").and(Err::<(), _>(Error::Closed));
        let connection = database();
        let mut group = JobGroup::new(&connection);
        add(&mut group, 1).unwrap();
        assert!(matches!(group.run_sharing(fails), Err(Error::Closed)), "it reports its own reason");
        assert!(matches!(commit(group), Err(Error::Contended)), "the others can be retried");

        let mut group = JobGroup::new(&connection);
        group.run(|connection| note(connection, "lost")).unwrap();
        add(&mut group, 13).unwrap();
        assert!(group.run(|connection| note(connection, "lost as well")).is_err());
        assert!(commit(group).is_err());
        execute(&connection, "ROLLBACK").unwrap();
        assert_eq!(notes(&connection), [""; 0]);
    }
}
