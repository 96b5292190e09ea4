//! Typed calls of the Integration API: events, subscriptions, leads.

use crate::client::Error;
use crate::client::connection::PlatformClient;
use crate::wire::actions::{CreatedClient, NewLead};
use crate::wire::events::Envelope;
use crate::wire::events::TestEvent;
use crate::wire::page::Page;
use crate::wire::paths;
use crate::wire::subscriptions::CreatedSubscription;
use crate::wire::subscriptions::NewSubscription;
use crate::wire::subscriptions::Subscription;

impl PlatformClient {
    /// Calls the action Create Lead.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn create_lead(&self, lead: &NewLead) -> Result<CreatedClient, Error> {
        self.post(paths::LEADS, lead).await
    }

    /// Polls the events after `cursor`, in the order of their numbers.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn events(&self, cursor: Option<&str>, limit: u32) -> Result<Page<Envelope>, Error> {
        let mut query = vec![("limit", limit.to_string())];
        query.extend(cursor.map(|cursor| ("cursor", cursor.to_owned())));
        self.get(paths::EVENTS, &query).await
    }

    /// Publishes a test event.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn publish_test(&self, event: &TestEvent) -> Result<Envelope, Error> {
        self.post(paths::EVENTS_TEST, event).await
    }

    /// Creates a subscription for the key's company; only this answer carries the signing secret.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn create_subscription(&self, new: &NewSubscription) -> Result<CreatedSubscription, Error> {
        self.post(paths::SUBSCRIPTIONS, new).await
    }

    /// Lists the subscriptions of the key's company, in ascending order of their ids.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn subscriptions(&self) -> Result<Page<Subscription>, Error> {
        self.list(paths::SUBSCRIPTIONS).await
    }
}
