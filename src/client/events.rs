//! Events: polled by partners, emitted by operators.

use super::Error;
use super::connection::Client;
use crate::api::deliveries::{EventDetail, Trace};
use crate::api::events::{Envelope, NewEvent, TestEvent};
use crate::api::page::Page;
use crate::api::paths;
use crate::domain::ids::EventId;

impl Client {
    /// Events after `cursor`, in the order of their ids (Integration API).
    ///
    /// # Errors
    /// Those of any call.
    pub async fn events(&self, cursor: Option<&str>, limit: u32) -> Result<Page<Envelope>, Error> {
        let mut query = vec![("limit", limit.to_string())];
        query.extend(cursor.map(|cursor| ("cursor", cursor.to_owned())));
        self.get(paths::EVENTS, &query).await
    }

    /// Publishes a test event (Integration API).
    ///
    /// # Errors
    /// Those of any call.
    pub async fn publish_test(&self, event: &TestEvent) -> Result<Envelope, Error> {
        self.post(paths::EVENTS_TEST, event).await
    }

    /// Emits an event as the CRM would (Portal).
    ///
    /// # Errors
    /// Those of any call.
    pub async fn emit(&self, event: &NewEvent) -> Result<Envelope, Error> {
        self.post(paths::PORTAL_EVENTS, event).await
    }

    /// One event with its envelope (Portal).
    ///
    /// # Errors
    /// Those of any call.
    pub async fn event(&self, id: EventId) -> Result<EventDetail, Error> {
        self.get(&paths::with(paths::PORTAL_EVENT, id), &[]).await
    }

    /// What became of an event (Portal).
    ///
    /// # Errors
    /// Those of any call.
    pub async fn trace(&self, id: EventId) -> Result<Trace, Error> {
        self.get(&paths::with(paths::PORTAL_EVENT_TRACE, id), &[]).await
    }
}
