//! Revoking keys and operators: in force in memory at once, then written, into the disk's reserve if need be. What cannot be written is kept
//! and tried again.

use super::caller::{Caller, Change};
use super::{Engine, Error};
use crate::ambient::Ambient;
use crate::domain::ids::{KeyId, OperatorId};
use crate::domain::time::Timestamp;
use crate::store;
use rusqlite::Connection;
use std::sync::{Mutex, PoisonError};

/// What is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    Key(KeyId),
    Operator(OperatorId),
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key(id) => write!(f, "key {id}"),
            Self::Operator(id) => write!(f, "operator {id}"),
        }
    }
}

/// A revocation that is in force.
#[derive(Debug, Clone)]
pub(super) struct Revocation {
    pub(super) subject: Subject,
    /// What it was, for the audit.
    pub(super) before: String,
    pub(super) at: Timestamp,
    pub(super) caller: Caller,
}

impl Revocation {
    /// Writes it with its audit row. What is revoked already stays as it is, so that it can be written again.
    fn write(self, connection: &Connection, ambient: &Ambient) -> Result<(), store::Error> {
        let (is_new, action) = match self.subject {
            Subject::Key(id) => (store::keys::revoke(connection, id, self.at)?, "revoke key"),
            Subject::Operator(id) => (store::operators::revoke(connection, id, self.at)?, "revoke operator"),
        };
        if !is_new {
            return Ok(());
        }
        let change = Change {
            action,
            subject: self.subject.to_string(),
            before: Some(self.before),
            after: Some("revoked".to_owned()),
            reason: None,
        };
        self.caller.audit(connection, ambient, change)
    }
}

/// A revocation as it is answered.
#[derive(Debug, Clone)]
pub struct Revoked<T> {
    /// What is revoked.
    pub row: T,
    /// Why the revocation is not on disk yet; none once it is.
    pub write_pending: Option<String>,
}

/// Revocations that are in force and not on disk, oldest first: one for each key or operator at most.
#[derive(Debug, Default)]
pub(super) struct PendingRevocations(Mutex<Vec<Revocation>>);

impl PendingRevocations {
    fn change<T>(&self, change: impl FnOnce(&mut Vec<Revocation>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes one in, unless it is there.
    fn add(&self, revocation: Revocation) {
        self.change(|pending| {
            if pending.iter().all(|other| other.subject != revocation.subject) {
                pending.push(revocation);
            }
        });
    }

    fn remove(&self, subject: Subject) {
        self.change(|pending| pending.retain(|revocation| revocation.subject != subject));
    }

    fn all(&self) -> Vec<Revocation> {
        self.change(|pending| pending.clone())
    }
}

impl Engine {
    /// Writes a revocation that is in force. Why it is not on disk yet, if it could not be written: then it is tried again.
    pub(super) async fn write_revocation(&self, revocation: Revocation) -> Option<String> {
        let subject = revocation.subject;
        // Before the first try: whoever waits for the answer may go away.
        self.shared.revocations.add(revocation.clone());
        let error = self.try_revocation(revocation).await.err()?;
        tracing::error!(%error, "the revocation of {subject} is in force, but not on disk; it is tried again");
        Some(format!(
            "the revocation is in force, but not on disk yet: {error}; it is tried again until it is written, and a restart before that would undo it"
        ))
    }

    /// Tries again to write the revocations that are not on disk.
    pub(super) async fn write_pending_revocations(&self) {
        for revocation in self.shared.revocations.all() {
            let subject = revocation.subject;
            if self.try_revocation(revocation).await.is_err() {
                return;
            }
            tracing::warn!("the revocation of {subject} is on disk now");
        }
    }

    async fn try_revocation(&self, revocation: Revocation) -> Result<(), Error> {
        let (subject, ambient) = (revocation.subject, self.shared.ambient.clone());
        self.shared.store.record(move |connection| revocation.write(connection, &ambient)).await?;
        self.shared.revocations.remove(subject);
        Ok(())
    }
}
