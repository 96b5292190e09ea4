//! Who asks for a change: every operation that changes the platform takes a caller and leaves an audit row in the same transaction.

use crate::ambient::Ambient;
use crate::domain::audit::AuditKey;
use crate::domain::ids::OperatorId;
use crate::domain::key::Key;
use crate::domain::operator::{Operator, Role};
use crate::store;
use rusqlite::Connection;
use std::sync::Arc;

/// Who asks, in which request, and what their change is written down with.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who.
    pub actor: Actor,
    /// The request's id.
    pub request_id: String,
    audit_key: AuditKey,
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
    /// What the audit calls it: its number and its name, which alone could be another's; never a secret.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Key(key) => format!("key {} ({}, …{})", key.id, key.name, key.last4),
            Self::Operator(operator) if operator.id == OperatorId(0) => format!("this machine ({})", operator.name),
            Self::Operator(operator) => format!("operator {} ({})", operator.id, operator.name),
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
    /// An actor in a request, whose changes are chained with this key.
    #[must_use]
    pub const fn new(actor: Actor, request_id: String, audit_key: AuditKey) -> Self {
        Self { actor, request_id, audit_key }
    }

    /// Who is at the machine itself and needs no token, with the command that is used there.
    pub(super) fn machine(command: &str, ambient: &Ambient, audit_key: AuditKey) -> Self {
        let operator = Operator { id: OperatorId(0), name: command.to_owned(), role: Role::Admin };
        Self::new(Actor::Operator(operator), format!("local_{}", ambient.ulid()), audit_key)
    }

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
        store::audit::append(connection, &self.audit_key, &entry)
    }
}
