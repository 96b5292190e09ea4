//! The request log, and the use of keys by route and caller.

use super::error::Error;
use super::handle::Engine;
use crate::domain::ids::KeyId;
use crate::domain::key::ApiKey;
use crate::domain::log::{LoggedRequest, PageSpec, RequestFilter, RowPage};
use crate::domain::time::Timestamp;
use crate::store;
use crate::store::requests::StoredRequest;
use crate::store::usage::{CallerUsage, RouteUsage, StatusCodeCount};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// Use of one key by route since daily counters exist.
#[derive(Debug, Clone)]
pub struct KeyHistory {
    /// Key, without its secret part.
    pub key: Arc<ApiKey>,
    /// First counted day; `None` if the key was never used since daily counters exist.
    pub since: Option<Timestamp>,
    /// Requests of the key by route, busiest first.
    pub routes: Vec<RouteUsage>,
}

impl Engine {
    /// Logs a request; the row is on disk within about a second. Texts are truncated to their share of a row.
    /// Refusals of callers without a key, and of keys over their rate limit, get rows at a bounded rate but are
    /// always counted.
    pub fn log_request(&self, request: LoggedRequest) {
        let request = request.truncated();
        self.shared.poll_watch.lock().unwrap_or_else(PoisonError::into_inner).note(&request);
        self.shared.request_log.record(request);
    }

    /// Number of refusals since the start without a row in the log, by status.
    #[must_use]
    pub fn unlogged(&self) -> BTreeMap<u16, u64> {
        self.shared.request_log.totals().unlogged
    }

    /// Reads a page of requests, newest first, and the answer counts of the last hour by code.
    ///
    /// # Errors
    /// [`Error`] when the database cannot be read.
    pub async fn requests(
        &self,
        wanted: RequestFilter,
        span: PageSpec,
    ) -> Result<(RowPage<StoredRequest>, Vec<StatusCodeCount>), Error> {
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

    /// Last four characters of a key's secret.
    #[must_use]
    pub fn last4(&self, key: KeyId) -> Option<String> {
        self.shared.api_keys.by_id(key).map(|key| key.last4.clone())
    }

    /// Reads today's requests of all keys by route and by caller, busiest first.
    ///
    /// # Errors
    /// [`Error`] when the database cannot be read.
    pub async fn usage_today(&self) -> Result<(Vec<RouteUsage>, Vec<CallerUsage>), Error> {
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

    /// Reads the use of one key by route since daily counters exist.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error`] when the database cannot be read.
    pub async fn key_history(&self, id: KeyId) -> Result<KeyHistory, Error> {
        let key = self.shared.api_keys.by_id(id).ok_or_else(|| Error::NotFound(format!("key {id}")))?;
        let (since, routes) = self
            .shared
            .store
            .read(move |connection| {
                let since = store::usage::counted_since(connection, id)?;
                let routes = store::usage::routes(connection, Some(id), Timestamp::default())?;
                Ok::<_, store::Error>((since, routes))
            })
            .await?;
        Ok(KeyHistory { key, since, routes })
    }
}
