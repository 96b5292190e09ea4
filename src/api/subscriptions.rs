//! Subscriptions: the partner's object, and the operator's row with its health.

use super::keys::ShownOnce;
use crate::domain::breaker::{FUSE, forecast};
use crate::domain::event::EventType;
use crate::domain::health::Tally;
use crate::domain::ids::{CompanyId, SubscriptionId};
use crate::domain::patch::Patch;
use crate::domain::standing::{Disabled, SubscriptionFacts};
use crate::domain::subscription;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::time::Duration;
use utoipa::ToSchema;

/// A webhook subscription.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// Its number.
    pub id: SubscriptionId,
    /// Whose.
    pub company_id: CompanyId,
    /// Where events go.
    pub target_url: Untrusted,
    /// Which events.
    pub event_types: Vec<Untrusted>,
    /// Whether events go there now.
    pub is_enabled: bool,
    /// What somebody wrote about it.
    #[serde(default)]
    pub description: Option<Untrusted>,
    /// The tool that owns it: `Zapier`, `n8n`, `Make`.
    #[serde(default)]
    pub managed_by: Option<Untrusted>,
    /// Scheduled attempts failed in a row.
    #[serde(default)]
    pub consecutive_failures: u32,
    /// Why it is off.
    #[serde(default)]
    pub disabled_reason: Option<Disabled>,
    /// Since when it is off.
    #[serde(default, with = "super::time::optional_seconds")]
    pub disabled_utc: Option<Timestamp>,
    /// The latest attempt.
    #[serde(default, with = "super::time::optional_seconds")]
    pub last_attempt_utc: Option<Timestamp>,
    /// The latest success.
    #[serde(default, with = "super::time::optional_seconds")]
    pub last_success_utc: Option<Timestamp>,
    /// When it was created.
    #[serde(with = "super::time::seconds")]
    pub created_utc: Timestamp,
    /// When it was last changed.
    #[serde(with = "super::time::seconds")]
    pub updated_utc: Timestamp,
}

/// The body of `POST /api/v1/webhooks/subscriptions`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewSubscription {
    /// https, public, at most 2,048 characters.
    #[serde(default)]
    #[schema(required = true)]
    pub target_url: String,
    /// 1 to 10 of the ten, without repeats.
    #[serde(default)]
    #[schema(required = true, value_type = Vec<EventType>, min_items = 1, max_items = 10)]
    pub event_types: Vec<String>,
    /// At most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `Zapier`, `n8n` or `Make`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_by: Option<String>,
    /// 24 to 128 visible ASCII characters; 32 random bytes in Base64 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signing_secret: Option<ShownOnce>,
}

/// The body of `PATCH /api/v1/webhooks/subscriptions/{id}`; what is absent stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionPatch {
    /// https, public, at most 2,048 characters; cannot be cleared.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<String>)]
    pub target_url: Patch<String>,
    /// 1 to 10 of the ten, without repeats; cannot be cleared.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<Vec<String>>)]
    pub event_types: Patch<Vec<String>>,
    /// At most 200 characters; null clears it.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<String>)]
    pub description: Patch<String>,
    /// Switches it on or off; cannot be cleared.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<bool>)]
    pub is_enabled: Patch<bool>,
}

/// The answer to the creating POST: the only place where the signing secret appears.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedSubscription {
    /// The subscription.
    #[serde(flatten)]
    pub subscription: Subscription,
    /// Shown once.
    pub signing_secret: ShownOnce,
}

/// Scheduled attempts over some window, with the upper bounds of the latency bins that hold the percentiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rate {
    /// Attempts that succeeded.
    pub n_succeeded: u64,
    /// Attempts that failed.
    pub n_failed: u64,
    /// Half were at most this slow; milliseconds, upper bound of a bin; null without attempts.
    pub p50_ms: Option<u32>,
    /// 95 % were.
    pub p95_ms: Option<u32>,
    /// 99 % were.
    pub p99_ms: Option<u32>,
}

impl Rate {
    /// The counts alone.
    #[must_use]
    pub const fn tally(&self) -> Tally {
        Tally { n_ok: self.n_succeeded, n_failed: self.n_failed }
    }
}

/// How a subscription does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// The last five minutes.
    pub last_5m: Rate,
    /// The last hour.
    pub last_1h: Rate,
    /// The last day.
    pub last_24h: Rate,
    /// The first failure of the present streak.
    pub streak_began_utc: Option<Timestamp>,
    /// The latest failure of the present streak.
    pub streak_latest_utc: Option<Timestamp>,
    /// The earliest time at which a waiting delivery was or is due.
    pub next_due_utc: Option<Timestamp>,
    /// Deliveries that wait for their time or are under way.
    pub n_backlog: u64,
    /// Events that passed by since it is off.
    pub n_skipped: u64,
    /// Deliveries that wait for it to be enabled.
    pub n_parked: u64,
}

/// A subscription with its health.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionRow {
    /// The subscription.
    #[serde(flatten)]
    pub subscription: Subscription,
    /// How it does.
    pub health: Health,
    /// What was said when it was switched off by hand, or since: it marks that as intended.
    #[serde(default)]
    pub disabled_note: Option<Untrusted>,
}

impl SubscriptionRow {
    /// What a judgement needs.
    #[must_use]
    pub const fn facts(&self) -> SubscriptionFacts {
        SubscriptionFacts {
            disabled: self.subscription.disabled_reason,
            disabled_at: self.subscription.disabled_utc,
            is_intended: self.disabled_note.is_some(),
            streak: self.subscription.consecutive_failures,
            hour: self.health.last_1h.tally(),
            last_attempt_at: self.subscription.last_attempt_utc,
        }
    }

    /// How long until the breaker trips at the pace of the present streak; `None` without a streak of three.
    #[must_use]
    pub fn trips_after(&self) -> Option<Duration> {
        let streak = self.subscription.consecutive_failures.min(FUSE);
        forecast(streak, self.health.streak_began_utc?, self.health.streak_latest_utc?)
    }
}

/// What to do with the events that passed by while a subscription was off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplayChoice {
    /// Leave them.
    #[default]
    None,
    /// Deliver them now.
    Skipped,
}

/// The body of `POST /portal/v1/subscriptions/{id}/enable`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
pub struct Enable {
    /// What passed by.
    #[serde(default)]
    pub replay: ReplayChoice,
}

/// The body of `POST /portal/v1/subscriptions/{id}/disable`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct Disable {
    /// Why, at most 500 characters: it marks this as intended and stands in the audit. One that is off by hand already is marked.
    #[serde(default)]
    pub reason: Option<String>,
    /// `off`: only if it is off already, so that it is marked and never switched.
    #[serde(default)]
    pub only: Only,
}

/// Which subscriptions a disabling is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Only {
    /// Whichever.
    #[default]
    Any,
    /// Those that are off.
    Off,
}

/// The body of `POST …/test`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TestDelivery {
    /// Which type's sample; the subscription's first if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// True if absent: a realistic sample is sent; otherwise an empty object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_sample_payload: Option<bool>,
    /// The payload to be sent, byte by byte; an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub sample_payload: Option<Box<RawValue>>,
    /// A text or a number that stands in the metadata as `statusOverride`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    pub status_override: Option<Box<RawValue>>,
}

/// What a test delivery came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TestResult {
    /// 2xx in time.
    pub success: bool,
    /// Null if no answer came.
    pub status_code: Option<u16>,
    /// From the look-up of the name to the last byte.
    pub elapsed_ms: u64,
    /// Whether the body below was cut.
    pub response_body_truncated: bool,
    /// At most 16 KiB.
    pub response_body: Untrusted,
    /// Where it went.
    pub target_url_used: Untrusted,
    /// Why there was no answer.
    #[serde(default)]
    pub error: Option<Untrusted>,
}

impl From<subscription::Subscription> for Subscription {
    fn from(of: subscription::Subscription) -> Self {
        let (disabled_reason, disabled_utc) = of.off.unzip();
        Self {
            id: of.id,
            company_id: of.company,
            target_url: Untrusted::new(of.wish.target_url),
            event_types: of.wish.event_types.iter().map(|kind| Untrusted::new(kind.name())).collect(),
            is_enabled: disabled_reason.is_none(),
            description: of.wish.description.map(Untrusted::new),
            managed_by: of.wish.managed_by.map(Untrusted::new),
            consecutive_failures: of.breaker.streak,
            disabled_reason,
            disabled_utc,
            last_attempt_utc: of.last_attempt_at,
            last_success_utc: of.last_success_at,
            created_utc: of.dates.created_at,
            updated_utc: of.dates.updated_at,
        }
    }
}
