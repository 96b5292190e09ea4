//! Authentication of API keys and operator tokens by peppered hash, in memory; the first request after a revocation
//! fails.

use super::Engine;
use crate::clock::RuntimeEnv;
use crate::domain::ids::{KeyId, OperatorId};
use crate::domain::key::{self, ApiKey, KeyFormatError, LAST_USED_INTERVAL};
use crate::domain::operator::{OperatorAccount, OperatorRole};
use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;
use crate::domain::window::{RateBucket, RateLimitOutcome};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Reason why an API key is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRejection {
    /// The text has not the form of a key.
    Malformed(KeyFormatError),
    /// No key has this hash, or the key belongs to another company than its text says.
    Unknown,
    /// The key was revoked earlier.
    Revoked,
}

/// API keys of the platform by peppered hash.
#[derive(Debug, Default)]
pub(super) struct ApiKeyCache(RwLock<HashMap<[u8; 32], Arc<ApiKey>>>);

impl ApiKeyCache {
    pub(super) fn load(keys: Vec<([u8; 32], ApiKey)>) -> Self {
        Self(RwLock::new(keys.into_iter().map(|(hash, key)| (hash, Arc::new(key))).collect()))
    }

    pub(super) fn get(&self, hash: &[u8; 32]) -> Option<Arc<ApiKey>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(hash).cloned()
    }

    pub(super) fn all(&self) -> Vec<Arc<ApiKey>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    pub(super) fn by_id(&self, id: KeyId) -> Option<Arc<ApiKey>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().find(|key| key.id == id).cloned()
    }

    pub(super) fn add(&self, hash: [u8; 32], key: ApiKey) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(hash, Arc::new(key));
    }

    pub(super) fn change(&self, id: KeyId, change: impl FnOnce(&mut ApiKey)) {
        let mut keys = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = keys.values_mut().find(|key| key.id == id) {
            change(Arc::make_mut(key));
        }
    }
}

/// Operators by the peppered hash of their token.
#[derive(Debug, Default)]
pub(super) struct OperatorTokenCache(RwLock<HashMap<[u8; 32], OperatorAccount>>);

impl OperatorTokenCache {
    pub(super) fn load(operators: Vec<([u8; 32], OperatorAccount)>) -> Self {
        Self(RwLock::new(operators.into_iter().collect()))
    }

    pub(super) fn get(&self, hash: &[u8; 32]) -> Option<OperatorAccount> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(hash).cloned()
    }

    pub(super) fn add(&self, hash: [u8; 32], operator: OperatorAccount) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(hash, operator);
    }

    /// Removes the token of an operator. Returns false and keeps the token if the operator is the last admin.
    pub(super) fn revoke(&self, id: OperatorId) -> bool {
        let mut operators = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let is_admin = |operator: &&OperatorAccount| operator.role == OperatorRole::Admin;
        // Session operators of this process have number 0 and do not count as admins that remain.
        let is_last_admin = operators.values().any(|operator| operator.id == id && is_admin(&operator))
            && !operators.values().filter(is_admin).any(|other| other.id != id && other.id != OperatorId(0));
        if !is_last_admin {
            operators.retain(|_, operator| operator.id != id);
        }
        !is_last_admin
    }
}

impl Engine {
    /// Authenticates an API key and records its use.
    ///
    /// # Errors
    /// [`KeyRejection`] with the reason; the key is never repeated.
    pub fn authenticate(&self, text: &str) -> Result<Arc<ApiKey>, KeyRejection> {
        let company = key::parse_key_company(text).map_err(KeyRejection::Malformed)?;
        let found = self.shared.api_keys.get(&self.shared.vault.hash(text)).ok_or(KeyRejection::Unknown)?;
        if found.company != company {
            return Err(KeyRejection::Unknown);
        }
        if found.revoked_at.is_some() {
            return Err(KeyRejection::Revoked);
        }
        self.record_key_use(&found);
        Ok(found)
    }

    /// Finds the operator that an operator token belongs to.
    #[must_use]
    pub fn authenticate_operator(&self, text: &str) -> Option<OperatorAccount> {
        let hash = self.shared.vault.hash(text);
        self.shared.operator_tokens.0.read().unwrap_or_else(PoisonError::into_inner).get(&hash).cloned()
    }

    /// Whether an operator has a valid token.
    #[must_use]
    pub fn is_operator(&self, id: OperatorId) -> bool {
        let tokens = self.shared.operator_tokens.0.read().unwrap_or_else(PoisonError::into_inner);
        tokens.values().any(|operator| operator.id == id)
    }

    /// Counts a call of a key in the rate window of a bucket, and decides whether the call is admitted.
    #[must_use]
    pub fn admit_call(&self, key: &ApiKey, bucket: RateBucket) -> RateLimitOutcome {
        self.shared.rate_limiter.admit(key.id, bucket, key.limits.for_bucket(bucket), self.shared.ambient.now())
    }

    /// Updates the last use of a key, at most once per five minutes.
    fn record_key_use(&self, key: &ApiKey) {
        let now = self.shared.ambient.now();
        let is_due = |last: Option<Timestamp>| last.is_none_or(|last| now.since(last) >= LAST_USED_INTERVAL);
        if !is_due(key.last_used_at) {
            return;
        }
        self.shared.api_keys.change(key.id, |key| key.last_used_at = Some(now));
        self.shared.request_log.record_key_use(key.id, now);
    }
}

/// Generates an API key of a company: `wlcro_live_{company}_{43 characters}`.
pub(super) fn new_key(ambient: &RuntimeEnv, company: crate::domain::ids::CompanyId) -> Secret {
    Secret::new(format!("wlcro_live_{company}_{}", URL_SAFE_NO_PAD.encode(ambient.random_bytes::<32>())))
}

/// Generates an operator token: `wlop_{43 characters}`.
pub(super) fn new_token(ambient: &RuntimeEnv) -> Secret {
    Secret::new(format!("wlop_{}", URL_SAFE_NO_PAD.encode(ambient.random_bytes::<32>())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_admins_that_revoke_each_other_one_stays() {
        let operator = |id, role| {
            ([u8::try_from(id).unwrap(); 32], OperatorAccount { id: OperatorId(id), name: String::new(), role })
        };
        // The first lives in this process alone: who comes back tomorrow is not let in by it.
        let tokens = OperatorTokenCache::load(vec![
            operator(0, OperatorRole::Admin),
            operator(1, OperatorRole::Admin),
            operator(2, OperatorRole::Admin),
            operator(3, OperatorRole::Viewer),
        ]);
        let revoked: Vec<bool> = std::thread::scope(|scope| {
            [1, 2]
                .map(|id| {
                    scope.spawn({
                        let tokens = &tokens;
                        move || tokens.revoke(OperatorId(id))
                    })
                })
                .map(|done| done.join().unwrap())
                .into()
        });
        assert_eq!(revoked.iter().filter(|is_revoked| **is_revoked).count(), 1, "{revoked:?}");
        assert!(tokens.revoke(OperatorId(3)) && tokens.revoke(OperatorId(3)), "again changes nothing");
        let last = if revoked[0] { 2 } else { 1 };
        assert!(!tokens.revoke(OperatorId(last)));
        assert_eq!(tokens.0.read().unwrap().len(), 2);
    }
}
