//! Resends: one more attempt of a delivery on an operator's request, in any state of the delivery.

use super::caller::{AuditedChange, Caller};
use super::error::Error;
use super::handle::Engine;
use crate::domain::ids::DeliveryId;
use crate::domain::log::DeliverySummary;
use crate::store;

impl Engine {
    /// Requests one more attempt of a delivery and returns the delivery. The dispatcher makes the attempt as soon as
    /// no other attempt holds the delivery, also while the subscription is disabled. A resend does not count for the
    /// breaker, the success rate or the retries. If the resend succeeds, the delivery is succeeded and no retry
    /// follows; if it fails, state and due time of the delivery stay unchanged. A second request before the attempt
    /// changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`], also when the subscription was deleted, since nothing is sent there any more;
    /// [`Error::Contended`], [`Error::StorageFull`] or [`Error::Store`] when the change cannot be written.
    pub async fn resend(&self, caller: Caller, id: DeliveryId) -> Result<DeliverySummary, Error> {
        let ambient = self.shared.ambient.clone();
        let delivery = self
            .shared
            .store
            .write(move |connection| {
                let missing = || Error::NotFound(format!("delivery {id}"));
                let delivery = store::delivery_log::delivery(connection, id)?.ok_or_else(missing)?;
                let subscription = delivery.subscription;
                if store::subscriptions::get(connection, subscription)?.is_none() {
                    return Err(Error::NotFound(format!("subscription {subscription} of this delivery")));
                }
                let is_new = store::resends::request(connection, id, ambient.now())?;
                let change = AuditedChange {
                    action: "resend delivery",
                    subject: format!("delivery {id}"),
                    before: Some(delivery.state.name().to_owned()),
                    after: Some(if is_new { "requested" } else { "already requested" }.to_owned()),
                    reason: None,
                };
                caller.append_audit_row(connection, &ambient, change)?;
                Ok(delivery)
            })
            .await?;
        self.notify_queue_changed(delivery.subscription);
        Ok(delivery)
    }
}
