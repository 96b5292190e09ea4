//! Calls that poll events (Integration API), and that publish and trace them.

use super::Error;
use super::connection::Client;
use crate::api::deliveries::{EventDetail, Trace};
use crate::api::events::{Envelope, NewEvent, TestEvent};
use crate::api::page::Page;
use crate::api::paths;
use crate::domain::ids::EventId;

impl Client {
    /// Polls the events after `cursor`, in the order of their numbers (Integration API).
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn events(&self, cursor: Option<&str>, limit: u32) -> Result<Page<Envelope>, Error> {
        let mut query = vec![("limit", limit.to_string())];
        query.extend(cursor.map(|cursor| ("cursor", cursor.to_owned())));
        self.get(paths::EVENTS, &query).await
    }

    /// Publishes a test event (Integration API).
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn publish_test(&self, event: &TestEvent) -> Result<Envelope, Error> {
        self.post(paths::EVENTS_TEST, event).await
    }

    /// Publishes an event as the CRM would (Portal API).
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn emit(&self, event: &NewEvent) -> Result<Envelope, Error> {
        self.post(paths::PORTAL_EVENTS, event).await
    }

    /// Reads one event with its envelope (Portal API).
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn event(&self, id: EventId) -> Result<EventDetail, Error> {
        self.get(&paths::with(paths::PORTAL_EVENT, id), &[]).await
    }

    /// Reads the trace of an event: every subscription of its company and why it has a delivery or none (Portal API).
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn trace(&self, id: EventId) -> Result<Trace, Error> {
        self.get(&paths::with(paths::PORTAL_EVENT_TRACE, id), &[]).await
    }
}
