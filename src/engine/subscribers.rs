//! Subscriptions as partners keep them: listing, changing, deleting. What a tool manages belongs to the key that created it.

use super::caller::{Actor, Caller, Change};
use super::replays::cancel_all;
use super::subscriptions::{Draft, Missed, actor, missing, switch_off, switch_on};
use super::{Engine, Error, Fault};
use crate::ambient::Ambient;
use crate::domain::event::EventType;
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::patch::Patch;
use crate::domain::subscription::{Subscription, Wish};
use crate::store;
use rusqlite::Connection;

/// Which subscriptions of a company are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switched {
    /// All.
    OnOrOff,
    /// Those that are on.
    On,
    /// Those that are off.
    Off,
}

/// What is to change about a subscription.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Cannot be cleared.
    pub target_url: Patch<String>,
    /// Names of event types; cannot be cleared.
    pub event_types: Patch<Vec<String>>,
    /// At most 200 characters.
    pub description: Patch<String>,
    /// Cannot be cleared.
    pub is_enabled: Patch<bool>,
}

impl Engine {
    /// At most `limit` subscriptions of a company with ids above `after`, ascending, and whether there are more.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn subscriptions_of(
        &self,
        company: CompanyId,
        switched: Switched,
        after: SubscriptionId,
        limit: u32,
    ) -> Result<(Vec<Subscription>, bool), Error> {
        // A company has few subscriptions; all of them are one look-up.
        let all = move |connection: &Connection| store::subscriptions::all(connection, Some(company));
        let mut found = self.shared.partners.read(all).await?;
        found.retain(|subscription| {
            subscription.id > after
                && match switched {
                    Switched::OnOrOff => true,
                    Switched::On => subscription.off.is_none(),
                    Switched::Off => subscription.off.is_some(),
                }
        });
        let has_more = found.len() > limit as usize;
        found.truncate(limit as usize);
        Ok((found, has_more))
    }

    /// Changes a subscription of a company on behalf of one of its keys. Switching it on zeroes its streak and resumes what was parked.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::OtherCompany`], [`Error::Managed`], [`Error::Invalid`] naming each field, and those of storage.
    pub async fn change_subscription(
        &self,
        caller: Caller,
        (company, key): (CompanyId, KeyId),
        id: SubscriptionId,
        wanted: Wanted,
    ) -> Result<Subscription, Error> {
        let engine = self.clone();
        let ambient = self.shared.ambient.clone();
        let changed = self
            .shared
            .partners
            .write(move |connection| {
                let before = owned(connection, company, id)?;
                if wanted.is_about_more_than_the_switch() {
                    judge_manager(&before, key)?;
                }
                let is_enabled = wanted.is_enabled.clone();
                let wish = engine.judge_change(&before.wish, wanted)?;
                let now = ambient.now();
                if wish != before.wish {
                    store::subscriptions::change(connection, id, &wish, now)?;
                    let change = Change {
                        action: "change subscription",
                        subject: format!("subscription {id}"),
                        before: Some(described(&before.wish)),
                        after: Some(described(&wish)),
                        reason: None,
                    };
                    caller.audit(connection, &ambient, change)?;
                }
                match is_enabled {
                    Patch::Set(true) => switch_on(connection, (&caller, &ambient), &before, Missed::Leave)?,
                    Patch::Set(false) => switch_off(connection, (&caller, &ambient), &before, None)?,
                    Patch::Keep | Patch::Clear => {}
                }
                store::subscriptions::get(connection, id)?.ok_or_else(|| missing(id))
            })
            .await?;
        self.ring();
        self.replan();
        Ok(changed)
    }

    /// Deletes a subscription: nothing is sent to it any more, its log stays readable. A key deletes those of its company; one that a tool
    /// manages only if it created it, or if the key that did is revoked. Operators delete any.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::OtherCompany`], [`Error::Managed`], and those of storage.
    pub async fn delete_subscription(&self, caller: Caller, id: SubscriptionId) -> Result<(), Error> {
        let ambient = self.shared.ambient.clone();
        let engine = self.clone();
        self.store_of(&caller)
            .write(move |connection| {
                let before = match &caller.actor {
                    Actor::Operator(_) => store::subscriptions::get(connection, id)?.ok_or_else(|| missing(id))?,
                    Actor::Key(key) => {
                        let before = owned(connection, key.company, id)?;
                        if before.created_by.is_some_and(|creator| engine.is_active(creator)) {
                            judge_manager(&before, key.id)?;
                        }
                        before
                    }
                };
                Ok::<_, Error>(remove(connection, (&caller, &ambient), &before)?)
            })
            .await?;
        self.changed();
        Ok(())
    }

    fn is_active(&self, key: KeyId) -> bool {
        self.shared.keyring.by_id(key).is_some_and(|key| key.revoked_at.is_none())
    }

    /// The wish after a change, judged by the rules of new ones where it changes.
    fn judge_change(&self, before: &Wish, wanted: Wanted) -> Result<Wish, Error> {
        let mut faults = Vec::new();
        let mut draft = Draft {
            target_url: before.target_url.clone(),
            event_types: before.event_types.iter().map(|kind: &EventType| kind.name().to_owned()).collect(),
            description: before.description.clone(),
            managed_by: before.managed_by.clone(),
            signing_secret: None,
        };
        let given = [
            ("targetUrl", !wanted.target_url.is_keep()),
            ("eventTypes", !wanted.event_types.is_keep()),
            ("description", !wanted.description.is_keep()),
        ];
        let cleared = [
            ("targetUrl", wanted.target_url.apply_required(&mut draft.target_url)),
            ("eventTypes", wanted.event_types.apply_required(&mut draft.event_types)),
            ("isEnabled", !matches!(wanted.is_enabled, Patch::Clear)),
        ];
        faults
            .extend(cleared.iter().filter(|(_, holds)| !holds).map(|(field, _)| Fault::new(field, "must not be null")));
        wanted.description.apply(&mut draft.description);
        let is_kept = |field| given.contains(&(field, false));
        match self.judge_subscription(&draft) {
            Ok(wish) if faults.is_empty() => {
                let target_url = if is_kept("targetUrl") { draft.target_url } else { wish.target_url };
                return Ok(Wish { target_url, ..wish });
            }
            Ok(_) => {}
            // What stays is not judged again: rules may have changed since.
            Err(found) => {
                faults.extend(found.into_iter().filter(|fault| given.contains(&(fault.field, true))));
                if faults.is_empty() {
                    return Ok(Wish {
                        target_url: draft.target_url,
                        event_types: draft.event_types.iter().filter_map(|name| EventType::named(name)).collect(),
                        description: draft.description,
                        managed_by: draft.managed_by,
                    });
                }
            }
        }
        Err(Error::Invalid(faults))
    }
}

impl Wanted {
    const fn is_about_more_than_the_switch(&self) -> bool {
        !self.target_url.is_keep() || !self.event_types.is_keep() || !self.description.is_keep()
    }
}

/// Deletes a subscription, in somebody's transaction: what waits is cancelled, and so are its replays.
pub(super) fn remove(
    connection: &Connection,
    (caller, ambient): (&Caller, &Ambient),
    before: &Subscription,
) -> Result<(), store::Error> {
    let (id, now) = (before.id, ambient.now());
    store::subscriptions::delete(connection, id, now)?;
    store::trips::close(connection, id, &format!("{} (deleted)", actor(caller)), before.n_skipped, now)?;
    let n_cancelled = store::deliveries::cancel(connection, id)?;
    cancel_all(connection, id, now)?;
    let change = Change {
        action: "delete subscription",
        subject: format!("subscription {id}"),
        before: Some(described(&before.wish)),
        after: Some(format!("deleted, {n_cancelled} cancelled")),
        reason: None,
    };
    caller.audit(connection, ambient, change)
}

fn owned(connection: &Connection, company: CompanyId, id: SubscriptionId) -> Result<Subscription, Error> {
    let found = store::subscriptions::get(connection, id)?.ok_or_else(|| missing(id))?;
    if found.company == company { Ok(found) } else { Err(Error::OtherCompany("subscription")) }
}

fn judge_manager(subscription: &Subscription, key: KeyId) -> Result<(), Error> {
    match &subscription.wish.managed_by {
        Some(tool) if subscription.created_by != Some(key) => Err(Error::Managed(tool.clone())),
        _ => Ok(()),
    }
}

/// A wish for the audit.
fn described(wish: &Wish) -> String {
    let kinds: Vec<&str> = wish.event_types.iter().map(|kind| kind.name()).collect();
    format!("{} [{}] {}", wish.target_url, kinds.join(","), wish.description.as_deref().unwrap_or_default())
}
