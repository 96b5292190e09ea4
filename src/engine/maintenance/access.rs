//! Reset of an operator token on the machine itself, for the case that every admin token is lost.

use super::super::caller::{AuditedChange, Caller};
use super::super::master_key::MasterKeySource;
use super::super::vault::{KeyProof, Vault};
use super::super::{audit, files};
use super::store_error;
use crate::clock::RuntimeEnv;
use crate::domain::operator::{OperatorAccount, OperatorRole};
use crate::engine::credentials;
use crate::engine::error::Error;
use crate::store;
use crate::store::operators::StoredOperator;
use std::path::{Path, PathBuf};

/// Result of a token reset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenReset {
    /// Operator that the token belongs to.
    pub operator: OperatorAccount,
    /// File with the token, alone on one line (mode 0600).
    pub file: PathBuf,
}

/// Issues a new token to the oldest active admin of the platform in `dir`; the previous token becomes invalid. If all
/// admins are revoked, a new admin is created.
///
/// # Errors
/// [`Error::Store`] while a platform is running there or if there is no database, [`Error::UnsealFailed`] for a wrong key,
/// [`Error::Io`] when the token file cannot be written.
pub fn reset_token(dir: &Path, custody: &MasterKeySource, ambient: &RuntimeEnv) -> Result<TokenReset, Error> {
    let database = store::database(dir);
    drop(store::maintenance::open_read_only(&database).map_err(store_error)?);
    let _lock = store::lock(dir).map_err(store_error)?;
    let proof = store::maintenance::with_exclusive(&database, KeyProof::read).map_err(store_error)?;
    let vault = Vault::open(dir, custody, &proof, ambient)?;
    let token = credentials::new_token(ambient);
    let file = files::token_file(dir);
    files::write_private(&file, &format!("{}\n", token.reveal()))?;
    let operator = store::maintenance::with_exclusive(&database, |connection| {
        audit::upgrade_audit_chain(connection, &vault, ambient)?;
        let (hash, now) = (vault.hash(token.reveal()), ambient.now());
        let is_admin = |kept: &StoredOperator| kept.revoked_at.is_none() && kept.operator.role == OperatorRole::Admin;
        let operator = match store::operators::list_all(connection)?.into_iter().find(is_admin) {
            Some(kept) => {
                store::operators::set_hash(connection, kept.operator.id, &hash)?;
                kept.operator
            }
            None => {
                let (name, role) = (now.format("admin %Y%m%dT%H%M%SZ"), OperatorRole::Admin);
                OperatorAccount { id: store::operators::insert(connection, &name, role, &hash, now)?, name, role }
            }
        };
        let change = AuditedChange {
            action: "reset operator's token",
            subject: format!("operator {}", operator.id),
            before: None,
            after: Some(format!("{} (admin): a new token in {}", operator.name, file.display())),
            reason: None,
        };
        Caller::local_command("crow operators", ambient, vault.audit_key())
            .append_audit_row(connection, ambient, change)?;
        Ok::<_, Error>(operator)
    })?;
    Ok(TokenReset { operator, file })
}
