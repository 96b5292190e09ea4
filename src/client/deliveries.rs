//! The delivery log.

use super::Error;
use super::connection::Client;
use crate::api::attempts::{AttemptDetail, AttemptRow};
use crate::api::page::Page;
use crate::api::paths;
use crate::domain::ids::{AttemptId, SubscriptionId};

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
}
