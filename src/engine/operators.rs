//! Operators: who may use the Portal API.

use super::caller::{Caller, Change};
use super::{Engine, Error, Fault, auth};
use crate::domain::ids::OperatorId;
use crate::domain::operator::{Operator, Role};
use crate::domain::secret::Secret;
use crate::store;
use crate::store::operators::Kept;

impl Engine {
    /// All operators that ever were, oldest first.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn operators(&self) -> Result<Vec<Kept>, Error> {
        self.shared.store.read(store::operators::ever).await.map_err(Error::from)
    }

    /// Creates an operator; its token is in the answer and nowhere else.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name that is empty, too long, or another operator's, also a revoked one's; and those of storage.
    pub async fn create_operator(&self, caller: Caller, name: String, role: Role) -> Result<(Kept, Secret), Error> {
        let name = name.trim().to_owned();
        if name.is_empty() || name.chars().count() > 100 {
            return Err(Error::Invalid(vec![Fault::new("name", "must have 1 to 100 characters")]));
        }
        let ambient = self.shared.ambient.clone();
        let token = auth::new_token(&ambient);
        let hash = self.shared.vault.hash(token.reveal());
        let created_at = ambient.now();
        let operator = self
            .shared
            .store
            .write_patiently(move |connection| {
                if let Some(other) = store::operators::named(connection, &name)? {
                    let text = format!("is the name of operator {} already", other.operator.id);
                    return Err(Error::Invalid(vec![Fault::new("name", text)]));
                }
                let id = store::operators::insert(connection, &name, role, &hash, created_at)?;
                let change = Change {
                    action: "create operator",
                    subject: format!("operator {id}"),
                    before: None,
                    after: Some(format!("{name} ({})", role.name())),
                    reason: None,
                };
                caller.audit(connection, &ambient, change)?;
                Ok::<_, Error>(Operator { id, name, role })
            })
            .await?;
        self.shared.tokens.add(hash, operator.clone());
        self.changed();
        Ok((Kept { operator, created_at, revoked_at: None }, token))
    }

    /// Revokes an operator for good; its very next request fails. The last admin cannot be revoked, or nobody could create another.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`] for the last admin, and those of storage.
    pub async fn revoke_operator(&self, caller: Caller, id: OperatorId) -> Result<Kept, Error> {
        let missing = move || Error::NotFound(format!("operator {id}"));
        let ambient = self.shared.ambient.clone();
        let revoked = self
            .shared
            .store
            .write_patiently(move |connection| {
                let before = store::operators::get(connection, id)?.ok_or_else(missing)?;
                if before.revoked_at.is_some() {
                    return Ok(before);
                }
                let is_other_admin = |other: &Kept| {
                    other.revoked_at.is_none() && other.operator.role == Role::Admin && other.operator.id != id
                };
                let is_admin = before.operator.role == Role::Admin;
                if is_admin && !store::operators::ever(connection)?.iter().any(is_other_admin) {
                    let text = "is the last admin; create another admin first";
                    return Err(Error::Invalid(vec![Fault::new("id", text)]));
                }
                let now = ambient.now();
                store::operators::revoke(connection, id, now)?;
                let change = Change {
                    action: "revoke operator",
                    subject: format!("operator {id}"),
                    before: Some(format!("{} ({})", before.operator.name, before.operator.role.name())),
                    after: Some("revoked".to_owned()),
                    reason: None,
                };
                caller.audit(connection, &ambient, change)?;
                Ok(Kept { revoked_at: Some(now), ..before })
            })
            .await?;
        self.shared.tokens.remove(id);
        self.changed();
        Ok(revoked)
    }
}
