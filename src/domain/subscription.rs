//! Webhook subscriptions: target, event types and current state.

use super::breaker::CircuitBreaker;
use super::disabled_reason::DisabledReason;
use super::event::EventType;
use super::field_error::FieldError;
use super::ids::{CompanyId, KeyId, SubscriptionId};
use super::patch::FieldPatch;
use super::secret::Secret;
use super::target::TargetRules;
use super::time::Timestamp;
use std::fmt;

/// Tools that create and own subscriptions of their own.
pub const MANAGERS: [&str; 3] = ["Zapier", "n8n", "Make"];

/// A webhook subscription, without its signing secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSubscription {
    /// Number of the subscription, unique on the platform.
    pub id: SubscriptionId,
    /// Company that owns the subscription.
    pub company: CompanyId,
    /// Key with which the subscription was created.
    pub created_by: Option<KeyId>,
    /// Configuration set by the partner.
    pub spec: SubscriptionSpec,
    /// Reason and time of disabling; `None` while enabled.
    pub disabled: Option<(DisabledReason, Timestamp)>,
    /// Circuit breaker with the number of failures in a row.
    pub breaker: CircuitBreaker,
    /// Times of the first and the latest failure of the current streak.
    pub streak: Option<(Timestamp, Timestamp)>,
    /// Time of the latest attempt, tests excluded.
    pub last_attempt_at: Option<Timestamp>,
    /// Time of the latest successful attempt, tests excluded.
    pub last_success_at: Option<Timestamp>,
    /// Number of events missed since the subscription was disabled.
    pub n_missed: u64,
    /// Times of creation and last change.
    pub dates: RecordDates,
}

/// Configuration of a subscription that a partner can set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionSpec {
    /// URL to which events are posted.
    pub target_url: String,
    /// Types of events to deliver.
    pub event_types: Vec<EventType>,
    /// Description, at most 200 characters.
    pub description: Option<String>,
    /// Tool that owns the subscription, one of [`MANAGERS`].
    pub managed_by: Option<String>,
}

/// Times of creation and last change of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordDates {
    /// Creation time of the record.
    pub created_at: Timestamp,
    /// Time of the last change.
    pub updated_at: Timestamp,
}

/// A configuration that a subscription has or had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionRevision {
    /// Number of the revision, 1 for the first.
    pub number: u32,
    /// Time from which the configuration applied.
    pub at: Timestamp,
    /// Target, event types, description and owner.
    pub spec: SubscriptionSpec,
}

/// Fields of a subscription to create, not yet validated.
#[derive(Debug, Default)]
pub struct SubscriptionDraft {
    /// URL that webhooks are sent to.
    pub target_url: String,
    /// Names of event types, 1 to 10 without repeats.
    pub event_types: Vec<String>,
    /// Description of the subscription, at most 200 characters.
    pub description: Option<String>,
    /// Managing tool: `Zapier`, `n8n` or `Make`, in any case.
    pub managed_by: Option<String>,
    /// Signing secret chosen by the partner, 24 to 128 visible ASCII characters; generated if absent.
    pub signing_secret: Option<Secret>,
}

/// Changes to a subscription; fields left out keep their value.
#[derive(Debug, Clone, Default)]
pub struct SubscriptionChange {
    /// New target URL; null is refused.
    pub target_url: FieldPatch<String>,
    /// Names of the new event types; null is refused.
    pub event_types: FieldPatch<Vec<String>>,
    /// New description, at most 200 characters; null clears the description.
    pub description: FieldPatch<String>,
    /// New enabled state; null is refused.
    pub is_enabled: FieldPatch<bool>,
}

impl SubscriptionDraft {
    /// Validates the draft against the rules of targets and fields.
    ///
    /// # Errors
    /// Every invalid field, with the rule that the value breaks.
    pub fn validate(&self, rules: &TargetRules) -> Result<SubscriptionSpec, Vec<FieldError>> {
        let mut faults = Vec::new();
        let target = rules.check(&self.target_url);
        if let Err(fault) = &target {
            faults.push(FieldError::new("targetUrl", fault.to_string()));
        }
        let event_types = existing_types(&self.event_types);
        if let Some(unknown) = self.event_types.iter().find(|name| EventType::named(name).is_none()) {
            let lower = EventType::named(&unknown.to_lowercase());
            let hint = lower.map_or_else(String::new, |kind| format!("; names are lowercase: {kind}"));
            faults.push(FieldError::new("eventTypes", format!("must be existing event types{hint}")));
        } else if event_types.is_empty() || event_types.len() > EventType::ALL.len() {
            faults.push(FieldError::new("eventTypes", "must have 1 to 10 event types"));
        } else if (1..event_types.len()).any(|position| event_types[..position].contains(&event_types[position])) {
            faults.push(FieldError::new("eventTypes", "must not repeat a type"));
        }
        if self.description.as_ref().is_some_and(|text| text.chars().count() > 200) {
            faults.push(FieldError::new("description", "must have at most 200 characters"));
        }
        let named = |tool: &String| MANAGERS.into_iter().find(|known| known.eq_ignore_ascii_case(tool));
        let manager = self.managed_by.as_ref().map(named);
        if manager == Some(None) {
            faults.push(FieldError::new("managedBy", "must be Zapier, n8n or Make"));
        }
        let is_secret = |secret: &Secret| {
            (24..=128).contains(&secret.reveal().len()) && secret.reveal().bytes().all(|byte| byte.is_ascii_graphic())
        };
        if self.signing_secret.as_ref().is_some_and(|secret| !is_secret(secret)) {
            faults.push(FieldError::new("signingSecret", "must have 24 to 128 visible ASCII characters"));
        }
        match target {
            Ok(target) if faults.is_empty() => Ok(SubscriptionSpec {
                target_url: target.into(),
                event_types,
                description: self.description.clone(),
                managed_by: manager.flatten().map(ToOwned::to_owned),
            }),
            _ => Err(faults),
        }
    }
}

impl SubscriptionChange {
    /// Returns whether the change concerns the configuration, not only the enabled state.
    #[must_use]
    pub const fn has_configuration_change(&self) -> bool {
        !self.target_url.is_keep() || !self.event_types.is_keep() || !self.description.is_keep()
    }

    /// Computes the configuration after the change. Changed fields must satisfy the rules of new subscriptions;
    /// unchanged ones are not validated again, since rules may have become stricter.
    ///
    /// # Errors
    /// Every changed field that is invalid, with the rule that the value breaks.
    pub fn apply(self, before: &SubscriptionSpec, rules: &TargetRules) -> Result<SubscriptionSpec, Vec<FieldError>> {
        let given = [
            ("targetUrl", !self.target_url.is_keep()),
            ("eventTypes", !self.event_types.is_keep()),
            ("description", !self.description.is_keep()),
        ];
        let is_given = |field| given.contains(&(field, true));
        let mut draft = SubscriptionDraft {
            target_url: before.target_url.clone(),
            event_types: before.event_types.iter().map(|kind| kind.name().to_owned()).collect(),
            description: before.description.clone(),
            managed_by: before.managed_by.clone(),
            signing_secret: None,
        };
        let cleared = [
            ("targetUrl", self.target_url.apply_required(&mut draft.target_url)),
            ("eventTypes", self.event_types.apply_required(&mut draft.event_types)),
            ("isEnabled", !matches!(self.is_enabled, FieldPatch::Clear)),
        ];
        self.description.apply(&mut draft.description);
        let nulls = cleared.iter().filter(|(_, holds)| !holds);
        let mut faults: Vec<_> = nulls.map(|(field, _)| FieldError::new(field, "must not be null")).collect();
        match draft.validate(rules) {
            Ok(valid) if is_given("targetUrl") => draft.target_url = valid.target_url,
            Ok(_) => {}
            Err(found) => faults.extend(found.into_iter().filter(|fault| is_given(fault.field))),
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(SubscriptionSpec {
            target_url: draft.target_url,
            event_types: existing_types(&draft.event_types),
            description: draft.description,
            managed_by: draft.managed_by,
        })
    }
}

/// Event types among the names, in the same order.
fn existing_types(names: &[String]) -> Vec<EventType> {
    names.iter().filter_map(|name| EventType::named(name)).collect()
}

/// Configuration in one line, as the audit trail records it.
impl fmt::Display for SubscriptionSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<&str> = self.event_types.iter().map(|kind| kind.name()).collect();
        let description = self.description.as_deref().unwrap_or_default();
        write!(f, "{} [{}] {description}", self.target_url, kinds.join(","))
    }
}
