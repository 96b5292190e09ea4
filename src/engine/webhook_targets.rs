//! Targets of the deliveries in flight, each prepared once for many attempts.

use super::claim::DeliveryJob;
use super::error::Error;
use super::handle::Engine;
use super::sender::webhook_target::WebhookTarget;
use crate::domain::ids::SubscriptionId;
use crate::store::subscriptions::DeliveryTarget;
use std::collections::HashMap;
use std::sync::Arc;

/// Number of targets beyond which all are prepared anew.
const MAX_TARGETS: usize = 4_096;

/// Prepared targets by subscription, with what they were prepared from.
#[derive(Debug, Default)]
pub(super) struct WebhookTargets(HashMap<SubscriptionId, (Arc<DeliveryTarget>, Arc<WebhookTarget>)>);

impl WebhookTargets {
    /// Target of a claimed delivery, prepared before or now.
    ///
    /// # Errors
    /// [`Error::UnsealFailed`] if the signing secret cannot be unsealed.
    pub(super) fn get(&mut self, engine: &Engine, job: &DeliveryJob) -> Result<Arc<WebhookTarget>, Error> {
        let id = job.claimed.subscription;
        if let Some((source, target)) = self.0.get_mut(&id)
            && (Arc::ptr_eq(source, &job.target) || **source == *job.target)
        {
            // The next deliveries of the same claim are recognised by their pointer.
            *source = Arc::clone(&job.target);
            return Ok(Arc::clone(target));
        }
        let DeliveryTarget { target_url, sealed_secret, changed_at } = &*job.target;
        let secret = engine.unseal(id, sealed_secret)?;
        let target = Arc::new(engine.shared.sender.target(target_url, *changed_at, &secret));
        if self.0.len() >= MAX_TARGETS {
            self.0.clear();
        }
        self.0.insert(id, (Arc::clone(&job.target), Arc::clone(&target)));
        Ok(target)
    }
}
