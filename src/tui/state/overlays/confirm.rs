//! Confirmation of a single change: the change, its effect in words, and the precondition that must still hold when the
//! operator answers.

use crate::domain::alert::AlertSubject;
use crate::domain::health_status::HealthStatus;
use crate::domain::ids::{KeyId, SubscriptionId};
use crate::domain::text::Untrusted;
use crate::sync::alerts::Alert;
use crate::sync::platform_change::PlatformChange;
use crate::sync::snapshot::Snapshot;

/// Precondition of a change: the state when the question was asked, which must still hold when it is answered.
#[derive(Debug, Clone, PartialEq)]
pub enum ConfirmPrecondition {
    /// Subscription with its target URL, and whether it was enabled.
    Subscription(SubscriptionId, Untrusted, bool),
    /// Key that was not revoked.
    ActiveKey(KeyId),
    /// Alert with its health status.
    Alert(AlertSubject, HealthStatus),
    /// No condition: the change refers to nothing that can change.
    None,
}

/// Confirmation question about one change, with its precondition.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfirmPrompt {
    /// Change to be made on `y`.
    pub act: PlatformChange,
    /// Name of what the change affects.
    pub name: Untrusted,
    /// State that must still hold when the question is answered.
    pub precondition: ConfirmPrecondition,
    /// Effect of the change, in words.
    pub effect: String,
    /// Text to be typed for an irreversible change: the last four characters of the name or key. `None` if y is
    /// enough.
    pub pledge: Option<Untrusted>,
}

impl ConfirmPrompt {
    /// The subscription that a yes enables, if it is that.
    #[must_use]
    pub const fn enables(&self) -> Option<SubscriptionId> {
        match self.act {
            PlatformChange::Enable(id, _) => Some(id),
            _ => None,
        }
    }

    /// Checks whether the precondition still holds in `picture`.
    ///
    /// # Errors
    /// A one-line description of what changed.
    pub fn check_precondition(&self, picture: &Snapshot) -> Result<(), String> {
        let Some(overview) = &picture.overview else { return Err("nothing was changed: still loading".to_owned()) };
        match &self.precondition {
            ConfirmPrecondition::None => Ok(()),
            ConfirmPrecondition::Alert(subject, standing) => {
                let is_so = |alert: &&Alert| (alert.subject, alert.standing) == (*subject, *standing);
                match picture.alerts().iter().find(is_so) {
                    Some(_) => Ok(()),
                    None => Err(format!("nothing was changed: the alert for {subject} is resolved or has changed")),
                }
            }
            ConfirmPrecondition::ActiveKey(id) => match overview.keys.items.iter().find(|row| row.id == *id) {
                None => Err(format!("nothing was changed: key {id} is not in the current data")),
                Some(row) if row.revoked_utc.is_some() => {
                    Err(format!("nothing was changed: key {id} is already revoked"))
                }
                Some(_) => Ok(()),
            },
            ConfirmPrecondition::Subscription(id, target, was_enabled) => {
                let row = overview.subscriptions.items.iter().find(|row| row.subscription.id == *id);
                let Some(row) = row else {
                    return Err(format!("nothing was changed: subscription {id} is not in the current data"));
                };
                if row.subscription.is_enabled != *was_enabled || row.subscription.target_url != *target {
                    return Err(format!(
                        "nothing was changed: subscription {id} changed in the meantime; review and try again"
                    ));
                }
                Ok(())
            }
        }
    }
}

/// Parts of a confirmation: name of the item, precondition, and effect in words.
pub(in crate::tui) type ConfirmParts = (Untrusted, ConfirmPrecondition, String);
