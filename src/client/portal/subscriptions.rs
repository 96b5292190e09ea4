//! Calls about subscriptions (Portal API).

use crate::client::Error;
use crate::client::connection::PlatformClient;
use crate::domain::ids::SubscriptionId;
use crate::wire::page::Page;
use crate::wire::paths;
use crate::wire::subscriptions::{
    DisableScope, DisableSubscription, EnableSubscription, MissedEventsChoice, RevisionRow, RollbackRequest,
    SubscriptionRow, TestDelivery, TestResult,
};
use reqwest::Method;

impl PlatformClient {
    /// Reads one subscription with its health (Portal API).
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn subscription(&self, id: SubscriptionId) -> Result<SubscriptionRow, Error> {
        self.get(&paths::with_value(paths::PORTAL_SUBSCRIPTION, id), &[]).await
    }

    /// Lists the subscriptions of all companies with their health, worst first (Portal API).
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn subscription_rows(&self) -> Result<Page<SubscriptionRow>, Error> {
        self.list(paths::PORTAL_SUBSCRIPTIONS).await
    }

    /// Enables a subscription and resets its failures in a row (Portal API).
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn enable_subscription(
        &self,
        id: SubscriptionId,
        replay: MissedEventsChoice,
    ) -> Result<SubscriptionRow, Error> {
        self.post(&paths::with_value(paths::PORTAL_SUBSCRIPTION_ENABLE, id), &EnableSubscription { replay }).await
    }

    /// Deletes a subscription, including one that a tool manages (Portal API); its log stays readable.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn delete_subscription(&self, id: SubscriptionId) -> Result<(), Error> {
        let path = paths::with_value(paths::PORTAL_SUBSCRIPTION, id);
        self.call(Method::DELETE, &path, &[], None::<&()>, &[]).await
    }

    /// Disables a subscription, with an optional reason (Portal API).
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn disable_subscription(
        &self,
        id: SubscriptionId,
        reason: Option<String>,
    ) -> Result<SubscriptionRow, Error> {
        self.post(
            &paths::with_value(paths::PORTAL_SUBSCRIPTION_DISABLE, id),
            &DisableSubscription { reason, only: DisableScope::Any },
        )
        .await
    }

    /// Sets the reason of a subscription that is already off, which marks it as intentionally off (Portal API). Never
    /// disables one.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached or refuses the call, as it does for an enabled subscription.
    pub async fn set_disable_reason(&self, id: SubscriptionId, reason: String) -> Result<SubscriptionRow, Error> {
        let wish = DisableSubscription { reason: Some(reason), only: DisableScope::Off };
        self.post(&paths::with_value(paths::PORTAL_SUBSCRIPTION_DISABLE, id), &wish).await
    }

    /// Sends a test delivery to the subscription's target (Portal API).
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached or refuses the call. A target that fails is a result, not an
    /// error.
    pub async fn test_subscription(&self, id: SubscriptionId) -> Result<TestResult, Error> {
        self.post(&paths::with_value(paths::PORTAL_SUBSCRIPTION_TEST, id), &TestDelivery::default()).await
    }

    /// Lists every configuration of a subscription, the one in force first (Portal API).
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn revisions(&self, id: SubscriptionId) -> Result<Page<RevisionRow>, Error> {
        self.list(&paths::with_value(paths::PORTAL_SUBSCRIPTION_REVISIONS, id)).await
    }

    /// Restores an earlier configuration as a new revision (Portal API).
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn roll_back_subscription(&self, id: SubscriptionId, revision: u32) -> Result<SubscriptionRow, Error> {
        self.post(&paths::with_value(paths::PORTAL_SUBSCRIPTION_ROLLBACK, id), &RollbackRequest { revision }).await
    }
}
