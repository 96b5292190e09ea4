//! Operators of an observer: who may use its Portal API, by the hash of their token. An observer in the process of a
//! console or command has one operator, that process; `crow observe` has those that its history keeps.

use crate::clock::RuntimeEnv;
use crate::domain::ids::OperatorId;
use crate::domain::operator::{OperatorAccount, OperatorRole};
use crate::domain::secret::Secret;
use crate::history::operators::{KeptOperator, TokenHash};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Operators whose tokens are accepted.
#[derive(Debug, Default)]
pub struct ObserverOperators(RwLock<HashMap<TokenHash, OperatorAccount>>);

/// Creates an operator token.
#[must_use]
pub fn new_token(ambient: &RuntimeEnv) -> Secret {
    Secret::new(format!("wlop_{}", URL_SAFE_NO_PAD.encode(ambient.random_bytes::<32>())))
}

/// Returns the hash of an operator token.
#[must_use]
pub fn token_hash(token: &str) -> TokenHash {
    Sha256::digest(token).into()
}

impl ObserverOperators {
    /// Creates an admin whose token exists only in this process's memory.
    #[must_use]
    pub fn mint_session_token(&self, ambient: &RuntimeEnv, name: &str) -> Secret {
        let token = new_token(ambient);
        let account = OperatorAccount { id: OperatorId(0), name: name.to_owned(), role: OperatorRole::Admin };
        self.write().insert(token_hash(token.reveal()), account);
        token
    }

    /// Accepts the tokens of the operators that are not revoked.
    pub fn accept(&self, kept: impl IntoIterator<Item = KeptOperator>) {
        let active = kept.into_iter().filter(|of| of.revoked_at.is_none());
        self.write().extend(active.map(|of| (of.token_hash, of.account)));
    }

    /// Whether the operators are kept, and can be created and revoked.
    #[must_use]
    pub fn are_kept(&self) -> bool {
        self.read().values().any(|operator| operator.id != OperatorId(0))
    }

    /// Rejects the token of an operator from now on. Returns `false`, and changes nothing, for the last admin that is
    /// kept.
    #[must_use]
    pub fn revoke(&self, id: OperatorId) -> bool {
        let mut accounts = self.write();
        let is_other_admin =
            |of: &OperatorAccount| of.role == OperatorRole::Admin && of.id != OperatorId(0) && of.id != id;
        if accounts.values().any(|of| of.id == id && of.role == OperatorRole::Admin)
            && !accounts.values().any(is_other_admin)
        {
            return false;
        }
        accounts.retain(|_, of| of.id != id);
        true
    }

    /// Finds the operator with this token.
    #[must_use]
    pub fn authenticate(&self, token: &str) -> Option<OperatorAccount> {
        self.read().get(&token_hash(token)).cloned()
    }

    /// Whether an operator has a valid token.
    #[must_use]
    pub fn has(&self, id: OperatorId) -> bool {
        self.read().values().any(|operator| operator.id == id)
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<TokenHash, OperatorAccount>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<TokenHash, OperatorAccount>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    #[test]
    fn only_the_token_that_was_minted_is_accepted() {
        let ambient = RuntimeEnv::scripted(Timestamp::from_millis(0), 1);
        let operators = ObserverOperators::default();
        let token = operators.mint_session_token(&ambient, "console");
        let found = operators.authenticate(token.reveal()).expect("it is known");
        assert_eq!((found.name.as_str(), found.role), ("console", OperatorRole::Admin));
        assert!(operators.has(OperatorId(0)) && !operators.has(OperatorId(1)));
        assert!(token.reveal().starts_with("wlop_") && token.reveal().len() == 48);
        for other in ["", "wlop_", &token.reveal()[..47]] {
            assert_eq!(operators.authenticate(other), None, "{other}");
        }
    }

    #[test]
    fn a_revoked_token_is_rejected_and_the_last_admin_stays() {
        let kept = |id, role, token: &str, revoked_at| KeptOperator {
            account: OperatorAccount { id: OperatorId(id), name: format!("operator {id}"), role },
            token_hash: token_hash(token),
            created_at: Timestamp::from_millis(1),
            revoked_at,
        };
        let operators = ObserverOperators::default();
        assert!(!operators.are_kept());
        operators.accept([
            kept(1, OperatorRole::Admin, "one", None),
            kept(2, OperatorRole::Viewer, "two", None),
            kept(3, OperatorRole::Admin, "three", Some(Timestamp::from_millis(2))),
        ]);
        assert!(operators.are_kept());
        assert_eq!(operators.authenticate("three"), None, "it was revoked before");
        assert!(!operators.revoke(OperatorId(1)), "the last admin");
        assert!(operators.revoke(OperatorId(2)));
        assert_eq!(operators.authenticate("two"), None);
        assert_eq!(operators.authenticate("one").map(|of| of.id), Some(OperatorId(1)));
    }
}
