//! Companies and their keys, as operators see them.

use crate::domain;
use crate::domain::ids::{CompanyId, KeyId};
use crate::domain::key::{Key, Scope};
use crate::domain::patch::Patch;
use crate::domain::standing::KeyFacts;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::domain::window::Bucket;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A company.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Company {
    /// Its number, the one in its keys.
    pub id: CompanyId,
    /// Its name.
    pub name: Untrusted,
    /// When it was created.
    pub created_utc: Timestamp,
}

/// The body of `POST /portal/v1/companies`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewCompany {
    /// 1 to 200 characters.
    #[serde(default)]
    #[schema(required = true, min_length = 1, max_length = 200)]
    pub name: String,
}

/// Calls a minute per bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Limits {
    /// Of the read bucket.
    pub read: u32,
    /// Of the write bucket.
    pub write: u32,
    /// Of the admin bucket.
    pub admin: u32,
}

/// Limits as they can be asked for: null or absent means the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct LimitsWish {
    /// Of the read bucket.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub read: Option<u32>,
    /// Of the write bucket.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub write: Option<u32>,
    /// Of the admin bucket.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub admin: Option<u32>,
}

/// The body of `PATCH /portal/v1/keys/{id}/limits`; what is absent stays, null means the default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct LimitsPatch {
    /// Of the read bucket.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1_000_000)]
    pub read: Patch<u32>,
    /// Of the write bucket.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1_000_000)]
    pub write: Patch<u32>,
    /// Of the admin bucket.
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1_000_000)]
    pub admin: Patch<u32>,
}

impl From<&LimitsWish> for LimitsPatch {
    fn from(wish: &LimitsWish) -> Self {
        let all = |limit: Option<u32>| limit.map_or(Patch::Clear, Patch::Set);
        Self { read: all(wish.read), write: all(wish.write), admin: all(wish.admin) }
    }
}

/// The body of `POST /portal/v1/keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewKey {
    /// Whose.
    pub company_id: CompanyId,
    /// 1 to 100 characters.
    #[serde(default)]
    #[schema(required = true, min_length = 1, max_length = 100)]
    pub name: String,
    /// At least one; they never change.
    #[serde(default)]
    #[schema(required = true, min_items = 1)]
    pub scopes: Vec<Scope>,
    /// Absent: the defaults.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "super::object::maybe")]
    pub limits: Option<LimitsWish>,
}

/// Calls of a key in the last minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// All calls of the last 60 seconds.
    pub n_last_minute: u64,
    /// Those answered 4xx, 429 among them.
    pub n_client_errors: u64,
    /// Those answered 429.
    pub n_limited: u64,
    /// Those answered 5xx.
    pub n_server_errors: u64,
}

/// A key, without the key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyRow {
    /// Its number.
    pub id: KeyId,
    /// Whose.
    pub company_id: CompanyId,
    /// What people call it.
    pub name: Untrusted,
    /// Its last four characters.
    pub last4: Untrusted,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Whether it authenticates.
    pub is_active: bool,
    /// When it was created.
    pub created_utc: Timestamp,
    /// When it last authenticated a call; moves at most once in five minutes.
    pub last_used_utc: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_utc: Option<Timestamp>,
    /// Calls a minute.
    pub limits: Limits,
    /// Calls of the last minute.
    pub usage: Usage,
}

impl KeyRow {
    /// What a judgement needs.
    #[must_use]
    pub const fn facts(&self) -> KeyFacts {
        KeyFacts {
            created_at: self.created_utc,
            last_used_at: self.last_used_utc,
            revoked_at: self.revoked_utc,
            n_limited: self.usage.n_limited,
            n_broken: self.usage.n_server_errors,
        }
    }
}

/// The answer to `POST /portal/v1/keys`: the only place where the key itself appears.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatedKey {
    /// The key's row.
    #[serde(flatten)]
    pub row: KeyRow,
    /// The key, shown once.
    pub key: ShownOnce,
}

/// The answer to `POST /portal/v1/keys/{id}/revoke`: the revocation is in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevokedKey {
    /// The key's row.
    #[serde(flatten)]
    pub row: KeyRow,
    /// Why the revocation is not on disk yet, as on a full disk: the write is retried until it succeeds, and a restart before that would
    /// undo the revocation. Absent once it is on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_pending: Option<Untrusted>,
}

/// What is to be said behind "… is revoked" of a revocation that is not on disk yet; else nothing.
#[must_use]
pub fn pending_remark(write_pending: Option<&Untrusted>) -> String {
    write_pending.map_or_else(String::new, |why| format!("; {}", why.inert()))
}

/// A secret in the one answer that may carry it. Debug does not print it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShownOnce(String);

impl ShownOnce {
    /// Puts a revealed secret into an answer.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Takes it out, into custody again.
    #[must_use]
    pub fn into_secret(self) -> crate::domain::secret::Secret {
        crate::domain::secret::Secret::new(self.0)
    }
}

impl std::fmt::Debug for ShownOnce {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ShownOnce(…)")
    }
}

impl From<domain::company::Company> for Company {
    fn from(of: domain::company::Company) -> Self {
        Self { id: of.id, name: Untrusted::new(of.name), created_utc: of.created_at }
    }
}

impl KeyRow {
    /// A key's row.
    #[must_use]
    pub fn new(of: &Key, usage: Usage) -> Self {
        let limit = |bucket| of.limits.of(bucket);
        Self {
            id: of.id,
            company_id: of.company,
            name: Untrusted::new(of.name.as_str()),
            last4: Untrusted::new(of.last4.as_str()),
            scopes: of.scopes.iter().collect(),
            is_active: of.revoked_at.is_none(),
            created_utc: of.created_at,
            last_used_utc: of.last_used_at,
            revoked_utc: of.revoked_at,
            limits: Limits { read: limit(Bucket::Read), write: limit(Bucket::Write), admin: limit(Bucket::Admin) },
            usage,
        }
    }
}
