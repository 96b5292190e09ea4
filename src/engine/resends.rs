//! Resending: one more attempt of a delivery because an operator asks for it, whatever became of it.

use super::caller::{Caller, Change};
use super::{Engine, Error};
use crate::domain::ids::DeliveryId;
use crate::domain::log::Delivery;
use crate::store;

impl Engine {
    /// Asks for one more attempt of a delivery. The dispatcher makes it as soon as nobody else has the delivery, also while its subscription is
    /// off: who asks for this one delivery means it. It counts for nothing: not for the breaker, the success rate or the retries. If it
    /// succeeds, the delivery has succeeded, whatever it was before, and nothing more is sent of it by itself. If it fails, the delivery
    /// stands as it stood: one that was pending is still due when it was due. Asking again before it was made changes nothing.
    ///
    /// The delivery as it stands now.
    ///
    /// # Errors
    /// [`Error::NotFound`], also when the subscription was deleted: nothing is sent there any more; and those of storage.
    pub async fn resend(&self, caller: Caller, id: DeliveryId) -> Result<Delivery, Error> {
        let ambient = self.shared.ambient.clone();
        let delivery = self
            .shared
            .store
            .write(move |connection| {
                let missing = || Error::NotFound(format!("delivery {id}"));
                let delivery = store::journal::delivery(connection, id)?.ok_or_else(missing)?;
                let subscription = delivery.subscription;
                if store::subscriptions::get(connection, subscription)?.is_none() {
                    return Err(Error::NotFound(format!("subscription {subscription} any more to resend this to")));
                }
                let is_new = store::resends::ask(connection, id, ambient.now())?;
                let change = Change {
                    action: "resend delivery",
                    subject: format!("delivery {id}"),
                    before: Some(delivery.state.name().to_owned()),
                    after: Some(if is_new { "asked for" } else { "was asked for already" }.to_owned()),
                    reason: None,
                };
                caller.audit(connection, &ambient, change)?;
                Ok(delivery)
            })
            .await?;
        self.ring();
        Ok(delivery)
    }
}
