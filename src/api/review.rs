//! The regular review of a platform: what should go, what fails, what is due, and what changed since the last one.

use super::trips::TripRow;
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The name and version of its document.
pub const AUDIT: &str = "crow.audit/1";
/// Days after which a key or a signing secret is due to be replaced.
pub const ROTATION_DAYS: u64 = 365;

/// How far back a review looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    /// 30 days.
    Month,
    /// 90 days.
    Quarter,
}

impl Period {
    /// How many days.
    #[must_use]
    pub const fn days(self) -> u64 {
        match self {
            Self::Month => 30,
            Self::Quarter => 90,
        }
    }
}

/// A key, and for how long something is so with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyAge {
    /// Which.
    pub id: KeyId,
    /// Whose.
    pub company_id: CompanyId,
    /// What people call it.
    pub name: Untrusted,
    /// Its last four characters.
    pub last4: Untrusted,
    /// When it was last used; null if never.
    pub last_used_utc: Option<Timestamp>,
    /// For how many days.
    pub days: u64,
}

/// A key with scopes that it never used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdleScopes {
    /// Which.
    pub id: KeyId,
    /// What people call it.
    pub name: Untrusted,
    /// What it was given and never used.
    pub scopes: Vec<String>,
}

/// How a subscription did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Success {
    /// Which.
    pub id: SubscriptionId,
    /// Whose.
    pub company_id: CompanyId,
    /// Where it sends to.
    pub target_url: Untrusted,
    /// Scheduled attempts of the period that succeeded.
    pub n_ok: u64,
    /// Those that failed.
    pub n_failed: u64,
    /// Success in percent; null without attempts.
    pub percent: Option<u64>,
}

/// A subscription that is off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Switched {
    /// Which.
    pub id: SubscriptionId,
    /// Whose.
    pub company_id: CompanyId,
    /// Where it sent to.
    pub target_url: Untrusted,
    /// `manual` or `circuit_breaker`.
    pub reason: String,
    /// Why it was switched off by hand, if somebody said it.
    #[serde(default)]
    pub note: Option<Untrusted>,
    /// Since when.
    pub since_utc: Option<Timestamp>,
    /// Events that passed by.
    pub n_skipped: u64,
}

/// The signing secret of a subscription, by its age alone: it is as old as the subscription, as it can only be replaced with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretAge {
    /// Whose.
    pub id: SubscriptionId,
    /// Where it sends to.
    pub target_url: Untrusted,
    /// Days.
    pub days: u64,
}

/// One day of the period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Day {
    /// When it began.
    pub utc: Timestamp,
    /// Scheduled attempts that succeeded.
    pub n_ok: u64,
    /// Those that failed.
    pub n_failed: u64,
    /// Requests.
    pub n_requests: u64,
    /// Those answered 429.
    pub n_limited: u64,
    /// Those answered 5xx.
    pub n_server_errors: u64,
}

/// How often something was changed by operators and keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Acted {
    /// What.
    pub action: Untrusted,
    /// How often in the period.
    pub n: u64,
}

/// How a review came about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Frame {
    /// The platform's address.
    pub platform: String,
    /// Our version.
    pub crow: String,
    /// How far back.
    pub period: Period,
    /// From when.
    pub since_utc: Timestamp,
    /// Until when: the platform's clock.
    pub until_utc: Timestamp,
    /// When the review was made that this one is held against; null if there is none.
    pub last_utc: Option<Timestamp>,
}

/// The review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Review {
    /// How it came about.
    pub frame: Frame,
    /// Active keys.
    pub n_keys: u64,
    /// Subscriptions.
    pub n_subscriptions: u64,
    /// Active keys unused for 30 days or more, longest first.
    pub unused: Vec<KeyAge>,
    /// Scopes of active keys that were never used.
    pub idle_scopes: Vec<IdleScopes>,
    /// Every subscription's success over the period, worst first.
    pub success: Vec<Success>,
    /// Trips of the period, newest first.
    pub trips: Vec<TripRow>,
    /// Subscriptions that are off.
    pub off: Vec<Switched>,
    /// Ages of keys that are due to be replaced, oldest first.
    pub due_keys: Vec<KeyAge>,
    /// Ages of signing secrets, oldest first.
    pub secrets: Vec<SecretAge>,
    /// Day by day, oldest first.
    pub days: Vec<Day>,
    /// Changes of the period in the audit trail, most frequent first.
    pub acted: Vec<Acted>,
    /// What is other than in the last review, line by line.
    pub changes: Vec<String>,
    /// What could not be learnt, and why.
    pub unknown: Vec<String>,
}

/// Success in percent below which a subscription is called low.
pub const LOW: u64 = 95;

impl Review {
    /// Subscriptions that did badly.
    pub fn low(&self) -> impl Iterator<Item = &Success> {
        self.success.iter().filter(|of| of.percent.is_some_and(|percent| percent < LOW))
    }

    /// Signing secrets that are due to be replaced.
    pub fn due_secrets(&self) -> impl Iterator<Item = &SecretAge> {
        self.secrets.iter().filter(|of| of.days >= ROTATION_DAYS)
    }

    /// What is other than in `last`, in lines.
    #[must_use]
    pub fn since(&self, last: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut compare = |what: &str, now: Vec<String>, then: Vec<String>| {
            lines.extend(now.iter().filter(|one| !then.contains(one)).map(|one| format!("new: {what} {one}")));
            lines.extend(then.iter().filter(|one| !now.contains(one)).map(|one| format!("gone: {what} {one}")));
        };
        let key = |of: &KeyAge| format!("key {} ({})", of.id, of.name.inert());
        let unused = |of: &Self| of.unused.iter().map(key).collect();
        compare("unused", unused(self), unused(last));
        let due = |of: &Self| of.due_keys.iter().map(key).collect();
        compare("due to be replaced:", due(self), due(last));
        let scopes = |of: &Self| {
            let scopes = of.idle_scopes.iter();
            scopes.map(|of| format!("key {} ({}): {}", of.id, of.name.inert(), of.scopes.join(" "))).collect()
        };
        compare("never used scopes of", scopes(self), scopes(last));
        let low =
            |of: &Self| of.low().map(|of| format!("subscription {} ({})", of.id, of.target_url.inert())).collect();
        compare("low success of", low(self), low(last));
        let off =
            |of: &Self| of.off.iter().map(|of| format!("subscription {} ({})", of.id, of.target_url.inert())).collect();
        compare("off:", off(self), off(last));
        let known = |of: &Self| of.secrets.iter().map(|of| format!("subscription {}", of.id)).collect();
        compare("the", known(self), known(last));
        if self.n_keys != last.n_keys {
            lines.push(format!("active keys: {} were {}", self.n_keys, last.n_keys));
        }
        lines
    }
}
