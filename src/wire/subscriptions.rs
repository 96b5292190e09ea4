//! Subscriptions: the object of the Integration API, and the operator's row with its health.

use super::keys::OneTimeSecret;
use crate::domain::breaker::{FAILURE_THRESHOLD, forecast_trip};
use crate::domain::disabled_reason::DisabledReason;
use crate::domain::health_status::{
    HealthAssessment, ListingFacts, SubscriptionFacts, assess_listing, assess_subscription,
};
use crate::domain::ids::{CompanyId, SubscriptionId};
use crate::domain::patch::FieldPatch;
use crate::domain::subscription::{self, SubscriptionChange, SubscriptionDraft, SubscriptionRevision};
use crate::domain::success_rate::SuccessCounts;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::time::Duration;

/// Webhook subscription of a company: a target URL and the event types sent there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// ID of the subscription, unique on the platform.
    pub id: SubscriptionId,
    /// Company that owns the subscription.
    pub company_id: CompanyId,
    /// URL that events are delivered to.
    pub target_url: Untrusted,
    /// Event types that are delivered to the subscription.
    pub event_types: Vec<Untrusted>,
    /// Whether events are delivered to the subscription now.
    pub is_enabled: bool,
    /// Free-text description given by the subscription's owner.
    #[serde(default)]
    pub description: Option<Untrusted>,
    /// Tool that manages the subscription: `Zapier`, `n8n` or `Make`; null if none does.
    #[serde(default)]
    pub managed_by: Option<Untrusted>,
    /// Number of scheduled attempts that failed in a row; null if unknown. At 20 the breaker disables the
    /// subscription.
    #[serde(default)]
    #[cfg_attr(test, schema(required = true))]
    pub consecutive_failures: Option<u32>,
    /// Reason why the subscription is disabled; null while it is enabled.
    #[serde(default)]
    pub disabled_reason: Option<DisabledReason>,
    /// Time at which the subscription was disabled; null while it is enabled, or if the time is unknown.
    #[serde(default, with = "super::time::optional_seconds")]
    pub disabled_utc: Option<Timestamp>,
    /// Time of the latest attempt; null before the first.
    #[serde(default, with = "super::time::optional_seconds")]
    pub last_attempt_utc: Option<Timestamp>,
    /// Time of the latest successful attempt; null before the first.
    #[serde(default, with = "super::time::optional_seconds")]
    pub last_success_utc: Option<Timestamp>,
    /// Time at which the subscription was created; null if unknown.
    #[serde(default, with = "super::time::optional_seconds")]
    #[cfg_attr(test, schema(required = true))]
    pub created_utc: Option<Timestamp>,
    /// Time at which the subscription was last changed; null if unknown.
    #[serde(default, with = "super::time::optional_seconds")]
    #[cfg_attr(test, schema(required = true))]
    pub updated_utc: Option<Timestamp>,
}

/// Body of `POST /api/v1/webhooks/subscriptions`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct NewSubscription {
    /// Target URL: https, a public address, at most 2,048 characters.
    #[serde(default)]
    #[cfg_attr(test, schema(required = true))]
    pub target_url: String,
    /// Event types to deliver: 1 to 10 of the ten, without repeats.
    #[serde(default)]
    #[cfg_attr(test, schema(required = true, value_type = Vec<crate::domain::event::EventType>, min_items = 1, max_items = 10))]
    pub event_types: Vec<String>,
    /// Free-text description, at most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Tool that manages the subscription: `Zapier`, `n8n` or `Make`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_by: Option<String>,
    /// Signing secret of 24 to 128 visible ASCII characters. If absent, the platform generates 32 random bytes in
    /// Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_secret: Option<OneTimeSecret>,
}

/// Body of `PATCH /api/v1/webhooks/subscriptions/{id}`; absent fields keep their values.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionPatch {
    /// Target URL: https, a public address, at most 2,048 characters. Cannot be null.
    #[serde(default, skip_serializing_if = "FieldPatch::is_keep")]
    #[cfg_attr(test, schema(value_type = Option<String>))]
    pub target_url: FieldPatch<String>,
    /// Event types to deliver: 1 to 10 of the ten, without repeats. Cannot be null.
    #[serde(default, skip_serializing_if = "FieldPatch::is_keep")]
    #[cfg_attr(test, schema(value_type = Option<Vec<String>>))]
    pub event_types: FieldPatch<Vec<String>>,
    /// Free-text description, at most 200 characters; null clears it.
    #[serde(default, skip_serializing_if = "FieldPatch::is_keep")]
    #[cfg_attr(test, schema(value_type = Option<String>))]
    pub description: FieldPatch<String>,
    /// Whether the subscription is enabled. Cannot be null.
    #[serde(default, skip_serializing_if = "FieldPatch::is_keep")]
    #[cfg_attr(test, schema(value_type = Option<bool>))]
    pub is_enabled: FieldPatch<bool>,
}

/// Response to `POST /api/v1/webhooks/subscriptions`: the only response that carries the signing secret.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CreatedSubscription {
    /// Subscription that was created by the call.
    #[serde(flatten)]
    pub subscription: Subscription,
    /// Signing secret of the subscription, shown only in this response.
    pub signing_secret: OneTimeSecret,
}

/// Scheduled attempts over a time window: counts and latency percentiles. A percentile is the upper bound of its
/// latency bin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AttemptSummary {
    /// Number of attempts that succeeded.
    pub n_succeeded: u64,
    /// Number of attempts that failed.
    pub n_failed: u64,
    /// Median latency in milliseconds, as the upper bound of its bin; null without attempts.
    pub p50_ms: Option<u32>,
    /// 95th percentile of the latency in milliseconds, as the upper bound of its bin; null without attempts.
    pub p95_ms: Option<u32>,
    /// 99th percentile of the latency in milliseconds, as the upper bound of its bin; null without attempts.
    pub p99_ms: Option<u32>,
}

impl AttemptSummary {
    /// Returns the success and failure counts without the latencies.
    #[must_use]
    pub const fn tally(&self) -> SuccessCounts {
        SuccessCounts { n_ok: self.n_succeeded, n_failed: self.n_failed }
    }
}

/// Health of a subscription: recent success rates, failures in a row, and deliveries waiting. An observer knows it from
/// the deliveries that a listener in front of the receiver took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DeliveryHealth {
    /// Scheduled attempts of the last 5 minutes.
    pub last_5m: AttemptSummary,
    /// Scheduled attempts of the last hour.
    pub last_1h: AttemptSummary,
    /// Scheduled attempts of the last 24 hours.
    pub last_24h: AttemptSummary,
    /// Time of the first of the current failures in a row; null without one.
    pub streak_began_utc: Option<Timestamp>,
    /// Time of the latest of the current failures in a row; null without one.
    pub streak_latest_utc: Option<Timestamp>,
    /// Earliest due time of a pending delivery, in the past or the future; null without one.
    pub next_due_utc: Option<Timestamp>,
    /// Number of deliveries that are pending or in flight; null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub n_backlog: Option<u64>,
    /// Number of events missed since the subscription was disabled; null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub n_skipped: Option<u64>,
    /// Number of deliveries on hold until the subscription is enabled again; null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub n_parked: Option<u64>,
}

impl DeliveryHealth {
    /// Number of events that were missed or are on hold; `None` if it is not known.
    #[must_use]
    pub fn n_missed_or_held(&self) -> Option<u64> {
        Some(self.n_skipped? + self.n_parked?)
    }

    /// Number of deliveries that wait for their time or for the subscription to be enabled; `None` if it is not known.
    #[must_use]
    pub fn n_waiting(&self) -> Option<u64> {
        Some(self.n_backlog? + self.n_parked?)
    }
}

/// Subscription with its health, as operators see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionRow {
    /// Subscription as the Integration API shows it.
    #[serde(flatten)]
    pub subscription: Subscription,
    /// Health of the subscription at the time of the response; null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub health: Option<DeliveryHealth>,
    /// Last time at which an observer saw the subscription enabled before it was disabled; the change lies between this
    /// time and `disabledUtc`. Absent where `disabledUtc` is exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_after_utc: Option<Timestamp>,
    /// Reason given for disabling the subscription manually, then or later. If present, the subscription is off
    /// intentionally and raises no alert.
    #[serde(default)]
    pub disabled_note: Option<Untrusted>,
}

impl SubscriptionRow {
    /// Assesses the health of the subscription: from its deliveries, or from its configuration where an observer knows
    /// no more.
    #[must_use]
    pub fn assess(&self) -> HealthAssessment {
        let of = &self.subscription;
        // Deliveries do not tell why a subscription is off.
        let is_told = of.is_enabled || of.disabled_reason.is_some();
        let Some(health) = self.health.as_ref().filter(|_| is_told) else {
            let went_off = self.disabled_after_utc.zip(of.disabled_utc);
            return assess_listing(&ListingFacts {
                is_enabled: of.is_enabled,
                reason: of.disabled_reason,
                has_reason: self.disabled_note.is_some(),
                streak: of.consecutive_failures,
                disabled_between: went_off.filter(|_| !of.is_enabled),
            });
        };
        assess_subscription(&SubscriptionFacts {
            disabled: of.disabled_reason,
            disabled_at: of.disabled_utc,
            has_reason: self.disabled_note.is_some(),
            streak: self.failures_in_a_row(),
            hour: health.last_1h.tally(),
            last_attempt_at: of.last_attempt_utc,
        })
    }

    /// Returns the number of failures in a row; 0 if it is not known.
    #[must_use]
    pub fn failures_in_a_row(&self) -> u32 {
        self.subscription.consecutive_failures.unwrap_or(0)
    }

    /// Returns the time until the breaker trips at the pace of the current failures in a row; `None` with fewer than
    /// three, and once the breaker has tripped.
    #[must_use]
    pub fn trips_after(&self) -> Option<Duration> {
        let (streak, health) = (self.failures_in_a_row().min(FAILURE_THRESHOLD), self.health.as_ref()?);
        forecast_trip(streak, health.streak_began_utc?, health.streak_latest_utc?)
    }
}

/// Revision of a subscription: one configuration, in force from a point in time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RevisionRow {
    /// Revision number, from 1; the highest is in force.
    pub revision: u32,
    /// Time at which the revision came into force.
    pub since_utc: Timestamp,
    /// URL that events were delivered to.
    pub target_url: Untrusted,
    /// Event types that were delivered.
    pub event_types: Vec<Untrusted>,
    /// Free-text description given by the subscription's owner.
    pub description: Option<Untrusted>,
    /// Tool that managed the subscription; null if none did.
    pub managed_by: Option<Untrusted>,
}

/// Body of `POST /portal/v1/subscriptions/{id}/rollback`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct RollbackRequest {
    /// Revision number whose configuration is restored.
    pub revision: u32,
}

/// Handling of the events that a subscription missed while it was disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MissedEventsChoice {
    /// Leave missed events undelivered (the default).
    #[default]
    None,
    /// Deliver missed events as soon as the subscription is enabled.
    #[serde(alias = "skipped")]
    Missed,
}

/// Body of `POST /portal/v1/subscriptions/{id}/enable`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct EnableSubscription {
    /// Handling of the events missed while the subscription was disabled; `none` if absent.
    #[serde(default)]
    pub replay: MissedEventsChoice,
}

/// Body of `POST /portal/v1/subscriptions/{id}/disable`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct DisableSubscription {
    /// Reason, at most 500 characters. A reason marks the subscription as intentionally off and is recorded in the
    /// audit trail; a subscription that is already off manually is marked too.
    #[serde(default)]
    pub reason: Option<String>,
    /// `off` marks a subscription only if it is already off, and never disables one; `any` if absent.
    #[serde(default)]
    pub only: DisableScope,
}

impl DisableSubscription {
    /// Disables a subscription for this reason, whatever its state.
    #[must_use]
    pub fn because(reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), only: DisableScope::Any }
    }
}

/// Restriction of a disable call to subscriptions in a certain state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DisableScope {
    /// Applies to every subscription, enabled or not (the default).
    #[default]
    Any,
    /// Applies only to subscriptions that are already off.
    Off,
}

/// Body of `POST …/subscriptions/{id}/test`, in both APIs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TestDelivery {
    /// Event type of the sample; the subscription's first type if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// Whether to send a realistic sample payload (true if absent) or an empty object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_sample_payload: Option<bool>,
    /// Payload to send unchanged; must be an object, and takes precedence over the sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(value_type = Option<Object>))]
    pub sample_payload: Option<Box<RawValue>>,
    /// Text or number that is sent in the event's metadata as `statusOverride`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schema(value_type = Option<Value>))]
    pub status_override: Option<Box<RawValue>>,
}

/// Result of a test delivery, which is logged but counts neither for the breaker nor for success rates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct TestResult {
    /// Whether the receiver answered with a 2xx status in time.
    pub success: bool,
    /// HTTP status of the receiver's response; null if none came.
    pub status_code: Option<u16>,
    /// Duration in milliseconds, from the DNS look-up to the last byte of the response.
    pub elapsed_ms: u64,
    /// Whether `responseBody` is only the beginning of the body.
    pub response_body_truncated: bool,
    /// Body of the receiver's response, at most 16 KiB.
    pub response_body: Untrusted,
    /// URL that the test was sent to.
    pub target_url_used: Untrusted,
    /// Reason why no response came; null if one did.
    #[serde(default)]
    pub error: Option<Untrusted>,
}

impl From<subscription::WebhookSubscription> for Subscription {
    fn from(of: subscription::WebhookSubscription) -> Self {
        let (disabled_reason, disabled_utc) = of.disabled.unzip();
        Self {
            id: of.id,
            company_id: of.company,
            target_url: Untrusted::new(of.spec.target_url),
            event_types: of.spec.event_types.iter().map(|kind| Untrusted::new(kind.name())).collect(),
            is_enabled: disabled_reason.is_none(),
            description: of.spec.description.map(Untrusted::new),
            managed_by: of.spec.managed_by.map(Untrusted::new),
            consecutive_failures: Some(of.breaker.failures_in_a_row),
            disabled_reason,
            disabled_utc,
            last_attempt_utc: of.last_attempt_at,
            last_success_utc: of.last_success_at,
            created_utc: Some(of.dates.created_at),
            updated_utc: Some(of.dates.updated_at),
        }
    }
}

impl NewSubscription {
    /// Creates the body for a target and the names of event types, without optional fields.
    #[must_use]
    pub fn new(target_url: impl Into<String>, event_types: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            target_url: target_url.into(),
            event_types: event_types.into_iter().map(Into::into).collect(),
            description: None,
            managed_by: None,
            signing_secret: None,
        }
    }
}

impl From<NewSubscription> for SubscriptionDraft {
    fn from(of: NewSubscription) -> Self {
        Self {
            target_url: of.target_url,
            event_types: of.event_types,
            description: of.description,
            managed_by: of.managed_by,
            signing_secret: of.signing_secret.map(OneTimeSecret::into_secret),
        }
    }
}

impl From<SubscriptionPatch> for SubscriptionChange {
    fn from(of: SubscriptionPatch) -> Self {
        let SubscriptionPatch { target_url, event_types, description, is_enabled } = of;
        Self { target_url, event_types, description, is_enabled }
    }
}

impl From<SubscriptionRevision> for RevisionRow {
    fn from(of: SubscriptionRevision) -> Self {
        Self {
            revision: of.number,
            since_utc: of.at,
            target_url: Untrusted::new(of.spec.target_url),
            event_types: of.spec.event_types.iter().map(|kind| Untrusted::new(kind.name())).collect(),
            description: of.spec.description.map(Untrusted::new),
            managed_by: of.spec.managed_by.map(Untrusted::new),
        }
    }
}

impl Subscription {
    /// Creates an enabled subscription to a target, without event types, failures or attempts.
    #[must_use]
    pub const fn new(id: SubscriptionId, company_id: CompanyId, target_url: Untrusted, created_utc: Timestamp) -> Self {
        Self {
            id,
            company_id,
            target_url,
            event_types: Vec::new(),
            is_enabled: true,
            description: None,
            managed_by: None,
            consecutive_failures: Some(0),
            disabled_reason: None,
            disabled_utc: None,
            last_attempt_utc: None,
            last_success_utc: None,
            created_utc: Some(created_utc),
            updated_utc: Some(created_utc),
        }
    }
}
