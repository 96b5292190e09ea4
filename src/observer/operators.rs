//! Operators of an observer: who may use its Portal API, by the hash of their token. An observer in the process of a
//! console or command has one operator, that process; `crow observe` has those that its history keeps.

use crate::clock::RuntimeEnv;
use crate::domain::ids::OperatorId;
use crate::domain::operator::{OperatorAccount, OperatorRole};
use crate::domain::secret::Secret;
use crate::history::operators::{KeptOperator, OperatorWatch, TokenHash};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Operators whose tokens are accepted. Those that are kept may be created and revoked by other processes that share the
/// history; every question finds the present ones.
#[derive(Debug, Default)]
pub struct ObserverOperators {
    accounts: RwLock<AcceptedOperators>,
    /// Watch of the operators that are kept; `None` where none are.
    watch: Mutex<Option<OperatorWatch>>,
}

/// Accounts by the hash of their token.
#[derive(Debug, Default)]
struct AcceptedOperators {
    active: HashMap<TokenHash, OperatorAccount>,
    /// Operators whose revocation is in force here and not known to be stored.
    revoked_here: HashSet<OperatorId>,
}

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
        self.write().active.insert(token_hash(token.reveal()), account);
        token
    }

    /// Accepts the operators that a history keeps, now and after every change.
    pub fn accept_kept(&self, watch: OperatorWatch) {
        *self.lock_watch() = Some(watch);
        self.refresh();
    }

    /// Whether the operators are kept, and can be created and revoked.
    #[must_use]
    pub fn are_kept(&self) -> bool {
        self.lock_watch().is_some()
    }

    /// Rejects the token of an operator from now on. Returns `false`, and changes nothing, for the last admin that is
    /// kept. The revocation is then to be stored, and [`Self::settle_revocation`] to be called.
    #[must_use]
    pub fn revoke(&self, id: OperatorId) -> bool {
        self.refresh();
        let mut accounts = self.write();
        let is_other_admin =
            |of: &OperatorAccount| of.role == OperatorRole::Admin && of.id != OperatorId(0) && of.id != id;
        if accounts.active.values().any(|of| of.id == id && of.role == OperatorRole::Admin)
            && !accounts.active.values().any(is_other_admin)
        {
            return false;
        }
        accounts.active.retain(|_, of| of.id != id);
        accounts.revoked_here.insert(id);
        true
    }

    /// Ends a revocation that the history has decided on: what it keeps holds again.
    pub fn settle_revocation(&self, id: OperatorId) {
        self.write().revoked_here.remove(&id);
        if let Some(watch) = self.lock_watch().as_mut() {
            watch.forget();
        }
    }

    /// Finds the operator with this token.
    #[must_use]
    pub fn authenticate(&self, token: &str) -> Option<OperatorAccount> {
        self.refresh();
        self.read().active.get(&token_hash(token)).cloned()
    }

    /// Whether an operator has a valid token.
    #[must_use]
    pub fn has(&self, id: OperatorId) -> bool {
        self.refresh();
        self.read().active.values().any(|operator| operator.id == id)
    }

    /// Reads the operators again if the history changed. While it cannot be read, those that are known stay.
    fn refresh(&self) {
        let mut watch = self.lock_watch();
        let Some(Ok(Some(kept))) = watch.as_mut().map(OperatorWatch::read_changes) else { return };
        // The watch stays locked, so that no older reading replaces a newer one.
        let mut accounts = self.write();
        let accounts = &mut *accounts;
        accounts.active.retain(|_, of| of.id == OperatorId(0));
        let is_active = |of: &KeptOperator| of.revoked_at.is_none() && !accounts.revoked_here.contains(&of.account.id);
        accounts.active.extend(kept.into_iter().filter(is_active).map(|of| (of.token_hash, of.account)));
    }

    fn lock_watch(&self) -> MutexGuard<'_, Option<OperatorWatch>> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> RwLockReadGuard<'_, AcceptedOperators> {
        self.accounts.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, AcceptedOperators> {
        self.accounts.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;
    use crate::history::PlatformHistory;
    use std::path::Path;

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

    const fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    /// Operators of a process that shares the history at `path`.
    fn of_process(path: &Path) -> (PlatformHistory, ObserverOperators) {
        let history = PlatformHistory::open(path).expect("it opens");
        let operators = ObserverOperators::default();
        operators.accept_kept(history.watch_operators().expect("it opens"));
        (history, operators)
    }

    #[tokio::test]
    async fn a_revoked_token_is_rejected_and_the_last_admin_stays() {
        assert!(!ObserverOperators::default().are_kept());
        let dir = tempfile::tempdir().expect("a directory");
        let (history, operators) = of_process(&dir.path().join("history.db"));
        assert!(operators.are_kept());
        let names = [("one", OperatorRole::Admin), ("two", OperatorRole::Viewer), ("three", OperatorRole::Admin)];
        for (name, role) in names {
            let added = history.add_operator(name.to_owned(), role, token_hash(name), at(1)).await;
            added.expect("written").expect("the name is free");
        }
        assert!(history.revoke_operator(OperatorId(3), at(2)).await.expect("written"));
        assert_eq!(operators.authenticate("three"), None, "it was revoked before");
        assert!(!operators.revoke(OperatorId(1)), "the last admin");
        assert!(operators.revoke(OperatorId(2)));
        // The revocation is in force before it is stored, whatever else changes meanwhile.
        assert_eq!(operators.authenticate("two"), None);
        let added = history.add_operator("four".to_owned(), OperatorRole::Viewer, token_hash("four"), at(3)).await;
        added.expect("written").expect("the name is free");
        assert_eq!((operators.authenticate("two"), operators.has(OperatorId(4))), (None, true));
        assert!(history.revoke_operator(OperatorId(2), at(3)).await.expect("written"));
        operators.settle_revocation(OperatorId(2));
        assert_eq!(operators.authenticate("two"), None);
        assert_eq!(operators.authenticate("one").map(|of| of.id), Some(OperatorId(1)));
    }

    #[tokio::test]
    async fn what_one_process_changes_holds_in_the_other_at_its_next_call() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("history.db");
        let ((one, of_one), (other, of_other)) = (of_process(&path), of_process(&path));
        one.set_admin_token("admin", token_hash("first"), at(1)).await.expect("written");
        assert!([&of_one, &of_other].iter().all(|of| of.authenticate("first").is_some()));
        let added = other.add_operator("grace".to_owned(), OperatorRole::Admin, token_hash("grace"), at(2)).await;
        let grace = added.expect("written").expect("the name is free").account;
        assert_eq!(of_one.authenticate("grace"), Some(grace.clone()), "it was created on the other");
        one.set_admin_token("admin", token_hash("second"), at(3)).await.expect("written");
        assert_eq!((of_other.authenticate("first"), of_other.has(OperatorId(1))), (None, true), "it was replaced");
        // Both revoke the other's admin at the same moment: the history lets one of them win.
        assert!(of_one.revoke(grace.id) && of_other.revoke(OperatorId(1)));
        assert!(one.revoke_operator(grace.id, at(4)).await.expect("written"));
        assert!(!other.revoke_operator(OperatorId(1), at(4)).await.expect("read"), "the last admin");
        of_one.settle_revocation(grace.id);
        of_other.settle_revocation(OperatorId(1));
        for operators in [&of_one, &of_other] {
            assert_eq!((operators.authenticate("grace"), operators.has(grace.id)), (None, false));
            assert!(operators.authenticate("second").is_some());
        }
    }
}
