//! Caller of an operation: every operation that changes the platform takes a [`Caller`] and writes an audit row in
//! the same transaction.

use crate::clock::RuntimeEnv;
use crate::domain::audit::AuditKey;
use crate::domain::ids::OperatorId;
use crate::domain::key::ApiKey;
use crate::domain::operator::{OperatorAccount, OperatorRole};
use crate::store;
use crate::store::audit::AuditEntry;
use crate::store::publication_rows::Publication;
use rusqlite::Connection;
use std::sync::Arc;

/// Actor and request behind a change, with the key that chains the audit row.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Key or operator that requested the change.
    pub actor: Actor,
    /// Id of the HTTP request, or `local_` and a ULID for commands on the machine.
    pub request_id: String,
    audit_key: AuditKey,
}

/// Key or operator that makes a call.
#[derive(Debug, Clone)]
pub enum Actor {
    /// Partner system with an API key.
    Key(Arc<ApiKey>),
    /// Operator with a token, or a command on the machine.
    Operator(OperatorAccount),
}

impl Actor {
    /// Name in the audit trail: the number with the name, since names alone are not unique; never a secret.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Key(key) => format!("key {} ({}, …{})", key.id, key.name, key.last4),
            Self::Operator(operator) if operator.id == OperatorId(0) => format!("this machine ({})", operator.name),
            Self::Operator(operator) => format!("operator {} ({})", operator.id, operator.name),
        }
    }
}

/// Contents of an audit row, apart from actor and time.
#[derive(Debug)]
pub(super) struct AuditedChange<'a> {
    pub(super) action: &'a str,
    pub(super) subject: String,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
    pub(super) reason: Option<String>,
}

impl Caller {
    /// Creates a caller from an actor, a request id and the audit key.
    #[must_use]
    pub const fn new(actor: Actor, request_id: String, audit_key: AuditKey) -> Self {
        Self { actor, request_id, audit_key }
    }

    /// Name under which a change by the caller is recorded: the operator's name, or `key` and the key's name.
    pub(super) fn display_name(&self) -> String {
        match &self.actor {
            Actor::Operator(operator) => operator.name.clone(),
            Actor::Key(key) => format!("key {}", key.name),
        }
    }

    /// Creates the caller for a command on the machine itself, which needs no token.
    pub(super) fn local_command(command: &str, ambient: &RuntimeEnv, audit_key: AuditKey) -> Self {
        let operator = OperatorAccount { id: OperatorId(0), name: command.to_owned(), role: OperatorRole::Admin };
        Self::new(Actor::Operator(operator), format!("local_{}", ambient.ulid()), audit_key)
    }

    /// Appends the audit row of a change; call this in the transaction of the change.
    pub(super) fn append_audit_row(
        &self,
        connection: &Connection,
        ambient: &RuntimeEnv,
        change: AuditedChange<'_>,
    ) -> Result<(), store::Error> {
        store::audit::append(connection, &self.audit_key, &self.audit_entry(ambient, change))
    }

    /// Appends the audit row of a publication; call this in the transaction of the publication.
    pub(super) fn append_publication_row(
        &self,
        publication: &mut Publication<'_>,
        ambient: &RuntimeEnv,
        change: AuditedChange<'_>,
    ) -> Result<(), store::Error> {
        publication.append_audit_row(&self.audit_key, &self.audit_entry(ambient, change))
    }

    fn audit_entry<'a>(&'a self, ambient: &RuntimeEnv, change: AuditedChange<'a>) -> AuditEntry<'a> {
        AuditEntry {
            at: ambient.now(),
            actor: self.actor.name().into(),
            action: change.action,
            subject: change.subject,
            before: change.before,
            after: change.after,
            reason: change.reason,
            request_id: Some(&self.request_id),
        }
    }
}
