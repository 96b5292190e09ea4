//! Companies and API keys: create, list, limit and revoke.

use super::caller::{AuditedChange, Caller};
use super::error::Error;
use super::handle::Engine;
use super::pending_revocations::{Revocation, RevocationSubject};
use super::revocations::RevokeResult;
use crate::domain::company::Company;
use crate::domain::field_error::FieldError;
use crate::domain::field_error::validate_name;
use crate::domain::ids::{CompanyId, KeyId};
use crate::domain::key::{ApiKey, KeyLimits};
use crate::domain::scope::ScopeSet;
use crate::domain::secret::Secret;
use crate::domain::window::RateBucket;
use crate::engine::credentials;
use crate::store;
use std::sync::Arc;

/// Maximum rate limit of a key, in calls per minute.
const MAX_CALLS_PER_MINUTE: u32 = 1_000_000;

/// Fields of an API key to create, not yet validated.
#[derive(Debug, Clone)]
pub struct KeyDraft {
    /// Company that owns the key.
    pub company: CompanyId,
    /// Name of the key, 1 to 100 characters.
    pub name: String,
    /// Scopes of the key, at least one; immutable after creation.
    pub scopes: ScopeSet,
    /// Calls per minute and bucket where they differ from the defaults.
    pub limits: KeyLimits,
}

impl Engine {
    /// Creates a company with a name of 1 to 200 characters.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a name that is empty, too long or contains control characters; [`Error::Contended`],
    /// [`Error::StorageFull`] or [`Error::Store`] when the change cannot be written.
    pub async fn create_company(&self, caller: Caller, name: String) -> Result<Company, Error> {
        if let Some(fault) = validate_name(&name, 200) {
            return Err(Error::Invalid(vec![fault]));
        }
        let ambient = self.shared.ambient.clone();
        let company = self
            .shared
            .store
            .write_queued(move |connection| {
                let company = store::companies::insert(connection, &name, ambient.now())?;
                let change = AuditedChange {
                    action: "create company",
                    subject: format!("company {}", company.id),
                    before: None,
                    after: Some(name),
                    reason: None,
                };
                caller.append_audit_row(connection, &ambient, change)?;
                Ok::<_, Error>(company)
            })
            .await?;
        self.mark_changed();
        Ok(company)
    }

    /// Lists all companies of the platform.
    ///
    /// # Errors
    /// [`Error`] when the database cannot be read.
    pub async fn companies(&self) -> Result<Vec<Company>, Error> {
        self.shared.store.read(store::companies::all).await.map_err(Error::from)
    }

    /// Creates an API key. The secret is in this result only; the database stores a hash.
    ///
    /// # Errors
    /// [`Error::Invalid`] with every invalid field; [`Error::Contended`], [`Error::StorageFull`] or [`Error::Store`]
    /// when the change cannot be written.
    pub async fn create_key(&self, caller: Caller, wish: KeyDraft) -> Result<(ApiKey, Secret), Error> {
        let mut faults: Vec<FieldError> = validate_name(&wish.name, 100).into_iter().collect();
        if wish.scopes == ScopeSet::default() {
            faults.push(FieldError::new("scopes", "must name at least one scope"));
        }
        faults.extend(validate_limits(wish.limits));
        if !faults.is_empty() {
            return Err(Error::Invalid(faults));
        }
        let ambient = self.shared.ambient.clone();
        let secret = credentials::new_key(&ambient, wish.company);
        let hash = self.shared.vault.hash(secret.reveal());
        let last4 = secret.last4();
        let key = self
            .shared
            .store
            .write_queued(move |connection| {
                if !store::companies::exists(connection, wish.company)? {
                    return Err(Error::Invalid(vec![FieldError::new("companyId", "must be the ID of a company")]));
                }
                let KeyDraft { company, name, scopes, limits } = wish;
                let created_at = ambient.now();
                let mut key = ApiKey {
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
                let change = AuditedChange {
                    action: "create key",
                    subject: format!("key {}", key.id),
                    before: None,
                    after,
                    reason: None,
                };
                caller.append_audit_row(connection, &ambient, change)?;
                Ok(key)
            })
            .await?;
        self.shared.api_keys.add(hash, key.clone());
        self.mark_changed();
        Ok((key, secret))
    }

    /// Revokes a key permanently. The next request with the key fails, also when the disk is full and the revocation
    /// is not yet written. Repeating the call changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown key.
    pub async fn revoke_key(&self, caller: Caller, id: KeyId) -> Result<RevokeResult<Arc<ApiKey>>, Error> {
        let missing = || Error::NotFound(format!("key {id}"));
        let at = self.shared.ambient.now();
        self.shared.api_keys.change(id, |key| key.revoked_at = key.revoked_at.or(Some(at)));
        let key = self.shared.api_keys.by_id(id).ok_or_else(missing)?;
        let before = "active".to_owned();
        let revocation =
            Revocation { subject: RevocationSubject::Key(id), before, at: key.revoked_at.unwrap_or(at), caller };
        let write_pending = self.write_revocation(revocation).await;
        self.mark_changed();
        Ok(RevokeResult { row: key, pending_reason: write_pending })
    }

    /// Changes the rate limits of a key, effective with the next request.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Invalid`] for a limit of 0 or above a million; [`Error::Contended`],
    /// [`Error::StorageFull`] or [`Error::Store`] when the change cannot be written.
    pub async fn set_key_limits(
        &self,
        caller: Caller,
        id: KeyId,
        change: impl FnOnce(KeyLimits) -> KeyLimits,
    ) -> Result<Arc<ApiKey>, Error> {
        let missing = || Error::NotFound(format!("key {id}"));
        let key = self.shared.api_keys.by_id(id).ok_or_else(missing)?;
        let limits = change(key.limits);
        let faults: Vec<FieldError> = validate_limits(limits).collect();
        if !faults.is_empty() {
            return Err(Error::Invalid(faults));
        }
        let ambient = self.shared.ambient.clone();
        let before = key.limits;
        self.shared
            .store
            .write_queued(move |connection| {
                store::keys::set_limits(connection, id, limits)?;
                let spelt = |limits: KeyLimits| {
                    RateBucket::ALL.map(|bucket| format!("{bucket} {}", limits.for_bucket(bucket))).join(", ")
                };
                let change = AuditedChange {
                    action: "limit key",
                    subject: format!("key {id}"),
                    before: Some(spelt(before)),
                    after: Some(spelt(limits)),
                    reason: None,
                };
                caller.append_audit_row(connection, &ambient, change)?;
                Ok::<_, Error>(())
            })
            .await?;
        self.shared.api_keys.change(id, |key| key.limits = limits);
        self.mark_changed();
        self.shared.api_keys.by_id(id).ok_or_else(missing)
    }
}

/// Validates rate limits, field by field. 0 is refused: a caller limited to 0 waits forever, so such a key is to be
/// revoked.
fn validate_limits(limits: KeyLimits) -> impl Iterator<Item = FieldError> {
    [("read", limits.read), ("write", limits.write), ("admin", limits.admin)]
        .into_iter()
        .filter(|(_, limit)| limit.is_some_and(|limit| !(1..=MAX_CALLS_PER_MINUTE).contains(&limit)))
        .map(|(field, _)| FieldError::new(field, format!("must be null or 1 to {MAX_CALLS_PER_MINUTE} calls a minute")))
}
