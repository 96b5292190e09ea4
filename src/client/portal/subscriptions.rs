//! Calls about subscriptions (Portal API).

use crate::client::Error;
use crate::client::connection::PlatformClient;
use crate::domain::ids::SubscriptionId;
use crate::wire::page::Page;
use crate::wire::paths;
use crate::wire::subscriptions::{RevisionRow, SubscriptionRow};

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

    /// Lists every configuration of a subscription, the one in force first (Portal API).
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn revisions(&self, id: SubscriptionId) -> Result<Page<RevisionRow>, Error> {
        self.list(&paths::with_value(paths::PORTAL_SUBSCRIPTION_REVISIONS, id)).await
    }
}
