//! Limit on connections that are being established to one origin. A receiver accepts new connections from a queue of some
//! hundred; what does not fit waits a second for the next try of TCP.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Origin;

/// Maximum number of connections being established to one origin at a time.
const MAX_CONNECTING: usize = 64;

/// Connections being established, by origin. Origins without any are forgotten.
#[derive(Debug, Default)]
pub(super) struct ConnectGate {
    origins: Mutex<HashMap<Origin, Arc<Semaphore>>>,
}

/// Permission to establish one connection, or a place in the queue for it.
#[derive(Debug)]
pub(super) struct ConnectPermit<'a> {
    gate: &'a ConnectGate,
    origin: &'a Origin,
    /// Held apart from the permit, so that a place in the queue counts as well.
    of_origin: Option<Arc<Semaphore>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl ConnectGate {
    /// Waits until a connection to the origin may be established.
    pub(super) async fn enter<'a>(&'a self, origin: &'a Origin) -> ConnectPermit<'a> {
        let of_origin = {
            let mut origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
            let fresh = || Arc::new(Semaphore::new(MAX_CONNECTING));
            Arc::clone(origins.entry(origin.clone()).or_insert_with(fresh))
        };
        let mut entered = ConnectPermit { gate: self, origin, of_origin: Some(Arc::clone(&of_origin)), permit: None };
        // The semaphore is never closed.
        entered.permit = of_origin.acquire_owned().await.ok();
        entered
    }
}

impl Drop for ConnectPermit<'_> {
    fn drop(&mut self) {
        (self.permit, self.of_origin) = (None, None);
        let mut origins = self.gate.origins.lock().unwrap_or_else(PoisonError::into_inner);
        if origins.get(self.origin).is_some_and(|of_origin| Arc::strong_count(of_origin) == 1) {
            origins.remove(self.origin);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use url::Url;

    fn origin(text: &str) -> Origin {
        Url::parse(text).expect("a URL").origin()
    }

    #[tokio::test]
    async fn connections_to_one_origin_are_established_a_few_at_a_time_and_others_do_not_wait() {
        let gate = ConnectGate::default();
        let (busy, other) = (origin("https://a.example/1"), origin("https://b.example"));
        let mut permits = Vec::new();
        for _ in 0..MAX_CONNECTING {
            permits.push(gate.enter(&busy).now_or_never().expect("there is room"));
        }
        let mut waiting = Box::pin(gate.enter(&busy));
        assert!(waiting.as_mut().now_or_never().is_none());
        assert!(gate.enter(&other).now_or_never().is_some(), "another origin has a limit of its own");
        permits.pop();
        let next = waiting.now_or_never().expect("there is room again");
        assert!(gate.enter(&busy).now_or_never().is_none(), "an attempt that gave up leaves no place taken");
        drop((permits, next));
        assert!(gate.origins.lock().expect("not poisoned").is_empty(), "origins are forgotten");
    }
}
