//! Who asks for a change: every operation that changes the platform takes a caller and leaves an audit row in the same transaction.

use crate::ambient::Ambient;
use crate::domain::key::Key;
use crate::domain::operator::Operator;
use crate::store;
use rusqlite::Connection;
use std::sync::Arc;

/// Who asks, and in which request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who.
    pub actor: Actor,
    /// The request's id.
    pub request_id: String,
}

/// A key or an operator.
#[derive(Debug, Clone)]
pub enum Actor {
    /// A partner's key.
    Key(Arc<Key>),
    /// An operator.
    Operator(Operator),
}

impl Actor {
    /// What the audit calls it; never a secret.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Key(key) => format!("key {} ({}, …{})", key.id, key.name, key.last4),
            Self::Operator(operator) => format!("operator {}", operator.name),
        }
    }
}

/// What was done to what.
#[derive(Debug)]
pub(super) struct Change<'a> {
    pub(super) action: &'a str,
    pub(super) subject: String,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
    pub(super) reason: Option<String>,
}

impl Caller {
    /// Writes the change down; belongs into its transaction.
    pub(super) fn audit(
        &self,
        connection: &Connection,
        ambient: &Ambient,
        change: Change<'_>,
    ) -> Result<(), store::Error> {
        let entry = store::audit::Entry {
            at: ambient.now(),
            actor: &self.actor.name(),
            action: change.action,
            subject: change.subject,
            before: change.before,
            after: change.after,
            reason: change.reason,
            request_id: Some(&self.request_id),
        };
        store::audit::append(connection, &entry)
    }
}
