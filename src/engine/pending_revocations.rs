//! Revocations that are in force but not yet on disk.

use super::caller::{AuditedChange, Caller};
use crate::clock::RuntimeEnv;
use crate::domain::ids::{KeyId, OperatorId};
use crate::domain::time::Timestamp;
use crate::store;
use rusqlite::Connection;
use std::sync::{Mutex, PoisonError};

/// Key or operator that is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RevocationSubject {
    Key(KeyId),
    Operator(OperatorId),
}

impl std::fmt::Display for RevocationSubject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key(id) => write!(f, "key {id}"),
            Self::Operator(id) => write!(f, "operator {id}"),
        }
    }
}

/// Revocation in force, possibly not yet written.
#[derive(Debug, Clone)]
pub(super) struct Revocation {
    pub(super) subject: RevocationSubject,
    /// State before the revocation, for the audit row.
    pub(super) before: String,
    pub(super) at: Timestamp,
    pub(super) caller: Caller,
}

impl Revocation {
    /// Writes the revocation with its audit row. Does nothing if it is stored already, so that a retry is safe.
    pub(super) fn write(self, connection: &Connection, ambient: &RuntimeEnv) -> Result<(), store::Error> {
        let (is_new, action) = match self.subject {
            RevocationSubject::Key(id) => (store::keys::revoke(connection, id, self.at)?, "revoke key"),
            RevocationSubject::Operator(id) => (store::operators::revoke(connection, id, self.at)?, "revoke operator"),
        };
        if !is_new {
            return Ok(());
        }
        let change = AuditedChange {
            action,
            subject: self.subject.to_string(),
            before: Some(self.before),
            after: Some("revoked".to_owned()),
            reason: None,
        };
        self.caller.append_audit_row(connection, ambient, change)
    }
}

/// Revocations in force but not on disk, oldest first, at most one per key or operator.
#[derive(Debug, Default)]
pub(super) struct PendingRevocations(Mutex<Vec<Revocation>>);

impl PendingRevocations {
    fn change<T>(&self, change: impl FnOnce(&mut Vec<Revocation>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds a revocation, unless one of the same subject is pending.
    pub(super) fn add(&self, revocation: Revocation) {
        self.change(|pending| {
            if pending.iter().all(|other| other.subject != revocation.subject) {
                pending.push(revocation);
            }
        });
    }

    pub(super) fn remove(&self, subject: RevocationSubject) {
        self.change(|pending| pending.retain(|revocation| revocation.subject != subject));
    }

    pub(super) fn all(&self) -> Vec<Revocation> {
        self.change(|pending| pending.clone())
    }
}
