//! Calls about deliveries and attempts (Portal API).

use crate::client::Error;
use crate::client::connection::PlatformClient;
use crate::domain::ids::{AttemptId, DeliveryId, SubscriptionId};
use crate::wire::attempts::{AttemptDetail, AttemptRow};
use crate::wire::deliveries::DeliveryDetail;
use crate::wire::page::Page;
use crate::wire::paths;

impl PlatformClient {
    /// Lists the newest attempts, of one subscription or of all.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn attempts(&self, subscription: Option<SubscriptionId>, limit: u32) -> Result<Page<AttemptRow>, Error> {
        let mut query = vec![("limit", limit.to_string())];
        query.extend(subscription.map(|id| ("subscription", id.to_string())));
        self.get(paths::ATTEMPTS, &query).await
    }

    /// Reads one attempt with the exact bytes sent and received.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn attempt(&self, id: AttemptId) -> Result<AttemptDetail, Error> {
        self.get(&paths::with_value(paths::ATTEMPT, id), &[]).await
    }

    /// Reads one delivery with its attempts.
    ///
    /// # Errors
    /// [`Error`] when the platform cannot be reached, refuses the call, or gives an unreadable answer.
    pub async fn delivery(&self, id: DeliveryId) -> Result<DeliveryDetail, Error> {
        self.get(&paths::with_value(paths::DELIVERY, id), &[]).await
    }
}
