//! Companies and API keys, as operators see them.

use crate::domain;
use crate::domain::health_status::{HealthAssessment, KeyFacts, ProbedKeyFacts, assess_key, assess_probed_key};
use crate::domain::ids::{CompanyId, KeyId};
use crate::domain::key::ApiKey;
use crate::domain::patch::FieldPatch;
use crate::domain::scope::KeyScope;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::domain::window::RateBucket;
use serde::{Deserialize, Serialize};

/// Company: a tenant that owns keys, subscriptions, events and clients.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CompanyRow {
    /// ID of the company; part of every key of the company.
    pub id: CompanyId,
    /// Name of the company, for display; null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub name: Option<Untrusted>,
    /// Time at which the company was created; null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub created_utc: Option<Timestamp>,
}

/// Body of `POST /portal/v1/companies`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct NewCompany {
    /// Name of the company, 1 to 200 characters.
    #[serde(default)]
    #[cfg_attr(test, schema(required = true, min_length = 1, max_length = 200))]
    pub name: String,
}

/// Rate limits of a key, in calls a minute per bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct RateLimits {
    /// Calls a minute in the read bucket.
    pub read: u32,
    /// Calls a minute in the write bucket.
    pub write: u32,
    /// Calls a minute in the admin bucket.
    pub admin: u32,
}

impl RateLimits {
    /// Limit of a bucket in calls a minute.
    #[must_use]
    pub const fn for_bucket(&self, bucket: RateBucket) -> u32 {
        match bucket {
            RateBucket::Read => self.read,
            RateBucket::Write => self.write,
            RateBucket::Admin => self.admin,
        }
    }
}

/// Rate limits requested for a new key; null or absent means the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct RequestedLimits {
    /// Calls a minute in the read bucket, 1 to 1,000,000; the default if null or absent.
    #[serde(default)]
    #[cfg_attr(test, schema(minimum = 1, maximum = 1_000_000))]
    pub read: Option<u32>,
    /// Calls a minute in the write bucket, 1 to 1,000,000; the default if null or absent.
    #[serde(default)]
    #[cfg_attr(test, schema(minimum = 1, maximum = 1_000_000))]
    pub write: Option<u32>,
    /// Calls a minute in the admin bucket, 1 to 1,000,000; the default if null or absent.
    #[serde(default)]
    #[cfg_attr(test, schema(minimum = 1, maximum = 1_000_000))]
    pub admin: Option<u32>,
}

/// Body of `PATCH /portal/v1/keys/{id}/limits`: absent limits are kept, null restores the default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct LimitsPatch {
    /// Calls a minute in the read bucket, 1 to 1,000,000; null restores the default.
    #[serde(default, skip_serializing_if = "FieldPatch::is_keep")]
    #[cfg_attr(test, schema(value_type = Option<u32>, minimum = 1, maximum = 1_000_000))]
    pub read: FieldPatch<u32>,
    /// Calls a minute in the write bucket, 1 to 1,000,000; null restores the default.
    #[serde(default, skip_serializing_if = "FieldPatch::is_keep")]
    #[cfg_attr(test, schema(value_type = Option<u32>, minimum = 1, maximum = 1_000_000))]
    pub write: FieldPatch<u32>,
    /// Calls a minute in the admin bucket, 1 to 1,000,000; null restores the default.
    #[serde(default, skip_serializing_if = "FieldPatch::is_keep")]
    #[cfg_attr(test, schema(value_type = Option<u32>, minimum = 1, maximum = 1_000_000))]
    pub admin: FieldPatch<u32>,
}

impl From<&RequestedLimits> for LimitsPatch {
    fn from(wish: &RequestedLimits) -> Self {
        let all = |limit: Option<u32>| limit.map_or(FieldPatch::Clear, FieldPatch::Set);
        Self { read: all(wish.read), write: all(wish.write), admin: all(wish.admin) }
    }
}

/// Body of `POST /portal/v1/keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct NewKey {
    /// Company that the key is created for.
    pub company_id: CompanyId,
    /// Name of the key for display, 1 to 100 characters.
    #[serde(default)]
    #[cfg_attr(test, schema(required = true, min_length = 1, max_length = 100))]
    pub name: String,
    /// Scopes of the key, at least one. Scopes never change after creation.
    #[serde(default)]
    #[cfg_attr(test, schema(required = true, min_items = 1))]
    pub scopes: Vec<KeyScope>,
    /// Rate limits of the key; the defaults if absent.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "super::object::maybe")]
    pub limits: Option<RequestedLimits>,
}

/// Calls made with a key in the last minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RecentKeyUsage {
    /// Number of calls in the last 60 seconds.
    pub n_last_minute: u64,
    /// Number of calls in the last 60 seconds answered 4xx, including 429.
    pub n_client_errors: u64,
    /// Number of calls in the last 60 seconds answered 429.
    pub n_limited: u64,
    /// Number of calls in the last 60 seconds answered 5xx.
    pub n_server_errors: u64,
}

/// API key without its secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct KeyRow {
    /// ID of the key, unique on the platform.
    pub id: KeyId,
    /// Company that the key belongs to.
    pub company_id: CompanyId,
    /// Name of the key, for display.
    pub name: Untrusted,
    /// Last four characters of the key.
    pub last4: Untrusted,
    /// Scopes of the key, fixed at creation; where `missingScopes` is given, those that the key is known to have.
    pub scopes: Vec<KeyScope>,
    /// Scopes that the key is known to lack; absent where `scopes` is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_scopes: Option<Vec<KeyScope>>,
    /// Whether the key authenticates: true until the key is revoked, null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub is_active: Option<bool>,
    /// Reason for which an observed platform rejects the key, in the platform's words; absent if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Untrusted>,
    /// Time at which the key was created; null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub created_utc: Option<Timestamp>,
    /// Time at which the key last authenticated a call; updated at most once in 5 minutes, null if never. From an
    /// observer, the time of the observer's own last call with the key.
    pub last_used_utc: Option<Timestamp>,
    /// Time at which the key was revoked; null while the key is active.
    pub revoked_utc: Option<Timestamp>,
    /// Rate limits of the key, in calls a minute per bucket; null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub limits: Option<RateLimits>,
    /// Calls made with the key in the last minute; null if unknown.
    #[cfg_attr(test, schema(required = true))]
    pub usage: Option<RecentKeyUsage>,
}

impl KeyRow {
    /// Assesses the health of the key: from its use, or from what an observer's own calls with it showed.
    #[must_use]
    pub fn assess(&self, now: Timestamp) -> HealthAssessment {
        let Some(usage) = self.usage else {
            return assess_probed_key(&ProbedKeyFacts {
                refused: self.refusal.as_ref().map(Untrusted::sanitized),
                used_at: self.last_used_utc,
                n_unknown: self.unknown_scopes().count(),
            });
        };
        let facts = KeyFacts {
            created_at: self.created_utc,
            last_used_at: self.last_used_utc,
            revoked_at: self.revoked_utc,
            n_limited: usage.n_limited,
            n_server_errors: usage.n_server_errors,
            n_refused: usage.n_client_errors.saturating_sub(usage.n_limited),
            n_calls: usage.n_last_minute,
        };
        assess_key(&facts, now)
    }

    /// Iterates over the scopes that the key may have or lack.
    pub fn unknown_scopes(&self) -> impl Iterator<Item = KeyScope> {
        let missing = self.missing_scopes.as_deref();
        KeyScope::ALL.into_iter().filter(move |scope| {
            missing.is_some_and(|missing| !missing.contains(scope) && !self.scopes.contains(scope))
        })
    }
}

/// Response to `POST /portal/v1/keys`: the only response that carries the key itself.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CreatedKey {
    /// Key that was created, without its secret.
    #[serde(flatten)]
    pub row: KeyRow,
    /// Full API key, shown only in this response.
    pub key: OneTimeSecret,
}

/// Response to `POST /portal/v1/keys/{id}/revoke`: the revocation is already in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RevokedKey {
    /// Key that was revoked, without its secret.
    #[serde(flatten)]
    pub row: KeyRow,
    /// Reason why the revocation is not on disk yet, such as a full disk. The write is retried until it succeeds; a
    /// restart before that would undo the revocation. Absent once the revocation is on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_pending: Option<Untrusted>,
}

/// Returns the clause to append to "… is revoked" while the revocation is not on disk; empty otherwise.
#[must_use]
pub fn pending_write_clause(write_pending: Option<&Untrusted>) -> String {
    write_pending.map_or_else(String::new, |why| format!("; {}", why.sanitized()))
}

/// Secret in the one answer or request that may carry it. `Debug` output does not contain the secret.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OneTimeSecret(String);

impl OneTimeSecret {
    /// Wraps a revealed secret for a response.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Unwraps the secret into the type that protects secrets in memory.
    #[must_use]
    pub fn into_secret(self) -> crate::domain::secret::Secret {
        crate::domain::secret::Secret::new(self.0)
    }
}

impl std::fmt::Debug for OneTimeSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OneTimeSecret(…)")
    }
}

impl From<domain::company::Company> for CompanyRow {
    fn from(of: domain::company::Company) -> Self {
        Self { id: of.id, name: Some(Untrusted::new(of.name)), created_utc: Some(of.created_at) }
    }
}

impl KeyRow {
    /// Builds the row of a stored key and its recent usage.
    #[must_use]
    pub fn new(of: &ApiKey, usage: RecentKeyUsage) -> Self {
        let limit = |bucket| of.limits.for_bucket(bucket);
        Self {
            id: of.id,
            company_id: of.company,
            name: Untrusted::new(of.name.as_str()),
            last4: Untrusted::new(of.last4.as_str()),
            scopes: of.scopes.iter().collect(),
            missing_scopes: None,
            is_active: Some(of.revoked_at.is_none()),
            refusal: None,
            created_utc: Some(of.created_at),
            last_used_utc: of.last_used_at,
            revoked_utc: of.revoked_at,
            limits: Some(RateLimits {
                read: limit(RateBucket::Read),
                write: limit(RateBucket::Write),
                admin: limit(RateBucket::Admin),
            }),
            usage: Some(usage),
        }
    }
}
