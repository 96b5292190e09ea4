//! Operators of the Portal API: list, create and revoke.

use super::caller::{AuditedChange, Caller};
use super::error::Error;
use super::handle::Engine;
use super::pending_revocations::{Revocation, RevocationSubject};
use super::revocations::RevokeResult;
use crate::domain::field_error::FieldError;
use crate::domain::field_error::validate_name;
use crate::domain::ids::OperatorId;
use crate::domain::operator::{MAX_OPERATOR_NAME_CHARS, OperatorAccount, OperatorRole};
use crate::domain::secret::Secret;
use crate::engine::credentials;
use crate::store;
use crate::store::operators::StoredOperator;

impl Engine {
    /// Lists all operators, revoked ones included, oldest first.
    ///
    /// # Errors
    /// [`Error`] when the database cannot be read.
    pub async fn operators(&self) -> Result<Vec<StoredOperator>, Error> {
        self.shared.store.read(store::operators::list_all).await.map_err(Error::from)
    }

    /// Creates an operator. The token is in this result only; the database stores a hash.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name that is empty, too long, or already used by an operator, also by a revoked one;
    /// [`Error::Contended`], [`Error::StorageFull`] or [`Error::Store`] when the change cannot be written.
    pub async fn create_operator(
        &self,
        caller: Caller,
        name: String,
        role: OperatorRole,
    ) -> Result<(StoredOperator, Secret), Error> {
        if let Some(fault) = validate_name(&name, MAX_OPERATOR_NAME_CHARS) {
            return Err(Error::Invalid(vec![fault]));
        }
        let name = name.trim().to_owned();
        let ambient = self.shared.ambient.clone();
        let token = credentials::new_token(&ambient);
        let hash = self.shared.vault.hash(token.reveal());
        let created_at = ambient.now();
        let operator = self
            .shared
            .store
            .write_queued(move |connection| {
                if let Some(other) = store::operators::find_by_name(connection, &name)? {
                    let text = format!("is already used by operator {}", other.operator.id);
                    return Err(Error::Invalid(vec![FieldError::new("name", text)]));
                }
                let id = store::operators::insert(connection, &name, role, &hash, created_at)?;
                let change = AuditedChange {
                    action: "create operator",
                    subject: format!("operator {id}"),
                    before: None,
                    after: Some(format!("{name} ({})", role.name())),
                    reason: None,
                };
                caller.append_audit_row(connection, &ambient, change)?;
                Ok::<_, Error>(OperatorAccount { id, name, role })
            })
            .await?;
        self.shared.operator_tokens.add(hash, operator.clone());
        self.mark_changed();
        Ok((StoredOperator { operator, created_at, revoked_at: None }, token))
    }

    /// Revokes an operator permanently. The next request with the token fails, also when the disk is full. The last
    /// admin cannot be revoked, because no operator could then create another admin. Repeating the call changes
    /// nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`] for the last admin; [`Error`] when the database cannot be read.
    pub async fn revoke_operator(&self, caller: Caller, id: OperatorId) -> Result<RevokeResult<StoredOperator>, Error> {
        let kept = self.shared.store.read(move |connection| store::operators::get(connection, id)).await?;
        let kept = kept.ok_or_else(|| Error::NotFound(format!("operator {id}")))?;
        if !self.shared.operator_tokens.revoke(id) {
            return Err(Error::Invalid(vec![FieldError::new("id", "is the last admin; create another admin first")]));
        }
        if kept.revoked_at.is_some() {
            return Ok(RevokeResult { row: kept, pending_reason: None });
        }
        let at = self.shared.ambient.now();
        let before = format!("{} ({})", kept.operator.name, kept.operator.role.name());
        let revocation = Revocation { subject: RevocationSubject::Operator(id), before, at, caller };
        let write_pending = self.write_revocation(revocation).await;
        self.mark_changed();
        Ok(RevokeResult { row: StoredOperator { revoked_at: Some(at), ..kept }, pending_reason: write_pending })
    }
}
