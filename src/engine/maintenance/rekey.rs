//! Change of the master key. The new key is on disk before anything is sealed with it, all values are sealed again in
//! one transaction, and only then the old key is removed. After an interruption at any point, one of the two keys
//! opens every value.

use super::super::audit;
use super::super::caller::{AuditedChange, Caller};
use super::super::files;
use super::super::master_key::{self, MasterKey, MasterKeySource};
use super::super::vault::{KeyProof, Vault};
use super::{AUDIT_COMMAND, store_error};
use crate::clock::RuntimeEnv;
use crate::engine::error::Error;
use crate::store;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Result of a key change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RekeyResult {
    /// Number of signing secrets sealed again.
    pub n_secrets: usize,
    /// Path of the new key file; `None` where the key is kept elsewhere from now on.
    pub file: Option<PathBuf>,
}

/// Seals all values in the data directory `dir` with another key: the given one, or a new one in the key file. API
/// keys and operator tokens stay valid.
///
/// # Errors
/// [`Error::Store`] while a platform is running there, [`Error::UnsealFailed`] naming the value that the present key does
/// not open, [`Error::Io`] when a key file cannot be written. Until the transaction commits, everything is unchanged.
pub fn rekey(
    dir: &Path,
    custody: &MasterKeySource,
    next: &MasterKeySource,
    ambient: &RuntimeEnv,
) -> Result<RekeyResult, Error> {
    let database = store::database(dir);
    drop(store::maintenance::open_read_only(&database).map_err(store_error)?);
    let _lock = store::lock(dir).map_err(store_error)?;
    // Migrates the schema, which the following queries rely on.
    let proof = store::maintenance::with_exclusive(&database, KeyProof::read).map_err(store_error)?;
    let vault = Vault::open(dir, custody, &proof, ambient)?;
    if let MasterKeySource::File = custody {
        master_key::finish_key_change(dir, vault.master_key())?;
    }
    let root = match next {
        MasterKeySource::Provided(root) => Arc::clone(root),
        MasterKeySource::File => {
            let root = MasterKey::fresh(&master_key::key_file(dir), ambient);
            files::write_private(&master_key::next_key_file(dir), &root.file_text())?;
            Arc::new(root)
        }
    };
    let n_secrets = reseal_all(&database, &vault, &vault.with_master_key(Arc::clone(&root)), ambient)?;
    let file = match next {
        MasterKeySource::Provided(_) => {
            files::remove(&master_key::key_file(dir))?;
            None
        }
        MasterKeySource::File => {
            files::rename(&master_key::next_key_file(dir), &master_key::key_file(dir))?;
            Some(master_key::key_file(dir))
        }
    };
    Ok(RekeyResult { n_secrets, file })
}

fn reseal_all(database: &Path, old: &Vault, new: &Vault, ambient: &RuntimeEnv) -> Result<usize, Error> {
    store::maintenance::with_exclusive(database, |connection| {
        audit::upgrade_audit_chain(connection, old, ambient)?;
        let secrets = store::sealed_values::signing_secrets(connection)?;
        for (id, sealed) in &secrets {
            let secret = old.unseal(*id, sealed)?;
            store::subscriptions::set_secret(connection, *id, &new.seal(*id, &secret, ambient)?)?;
        }
        store::sealed_values::set_pepper(connection, &new.sealed_pepper(ambient)?)?;
        let change = AuditedChange {
            action: "change the platform's key",
            subject: "the vault".to_owned(),
            before: Some(old.master_key().origin().to_owned()),
            after: Some(format!("{}, {} secrets re-encrypted", new.master_key().origin(), secrets.len())),
            reason: None,
        };
        Caller::local_command(AUDIT_COMMAND, ambient, new.audit_key()).append_audit_row(connection, ambient, change)?;
        Ok(secrets.len())
    })
}
