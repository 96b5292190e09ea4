//! The delivery log.

use super::Error;
use super::connection::Client;
use crate::api::attempts::{AttemptDetail, AttemptRow};
use crate::api::deliveries::{DeliveryDetail, DeliveryRow};
use crate::api::page::Page;
use crate::api::paths;
use crate::domain::ids::{AttemptId, DeliveryId, SubscriptionId};

impl Client {
    /// The newest attempts, of one subscription or of all.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn attempts(&self, subscription: Option<SubscriptionId>, limit: u32) -> Result<Page<AttemptRow>, Error> {
        let mut query = vec![("limit", limit.to_string())];
        query.extend(subscription.map(|id| ("subscription", id.to_string())));
        self.get(paths::ATTEMPTS, &query).await
    }

    /// One attempt with its exact bytes.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn attempt(&self, id: AttemptId) -> Result<AttemptDetail, Error> {
        self.get(&paths::with(paths::ATTEMPT, id), &[]).await
    }

    /// One delivery with its attempts.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn delivery(&self, id: DeliveryId) -> Result<DeliveryDetail, Error> {
        self.get(&paths::with(paths::DELIVERY, id), &[]).await
    }

    /// Asks for one more attempt of a delivery; the delivery as it stands before.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn resend(&self, id: DeliveryId) -> Result<DeliveryRow, Error> {
        self.post(&paths::with(paths::DELIVERY_RESEND, id), &serde_json::json!({})).await
    }
}
