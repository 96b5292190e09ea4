//! Subscriptions for partners: list, change and delete. A managed subscription may only be changed by the key that
//! created it, apart from its enabled state.

use super::caller::{Actor, AuditedChange, Caller};
use super::error::Error;
use super::error::subscription_not_found;
use super::handle::Engine;
use super::replays::cancel_all;
use super::subscriptions::{MissedPolicy, disable_subscription, enable_subscription};
use crate::clock::RuntimeEnv;
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::patch::FieldPatch;
use crate::domain::subscription::{SubscriptionChange, WebhookSubscription};
use crate::store;
use rusqlite::Connection;

/// Filter of a subscription list by enabled state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnabledFilter {
    /// Both enabled and disabled subscriptions.
    Any,
    /// Only subscriptions that are enabled.
    Enabled,
    /// Only subscriptions that are disabled.
    Disabled,
}

impl Engine {
    /// Lists at most `limit` subscriptions of a company with numbers above `after`, ascending, and whether more
    /// follow.
    ///
    /// # Errors
    /// [`Error`] when the database cannot be read.
    pub async fn subscriptions_of(
        &self,
        company: CompanyId,
        switched: EnabledFilter,
        after: SubscriptionId,
        limit: u32,
    ) -> Result<(Vec<WebhookSubscription>, bool), Error> {
        // A company has at most some hundred subscriptions, so all are read at once.
        let all = move |connection: &Connection| store::subscriptions::all(connection, Some(company));
        let mut found = self.shared.partner_store.read(all).await?;
        found.retain(|subscription| {
            subscription.id > after
                && match switched {
                    EnabledFilter::Any => true,
                    EnabledFilter::Enabled => subscription.disabled.is_none(),
                    EnabledFilter::Disabled => subscription.disabled.is_some(),
                }
        });
        let has_more = found.len() > limit as usize;
        found.truncate(limit as usize);
        Ok((found, has_more))
    }

    /// Changes a subscription on behalf of a key of its company. Enabling resets the failures in a row and resumes
    /// deliveries on hold.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::OtherCompany`], [`Error::ManagedSubscription`], [`Error::Invalid`] with every invalid field;
    /// [`Error::Contended`], [`Error::StorageFull`] or [`Error::Store`] when the change cannot be written.
    pub async fn change_subscription(
        &self,
        caller: Caller,
        (company, key): (CompanyId, KeyId),
        id: SubscriptionId,
        wanted: SubscriptionChange,
    ) -> Result<WebhookSubscription, Error> {
        let engine = self.clone();
        let ambient = self.shared.ambient.clone();
        let changed = self
            .shared
            .partner_store
            .write(move |connection| {
                let before = find_owned(connection, company, id)?;
                if wanted.has_configuration_change() {
                    require_manager(&before, key)?;
                }
                let is_enabled = wanted.is_enabled.clone();
                let rules = engine.shared.sender.target_rules();
                let wish = wanted.apply(&before.spec, &rules).map_err(Error::Invalid)?;
                let now = ambient.now();
                if wish != before.spec {
                    store::subscriptions::set_spec(connection, id, &wish, now)?;
                    let change = AuditedChange {
                        action: "change subscription",
                        subject: format!("subscription {id}"),
                        before: Some(before.spec.to_string()),
                        after: Some(wish.to_string()),
                        reason: None,
                    };
                    caller.append_audit_row(connection, &ambient, change)?;
                }
                match is_enabled {
                    FieldPatch::Set(true) => {
                        enable_subscription(connection, (&caller, &ambient), &before, MissedPolicy::Leave)?;
                    }
                    FieldPatch::Set(false) => disable_subscription(connection, (&caller, &ambient), &before, None)?,
                    FieldPatch::Keep | FieldPatch::Clear => {}
                }
                store::subscriptions::get(connection, id)?.ok_or_else(|| subscription_not_found(id))
            })
            .await?;
        self.notify_subscription_changed(id);
        self.notify_replayer();
        Ok(changed)
    }

    /// Deletes a subscription and cancels its unfinished deliveries and replays; its log stays readable. A key may
    /// delete subscriptions of its company; a managed one only if the key created it, or if the creating key is
    /// revoked. An operator may delete any subscription.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::OtherCompany`], [`Error::ManagedSubscription`]; [`Error::Contended`], [`Error::StorageFull`]
    /// or [`Error::Store`] when the change cannot be written.
    pub async fn delete_subscription(&self, caller: Caller, id: SubscriptionId) -> Result<(), Error> {
        let ambient = self.shared.ambient.clone();
        let engine = self.clone();
        self.store_for(&caller)
            .write(move |connection| {
                let before = match &caller.actor {
                    Actor::Operator(_) => {
                        store::subscriptions::get(connection, id)?.ok_or_else(|| subscription_not_found(id))?
                    }
                    Actor::Key(key) => {
                        let before = find_owned(connection, key.company, id)?;
                        if before.created_by.is_some_and(|creator| engine.is_active(creator)) {
                            require_manager(&before, key.id)?;
                        }
                        before
                    }
                };
                Ok::<_, Error>(delete_with_deliveries(connection, (&caller, &ambient), &before)?)
            })
            .await?;
        self.notify_subscription_changed(id);
        Ok(())
    }

    fn is_active(&self, key: KeyId) -> bool {
        self.shared.api_keys.by_id(key).is_some_and(|key| key.revoked_at.is_none())
    }
}

/// Deletes a subscription within the caller's transaction; cancels its unfinished deliveries and its replays.
pub(super) fn delete_with_deliveries(
    connection: &Connection,
    (caller, ambient): (&Caller, &RuntimeEnv),
    before: &WebhookSubscription,
) -> Result<(), store::Error> {
    let (id, now) = (before.id, ambient.now());
    store::subscriptions::delete(connection, id, now)?;
    store::trips::record_enabled(
        connection,
        id,
        &format!("{} (deleted)", caller.display_name()),
        before.n_missed,
        now,
    )?;
    let n_cancelled = store::deliveries::cancel(connection, id)?;
    cancel_all(connection, id, now)?;
    let change = AuditedChange {
        action: "delete subscription",
        subject: format!("subscription {id}"),
        before: Some(before.spec.to_string()),
        after: Some(format!("deleted, {n_cancelled} cancelled")),
        reason: None,
    };
    caller.append_audit_row(connection, ambient, change)
}

fn find_owned(connection: &Connection, company: CompanyId, id: SubscriptionId) -> Result<WebhookSubscription, Error> {
    let found = store::subscriptions::get(connection, id)?.ok_or_else(|| subscription_not_found(id))?;
    if found.company == company { Ok(found) } else { Err(Error::OtherCompany("subscription")) }
}

fn require_manager(subscription: &WebhookSubscription, key: KeyId) -> Result<(), Error> {
    match &subscription.spec.managed_by {
        Some(tool) if subscription.created_by != Some(key) => Err(Error::ManagedSubscription(tool.clone())),
        _ => Ok(()),
    }
}
