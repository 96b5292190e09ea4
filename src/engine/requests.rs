//! The log of requests: collected in memory, written down by the clerk.

use super::{Engine, Error};
use crate::domain::ids::KeyId;
use crate::domain::key::Key;
use crate::domain::log::{Page, Request, RequestFilter, Span};
use crate::domain::time::Timestamp;
use crate::store;
use crate::store::requests::Logged;
use crate::store::usage::{CallerUse, CodeCount, RouteUse};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Entries that may wait for the clerk; more are dropped and counted.
const WAITING: usize = 20_000;

/// Methods that are told apart; a caller can invent others without end.
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

/// What waits to be written down.
#[derive(Debug, Default)]
pub(super) struct Log {
    waiting: Mutex<Waiting>,
    totals: Mutex<Totals>,
}

/// What was seen since the start.
#[derive(Debug, Clone, Default)]
pub(super) struct Totals {
    pub(super) answers: BTreeMap<(String, String, u16), u64>,
    pub(super) elapsed_ms: u64,
    pub(super) n_dropped: u64,
}

#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) requests: Vec<Request>,
    pub(super) uses: Vec<(KeyId, Timestamp)>,
    pub(super) n_dropped: u64,
}

impl Log {
    pub(super) fn note_use(&self, key: KeyId, at: Timestamp) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).uses.push((key, at));
    }

    pub(super) fn take(&self) -> Waiting {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn totals(&self) -> Totals {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes back what could not be written down, as far as there is room.
    pub(super) fn give_back(&self, notes: &Waiting) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.uses.extend(&notes.uses);
        let room = WAITING.saturating_sub(waiting.requests.len());
        waiting.requests.extend(notes.requests.iter().take(room).cloned());
        waiting.n_dropped += notes.requests.len().saturating_sub(room) as u64;
    }

    fn add(&self, request: Request) {
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        totals.elapsed_ms += request.elapsed_ms;
        let is_usual = METHODS.contains(&request.method.as_str());
        let method = if is_usual { request.method.clone() } else { "OTHER".to_owned() };
        *totals.answers.entry((method, request.route.clone(), request.status)).or_default() += 1;
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.requests.len() < WAITING {
            waiting.requests.push(request);
        } else {
            waiting.n_dropped += 1;
            totals.n_dropped += 1;
        }
    }
}

/// How a key was used, by day.
#[derive(Debug, Clone)]
pub struct KeyHistory {
    /// The key.
    pub key: Arc<Key>,
    /// The first day that is counted; none if it was never used since days are.
    pub since: Option<Timestamp>,
    /// Its requests by route, busiest first.
    pub routes: Vec<RouteUse>,
}

/// Characters of a user agent that are kept.
const AGENT_KEPT: usize = 120;

impl Engine {
    /// Logs a request; it is on disk within a second. Of what the caller said it was, only the beginning is kept.
    pub fn log_request(&self, mut request: Request) {
        request.agent = request.agent.map(|agent| agent.chars().take(AGENT_KEPT).collect());
        self.shared.log.add(request);
    }

    /// A page of requests, newest first, and what the last hour was answered with.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn requests(&self, wanted: RequestFilter, span: Span) -> Result<(Page<Logged>, Vec<CodeCount>), Error> {
        let hour_ago = self.shared.ambient.now().minus(Duration::from_secs(3_600));
        self.shared
            .store
            .read(move |connection| {
                let page = store::requests::list(connection, &wanted, &span)?;
                Ok::<_, store::Error>((page, store::usage::codes(connection, hour_ago)?))
            })
            .await
            .map_err(Error::from)
    }

    /// The last four characters of a key.
    #[must_use]
    pub fn last4(&self, key: KeyId) -> Option<String> {
        self.shared.keyring.by_id(key).map(|key| key.last4.clone())
    }

    /// Today's requests of all keys by route and by caller, busiest first.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn used_today(&self) -> Result<(Vec<RouteUse>, Vec<CallerUse>), Error> {
        let now = self.shared.ambient.now();
        self.shared
            .store
            .read(move |connection| {
                let routes = store::usage::routes(connection, None, now)?;
                Ok::<_, store::Error>((routes, store::usage::callers(connection, now)?))
            })
            .await
            .map_err(Error::from)
    }

    /// How a key was used since days are counted.
    ///
    /// # Errors
    /// [`Error::NotFound`], and those of storage.
    pub async fn key_history(&self, id: KeyId) -> Result<KeyHistory, Error> {
        let key = self.shared.keyring.by_id(id).ok_or_else(|| Error::NotFound(format!("key {id}")))?;
        let (since, routes) = self
            .shared
            .store
            .read(move |connection| {
                let since = store::usage::known_since(connection, id)?;
                let routes = store::usage::routes(connection, Some(id), Timestamp::default())?;
                Ok::<_, store::Error>((since, routes))
            })
            .await?;
        Ok(KeyHistory { key, since, routes })
    }
}
