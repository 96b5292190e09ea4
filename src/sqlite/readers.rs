//! The reader threads: each owns a connection that cannot write; they share one queue, in which the reserved lane goes first.

use super::{Error, Lane, Options};
use rusqlite::Connection;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

type Work = Box<dyn FnOnce(&Connection) + Send>;

#[derive(Debug)]
pub(super) struct Readers {
    shared: Arc<Shared>,
    room: usize,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    came: Condvar,
}

#[derive(Default)]
struct Waiting {
    common: VecDeque<Work>,
    reserved: VecDeque<Work>,
    end: End,
}

/// Whether more work is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum End {
    #[default]
    Open,
    Closed,
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Waiting({} common, {} reserved, {:?})", self.common.len(), self.reserved.len(), self.end)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next work; `None` when there will be none.
    fn next(&self) -> Option<Work> {
        let mut waiting = self.lock();
        loop {
            let reserved = waiting.reserved.pop_front();
            if let Some(work) = reserved.or_else(|| waiting.common.pop_front()) {
                return Some(work);
            }
            if waiting.end == End::Closed {
                return None;
            }
            waiting = self.came.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Readers {
    pub(super) fn spawn(connections: Vec<Connection>, options: Options) -> std::io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let mut threads = Vec::new();
        for connection in connections {
            let shared = Arc::clone(&shared);
            threads.push(std::thread::Builder::new().name("crow-reader".to_owned()).spawn(move || {
                while let Some(work) = shared.next() {
                    work(&connection);
                }
            })?);
        }
        let room = options.queue.saturating_sub(options.reserved).max(1);
        Ok(Self { shared, room, threads: Mutex::new(threads) })
    }

    pub(super) async fn read<T, E, F>(&self, lane: Lane, work: F) -> Result<T, E>
    where
        F: FnOnce(&Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let work: Work = Box::new(move |connection| {
            let done = catch_unwind(AssertUnwindSafe(|| in_transaction(connection, work))).unwrap_or_else(|_| {
                let _ = connection.execute_batch("ROLLBACK");
                Err(Error::Panicked.into())
            });
            let _ = reply.send(done);
        });
        self.add(lane, work)?;
        answer.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    fn add(&self, lane: Lane, work: Work) -> Result<(), Error> {
        let mut waiting = self.shared.lock();
        if waiting.end == End::Closed {
            return Err(Error::Closed);
        }
        match lane {
            Lane::Reserved => waiting.reserved.push_back(work),
            Lane::Common if waiting.common.len() >= self.room => return Err(Error::Contended),
            Lane::Common => waiting.common.push_back(work),
        }
        drop(waiting);
        self.shared.came.notify_one();
        Ok(())
    }

    pub(super) fn close(&self) {
        self.shared.lock().end = End::Closed;
        self.shared.came.notify_all();
        for thread in self.threads.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.shared.lock().end = End::Closed;
        self.shared.came.notify_all();
    }
}

/// One read transaction, so that several questions see the same state.
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
