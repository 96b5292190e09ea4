//! API keys and operator tokens in memory, by peppered hash, and the form of new ones.

use crate::clock::RuntimeEnv;
use crate::domain::ids::{KeyId, OperatorId};
use crate::domain::key::ApiKey;
use crate::domain::operator::{OperatorAccount, OperatorRole};
use crate::domain::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

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

    /// Whether an operator has a valid token.
    pub(super) fn has(&self, id: OperatorId) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().any(|operator| operator.id == id)
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
