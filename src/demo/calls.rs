//! Call statistics of the simulated company, as totals by outcome.

use crate::client::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counter of calls; clones share one state.
#[derive(Debug, Clone, Default)]
pub struct CallStats(Arc<CallCounters>);

#[derive(Debug, Default)]
struct CallCounters {
    done: AtomicU64,
    refused: AtomicU64,
    lost: AtomicU64,
}

/// Number of calls by outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CallCounts {
    /// Calls that the platform answered with success.
    pub n_done: u64,
    /// Calls that the platform refused.
    pub n_refused: u64,
    /// Calls without a readable answer in time.
    pub n_lost: u64,
}

impl CallStats {
    /// Counts a call and returns its answer, if there is one.
    pub fn record<T>(&self, result: Result<T, Error>) -> Option<T> {
        let counter = match &result {
            Ok(_) => &self.0.done,
            Err(Error::Refused { .. }) => &self.0.refused,
            Err(_) => &self.0.lost,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        result.ok()
    }

    /// Number of calls by outcome until now.
    #[must_use]
    pub fn counts(&self) -> CallCounts {
        CallCounts {
            n_done: self.0.done.load(Ordering::Relaxed),
            n_refused: self.0.refused.load(Ordering::Relaxed),
            n_lost: self.0.lost.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::problem::{Problem, ProblemCode};

    #[test]
    fn tells_a_refusal_from_a_lost_call() {
        let calls = CallStats::default();
        assert_eq!(calls.record(Ok(7)), Some(7));
        let problem = Box::new(Problem::new(ProblemCode::RateLimited, "too fast"));
        assert_eq!(calls.record::<()>(Err(Error::Refused { problem })), None);
        assert_eq!(calls.record::<()>(Err(Error::Unusable("gone".to_owned()))), None);
        assert_eq!(calls.counts(), CallCounts { n_done: 1, n_refused: 1, n_lost: 1 });
    }
}
