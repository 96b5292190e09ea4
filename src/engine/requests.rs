//! The log of requests, and how keys use what they were given.

use super::{Engine, Error};
use crate::domain::ids::KeyId;
use crate::domain::key::Key;
use crate::domain::log::{Page, Request, RequestFilter, Span};
use crate::domain::time::Timestamp;
use crate::store;
use crate::store::requests::Logged;
use crate::store::usage::{CallerUse, CodeCount, RouteUse};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

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

impl Engine {
    /// Logs a request; it is on disk within a second. Texts are kept up to their share of a row. Refusals of callers without a key, and of
    /// keys beyond their window, have rows at a bounded rate; they are always counted.
    pub fn log_request(&self, request: Request) {
        self.shared.log.add(request.bounded());
    }

    /// Refusals since the start that have no row in the log, by status.
    #[must_use]
    pub fn unlogged(&self) -> BTreeMap<u16, u64> {
        self.shared.log.totals().unlogged
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
