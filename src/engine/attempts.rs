//! The delivery log.

use super::{Engine, Error};
use crate::domain::attempt::{Attempt, Exchange};
use crate::domain::ids::{AttemptId, SubscriptionId};
use crate::store;

impl Engine {
    /// At most `limit` attempts with ids below `before`, newest first, and whether there are more.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn attempts(
        &self,
        subscription: Option<SubscriptionId>,
        before: Option<AttemptId>,
        limit: u32,
    ) -> Result<(Vec<Attempt>, bool), Error> {
        let mut attempts = self
            .shared
            .store
            .read(move |connection| store::attempts::page(connection, subscription, before, limit + 1))
            .await?;
        let has_more = attempts.len() > limit as usize;
        attempts.truncate(limit as usize);
        Ok((attempts, has_more))
    }

    /// One attempt byte by byte, with the body that was sent.
    ///
    /// # Errors
    /// [`Error::NotFound`], and those of storage.
    pub async fn attempt(&self, id: AttemptId) -> Result<(Attempt, Exchange, Vec<u8>), Error> {
        let found = self.shared.store.read(move |connection| store::attempts::get(connection, id)).await?;
        found.ok_or_else(|| Error::NotFound(format!("attempt {id}")))
    }
}
