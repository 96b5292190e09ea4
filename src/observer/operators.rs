//! Operators of an observer: who may use its Portal API, by the hash of their token.

use crate::clock::RuntimeEnv;
use crate::domain::ids::OperatorId;
use crate::domain::operator::{OperatorAccount, OperatorRole};
use crate::domain::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// SHA-256 of an operator token. A token has 256 random bits, so that its hash cannot be searched.
type TokenHash = [u8; 32];

/// Operators whose tokens are accepted.
#[derive(Debug, Default)]
pub struct ObserverOperators(RwLock<HashMap<TokenHash, OperatorAccount>>);

impl ObserverOperators {
    /// Creates an admin whose token exists only in this process's memory.
    #[must_use]
    pub fn mint_session_token(&self, ambient: &RuntimeEnv, name: &str) -> Secret {
        let token = Secret::new(format!("wlop_{}", URL_SAFE_NO_PAD.encode(ambient.random_bytes::<32>())));
        let account = OperatorAccount { id: OperatorId(0), name: name.to_owned(), role: OperatorRole::Admin };
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(hash(token.reveal()), account);
        token
    }

    /// Finds the operator with this token.
    #[must_use]
    pub fn authenticate(&self, token: &str) -> Option<OperatorAccount> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&hash(token)).cloned()
    }

    /// Whether an operator has a valid token.
    #[must_use]
    pub fn has(&self, id: OperatorId) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().any(|operator| operator.id == id)
    }
}

fn hash(token: &str) -> TokenHash {
    Sha256::digest(token).into()
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
}
