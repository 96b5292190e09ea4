//! Companies and keys.

use super::caller::{Caller, Change};
use super::fields::judge_name;
use super::revocations::{Revocation, Revoked, Subject};
use super::{Engine, Error, Fault, auth};
use crate::domain::company::Company;
use crate::domain::ids::{CompanyId, KeyId};
use crate::domain::key::{Key, Limits, Scopes};
use crate::domain::secret::Secret;
use crate::domain::window::Bucket;
use crate::store;
use std::sync::Arc;

/// Calls a minute that a key can be given at most.
const MOST_CALLS: u32 = 1_000_000;

/// A key as it was asked for.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Whose.
    pub company: CompanyId,
    /// 1 to 100 characters.
    pub name: String,
    /// At least one.
    pub scopes: Scopes,
    /// Calls a minute where they differ from the default.
    pub limits: Limits,
}

impl Engine {
    /// Creates a company.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name that is empty or too long, and those of storage.
    pub async fn create_company(&self, caller: Caller, name: String) -> Result<Company, Error> {
        if let Some(fault) = judge_name(&name, 200) {
            return Err(Error::Invalid(vec![fault]));
        }
        let ambient = self.shared.ambient.clone();
        let company = self
            .shared
            .store
            .write_patiently(move |connection| {
                let company = store::companies::insert(connection, &name, ambient.now())?;
                let change = Change {
                    action: "create company",
                    subject: format!("company {}", company.id),
                    before: None,
                    after: Some(name),
                    reason: None,
                };
                caller.audit(connection, &ambient, change)?;
                Ok::<_, Error>(company)
            })
            .await?;
        self.changed();
        Ok(company)
    }

    /// All companies.
    ///
    /// # Errors
    /// Those of storage.
    pub async fn companies(&self) -> Result<Vec<Company>, Error> {
        self.shared.store.read(store::companies::all).await.map_err(Error::from)
    }

    /// Creates a key; it is in the answer and nowhere else.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming each field, and those of storage.
    pub async fn create_key(&self, caller: Caller, wish: Wish) -> Result<(Key, Secret), Error> {
        let mut faults: Vec<Fault> = judge_name(&wish.name, 100).into_iter().collect();
        if wish.scopes == Scopes::default() {
            faults.push(Fault::new("scopes", "must name at least one scope"));
        }
        faults.extend(judge_limits(wish.limits));
        if !faults.is_empty() {
            return Err(Error::Invalid(faults));
        }
        let ambient = self.shared.ambient.clone();
        let secret = auth::new_key(&ambient, wish.company);
        let hash = self.shared.vault.hash(secret.reveal());
        let last4 = secret.last4();
        let key = self
            .shared
            .store
            .write_patiently(move |connection| {
                if !store::companies::exists(connection, wish.company)? {
                    return Err(Error::Invalid(vec![Fault::new("companyId", "must be the number of a company")]));
                }
                let Wish { company, name, scopes, limits } = wish;
                let created_at = ambient.now();
                let mut key = Key {
                    id: KeyId(0),
                    company,
                    name,
                    last4,
                    scopes,
                    limits,
                    created_at,
                    last_used_at: None,
                    revoked_at: None,
                };
                key.id = store::keys::insert(connection, &key, &hash)?;
                let after = Some(format!("{} …{} {}", key.name, key.last4, key.scopes));
                let change = Change {
                    action: "create key",
                    subject: format!("key {}", key.id),
                    before: None,
                    after,
                    reason: None,
                };
                caller.audit(connection, &ambient, change)?;
                Ok(key)
            })
            .await?;
        self.shared.keyring.add(hash, key.clone());
        self.changed();
        Ok((key, secret))
    }

    /// Revokes a key for good: its very next request fails, whatever room the disk has. Revoking it again changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn revoke_key(&self, caller: Caller, id: KeyId) -> Result<Revoked<Arc<Key>>, Error> {
        let missing = || Error::NotFound(format!("key {id}"));
        let at = self.shared.ambient.now();
        self.shared.keyring.change(id, |key| key.revoked_at = key.revoked_at.or(Some(at)));
        let key = self.shared.keyring.by_id(id).ok_or_else(missing)?;
        let before = "active".to_owned();
        let revocation = Revocation { subject: Subject::Key(id), before, at: key.revoked_at.unwrap_or(at), caller };
        let write_pending = self.write_revocation(revocation).await;
        self.changed();
        Ok(Revoked { row: key, write_pending })
    }

    /// Changes the limits of a key; they act on the next request.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`] for a limit of 0 or beyond a million, and those of storage.
    pub async fn limit_key(
        &self,
        caller: Caller,
        id: KeyId,
        change: impl FnOnce(Limits) -> Limits,
    ) -> Result<Arc<Key>, Error> {
        let missing = || Error::NotFound(format!("key {id}"));
        let key = self.shared.keyring.by_id(id).ok_or_else(missing)?;
        let limits = change(key.limits);
        let faults: Vec<Fault> = judge_limits(limits).collect();
        if !faults.is_empty() {
            return Err(Error::Invalid(faults));
        }
        let ambient = self.shared.ambient.clone();
        let before = key.limits;
        self.shared
            .store
            .write_patiently(move |connection| {
                store::keys::set_limits(connection, id, limits)?;
                let spelt =
                    |limits: Limits| Bucket::ALL.map(|bucket| format!("{bucket} {}", limits.of(bucket))).join(", ");
                let change = Change {
                    action: "limit key",
                    subject: format!("key {id}"),
                    before: Some(spelt(before)),
                    after: Some(spelt(limits)),
                    reason: None,
                };
                caller.audit(connection, &ambient, change)?;
                Ok::<_, Error>(())
            })
            .await?;
        self.shared.keyring.change(id, |key| key.limits = limits);
        self.changed();
        self.shared.keyring.by_id(id).ok_or_else(missing)
    }
}

/// What is wrong with limits, field by field. A key that is to do nothing is revoked, not limited to 0: no wait would help it.
fn judge_limits(limits: Limits) -> impl Iterator<Item = Fault> {
    [("read", limits.read), ("write", limits.write), ("admin", limits.admin)]
        .into_iter()
        .filter(|(_, limit)| limit.is_some_and(|limit| !(1..=MOST_CALLS).contains(&limit)))
        .map(|(field, _)| Fault::new(field, format!("must be null or 1 to {MOST_CALLS} calls a minute")))
}
