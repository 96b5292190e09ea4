//! The log of requests: collected in memory, written down by the clerk.

use super::{Engine, Error};
use crate::domain::ids::{CompanyId, KeyId};
use crate::domain::key::Scope;
use crate::domain::time::Timestamp;
use crate::store;
use crate::store::requests::Request;
use std::sync::{Mutex, PoisonError};

/// Entries that may wait for the clerk; more are dropped and counted.
const WAITING: usize = 20_000;

/// What waits to be written down.
#[derive(Debug, Default)]
pub(super) struct Log(Mutex<Waiting>);

#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) requests: Vec<Request>,
    pub(super) uses: Vec<(KeyId, Timestamp)>,
    pub(super) n_dropped: u64,
}

impl Log {
    pub(super) fn note_use(&self, key: KeyId, at: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).uses.push((key, at));
    }

    pub(super) fn take(&self) -> Waiting {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, request: Request) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.requests.len() < WAITING {
            waiting.requests.push(request);
        } else {
            waiting.n_dropped += 1;
        }
    }
}

/// A request to the Integration API, as the server saw it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// When it arrived.
    pub at: Timestamp,
    /// Whose key it carried, if it was one of ours.
    pub caller: Option<(KeyId, CompanyId)>,
    /// The scope that opened the route, if its key had it.
    pub scope: Option<Scope>,
    /// Its method.
    pub method: String,
    /// The route it matched, with its placeholders.
    pub route: String,
    /// The answer's status.
    pub status: u16,
    /// The problem's code, if it was one.
    pub code: Option<String>,
    /// Its id.
    pub request_id: String,
    /// How long it took.
    pub elapsed_ms: u64,
}

impl Engine {
    /// Logs a request; it is on disk within a second.
    pub fn log_request(&self, seen: Seen) {
        let Seen { at, caller, scope, method, route, status, code, request_id, elapsed_ms } = seen;
        self.shared.log.add(Request { at, caller, scope, method, route, status, code, request_id, elapsed_ms });
    }

    /// Requests of a key since the day of `since`, by the scope that opened the route; a scope that was never used is not among them.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn scopes_used(&self, key: KeyId, since: Timestamp) -> Result<Vec<(Scope, u64)>, Error> {
        let read = move |connection: &rusqlite::Connection| store::requests::by_scope(connection, key, since);
        self.shared.store.read(read).await.map_err(Error::from)
    }
}
