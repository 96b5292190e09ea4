//! Pages of the platform's logs, newest rows first, in both directions (Portal API).

use crate::client::Error;
use crate::client::connection::PlatformClient;
use crate::wire::attempts::AttemptRow;
use crate::wire::deliveries::{DeliveryRow, EventRow};
use crate::wire::log::{AttemptQuery, DeliveryQuery, EventQuery, LogPage, RequestQuery, TripQuery};
use crate::wire::paths;
use crate::wire::requests::RequestLogPage;
use crate::wire::trips::TripRow;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

impl PlatformClient {
    /// Reads a page of attempts, from `cursor` on or beginning with the newest.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn attempt_log(
        &self,
        query: &AttemptQuery,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<LogPage<AttemptRow>, Error> {
        self.log(paths::ATTEMPTS, query, cursor, limit).await
    }

    /// Reads a page of deliveries, from `cursor` on or beginning with the newest.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn delivery_log(
        &self,
        query: &DeliveryQuery,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<LogPage<DeliveryRow>, Error> {
        self.log(paths::DELIVERIES, query, cursor, limit).await
    }

    /// Reads a page of events of all companies, from `cursor` on or beginning with the newest.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn event_log(
        &self,
        query: &EventQuery,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<LogPage<EventRow>, Error> {
        self.log(paths::PORTAL_EVENTS, query, cursor, limit).await
    }

    /// Reads a page of requests with the counts of the last hour, from `cursor` on or beginning with the newest.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn request_log(
        &self,
        query: &RequestQuery,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<RequestLogPage, Error> {
        self.log(paths::REQUESTS, query, cursor, limit).await
    }

    /// Reads a page of trips, from `cursor` on or beginning with the newest.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn trip_log(
        &self,
        query: &TripQuery,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<LogPage<TripRow>, Error> {
        self.log(paths::TRIPS, query, cursor, limit).await
    }

    async fn log<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &impl Serialize,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<T, Error> {
        let unusable = |why: String| Error::Unusable(format!("cannot encode the query: {why}"));
        let filters = match serde_json::to_value(query) {
            Ok(Value::Object(filters)) => filters,
            Ok(other) => return Err(unusable(format!("{other} has no names"))),
            Err(error) => return Err(unusable(error.to_string())),
        };
        let text = |value: &Value| match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        let mut pairs: Vec<(&str, String)> =
            filters.iter().filter_map(|(name, value)| Some((name.as_str(), text(value)?))).collect();
        pairs.push(("limit", limit.to_string()));
        pairs.extend(cursor.map(|cursor| ("cursor", cursor.to_owned())));
        self.rows(path, &mut pairs).await.map(|(page, _)| page)
    }
}
