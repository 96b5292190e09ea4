//! Revocation of keys and operators: effective in memory at once, then written, using the disk reserve if necessary.
//! A failed write is retried until it succeeds.

use super::caller::{AuditedChange, Caller};
use super::{Engine, Error};
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
    fn write(self, connection: &Connection, ambient: &RuntimeEnv) -> Result<(), store::Error> {
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

/// Result of revoking a key or operator.
#[derive(Debug, Clone)]
pub struct RevokeResult<T> {
    /// Key or operator after the revocation.
    pub row: T,
    /// Reason why the revocation is not on disk yet; `None` once it is written.
    pub pending_reason: Option<String>,
}

/// Revocations in force but not on disk, oldest first, at most one per key or operator.
#[derive(Debug, Default)]
pub(super) struct PendingRevocations(Mutex<Vec<Revocation>>);

impl PendingRevocations {
    fn change<T>(&self, change: impl FnOnce(&mut Vec<Revocation>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds a revocation, unless one of the same subject is pending.
    fn add(&self, revocation: Revocation) {
        self.change(|pending| {
            if pending.iter().all(|other| other.subject != revocation.subject) {
                pending.push(revocation);
            }
        });
    }

    fn remove(&self, subject: RevocationSubject) {
        self.change(|pending| pending.retain(|revocation| revocation.subject != subject));
    }

    fn all(&self) -> Vec<Revocation> {
        self.change(|pending| pending.clone())
    }
}

impl Engine {
    /// Writes a revocation in force. Returns why it is not on disk yet, if the write failed and will be retried.
    pub(super) async fn write_revocation(&self, revocation: Revocation) -> Option<String> {
        let subject = revocation.subject;
        // Registered before the first try, because the calling request may be cancelled while it waits.
        self.shared.pending_revocations.add(revocation.clone());
        let error = self.try_revocation(revocation).await.err()?;
        tracing::error!(%error, "the revocation of {subject} is in effect but not on disk; retrying");
        Some(format!(
            "the revocation is in effect but not on disk yet: {error}; crow retries until it is stored, and a restart before that would undo it"
        ))
    }

    /// Retries the writes of pending revocations.
    pub(super) async fn write_pending_revocations(&self) {
        for revocation in self.shared.pending_revocations.all() {
            let subject = revocation.subject;
            if self.try_revocation(revocation).await.is_err() {
                return;
            }
            tracing::warn!("the revocation of {subject} is now on disk");
        }
    }

    async fn try_revocation(&self, revocation: Revocation) -> Result<(), Error> {
        let (subject, ambient) = (revocation.subject, self.shared.ambient.clone());
        self.shared.store.write_critical(move |connection| revocation.write(connection, &ambient)).await?;
        self.shared.pending_revocations.remove(subject);
        Ok(())
    }
}
