//! Revisions of subscriptions: list earlier configurations and roll back to one.

use super::caller::{AuditedChange, Caller};
use super::error::Error;
use super::handle::Engine;
use crate::domain::field_error::FieldError;
use crate::domain::ids::SubscriptionId;
use crate::domain::subscription::{SubscriptionRevision, SubscriptionSpec};
use crate::store;

impl Engine {
    /// Lists every configuration of a subscription, the current one first.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error`] when the database cannot be read.
    pub async fn revisions(&self, id: SubscriptionId) -> Result<Vec<SubscriptionRevision>, Error> {
        let revisions = self.shared.store.read(move |connection| store::revisions::list(connection, id)).await?;
        if revisions.is_empty() { Err(Error::NotFound(format!("subscription {id}"))) } else { Ok(revisions) }
    }

    /// Applies an earlier configuration to a subscription as a new revision. Enabled state, failures in a row and
    /// signing secret stay unchanged. The target must satisfy the current target policy.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`] for an unknown revision or a target that is not permitted;
    /// [`Error::Contended`], [`Error::StorageFull`] or [`Error::Store`] when the change cannot be written.
    pub async fn roll_back(&self, caller: Caller, id: SubscriptionId, number: u32) -> Result<(), Error> {
        let ambient = self.shared.ambient.clone();
        let bounds = self.shared.sender.target_rules();
        self.shared
            .store
            .write_queued(move |connection| {
                let missing = || Error::NotFound(format!("subscription {id}"));
                let before = store::subscriptions::get(connection, id)?.ok_or_else(missing)?;
                let revisions = store::revisions::list(connection, id)?;
                let unknown = || {
                    let text = format!("must be 1 to {}", revisions.len());
                    Error::Invalid(vec![FieldError::new("revision", text)])
                };
                let found = revisions.iter().find(|revision| revision.number == number).ok_or_else(unknown)?;
                if found.spec == before.spec {
                    return Ok::<_, Error>(());
                }
                let target = bounds.check(&found.spec.target_url).map_err(|fault| {
                    Error::Invalid(vec![FieldError::new(
                        "revision",
                        format!("has a target that is not allowed: {fault}"),
                    )])
                })?;
                let wish = SubscriptionSpec { target_url: target.into(), ..found.spec.clone() };
                store::subscriptions::set_spec(connection, id, &wish, ambient.now())?;
                let change = AuditedChange {
                    action: "roll back subscription",
                    subject: format!("subscription {id}"),
                    before: Some(before.spec.target_url),
                    after: Some(format!("{} (revision {number})", wish.target_url)),
                    reason: None,
                };
                caller.append_audit_row(connection, &ambient, change)?;
                Ok(())
            })
            .await?;
        self.notify_subscription_changed(id);
        Ok(())
    }
}
