//! Gate for CPU-heavy jobs of operators: one job at a time for each operator, two in all. A waiting job holds no data, only
//! its place in the queue.

use super::error::Error;
use crate::clock::RuntimeEnv;
use crate::domain::ids::OperatorId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Maximum number of jobs at once.
const MAX_CONCURRENT_JOBS: usize = 2;
/// Timeout of a job that waits for its permit.
const PERMIT_TIMEOUT: Duration = Duration::from_secs(2);

/// Semaphores that admit CPU-heavy jobs: one of all operators and one of each.
#[derive(Debug)]
pub(super) struct WorkGate {
    all: Arc<Semaphore>,
    /// Semaphore of each operator that has had a job.
    operators: Mutex<HashMap<OperatorId, Arc<Semaphore>>>,
}

/// Permit to run one job; dropping it admits the next job.
#[derive(Debug)]
pub(super) struct WorkPermit {
    _own: OwnedSemaphorePermit,
    _shared: OwnedSemaphorePermit,
}

impl WorkGate {
    pub(super) fn new() -> Self {
        Self { all: Arc::new(Semaphore::new(MAX_CONCURRENT_JOBS)), operators: Mutex::default() }
    }

    /// Waits for a permit to run a job of an operator.
    ///
    /// # Errors
    /// [`Error::Contended`] when no permit is free within [`PERMIT_TIMEOUT`].
    pub(super) async fn acquire(&self, operator: OperatorId, ambient: &RuntimeEnv) -> Result<WorkPermit, Error> {
        let own = {
            let mut operators = self.operators.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(operators.entry(operator).or_insert_with(|| Arc::new(Semaphore::new(1))))
        };
        let shared = Arc::clone(&self.all);
        let turn = async {
            let own = own.acquire_owned().await.ok()?;
            Some(WorkPermit { _own: own, _shared: shared.acquire_owned().await.ok()? })
        };
        ambient.timeout(PERMIT_TIMEOUT, turn).await.flatten().ok_or(Error::Contended)
    }
}

impl WorkPermit {
    /// Runs a job on a blocking thread. The permit lasts as long as the job, also when the caller has disconnected.
    ///
    /// # Errors
    /// [`Error::Contended`] when the job panics.
    pub(super) async fn run<T: Send + 'static>(self, job: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let job = move || {
            let _permit = self;
            job()
        };
        tokio::task::spawn_blocking(job).await.map_err(|_| Error::Contended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use futures_util::FutureExt as _;

    #[tokio::test]
    async fn one_at_a_time_for_each_operator_and_two_in_all_and_a_wait_that_ends() {
        let ambient = RuntimeEnv::scripted(Timestamp::from_millis(0), 1);
        let gate = Arc::new(WorkGate::new());
        let enter = |operator: i64| gate.acquire(OperatorId(operator), &ambient).now_or_never();
        let first = enter(1).expect("at once").expect("a turn");
        assert!(enter(1).is_none(), "the same operator waits");
        let second = enter(2).expect("at once").expect("a turn");
        assert!(enter(3).is_none(), "all places are taken");
        let waiting = tokio::spawn({
            let (gate, ambient) = (Arc::clone(&gate), ambient.clone());
            async move { gate.acquire(OperatorId(1), &ambient).await.map(|_| ()) }
        });
        tokio::task::yield_now().await;
        ambient.advance(PERMIT_TIMEOUT);
        assert!(matches!(waiting.await.expect("no panic"), Err(Error::Contended)));
        drop(first);
        assert!(enter(1).expect("at once").is_ok());
        drop(second);
        assert!(enter(3).expect("at once").is_ok());
    }
}
