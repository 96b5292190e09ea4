//! Subscriptions: create, read, test, enable and disable.

use super::caller::{AuditedChange, Caller};
use super::envelope::{self, EnvelopeParts};
use super::error::{Error, subscription_not_found};
use super::handle::Engine;
use super::idempotency::{IdempotentCall, IdempotentReply};
use super::replays::plan_missed;
use super::sender::{SendResult, WebhookRequest};
use super::{alerts, samples};
use crate::clock::RuntimeEnv;
use crate::domain::attempt::{Attempt, AttemptSubject};
use crate::domain::delivery::AttemptKind;
use crate::domain::disabled_reason::DisabledReason;
use crate::domain::event::EventType;
use crate::domain::field_error::FieldError;
use crate::domain::ids::{AttemptId, CompanyId, EventId, SubscriptionId};
use crate::domain::secret::Secret;
use crate::domain::subscription::{SubscriptionDraft, WebhookSubscription};
use crate::store;
use crate::store::attempts::NewAttempt;
use crate::store::log_quota::LogGrowth;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::Connection;
use serde_json::Value;

/// Treatment of the events that a subscription missed while it was disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissedPolicy {
    /// Missed events stay undelivered, unless a later replay selects them.
    Leave,
    /// Missed events are replayed at the default rate.
    Replay,
}

/// Result of a test delivery.
#[derive(Debug)]
pub struct SubscriptionTest {
    /// Attempt of the test, as logged.
    pub attempt: Attempt,
    /// Stored part of the answer's body.
    pub response_body: Vec<u8>,
    /// Number of bytes read of the answer's body.
    pub n_response_bytes: u64,
}

/// Contents of a test delivery.
#[derive(Debug, Clone, Default)]
pub struct TestDraft {
    /// Name of an event type; the first type of the subscription if absent.
    pub event_type: Option<String>,
    /// Payload of the test event.
    pub payload: TestPayload,
    /// Value of `statusOverride` in the metadata: a JSON string or number, at most 200 characters.
    pub status_override: Option<String>,
}

/// Payload of a test delivery.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TestPayload {
    /// Realistic sample of the event type.
    #[default]
    Sample,
    /// JSON object without any members.
    Empty,
    /// Payload given by the caller, as a JSON object.
    Given(String),
}

impl Engine {
    /// Creates a subscription for the company of a key. The signing secret is in this result only; the database
    /// stores it sealed. A retry returns the stored answer with the secret, while the subscription exists.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every invalid field, [`Error::QuotaReached`], [`Error::IdempotencyConflict`],
    /// [`Error::IdempotencyTargetDeleted`]; [`Error::Contended`], [`Error::StorageFull`] or [`Error::Store`] when the change
    /// cannot be written.
    pub async fn create_subscription(
        &self,
        caller: Caller,
        company: CompanyId,
        draft: SubscriptionDraft,
        call: IdempotentCall,
        render: fn(&WebhookSubscription) -> (u16, Vec<u8>),
    ) -> Result<(IdempotentReply, Secret), Error> {
        let wish = draft.validate(&self.shared.sender.target_rules()).map_err(Error::Invalid)?;
        let ambient = self.shared.ambient.clone();
        let secret = draft.signing_secret.unwrap_or_else(|| Secret::new(STANDARD.encode(ambient.random_bytes::<32>())));
        let engine = self.clone();
        let created = self
            .shared
            .partner_store
            .write(move |connection| {
                let now = ambient.now();
                if let Some(earlier) = call.stored_reply(connection, now)? {
                    let secret = engine.unseal_stored_secret(connection, &earlier)?;
                    return Ok((earlier, secret));
                }
                let limit = engine.shared.settings.max_subscriptions;
                if store::subscriptions::count_of(connection, company)? >= u64::from(limit) {
                    return Err(Error::QuotaReached { what: "subscriptions", limit });
                }
                let new = store::subscriptions::NewSubscriptionRow { company, created_by: call.key, spec: &wish, now };
                let id = store::subscriptions::insert(connection, &new)?;
                let sealed = engine.shared.vault.seal(id, &secret, &ambient)?;
                store::subscriptions::set_secret(connection, id, &sealed)?;
                let change = AuditedChange {
                    action: "create subscription",
                    subject: format!("subscription {id}"),
                    before: None,
                    after: Some(wish.target_url.clone()),
                    reason: None,
                };
                caller.append_audit_row(connection, &ambient, change)?;
                let created = store::subscriptions::get(connection, id)?.ok_or_else(|| subscription_not_found(id))?;
                Ok((call.store_reply(connection, render(&created), now)?, secret))
            })
            .await?;
        self.mark_changed();
        Ok(created)
    }

    /// Unseals the secret of a stored answer, since stored answers contain no secret.
    fn unseal_stored_secret(&self, connection: &Connection, earlier: &IdempotentReply) -> Result<Secret, Error> {
        let answered: Value = serde_json::from_slice(&earlier.body).unwrap_or_default();
        let id = SubscriptionId(answered["id"].as_i64().unwrap_or_default());
        let target = store::subscriptions::target(connection, id)?.ok_or(Error::IdempotencyTargetDeleted(id))?;
        self.unseal(id, &target.sealed_secret)
    }

    /// Reads one subscription; with `of`, only if that company owns the subscription.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::OtherCompany`]; [`Error`] when the database cannot be read.
    pub async fn subscription(&self, id: SubscriptionId, of: Option<CompanyId>) -> Result<WebhookSubscription, Error> {
        let store = of.map_or(&self.shared.store, |_| &self.shared.partner_store);
        let found = store.read(move |connection| store::subscriptions::get(connection, id)).await?;
        let found = found.ok_or_else(|| subscription_not_found(id))?;
        match of {
            Some(company) if company != found.company => Err(Error::OtherCompany("subscription")),
            _ => Ok(found),
        }
    }

    /// Enables a subscription: resets the failures in a row, resumes deliveries on hold, replays missed events
    /// on request, and ends an open trip. Sending restarts with one attempt at a time. An enabled subscription stays
    /// unchanged.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Contended`], [`Error::StorageFull`] or [`Error::Store`] when the change cannot
    /// be written.
    pub async fn enable(
        &self,
        caller: Caller,
        id: SubscriptionId,
        missed: MissedPolicy,
    ) -> Result<WebhookSubscription, Error> {
        let ambient = self.shared.ambient.clone();
        let enabled = self
            .shared
            .store
            .write(move |connection| {
                let before = store::subscriptions::get(connection, id)?.ok_or_else(|| subscription_not_found(id))?;
                enable_subscription(connection, (&caller, &ambient), &before, missed)?;
                store::subscriptions::get(connection, id)?.ok_or_else(|| subscription_not_found(id))
            })
            .await?;
        self.notify_subscription_changed(id);
        self.notify_replayer();
        Ok(enabled)
    }

    /// Disables a subscription manually and puts its deliveries on hold. A reason marks the state as intended, also
    /// when given later; without a reason a disabled subscription stays unchanged.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`] for a reason that is too long; [`Error::Contended`],
    /// [`Error::StorageFull`] or [`Error::Store`] when the change cannot be written.
    pub async fn disable(
        &self,
        caller: Caller,
        id: SubscriptionId,
        reason: Option<String>,
    ) -> Result<WebhookSubscription, Error> {
        let reason = alerts::validate_note("reason", reason)?;
        let ambient = self.shared.ambient.clone();
        let disabled = self
            .shared
            .store
            .write(move |connection| {
                let before = store::subscriptions::get(connection, id)?.ok_or_else(|| subscription_not_found(id))?;
                disable_subscription(connection, (&caller, &ambient), &before, reason)?;
                store::subscriptions::get(connection, id)?.ok_or_else(|| subscription_not_found(id))
            })
            .await?;
        self.notify_subscription_changed(id);
        Ok(disabled)
    }

    /// Sets the reason of a manually disabled subscription, which marks the state as intended. Never disables a
    /// subscription.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`] for a missing or too long reason, or if the subscription is not
    /// disabled manually; [`Error::Contended`], [`Error::StorageFull`] or [`Error::Store`] when the change cannot be
    /// written.
    pub async fn set_disable_reason(
        &self,
        caller: Caller,
        id: SubscriptionId,
        reason: Option<String>,
    ) -> Result<WebhookSubscription, Error> {
        let invalid = |field, text| Error::Invalid(vec![FieldError::new(field, text)]);
        let reason = alerts::validate_note("reason", reason)?.ok_or_else(|| invalid("reason", "must not be empty"))?;
        let ambient = self.shared.ambient.clone();
        let marked = self
            .shared
            .store
            .write(move |connection| {
                let before = store::subscriptions::get(connection, id)?.ok_or_else(|| subscription_not_found(id))?;
                if !matches!(before.disabled, Some((DisabledReason::Manual, _))) {
                    return Err(invalid("only", "must be any: the subscription is not disabled by hand"));
                }
                set_reason(connection, (&caller, &ambient), id, reason)?;
                Ok(before)
            })
            .await?;
        self.mark_changed();
        Ok(marked)
    }

    /// Sends a test delivery to a subscription's target now, also while the subscription is disabled. The attempt is
    /// logged as a test and counts neither for the breaker nor for the success rate. With `of`, only that company's
    /// subscription is tested.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::OtherCompany`], [`Error::Invalid`] with every invalid field;
    /// [`Error::Contended`], [`Error::StorageFull`] or [`Error::Store`] when the change cannot be written. A failed
    /// delivery is a result, not an error.
    pub async fn test(
        &self,
        caller: Caller,
        id: SubscriptionId,
        of: Option<CompanyId>,
        probe: TestDraft,
    ) -> Result<SubscriptionTest, Error> {
        let kind = validate_test(&probe)?;
        let found = self
            .store_for(&caller)
            .read(move |connection| {
                Ok::<_, store::Error>(
                    store::subscriptions::get(connection, id)?.zip(store::subscriptions::secret(connection, id)?),
                )
            })
            .await?;
        let (subscription, sealed) = found.ok_or_else(|| subscription_not_found(id))?;
        if of.is_some_and(|company| company != subscription.company) {
            return Err(Error::OtherCompany("subscription"));
        }
        let kind = kind.or_else(|| subscription.spec.event_types.first().copied()).unwrap_or(EventType::ClientCreated);
        let landed = self.send_test(&subscription, &sealed, kind, probe).await?;
        let attempt = Attempt {
            id: AttemptId(0),
            subject: AttemptSubject {
                company: subscription.company,
                subscription: id,
                target_url: subscription.spec.target_url,
                delivery: None,
                event_type: kind,
            },
            kind: AttemptKind::Test,
            number: 1,
            started_at: landed.started_at,
            result: landed.result,
        };
        let test = SubscriptionTest {
            attempt: attempt.clone(),
            response_body: landed.exchange.response_body().to_vec(),
            n_response_bytes: landed.exchange.n_body_bytes_read(),
        };
        let ambient = self.shared.ambient.clone();
        let (exchange, body) = (landed.exchange, landed.body);
        self.shared
            .store
            .write_queued(move |connection| {
                let mut growth = LogGrowth::default();
                let row = NewAttempt::of(&attempt, &exchange, Some(&body));
                store::attempts::insert(connection, &[row], &mut growth)?;
                growth.commit(connection)?;
                let after = Some(attempt.result.outcome.to_string());
                let change = AuditedChange {
                    action: "test subscription",
                    subject: format!("subscription {id}"),
                    before: None,
                    after,
                    reason: None,
                };
                caller.append_audit_row(connection, &ambient, change)
            })
            .await?;
        self.mark_changed();
        Ok(test)
    }

    async fn send_test(
        &self,
        subscription: &WebhookSubscription,
        sealed: &[u8],
        kind: EventType,
        probe: TestDraft,
    ) -> Result<SendResult, Error> {
        let ambient = &self.shared.ambient;
        let payload = match probe.payload {
            TestPayload::Sample => samples::random_payload(kind, ambient),
            TestPayload::Empty => "{}".to_owned(),
            TestPayload::Given(payload) => payload,
        };
        let status = probe.status_override.map_or_else(String::new, |status| format!(r#","statusOverride":{status}"#));
        let body = envelope::serialize_envelope(&EnvelopeParts {
            id: EventId(0),
            kind,
            created_at: ambient.now(),
            company: subscription.company,
            payload: &payload,
            metadata: Some(&format!(r#"{{"test":true{status}}}"#)),
        })?;
        let sender = &self.shared.sender;
        let secret = self.unseal(subscription.id, sealed)?;
        let target = sender.target(&subscription.spec.target_url, subscription.dates.updated_at, &secret);
        let parcel = WebhookRequest {
            event: EventId(0),
            event_type: kind,
            delivery: None,
            attempt_number: 1,
            body: body.into(),
        };
        Ok(sender.post(&target, parcel, ambient).await)
    }

    /// Unseals the signing secret of a subscription.
    pub(super) fn unseal(&self, id: SubscriptionId, sealed: &[u8]) -> Result<Secret, Error> {
        self.shared.vault.unseal(id, sealed)
    }
}

/// Validates a test request; returns its event type, if one is named.
fn validate_test(probe: &TestDraft) -> Result<Option<EventType>, Error> {
    let mut faults = Vec::new();
    let kind = probe.event_type.as_deref().map(EventType::named);
    if kind == Some(None) {
        faults.push(FieldError::new("eventType", "must be one of the ten event types"));
    }
    if matches!(&probe.payload, TestPayload::Given(payload) if !payload.trim_start().starts_with('{')) {
        faults.push(FieldError::new("samplePayload", "must be an object"));
    }
    let is_simple = |status: &String| status.len() <= 200 && !status.starts_with(['{', '[', 't', 'f']);
    if !probe.status_override.as_ref().is_none_or(is_simple) {
        faults.push(FieldError::new("statusOverride", "must be a text or a number, at most 200 characters"));
    }
    if faults.is_empty() { Ok(kind.flatten()) } else { Err(Error::Invalid(faults)) }
}

/// Enables a subscription within the caller's transaction; an enabled one stays unchanged.
pub(super) fn enable_subscription(
    connection: &Connection,
    (caller, ambient): (&Caller, &RuntimeEnv),
    before: &WebhookSubscription,
    missed: MissedPolicy,
) -> Result<(), store::Error> {
    let Some((reason, since)) = before.disabled else { return Ok(()) };
    let (id, now) = (before.id, ambient.now());
    let replay = match missed {
        MissedPolicy::Leave => None,
        MissedPolicy::Replay => plan_missed(connection, (caller, ambient), before, since)?,
    };
    store::subscriptions::enable(connection, id, now)?;
    store::trips::record_enabled(connection, id, &caller.display_name(), before.n_missed, now)?;
    let n_resumed = store::deliveries::resume(connection, id, now)?;
    let change = AuditedChange {
        action: "enable subscription",
        subject: format!("subscription {id}"),
        before: Some(format!("disabled: {}, {} missed", reason.name(), before.n_missed)),
        after: Some(match replay {
            Some(replay) => format!("enabled, {n_resumed} resumed, the rest by replay {replay}"),
            None => format!("enabled, {n_resumed} resumed"),
        }),
        reason: None,
    };
    caller.append_audit_row(connection, ambient, change)
}

/// Disables a subscription within the caller's transaction, or sets the reason of one that is manually disabled.
pub(super) fn disable_subscription(
    connection: &Connection,
    (caller, ambient): (&Caller, &RuntimeEnv),
    before: &WebhookSubscription,
    reason: Option<String>,
) -> Result<(), store::Error> {
    let id = before.id;
    match (before.disabled, reason) {
        (Some((DisabledReason::Manual, _)), Some(reason)) => set_reason(connection, (caller, ambient), id, reason),
        (Some(_), _) => Ok(()),
        (None, reason) => disable_and_hold(connection, (caller, ambient), id, reason),
    }
}

/// Sets the reason of a manually disabled subscription.
fn set_reason(
    connection: &Connection,
    (caller, ambient): (&Caller, &RuntimeEnv),
    id: SubscriptionId,
    reason: String,
) -> Result<(), store::Error> {
    let said = store::subscriptions::note(connection, id)?;
    store::subscriptions::set_note(connection, id, &reason, ambient.now())?;
    let change = AuditedChange {
        action: "mark subscription as intended",
        subject: format!("subscription {id}"),
        before: said,
        after: Some(reason),
        reason: None,
    };
    caller.append_audit_row(connection, ambient, change)
}

/// Disables an enabled subscription and puts its deliveries on hold.
fn disable_and_hold(
    connection: &Connection,
    (caller, ambient): (&Caller, &RuntimeEnv),
    id: SubscriptionId,
    reason: Option<String>,
) -> Result<(), store::Error> {
    store::subscriptions::disable(connection, id, (DisabledReason::Manual, reason.as_deref()), ambient.now())?;
    let n_on_hold = store::deliveries::hold(connection, id)?;
    let change = AuditedChange {
        action: "disable subscription",
        subject: format!("subscription {id}"),
        before: Some("enabled".to_owned()),
        after: Some(format!("disabled: manual, {n_on_hold} on hold")),
        reason,
    };
    caller.append_audit_row(connection, ambient, change)
}
