//! Subscriptions, as operators and as partners.

use super::Error;
use super::connection::Client;
use crate::api::page::Page;
use crate::api::paths;
use crate::api::revisions::{RevisionRow, Rollback};
use crate::api::subscriptions::{
    CreatedSubscription, Disable, Enable, NewSubscription, Only, ReplayChoice, Subscription, SubscriptionRow,
    TestDelivery, TestResult,
};
use crate::domain::ids::SubscriptionId;
use reqwest::Method;

impl Client {
    /// One subscription with its health (Portal).
    ///
    /// # Errors
    /// Those of any call.
    pub async fn subscription(&self, id: SubscriptionId) -> Result<SubscriptionRow, Error> {
        self.get(&paths::with(paths::PORTAL_SUBSCRIPTION, id), &[]).await
    }

    /// The subscriptions of all companies with their health, worst first (Portal).
    ///
    /// # Errors
    /// Those of any call.
    pub async fn subscription_rows(&self) -> Result<Page<SubscriptionRow>, Error> {
        self.list(paths::PORTAL_SUBSCRIPTIONS).await
    }

    /// Enables a subscription and zeroes its streak (Portal).
    ///
    /// # Errors
    /// Those of any call.
    pub async fn enable(&self, id: SubscriptionId, replay: ReplayChoice) -> Result<SubscriptionRow, Error> {
        self.post(&paths::with(paths::PORTAL_SUBSCRIPTION_ENABLE, id), &Enable { replay }).await
    }

    /// Deletes a subscription, whoever manages it (Portal); its log stays.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn delete_subscription(&self, id: SubscriptionId) -> Result<(), Error> {
        let path = paths::with(paths::PORTAL_SUBSCRIPTION, id);
        self.call(Method::DELETE, &path, &[], None::<&()>, &[]).await
    }

    /// Disables a subscription (Portal).
    ///
    /// # Errors
    /// Those of any call.
    pub async fn disable(&self, id: SubscriptionId, reason: Option<String>) -> Result<SubscriptionRow, Error> {
        self.post(&paths::with(paths::PORTAL_SUBSCRIPTION_DISABLE, id), &Disable { reason, only: Only::Any }).await
    }

    /// Says why a subscription is off by hand (Portal); never switches one off.
    ///
    /// # Errors
    /// Those of any call; one that is on is refused.
    pub async fn intend(&self, id: SubscriptionId, reason: String) -> Result<SubscriptionRow, Error> {
        let wish = Disable { reason: Some(reason), only: Only::Off };
        self.post(&paths::with(paths::PORTAL_SUBSCRIPTION_DISABLE, id), &wish).await
    }

    /// Sends a test to the subscription's endpoint (Portal).
    ///
    /// # Errors
    /// Those of any call; an endpoint that fails is a result, not an error.
    pub async fn test(&self, id: SubscriptionId) -> Result<TestResult, Error> {
        self.post(&paths::with(paths::PORTAL_SUBSCRIPTION_TEST, id), &TestDelivery::default()).await
    }

    /// Creates a subscription for the key's company (Integration API); the answer alone carries the signing secret.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn create_subscription(&self, new: &NewSubscription) -> Result<CreatedSubscription, Error> {
        self.post(paths::SUBSCRIPTIONS, new).await
    }

    /// The subscriptions of the key's company (Integration API).
    ///
    /// # Errors
    /// Those of any call.
    pub async fn subscriptions(&self) -> Result<Page<Subscription>, Error> {
        self.get(paths::SUBSCRIPTIONS, &[]).await
    }

    /// Every configuration of a subscription, the one in force first (Portal).
    ///
    /// # Errors
    /// Those of any call.
    pub async fn revisions(&self, id: SubscriptionId) -> Result<Page<RevisionRow>, Error> {
        self.list(&paths::with(paths::PORTAL_SUBSCRIPTION_REVISIONS, id)).await
    }

    /// Brings an earlier configuration back, as a new revision (Portal).
    ///
    /// # Errors
    /// Those of any call.
    pub async fn roll_back(&self, id: SubscriptionId, revision: u32) -> Result<SubscriptionRow, Error> {
        self.post(&paths::with(paths::PORTAL_SUBSCRIPTION_ROLLBACK, id), &Rollback { revision }).await
    }
}
