//! The regular review of a platform: unused access, failing subscriptions, overdue rotations, and changes since the
//! last review.

use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::wire::trips::TripRow;
use serde::{Deserialize, Serialize};

/// Name and version of the review document.
pub const REVIEW_DOCUMENT: &str = "crow.audit/2";
/// Age in days from which a key or a signing secret is due for rotation.
pub const ROTATION_DAYS: u64 = 365;

/// Period that a review covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ReviewPeriod {
    /// The last 30 days before the review.
    Month,
    /// The last 90 days before the review.
    Quarter,
}

impl ReviewPeriod {
    /// Returns the length of the period in days.
    #[must_use]
    pub const fn days(self) -> u64 {
        match self {
            Self::Month => 30,
            Self::Quarter => 90,
        }
    }
}

/// API key with an age in days: since its last use, or since its creation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct KeyAge {
    /// Number of the key, unique on the platform.
    pub id: KeyId,
    /// Company that the key belongs to.
    pub company_id: CompanyId,
    /// Name of the key, for display.
    pub name: Untrusted,
    /// Last four characters of the key.
    pub last4: Untrusted,
    /// Time at which the key was last used; null if never.
    pub last_used_utc: Option<Timestamp>,
    /// Number of days since the key's last use or creation.
    pub days: u64,
}

/// API key with the scopes that it never used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct IdleScopes {
    /// Number of the key, unique on the platform.
    pub id: KeyId,
    /// Name of the key, for display.
    pub name: Untrusted,
    /// Scopes of the key that were never used.
    pub scopes: Vec<String>,
}

/// Success rate of a subscription over the period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionSuccess {
    /// Number of the subscription, unique on the platform.
    pub id: SubscriptionId,
    /// Company that owns the subscription.
    pub company_id: CompanyId,
    /// URL that the subscription delivers to.
    pub target_url: Untrusted,
    /// Number of scheduled attempts that succeeded in the period.
    pub n_ok: u64,
    /// Number of scheduled attempts that failed in the period.
    pub n_failed: u64,
    /// Success rate in percent; null without attempts.
    pub percent: Option<u64>,
}

/// Subscription that is disabled, with the reason and what it missed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct DisabledSubscription {
    /// Number of the subscription, unique on the platform.
    pub id: SubscriptionId,
    /// Company that owns the subscription.
    pub company_id: CompanyId,
    /// URL that the subscription delivered to.
    pub target_url: Untrusted,
    /// Reason why it is disabled: `manual` or `circuit_breaker`; `unknown` if the platform does not report it.
    pub reason: String,
    /// Reason given for disabling the subscription manually; null if none was given.
    #[serde(default)]
    pub note: Option<Untrusted>,
    /// Time at which the subscription was disabled; null if unknown.
    pub since_utc: Option<Timestamp>,
    /// Number of events that the subscription has missed since; null if it is not known.
    #[cfg_attr(test, schema(required = true))]
    pub n_skipped: Option<u64>,
}

/// Age of a subscription's signing secret. The secret is as old as its subscription, since it can only be replaced
/// together with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SecretAge {
    /// Subscription that the signing secret belongs to.
    pub id: SubscriptionId,
    /// URL that the subscription delivers to.
    pub target_url: Untrusted,
    /// Age of the signing secret in days.
    pub days: u64,
}

/// Attempts and requests of one day of the period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReviewDay {
    /// Time at which the day begins.
    pub utc: Timestamp,
    /// Number of scheduled attempts that succeeded.
    pub n_ok: u64,
    /// Number of scheduled attempts that failed.
    pub n_failed: u64,
    /// Number of requests to the Integration API.
    pub n_requests: u64,
    /// Number of requests answered 429, which the rate limit refused.
    pub n_limited: u64,
    /// Number of requests answered 5xx.
    pub n_server_errors: u64,
}

/// Number of changes of one kind that operators and keys made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct ActionCount {
    /// Kind of change, as in the audit trail.
    pub action: Untrusted,
    /// Number of changes of this kind in the period.
    pub n: u64,
}

/// Origin of a review: the platform, the period and the previous review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReviewHeader {
    /// Base address of the platform that was reviewed.
    pub platform: String,
    /// Version of the crow that made the review.
    pub crow: String,
    /// Period that the review covers.
    pub period: ReviewPeriod,
    /// Start of the period that the review covers.
    pub since_utc: Timestamp,
    /// End of the period, by the platform's clock.
    pub until_utc: Timestamp,
    /// Time of the previous review that this one is compared with; null if there is none.
    pub last_utc: Option<Timestamp>,
}

/// Review of a platform over a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PlatformReview {
    /// Origin of the review: platform, period and previous review.
    pub frame: ReviewHeader,
    /// Number of active API keys.
    pub n_keys: u64,
    /// Number of subscriptions on the platform.
    pub n_subscriptions: u64,
    /// Active keys that were not used for 30 days or more, longest unused first.
    pub unused: Vec<KeyAge>,
    /// Scopes of active keys that were never used.
    pub idle_scopes: Vec<IdleScopes>,
    /// Success rate of every subscription over the period, worst first.
    pub success: Vec<SubscriptionSuccess>,
    /// Trips of the breaker in the period, newest first.
    pub trips: Vec<TripRow>,
    /// Subscriptions that are disabled, with the reason.
    pub off: Vec<DisabledSubscription>,
    /// Active keys that are due for rotation, oldest first.
    pub due_keys: Vec<KeyAge>,
    /// Ages of all signing secrets, oldest first.
    pub secrets: Vec<SecretAge>,
    /// Counts of each day of the period, oldest first.
    pub days: Vec<ReviewDay>,
    /// Changes of the period in the audit trail by kind, most frequent first.
    pub acted: Vec<ActionCount>,
    /// Differences from the previous review, line by line.
    pub changes: Vec<String>,
    /// Data that could not be obtained, each with the reason.
    pub unknown: Vec<String>,
}

/// Success rate in percent below which a subscription is reported as low.
pub const LOW_SUCCESS_PERCENT: u64 = 95;

impl PlatformReview {
    /// Iterates over the subscriptions with a success rate below [`LOW_SUCCESS_PERCENT`].
    pub fn low_success(&self) -> impl Iterator<Item = &SubscriptionSuccess> {
        self.success.iter().filter(|of| of.percent.is_some_and(|percent| percent < LOW_SUCCESS_PERCENT))
    }

    /// Iterates over the signing secrets that are due for rotation.
    pub fn due_secrets(&self) -> impl Iterator<Item = &SecretAge> {
        self.secrets.iter().filter(|of| of.days >= ROTATION_DAYS)
    }

    /// Compares the review with the previous one and returns the differences, line by line.
    #[must_use]
    pub fn differences_from(&self, last: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut compare = |what: &str, now: Vec<String>, then: Vec<String>| {
            lines.extend(now.iter().filter(|one| !then.contains(one)).map(|one| format!("new: {what} {one}")));
            lines.extend(then.iter().filter(|one| !now.contains(one)).map(|one| format!("gone: {what} {one}")));
        };
        let key = |of: &KeyAge| format!("key {} ({})", of.id, of.name.sanitized());
        let unused = |of: &Self| of.unused.iter().map(key).collect();
        compare("unused", unused(self), unused(last));
        let due = |of: &Self| of.due_keys.iter().map(key).collect();
        compare("due for rotation:", due(self), due(last));
        let scopes = |of: &Self| {
            let scopes = of.idle_scopes.iter();
            scopes.map(|of| format!("key {} ({}): {}", of.id, of.name.sanitized(), of.scopes.join(" "))).collect()
        };
        compare("unused scopes:", scopes(self), scopes(last));
        let low = |of: &Self| {
            of.low_success().map(|of| format!("subscription {} ({})", of.id, of.target_url.sanitized())).collect()
        };
        compare("low success:", low(self), low(last));
        let off = |of: &Self| {
            of.off.iter().map(|of| format!("subscription {} ({})", of.id, of.target_url.sanitized())).collect()
        };
        compare("disabled:", off(self), off(last));
        let known = |of: &Self| of.secrets.iter().map(|of| of.id.to_string()).collect();
        compare("subscription", known(self), known(last));
        if self.n_keys != last.n_keys {
            lines.push(format!("active keys: {}, before {}", self.n_keys, last.n_keys));
        }
        lines
    }
}
